//! The cases of `process.json`: rows and time that come to the keys of a function.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, RecordBatch, StructArray};
use arrow::datatypes::{DataType, FieldRef};
use serde::Deserialize;
use serde_json::Value;
use wasmill_engine::Moment;
use wasmill_plugin::{Function, Kind, Plugin, PluginError, SlotKind};

use super::case::{self, Case, ExpectedError, column, columns, repeated};
use super::difference::{difference, flat};
use crate::plugin::process::{CallError, Driver, KeyedRows};
use crate::plugin::types;

/// A file of cases.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    pub cases: Vec<ProcessCase>,
}

/// A function, how it is called, and what it gives.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ProcessCase {
    name: String,
    function: String,
    #[serde(default)]
    parameters: BTreeMap<String, String>,
    /// Types of the contract, with their names.
    arguments: Vec<String>,
    /// Of PARTITION BY.
    #[serde(default)]
    keys: Vec<String>,
    /// Rows have times.
    #[serde(default)]
    on_time: bool,
    /// A struct of its columns.
    returns: Option<String>,
    /// `value int64`, `map utf8 int64 1000 ms`.
    slots: Option<Vec<String>>,
    #[serde(default)]
    side_outputs: BTreeMap<String, String>,
    /// A struct of the broadcast table's columns.
    broadcast: Option<String>,
    error: Option<ExpectedError>,
    #[serde(default)]
    steps: Vec<Step>,
}

/// Time comes, timers fire, rows come, timers fire.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Step {
    /// The machine's clock from now on, in milliseconds since 1970; 0 at first.
    now: Option<i64>,
    /// From now on; none at first.
    watermark: Option<i64>,
    /// The rows of the broadcast table from now on; none at first.
    broadcast: Option<Vec<Vec<Value>>>,
    /// Keys, arguments, and the time.
    rows: Option<Vec<Vec<Value>>>,
    repeat: Option<usize>,
    #[serde(default)]
    gives: Gives,
    #[serde(default)]
    side_outputs: BTreeMap<String, Vec<Value>>,
    /// Of the first call that fails.
    error: Option<ExpectedError>,
}

/// What is to come of the result.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Gives {
    Rows(Vec<Value>),
    /// So many rows.
    Count(usize),
}

impl Default for Gives {
    fn default() -> Self {
        Gives::Rows(Vec::new())
    }
}

impl ProcessCase {
    /// What is the same for functions of all kinds.
    pub fn opened(&self) -> Case {
        Case {
            name: self.name.clone(),
            function: self.function.clone(),
            parameters: self.parameters.clone(),
            arguments: self.arguments.clone(),
            returns: self.returns.clone(),
            error: self.error.clone(),
            ..Case::default()
        }
    }

    /// Whether the function says of itself what it should.
    fn compare(&self, function: &Function) -> Result<(), String> {
        let same = |what: &str, expected: &str, got: &str| match expected == got {
            true => Ok(()),
            false => Err(format!("expected {what} {expected}, got {got}")),
        };
        let kind = function.signature().kind;
        same("a function of the kind", Kind::Process.name(), kind.name())?;
        if let Some(expected) = &self.slots {
            let slots = function.slots().iter().map(|slot| {
                let kind = match slot.kind {
                    SlotKind::Value => "value",
                    SlotKind::List => "list",
                    SlotKind::Map => "map",
                };
                let columns = slot.columns.iter();
                let columns = columns.map(|column| format!(" {}", types::name(column.data_type())));
                let columns: String = columns.collect();
                let ttl = slot.ttl.map(|ttl| format!(" {} ms", ttl.as_millis()));
                format!("{kind}{columns}{}", ttl.unwrap_or_default())
            });
            let slots: Vec<_> = slots.collect();
            same("the slots", &expected.join(", "), &slots.join(", "))?;
        }
        let outputs = function.side_outputs().iter();
        let outputs: BTreeMap<_, _> = outputs
            .map(|output| (output.name.clone(), structs(output.columns.iter())))
            .collect();
        let shown = |outputs: &BTreeMap<String, String>| {
            let outputs = outputs.iter().map(|(name, of)| format!("{name} {of}"));
            let outputs = outputs.collect::<Vec<_>>().join(", ");
            if outputs.is_empty() {
                "none".to_owned()
            } else {
                outputs
            }
        };
        same(
            "the side outputs",
            &shown(&self.side_outputs),
            &shown(&outputs),
        )?;
        let broadcast = function.broadcast().map(|fields| structs(fields.iter()));
        let shown = |of: &Option<String>| of.clone().unwrap_or_else(|| "none".to_owned());
        same(
            "the broadcast table",
            &shown(&self.broadcast),
            &shown(&broadcast),
        )
    }
}

fn structs<'a>(fields: impl IntoIterator<Item = &'a FieldRef>) -> String {
    format!("struct<{}>", types::names(fields))
}

/// Opens the case's function and takes it through its steps; an error says what was expected and what
/// came.
pub fn check(plugin: &Arc<Plugin>, case: &ProcessCase) -> Result<(), String> {
    let Some(function) = super::open(plugin, &case.opened())? else {
        return Ok(());
    };
    case.compare(&function)?;
    let keys = key_fields(&case.keys)?;
    let time = case.on_time.then_some(DataType::Int64);
    let broadcast: Vec<FieldRef> = function
        .broadcast()
        .into_iter()
        .flatten()
        .cloned()
        .collect();
    let mut fields = keys.clone();
    fields.extend(case::fields(&case.arguments)?);
    fields.extend(case::fields(
        &time.iter().map(types::name).collect::<Vec<_>>(),
    )?);
    let driver = Driver::new(function, keys.iter().cloned().collect(), time, None);
    let mut run = Run {
        driver: driver.map_err(told)?,
        fields,
        keys: keys.len(),
        on_time: case.on_time,
        moment: Moment {
            watermark: Moment::BEGINNING,
            now: 0,
        },
    };
    if case.broadcast.is_some() {
        run.driver.broadcast(columns(&broadcast, &[])?, 0);
    }
    for (place, step) in case.steps.iter().enumerate() {
        if let Some(rows) = &step.broadcast {
            run.driver.broadcast(columns(&broadcast, rows)?, rows.len());
        }
        let taken = run.step(step);
        taken.map_err(|reason| format!("step {place}: {reason}"))?;
    }
    Ok(())
}

