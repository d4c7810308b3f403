//! `PARTITIONED BY`: which folder a row belongs in.

use std::collections::HashMap;

use arrow::array::{Array, RecordBatch, UInt32Array};
use arrow::compute::take_record_batch;
use arrow::datatypes::SchemaRef;

use crate::text::{BytesStyle, Clock, DecimalStyle, Plain, Style};
use crate::{ConnectorError, TableDefinition};

const STYLE: Style = Style {
    timestamp: Clock::Sql,
    instant: Clock::Sql,
    time: Clock::Sql,
    decimal: DecimalStyle::Exact,
    bytes: BytesStyle::Base64,
};

/// The partition columns of a sink, and the rest.
#[derive(Debug, Clone)]
pub(crate) struct Partitioning {
    keys: Vec<(String, usize)>,
    stored: Vec<usize>,
    null: String,
}

impl Partitioning {
    /// `schema` is the sink's.
    pub(crate) fn new(
        definition: &TableDefinition,
        schema: &SchemaRef,
        null: &str,
    ) -> Result<Self, ConnectorError> {
        let keys = definition.partition_keys.iter().map(|key| {
            let index = schema.index_of(key).map_err(|_| {
                ConnectorError::job(format!(
                    "table {}: PARTITIONED BY names {key}, which is no column that is written",
                    definition.name
                ))
            })?;
            Ok((key.clone(), index))
        });
        let keys: Vec<_> = keys.collect::<Result<_, ConnectorError>>()?;
        let all = 0..schema.fields().len();
        let stored: Vec<_> = all
            .filter(|index| !keys.iter().any(|(_, key)| key == index))
            .collect();
        if stored.is_empty() {
            return Err(ConnectorError::job(format!(
                "table {}: every column is a partition key, so that its files would hold nothing",
                definition.name
            )));
        }
        Ok(Self {
            keys,
            stored,
            null: null.to_owned(),
        })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The names of the keys, and their indices in the sink's schema.
    pub(crate) fn keys(&self) -> &[(String, usize)] {
        &self.keys
    }

    /// The columns that a file holds, as indices into the sink's schema.
    pub(crate) fn stored(&self) -> &[usize] {
        &self.stored
    }

    /// The rows of each folder (`k=v/l=w`), in the order in which the folders occur.
    pub(crate) fn split(
        &self,
        batch: &RecordBatch,
    ) -> Result<Vec<(String, RecordBatch)>, ConnectorError> {
        let unexpected = |error| ConnectorError::unexpected("splitting a batch", error);
        if self.keys.is_empty() {
            return Ok(vec![(String::new(), batch.clone())]);
        }
        let columns = self.keys.iter().map(|(name, index)| {
            let column = batch.column(*index);
            let plain = Plain::of(column).ok_or_else(|| {
                ConnectorError::bug(format!("no folder name for {}", column.data_type()))
            })?;
            Ok((name, column, plain))
        });
        let columns: Vec<_> = columns.collect::<Result<_, ConnectorError>>()?;
        let mut places: HashMap<String, usize> = HashMap::new();
        let mut groups: Vec<(String, Vec<u32>)> = Vec::new();
        let mut value = Vec::new();
        for row in 0..batch.num_rows() {
            let mut folder = String::new();
            for (name, column, plain) in &columns {
                value.clear();
                if !column.is_null(row) {
                    plain.write(row, &STYLE, &mut value);
                }
                if !folder.is_empty() {
                    folder.push('/');
                }
                escape_into(name.as_bytes(), &mut folder);
                folder.push('=');
                match value.is_empty() {
                    true => folder.push_str(&self.null),
                    false => escape_into(&value, &mut folder),
                }
            }
            let place = match places.get(&folder) {
                Some(place) => *place,
                None => {
                    places.insert(folder.clone(), groups.len());
                    groups.push((folder, Vec::new()));
                    groups.len() - 1
                }
            };
            groups[place].1.push(row as u32);
        }
        let stored = batch.project(&self.stored).map_err(unexpected)?;
        let groups = groups.into_iter().map(|(folder, rows)| {
            let rows = take_record_batch(&stored, &UInt32Array::from(rows)).map_err(unexpected)?;
            Ok((folder, rows))
        });
        groups.collect()
    }
}

/// Appends a folder's name with the characters that no path may hold as `%XX`, as Flink does.
fn escape_into(text: &[u8], out: &mut String) {
    for character in String::from_utf8_lossy(text).chars() {
        match character {
            '\0'..='\x1F'
            | '\x7F'
            | '"'
            | '#'
            | '%'
            | '\''
            | '*'
            | '/'
            | ':'
            | '='
            | '?'
            | '\\'
            | '{'
            | '}'
            | '['
            | ']'
            | '^' => out.push_str(&format!("%{:02X}", character as u32)),
            other => out.push(other),
        }
    }
}
