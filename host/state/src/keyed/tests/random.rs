//! Random calls: a partition, what is restored of its chunks, and a model of it stay the same.

use std::sync::Arc;

use arrow::{
    array::{
        Array, ArrayRef, BooleanArray, Float64Array, Int64Array, ListArray, RecordBatch,
        StringArray, StructArray, new_null_array,
    },
    buffer::{NullBuffer, OffsetBuffer},
    compute::filter_record_batch,
    datatypes::{DataType, Field, Fields},
};

use super::{
    model::{self, Key, Model},
    slot,
};
use crate::{
    Keeper, StateStore,
    keyed::{Change, KeyedSpec, KeyedState, SlotKind, SlotSpec, TimerClock},
};

/// Numbers that are the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        ((self.0 >> 33) as usize) % limit.max(1)
    }

    fn one_of(&mut self, of: usize) -> bool {
        self.below(of) == 0
    }

    fn values(&mut self, of_type: &DataType, count: usize, nulls: bool) -> ArrayRef {
        let mut cell = |limit| (!nulls || !self.one_of(5)).then(|| self.below(limit));
        match of_type {
            DataType::Int64 => Arc::new(Int64Array::from_iter(
                (0..count).map(|_| cell(12).map(|cell| cell as i64 - 6)),
            )),
            DataType::Float64 => Arc::new(Float64Array::from_iter(
                (0..count).map(|_| cell(99).map(|cell| cell as f64 / 4.0)),
            )),
            DataType::Utf8 => {
                let long = "x".repeat(30);
                let cell = (0..count).map(|_| cell(12));
                Arc::new(StringArray::from_iter(cell.map(|cell| {
                    cell.map(|cell| format!("s{cell}{}", &long[..cell % 3 * 15]))
                })))
            }
            DataType::Struct(fields) => {
                let columns = fields.iter().enumerate();
                let columns = columns
                    .map(|(place, field)| self.values(field.data_type(), count, place > 0))
                    .collect();
                Arc::new(StructArray::new(fields.clone(), columns, None))
            }
            DataType::List(item) => {
                let lengths: Vec<_> = (0..count).map(|_| self.below(4)).collect();
                let items = self.values(item.data_type(), lengths.iter().sum(), true);
                let valid: Vec<_> = (0..count).map(|_| !self.one_of(6)).collect();
                Arc::new(ListArray::new(
                    Arc::clone(item),
                    OffsetBuffer::from_lengths(lengths),
                    items,
                    Some(NullBuffer::from(valid)),
                ))
            }
            other => new_null_array(other, count),
        }
    }

    fn numbers(&mut self, count: usize) -> Vec<u32> {
        match self.below(4) {
            0 => (0..count as u32).collect(),
            1 => (0..count as u32).filter(|_| self.one_of(3)).collect(),
            _ if count == 0 => Vec::new(),
            _ => {
                let rows = self.below(2 * count);
                (0..rows).map(|_| self.below(count) as u32).collect()
            }
        }
    }

    fn change(&mut self, spec: &KeyedSpec, count: usize, now: i64) -> Change {
        let keys = self.numbers(count);
        let slot = self.below(spec.slots().len() + 2);
        let Some(of_slot) = spec.slots().get(slot) else {
            let name = format!("t{}", self.below(3));
            if self.one_of(3) {
                return Change::ClearTimers { name, keys };
            }
            let clock = match self.one_of(2) {
                true => TimerClock::Event,
                false => TimerClock::Processing,
            };
            let at = keys.iter().map(|_| now + self.below(60) as i64).collect();
            return Change::SetTimers {
                clock,
                name,
                keys,
                at,
            };
        };
        let types: Vec<_> = of_slot
            .columns
            .iter()
            .map(|column| column.data_type())
            .collect();
        let rows = keys.len();
        match (of_slot.kind, self.below(4)) {
            (SlotKind::List, 1..) => Change::Append {
                slot,
                keys,
                items: self.values(types[0], rows, true),
            },
            (SlotKind::Map, 1..) => Change::Put {
                slot,
                keys,
                entries: self.values(types[0], rows, false),
                values: self.values(types[1], rows, true),
            },
            _ => Change::Write {
                slot,
                keys,
                values: self.values(spec.slot_type(slot), rows, true),
            },
        }
    }
}

fn slots() -> Vec<SlotSpec> {
    use DataType::{Float64, Int64, Utf8};
    vec![
        slot("v", SlotKind::Value, &[Utf8], None),
        slot("w", SlotKind::Value, &[Float64], Some(50)),
        slot("l", SlotKind::List, &[Int64], None),
        slot("m", SlotKind::List, &[Utf8], Some(70)),
        slot("p", SlotKind::Map, &[Utf8, Int64], None),
        slot("q", SlotKind::Map, &[Int64, Utf8], Some(60)),
    ]
}

