//! The cases of `aggregate.json`: steps that groups go through.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, StructArray};
use arrow::datatypes::{DataType, FieldRef};
use serde::Deserialize;
use serde_json::Value;
use wasmill_plugin::{Accumulators, Plugin, PluginError};

use super::case::{Case, column, columns, repeated};
use super::difference::{difference, flat};
use crate::plugin::types;

/// What is done to groups, or asked of them. `of` names the accumulators, where there are several.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum Step {
    /// Rows of arguments.
    Update(Rows),
    /// Rows of arguments, without `count`.
    Retract(Rows),
    /// Rows of states.
    Merge(Rows),
    /// A state a group: an array of its columns.
    State(Asked),
    /// A value a group.
    Evaluate(Asked),
    /// `gives` nothing.
    Forget(Asked),
}

/// Rows, each of the group whose number stands at its place.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rows {
    #[serde(default)]
    of: String,
    rows: Vec<Vec<Value>>,
    groups: Vec<u32>,
    /// How many groups there are from then on.
    #[serde(default)]
    count: u32,
    /// So many rows: those above with their groups, over and over.
    repeat: Option<usize>,
}

/// Something about the first `count` groups.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    #[serde(default)]
    of: String,
    count: u32,
    #[serde(default)]
    gives: Vec<Value>,
}

/// Accumulators, as `wit/aggregate.wit` has them. An error is what is told of it.
pub trait Groups {
    fn update(&mut self, rows: &GroupedRows, count: u32) -> Result<(), String>;
    fn retract(&mut self, rows: &GroupedRows) -> Result<(), String>;
    fn merge(&mut self, rows: &GroupedRows, count: u32) -> Result<(), String>;
    fn state(&mut self, count: u32) -> Result<Vec<ArrayRef>, String>;
    fn evaluate(&mut self, count: u32) -> Result<ArrayRef, String>;
    fn forget(&mut self, count: u32) -> Result<(), String>;
}

/// What a step hands over.
pub struct GroupedRows {
    pub columns: Vec<ArrayRef>,
    /// One a row.
    pub groups: Vec<u32>,
}

/// Makes accumulators without groups.
type NewGroups<'a> = Box<dyn Fn() -> Result<Box<dyn Groups>, String> + 'a>;

/// Opens the case's function and takes it through its steps; an error says what was expected and what
/// came.
pub fn check(plugin: &Arc<Plugin>, case: &Case) -> Result<(), String> {
    let Some(function) = super::open(plugin, case)? else {
        return Ok(());
    };
    let state = format!("struct<{}>", types::names(function.state()));
    match &case.state {
        Some(expected) if *expected != state => {
            return Err(format!("expected the state {expected}, got {state}"));
        }
        _ => {}
    }
    let accumulators: NewGroups<'_> = Box::new(|| {
        let accumulators = function.accumulators().map_err(|error| told(&error))?;
        Ok(Box::new(accumulators))
    });
    steps(case, &accumulators)
}

fn told(error: &PluginError) -> String {
    format!("got the error: {}", flat(&error.to_string()))
}

impl Groups for Accumulators {
    fn update(&mut self, rows: &GroupedRows, count: u32) -> Result<(), String> {
        let updated = Accumulators::update(self, &rows.columns, rows.groups.clone(), count);
        updated.map_err(|error| told(&error))
    }

    fn retract(&mut self, rows: &GroupedRows) -> Result<(), String> {
        let retracted = Accumulators::retract(self, &rows.columns, rows.groups.clone());
        retracted.map_err(|error| told(&error))
    }

    fn merge(&mut self, rows: &GroupedRows, count: u32) -> Result<(), String> {
        let merged = Accumulators::merge(self, &rows.columns, rows.groups.clone(), count);
        merged.map_err(|error| told(&error))
    }

    fn state(&mut self, count: u32) -> Result<Vec<ArrayRef>, String> {
        Accumulators::state(self, count).map_err(|error| told(&error))
    }

    fn evaluate(&mut self, count: u32) -> Result<ArrayRef, String> {
        Accumulators::evaluate(self, count).map_err(|error| told(&error))
    }

    fn forget(&mut self, count: u32) -> Result<(), String> {
        Accumulators::forget(self, count).map_err(|error| told(&error))
    }
}

