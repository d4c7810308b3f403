//! `wasmill plugin test FILE#function`: calls a function on rows that are given.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, AsArray as _, UInt64Array};
use arrow::compute::{concat, take};
use arrow::datatypes::{DataType, FieldRef, Fields, Schema};
use arrow::error::ArrowError;
use wasmill_engine::EngineError;
use wasmill_plugin::{Function, Kind, PluginError};

use super::arguments::{Keyed, Test};
use super::compare::{Comparison, expected};
use super::failure::Failure;
use super::opening::Target;
use super::process;
use super::rows::{Rows, Written};
use super::shown::json;
use super::trace::{self, Trace};
use crate::cells;
use crate::output::Output;

/// Calls the function, prints what comes, and compares it with what is expected.
pub fn call(arguments: &Test, output: &Output) -> Result<(), Failure> {
    let written = match (&arguments.rows, &arguments.csv) {
        (Some(rows), _) => Written::json(rows)?,
        (None, Some(path)) => Written::csv(path)?,
        (None, None) => {
            return Err(Failure::wrong("there are no rows").hint("give --rows or --csv"));
        }
    };
    let expected = arguments.expect.as_deref().map(expected).transpose()?;
    let target = Target::find(&arguments.target)?;
    if target.signature.kind == Kind::Process {
        return process::test(arguments, &target, &written, expected.as_deref(), output);
    }
    refuse_keyed(arguments, &target.signature.name)?;
    let rows = written.of(&target.signature, arguments.opened.types.as_deref())?;
    let trace = arguments.trace.then(|| Trace::new(output.stderr()));
    let log = trace.clone().map(|trace| trace as Arc<_>);
    let function = target.open(&arguments.opened, &rows.fields, log)?;
    let batch = arguments.batch as usize;
    let came = Came::of(&function, &rows, batch, trace.as_deref())?;
    let printed = match arguments.json {
        true => came.print_json(output),
        false => came.print_table(output, &rows),
    };
    match printed {
        // Who read the output has seen enough.
        Ok(()) | Err(EngineError::OutputClosed) => {}
        Err(error) => return Err(Failure::failed(error.to_string())),
    }
    match expected {
        Some(expected) => {
            let expected: Vec<_> = expected.iter().collect();
            let mut comparison = Comparison::default();
            comparison.add("", &expected, &came.values)?;
            comparison.tell(output)
        }
        None => Ok(()),
    }
}

/// Options that only a process function has.
fn refuse_keyed(arguments: &Test, name: &str) -> Result<(), Failure> {
    let Keyed {
        keys,
        time,
        broadcast,
        now,
    } = &arguments.process;
    let options = [
        ("--key", !keys.is_empty()),
        ("--time", time.is_some()),
        ("--broadcast", broadcast.is_some()),
        ("--now", now.is_some()),
    ];
    match options.iter().find(|(_, given)| *given) {
        Some((option, _)) => {
            let message = format!("{option} is for process functions, and `{name}` is none");
            Err(Failure::wrong(message))
        }
        None => Ok(()),
    }
}

/// What a function gave for all rows.
struct Came {
    /// Of a table function structs of its columns.
    values: ArrayRef,
    /// Its columns.
    fields: Fields,
    /// Of each value the row that it is of; none where it is of all of them.
    row_of: Option<UInt64Array>,
    is_table: bool,
}

