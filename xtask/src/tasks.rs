//! The tasks that put the pieces together.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use crate::chaos;
use crate::host;
use crate::kafka;
use crate::model_servers;
use crate::places;
use crate::plugins;
use crate::python;
use crate::schema_registry;
use crate::sdks;
use crate::step::{self, Failure, Result};
use crate::system;
use crate::wasm_target::GuestToolchain;
use crate::without_sdk;

/// Examples whose files are made by the script beside them, and one that tells whether they are.
const MADE_EXAMPLES: &[(&str, &str)] = &[
    ("lightgbm-batch", "model.txt"),
    ("onnx-digits", "model.onnx"),
];

/// Lines of the result that the demo shows.
const SHOWN_LINES: usize = 8;

/// Gets everything that the other tasks need.
pub fn setup() -> Result<()> {
    system::c_compiler()?;
    system::postgresql()?;
    system::docker_registry()?;
    GuestToolchain::get()?;
    python::get()?;
    kafka::get()?;
    schema_registry::get()?;
    model_servers::setup()?;
    sdks::setup()?;
    without_sdk::setup()
}

/// Builds the named plugins, or all, with the one in Zig.
pub fn plugins(names: &[String]) -> Result<()> {
    let (without_sdk, rust): (Vec<_>, Vec<_>) = names
        .iter()
        .cloned()
        .partition(|name| name == without_sdk::NAME);
    if names.is_empty() || !rust.is_empty() {
        plugins::build(&rust)?;
    }
    if names.is_empty() || !without_sdk.is_empty() {
        without_sdk::build()?;
    }
    Ok(())
}

/// Runs all tests, or those whose names contain one of `filters`.
pub fn test(filters: &[String]) -> Result<()> {
    setup()?;
    plugins(&[])?;
    for (name, file) in MADE_EXAMPLES {
        make_example(name, file)?;
    }
    let (python, kafka) = (python::get()?, kafka::get()?);
    let registry = schema_registry::get()?;
    // Two a core: many wait for a broker, or for a job.
    let threads = env::var("RUST_TEST_THREADS").unwrap_or_else(|_| {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        (2 * cores).to_string()
    });
    let tests = |arguments: &[&str]| {
        let mut cargo = host::cargo("test");
        cargo
            .args(["--jobs", "2"])
            .args(arguments)
            .env("WASMILL_PYTHON", &python)
            .env("WASMILL_SCHEMA_REGISTRY", &registry)
            .env("WASMILL_KAFKA_LIBS", &kafka)
            .env("RUST_TEST_THREADS", &threads)
            .arg("--")
            .args(filters);
        step::run(&mut cargo)
    };
    // The host's crates, which are the workspace's default members.
    tests(&["--release", "--tests"])?;
    // Examples, which cargo would compile too, take minutes, and clippy has seen them.
    tests(&["--release", "--doc"])?;
    // As cargo has built them already, to run this.
    tests(&[
        "-p",
        "wasmill-sdk",
        "-p",
        "wasmill-sdk-macros",
        "-p",
        "xtask",
    ])?;
    plugins::test(filters)?;
    let asked = |name: &str| filters.is_empty() || filters.iter().any(|filter| filter == name);
    if asked("sdks") {
        sdks()?;
    }
    if asked("chaos") {
        chaos::run(&["--kills".to_string(), "15".to_string()])?;
    }
    Ok(())
}

/// Tests the SDKs of other languages.
pub fn sdks() -> Result<()> {
    sdks::setup()?;
    plugins::build(&["conformance".to_string()])?;
    host::build_program()?;
    sdks::test(&places::target().join("release/wasmill"))
}

/// Trains an example's model, unless it is there.
fn make_example(name: &str, file: &str) -> Result<()> {
    let folder = places::root().join("examples").join(name);
    let script = folder.join("train.py");
    if folder.join(file).exists() || !script.exists() {
        return Ok(());
    }
    step::say(&format!("training the model of examples/{name}"));
    step::run(Command::new(python::get()?).arg(script))
}

/// Runs the main example and shows what came out.
pub fn demo() -> Result<()> {
    system::c_compiler()?;
    plugins::build(&["predict".to_string()])?;
    host::build_program()?;
    make_example("lightgbm-batch", "model.txt")?;
    let example = places::root().join("examples/lightgbm-batch");
    let mut job = Command::new(places::target().join("release/wasmill"));
    job.current_dir(places::root())
        .args(["run", "examples/lightgbm-batch/job.sql"]);
    println!("$ {}", step::shown(&job));
    step::run(&mut job)?;
    show_result(&example.join("out"))
}