/// All keys that there may be.
fn universe(keys: &Fields) -> (Vec<ArrayRef>, usize) {
    let count = if keys.is_empty() { 1 } else { 36 };
    let columns = keys.iter().map(|field| -> ArrayRef {
        let rows = 0..count as i64;
        match field.data_type() {
            DataType::Utf8 => Arc::new(StringArray::from_iter(rows.map(|row| {
                let text = "k".repeat(1 + (row % 6) as usize * 5);
                (row % 6 > 0).then_some(text)
            }))),
            _ => Arc::new(Int64Array::from_iter(
                rows.map(|row| (row / 6 > 0).then_some(row / 6)),
            )),
        }
    });
    (columns.collect(), count)
}

fn pick(random: &mut Random, columns: &[ArrayRef], count: usize) -> (Vec<ArrayRef>, usize) {
    let rows = random.below(40);
    // Some keys are left alone for long.
    let count = [count, count.min(9), count.min(4)][random.below(3)];
    let rows: Vec<_> = (0..rows).map(|_| random.below(count) as u32).collect();
    let indices = arrow::array::UInt32Array::from(rows);
    let columns = columns.iter();
    let columns = columns.map(|column| arrow::compute::take(column, &indices, None).unwrap());
    (columns.collect(), indices.len())
}

/// Holds a partition, or one of two, against the model.
fn compare(state: &mut KeyedState, spec: &KeyedSpec, model: &Model, now: i64, of: Option<usize>) {
    let (columns, count) = universe(spec.keys());
    let all = model::keys(&columns, count);
    let mine = |key: &Key| of.is_none_or(|part| partition(key) == part);
    let call = state.begin(&columns, count).unwrap();
    for (slot, of_slot) in spec.slots().iter().enumerate() {
        let values = state.read(&call, slot, now).unwrap();
        assert_eq!(values.data_type(), spec.slot_type(slot));
        for (row, key) in all.iter().enumerate().filter(|(_, key)| mine(key)) {
            let found = model::read(of_slot.kind, &values, row);
            let wanted = model.read(spec, key, slot, now);
            assert_eq!(found, wanted, "slot {slot} of {key:?} at {now}");
        }
    }
    state.cancel(call);
    let mut wanted = model.timers();
    wanted.retain(|(_, key, ..)| mine(key));
    let mut found = Vec::new();
    if let Some(due) = state.due(i64::MAX, i64::MAX, usize::MAX).unwrap() {
        assert!(due.at.values().is_sorted());
        let keys = model::keys(&due.keys.columns, due.keys.count);
        for row in 0..due.at.len() {
            let key = keys[due.keys.numbers[row] as usize].clone();
            let name = due.names.value(row).to_owned();
            let clock = model.keys[&key]
                .timers
                .get(&name)
                .is_some_and(|timer| timer.1);
            found.push((due.at.value(row), key, name, clock));
        }
        state.cancel(due.keys);
    }
    found.sort();
    assert_eq!(found, wanted);
    for (clock, next) in [(false, state.next_event()), (true, state.next_processing())] {
        let of_clock = wanted.iter().filter(|timer| timer.3 == clock);
        assert_eq!(next, of_clock.map(|timer| timer.0).next());
    }
}

fn partition(key: &Key) -> usize {
    let text = key.iter().flatten().map(String::len).sum::<usize>();
    (text + key.iter().flatten().count()) % 2
}

/// What a partition has of a chunk.
fn part_of(batch: &RecordBatch, keys: usize, part: usize) -> RecordBatch {
    let keys = model::keys(&batch.columns()[..keys], batch.num_rows());
    let mine = keys.iter().map(|key| partition(key) == part);
    filter_record_batch(batch, &BooleanArray::from(mine.collect::<Vec<_>>())).unwrap()
}

