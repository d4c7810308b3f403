//! Any bytes are a component that does its work within its limits, or an error.
//!
//! The corpus is text; what is made of it are components too, so that changes reach what is behind
//! the parser of texts.

#![no_main]

use std::borrow::Cow;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use arrow::array::{Array as _, ArrayRef, Int64Array, StringArray, new_null_array};
use arrow::datatypes::{DataType, Field, FieldRef};
use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};
use wasmill_plugin::{
    Arguments, Function, Host, HostConfig, KeyedCall, KeyedState, Kind, Limits, OpenOptions,
    Plugin, PluginError, ProcessError, Processed, Signature, Slot, StateChange,
};

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

/// Opens a function and calls it, as its kind is called.
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
    let columns = |rows| -> Vec<_> {
        let fields = function.arguments().iter();
        fields
            .map(|field| column(field.data_type(), rows))
            .collect()
    };
    match signature.kind {
        Kind::Scalar | Kind::Table => {}
        Kind::Aggregate => return use_groups(&function, &columns(ROWS)),
        Kind::Process => return use_keys(&function, &columns(ROWS)),
    }
    for rows in [ROWS, 1] {
        let columns = columns(rows);
        if let Ok(result) = function.call(&columns, rows) {
            assert_eq!(result.len(), rows);
            assert_eq!(result.data_type(), function.returns().data_type());
        }
    }
}

/// Two groups, and one more that is made of their states.
fn use_groups(function: &Arc<Function>, columns: &[ArrayRef]) {
    let Ok(mut groups) = function.accumulators() else {
        return;
    };
    if groups.update(columns, vec![0, 1, 0], 2).is_err() {
        return;
    }
    if let Ok(states) = groups.state(2)
        && groups.merge(&states, vec![2, 2], 3).is_ok()
        && let Ok(values) = groups.evaluate(3)
    {
        assert_eq!(values.len(), 3);
        assert_eq!(values.data_type(), function.returns().data_type());
    }
}

/// Keys that have nothing.
struct Nothing(Vec<Slot>);

impl KeyedState for Nothing {
    fn read(&mut self, slot: usize) -> Result<ArrayRef, String> {
        Ok(new_null_array(self.0[slot].data_type(), 2))
    }

    fn lookup(&mut self, slot: usize, _: &[u32], entries: &ArrayRef) -> Result<ArrayRef, String> {
        let value = &self.0[slot].columns[1];
        Ok(new_null_array(value.data_type(), entries.len()))
    }
}

/// Rows of two keys, and a timer of each.
fn use_keys(function: &Arc<Function>, columns: &[ArrayRef]) {
    let call = |numbers: Vec<u32>| {
        let keys = vec![FieldRef::new(Field::new("k", DataType::Int64, true))];
        let state = Box::new(Nothing(function.slots().to_vec()));
        let times = column(&DataType::Int64, numbers.len());
        KeyedCall::new(
            (keys.into(), vec![column(&DataType::Int64, 2)]),
            2,
            numbers,
            0,
            state,
        )
        .times(Some(times))
        .watermark(Some(1))
    };
    let rows = function.next_rows(ROWS);
    let processed = function.process(columns, ROWS, rows, call(vec![0, 1, 0]));
    check_processed(function, processed, ROWS);
    let names: ArrayRef = Arc::new(StringArray::from(vec!["t", "t"]));
    let fired = function.fire(names, column(&DataType::Int64, 2), call(vec![0, 1]));
    check_processed(function, fired, 2);
}

fn check_processed(
    function: &Function,
    processed: Result<Result<Processed, PluginError>, ProcessError>,
    rows: usize,
) {
    let Ok(Ok(processed)) = processed else {
        return;
    };
    for given in processed.rows {
        let columns = match given.side {
            None => function.columns(),
            Some(side) => &function.side_outputs()[side].columns,
        };
        assert_eq!(given.columns.len(), columns.len());
        for (column, field) in given.columns.iter().zip(columns) {
            assert_eq!(column.len(), given.origins.len());
            assert_eq!(column.data_type(), field.data_type());
        }
        assert!(
            given
                .origins
                .values()
                .iter()
                .all(|row| (*row as usize) < rows)
        );
    }
    for change in processed.changes {
        let (StateChange::Write { keys, .. }
        | StateChange::Append { keys, .. }
        | StateChange::Put { keys, .. }
        | StateChange::SetTimers { keys, .. }
        | StateChange::ClearTimers { keys, .. }) = change;
        assert!(keys.iter().all(|key| *key < 2));
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
