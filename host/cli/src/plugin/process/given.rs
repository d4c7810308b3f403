//! What a process function gives: rows of its result and of its side outputs, with keys and times.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, StructArray};
use arrow::compute::{concat_batches, take};
use arrow::datatypes::{DataType, Field, FieldRef, Fields, Schema, SchemaRef};
use arrow::error::ArrowError;
use wasmill_engine::Answer;
use wasmill_plugin::Function;

/// The name of the times behind a result.
const ROWTIME: &str = "rowtime";

/// Rows in the order in which they came: keys, columns, time.
pub struct Given {
    pub result: RecordBatch,
    /// By the names of the side outputs.
    pub sides: Vec<(String, RecordBatch)>,
}

/// Rows as they come.
pub struct Collected {
    /// Of the result, and then of each side output.
    outputs: Vec<Collecting>,
}

struct Collecting {
    name: String,
    schema: SchemaRef,
    rows: Vec<RecordBatch>,
}

impl Collected {
    pub fn new(function: &Function, keys: &Fields, time: Option<&DataType>) -> Self {
        let time: Option<FieldRef> =
            time.map(|time| Arc::new(Field::new(ROWTIME, time.clone(), true)));
        let output = |name: &str, columns: &Fields| Collecting {
            name: name.to_owned(),
            schema: Arc::new(Schema::new(named(keys, columns, time.as_ref()))),
            rows: Vec::new(),
        };
        let mut outputs = vec![output("", function.columns())];
        let sides = function.side_outputs().iter();
        outputs.extend(sides.map(|side| output(&side.name, &side.columns)));
        Collected { outputs }
    }

    /// `times`: those of the call's rows or timers.
    pub fn add(&mut self, answer: Answer, times: Option<&ArrayRef>) -> Result<(), ArrowError> {
        for given in &answer.rows {
            let place = given.side.map_or(0, |side| side + 1);
            let Some(output) = self.outputs.get_mut(place) else {
                continue;
            };
            let mut columns = answer.keys(&given.origins)?;
            columns.extend(given.columns.iter().cloned());
            if let Some(times) = times {
                columns.push(take(times, &given.origins, None)?);
            }
            let rows = RecordBatchOptions::new().with_row_count(Some(given.origins.len()));
            let schema = Arc::clone(&output.schema);
            let batch = RecordBatch::try_new_with_options(schema, columns, &rows)?;
            output.rows.push(batch);
        }
        Ok(())
    }

    pub fn take(&mut self) -> Result<Given, ArrowError> {
        let outputs = self.outputs.iter_mut();
        let mut taken = outputs
            .map(|output| {
                let rows = std::mem::take(&mut output.rows);
                let rows = concat_batches(&output.schema, &rows)?;
                Ok((output.name.clone(), rows))
            })
            .collect::<Result<Vec<_>, ArrowError>>()?;
        let (_, result) = taken.remove(0);
        Ok(Given {
            result,
            sides: taken,
        })
    }
}

/// The fields with names of their own, as a query has them.
fn named(keys: &Fields, columns: &Fields, time: Option<&FieldRef>) -> Fields {
    let mut taken: Vec<String> = Vec::new();
    let all = keys.iter().chain(columns).chain(time);
    all.map(|field| {
        let name = field.name();
        let mut numbered = (0..).map(|number| format!("{name}{number}"));
        let free = match taken.contains(name) {
            true => numbered.find(|name| !taken.contains(name)),
            false => None,
        };
        let name = free.unwrap_or_else(|| name.clone());
        taken.push(name.clone());
        let field = field.as_ref().clone().with_name(name);
        Arc::new(field.with_nullable(true))
    })
    .collect()
}

/// The rows as structs of their columns.
pub fn structs(rows: &RecordBatch) -> ArrayRef {
    Arc::new(StructArray::from(rows.clone()))
}