fn steps(case: &Case, accumulators: &NewGroups<'_>) -> Result<(), String> {
    let arguments = case.arguments()?;
    let type_of = |text: &Option<String>| types::parse(text.as_deref().unwrap_or_default());
    let (returns, state) = (type_of(&case.returns)?, type_of(&case.state)?);
    let DataType::Struct(state_fields) = &state else {
        return Err("the state is a struct".to_owned());
    };
    let state_fields: Vec<FieldRef> = state_fields.iter().cloned().collect();
    let mut all: BTreeMap<&str, Box<dyn Groups>> = BTreeMap::new();
    for (place, step) in case.steps.iter().enumerate() {
        let (name, of) = step.called();
        let groups = match all.entry(of) {
            std::collections::btree_map::Entry::Occupied(known) => known.into_mut(),
            std::collections::btree_map::Entry::Vacant(new) => new.insert(accumulators()?),
        };
        let done = match step {
            Step::Update(rows) => groups.update(&rows.grouped(&arguments)?, rows.count),
            Step::Retract(rows) => groups.retract(&rows.grouped(&arguments)?),
            Step::Merge(rows) => groups.merge(&rows.grouped(&state_fields)?, rows.count),
            Step::Forget(asked) => groups.forget(asked.count),
            Step::Evaluate(asked) => groups
                .evaluate(asked.count)
                .and_then(|given| difference(&column(&returns, &asked.gives)?, &given)),
            Step::State(asked) => groups.state(asked.count).and_then(|given| {
                let fields = state_fields.iter().cloned().collect();
                let given =
                    StructArray::try_new(fields, given, None).map_err(|error| error.to_string())?;
                difference(
                    &column(&state, &asked.gives)?,
                    &(Arc::new(given) as ArrayRef),
                )
            }),
        };
        done.map_err(|reason| format!("step {place}, {name}: {reason}"))?;
    }
    Ok(())
}

impl Step {
    /// What it does, and to which accumulators.
    fn called(&self) -> (&'static str, &str) {
        match self {
            Step::Update(rows) => ("update", &rows.of),
            Step::Retract(rows) => ("retract", &rows.of),
            Step::Merge(rows) => ("merge", &rows.of),
            Step::State(asked) => ("state", &asked.of),
            Step::Evaluate(asked) => ("evaluate", &asked.of),
            Step::Forget(asked) => ("forget", &asked.of),
        }
    }
}

impl Rows {
    fn grouped(&self, fields: &[FieldRef]) -> Result<GroupedRows, String> {
        let given = self.rows.len();
        if self.groups.len() != given {
            return Err(format!("{} groups for {given} rows", self.groups.len()));
        }
        let rows = self.repeat.unwrap_or(given);
        let columns = columns(fields, &self.rows)?;
        let columns = columns.iter().map(|column| repeated(column, rows));
        Ok(GroupedRows {
            columns: columns.collect::<Result<_, _>>()?,
            groups: self.groups.iter().copied().cycle().take(rows).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{AsArray as _, Float64Array, Int64Array};
    use arrow::datatypes::{Float64Type, Int64Type};

    use super::super::case::File;
    use super::*;

    /// `mean`, by the README.
    #[derive(Default)]
    struct Mean(Vec<(f64, i64)>);

    impl Mean {
        fn add(&mut self, rows: &GroupedRows, count: usize, sign: i64) {
            self.0.resize(count, (0.0, 0));
            let values = rows.columns[0].as_primitive::<Float64Type>();
            for (value, group) in values.iter().zip(&rows.groups) {
                if let Some(value) = value {
                    let (sum, count) = &mut self.0[*group as usize];
                    (*sum, *count) = (*sum + value * sign as f64, *count + sign);
                }
            }
        }
    }

    impl Groups for Mean {
        fn update(&mut self, rows: &GroupedRows, count: u32) -> Result<(), String> {
            self.add(rows, count as usize, 1);
            Ok(())
        }

        fn retract(&mut self, rows: &GroupedRows) -> Result<(), String> {
            self.add(rows, self.0.len(), -1);
            Ok(())
        }

        fn merge(&mut self, rows: &GroupedRows, count: u32) -> Result<(), String> {
            self.0.resize(count as usize, (0.0, 0));
            let sums = rows.columns[0].as_primitive::<Float64Type>();
            let counts = rows.columns[1].as_primitive::<Int64Type>();
            for (row, group) in rows.groups.iter().enumerate() {
                let (sum, count) = &mut self.0[*group as usize];
                (*sum, *count) = (*sum + sums.value(row), *count + counts.value(row));
            }
            Ok(())
        }

        fn state(&mut self, count: u32) -> Result<Vec<ArrayRef>, String> {
            let groups = &self.0[..count as usize];
            Ok(vec![
                Arc::new(Float64Array::from_iter_values(
                    groups.iter().map(|group| group.0),
                )),
                Arc::new(Int64Array::from_iter_values(
                    groups.iter().map(|group| group.1),
                )),
            ])
        }

        fn evaluate(&mut self, count: u32) -> Result<ArrayRef, String> {
            let groups = &self.0[..count as usize];
            let means = groups
                .iter()
                .map(|(sum, count)| (*count > 0).then(|| sum / *count as f64));
            Ok(Arc::new(means.collect::<Float64Array>()))
        }

        fn forget(&mut self, count: u32) -> Result<(), String> {
            self.0.drain(..count as usize);
            Ok(())
        }
    }

    #[test]
    fn the_cases_are_those_of_a_mean() {
        let file: File = serde_json::from_str(super::super::AGGREGATE).unwrap();
        let mean: NewGroups<'_> = Box::new(|| Ok(Box::new(Mean::default())));
        let cases = file.cases.iter().filter(|case| case.error.is_none());
        let told: Vec<_> = cases.filter_map(|case| steps(case, &mean).err()).collect();
        assert_eq!(told, Vec::<String>::new());
    }
}
