//! Any bytes are a component that does its work within its limits, or an error.
//!
//! The corpus is text; what is made of it are components too, so that changes reach what is behind
//! the parser of texts.

#![no_main]

use std::borrow::Cow;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use arrow::array::{ArrayRef, Int64Array, new_null_array};
use arrow::datatypes::{DataType, Field, FieldRef};
use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};
use wasmill_plugin::{Arguments, Host, HostConfig, Limits, OpenOptions, Plugin, Signature};

const ROWS: usize = 3;
/// Functions of a component that are opened.
const OPENED: usize = 2;

static HOST: LazyLock<Arc<Host>> = LazyLock::new(|| {
    Host::new(HostConfig {
        default_limits: limits(),
        stack: 128 << 10,
        instances: 4,
        memory: 16 << 20,
        turns: 1,
        ..HostConfig::default()
    })
    .expect("a host starts")
});

fn limits() -> Limits {
    Limits {
        memory: 4 << 20,
        time: Duration::from_millis(20),
        wall_time: Duration::from_millis(100),
        result_rows: 1 << 12,
        result_bytes: 1 << 20,
        handles: 100,
        ..Limits::default()
    }
}

fuzz_target!(|bytes: &[u8]| {
    let component = wat::parse_bytes(bytes).unwrap_or(Cow::Borrowed(bytes));
    match HOST.load_bytes("plugin.wasm", &component) {
        Ok(plugin) => {
            for signature in plugin.functions().iter().take(OPENED) {
                use_function(&plugin, signature);
            }
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    assert_eq!(HOST.account().used().instances, 0, "all guests are gone");
});

/// Opens a function and calls it by the batch and by the row.
fn use_function(plugin: &Arc<Plugin>, signature: &Signature) {
    let arguments = match &signature.arguments {
        Arguments::Exact(fields) => fields.to_vec(),
        Arguments::Variadic(field) => vec![field.clone()],
        Arguments::Any => vec![FieldRef::new(Field::new("x", DataType::Int64, true))],
    };
    let mut options = OpenOptions::new("f", arguments);
    options.limits = limits();
    let Ok(function) = plugin.open(&signature.name, options) else {
        return;
    };
    for rows in [ROWS, 1] {
        let columns: Vec<_> = function
            .arguments()
            .iter()
            .map(|field| column(field.data_type(), rows))
            .collect();
        if let Ok(result) = function.call(&columns, rows) {
            assert_eq!(result.len(), rows);
            assert_eq!(result.data_type(), function.returns().data_type());
        }
    }
}

fn column(data_type: &DataType, rows: usize) -> ArrayRef {
    match data_type {
        DataType::Int64 => Arc::new(Int64Array::from_iter_values((0..).take(rows))),
        other => new_null_array(other, rows),
    }
}

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    let mut size = size;
    if seed.is_multiple_of(2)
        && let Ok(component) = wat::parse_bytes(&data[..size]).map(Cow::into_owned)
        && component.len() <= max_size
    {
        size = component.len();
        data[..size].copy_from_slice(&component);
    }
    fuzzer_mutate(data, size, max_size)
});
