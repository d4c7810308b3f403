//! What crosses the border: bytes that a call copies, by the host's own counters.

use std::{error::Error, path::Path, sync::Arc, time::Instant};

use arrow::{
    array::{ArrayRef, Float64Array},
    datatypes::{DataType, Field, FieldRef},
};
use wasmill_plugin::{Host, HostConfig, Model, ModelError, OpenOptions};

use crate::table;

const ROWS: usize = 8_192;
const FEATURES: usize = 28;

/// A model that costs nothing: its prediction is the first feature.
#[derive(Debug)]
struct FirstFeature {
    inputs: Vec<FieldRef>,
    outputs: Vec<FieldRef>,
}

impl Model for FirstFeature {
    fn inputs(&self) -> &[FieldRef] {
        &self.inputs
    }

    fn outputs(&self) -> &[FieldRef] {
        &self.outputs
    }

    fn version(&self) -> String {
        "1".to_owned()
    }

    fn predict(
        &self,
        columns: &[ArrayRef],
        _rows: usize,
        _deadline: Option<Instant>,
    ) -> Result<Vec<ArrayRef>, ModelError> {
        Ok(columns.iter().take(1).cloned().collect())
    }
}

/// Calls a function that hands its columns to a model and one that reads them, and prints what
/// each copied.
pub fn run() -> Result<(), Box<dyn Error>> {
    let host = Host::new(HostConfig::default())?;
    let plugins = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/plugins");
    let mut lines = Vec::new();
    for (name, arguments) in [("predict", FEATURES), ("haversine", 4)] {
        let mut options = OpenOptions::new(name, fields(arguments));
        if name == "predict" {
            let model = FirstFeature {
                inputs: fields(FEATURES),
                outputs: fields(1),
            };
            let parameter = ("model".to_owned(), "first".to_owned());
            options.parameters.extend([parameter]);
            options
                .grants
                .models
                .insert("first".to_owned(), Arc::new(model));
        }
        let plugin = host.load(name, &plugins.join(name).with_extension("wasm"))?;
        let function = plugin.open(name, options)?;
        let column: ArrayRef = Arc::new(Float64Array::from_iter_values(
            (0..ROWS).map(|row| row as f64 / 100.0),
        ));
        function.call(&vec![column; arguments], ROWS)?;
        let counters = function.counters();
        // What is read and what is given back: nothing of a model's.
        let (bar_in, bar_out) = match name {
            "predict" => (0, 0),
            _ => (arguments * ROWS * 8, ROWS * 8),
        };
        let met = (counters.bytes_in, counters.bytes_out) == (bar_in as u64, bar_out as u64);
        lines.push(vec![
            format!("{name}, {arguments} columns of {ROWS} rows"),
            format!("{} B", counters.bytes_in),
            format!("{} B", counters.bytes_out),
            format!("{bar_in} B, {bar_out} B"),
            table::verdict(met),
        ]);
    }
    table::print(
        "Bytes that one call copies over the border",
        &["function", "into the guest", "out of it", "bar", ""],
        &lines,
    );
    Ok(())
}

fn fields(count: usize) -> Vec<FieldRef> {
    (0..count)
        .map(|number| Arc::new(Field::new(format!("f{number}"), DataType::Float64, true)))
        .collect()
}