impl Came {
    fn of(
        function: &Arc<Function>,
        rows: &Rows,
        batch: usize,
        trace: Option<&Trace>,
    ) -> Result<Self, Failure> {
        let kind = function.signature().kind;
        let timed = |range: Range<usize>,
                     call: &mut dyn FnMut() -> Result<ArrayRef, PluginError>| {
            let given = match trace {
                Some(trace) => trace.time(&trace::rows(&range), call),
                None => call(),
            };
            given.map_err(|error| failed(Failure::of_call(&error), &range, rows.rows))
        };
        let ranges = (0..rows.rows.max(1)).step_by(batch);
        let ranges = ranges.map(|start| start..rows.rows.min(start + batch));
        let slice = |range: &Range<usize>| -> Vec<ArrayRef> {
            let columns = rows.columns.iter();
            columns
                .map(|column| column.slice(range.start, range.len()))
                .collect()
        };
        let given = match kind {
            Kind::Aggregate => {
                let groups = function.accumulators();
                let mut groups = groups.map_err(|error| Failure::of_call(&error))?;
                for range in ranges {
                    let columns = slice(&range);
                    let numbers = vec![0; range.len()];
                    timed(range, &mut || {
                        groups.update(&columns, numbers.clone(), 1)?;
                        groups.evaluate(0)
                    })?;
                }
                vec![
                    groups
                        .evaluate(1)
                        .map_err(|error| Failure::of_call(&error))?,
                ]
            }
            _ => ranges
                .map(|range| {
                    let columns = slice(&range);
                    timed(range.clone(), &mut || function.call(&columns, range.len()))
                })
                .collect::<Result<Vec<_>, _>>()?,
        };
        let given: Vec<_> = given.iter().map(|array| array.as_ref()).collect();
        let given = concat(&given).map_err(|error| unfit(&error))?;
        let fields = function.columns().clone();
        Ok(match kind {
            Kind::Aggregate => Came {
                values: given,
                fields,
                row_of: None,
                is_table: false,
            },
            Kind::Table => {
                let lists = given.as_list::<i32>();
                let row_of = (0..lists.len())
                    .flat_map(|row| std::iter::repeat_n(row as u64, lists.value(row).len()));
                let row_of = Some(UInt64Array::from_iter_values(row_of));
                let (first, last) = (lists.value_offsets().first(), lists.value_offsets().last());
                let (first, last) = (first.copied().unwrap_or(0), last.copied().unwrap_or(0));
                let values = lists
                    .values()
                    .slice(first as usize, (last - first) as usize);
                Came {
                    values,
                    fields,
                    row_of,
                    is_table: true,
                }
            }
            _ => {
                let row_of = Some(UInt64Array::from_iter_values(0..given.len() as u64));
                let name = &function.signature().name;
                let fields = fields
                    .iter()
                    .map(|field| field.as_ref().clone().with_name(name));
                let fields = fields.collect();
                Came {
                    values: given,
                    fields,
                    row_of,
                    is_table: false,
                }
            }
        })
    }

    /// Its columns, one array each.
    fn columns(&self) -> Vec<ArrayRef> {
        match self.is_table {
            true => self.values.as_struct().columns().to_vec(),
            false => vec![self.values.clone()],
        }
    }

    fn print_json(&self, output: &Output) -> Result<(), EngineError> {
        let lines = (0..self.values.len()).map(|row| json(&self.values, row) + "\n");
        cells::put(output, &lines.collect::<String>())
    }

    /// Beside each row that it is of.
    fn print_table(&self, output: &Output, rows: &Rows) -> Result<(), EngineError> {
        let mut fields: Vec<FieldRef> = Vec::new();
        let mut columns = Vec::new();
        if let Some(row_of) = &self.row_of {
            fields.extend(rows.fields.iter().cloned());
            for column in &rows.columns {
                let taken = take(column, row_of, None);
                columns.push(taken.map_err(|error| EngineError::Bug {
                    message: error.to_string(),
                })?);
            }
        }
        fields.extend(self.fields.iter().cloned());
        columns.extend(self.columns());
        let line = |row| columns.iter().map(|column| cell(column, row)).collect();
        let lines: Vec<_> = (0..self.values.len()).map(line).collect();
        cells::print_lines(output, &Schema::new(fields), &lines)
    }
}

/// A cell of a table: texts without quotes.
pub fn cell(column: &ArrayRef, row: usize) -> String {
    if column.is_null(row) {
        return "NULL".to_owned();
    }
    if column.data_type() == &DataType::Utf8 {
        return column.as_string::<i32>().value(row).to_owned();
    }
    let text = json(column, row);
    match text
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'))
    {
        Some(text) => text.to_owned(),
        None => text,
    }
}

/// Rows are named as in their batch.
pub fn failed(failure: Failure, range: &Range<usize>, rows: usize) -> Failure {
    match range.len() == rows {
        true => failure,
        false => failure.at(&trace::rows(range)),
    }
}

fn unfit(error: &ArrowError) -> Failure {
    Failure::failed(format!("the results do not fit together: {error}"))
}
