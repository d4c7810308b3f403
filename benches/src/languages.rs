//! `add(a, b)` of two BIGINT in components of several languages and, where asked for, as a function of
//! PyFlink, row by row and of pandas: whole jobs as whole processes, one core each.
//!
//! Reads the components that `cargo xtask sdks` builds.

use std::{error::Error, fs, process::Command};

use crate::{
    Arguments,
    job::Bench,
    measure::{in_turn, median, median_wall},
    table,
};

/// What is left of a job that does nothing but start and end.
const FEW: usize = 100;

/// Runs the suite and prints its table.
pub fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let bench = Bench::new(arguments)?;
    let target = bench.program.ancestors().nth(2).ok_or("no target folder")?;
    let component = |name: &str| target.join("sdks").join(name).join("plugin.wasm");
    let components = [
        ("Rust", bench.root.join("target/plugins/conformance.wasm")),
        ("C", component("c")),
        ("Go", component("go")),
        ("JavaScript", component("javascript")),
        ("Python", component("python")),
    ];
    let (mut names, mut commands) = (Vec::new(), Vec::new());
    for (language, file) in &components {
        if !file.exists() {
            return Err(format!("{} is not built: run cargo xtask sdks", file.display()).into());
        }
        names.push((*language).to_owned());
        for rows in [FEW, arguments.rows] {
            let job = bench.folder.join(format!("add-{language}-{rows}.sql"));
            let sql = format!(
                "SET 'parallelism.default' = '1';
                 CREATE TABLE source (a BIGINT, b BIGINT) WITH (
                   'connector' = 'datagen', 'number-of-rows' = '{rows}', 'rows-per-second' = '1000000000',
                   'fields.a.min' = '0', 'fields.a.max' = '1000000',
                   'fields.b.min' = '0', 'fields.b.max' = '1000000');
                 CREATE TABLE sink (c BIGINT) WITH ('connector' = 'blackhole');
                 CREATE FUNCTION add AS '{}#add' LANGUAGE WASM;
                 INSERT INTO sink SELECT add(a, b) FROM source;",
                file.display()
            );
            fs::write(&job, sql)?;
            let mut command = Command::new(&bench.program);
            command.arg("run").arg(job);
            commands.push(command);
        }
    }
    for kind in ["general", "pandas"] {
        let Some(pyflink) = &arguments.with_pyflink else {
            break;
        };
        names.push(format!("PyFlink, {kind}"));
        for rows in [FEW, arguments.rows] {
            let mut command = Command::new(pyflink);
            let script = bench.root.join("benches/pyflink_add.py");
            command.arg(script).arg(kind).arg(rows.to_string());
            commands.push(command);
        }
    }
    let runs = in_turn(&mut commands, arguments.runs)?;
    let lines = names.iter().zip(runs.chunks_exact(2)).map(|(name, runs)| {
        let walls = runs[0].iter().zip(&runs[1]);
        let work = walls.map(|(few, all)| all.wall.as_secs_f64() - few.wall.as_secs_f64());
        let each = median(work.collect()) / arguments.rows.saturating_sub(FEW).max(1) as f64;
        vec![
            name.clone(),
            table::duration(median_wall(&runs[0])),
            table::duration(median_wall(&runs[1])),
            format!("{:.0}k rows/s", 1e-3 / each),
            table::duration(each),
        ]
    });
    table::print(
        &format!(
            "add(a, b): jobs of {FEW} and of {} rows, one core, medians of {}",
            arguments.rows, arguments.runs
        ),
        &["language", "few rows", "all rows", "between", "a row"],
        &lines.collect::<Vec<_>>(),
    );
    Ok(())
}