/// The first lines of the first file that a job wrote.
fn show_result(folder: &Path) -> Result<()> {
    let cannot = |error| Failure::new(format!("cannot read {}: {error}", folder.display()));
    let files = fs::read_dir(folder).map_err(cannot)?;
    let mut files: Vec<_> = files.flatten().map(|file| file.path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "csv"));
    files.sort();
    let Some(file) = files.first() else {
        return Err(Failure::new(format!(
            "the job wrote nothing to {}",
            folder.display()
        )));
    };
    let text = fs::read_to_string(file).map_err(cannot)?;
    let shown = file.strip_prefix(places::root()).unwrap_or(file);
    println!("\n$ head {}", shown.display());
    for line in text.lines().take(SHOWN_LINES) {
        println!("{line}");
    }
    Ok(())
}

/// Runs the benches with these arguments.
pub fn bench(arguments: &[String]) -> Result<()> {
    match arguments.split_first() {
        Some((suite, rest)) if suite == "stores" => return bench_stores(rest),
        Some((suite, rest)) if suite == "arrow-udf" => return bench_arrow_udf(rest),
        _ => {}
    }
    setup()?;
    plugins::build(&[])?;
    host::build_all()?;
    let folder = bench_folder()?;
    let mut benches = Command::new(places::target().join("release/wasmill-benches"));
    benches
        .env("WASMILL_PYTHON", python::get()?)
        .env("WASMILL_BENCH_FOLDER", folder)
        .env("WASMILL_KAFKA_LIBS", kafka::get()?)
        .env("WASMILL_MLSERVER", model_servers::mlserver()?)
        .args(arguments);
    if arguments.iter().any(|argument| argument == "languages") {
        sdks()?;
    }
    let asked = |word: &str| arguments.iter().any(|argument| argument.starts_with(word));
    if asked("streaming") && asked("--with-pyflink") {
        benches.env("WASMILL_FLINK_KAFKA", kafka::flink_connector()?);
    }
    step::run(&mut benches)?;
    match asked("inference") {
        true => bench_onnx(),
        false => Ok(()),
    }
}

/// What a model costs over a session of ONNX Runtime alone, which only its own crate can name.
fn bench_onnx() -> Result<()> {
    let mut example = host::cargo("run");
    example.args(["--release", "--jobs", "2"]).args([
        "--package",
        "wasmill-inference",
        "--example",
        "onnx_overhead",
    ]);
    step::run(&mut example)
}

/// Runs the state store beside others. They are compiled apart: nothing else needs them.
fn bench_stores(arguments: &[String]) -> Result<()> {
    system::c_compiler()?;
    let mut stores = host::cargo("run");
    stores
        .args(["--release", "--jobs", "2"])
        .args(["--manifest-path", "benches/stores/Cargo.toml"])
        .arg("--target-dir")
        .arg(places::cache()?.join("target-stores"))
        .env("WASMILL_BENCH_FOLDER", bench_folder()?)
        .arg("--")
        .args(arguments);
    step::run(&mut stores)
}

/// Runs a function beside the same in arrow-udf's runtime, compiled apart likewise.
fn bench_arrow_udf(arguments: &[String]) -> Result<()> {
    system::c_compiler()?;
    plugins::build(&["bench-functions".to_owned()])?;
    let guest = plugins::build_module(&places::root().join("benches/arrow-udf/guest"))?;
    let mut bench = host::cargo("run");
    bench
        .args(["--release", "--jobs", "2"])
        .args(["--manifest-path", "benches/arrow-udf/Cargo.toml"])
        .arg("--target-dir")
        .arg(places::cache()?.join("target-arrow-udf"))
        .env("WASMILL_ARROW_UDF_GUEST", guest)
        .env(
            "WASMILL_BENCH_FUNCTIONS",
            places::components().join("bench-functions.wasm"),
        )
        .arg("--")
        .args(arguments);
    step::run(&mut bench)
}

/// Where benches have their data.
fn bench_folder() -> Result<PathBuf> {
    match env::var_os("WASMILL_BENCH_FOLDER") {
        Some(folder) => Ok(folder.into()),
        None => Ok(places::cache()?.join("bench")),
    }
}
