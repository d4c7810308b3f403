//! Every row replaces the one of its key, which is read before.

use std::collections::BTreeSet;

use crate::{
    Result, Size,
    measured::{Held, Measured, Worked},
    rows::{Columns, EPOCH, Random, key, schema, times},
    stores::Store,
};

/// Keys; as many rows are written first, and more than those replaced then.
const KEYS: usize = 1_000_000;
const REPLACED: usize = 1_500_000;

/// Writes a row of each key in an order by chance, and then replaces rows of keys that are chosen by
/// chance.
pub fn work(store: &mut dyn Store, size: Size) -> Result<Worked> {
    let schema = schema();
    let keys = KEYS / size.divide;
    let mut measured = Measured::new(store, size);
    let mut random = Random(2);
    // The time of each key's row.
    let mut expected: Vec<Option<i64>> = vec![None; keys];
    let mut order: Vec<u64> = (0..keys as u64).collect();
    for place in (1..keys).rev() {
        order.swap(place, random.below(place as u64 + 1) as usize);
    }
    let mut first = order.chunks(EPOCH);
    for epoch in 0..(keys + REPLACED / size.divide) / EPOCH {
        let chosen = match first.next() {
            Some(chosen) => chosen.to_vec(),
            None => chosen(&mut random, keys),
        };
        let mut columns = Columns::default();
        let mut before = Vec::new();
        for (row, number) in chosen.iter().enumerate() {
            let time = (epoch * EPOCH + row) as i64;
            columns.push(&key(*number), time, random.values());
            before.extend(expected[*number as usize].replace(time));
        }
        let batch = columns.finish(&schema)?;
        let replaced = measured.waiting(|store| store.replace(&batch))?;
        if times(&replaced).values()[..] != before[..] {
            return Err(format!("the epoch {epoch} replaced other rows than there were").into());
        }
        if !measured.end_epoch(chosen.len())? {
            break;
        }
    }
    let there = expected.iter().flatten();
    let held = Held {
        rows: there.clone().count() as u64,
        times: there.sum(),
    };
    measured.finish(held)
}

/// As many different keys as an epoch has rows.
fn chosen(random: &mut Random, keys: usize) -> Vec<u64> {
    let mut known = BTreeSet::new();
    let mut chosen = Vec::with_capacity(EPOCH);
    while chosen.len() < EPOCH {
        let number = random.below(keys as u64);
        if known.insert(number) {
            chosen.push(number);
        }
    }
    chosen
}
