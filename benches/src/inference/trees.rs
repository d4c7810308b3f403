//! One thread, trees of several sizes, beside LightGBM's C API: the same rows, turn about.

use std::{fs, hint::black_box, path::Path, time::Instant};

use wasmill_inference::lightgbm::{FeatureColumn, FeatureValues, Forest, PredictOptions};

use super::{
    Result,
    library::{self, Booster},
    random_column,
};
use crate::{Arguments, measure::median, table};

const ROWS: usize = 8192;

/// What is wanted of a time.
#[derive(Clone, Copy)]
enum Bar {
    None,
    /// At least so many times as fast as LightGBM.
    Ratio(f64),
    /// At most so many seconds.
    Time(f64),
}

impl Bar {
    /// What it wants, and whether it has it, in words.
    fn judged(self, time: f64, ratio: f64) -> [String; 2] {
        match self {
            Bar::None => ["–", "–"].map(str::to_owned),
            Bar::Ratio(bar) => [format!("≥ {bar}×"), table::verdict(ratio >= bar)],
            Bar::Time(bar) => [
                format!("≤ {}", table::duration(bar)),
                table::verdict(time <= bar),
            ],
        }
    }
}

/// A model, what is wanted of one row, of 64 and of all, and of reading it.
const MODELS: [(&str, [Bar; 3], Bar); 6] = [
    (
        "20x31",
        [Bar::None, Bar::Ratio(4.0), Bar::Ratio(4.0)],
        Bar::None,
    ),
    (
        "500x63",
        [Bar::Time(3e-6), Bar::Ratio(6.0), Bar::Ratio(6.0)],
        Bar::Time(50e-3),
    ),
    ("500x255", [Bar::Ratio(2.0); 3], Bar::None),
    ("2000x63", [Bar::Ratio(2.0); 3], Bar::None),
    ("500x63-categories", [Bar::Ratio(2.0); 3], Bar::None),
    ("200x31-linear", [Bar::Ratio(2.0); 3], Bar::None),
];

pub fn run(arguments: &Arguments, folder: &Path) -> Result<()> {
    let library = library::path(&arguments.python)?;
    let (mut lines, mut loads) = (Vec::new(), Vec::new());
    for (name, bars, to_read) in MODELS {
        let path = folder.join(format!("{name}.txt"));
        let text = fs::read(&path)?;
        let started = Instant::now();
        let forest = Forest::parse(&text)?;
        let read = started.elapsed().as_secs_f64();
        let features = forest.feature_names().len();
        let started = Instant::now();
        let booster = Booster::load(&library, &path, features)?;
        let theirs = started.elapsed().as_secs_f64();
        let [bar, verdict] = to_read.judged(read, theirs / read);
        loads.push(vec![
            name.to_owned(),
            table::duration(read),
            table::duration(theirs),
            table::ratio(theirs / read),
            bar,
            verdict,
        ]);
        for (rows, bar) in [1, 64, ROWS].into_iter().zip(bars) {
            lines.push(measured(arguments, name, &forest, &booster, rows, bar)?);
        }
    }
    table::print(
        "Trees: time of a row on one thread",
        &[
            "model",
            "rows a call",
            "wasmill",
            "LightGBM",
            "ratio",
            "bar",
            "",
        ],
        &lines,
    );
    table::print(
        "Trees: reading a model",
        &["model", "wasmill", "LightGBM", "ratio", "bar", ""],
        &loads,
    );
    Ok(())
}

fn measured(
    arguments: &Arguments,
    name: &str,
    forest: &Forest,
    booster: &Booster,
    rows: usize,
    bar: Bar,
) -> Result<Vec<String>> {
    let features = forest.feature_names().len();
    let columns: Vec<Vec<f64>> = (0..features)
        .map(|feature| random_column(feature, ROWS, name.contains("categories")))
        .collect();
    let matrix: Vec<f64> = (0..ROWS)
        .flat_map(|row| columns.iter().map(move |column| column[row]))
        .collect();
    let features_of: Vec<_> = columns
        .iter()
        .map(|values| FeatureColumn::new(FeatureValues::F64(values), None))
        .collect();
    // Every call has other rows.
    let calls: Vec<Vec<FeatureColumn<'_>>> = (0..(ROWS / rows).min(1024))
        .map(|call| {
            features_of
                .iter()
                .map(|column| column.skip(call * rows))
                .collect()
        })
        .collect();
    let mut ours = vec![0.0; calls.len() * rows];
    let mut theirs = ours.clone();
    // So many that a side has some ten milliseconds.
    let repeats = (8192 / ours.len()).max(1);
    let (mut times, mut their_times) = (Vec::new(), Vec::new());
    for _ in 0..arguments.runs {
        let started = Instant::now();
        for _ in 0..repeats {
            for (columns, out) in calls.iter().zip(ours.chunks_mut(rows)) {
                forest.predict(black_box(columns), rows, out, PredictOptions::default());
            }
        }
        times.push(started.elapsed().as_secs_f64());
        let started = Instant::now();
        for _ in 0..repeats {
            let matrices = matrix.chunks(rows * features);
            for (matrix, out) in matrices.zip(theirs.chunks_mut(rows)) {
                booster.predict(black_box(matrix), out)?;
            }
        }
        their_times.push(started.elapsed().as_secs_f64());
    }
    if ours
        .iter()
        .zip(&theirs)
        .any(|(a, b)| a.to_bits() != b.to_bits())
    {
        return Err(format!("{name}: other predictions than LightGBM's").into());
    }
    let ratios = their_times
        .iter()
        .zip(&times)
        .map(|(theirs, ours)| theirs / ours);
    let ratio = median(ratios.collect());
    let row = |times: Vec<f64>| median(times) / (ours.len() * repeats) as f64;
    let time = row(times);
    let [bar, verdict] = bar.judged(time, ratio);
    Ok(vec![
        name.to_owned(),
        rows.to_string(),
        table::duration(time),
        table::duration(row(their_times)),
        table::ratio(ratio),
        bar,
        verdict,
    ])
}
