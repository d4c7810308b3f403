//! Golden rows: inputs whose predictions are known, which a version must give before it serves.

use std::fs::File;
use std::io::{BufReader, Seek};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::compute::concat_batches;
use arrow::csv::reader::Format;
use arrow::datatypes::{Field, Schema, SchemaRef};
use arrow::error::ArrowError;

use super::difference::{differences, short};
use super::options::Golden;
use crate::{InferenceError, Model};

/// More are of no use, and would be held in memory.
const MOST_ROWS: usize = 100_000;

impl Golden {
    /// The file of one version.
    fn file(&self, version: Option<&str>) -> PathBuf {
        match (self.path.to_str(), version) {
            (Some(path), Some(version)) => PathBuf::from(path.replace('*', version)),
            _ => self.path.clone(),
        }
    }

    /// Asks a version for the predictions of the golden rows.
    pub(super) fn check(
        &self,
        name: &str,
        version: Option<&str>,
        model: &dyn Model,
        deadline: Option<Instant>,
    ) -> Result<(), InferenceError> {
        let path = self.file(version);
        let wrong = |message: String, hint: Option<&str>| InferenceError::File {
            model: name.to_owned(),
            path: path.clone(),
            line: None,
            message,
            hint: hint.map(str::to_owned),
        };
        let nullable = |field: &Field| field.clone().with_nullable(true);
        let fields: Vec<Field> = model
            .inputs()
            .iter()
            .chain(model.outputs())
            .map(nullable)
            .collect();
        let rows = read(&path, &fields).map_err(|error| {
            wrong(
                format!("the golden rows cannot be read: {error}"),
                Some("a CSV file with a header, or JSON lines, with the model's inputs and outputs by name"),
            )
        })?;
        if rows.num_rows() == 0 {
            return Err(wrong("there are no golden rows in it".to_owned(), None));
        }
        let of = |fields: &[Field]| -> Result<Vec<ArrayRef>, InferenceError> {
            fields
                .iter()
                .map(|field| {
                    rows.column_by_name(field.name())
                        .cloned()
                        .ok_or_else(|| wrong(format!("it has no column '{}'", field.name()), None))
                })
                .collect()
        };
        let (inputs, expected) = (of(model.inputs())?, of(model.outputs())?);
        let given = model.predict(&inputs, rows.num_rows(), deadline)?;
        for ((field, given), expected) in model.outputs().iter().zip(&given).zip(&expected) {
            let apart = differences(given, expected)
                .map_err(|error| wrong(format!("'{}': {error}", field.name()), None))?;
            let far = |(_, apart): &(usize, &f64)| **apart > self.tolerance;
            if let Some((row, apart)) = apart.iter().enumerate().find(far) {
                let show = |column: &ArrayRef| {
                    arrow::util::display::array_value_to_string(column, row).unwrap_or_default()
                };
                let how_far = match apart.is_finite() {
                    true => format!(", {} apart", short(*apart)),
                    false => String::new(),
                };
                return Err(wrong(
                    format!(
                        "golden row {}: '{}' is {}, expected is {}{how_far}",
                        row + 1,
                        field.name(),
                        show(given),
                        show(expected),
                    ),
                    Some("'golden.tolerance' says how far they may lie apart"),
                ));
            }
        }
        Ok(())
    }
}

/// The rows of a CSV file with a header, or of one of JSON lines.
fn read(path: &Path, fields: &[Field]) -> Result<RecordBatch, ArrowError> {
    let mut file = File::open(path)?;
    let is_csv = path.extension().is_some_and(|text| text == "csv");
    if !is_csv {
        let schema: SchemaRef = Arc::new(Schema::new(fields.to_vec()));
        let reader = arrow::json::ReaderBuilder::new(schema.clone())
            .with_batch_size(MOST_ROWS)
            .build(BufReader::new(file))?;
        return together(&schema, reader);
    }
    let format = Format::default().with_header(true);
    let (header, _) = format.infer_schema(&file, Some(0))?;
    file.rewind()?;
    let columns = header.fields().iter().map(|column| {
        let known = fields.iter().find(|field| field.name() == column.name());
        known
            .cloned()
            .unwrap_or_else(|| Field::new(column.name(), arrow::datatypes::DataType::Utf8, true))
    });
    let schema: SchemaRef = Arc::new(Schema::new(columns.collect::<Vec<_>>()));
    let reader = arrow::csv::ReaderBuilder::new(schema.clone())
        .with_header(true)
        .with_batch_size(8192)
        .build(file)?;
    together(&schema, reader)
}

fn together(
    schema: &SchemaRef,
    batches: impl Iterator<Item = Result<RecordBatch, ArrowError>>,
) -> Result<RecordBatch, ArrowError> {
    let (mut found, mut rows) = (Vec::new(), 0);
    for batch in batches {
        let batch = batch?;
        rows += batch.num_rows();
        if rows > MOST_ROWS {
            return Err(ArrowError::InvalidArgumentError(format!(
                "there are more than {MOST_ROWS}"
            )));
        }
        found.push(batch);
    }
    concat_batches(schema, &found)
}
