//! Neighbours: a job that behaves, alone and beside jobs of another tenant, in one process.
//!
//! Its fair share of the machine, while another tenant wants all of it, is half. What that means for
//! its rows a second and for how long its batches take is measured beside one other job that behaves;
//! beside sixteen that attack it must be about the same.

use std::{
    error::Error,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use arrow::{
    array::{ArrayRef, Float64Array, Int64Array},
    datatypes::{DataType, Field},
};
use wasmill_plugin::{Account, Budget, Function, Host, HostConfig, OpenOptions};

use crate::{Arguments, measure::median, table};

const ROWS: usize = 8_192;
/// Different batches that are called in turn.
const BATCHES: usize = 16;
/// Of a job: as many threads call its function.
const PARTITIONS: usize = 2;
const HOSTILE_JOBS: usize = 16;
/// How long each side runs before the other has its turn.
const RUN: Duration = Duration::from_secs(2);
/// 99 of 100 batches must not take more times as long as beside a job that behaves.
const BAR: f64 = 1.5;

/// Plugin, function, its parameter `attack`, the type of its argument.
const ATTACKS: [(&str, &str, &str); 4] = [
    ("hostile/endless-loop", "loop", "batch-eval"),
    ("hostile/memory-bomb", "bomb", "memory"),
    ("hostile/memory-bomb", "bomb", "log"),
    ("hostile/poison", "poison", "trap 13"),
];

/// What a job that behaves has done in a run.
struct Done {
    rows_a_second: f64,
    /// Seconds, in order.
    latencies: Vec<f64>,
}

impl Done {
    fn latency(&self, share: f64) -> f64 {
        let place = (self.latencies.len() as f64 * share) as usize;
        self.latencies.get(place).copied().unwrap_or_default()
    }
}

/// Beside whom a run is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Beside {
    Nobody,
    Good,
    Hostile,
}

/// Runs the suite and prints its table.
pub fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let bench = Bench::new()?;
    let sides = [Beside::Nobody, Beside::Good, Beside::Hostile];
    let mut runs: [Vec<Done>; 3] = [const { Vec::new() }; 3];
    for _ in 0..arguments.runs {
        for (beside, runs) in sides.into_iter().zip(&mut runs) {
            runs.push(bench.run(beside)?);
        }
    }
    let of = |runs: &[Done], value: &dyn Fn(&Done) -> f64| median(runs.iter().map(value).collect());
    let p99 = |done: &Done| done.latency(0.99);
    let [_, half, hostile] = &runs;
    let ratios = hostile.iter().zip(half);
    let ratio = median(ratios.map(|(over, under)| p99(over) / p99(under)).collect());
    let titles = [
        "alone",
        "beside one that behaves: its half",
        "beside 16 hostile jobs",
    ];
    let lines = titles.into_iter().zip(sides).zip(&runs);
    let lines: Vec<_> = lines
        .map(|((title, beside), runs)| {
            let judged = beside == Beside::Hostile;
            let cell = |text: String| if judged { text } else { "–".to_owned() };
            vec![
                title.to_owned(),
                format!("{:.2} M", of(runs, &|done| done.rows_a_second) / 1e6),
                table::duration(of(runs, &|done| done.latency(0.5))),
                table::duration(of(runs, &p99)),
                table::duration(of(runs, &|done| done.latency(0.999))),
                cell(table::ratio(ratio)),
                cell(table::ratio(BAR)),
                cell(table::verdict(ratio <= BAR)),
            ]
        })
        .collect();
    table::print(
        "Neighbours: a job's batches of 8,192 rows, beside jobs of another tenant in its process",
        &[
            "the job",
            "rows/s",
            "median",
            "p99",
            "p99.9",
            "p99 to its half",
            "bar",
            "",
        ],
        &lines,
    );
    let attacks = bench.attacks.load(Ordering::Relaxed);
    println!("\n{attacks} attacks were stopped meanwhile; no call failed, and every row is right.");
    Ok(())
}

struct Bench {
    host: Arc<Host>,
    batches: Vec<Vec<ArrayRef>>,
    /// What the function gives for them.
    expected: Vec<ArrayRef>,
    attacks: AtomicU64,
}

