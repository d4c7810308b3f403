//! `cargo xtask test --fuzz`: random inputs to all that reads what strangers wrote.
//!
//! Each target of `fuzz/` runs on its seeds (`fuzz/corpus`) and on the inputs that earlier runs found
//! worth keeping, which lie in the cache folder. Its settings of libFuzzer stand beside it, in the
//! format of OSS-Fuzz (`fuzz/fuzz_targets/*.options`).

use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::host;
use crate::places;
use crate::python;
use crate::step::{self, Failure, Result};
use crate::system;

const VERSION: &str = "0.13.2";

/// Seconds for each target.
const SECONDS: u64 = 60;

/// What `--fuzz` may be followed by.
const USAGE: &str = "cargo xtask test --fuzz [--seconds N] [TARGET…]";

/// Runs all targets, or those that are named.
pub fn run(arguments: &[String]) -> Result<()> {
    let known = targets()?;
    let (seconds, targets) = parse(arguments, &known)?;
    system::c_compiler()?;
    if targets.contains(&"onnx".to_string()) {
        // ONNX Runtime comes with it.
        python::get()?;
    }
    let build = Build::new()?;
    let mut findings = Vec::new();
    for target in &targets {
        build.make(target)?;
    }
    for target in &targets {
        let program = build.program(target);
        findings.extend(fuzz(target, &program, seconds)?);
    }
    match findings.as_slice() {
        [] => Ok(()),
        findings => Err(Failure::new(findings.join("\n"))
            .hint("mend it, and keep the input as a test beside the code that read it")),
    }
}

/// The names of the targets: their files'.
fn targets() -> Result<Vec<String>> {
    let folder = places::root().join("fuzz/fuzz_targets");
    let files = fs::read_dir(&folder)
        .map_err(|error| Failure::new(format!("cannot read {}: {error}", folder.display())))?;
    let mut targets: Vec<_> = files
        .flatten()
        .map(|file| file.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .filter_map(|path| Some(path.file_stem()?.to_str()?.to_string()))
        .collect();
    targets.sort();
    Ok(targets)
}

fn parse(arguments: &[String], known: &[String]) -> Result<(u64, Vec<String>)> {
    let mut seconds = SECONDS;
    let mut targets = Vec::new();
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        if argument == "--seconds" {
            let given = arguments.next().and_then(|number| number.parse().ok());
            seconds = given
                .filter(|seconds| *seconds > 0)
                .ok_or_else(|| Failure::new("--seconds takes a whole number").hint(USAGE))?;
        } else if known.contains(argument) {
            targets.push(argument.clone());
        } else {
            let message = format!(
                "there is no fuzz target `{argument}`, only {}",
                known.join(", ")
            );
            return Err(Failure::new(message).hint(USAGE));
        }
    }
    if targets.is_empty() {
        targets = known.to_vec();
    }
    Ok((seconds, targets))
}

/// How the targets are compiled: apart from all else, because every dependency is instrumented.
struct Build {
    cargo_fuzz: PathBuf,
    sanitizer: &'static str,
    triple: String,
    folder: PathBuf,
}

impl Build {
    fn new() -> Result<Self> {
        let rustc = |what: &str| step::capture(Command::new("rustc").args(["--print", what]));
        let triple = rustc("host-tuple")?;
        let runtimes = Path::new(&rustc("sysroot")?)
            .join("lib/rustlib")
            .join(&triple)
            .join("lib");
        let address = fs::read_dir(runtimes)
            .into_iter()
            .flatten()
            .flatten()
            .any(|file| file.file_name().to_string_lossy().contains("_rt.asan"));
        Ok(Self {
            cargo_fuzz: cargo_fuzz()?,
            sanitizer: if address { "address" } else { "none" },
            triple,
            folder: places::cache()?.join("target-fuzz"),
        })
    }

    /// Compiles a target. Instrumentation is a flag that a stable compiler knows, but keeps to itself.
    fn make(&self, target: &str) -> Result<()> {
        step::say(&format!(
            "building the fuzz target {target}, sanitizer: {}",
            self.sanitizer
        ));
        let mut cargo = Command::new(&self.cargo_fuzz);
        host::forget_this_program(&mut cargo);
        cargo
            .current_dir(places::root())
            .env("RUSTC_BOOTSTRAP", "1")
            .args(["fuzz", "build", "--codegen-units", "16"])
            .args(["--sanitizer", self.sanitizer])
            .args(["--target", &self.triple])
            .arg("--target-dir")
            .arg(&self.folder)
            .arg(target);
        step::run(&mut cargo)
    }

    fn program(&self, target: &str) -> PathBuf {
        self.folder.join(&self.triple).join("release").join(target)
    }
}

/// The program `cargo-fuzz`, in a folder of its own.
fn cargo_fuzz() -> Result<PathBuf> {
    let folder = places::cache()?.join("cargo-fuzz").join(VERSION);
    let program = folder.join("bin/cargo-fuzz");
    if program.exists() {
        return Ok(program);
    }
    step::say(&format!(
        "getting cargo-fuzz {VERSION}, which builds the fuzz targets"
    ));
    let mut install = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    host::forget_this_program(&mut install);
    install
        .args(["install", "cargo-fuzz", "--locked", "--version", VERSION])
        .arg("--root")
        .arg(&folder)
        .arg("--target-dir")
        .arg(places::cache()?.join("target-cargo-fuzz"));
    step::run(&mut install)?;
    Ok(program)
}

