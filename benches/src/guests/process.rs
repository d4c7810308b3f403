//! Process functions: a running total by key in a guest beside the same in Rust, both over the state of a
//! node of the engine.

use std::{error::Error, path::Path, sync::Arc};

use arrow::{
    array::{ArrayRef, AsArray, Float64Array, Int64Array},
    buffer::ScalarBuffer,
    datatypes::{DataType, Field, FieldRef, Fields, Float64Type, Int64Type},
};
use parking_lot::Mutex;
use wasmill_plugin::{
    Function, Host, KeyedCall, KeyedState as StateOfCall, OpenOptions, Processed, StateChange,
};
use wasmill_state::{
    Keeper, StateStore,
    keyed::{CallKeys, Change, KeyedSpec, KeyedState, SlotKind, SlotSpec},
};

use super::{BATCHES, ROWS, line, print};
use crate::{Arguments, border::paired};

type Outcome<T> = Result<T, Box<dyn Error>>;

pub(super) fn run(arguments: &Arguments, host: &Arc<Host>, root: &Path) -> Outcome<()> {
    let plugin = host.load("sessions", &root.join("target/plugins/sessions.wasm"))?;
    let fields = vec![Arc::new(Field::new("amount", DataType::Float64, true))];
    let function = plugin.open("running_total", OpenOptions::new("running_total", fields))?;
    let mut lines = Vec::new();
    for keys in [1, 300, 8_192, 1_000_000] {
        let batches: Vec<_> = (0..BATCHES).map(|seed| batch(seed, keys)).collect();
        let (mut native, mut wasm) = (Keyed::new()?, Keyed::new()?);
        for batch in &batches {
            let (one, other) = (native.native(batch)?, wasm.wasm(batch, &function)?);
            if one != other {
                return Err("the component and the native function disagree".into());
            }
        }
        let (mut of_native, mut of_wasm) = (batches.iter().cycle(), batches.iter().cycle());
        let times = paired(
            arguments.runs,
            || {
                of_native
                    .next()
                    .map_or(Ok(()), |batch| native.native(batch).map(drop))
            },
            || {
                of_wasm
                    .next()
                    .map_or(Ok(()), |batch| wasm.wasm(batch, &function).map(drop))
            },
        )?;
        lines.push(line("running total", keys, times));
    }
    print(
        "Process functions: 8,192 rows over state by key, limits on, 64 batches in turn",
        "keys",
        &lines,
    );
    Ok(())
}

/// Keys and amounts.
fn batch(seed: usize, keys: usize) -> [ArrayRef; 2] {
    let rows = 0..ROWS;
    let key = |row: usize| (row.wrapping_mul(7_919) + seed * 104_729) % keys;
    let numbers = rows.clone().map(|row| key(row) as i64);
    let amounts = rows.map(|row| ((row * 7 + seed) % 1_000) as f64);
    [
        Arc::new(Int64Array::from_iter_values(numbers)),
        Arc::new(Float64Array::from_iter_values(amounts)),
    ]
}

/// The state of a partition.
struct Keyed {
    state: Arc<Mutex<KeyedState>>,
    keys: Fields,
}

/// Totals, and how many rows they are of.
#[derive(PartialEq)]
struct Totals(ScalarBuffer<f64>, ScalarBuffer<i64>);

struct Reader {
    state: Arc<Mutex<KeyedState>>,
    keys: Arc<CallKeys>,
}

impl StateOfCall for Reader {
    fn read(&mut self, slot: usize) -> Result<ArrayRef, String> {
        let read = self.state.lock().read(&self.keys, slot, 0);
        read.map_err(|error| error.to_string())
    }

    fn lookup(&mut self, _: usize, _: &[u32], _: &ArrayRef) -> Result<ArrayRef, String> {
        Err("there is no map".to_owned())
    }
}