async fn run(seed: u64, keys: Fields, slots: Vec<SlotSpec>, steps: usize, spare: usize) {
    let spec = Arc::new(KeyedSpec::new(keys, slots).unwrap());
    let store = Arc::new(StateStore::new(0));
    let folder = tempfile::tempdir().unwrap();
    store.open_scratch(folder.path()).await.unwrap();
    let keeper = Keeper::new(&store, spec.schema());
    let fresh = || {
        let mut state = KeyedState::new(Arc::clone(&spec), keeper.clone()).unwrap();
        state.spare(spare);
        state
    };
    let (mut state, mut model) = (fresh(), Model::default());
    let mut random = Random(seed);
    let (all, count) = universe(spec.keys());
    let (mut now, mut watermark) = (1_000_i64, 1_000_i64);
    for step in 0..steps {
        now += random.below(8) as i64;
        watermark += random.below(8) as i64;
        let (columns, rows) = pick(&mut random, &all, count);
        let (call, fired) = match random.one_of(4) {
            true => match state.due(watermark, now, 1 + random.below(10)).unwrap() {
                Some(due) => {
                    let keys = model::keys(&due.keys.columns, due.keys.count);
                    let timers = due.keys.numbers.iter().enumerate();
                    let timers = timers.map(|(row, number)| {
                        (
                            keys[*number as usize].clone(),
                            due.names.value(row).to_owned(),
                        )
                    });
                    let timers: Vec<_> = timers.collect();
                    (due.keys, Some((due.fired, timers)))
                }
                None => continue,
            },
            false => (state.begin(&columns, rows).unwrap(), None),
        };
        let keys = model::keys(&call.columns, call.count);
        let changes = random.below(6);
        let changes: Vec<_> = (0..changes)
            .map(|_| random.change(&spec, call.count, now))
            .collect();
        if random.one_of(8) {
            state.cancel(call);
            continue;
        }
        let (fired, timers) =
            fired.map_or((None, Vec::new()), |(fired, timers)| (Some(fired), timers));
        for (key, name) in timers {
            model
                .keys
                .get_mut(&key)
                .unwrap()
                .timers
                .remove(&name)
                .unwrap();
        }
        for change in &changes {
            model.apply(&spec, &keys, change, now);
        }
        state.apply(call, fired, changes, now).unwrap();
        if random.one_of(5) {
            state.expire(now).unwrap();
        }
        if random.one_of(20) {
            // Whatever there is then is left to files.
            store.relieve().await.unwrap();
            assert!(state.chunks().all(|chunk| !chunk.is_in_memory()));
        }
        assert!(state.is_empty() || state.bytes() > 0);
        if step % 7 == 0 {
            compare(&mut state, &spec, &model, now, None);
        }
        if step % 10 == 0 {
            let chunks: Vec<_> = state.chunks().map(|chunk| chunk.load().unwrap()).collect();
            let mut again = fresh();
            let mut parts = [fresh(), fresh()];
            for batch in &chunks {
                again.restore(batch, now).unwrap();
                for (number, part) in parts.iter_mut().enumerate() {
                    let rows = part_of(batch, spec.keys().len(), number);
                    part.restore(&rows, now).unwrap();
                }
            }
            compare(&mut again, &spec, &model, now, None);
            let wanted = model.count(&spec, now);
            assert_eq!(again.keys(), wanted);
            assert!(again.keys() <= state.keys());
            for (number, part) in parts.iter_mut().enumerate() {
                compare(part, &spec, &model, now, Some(number));
            }
            assert_eq!(parts.iter().map(KeyedState::keys).sum::<usize>(), wanted);
            // The one that was restored goes on.
            if random.one_of(2) {
                state = again;
            }
        }
    }
}

fn two_columns() -> Fields {
    Fields::from(vec![
        Field::new("a", DataType::Utf8, true),
        Field::new("b", DataType::Int64, true),
    ])
}

#[tokio::test]
async fn chunks_read_again_are_the_same_state() {
    // The fewer slots there are, the more becomes of each.
    for (seed, of) in (0..).zip([0..6, 0..2, 2..4, 4..6, 4..4].iter().cycle().take(20)) {
        let spare = [0, 20, 200][seed as usize % 3];
        run(
            seed,
            two_columns(),
            slots()[of.clone()].to_vec(),
            300,
            spare,
        )
        .await;
    }
}

#[tokio::test]
async fn rows_without_a_key_have_one_key() {
    for seed in 0..4 {
        run(100 + seed, Fields::empty(), slots(), 300, 20).await;
    }
}

#[test]
fn a_batch_of_rows_of_several_slots_is_taken_apart() {
    let spec = Arc::new(KeyedSpec::new(two_columns(), slots()).unwrap());
    let keeper = Keeper::new(&Arc::new(StateStore::new(usize::MAX)), spec.schema());
    let fresh = || KeyedState::new(Arc::clone(&spec), keeper.clone()).unwrap();
    let (mut state, mut model, mut random) = (fresh(), Model::default(), Random(7));
    let (all, count) = universe(spec.keys());
    for _ in 0..50 {
        let call = state.begin(&all, count).unwrap();
        let keys = model::keys(&call.columns, call.count);
        let change = random.change(&spec, call.count, 0);
        model.apply(&spec, &keys, &change, 0);
        state.apply(call, None, vec![change], 0).unwrap();
    }
    let chunks: Vec<_> = state.chunks().map(|chunk| chunk.load().unwrap()).collect();
    let together = arrow::compute::concat_batches(&spec.schema(), &chunks).unwrap();
    let mut again = fresh();
    again.restore(&together, 0).unwrap();
    compare(&mut again, &spec, &model, 0, None);
}
