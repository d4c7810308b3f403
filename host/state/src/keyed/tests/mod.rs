//! A partition beside a model of it, and what the one must not cost.

mod model;
mod random;

use std::sync::Arc;

use arrow::{
    array::{ArrayRef, AsArray, BooleanArray, Int64Array, ListArray, RecordBatch, StringArray},
    compute::cast,
    datatypes::{DataType, Field, Fields, Int64Type, IntervalUnit, TimeUnit},
};

use super::{CallKeys, Change, KeyedSpec, KeyedState, SlotKind, SlotSpec, TimerClock};
use crate::{Keeper, StateStore};

fn slot(name: &str, kind: SlotKind, types: &[DataType], ttl: Option<i64>) -> SlotSpec {
    let fields = types.iter().cloned();
    let fields = fields.map(|of_type| Field::new("x", of_type, true));
    SlotSpec {
        name: name.to_owned(),
        kind,
        columns: fields.collect::<Vec<_>>().into(),
        ttl,
    }
}

fn state(slots: Vec<SlotSpec>) -> KeyedState {
    let keys = Fields::from(vec![Field::new("k", DataType::Utf8, true)]);
    let spec = Arc::new(KeyedSpec::new(keys, slots).unwrap());
    let keeper = Keeper::new(&Arc::new(StateStore::new(usize::MAX)), spec.schema());
    KeyedState::new(spec, keeper).unwrap()
}

fn value(ttl: Option<i64>) -> KeyedState {
    state(vec![slot("v", SlotKind::Value, &[DataType::Int64], ttl)])
}

fn text(values: &[&str]) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(values))
}

fn numbers(values: impl IntoIterator<Item = i64>) -> ArrayRef {
    Arc::new(Int64Array::from_iter_values(values))
}

fn begin(state: &mut KeyedState, keys: &[&str]) -> CallKeys {
    state.begin(&[text(keys)], keys.len()).unwrap()
}

/// The values of keys, with 0 where there is none.
fn read(state: &mut KeyedState, keys: &[&str], now: i64) -> Vec<i64> {
    let keys = begin(state, keys);
    let values = state.read(&keys, 0, now).unwrap();
    state.cancel(keys);
    let values = values.as_primitive::<Int64Type>().iter();
    values.map(Option::unwrap_or_default).collect()
}

fn write(state: &mut KeyedState, keys: &[&str], values: ArrayRef, now: i64) {
    let call = begin(state, keys);
    let change = Change::Write {
        slot: 0,
        keys: call.numbers.clone(),
        values,
    };
    state.apply(call, None, vec![change], now).unwrap();
}

fn saved(state: &KeyedState) -> Vec<RecordBatch> {
    let chunks = state.chunks();
    chunks.map(|chunk| chunk.load().unwrap()).collect()
}

#[test]
fn keys_are_numbered_as_they_come() {
    let mut state = value(None);
    let call = begin(&mut state, &["b", "a", "b", "c", "a"]);
    assert_eq!(call.numbers, [0, 1, 0, 2, 1]);
    assert_eq!(call.count, 3);
    assert_eq!(&call.columns, &[text(&["b", "a", "c"])]);
}

#[test]
fn the_later_of_two_values_stays() {
    let mut state = value(None);
    write(&mut state, &["a", "b", "a"], numbers([1, 2, 3]), 0);
    assert_eq!(read(&mut state, &["b", "c", "a"], 0), [2, 0, 3]);
    assert_eq!(state.keys(), 2);
}

#[test]
fn what_has_nothing_is_forgotten() {
    let mut state = value(None);
    let call = begin(&mut state, &["a"]);
    assert_eq!(state.keys(), 1);
    state.cancel(call);
    assert!(state.is_empty());
    write(&mut state, &["a", "b"], numbers([1, 2]), 0);
    let nothing: ArrayRef = Arc::new(Int64Array::from(vec![None, None]));
    write(&mut state, &["a", "c"], nothing, 0);
    assert_eq!(state.keys(), 1);
    write(&mut state, &["b"], Arc::new(Int64Array::new_null(1)), 0);
    assert!(state.is_empty());
    // Nothing is there that would have to be removed.
    assert_eq!(state.chunks().count(), 0);
}

