//! 64 callers with one row each beside one caller with batches of 64: through the queue, and without one.

use std::{
    path::Path,
    sync::Arc,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

use arrow::{
    array::{ArrayRef, Float64Array},
    datatypes::{DataType, Field},
};
use wasmill_inference::{Model, ModelDefinition, load};

use super::{Result, random_column};
use crate::{Arguments, measure::median, table};

const CALLERS: usize = 64;
const FEATURES: usize = 30;
/// The share of the rows of one caller with batches that callers of single rows shall have.
const BAR: f64 = 0.6;

pub fn run(arguments: &Arguments, folder: &Path) -> Result<()> {
    let mut lines = Vec::new();
    for (name, options) in [
        ("without a queue", &[][..]),
        ("batch.max-rows = 64", &[("batch.max-rows", "64")]),
    ] {
        let model = model(folder, options)?;
        let (mut batches, mut singles, mut shares) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..arguments.runs {
            let alone = rows_a_second(&model, 1, CALLERS)?;
            let together = rows_a_second(&model, CALLERS, 1)?;
            shares.push(together / alone);
            batches.push(alone);
            singles.push(together);
        }
        let share = median(shares);
        let thousands = |rows: f64| format!("{:.0}k", rows / 1e3);
        lines.push(vec![
            name.to_owned(),
            thousands(median(batches)),
            thousands(median(singles)),
            format!("{:.0} %", share * 1e2),
            format!("≥ {:.0} %", BAR * 1e2),
            table::verdict(share >= BAR),
        ]);
    }
    table::print(
        "64 callers of 500 × 63 leaves with one row each: rows a second",
        &[
            "",
            "one caller, 64 rows a call",
            "64 callers, one row",
            "share",
            "bar",
            "",
        ],
        &lines,
    );
    Ok(())
}

fn model(folder: &Path, options: &[(&str, &str)]) -> Result<Arc<dyn Model>> {
    let field = |name: String| Field::new(name, DataType::Float64, true);
    let options = [("path", "500x63.txt")].iter().chain(options);
    Ok(load(&ModelDefinition {
        name: "m".into(),
        provider: "lightgbm".into(),
        options: options
            .map(|(key, value)| ((*key).into(), (*value).into()))
            .collect(),
        inputs: (0..FEATURES)
            .map(|feature| field(format!("f{feature}")))
            .collect(),
        outputs: vec![field("y".into())],
        base: folder.into(),
    })?)
}

/// What callers on threads of their own get from a model, each asking again when it has its answer.
fn rows_a_second(model: &Arc<dyn Model>, callers: usize, rows: usize) -> Result<f64> {
    const CALLS: usize = 64;
    let columns: Vec<ArrayRef> = (0..FEATURES)
        .map(|feature| {
            Arc::new(Float64Array::from(random_column(
                feature,
                CALLS * rows,
                false,
            ))) as _
        })
        .collect();
    let calls: Vec<Vec<ArrayRef>> = (0..CALLS)
        .map(|call| {
            columns
                .iter()
                .map(|column| column.slice(call * rows, rows))
                .collect()
        })
        .collect();
    let (stop, done) = (AtomicBool::new(false), AtomicUsize::new(0));
    let started = Instant::now();
    let failed = thread::scope(|scope| {
        let callers: Vec<_> = (0..callers)
            .map(|caller| {
                let (calls, stop, done) = (&calls, &stop, &done);
                scope.spawn(move || {
                    for columns in calls.iter().cycle().skip(caller) {
                        if stop.load(Ordering::Relaxed) {
                            break;
                        }
                        model.predict(columns, rows, None)?;
                        done.fetch_add(rows, Ordering::Relaxed);
                    }
                    Ok(())
                })
            })
            .collect();
        thread::sleep(Duration::from_millis(700));
        stop.store(true, Ordering::Relaxed);
        let ends = callers.into_iter().map(thread::ScopedJoinHandle::join);
        ends.map(|end| end.unwrap_or(Ok(())))
            .find_map(|end: std::result::Result<(), wasmill_inference::InferenceError>| end.err())
    });
    match failed {
        Some(error) => Err(error.into()),
        None => Ok(done.load(Ordering::Relaxed) as f64 / started.elapsed().as_secs_f64()),
    }
}