impl Bench {
    fn new() -> Result<Self, Box<dyn Error>> {
        let host = Host::new(HostConfig::default())?;
        let column = |seed: usize| -> ArrayRef {
            let value = |row: usize| ((row * 37 + seed * 101) % 1_800) as f64 / 10.0 - 90.0;
            Arc::new(Float64Array::from_iter_values((0..ROWS).map(value)))
        };
        let batch = |batch: usize| (0..4).map(|place| column(batch * 4 + place)).collect();
        let batches: Vec<Vec<ArrayRef>> = (0..BATCHES).map(batch).collect();
        let mut bench = Self {
            host,
            batches,
            expected: Vec::new(),
            attacks: AtomicU64::new(0),
        };
        let haversine = bench.haversine("reference")?;
        let expected = bench
            .batches
            .iter()
            .map(|batch| haversine.call(batch, ROWS));
        bench.expected = expected.collect::<Result<_, _>>()?;
        Ok(bench)
    }

    fn job(&self, tenant: &str) -> Arc<Account> {
        let tenant = self.host.tenant(tenant, Budget::of_tenant());
        tenant.job(Budget::of_job())
    }

    fn open(
        &self,
        plugin: &str,
        function: &str,
        options: OpenOptions,
    ) -> Result<Arc<Function>, Box<dyn Error>> {
        let plugins = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/plugins");
        let path = plugins.join(plugin).with_extension("wasm");
        Ok(self.host.load(plugin, &path)?.open(function, options)?)
    }

    fn haversine(&self, tenant: &str) -> Result<Arc<Function>, Box<dyn Error>> {
        let field = |name: usize| Arc::new(Field::new(name.to_string(), DataType::Float64, true));
        let mut options = OpenOptions::new("distance", (0..4).map(field).collect());
        options.account = Some(self.job(tenant));
        self.open("haversine", "haversine", options)
    }

    fn attacker(&self, number: usize) -> Result<Arc<Function>, Box<dyn Error>> {
        let (plugin, function, attack) = ATTACKS[number % ATTACKS.len()];
        let argument = Arc::new(Field::new("x", DataType::Int64, true));
        let mut options = OpenOptions::new("attack", vec![argument]);
        options
            .parameters
            .insert("attack".to_owned(), attack.to_owned());
        options.account = Some(self.job("hostile"));
        // So that there are many: an endless loop is one attack for as long as it may last.
        options.limits.time = Duration::from_millis(100);
        self.open(plugin, function, options)
    }

    fn run(&self, beside: Beside) -> Result<Done, Box<dyn Error>> {
        let job = self.haversine("good")?;
        let others = match beside {
            Beside::Nobody => Vec::new(),
            Beside::Good => vec![self.haversine("other")?],
            Beside::Hostile => (0..HOSTILE_JOBS)
                .map(|number| self.attacker(number))
                .collect::<Result<_, _>>()?,
        };
        let over = AtomicBool::new(false);
        let result = thread::scope(|scope| {
            for other in &others {
                for _ in 0..PARTITIONS {
                    match beside {
                        Beside::Hostile => {
                            scope.spawn(|| self.attack(other, &over));
                        }
                        _ => {
                            scope.spawn(|| self.batches(other, &over));
                        }
                    }
                }
            }
            // Until all have begun.
            thread::sleep(RUN / 10);
            let started = Instant::now();
            let partitions = [(); PARTITIONS].map(|()| scope.spawn(|| self.batches(&job, &over)));
            thread::sleep(RUN);
            over.store(true, Ordering::Relaxed);
            let mut latencies = Vec::new();
            for partition in partitions {
                match partition.join() {
                    Ok(done) => latencies.extend(done?),
                    Err(_) => return Err("a partition panicked".to_owned()),
                }
            }
            let rows = latencies.len() * ROWS;
            latencies.sort_by(f64::total_cmp);
            Ok(Done {
                rows_a_second: rows as f64 / started.elapsed().as_secs_f64(),
                latencies,
            })
        });
        Ok(result?)
    }

    /// Calls a function on one batch after the other: seconds of each call.
    fn batches(&self, function: &Function, over: &AtomicBool) -> Result<Vec<f64>, String> {
        let mut latencies = Vec::new();
        let batches = self.batches.iter().zip(&self.expected).cycle();
        for (batch, expected) in batches {
            if over.load(Ordering::Relaxed) {
                break;
            }
            let started = Instant::now();
            let result = function.call(batch, ROWS);
            latencies.push(started.elapsed().as_secs_f64());
            match result {
                Ok(result) if result.as_ref() == expected.as_ref() => {}
                Ok(_) => return Err("a batch has wrong rows".to_owned()),
                Err(error) => return Err(error.to_string()),
            }
        }
        Ok(latencies)
    }

    /// Calls an attacker again whenever it was stopped.
    fn attack(&self, function: &Function, over: &AtomicBool) {
        let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(0..100));
        while !over.load(Ordering::Relaxed) {
            function.call(&[Arc::clone(&numbers)], 100).ok();
            self.attacks.fetch_add(1, Ordering::Relaxed);
        }
    }
}
