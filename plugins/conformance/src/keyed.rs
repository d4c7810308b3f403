//! Process functions: every kind of slot, both clocks, side outputs, broadcast tables, rows that fail.

use std::collections::HashMap;

use wasmill_sdk::{
    Arguments, Batch, Call, DataType, Error, Field, Keyed, List, Map, OpenContext, OutputRows,
    ProcessFunction, SideOutput, Signature, Slot, State, process,
};

#[derive(Default, State)]
struct KeyedSum {
    sum: i64,
}

/// The sum of the key's values so far.
#[process(columns(sum))]
impl KeyedSum {
    fn eval(&mut self, value: i64) -> Result<Option<i64>, String> {
        let sum = self.sum.checked_add(value);
        self.sum = sum.ok_or_else(|| format!("{} + {value} is out of range", self.sum))?;
        Ok(Some(self.sum))
    }
}

#[derive(Default, State)]
struct KeyedRecent {
    #[state(ttl = "1 s")]
    last: Option<String>,
}

/// The key's text before, as long as it is not a second old.
#[process(columns(before))]
impl KeyedRecent {
    fn eval(&mut self, text: &str) -> [Option<String>; 1] {
        [self.last.replace(text.to_owned())]
    }
}

#[derive(Default, State)]
struct KeyedList {
    items: List<String>,
}

/// All texts of the key once there are three, which are forgotten then.
#[process(columns(items))]
impl KeyedList {
    fn eval(&mut self, text: &str) -> Option<Vec<String>> {
        self.items.push(text.to_owned());
        (self.items.len() == 3).then(|| self.items.take())
    }
}

#[derive(Default, State)]
struct KeyedMap {
    entries: Map<String, i64>,
}

/// Puts a value under a name, or removes it where it is NULL: the value before, and how many there are.
#[process(columns(before, entries))]
impl KeyedMap {
    fn eval(&mut self, name: &str, value: Option<i64>) -> [(Option<i64>, i64); 1] {
        let before = match value {
            Some(value) => self.entries.insert(name.to_owned(), value),
            None => self.entries.remove(name),
        };
        [(before, self.entries.len() as i64)]
    }
}

/// As `keyed_map`, a batch at once: each row has what was there before the batch.
struct KeyedLookup;

impl ProcessFunction for KeyedLookup {
    fn signature() -> Signature {
        let fields = [("name", DataType::Utf8), ("value", DataType::Int64)];
        let fields = fields.map(|(name, of)| Field::new(name, of));
        Signature::new("keyed_lookup")
            .description("Puts a value under a name: the value that was there before the batch.")
            .arguments(Arguments::Exact(fields.into()))
            .columns(vec![Field::new("before", DataType::Int64)])
    }

    fn open(_context: &OpenContext) -> Result<Self, Error> {
        Ok(Self)
    }

    fn slots(&self) -> Vec<Slot> {
        vec![Slot::map("entries", DataType::Utf8, DataType::Int64)]
    }

    fn batch_eval(&mut self, rows: &Batch, keyed: &Keyed) -> Result<Vec<OutputRows>, Error> {
        let (keys, names) = (keyed.numbers(), rows.column(0));
        let before = keyed.lookup(0, &keys, &names).numbers::<i64>()?;
        keyed.put(0, &keys, &names, &rows.column(1));
        let given = (0..).zip(before.iter());
        Ok(vec![OutputRows::collect(&["before"], given)?])
    }
}

#[derive(Default, State)]
struct TimerEcho {
    fired: i64,
}

/// Sets the key's timer of a name by the clock `event` or `processing`, or has it `clear`ed. A timer gives
/// its name and time, and how many of the key have fired. One that is called `bad` fails; one that is
/// called `again` sets itself anew, 10 ms later, until three of the key have fired.
#[process(columns(name, at, fired))]
impl TimerEcho {
    fn eval(&mut self, call: &mut Call, name: &str, at: i64, clock: &str) -> Result<(), String> {
        match clock {
            "event" => call.set_timer(name, at),
            "processing" => call.set_processing_timer(name, at),
            "clear" => call.clear_timer(name),
            other => return Err(format!("there is no clock '{other}'")),
        }
        Ok(())
    }

    fn on_timer(
        &mut self,
        call: &mut Call,
        timer: &str,
    ) -> Result<Option<(String, Option<i64>, i64)>, String> {
        if timer == "bad" {
            return Err("a bad timer".to_owned());
        }
        self.fired += 1;
        if let Some(at) = call.time().filter(|_| timer == "again" && self.fired < 3) {
            call.set_timer(timer, at + 10);
        }
        Ok(Some((timer.to_owned(), call.time(), self.fired)))
    }
}

static ODD: SideOutput<(i64, i64)> = SideOutput::new("odd", ["value", "number"]);

#[derive(Default, State)]
struct SideSplit {
    rows: i64,
}

/// Even values, numbered by key; odd ones go to the side output `odd`. A negative one fails.
#[process(columns(value, number), side_outputs(ODD))]
impl SideSplit {
    fn eval(&mut self, call: &mut Call, value: i64) -> Result<Option<(i64, i64)>, String> {
        self.rows += 1;
        match value {
            ..0 => Err(format!("{value} is negative")),
            odd if odd % 2 == 1 => {
                call.give(&ODD, (odd, self.rows));
                Ok(None)
            }
            even => Ok(Some((even, self.rows))),
        }
    }
}

#[derive(Default, State)]
struct BroadcastLimit {
    above: i64,
}

/// The values that are above the limit of their name in the broadcast table, numbered by key.
#[process(columns(name, value, number))]
impl BroadcastLimit {
    fn broadcast(name: String, most: i64) -> (String, i64) {
        (name, most)
    }

    fn eval(
        &mut self,
        call: &mut Call<HashMap<String, i64>>,
        name: &str,
        value: i64,
    ) -> Option<(String, i64, i64)> {
        let most = call.broadcast().get(name)?;
        if value <= *most {
            return None;
        }
        self.above += 1;
        Some((name.to_owned(), value, self.above))
    }
}

wasmill_sdk::plugin!(KeyedLookup);
