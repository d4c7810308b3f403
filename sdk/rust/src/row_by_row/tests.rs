//! The loop, with a host that tells what it was handed.

use std::cell::RefCell;

use expect_test::{Expect, expect};

use super::With;
use crate::call::Call;
use crate::kept::State;
use crate::read::{Arrays, Bytes};
use crate::result::WithRoom;
use crate::side_output::{Gathered, Given};
use crate::store::{Moment, Store};
use crate::{
    ArgumentList, Array, Bitmap, Built, Clock, Error, List, Map, Numbers, Output, SideOutput,
    Timers,
};

/// Two keys, and what they have in each slot.
struct Host {
    numbers: Vec<u32>,
    slots: Vec<Built>,
    handed: RefCell<Vec<String>>,
}

impl Host {
    fn new(numbers: &[u32], slots: Vec<Built>) -> Self {
        Self {
            numbers: numbers.to_vec(),
            slots,
            handed: RefCell::default(),
        }
    }

    fn say(&self, line: String) {
        self.handed.borrow_mut().push(line);
    }

    /// What was handed over, and then what was given.
    fn check(&self, given: Result<Vec<Given>, Error>, expected: &Expect) {
        let mut lines = self.handed.take();
        match given {
            Ok(given) => lines.extend(given.iter().map(|given| {
                let columns: Vec<_> = given.columns.iter().map(shown).collect();
                format!(
                    "{:?} of {:?}: {}",
                    given.side,
                    given.origins,
                    columns.join(", ")
                )
            })),
            Err(Error::Rows(rows)) => {
                lines.extend(
                    rows.iter()
                        .map(|row| format!("{}: {}", row.row, row.message)),
                );
            }
            Err(error) => lines.push(format!("{error:?}")),
        }
        expected.assert_eq(&lines.join("\n"));
    }
}

/// Validity and values, those of children behind them.
fn shown(built: &Built) -> String {
    let (_, array, children) = built.parts();
    let nulls = array.validity.as_ref();
    let nulls = nulls.map_or(String::new(), |bits| format!("{bits:?} "));
    let children: Vec<_> = children.iter().map(shown).collect();
    let text = match &array.values {
        crate::Values::Bytes((ends, bytes)) => {
            format!("{ends:?} {}", String::from_utf8_lossy(bytes))
        }
        values => format!("{values:?}").replace("Values::", ""),
    };
    match children.is_empty() {
        true => format!("{nulls}{text}"),
        false => format!("{nulls}{text} ({})", children.join(", ")),
    }
}

impl Arrays for Built {
    fn array(&self) -> Array {
        self.parts().1.clone()
    }

    fn child(&self, index: u32) -> Self {
        self.parts().2[index as usize].clone()
    }

    fn is_text(&self) -> bool {
        *self.data_type() == crate::DataType::Utf8
    }
}

impl Moment for Host {
    fn times(&self) -> Result<Option<Vec<i64>>, Error> {
        Ok(Some(
            (0..).map(|row| 10 * row).take(self.numbers.len()).collect(),
        ))
    }

    fn watermark(&self) -> Option<i64> {
        None
    }

    fn now(&self) -> i64 {
        7
    }
}

impl Store for Host {
    type Column = Built;

    fn keys(&self) -> usize {
        2
    }

    fn numbers(&self) -> Vec<u32> {
        self.numbers.clone()
    }

    fn read(&self, slot: u32) -> Built {
        self.slots[slot as usize].clone()
    }

    fn write(&self, slot: u32, keys: &[u32], values: Built) {
        self.say(format!("write {slot} {keys:?}: {}", shown(&values)));
    }

    fn append(&self, slot: u32, keys: &[u32], items: Built) {
        self.say(format!("append {slot} {keys:?}: {}", shown(&items)));
    }

    fn put(&self, slot: u32, keys: &[u32], entries: Built, values: Built) {
        let (entries, values) = (shown(&entries), shown(&values));
        self.say(format!("put {slot} {keys:?}: {entries} = {values}"));
    }