/// Runs a target for so many seconds, prints what it did, and gives what it found.
fn fuzz(target: &str, program: &Path, seconds: u64) -> Result<Option<String>> {
    let cannot = |error| Failure::new(format!("cannot keep what {target} finds: {error}"));
    let artifacts = places::root().join("fuzz/artifacts").join(target);
    let kept = places::cache()?.join("fuzz").join(target);
    let log = kept.with_extension("log");
    fs::create_dir_all(&artifacts).map_err(cannot)?;
    fs::create_dir_all(&kept).map_err(cannot)?;
    step::say(&format!(
        "fuzzing {target} for {seconds} s, log: {}",
        log.display()
    ));
    let mut run = Command::new(program);
    run.env("ASAN_OPTIONS", "detect_leaks=0")
        .args(options(target)?)
        .arg(format!("-max_total_time={seconds}"))
        .arg("-print_final_stats=1")
        .arg(format!("-artifact_prefix={}/", artifacts.display()))
        .arg(&kept)
        .arg(places::root().join("fuzz/corpus").join(target))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(File::create(&log).map_err(cannot)?);
    let ended = run
        .status()
        .map_err(|error| Failure::new(format!("{} ({error})", step::shown(&run))))?;
    let log_text = fs::read(&log).map_err(cannot)?;
    let report = Report::read(&String::from_utf8_lossy(&log_text));
    println!(
        "{target}: {} executions, coverage {}, {}",
        report.executions,
        report.coverage,
        if ended.success() {
            "no finding"
        } else {
            "1 finding"
        }
    );
    if ended.success() {
        return Ok(None);
    }
    let Some(artifact) = report.artifact else {
        return Ok(Some(format!(
            "the fuzz target {target} ended ({ended}) without an input to repeat it; its log: {}",
            log.display()
        )));
    };
    Ok(Some(format!(
        "the fuzz target {target} fails on {artifact}\n  repeat it: {} {artifact}\n  its log: {}",
        program.display(),
        log.display()
    )))
}

/// The settings of a target, as libFuzzer's flags. A dictionary's path starts from the file's folder.
fn options(target: &str) -> Result<Vec<String>> {
    let folder = places::root().join("fuzz/fuzz_targets");
    let file = folder.join(format!("{target}.options"));
    if !file.exists() {
        return Ok(Vec::new());
    }
    let text = fs::read_to_string(&file)
        .map_err(|error| Failure::new(format!("cannot read {}: {error}", file.display())))?;
    Ok(text
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(key, value)| match (key.trim(), value.trim()) {
            ("dict", name) => format!("-dict={}", folder.join(name).display()),
            (key, value) => format!("-{key}={value}"),
        })
        .collect())
}

/// What libFuzzer wrote.
#[derive(Debug, PartialEq)]
struct Report {
    executions: u64,
    /// Places of the code that were reached.
    coverage: u64,
    /// The input that failed.
    artifact: Option<String>,
}

impl Report {
    fn read(log: &str) -> Self {
        let number = |text: &str| text.split_whitespace().next()?.parse().ok();
        let after = |mark: &str| {
            let mut found = log.lines().rev().filter_map(|line| line.split_once(mark));
            found.find_map(|(_, rest)| number(rest))
        };
        let counted = log.lines().rev().filter_map(|line| line.strip_prefix('#'));
        let executions = after("stat::number_of_executed_units:")
            .or_else(|| counted.into_iter().find_map(number))
            .unwrap_or(0);
        let artifact = log
            .lines()
            .find_map(|line| line.split_once("Test unit written to "))
            .map(|(_, path)| path.trim().to_string());
        Self {
            executions,
            coverage: after(" cov: ").unwrap_or(0),
            artifact,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_has_seeds() {
        let targets = targets().unwrap();
        assert!(targets.len() >= 5, "{targets:?}");
        for target in targets {
            let corpus = places::root().join("fuzz/corpus").join(&target);
            let seeds = fs::read_dir(&corpus).into_iter().flatten().count();
            assert!(seeds > 0, "{} is empty", corpus.display());
        }
    }

    #[test]
    fn what_libfuzzer_writes_is_read() {
        let log = "INFO: Seed: 1\n#2\tINITED cov: 40 ft: 41 corp: 1/1b exec/s: 0 rss: 30Mb\n\
            #8192\tpulse  cov: 57 ft: 60 corp: 4/9b lim: 80 exec/s: 4096 rss: 40Mb\n";
        let report = Report::read(log);
        assert_eq!((report.executions, report.coverage), (8192, 57));
        assert_eq!(report.artifact, None);
        let log = format!(
            "{log}artifact_prefix='a/'; Test unit written to a/crash-01\n\
             stat::number_of_executed_units: 8200\n"
        );
        let report = Report::read(&log);
        assert_eq!((report.executions, report.coverage), (8200, 57));
        assert_eq!(report.artifact.as_deref(), Some("a/crash-01"));
    }

    #[test]
    fn arguments_are_seconds_and_targets() {
        let known = ["sql".to_string(), "onnx".to_string()];
        let parse = |text: &str| {
            let words: Vec<_> = text.split_whitespace().map(str::to_string).collect();
            parse(&words, &known).map_err(|failure| failure.message)
        };
        assert_eq!(parse(""), Ok((60, known.to_vec())));
        assert_eq!(parse("--seconds 5 onnx"), Ok((5, vec!["onnx".into()])));
        assert_eq!(
            parse("--seconds soon"),
            Err("--seconds takes a whole number".into())
        );
        assert_eq!(
            parse("sqk"),
            Err("there is no fuzz target `sqk`, only sql, onnx".into())
        );
    }
}