#[test]
fn what_is_old_is_gone() {
    let mut state = value(Some(100));
    write(&mut state, &["a"], numbers([1]), 1000);
    write(&mut state, &["b"], numbers([2]), 1050);
    assert_eq!(read(&mut state, &["a", "b"], 1099), [1, 2]);
    assert_eq!(read(&mut state, &["a", "b"], 1100), [0, 2]);
    let chunks = saved(&state);
    state.expire(1100).unwrap();
    assert_eq!((state.keys(), state.chunks().count()), (1, 1));
    state.clear();
    assert!(state.is_empty() && state.chunks().count() == 0);
    for chunk in chunks {
        state.restore(&chunk, 1100).unwrap();
    }
    assert_eq!(state.keys(), 1);
    assert_eq!(read(&mut state, &["a", "b"], 1100), [0, 2]);
}

#[test]
fn an_error_changes_nothing() {
    let mut state = value(None);
    write(&mut state, &["a"], numbers([1]), 0);
    let wrong = [
        (vec![0, 1], numbers([2, 3]), "there is no key 1 among 1"),
        (vec![0], numbers([2, 3]), "there are 2 rows of 1 keys"),
        (vec![0], text(&["2"]), "Utf8 is not Int64"),
    ];
    for (keys, values, message) in wrong {
        let call = begin(&mut state, &["a"]);
        let good = Change::Write {
            slot: 0,
            keys: vec![0],
            values: numbers([9]),
        };
        let bad = Change::Write {
            slot: 0,
            keys,
            values,
        };
        let refused = state.apply(call, None, vec![good, bad], 0).unwrap_err();
        assert_eq!(
            refused.to_string(),
            format!("Invalid argument error: {message}")
        );
        assert_eq!(read(&mut state, &["a"], 0), [1]);
    }
}

#[test]
fn timers_come_in_the_order_of_their_times_and_go_when_they_have_fired() {
    let mut state = value(None);
    let call = begin(&mut state, &["a", "b", "c"]);
    let set = |clock, name: &str, at: &[i64]| Change::SetTimers {
        clock,
        name: name.to_owned(),
        keys: vec![0, 1, 2],
        at: at.to_vec(),
    };
    let changes = vec![
        set(TimerClock::Event, "x", &[30, 10, 20]),
        set(TimerClock::Processing, "y", &[15, 40, 5]),
    ];
    state.apply(call, None, changes, 0).unwrap();
    assert_eq!(
        (state.next_event(), state.next_processing()),
        (Some(10), Some(5))
    );
    assert!(!state.is_due(9, 4) && state.due(9, 4, 10).unwrap().is_none());
    let due = state.due(25, 15, 3).unwrap().unwrap();
    assert_eq!(due.at.values(), &[5, 10, 15]);
    assert_eq!(due.names, StringArray::from(vec!["y", "x", "y"]));
    assert_eq!(due.keys.columns, [text(&["c", "b", "a"])]);
    // One that has fired may be set again.
    let again = Change::SetTimers {
        clock: TimerClock::Event,
        name: "y".to_owned(),
        keys: vec![0],
        at: vec![22],
    };
    state
        .apply(due.keys, Some(due.fired), vec![again], 0)
        .unwrap();
    let due = state.due(25, 15, 10).unwrap().unwrap();
    assert_eq!(due.at.values(), &[20, 22]);
    state.cancel(due.keys);
    assert!(state.is_due(25, 15));
    assert_eq!(state.next_processing(), Some(40));
}

#[test]
fn an_append_leaves_what_was_there_alone() {
    let mut state = state(vec![slot("l", SlotKind::List, &[DataType::Int64], None)]);
    let mut written = 0;
    for call in 0..2000 {
        let keys = begin(&mut state, &["a"]);
        let items = numbers((0..10).map(|item| call * 10 + item));
        let append = Change::Append {
            slot: 0,
            keys: vec![0; 10],
            items,
        };
        state.apply(keys, None, vec![append], 0).unwrap();
        written += 10;
        assert!(state.chunks().count() < 100);
    }
    let keys = begin(&mut state, &["a"]);
    let list = state.read(&keys, 0, 0).unwrap();
    let list: &ListArray = list.as_list();
    assert!(
        list.value(0)
            .as_primitive::<Int64Type>()
            .values()
            .iter()
            .copied()
            .eq(0..written)
    );
}

