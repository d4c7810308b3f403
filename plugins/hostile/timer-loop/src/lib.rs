//! Sets its timer again and again, for a time that has come.

use std::sync::atomic::{AtomicU64, Ordering};

use attack::columns::Batch;
use attack::process::{Clock, Keyed, Output, ProcessAttack, itself, numbers, output};
use attack::types::Error;

struct Again;

impl ProcessAttack for Again {
    fn batch_eval(attack: &str, rows: &Batch, keyed: &Keyed) -> Result<Vec<Output>, Error> {
        set(attack, keyed);
        Ok(vec![itself(rows)])
    }

    fn on_timers(attack: &str, timers: &Batch, keyed: &Keyed) -> Result<Vec<Output>, Error> {
        match attack {
            "loop in on-timers" => loop {
                std::hint::black_box(());
            },
            "trap in on-timers" => panic!("as it pleases"),
            _ => {}
        }
        set(attack, keyed);
        let rows = timers.rows();
        let given = numbers(vec![0; rows as usize]);
        match attack {
            "rows each time" => Ok(vec![output(given, (0..rows).collect())]),
            _ => Ok(vec![]),
        }
    }
}

fn set(attack: &str, keyed: &Keyed) {
    let keys: Vec<u32> = (0..keyed.keys().rows()).collect();
    let past = vec![i64::MIN; keys.len()];
    match attack {
        "processing" => keyed.set_timers(Clock::Processing, "again", &keys, &past),
        // Two for each that fires.
        "more each time" => {
            for _ in 0..2 {
                let name = format!("again {}", next());
                keyed.set_timers(Clock::Event, &name, &keys, &past);
            }
        }
        _ => keyed.set_timers(Clock::Event, "again", &keys, &past),
    }
}

/// Another number each time.
fn next() -> u64 {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    COUNT.fetch_add(1, Ordering::Relaxed)
}

attack::process::export!(Again);
