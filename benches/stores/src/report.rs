//! Runs the stores in turns and prints what came of it.

use std::{env, fs, path::Path, process::Command};

use crate::{Arguments, Kind, Result, Workload, process, table};

/// One store's run of a workload.
#[derive(Clone, Copy)]
struct Run {
    rows: f64,
    rows_a_second: f64,
    /// Seconds.
    computed: f64,
    longest: f64,
    kept: f64,
    restored: f64,
    /// Bytes.
    memory: f64,
    disk: f64,
}

/// Runs the workloads and prints a table of each.
pub fn run(arguments: &Arguments) -> Result<()> {
    let wanted =
        |workload: &&Workload| arguments.only.is_empty() || arguments.only.contains(*workload);
    for workload in Workload::all().iter().filter(wanted) {
        let mut runs = vec![Vec::new(); Kind::all().len()];
        for _ in 0..arguments.rounds {
            for (kind, runs) in Kind::all().iter().zip(&mut runs) {
                runs.push(one(arguments, *kind, *workload)?);
            }
        }
        print(arguments, *workload, &runs);
    }
    Ok(())
}

fn print(arguments: &Arguments, workload: Workload, runs: &[Vec<Run>]) {
    let ours = runs.first().map_or(&[][..], Vec::as_slice);
    let lines: Vec<_> = Kind::all()
        .iter()
        .zip(runs)
        .map(|(kind, runs_of)| line(*kind, runs_of, ours))
        .collect();
    let title = format!(
        "{}, {} MiB of memory, medians of {}",
        workload.name(),
        workload.memory(arguments.size) >> 20,
        arguments.rounds
    );
    let header = [
        "store",
        "rows",
        "rows/s",
        "beside ours",
        "computed a row",
        "longest stop",
        "until kept",
        "on disk",
        "memory",
        "restored in",
    ];
    table::print(&title, &header, &lines);
}

fn line(kind: Kind, runs: &[Run], ours: &[Run]) -> Vec<String> {
    let of = |value: fn(&Run) -> f64| median(runs.iter().map(value).collect());
    let rounds = runs.iter().zip(ours);
    let ratio = rounds.map(|(run, ours)| run.rows_a_second / ours.rows_a_second);
    let mebibytes = |bytes: f64| format!("{:.0} MiB", bytes / f64::from(1 << 20));
    vec![
        kind.name().to_owned(),
        format!("{:.1}M", of(|run| run.rows) / 1e6),
        format!("{:.0}k", of(|run| run.rows_a_second) / 1e3),
        table::ratio(median(ratio.collect())),
        table::duration(of(|run| run.computed / run.rows)),
        table::duration(of(|run| run.longest)),
        table::duration(of(|run| run.kept)),
        mebibytes(of(|run| run.disk)),
        mebibytes(of(|run| run.memory)),
        table::duration(of(|run| run.restored)),
    ]
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

/// A store's run and restoration, in a process each.
fn one(arguments: &Arguments, kind: Kind, workload: Workload) -> Result<Run> {
    let folder = arguments.folder.join("store");
    fs::remove_dir_all(&folder).ok();
    let what = format!("{} of {}", workload.name(), kind.name());
    let worked = child(arguments, &folder, "work", kind, workload)?;
    let [rows, waited, longest, kept, held, times, memory, computed] = worked[..] else {
        return Err(format!("{what} did not say what came of it").into());
    };
    let disk = process::bytes(&folder)? as f64;
    let restored = child(arguments, &folder, "restore", kind, workload)?;
    let [seconds, found, found_times] = restored[..] else {
        return Err(format!("{what} did not say what is there").into());
    };
    if (found, found_times) != (held, times) {
        return Err(format!("{what} has other rows than its last checkpoint had").into());
    }
    fs::remove_dir_all(&folder)?;
    let rows_a_second = rows / waited;
    eprintln!("{what}: {rows} rows in {waited:.1} s, computed {computed:.1} s, {held} held");
    Ok(Run {
        rows,
        rows_a_second,
        computed,
        longest,
        kept,
        restored: seconds,
        memory,
        disk,
    })
}

/// The numbers that a process prints. Its errors are this one's.
fn child(
    arguments: &Arguments,
    folder: &Path,
    part: &str,
    kind: Kind,
    workload: Workload,
) -> Result<Vec<f64>> {
    let size = arguments.size;
    let output = Command::new(env::current_exe()?)
        .arg("--folder")
        .arg(folder)
        .args(["--divide", &size.divide.to_string()])
        .args(["--seconds", &size.seconds.to_string()])
        .args([part, kind.name(), &workload.name()])
        .stderr(std::process::Stdio::inherit())
        .output()?;
    if !output.status.success() {
        return Err(format!("{part} {} {} failed", workload.name(), kind.name()).into());
    }
    let text = String::from_utf8(output.stdout)?;
    let numbers = text.split_whitespace().map(str::parse);
    Ok(numbers.collect::<Result<_, _>>()?)
}