    fn set_timers(&self, clock: Clock, name: &str, keys: &[u32], at: &[i64]) {
        self.say(format!("{clock:?} timer {name} {keys:?}: {at:?}"));
    }

    fn clear_timers(&self, name: &str, keys: &[u32]) {
        self.say(format!("no timer {name} {keys:?}"));
    }
}

fn column<O: Output + Clone>(values: &[O]) -> Built {
    O::collect(values.len(), |row| values[row].clone()).unwrap()
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

/// Calls `eval` with each row and what is gathered.
fn rows<'c, A, S, G>(
    host: &Host,
    columns: &'c A::Columns,
    eval: impl FnMut(&mut S, &mut Call<'_>, &mut Gathered<G>, A) -> Result<(), String>,
) -> Result<Vec<Given>, Error>
where
    A: ArgumentList<'c>,
    S: State,
    G: WithRoom,
{
    let with = With {
        keyed: host,
        side_outputs: &[FEW.declared(), MANY.declared()],
        broadcast: &(),
    };
    with.rows(columns, eval)
}

static FEW: SideOutput<(String, i64)> = SideOutput::new("few", ["text", "number"]);
static MANY: SideOutput<i64> = SideOutput::new("many", ["number"]);

#[derive(Default, crate::State)]
struct Values {
    count: i64,
    ratio: f64,
    text: String,
    last: Option<i32>,
}

fn values(numbers: &[u32]) -> Host {
    let slots = vec![
        column(&[Some(1_i64), None]),
        column(&[Some(-0.0), None]),
        column(&[Some("a"), None]),
        column(&[Some(0), None]),
    ];
    Host::new(numbers, slots)
}

#[test]
fn a_value_that_has_changed_is_written() {
    let add = |number: i64| {
        move |state: &mut Values, _: &mut Call<'_>, rows: &mut Gathered<_>, (x,): (i64,)| {
            state.count += number * x;
            rows.add(Ok::<_, String>([(state.count, state.last)]))
        }
    };
    let columns = (Numbers::of(vec![1_i64, 2, 3], None),);
    let host = values(&[0, 1, 0]);
    host.check(
        rows(&host, &columns, add(1)),
        &expect![[r#"
        write 0 [0, 1]: Int64([5, 2])
        None of [0, 1, 2]: Int64([2, 2, 5]), [5] Int32([0, 0, 0])"#]],
    );
    // Of one key there is nothing left, the other one is as before.
    let columns = (Numbers::of(
        vec![-1_i64, 0, 9],
        Some(Bitmap::new(vec![0b11])),
    ),);
    host.check(
        rows(&host, &columns, add(1)),
        &expect![[r#"
        write 0 [0]: [0] Int64([0])
        None of [0, 1]: Int64([0, 0]), [1] Int32([0, 0])"#]],
    );
    host.check(
        rows(&host, &columns, add(0)),
        &expect!["None of [0, 1]: Int64([1, 0]), [1] Int32([0, 0])"],
    );
}

#[test]
fn what_is_the_same_to_the_bit_is_not_written() {
    let host = values(&[0, 1]);
    let columns = (Numbers::of(vec![-0.0_f64, -0.0], None),);
    let given = rows(
        &host,
        &columns,
        |state: &mut Values, _, _: &mut Gathered<()>, (x,)| {
            state.ratio = x;
            state.text = "a".to_owned();
            state.last = Some(0);
            Ok(())
        },
    );
    host.check(
        given,
        &expect![[r#"
        write 1 [1]: Float64([-0.0])
        write 2 [1]: [0, 1] a
        write 3 [1]: Int32([0])"#]],
    );
}

#[test]
fn a_key_that_is_forgotten_has_nothing() {
    let host = values(&[0, 1]);
    let given = rows(
        &host,
        &(),
        |state: &mut Values, _, _: &mut Gathered<()>, ()| {
            *state = Values::default();
            Ok(())
        },
    );
    host.check(
        given,
        &expect![[r#"
        write 0 [0]: [0] Int64([0])
        write 1 [0]: [0] Float64([0.0])
        write 2 [0]: [0] [0, 0] 
        write 3 [0]: [0] Int32([0])"#]],
    );
}

#[derive(Default, crate::State)]
struct Many {
    list: List<String>,
    map: Map<String, i64>,
}

fn many(numbers: &[u32]) -> Host {
    let entries = Built::structs(
        &["key", "value"],
        vec![column(&["x", "y"]), column(&[1_i64, 2])],
    );
    let slots = vec![
        column(&[texts(&["a", "b"]), texts(&[])]),
        Built::lists(&[2, 2], entries).unwrap(),
    ];
    Host::new(numbers, slots)
}

/// Does something with each state.
fn each(host: &Host, mut change: impl FnMut(&mut Many)) -> Result<Vec<Given>, Error> {
    rows(
        host,
        &(),
        |state: &mut Many, _, _: &mut Gathered<()>, ()| {
            change(state);
            Ok(())
        },
    )
}

#[test]
fn what_is_appended_and_put_is_handed_over() {
    let host = many(&[0, 1, 0]);
    let given = each(&host, |state| {
        let length = state.list.len();
        state.list.push(format!("at {length}"));
        state.map.remove("x");
        *state.map.or_default("y".to_owned()) += 10;
        state.map.insert(format!("z{length}"), 0);
    });
    host.check(given, &expect![[r#"
        append 0 [0, 0, 1]: [0, 4, 8, 12] at 2at 3at 0
        put 1 [0, 0, 0, 0, 1, 1]: [0, 1, 2, 4, 6, 7, 9] xyz2z3yz0 = [62] Int64([0, 22, 0, 0, 10, 0])"#]]);
    let given = each(&host, |state| {
        assert_eq!(
            (state.list.len(), state.map.get("y").copied()),
            match state.list.is_empty() {
                false => (2, Some(2)),
                true => (0, None),
            }
        );
    });
    host.check(given, &expect![]);
}

#[test]
fn what_is_replaced_is_written() {
    let host = many(&[0, 1]);
    let given = each(&host, |state| *state = Many::default());
    host.check(
        given,
        &expect![[r#"
        write 0 [0]: Offsets([0, 0]) ([0] )
        write 1 [0]: Offsets([0, 0]) (None ([0] , Int64([])))"#]],
    );
    let given = each(&host, |state| {
        state.list.edit().insert(0, "first".to_owned());
        state.map.clear();
        state.map.insert("new".to_owned(), 3);
    });
    host.check(
        given,
        &expect![[r#"
        write 0 [0]: Offsets([0, 3]) ([0, 5, 6, 7] firstab)
        append 0 [1]: [0, 5] first
        write 1 [0]: Offsets([0, 1]) (None ([0, 3] new, Int64([3])))
        put 1 [1]: [0, 3] new = Int64([3])"#]],
    );
    let given = each(&host, |state| {
        state.list.take();
        state.map.retain(|_, value| *value > 1);
    });
    host.check(
        given,
        &expect![[r#"
        write 0 [0]: Offsets([0, 0]) ([0] )
        put 1 [0]: [0, 1] x = [0] Int64([0])"#]],
    );
}

#[derive(Default, crate::State)]
struct Two {
    one: Map<String, i64>,
    other: Map<String, i64>,
}

#[test]
fn a_map_in_the_place_of_another_is_written() {
    let mut host = many(&[0]);
    host.slots[0] = host.slots[1].clone();
    host.slots[1] = {
        let none = Built::structs(
            &["key", "value"],
            vec![column::<&str>(&[]), column::<i64>(&[])],
        );
        Built::lists(&[0, 0], none).unwrap()
    };
    let given = rows(
        &host,
        &(),
        |state: &mut Two, _, _: &mut Gathered<()>, ()| {
            std::mem::swap(&mut state.one, &mut state.other);
            Ok(())
        },
    );
    host.check(
        given,
        &expect![[r#"
        write 0 [0]: Offsets([0, 0]) (None ([0] , Int64([])))
        put 1 [0, 0]: [0, 1, 2] xy = Int64([1, 2])"#]],
    );
}

#[test]
fn all_rows_that_fail_are_told_and_leave_no_trace() {
    let host = values(&[0, 0, 1, 0, 1]);
    let columns = (Numbers::of(vec![5_i64, 100, -1, 3, 2], None),);
    let given = rows(
        &host,
        &columns,
        |state: &mut Values, call, rows: &mut Gathered<_>, (x,): (i64,)| {
            state.count += x;
            call.set_timer("t", x);
            rows.add(match state.count {
                0..100 => Ok([state.count]),
                wrong => Err(format!("{wrong} is wrong")),
            })
        },
    );
    // 1 + 5 + 3 is right, without the 100.
    host.check(
        given,
        &expect![[r#"
        1: 106 is wrong
        2: -1 is wrong"#]],
    );
}

#[test]
fn the_last_word_on_a_timer_counts() {
    let host = values(&[0, 1, 0, 1, 0]);
    let columns = (Bytes::of(&["set", "set", "set", "clear", "now"]),);
    let given = rows(
        &host,
        &columns,
        |_: &mut Values, call, _: &mut Gathered<()>, (what,): (&str,)| {
            let time = call.time().unwrap();
            match what {
                "set" => call.set_timer("t", time),
                "clear" => call.clear_timer("t"),
                _ => call.set_processing_timer("u", call.now()),
            }
            Ok(())
        },
    );
    host.check(
        given,
        &expect![[r#"
        Clock::Event timer t [0]: [20]
        no timer t [1]
        Clock::Processing timer u [0]: [7]"#]],
    );
}

#[test]
fn rows_go_where_they_should_with_what_they_come_of() {
    let host = values(&[0, 1, 1]);
    let columns = (
        Bytes::of(&["a", "b", "c"]),
        Numbers::of(vec![1_i64, 2, 3], None),
    );
    let given = rows(
        &host,
        &columns,
        |_: &mut Values, call, rows: &mut Gathered<_>, (text, number): (&str, i64)| {
            call.give(&MANY, number);
            call.give(&FEW, (text.to_owned(), 10 * number));
            rows.add(Ok::<_, String>((1..number).map(|part| (text, part))))
        },
    );
    host.check(
        given,
        &expect![[r#"
        None of [1, 2, 2]: [0, 1, 2, 3] bcc, Int64([1, 1, 2])
        Some(0) of [0, 1, 2]: [0, 1, 2, 3] abc, Int64([10, 20, 30])
        Some(1) of [0, 1, 2]: Int64([1, 2, 3])"#]],
    );
}

static OTHER: SideOutput<i64> = SideOutput::new("other", ["number"]);

#[test]
fn a_side_output_that_is_not_named_is_told() {
    let host = values(&[0]);
    let given = rows(
        &host,
        &(),
        |_: &mut Values, call, _: &mut Gathered<()>, ()| {
            call.give(&OTHER, 1);
            Ok(())
        },
    );
    host.check(
        given,
        &expect![[r#"Error::Failed("the function names no side output 'other'")"#]],
    );
}

#[test]
fn timers_are_called_by_name() {
    let host = values(&[1, 0]);
    let timers = Timers::new(Bytes::of(&["x", "y"]), Numbers::of(vec![1, 2], None)).unwrap();
    let with = With {
        keyed: &host,
        side_outputs: &[],
        broadcast: &5,
    };
    let given = with.timers(
        &timers,
        |state: &mut Values, call, rows: &mut Gathered<_>, name| {
            state.count += call.broadcast();
            rows.add(Ok::<_, String>(Some((name, state.count))))
        },
    );
    host.check(
        given,
        &expect![[r#"
        write 0 [0, 1]: Int64([6, 5])
        None of [0, 1]: [0, 1, 2] xy, Int64([5, 6])"#]],
    );
}