/// Named as what they are, where they have no name.
fn key_fields(texts: &[String]) -> Result<Vec<FieldRef>, String> {
    let fields = case::fields(texts)?.into_iter();
    let named = fields.map(|field| {
        let name = field.name().replacen('c', "key", 1);
        Arc::new(field.as_ref().clone().with_name(name))
    });
    Ok(named.collect())
}

/// A case as it goes on.
struct Run {
    driver: Driver,
    /// Of rows: keys, arguments, time.
    fields: Vec<FieldRef>,
    keys: usize,
    on_time: bool,
    moment: Moment,
}

impl Run {
    fn step(&mut self, step: &Step) -> Result<(), String> {
        self.moment = Moment {
            watermark: step.watermark.unwrap_or(self.moment.watermark),
            now: step.now.unwrap_or(self.moment.now),
        };
        let mut failed = self.timers()?;
        if let Some(rows) = &step.rows {
            let rows = self.rows(rows, step.repeat)?;
            match self.driver.rows(&rows, "rows", self.moment) {
                Ok(()) => {}
                Err(CallError::Plugin(error)) => failed = failed.or(Some(error)),
                Err(other) => return Err(told(other)),
            }
            let again = self.timers()?;
            failed = failed.or(again);
        }
        match (&step.error, failed) {
            (None, None) => {}
            (Some(expected), Some(error)) => expected.difference(&error)?,
            (Some(expected), None) => {
                return Err(format!("expected {}, got none", expected.shown()));
            }
            (None, Some(error)) => {
                let error = flat(&error.to_string());
                return Err(format!("expected no error, got the error: {error}"));
            }
        }
        self.compare(step)
    }

    /// Fires what is due. After a call that fails, each timer by itself; on one that fails alone the
    /// function is not called again. Gives the first error.
    fn timers(&mut self) -> Result<Option<Box<PluginError>>, String> {
        let failed = match self.driver.timers(self.moment) {
            Ok(()) => return Ok(None),
            Err(CallError::Timers(_, error)) => error,
            Err(other) => return Err(told(other)),
        };
        loop {
            match self.driver.fire_first(self.moment) {
                Ok(false) => return Ok(Some(failed)),
                Ok(true) => {}
                Err(CallError::Timers(..)) => {
                    let forgotten = self.driver.forget_first(self.moment);
                    forgotten.map_err(told)?;
                }
                Err(other) => return Err(told(other)),
            }
        }
    }

    fn rows(&self, rows: &[Vec<Value>], repeat: Option<usize>) -> Result<KeyedRows, String> {
        let count = repeat.unwrap_or(rows.len());
        let columns = columns(&self.fields, rows)?;
        let columns = columns.iter().map(|column| repeated(column, count));
        let mut columns = columns.collect::<Result<Vec<_>, _>>()?;
        let times = match self.on_time {
            true => columns.pop(),
            false => None,
        };
        let arguments = columns.split_off(self.keys);
        Ok(KeyedRows {
            keys: columns,
            arguments,
            times,
            first: 0,
            rows: count,
        })
    }

    fn compare(&mut self, step: &Step) -> Result<(), String> {
        let given = self.driver.take().map_err(told)?;
        match &step.gives {
            Gives::Rows(expected) => same_rows(expected, given.result)?,
            Gives::Count(count) if *count == given.result.num_rows() => {}
            Gives::Count(count) => {
                let got = given.result.num_rows();
                return Err(format!("expected {count} rows, got {got}"));
            }
        }
        let known = |name: &String| given.sides.iter().any(|(known, _)| known == name);
        if let Some(unknown) = step.side_outputs.keys().find(|name| !known(name)) {
            return Err(format!("there is no side output {unknown}"));
        }
        for (name, rows) in given.sides {
            let expected = step.side_outputs.get(&name);
            same_rows(expected.map_or(&[], Vec::as_slice), rows)
                .map_err(|reason| format!("side output {name}: {reason}"))?;
        }
        Ok(())
    }
}

fn same_rows(expected: &[Value], given: RecordBatch) -> Result<(), String> {
    let given: ArrayRef = Arc::new(StructArray::from(given));
    difference(&column(given.data_type(), expected)?, &given)
}

fn told(error: CallError) -> String {
    match error {
        CallError::Plugin(error) => format!("got the error: {}", flat(&error.to_string())),
        CallError::Timers(which, error) => {
            format!("{which}: got the error: {}", flat(&error.to_string()))
        }
        CallError::State(reason) => format!("the state cannot be used: {reason}"),
        CallError::EndlessTimers(message, _) => message,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_case_can_be_read() {
        let file: File = serde_json::from_str(super::super::PROCESS).unwrap();
        for case in &file.cases {
            let time = case.on_time.then(|| "int64".to_owned());
            let texts = case.keys.iter().chain(&case.arguments).chain(&time);
            let fields = case::fields(&texts.cloned().collect::<Vec<_>>()).unwrap();
            let rows = case.steps.iter().filter_map(|step| step.rows.as_ref());
            for rows in rows {
                let columns = columns(&fields, rows);
                assert!(columns.is_ok(), "{}: {:?}", case.name, columns.err());
            }
        }
    }
}
