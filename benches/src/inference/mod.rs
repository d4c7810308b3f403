//! Models: trees beside LightGBM's own library, many callers of one model, and a model on a server.

mod callers;
mod library;
mod remote;
mod trees;

use std::{error::Error, fs, process::Command};

use crate::{Arguments, measure};

type Result<T, E = Box<dyn Error>> = std::result::Result<T, E>;

pub fn run(arguments: &Arguments) -> Result<()> {
    let folder = match &arguments.folder {
        Some(folder) => folder.join("inference"),
        None => std::env::temp_dir().join("wasmill-bench/inference"),
    };
    fs::create_dir_all(&folder)?;
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tree_models.py");
    measure::run(Command::new(&arguments.python).arg(script).arg(&folder))?;
    trees::run(arguments, &folder)?;
    callers::run(arguments, &folder)?;
    match &arguments.mlserver {
        Some(environment) => remote::run(arguments, &folder, environment),
        None => Ok(()),
    }
}

/// A feature of all rows, one of twenty NaN; the first features of a model of categories have those.
fn random_column(feature: usize, rows: usize, categories: bool) -> Vec<f64> {
    let mut state = (feature as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut random = move || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f64 / (1_u64 << 24) as f64
    };
    let number = || {
        if random() < 0.05 {
            f64::NAN
        } else if categories && feature < 10 {
            (random() * [8.0, 40.0, 200.0][feature % 3]).floor()
        } else {
            // As wide as a normal distribution, and an f32.
            let sum: f64 = (0..4).map(|_| random() - 0.5).sum();
            f64::from((sum * 1.7) as f32)
        }
    };
    std::iter::repeat_with(number).take(rows).collect()
}