impl Keyed {
    fn new() -> Outcome<Self> {
        let slot = |name: &str, data_type| SlotSpec {
            name: name.to_owned(),
            kind: SlotKind::Value,
            columns: vec![Field::new("value", data_type, true)].into(),
            ttl: None,
        };
        let slots = vec![
            slot("total", DataType::Float64),
            slot("rows", DataType::Int64),
        ];
        let key: FieldRef = Arc::new(Field::new("k", DataType::Int64, true));
        let keys: Fields = vec![key].into();
        let spec = Arc::new(KeyedSpec::new(keys.clone(), slots)?);
        let store = Arc::new(StateStore::new(usize::MAX));
        let keeper = Keeper::new(&store, spec.schema());
        Ok(Self {
            state: Arc::new(Mutex::new(KeyedState::new(spec, keeper)?)),
            keys,
        })
    }

    fn native(&mut self, [keys, amounts]: &[ArrayRef; 2]) -> Outcome<Totals> {
        let mut state = self.state.lock();
        let keys = state.begin(std::slice::from_ref(keys), ROWS)?;
        let before = (state.read(&keys, 0, 0)?, state.read(&keys, 1, 0)?);
        let of = |array: &ArrayRef| {
            array
                .as_primitive::<Float64Type>()
                .iter()
                .map(Option::unwrap_or_default)
                .collect()
        };
        let mut totals: Vec<f64> = of(&before.0);
        let counts = before.1.as_primitive::<Int64Type>().iter();
        let mut counts: Vec<i64> = counts.map(Option::unwrap_or_default).collect();
        let amounts = amounts.as_primitive::<Float64Type>();
        let (mut sums, mut rows) = (Vec::with_capacity(ROWS), Vec::with_capacity(ROWS));
        for (amount, key) in amounts.values().iter().zip(&keys.numbers) {
            let key = *key as usize;
            totals[key] += amount;
            counts[key] += 1;
            sums.push(totals[key]);
            rows.push(counts[key]);
        }
        let all: Vec<u32> = (0..).take(keys.count).collect();
        let write = |slot, values: ArrayRef| Change::Write {
            slot,
            keys: all.clone(),
            values,
        };
        let changes = vec![
            write(0, Arc::new(Float64Array::from(totals))),
            write(1, Arc::new(Int64Array::from(counts))),
        ];
        state.apply(keys, None, changes, 0)?;
        Ok(Totals(sums.into(), rows.into()))
    }

    fn wasm(&mut self, [keys, amounts]: &[ArrayRef; 2], function: &Function) -> Outcome<Totals> {
        let keys = self.state.lock().begin(std::slice::from_ref(keys), ROWS)?;
        let keys = Arc::new(keys);
        let reader = Reader {
            state: Arc::clone(&self.state),
            keys: Arc::clone(&keys),
        };
        let columns = (self.keys.clone(), keys.columns.clone());
        let count = u32::try_from(keys.count)?;
        let call = KeyedCall::new(columns, count, keys.numbers.clone(), 0, Box::new(reader));
        let about = function.next_rows(ROWS);
        let amounts = std::slice::from_ref(amounts);
        let processed = function.process(amounts, ROWS, about, call);
        let Processed { rows, changes } = processed
            .map_err(|error| format!("{error:?}"))?
            .map_err(|error| error.to_string())?;
        let changes = changes.into_iter().filter_map(|change| match change {
            StateChange::Write { slot, keys, values } => Some(Change::Write { slot, keys, values }),
            _ => None,
        });
        let keys = Arc::try_unwrap(keys).map_err(|_| "the call holds its keys")?;
        self.state.lock().apply(keys, None, changes.collect(), 0)?;
        let [rows] = &rows[..] else {
            return Err(format!("{} outputs", rows.len()).into());
        };
        let [totals, counts] = &rows.columns[..] else {
            return Err("other columns".into());
        };
        Ok(Totals(
            totals.as_primitive::<Float64Type>().values().clone(),
            counts.as_primitive::<Int64Type>().values().clone(),
        ))
    }
}
