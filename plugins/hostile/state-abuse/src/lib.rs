//! Asks for state that is not there, and hands over what is none.

use std::mem::ManuallyDrop;
use std::sync::atomic::{AtomicU32, Ordering};

use attack::columns::{Array, Batch, Column, DataType, Values};
use attack::process::{Clock, Keyed, Output, ProcessAttack, itself, numbers, origins};
use attack::types::Error;

struct Abuse;

const VALUE: u32 = 0;
const LIST: u32 = 1;
const MAP: u32 = 2;

/// The handle of another call.
static KEPT: AtomicU32 = AtomicU32::new(0);

impl ProcessAttack for Abuse {
    fn batch_eval(attack: &str, rows: &Batch, keyed: &Keyed) -> Result<Vec<Output>, Error> {
        let past = keyed.keys().rows();
        let one = || numbers(vec![1]);
        match attack {
            "read of another slot" => drop(keyed.read(3)),
            "write of another slot" => keyed.write(u32::MAX, &[0], &one()),
            "read of a slot far out of range" => drop(keyed.read(u32::MAX)),

            "write of another key" => keyed.write(VALUE, &[past], &one()),
            "write of a key far out of range" => keyed.write(VALUE, &[u32::MAX], &one()),
            "append to another key" => keyed.append(LIST, &[past], &one()),
            "put to another key" => keyed.put(MAP, &[past], &one(), &one()),
            "lookup of another key" => drop(keyed.lookup(MAP, &[u32::MAX], &one())),
            "a timer of another key" => keyed.set_timers(Clock::Event, "t", &[past], &[0]),
            "no timer of another key" => keyed.clear_timers("t", &[u32::MAX]),

            "a value of another type" => keyed.write(VALUE, &[0], &origins(vec![1])),
            "a value for a list" => keyed.write(LIST, &[0], &one()),
            "a list for a value" => keyed.write(VALUE, &[0], &list(one())),
            "an item of another type" => keyed.append(LIST, &[0], &origins(vec![1])),
            "a list of another type" => keyed.write(LIST, &[0], &list(origins(vec![1]))),
            "an entry of another type" => keyed.put(MAP, &[0], &origins(vec![1]), &one()),
            "an entry's value of another type" => {
                keyed.put(MAP, &[0], &one(), &origins(vec![1]));
            }
            "a lookup of another type" => drop(keyed.lookup(MAP, &[0], &origins(vec![1]))),

            "fewer values than keys" => keyed.write(VALUE, &[0, 0], &one()),
            "more values than keys" => keyed.write(VALUE, &[], &one()),
            "fewer items than keys" => keyed.append(LIST, &[0, 0], &one()),
            "fewer entries than keys" => keyed.put(MAP, &[0, 0], &one(), &numbers(vec![1, 1])),
            "fewer entries' values than keys" => {
                keyed.put(MAP, &[0, 0], &numbers(vec![1, 1]), &one());
            }
            "fewer lookups than keys" => drop(keyed.lookup(MAP, &[0, 0], &one())),
            "fewer times than keys" => keyed.set_timers(Clock::Event, "t", &[0, 0], &[0]),
            "more times than keys" => keyed.set_timers(Clock::Event, "t", &[], &[0]),

            "an entry whose key is null" => keyed.put(MAP, &[0], &null(), &one()),
            "a map whose key is null" => keyed.write(MAP, &[0], &map(null(), one())),
            "a map that has a key twice" => {
                let entries = map(numbers(vec![1, 1]), numbers(vec![1, 2]));
                keyed.write(MAP, &[0], &entries);
            }
            "a map that is not in order" => {
                let entries = map(numbers(vec![2, 1]), numbers(vec![1, 2]));
                keyed.write(MAP, &[0], &entries);
            }
            "a lookup of null" => drop(keyed.lookup(MAP, &[0], &null())),
            "a null item" => keyed.append(LIST, &[0], &null()),

            "a key twice" => keyed.write(VALUE, &[0, 0], &numbers(vec![1, 2])),
            "a timer twice" => keyed.set_timers(Clock::Event, "t", &[0, 0], &[1, 2]),
            "timers at the ends of time" => {
                keyed.set_timers(Clock::Event, "first", &[0], &[i64::MIN]);
                keyed.set_timers(Clock::Event, "last", &[0], &[i64::MAX]);
                keyed.set_timers(Clock::Processing, "now", &[0], &[i64::MIN]);
                keyed.set_timers(Clock::Processing, "never", &[0], &[i64::MAX]);
            }
            "a timer without a name" => keyed.set_timers(Clock::Event, "", &[0], &[0]),
            "a timer for a terminal" => {
                keyed.set_timers(Clock::Event, "\u{1b}[2J", &[0], &[0]);
            }
            "a timer of a long name" => {
                keyed.set_timers(Clock::Event, &"t".repeat(1 << 20), &[0], &[0]);
            }

            "lookup in a value" => drop(keyed.lookup(VALUE, &[0], &one())),
            "lookup in a list" => drop(keyed.lookup(LIST, &[0], &one())),
            "append to a value" => keyed.append(VALUE, &[0], &one()),
            "append to a map" => keyed.append(MAP, &[0], &one()),
            "put in a value" => keyed.put(VALUE, &[0], &one(), &one()),
            "put in a list" => keyed.put(LIST, &[0], &one(), &one()),

            "a broadcast table that is not there" => drop(keyed.broadcast()),
            "many lookups" => {
                let keys = vec![0; 1 << 20];
                for _ in 0..1000 {
                    drop(keyed.lookup(MAP, &keys, &numbers(vec![1; 1 << 20])));
                }
            }
            "many reads" => {
                // Handles that are kept.
                for _ in 0..10_000_000 {
                    let _ = ManuallyDrop::new(keyed.read(VALUE));
                }
            }
            "the state of another call" => {
                let kept = KEPT.swap(keyed.handle(), Ordering::Relaxed);
                if kept != 0 {
                    // The state of this call may have the number of the one before.
                    let kept = kept + u32::from(kept == keyed.handle());
                    // SAFETY: none, that is the attack; the host must refuse it.
                    let kept = ManuallyDrop::new(unsafe { Keyed::from_handle(kept) });
                    kept.write(VALUE, &[0], &one());
                }
            }
            "the state dropped twice" => {
                // SAFETY: none, that is the attack.
                drop(unsafe { Keyed::from_handle(keyed.handle()) });
            }
            "an error behind a write" => {
                keyed.write(VALUE, &[0], &numbers(vec![1_000_000]));
                keyed.append(LIST, &[0], &one());
                keyed.set_timers(Clock::Event, "t", &[0], &[i64::MIN]);
                return Err(Error::Failed("after all".to_owned()));
            }
            _ => {}
        }
        Ok(vec![itself(rows)])
    }
}

fn null() -> Column {
    let array = Array {
        length: 1,
        validity: Some(vec![0]),
        values: Values::Int64(vec![0]),
    };
    Column::new(&DataType::Int64, &array, vec![])
}

/// One list of all items.
fn list(items: Column) -> Column {
    let array = Array {
        length: 1,
        validity: None,
        values: Values::Offsets(vec![0, items.length() as i32]),
    };
    Column::new(&DataType::List, &array, vec![items])
}

/// One map of all entries.
fn map(keys: Column, values: Column) -> Column {
    let array = Array {
        length: keys.length(),
        validity: None,
        values: Values::None,
    };
    list(Column::new(&DataType::Struct, &array, vec![keys, values]))
}

attack::process::export!(Abuse);
