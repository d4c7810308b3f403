//! A job without end, from a Kafka topic through the model of 20 trees into another: wasmill and,
//! where asked for, PyFlink, with one broker, on one machine.

mod broker;
mod job;
mod messages;
mod paced;
mod saturation;
mod state;

use std::{
    error::Error,
    path::{Path, PathBuf},
    time::Duration,
};

use clap::{Args, ValueEnum};

use self::{
    broker::Broker,
    job::{Memory, System},
    messages::Messages,
    paced::{Load, Paced},
    saturation::Saturated,
};
use crate::{
    Arguments,
    job::{Bench, Way, cores},
    measure::median,
    table,
};

#[derive(Args)]
pub struct Streaming {
    /// The folder of Kafka's jars.
    #[arg(long, env = "WASMILL_KAFKA_LIBS")]
    kafka: PathBuf,
    /// The jar of Flink's Kafka connector.
    #[arg(long, env = "WASMILL_FLINK_KAFKA")]
    flink_kafka: Option<PathBuf>,
    /// Seconds over which latencies are taken.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Only these.
    #[arg(long, value_enum)]
    only: Vec<Part>,
    /// Minutes over which memory is watched.
    #[arg(long, default_value_t = 1)]
    minutes: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    Throughput,
    Latency,
    Memory,
    State,
}

/// Rows a second whose latencies are taken; PyFlink's only at the first two.
const RATES: [u64; 3] = [1_000, 10_000, 50_000];

/// Rows whose features are sent again and again.
const DISTINCT: usize = 100_000;

/// PyFlink gathers rows for a second by default, and for latency as long as wasmill's epochs last.
const BUNDLE: Duration = Duration::from_secs(1);
const SHORT_BUNDLE: Duration = Duration::from_millis(5);

/// Runs the suite and prints its table.
pub fn run(arguments: &Arguments, streaming: &Streaming) -> Result<(), Box<dyn Error>> {
    let bench = Bench::new(arguments)?;
    bench.generate(&[DISTINCT])?;
    let mut messages = Messages::read(&bench.data(DISTINCT))?;
    let pyflink = match (&arguments.with_pyflink, &streaming.flink_kafka) {
        (None, _) => None,
        (Some(python), Some(connector)) => Some((python.as_path(), connector.as_path())),
        (Some(_), None) => {
            return Err("--with-pyflink: --flink-kafka is missing: use cargo xtask bench".into());
        }
    };
    let wanted = |part| streaming.only.is_empty() || streaming.only.contains(&part);
    let mut lines = Vec::new();
    if wanted(Part::Throughput) {
        let broker = warm_broker(&bench, streaming, &mut messages)?;
        lines.extend(throughput(&bench, &broker, &mut messages, pyflink)?);
    }
    // What follows has a broker of its own: one that has just written and deleted gigabytes is still at
    // work on them.
    let broker = warm_broker(&bench, streaming, &mut messages)?;
    if wanted(Part::Latency) {
        let time = Duration::from_secs(streaming.seconds);
        for rate in RATES {
            let found = latency(&bench, &broker, &mut messages, pyflink, rate, time)?;
            lines.extend(found);
        }
    }
    if wanted(Part::Memory) {
        lines.push(memory(&bench, &broker, &mut messages, streaming.minutes)?);
    }
    if wanted(Part::State) {
        let time = Duration::from_secs(streaming.seconds);
        lines.push(state::line(&bench, &broker, &mut messages, RATES[0], time)?);
    }
    table::print(
        &format!(
            "Kafka → 20 trees → Kafka, {} cores for broker, clients and job, medians of {}",
            cores(),
            arguments.runs
        ),
        &["what", "wasmill", "beside", "ratio", "bar", ""],
        &lines,
    );
    Ok(())
}

/// A broker whose code is compiled: by then it has served some millions of rows to jobs. One that is not
/// takes up to a twentieth of the machine for its compiler.
fn warm_broker(
    bench: &Bench<'_>,
    streaming: &Streaming,
    messages: &mut Messages,
) -> Result<Broker, Box<dyn Error>> {
    const ROWS: u64 = 2_000_000;
    let broker = Broker::start(&streaming.kafka, bench.folder.join("broker"))?;
    let full = messages.fill(&broker, ROWS)?;
    for _ in 0..4 {
        saturation::run(bench, &broker, System::Wasmill(Way::Component), &full, ROWS)?;
    }
    broker.delete(&full)?;
    Ok(broker)
}

type PyFlink<'a> = Option<(&'a Path, &'a Path)>;

