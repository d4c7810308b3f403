//! What a row of state by key costs: keys numbered, a value read, a value written, 8,192 rows a call.
//! Of all calls the one in the middle counts, for each step.
//!
//! `cargo run --release -p wasmill-state --example keyed [KEYS…]`

use std::{hint::black_box, sync::Arc, time::Instant};

use arrow::{
    array::{ArrayRef, AsArray, Float64Array, Int64Array},
    datatypes::{DataType, Field, Fields, Float64Type},
    error::ArrowError,
};
use wasmill_state::{
    Keeper, StateStore,
    keyed::{Change, KeyedSpec, KeyedState, SlotKind, SlotSpec},
};

const ROWS: usize = 8192;

fn main() -> Result<(), ArrowError> {
    let keys: Vec<i64> = std::env::args()
        .skip(1)
        .filter_map(|keys| keys.parse().ok())
        .collect();
    let keys = match keys.is_empty() {
        true => vec![300, 8192, 1_000_000],
        false => keys,
    };
    for keys in keys {
        measure(keys)?;
    }
    Ok(())
}

fn measure(keys: i64) -> Result<(), ArrowError> {
    let of_keys = Fields::from(vec![Field::new("k", DataType::Int64, true)]);
    let slot = SlotSpec {
        name: "v".to_owned(),
        kind: SlotKind::Value,
        columns: Fields::from(vec![Field::new("v", DataType::Float64, true)]),
        ttl: None,
    };
    let spec = Arc::new(KeyedSpec::new(of_keys, vec![slot])?);
    let keeper = Keeper::new(&Arc::new(StateStore::new(usize::MAX)), spec.schema());
    let mut state = KeyedState::new(spec, keeper)?;
    let calls = 4 * (keys as usize).div_ceil(ROWS).max(100);
    let mut seed = 1_u64;
    let mut key = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (seed >> 33) as i64 % keys
    };
    let batches: Vec<ArrayRef> = (0..calls)
        .map(|_| -> ArrayRef { Arc::new(Int64Array::from_iter_values((0..ROWS).map(|_| key()))) })
        .collect();
    let mut spent = [const { Vec::new() }; 3];
    let warm = calls / 2;
    for (number, batch) in batches.iter().enumerate() {
        let start = Instant::now();
        let call = state.begin(&[ArrayRef::clone(batch)], ROWS)?;
        let begun = start.elapsed();
        let values = state.read(&call, 0, 0)?;
        let read = start.elapsed();
        let values = values.as_primitive::<Float64Type>();
        let values: Float64Array = values
            .iter()
            .map(|value| Some(value.unwrap_or(0.0) + 1.0))
            .collect();
        let change = Change::Write {
            slot: 0,
            keys: (0..call.count as u32).collect(),
            values: Arc::new(values),
        };
        let changed = start.elapsed();
        state.apply(call, None, vec![change], 0)?;
        let applied = start.elapsed();
        if number >= warm {
            let parts = [begun, read - begun, applied - changed];
            for (spent, part) in spent.iter_mut().zip(parts) {
                spent.push(part.as_nanos() as f64 / ROWS as f64);
            }
        }
    }
    black_box(&state);
    let mean = spent.iter().flatten().sum::<f64>() / spent[0].len() as f64;
    let [begin, read, apply] = spent.map(|mut spent| {
        spent.sort_by(f64::total_cmp);
        spent[spent.len() / 2]
    });
    let all = begin + read + apply;
    println!(
        "{keys:>8} keys: {all:6.1} ns a row (begin {begin:.1}, read {read:.1}, apply {apply:.1}; mean of all calls {mean:.1}), \
         {:.1} MB in {} chunks",
        state.bytes() as f64 / 1e6,
        state.chunks().count()
    );
    Ok(())
}
