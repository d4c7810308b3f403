//! Density: a thousand functions of a thousand tenants, open in one process.

use std::{error::Error, fs, path::Path, sync::Arc, time::Instant};

use arrow::{
    array::{ArrayRef, Float64Array},
    datatypes::{DataType, Field},
};
use wasmill_plugin::{Budget, Host, HostConfig, OpenOptions};

use crate::{Arguments, measure::median, table};

const FUNCTIONS: usize = 1_000;
/// Different components among them.
const PLUGINS: usize = 100;
const ROWS: usize = 8_192;

/// Runs the suite and prints its table.
pub fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let folder = match &arguments.folder {
        Some(folder) => folder.join("density"),
        None => std::env::temp_dir().join("wasmill-density"),
    };
    let plugins = plugins(&folder)?;
    let config = || HostConfig {
        cache: Some(folder.join("compiled")),
        ..HostConfig::default()
    };
    println!("compiling {PLUGINS} plugins, unless they are in the cache");
    let host = Host::new(config())?;
    for (name, bytes) in &plugins {
        host.load_bytes(name, bytes)?;
    }
    drop(host);

    let host = Host::new(config())?;
    let before = Memory::now()?;
    let mut loads = Vec::new();
    let mut loaded = Vec::new();
    for (name, bytes) in &plugins {
        let started = Instant::now();
        loaded.push(host.load_bytes(name, bytes)?);
        loads.push(started.elapsed().as_secs_f64());
    }
    let mut opens = Vec::new();
    let mut functions = Vec::new();
    for (number, plugin) in loaded.iter().cycle().take(FUNCTIONS).enumerate() {
        let tenant = host.tenant(&format!("tenant-{number}"), Budget::of_tenant());
        let field = |name: usize| Arc::new(Field::new(name.to_string(), DataType::Float64, true));
        let mut options = OpenOptions::new("distance", (0..4).map(field).collect());
        options.account = Some(tenant.job(Budget::of_job()));
        let started = Instant::now();
        functions.push(plugin.open("haversine", options)?);
        opens.push(started.elapsed().as_secs_f64());
    }
    let opened = Memory::now()?;
    let column: ArrayRef = Arc::new(Float64Array::from_iter_values((0..ROWS).map(|x| x as f64)));
    let columns = vec![column; 4];
    for function in &functions {
        function.call(&columns, ROWS)?;
    }
    let called = Memory::now()?;
    let instances: Vec<_> = functions
        .iter()
        .map(|function| function.counters().instantiation.as_secs_f64())
        .collect();
    let alive = host.account().used().instances;
    if alive != FUNCTIONS {
        return Err(format!("{alive} instances are alive, not {FUNCTIONS}").into());
    }

    let memory = |title: &str, now: &Memory, bar: bool| {
        let beyond = now.anonymous.saturating_sub(before.anonymous);
        let (limit, verdict) = match bar {
            true => ("1.5 GiB".to_owned(), table::verdict(beyond <= 3 << 29)),
            false => ("–".to_owned(), "–".to_owned()),
        };
        vec![
            title.to_owned(),
            format!("{:.0} MiB", beyond as f64 / f64::from(1 << 20)),
            limit,
            verdict,
        ]
    };
    let time = |title: &str, times: Vec<f64>, bar: Option<f64>| {
        let time = median(times);
        let none = || "–".to_owned();
        vec![
            title.to_owned(),
            table::duration(time),
            bar.map_or_else(none, table::duration),
            bar.map_or_else(none, |bar| table::verdict(time <= bar)),
        ]
    };
    let code = called.files.saturating_sub(before.files) as f64 / f64::from(1 << 20);
    table::print(
        &format!(
            "Density: {FUNCTIONS} functions of as many tenants and {PLUGINS} plugins in one process"
        ),
        &["", "measured", "bar", ""],
        &[
            memory("memory, all open", &opened, false),
            memory("memory, each called on 8,192 rows", &called, true),
            vec![
                "compiled code in memory beside that".to_owned(),
                format!("{code:.0} MiB"),
                "–".to_owned(),
                "–".to_owned(),
            ],
            time("opening a cached plugin", loads, Some(2e-3)),
            time("an instance", instances, Some(50e-6)),
            time(
                "opening a function: an instance, its open, its returns",
                opens,
                None,
            ),
        ],
    );
    Ok(())
}

/// A component with its name.
type Named = (String, Vec<u8>);

/// The same component again and again, each with another number in a custom section: so they are
/// different ones to the host.
fn plugins(folder: &Path) -> Result<Vec<Named>, Box<dyn Error>> {
    fs::create_dir_all(folder)?;
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let component = fs::read(root.join("target/plugins/haversine.wasm"))?;
    let numbered = |number: usize| {
        let mut bytes = component.clone();
        // Custom section: id 0, size, the length of its name, its name, its content.
        let content = format!("{number:08}");
        bytes.extend([0, 5 + 8, 4]);
        bytes.extend(b"copy");
        bytes.extend(content.bytes());
        (format!("haversine-{number}.wasm"), bytes)
    };
    Ok((0..PLUGINS).map(numbered).collect())
}

/// Resident memory, bytes.
struct Memory {
    anonymous: u64,
    /// Mapped files: the program, and compiled plugins.
    files: u64,
}

impl Memory {
    fn now() -> Result<Self, Box<dyn Error>> {
        let status = fs::read_to_string("/proc/self/status")?;
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let number = line.and_then(|line| line.trim().strip_suffix(" kB"));
            let number = number.and_then(|number| number.parse::<u64>().ok());
            number.map(|kilobytes| kilobytes << 10)
        };
        let missing = || "the kernel tells of no resident memory";
        Ok(Self {
            anonymous: field("RssAnon:").ok_or_else(missing)?
                + field("RssShmem:").ok_or_else(missing)?,
            files: field("RssFile:").ok_or_else(missing)?,
        })
    }
}
