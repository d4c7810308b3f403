//! `wasmill plugin test FILE --conformance`: the cases of `sdk/conformance`, on any component.

mod aggregate;
mod case;
mod difference;
mod process;
mod type_cases;

use std::sync::Arc;

use arrow::datatypes::{DataType, Field};
use wasmill_plugin::{Function, Kind, OpenOptions, Plugin, PluginError};

use super::model::Sum;
use super::types;
use case::{Call, Case, File};
use difference::{flat, outcome};

const SCALAR: &str = include_str!("../../../../../sdk/conformance/scalar.json");
const TABLE: &str = include_str!("../../../../../sdk/conformance/table.json");
const AGGREGATE: &str = include_str!("../../../../../sdk/conformance/aggregate.json");
const PROCESS: &str = include_str!("../../../../../sdk/conformance/process.json");
const TYPES: &str = include_str!("../../../../../sdk/conformance/types.json");

/// How a case went.
pub struct Verdict {
    /// The function and what it is about.
    pub case: String,
    /// What was expected and what came, where it failed.
    pub failure: Option<String>,
}

/// Runs all cases, or those that need no other functions than `only`; each is told as it ends. An error
/// is one of the cases themselves, or a name that none has.
pub fn run(
    plugin: &Arc<Plugin>,
    only: &[String],
    mut tell: impl FnMut(Verdict),
) -> Result<(), String> {
    let mut unknown: Vec<_> = only.iter().collect();
    let mut is_wanted = |case: &Case| {
        unknown.retain(|name| **name != case.function);
        case.functions()
            .all(|function| only.is_empty() || only.iter().any(|name| name == function))
    };
    let mut judge = |case: &Case, outcome: Result<(), String>| {
        tell(Verdict {
            case: format!("{}: {}", case.function, case.name),
            failure: outcome.err(),
        });
    };
    for text in [SCALAR, TABLE] {
        for case in file(text)?.cases.iter().filter(|case| is_wanted(case)) {
            judge(case, check(plugin, case));
        }
    }
    let types: type_cases::File = serde_json::from_str(TYPES).map_err(|error| error.to_string())?;
    for (case, calls) in types.cases() {
        if !is_wanted(&case) {
            continue;
        }
        let outcome = calls.and_then(|calls| match open(plugin, &case)? {
            Some(function) => calls.iter().try_for_each(|call| make(&function, call)),
            None => Ok(()),
        });
        judge(&case, outcome);
    }
    for case in file(AGGREGATE)?.cases.iter().filter(|case| is_wanted(case)) {
        judge(case, aggregate::check(plugin, case));
    }
    let processes: process::File =
        serde_json::from_str(PROCESS).map_err(|error| error.to_string())?;
    for case in &processes.cases {
        let opened = case.opened();
        if is_wanted(&opened) {
            judge(&opened, process::check(plugin, case));
        }
    }
    match unknown.first() {
        None => Ok(()),
        Some(name) => Err(format!("the suite has no function `{name}`")),
    }
}

fn file(text: &str) -> Result<File, String> {
    serde_json::from_str(text).map_err(|error| error.to_string())
}

/// An error says what was expected and what came.
fn check(plugin: &Arc<Plugin>, case: &Case) -> Result<(), String> {
    let calls = calls(case)?;
    let Some(function) = open(plugin, case)? else {
        return Ok(());
    };
    let Some(other) = case.beside.as_deref() else {
        return calls.iter().try_for_each(|call| make(&function, call));
    };
    let (others, beside) = (self::calls(other)?, open(plugin, other)?);
    for turn in 0..calls.len().max(others.len()) {
        if let Some(call) = calls.get(turn) {
            make(&function, call)?;
        }
        if let (Some(call), Some(beside)) = (others.get(turn), &beside) {
            make(beside, call).map_err(|reason| format!("beside it: {reason}"))?;
        }
    }
    Ok(())
}

/// The batches of a case, and then their rows by themselves if it wants them.
fn calls(case: &Case) -> Result<Vec<Call>, String> {
    let arguments = case.arguments()?;
    let returns = match &case.returns {
        Some(text) => types::parse(text)?,
        None => DataType::Null,
    };
    // What a table function gives for a row.
    let returns = match returns {
        DataType::Struct(_) => DataType::List(Arc::new(Field::new_list_field(returns, true))),
        value => value,
    };
    let batches = case.batches.iter().enumerate();
    let mut calls = batches
        .map(|(place, batch)| {
            let call = batch.call(place, &arguments, &returns);
            call.map_err(|reason| format!("batch {place}: {reason}"))
        })
        .collect::<Result<Vec<_>, _>>()?;
    if case.row_by_row {
        let rows = calls.iter().flat_map(Call::rows_by_themselves);
        let rows: Vec<_> = rows.filter(|call| !call.expected.is_unknown()).collect();
        calls.extend(rows);
    }
    Ok(calls)
}

/// None where it does not open, as expected.
fn open(plugin: &Arc<Plugin>, case: &Case) -> Result<Option<Arc<Function>>, String> {
    let options = OpenOptions {
        parameters: case.parameters.clone(),
        grants: Sum::granted(),
        ..OpenOptions::new(case.function.clone(), case.arguments()?)
    };
    let function = match (plugin.open(&case.function, options), &case.error) {
        (Ok(function), None) => function,
        (Err(error), Some(expected)) => {
            return expected.difference(&error).map(|()| None);
        }
        (Err(error), None) => {
            let error = flat(&error.to_string());
            return Err(format!("expected that it opens, got the error: {error}"));
        }
        (Ok(_), Some(expected)) => {
            return Err(format!(
                "expected {}, got a function that opens",
                expected.shown()
            ));
        }
    };
    let returns = returns(&function);
    match &case.returns {
        Some(expected) if *expected != returns => Err(format!(
            "expected that it returns {expected}, got {returns}"
        )),
        _ => Ok(Some(function)),
    }
}

/// As the cases have it.
fn returns(function: &Function) -> String {
    match function.signature().kind {
        Kind::Table | Kind::Process => format!("struct<{}>", types::names(function.columns())),
        _ => types::name(function.returns().data_type()),
    }
}

fn make(function: &Function, call: &Call) -> Result<(), String> {
    let given: Result<_, PluginError> = function.call(&call.columns, call.rows);
    outcome(&call.expected, &given).map_err(|reason| format!("{}: {reason}", call.what))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_case_can_be_read() {
        for text in [SCALAR, TABLE] {
            for case in &file(text).unwrap().cases {
                let beside = case.beside.as_deref().map(calls).transpose();
                for calls in [calls(case), beside.map(Option::unwrap_or_default)] {
                    assert!(calls.is_ok(), "{}: {:?}", case.name, calls.err());
                }
            }
        }
        let types: type_cases::File = serde_json::from_str(TYPES).unwrap();
        for (case, calls) in types.cases() {
            assert!(calls.is_ok(), "{}: {:?}", case.name, calls.err());
        }
    }
}