fn with_bundle(pyflink: PyFlink<'_>, bundle: Duration) -> Option<System<'_>> {
    pyflink.map(|(python, connector)| System::PyFlink {
        python,
        connector,
        bundle,
    })
}

/// Rows a second, and whole processes, over a topic that is full.
fn throughput(
    bench: &Bench<'_>,
    broker: &Broker,
    messages: &mut Messages,
    pyflink: PyFlink<'_>,
) -> Result<Vec<Vec<String>>, Box<dyn Error>> {
    let rows = bench.arguments.rows as u64;
    let full = messages.fill(broker, rows)?;
    let ways = [Way::Component, Way::MlPredict].map(System::Wasmill);
    let systems: Vec<_> = ways
        .into_iter()
        .chain(with_bundle(pyflink, BUNDLE))
        .collect();
    let mut results = vec![Vec::new(); systems.len()];
    for _ in 0..bench.arguments.runs {
        for (system, results) in systems.iter().zip(&mut results) {
            results.push(saturation::run(bench, broker, *system, &full, rows)?);
        }
    }
    broker.delete(&full)?;
    let beside = results.get(2);
    let rate = |run: &Saturated| run.steady;
    let time = |run: &Saturated| run.whole;
    let millions = rows as f64 / 1e6;
    let mut lines = Vec::new();
    for (results, way) in results.iter().zip(["through the component", "ML_PREDICT"]) {
        // More is better here, and less below.
        let ratio = beside.map(|beside| ratio_of(results, beside, rate));
        lines.push(vec![
            format!("20 trees, {way}"),
            per_second(median_of(results, rate)),
            beside.map_or("–".to_owned(), |beside| {
                format!("PyFlink: {}", per_second(median_of(beside, rate)))
            }),
            ratio.map_or("–".to_owned(), table::ratio),
            "≥ 5×".to_owned(),
            ratio.map_or("–".to_owned(), |ratio| table::verdict(ratio >= 5.0)),
        ]);
    }
    if let Some(component) = results.first() {
        lines.push(vec![
            format!("{millions}M rows, from start to last row"),
            table::duration(median_of(component, time)),
            beside.map_or("–".to_owned(), |beside| {
                format!("PyFlink: {}", table::duration(median_of(beside, time)))
            }),
            beside.map_or("–".to_owned(), |beside| {
                table::ratio(ratio_of(beside, component, time))
            }),
            "–".to_owned(),
            String::new(),
        ]);
    }
    Ok(lines)
}

fn median_of<T>(runs: &[T], value: impl Fn(&T) -> f64) -> f64 {
    median(runs.iter().map(value).collect())
}

/// The median over the rounds in which both ran.
fn ratio_of<T>(over: &[T], under: &[T], value: impl Fn(&T) -> f64) -> f64 {
    let rounds = over.iter().zip(under);
    median(
        rounds
            .map(|(over, under)| value(over) / value(under))
            .collect(),
    )
}

fn per_second(rows: f64) -> String {
    format!("{:.0}k rows/s", rows / 1e3)
}

/// From a message's sending to its prediction's receipt, at a fixed rate: beside PyFlink, and beside
/// the broker and the clients alone, which is what no job can be below.
fn latency(
    bench: &Bench<'_>,
    broker: &Broker,
    messages: &mut Messages,
    pyflink: PyFlink<'_>,
    rate: u64,
    time: Duration,
) -> Result<Vec<Vec<String>>, Box<dyn Error>> {
    let pyflink = with_bundle(pyflink, SHORT_BUNDLE).filter(|_| rate < RATES[2]);
    let mut systems = vec![Some(System::Wasmill(Way::Component)), None];
    systems.extend(pyflink.map(Some));
    let mut results: Vec<Vec<Paced>> = systems.iter().map(|_| Vec::new()).collect();
    for _ in 0..bench.arguments.runs {
        for (system, results) in systems.iter().zip(&mut results) {
            let load = Load {
                rate,
                time,
                ready: None,
            };
            results.push(paced::run(bench, broker, messages, *system, load)?);
        }
    }
    let mut results = results.into_iter();
    let ours = results.next().unwrap_or_default();
    let p99 = |run: &Paced| run.quantile(0.99);
    let line = |(index, (theirs, name)): (usize, (Vec<Paced>, &str))| {
        let barred = rate == RATES[1] && index == 0;
        vec![
            format!("latency at {}k rows/s, p50 and p99", rate / 1_000),
            latencies(&ours),
            format!("{name}: {}", latencies(&theirs)),
            table::ratio(ratio_of(&theirs, &ours, p99)),
            if barred { "p99 ≤ 25 ms" } else { "–" }.to_owned(),
            match barred {
                true => table::verdict(median_of(&ours, p99) <= 0.025),
                false => String::new(),
            },
        ]
    };
    let beside = results.zip(["no job", "PyFlink"]);
    Ok(beside.enumerate().map(line).collect())
}

fn latencies(runs: &[Paced]) -> String {
    if runs.iter().any(|run| !run.kept_up) {
        return "does not keep up".to_owned();
    }
    let quantile = |share| table::duration(median_of(runs, |run: &Paced| run.quantile(share)));
    format!("{}, {}", quantile(0.5), quantile(0.99))
}

/// Resident memory at the highest rate: what it is behind the warm-up must be enough.
fn memory(
    bench: &Bench<'_>,
    broker: &Broker,
    messages: &mut Messages,
    minutes: u64,
) -> Result<Vec<String>, Box<dyn Error>> {
    let (system, rate) = (System::Wasmill(Way::Component), RATES[2]);
    let load = Load {
        rate,
        time: Duration::from_secs(minutes * 60),
        ready: None,
    };
    let run = paced::run(bench, broker, messages, Some(system), load)?;
    // Buffers are as large as they get within the first seconds: what grows behind that would grow for
    // ever.
    let begun = run.memory.len() / 20;
    let told = |bytes: fn(&Memory) -> u64| {
        let bytes: Vec<_> = run.memory.iter().map(bytes).collect();
        let mebibytes = |bytes: Option<&u64>| bytes.copied().unwrap_or_default() / (1 << 20);
        let [first, early, last, most] = [
            bytes.first(),
            bytes.get(begun),
            bytes.last(),
            bytes.iter().max(),
        ]
        .map(mebibytes);
        let text = format!("{first}, after a 20th {early}, last {last}, most {most} MiB");
        (text, most as f64 / early as f64)
    };
    let (all, growth) = told(|memory| memory.resident);
    let (own, _) = told(|memory| memory.own);
    Ok(vec![
        format!("memory, {minutes} min at {}k rows/s", rate / 1_000),
        format!("first {all}"),
        format!("without the program's own pages: {own}"),
        table::ratio(growth),
        "≤ 1.1×".to_owned(),
        table::verdict(growth <= 1.1),
    ])
}