#[test]
fn what_is_overwritten_takes_little_room() {
    let mut state = value(None);
    let names: Vec<_> = (0..100).map(|key| key.to_string()).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let mut most = 0;
    for round in 0..5000 {
        // A few of them, and every key now and then.
        let keys = &names[round % 97..][..3];
        write(&mut state, keys, numbers([1, 2, round as i64]), 0);
        most = most.max(state.chunks().count());
    }
    assert!(most < 100, "{most} chunks");
    let rows: usize = state.chunks().map(|chunk| chunk.rows()).sum();
    assert!(rows < 8192 + 300, "{rows} rows");
}

#[test]
fn a_removal_stays_as_long_as_what_it_removes() {
    let mut state = value(None);
    let nothing = |rows| -> ArrayRef { Arc::new(Int64Array::new_null(rows)) };
    let names: Vec<_> = (0..100).map(|key| key.to_string()).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    write(&mut state, &names, numbers(1..101), 0);
    write(&mut state, &["7"], nothing(1), 0);
    let chunks = || (0..60).map(|key| format!("new {key}"));
    for key in chunks() {
        // Among these the removal is put together with others, though not with what it removes.
        write(&mut state, &[&key], numbers([1]), 0);
        let mut again = value(None);
        for chunk in saved(&state) {
            again.restore(&chunk, 0).unwrap();
        }
        assert_eq!(read(&mut again, &["6", "7", &key], 0), [7, 0, 1]);
    }
    assert!(state.chunks().count() < 30);
    // Once nothing is left that it removes, it is of no use.
    write(&mut state, &names, nothing(100), 0);
    for key in chunks() {
        write(&mut state, &[&key], nothing(1), 0);
    }
    assert_eq!((state.keys(), state.chunks().count()), (0, 0));
}

#[test]
fn keys_of_any_type_come_back_with_their_timers() {
    let ints: ArrayRef = Arc::new(Int64Array::from(vec![
        Some(7),
        None,
        Some(-1),
        Some(7),
        Some(100),
    ]));
    let dictionary = DataType::Dictionary(Box::new(DataType::Int8), Box::new(DataType::Utf8));
    let types = [
        DataType::Int64,
        DataType::Int8,
        DataType::Int16,
        DataType::Int32,
        DataType::Date32,
        DataType::Float32,
        DataType::Float64,
        DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into())),
        DataType::Decimal128(20, 2),
        DataType::Interval(IntervalUnit::YearMonth),
        DataType::Boolean,
        DataType::Utf8,
        DataType::Utf8View,
        dictionary,
    ];
    for of_type in types {
        let keys = match &of_type {
            DataType::Boolean => Arc::new(BooleanArray::from(vec![
                Some(true),
                None,
                Some(false),
                Some(true),
            ])),
            DataType::Date32 | DataType::Interval(_) => {
                let ints = cast(&ints, &DataType::Int32).unwrap();
                cast(&ints, &of_type).unwrap()
            }
            _ => cast(&ints, &of_type).unwrap(),
        };
        let columns = Fields::from(vec![Field::new("k", of_type.clone(), true)]);
        let spec = Arc::new(KeyedSpec::new(columns, Vec::new()).unwrap());
        let keeper = Keeper::new(&Arc::new(StateStore::new(usize::MAX)), spec.schema());
        let mut state = KeyedState::new(Arc::clone(&spec), keeper.clone()).unwrap();
        let call = state.begin(&[Arc::clone(&keys)], keys.len()).unwrap();
        let wanted = call.columns.clone();
        assert_eq!(call.numbers[3], 0, "{of_type}");
        let set = Change::SetTimers {
            clock: TimerClock::Event,
            name: "x".to_owned(),
            keys: (0..call.count as u32).collect(),
            at: vec![1; call.count],
        };
        state.apply(call, None, vec![set], 0).unwrap();
        let mut again = KeyedState::new(spec, keeper).unwrap();
        for chunk in saved(&state) {
            again.restore(&chunk, 0).unwrap();
        }
        for state in [&mut state, &mut again] {
            let due = state.due(1, 0, 10).unwrap().unwrap();
            assert_eq!(due.keys.columns, wanted, "{of_type}");
            state
                .apply(due.keys, Some(due.fired), Vec::new(), 0)
                .unwrap();
            assert!(state.is_empty(), "{of_type}");
        }
    }
}
