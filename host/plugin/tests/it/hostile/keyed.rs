//! Calls of attackers that are process functions, over keys that have nothing.

use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, Int64Array, StringArray, new_null_array};
use arrow::datatypes::DataType;
use wasmill_plugin::{Function, KeyedCall, KeyedState, PluginError, ProcessError, Processed, Slot};

use super::{numbers, open};
use crate::support::{fields, rendered};

/// Nothing in any slot.
struct Nothing(Vec<Slot>);

impl KeyedState for Nothing {
    fn read(&mut self, slot: usize) -> Result<ArrayRef, String> {
        Ok(new_null_array(self.0[slot].data_type(), 2))
    }

    fn lookup(&mut self, _: usize, _: &[u32], entries: &ArrayRef) -> Result<ArrayRef, String> {
        Ok(new_null_array(&DataType::Int64, entries.len()))
    }
}

fn keyed(function: &Function, numbers: Vec<u32>) -> KeyedCall {
    let keys: ArrayRef = Arc::new(Int64Array::from(vec![7, 8]));
    let times: ArrayRef = Arc::new(Int64Array::from(vec![5; numbers.len()]));
    let state = Box::new(Nothing(function.slots().to_vec()));
    let keys = (fields(&[DataType::Int64]).into(), vec![keys]);
    KeyedCall::new(keys, 2, numbers, 1_000, state)
        .times(Some(times))
        .watermark(Some(3))
}

pub type Called = Result<Processed, PluginError>;

fn called(called: Result<Called, ProcessError>) -> Called {
    match called {
        Ok(called) => called,
        Err(ProcessError::Plugin(error)) => Err(error),
        Err(ProcessError::State(reason)) => panic!("{reason}"),
    }
}

/// Three rows of two keys.
pub fn process(function: &Function) -> Called {
    let about = function.next_rows(3);
    called(function.process(&[numbers(3)], 3, about, keyed(function, vec![0, 1, 0])))
}

/// A timer of each key.
pub fn fire(function: &Function) -> Called {
    let names: ArrayRef = Arc::new(StringArray::from(vec!["t", "t"]));
    called(function.fire(names, numbers(2), keyed(function, vec![0, 1])))
}

/// What the user sees of an attack, in a line.
pub fn attacked(name: &str, attack: &str) -> String {
    let told = open(name, "attack", attack).and_then(|function| process(&function));
    let told = match told {
        Ok(processed) => {
            let rows: usize = processed.rows.iter().map(|rows| rows.origins.len()).sum();
            format!("{rows} rows, {} changes", processed.changes.len())
        }
        Err(error) => rendered(&error),
    };
    format!("{attack}: {}", told.lines().next().unwrap_or_default())
}
