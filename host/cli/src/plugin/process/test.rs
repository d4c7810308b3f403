//! `wasmill plugin test FILE#function` of a process function.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use arrow::array::{Array as _, ArrayRef};
use arrow::datatypes::{Fields, Schema};
use serde_json::Value;
use wasmill_engine::{EngineError, Moment};
use wasmill_plugin::Function;

use super::given::structs;
use super::table::Table;
use super::{CallError, Driver, Given};
use crate::cells;
use crate::output::Output;
use crate::plugin::arguments::Test;
use crate::plugin::call::{cell, failed};
use crate::plugin::compare::Comparison;
use crate::plugin::failure::Failure;
use crate::plugin::opening::Target;
use crate::plugin::rows::Written;
use crate::plugin::shown::json;
use crate::plugin::trace::{self, Trace};

/// A row of a side output, as JSON.
const SIDE_OUTPUT: &str = "side-output";
const ROW: &str = "row";

/// Hands the rows over batch by batch, then fires the timers, and prints and compares what comes.
pub fn test(
    arguments: &Test,
    target: &Target,
    written: &Written,
    expected: Option<&[Value]>,
    output: &Output,
) -> Result<(), Failure> {
    let process = &arguments.process;
    let table = Table::new(
        written,
        &target.signature,
        arguments.opened.types.as_deref(),
        &process.keys,
        process.time.as_deref(),
    )?;
    let trace = arguments.trace.then(|| Trace::new(output.stderr()));
    let log = trace.clone().map(|trace| trace as Arc<_>);
    let function = target.open(&arguments.opened, &table.arguments, log)?;
    let broadcast = broadcast(process.broadcast.as_deref(), &function)?;
    let name = &target.signature.name;
    let wrong = |error: CallError| error.failure(name);
    let time = table.rows.times.as_ref();
    let time = time.map(|times| times.data_type().clone());
    let keys: Fields = table.keys.iter().cloned().collect();
    let mut driver = Driver::new(function, keys, time, trace).map_err(wrong)?;
    if let Some(broadcast) = broadcast {
        driver.broadcast(broadcast.columns, broadcast.rows);
    }
    let rows = table.rows.rows;
    let at = |watermark| Moment {
        watermark,
        now: process.now.unwrap_or_else(machine_time),
    };
    for start in (0..rows).step_by(arguments.batch as usize) {
        let range = start..rows.min(start + arguments.batch as usize);
        let before = at(Moment::BEGINNING);
        driver.timers(before).map_err(wrong)?;
        driver
            .rows(&table.rows.slice(&range), &trace::rows(&range), before)
            .map_err(|error| failed(wrong(error), &range, rows))?;
    }
    driver.timers(at(Moment::END)).map_err(wrong)?;
    let given = driver.take().map_err(wrong)?;
    let printed = match arguments.json {
        true => print_json(&given, output),
        false => print_tables(&given, output),
    };
    match printed {
        // Who read the output has seen enough.
        Ok(()) | Err(EngineError::OutputClosed) => {}
        Err(error) => return Err(Failure::failed(error.to_string())),
    }
    if driver.waits_for_clock() {
        output.note("timers of the machine's clock that are not due yet are left out");
    }
    match expected {
        Some(expected) => compare(&given, expected, output),
        None => Ok(()),
    }
}

/// The machine's clock, in milliseconds since 1970.
fn machine_time() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    })
}

/// The rows of the broadcast table, in a file or as they were given.
fn broadcast(
    text: Option<&str>,
    function: &Function,
) -> Result<Option<crate::plugin::rows::Rows>, Failure> {
    let name = &function.signature().name;
    match (text, function.broadcast()) {
        (None, None) => Ok(None),
        (Some(_), None) => Err(Failure::wrong(format!("`{name}` takes no broadcast table"))),
        (None, Some(_)) => Err(Failure::wrong(format!("`{name}` needs a broadcast table"))
            .hint("give its rows: --broadcast FILE, or as JSON; none are --broadcast ''")),
        (Some(text), Some(fields)) => {
            let written = Written::file_or_json(text);
            let rows =
                written.and_then(|written| written.rows_of(fields.iter().cloned().collect()));
            rows.map(Some).map_err(|failure| failure.at("--broadcast"))
        }
    }
}

fn print_json(given: &Given, output: &Output) -> Result<(), EngineError> {
    let lines = |rows: &ArrayRef, line: &dyn Fn(String) -> String| {
        let lines = (0..rows.len()).map(|row| line(json(rows, row)) + "\n");
        cells::put(output, &lines.collect::<String>())
    };
    lines(&structs(&given.result), &|row| row)?;
    for (name, rows) in &given.sides {
        let name = Value::from(name.as_str());
        lines(&structs(rows), &|row| {
            format!("{{\"{SIDE_OUTPUT}\":{name},\"{ROW}\":{row}}}")
        })?;
    }
    Ok(())
}

fn print_tables(given: &Given, output: &Output) -> Result<(), EngineError> {
    let table = |rows: &arrow::array::RecordBatch| {
        let columns = rows.columns();
        let line = |row| columns.iter().map(|column| cell(column, row)).collect();
        let lines: Vec<_> = (0..rows.num_rows()).map(line).collect();
        let fields = rows.schema().fields().clone();
        cells::print_lines(output, &Schema::new(fields), &lines)
    };
    table(&given.result)?;
    for (name, rows) in &given.sides {
        cells::put(output, &format!("\n{name}:\n"))?;
        table(rows)?;
    }
    Ok(())
}

/// Rows of side outputs are objects of `side-output` and `row`.
fn compare(given: &Given, expected: &[Value], output: &Output) -> Result<(), Failure> {
    let side_of = |value: &'_ Value| -> Option<(String, Value)> {
        let object = value.as_object().filter(|object| object.len() == 2)?;
        let name = object.get(SIDE_OUTPUT)?.as_str()?;
        Some((name.to_owned(), object.get(ROW)?.clone()))
    };
    let sides: Vec<_> = expected.iter().filter_map(side_of).collect();
    let known = |name: &str| given.sides.iter().any(|(known, _)| known == name);
    if let Some((unknown, _)) = sides.iter().find(|(name, _)| !known(name)) {
        let message = format!("--expect: there is no side output `{unknown}`");
        return Err(Failure::wrong(message));
    }
    let result = expected.iter().filter(|value| side_of(value).is_none());
    let mut comparison = Comparison::default();
    comparison.add("", &result.collect::<Vec<_>>(), &structs(&given.result))?;
    for (name, rows) in &given.sides {
        let of_side = sides.iter().filter(|(side, _)| side == name);
        let of_side: Vec<_> = of_side.map(|(_, row)| row).collect();
        let of = format!("side output {name}, ");
        comparison.add(&of, &of_side, &structs(rows))?;
    }
    comparison.tell(output)
}
