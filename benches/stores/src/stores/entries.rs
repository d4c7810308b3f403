//! Rows as the entries of an ordered key-value store, in the way that suits such a store best: a window's
//! rows of an epoch are one value, column by column; a row with a key is an entry of its own.

use std::sync::Arc;

use arrow::{array::RecordBatch, datatypes::SchemaRef};

use crate::{
    Result,
    rows::{Columns, VALUES, keys, schema, times, values},
    stores::Store,
};

/// Rows of a batch that is read back.
const BATCH: usize = 8192;

/// A key, and its value, or none where it is to be removed.
pub type Change = (Vec<u8>, Option<Vec<u8>>);

/// What ordered key-value stores have in common.
pub trait Entries {
    /// Gives the values of these keys, in this order.
    fn get(
        &mut self,
        keys: &[&[u8]],
        value: &mut dyn FnMut(usize, Option<&[u8]>) -> Result<()>,
    ) -> Result<()>;

    /// Makes all of these changes. They need not be on disk yet.
    fn change(&mut self, changes: Vec<Change>) -> Result<()>;

    /// Gives the entries from one key to another, which is not among them, by their keys.
    fn scan(
        &mut self,
        from: &[u8],
        to: &[u8],
        entry: &mut dyn FnMut(&[u8], &[u8]) -> Result<()>,
    ) -> Result<()>;

    /// Has all changes so far on disk.
    fn checkpoint(&mut self) -> Result<()>;
}

#[derive(Clone, Copy)]
pub enum Kept {
    Windows,
    Rows,
}

pub struct KeyValue<E> {
    entries: E,
    kept: Kept,
    schema: SchemaRef,
    /// Makes the keys of a window's values different.
    appended: u64,
    /// Of this epoch.
    changes: Vec<Change>,
}

impl<E: Entries> KeyValue<E> {
    pub fn new(entries: E, kept: Kept) -> Self {
        KeyValue {
            entries,
            kept,
            schema: schema(),
            appended: 0,
            changes: Vec::new(),
        }
    }
}

impl<E: Entries> Store for KeyValue<E> {
    fn append(&mut self, window: i64, rows: RecordBatch) -> Result<()> {
        let mut key = window.to_be_bytes().to_vec();
        key.extend(self.appended.to_be_bytes());
        self.appended += 1;
        self.changes.push((key, Some(encode(&rows))));
        Ok(())
    }

    fn take(&mut self, window: i64) -> Result<Vec<RecordBatch>> {
        let (schema, changes) = (&self.schema, &mut self.changes);
        let mut columns = Columns::default();
        let mut batches = Vec::new();
        let (from, to) = (window.to_be_bytes(), (window + 1).to_be_bytes());
        self.entries.scan(&from, &to, &mut |key, value| {
            decode(value, &mut columns)?;
            if columns.rows() >= BATCH {
                batches.push(columns.finish(schema)?);
            }
            changes.push((key.to_vec(), None));
            Ok(())
        })?;
        batches.push(columns.finish(schema)?);
        Ok(batches)
    }

    fn replace(&mut self, rows: &RecordBatch) -> Result<RecordBatch> {
        let names: Vec<&str> = keys(rows).iter().flatten().collect();
        let found: Vec<&[u8]> = names.iter().map(|name| name.as_bytes()).collect();
        let mut before = Columns::default();
        self.entries.get(
            &found,
            &mut |index, value| match (value, names.get(index)) {
                (Some(value), Some(name)) => push(name, value, &mut before),
                _ => Ok(()),
            },
        )?;
        for (index, name) in names.iter().enumerate() {
            let mut value = Vec::with_capacity(8 * (1 + VALUES));
            value.extend(times(rows).value(index).to_le_bytes());
            for column in 0..VALUES {
                value.extend(values(rows, column)[index].to_le_bytes());
            }
            self.changes.push((name.as_bytes().to_vec(), Some(value)));
        }
        before.finish(&self.schema)
    }

    fn end_epoch(&mut self) -> Result<()> {
        self.entries.change(std::mem::take(&mut self.changes))
    }

    fn checkpoint(&mut self) -> Result<bool> {
        self.entries.checkpoint()?;
        Ok(true)
    }

    fn restore(&mut self, rows: &mut dyn FnMut(RecordBatch)) -> Result<()> {
        let (schema, kept) = (Arc::clone(&self.schema), self.kept);
        let mut columns = Columns::default();
        self.entries.scan(&[], &[0xFF], &mut |key, value| {
            match kept {
                Kept::Windows => decode(value, &mut columns)?,
                Kept::Rows => push(std::str::from_utf8(key)?, value, &mut columns)?,
            }
            if columns.rows() >= BATCH {
                rows(columns.finish(&schema)?);
            }
            Ok(())
        })?;
        rows(columns.finish(&schema)?);
        Ok(())
    }
}

/// How many rows; their times; their values, column by column; the ends of their keys; their keys.
fn encode(rows: &RecordBatch) -> Vec<u8> {
    let count = rows.num_rows();
    let mut bytes = Vec::with_capacity(4 + count * (8 * (1 + VALUES) + 4 + 20));
    bytes.extend((count as u32).to_le_bytes());
    bytes.extend(
        times(rows)
            .values()
            .iter()
            .flat_map(|time| time.to_le_bytes()),
    );
    for column in 0..VALUES {
        let values = values(rows, column).iter();
        bytes.extend(values.flat_map(|value| value.to_le_bytes()));
    }
    let mut end = 0;
    for key in keys(rows).iter().flatten() {
        end += key.len() as u32;
        bytes.extend(end.to_le_bytes());
    }
    for key in keys(rows).iter().flatten() {
        bytes.extend(key.as_bytes());
    }
    bytes
}

/// Puts encoded rows behind those that are in the columns.
fn decode(bytes: &[u8], columns: &mut Columns) -> Result<()> {
    let short = || "a value is too short";
    let (count, bytes) = bytes.split_first_chunk::<4>().ok_or_else(short)?;
    let count = u32::from_le_bytes(*count) as usize;
    let (numbers, bytes) = bytes
        .split_at_checked(count * 8 * (1 + VALUES))
        .ok_or_else(short)?;
    let (ends, names) = bytes.split_at_checked(count * 4).ok_or_else(short)?;
    let (numbers, _) = numbers.as_chunks::<8>();
    let (ends, _) = ends.as_chunks::<4>();
    let mut numbers = numbers.chunks(count.max(1));
    let column = numbers.next().unwrap_or_default().iter();
    columns
        .times
        .extend(column.map(|time| i64::from_le_bytes(*time)));
    for (values, column) in columns.values.iter_mut().zip(numbers) {
        values.extend(column.iter().map(|value| f64::from_le_bytes(*value)));
    }
    let before = columns.keys.len() as i32;
    let ends = ends.iter().map(|end| u32::from_le_bytes(*end) as i32);
    columns.ends.extend(ends.map(|end| before + end));
    columns.keys.extend_from_slice(names);
    Ok(())
}

/// Puts the row of a key behind those that are in the columns.
fn push(key: &str, value: &[u8], columns: &mut Columns) -> Result<()> {
    let ([time, values @ ..], []) = value.as_chunks::<8>() else {
        return Err("a value is too short".into());
    };
    let values: [[u8; 8]; VALUES] = values.try_into()?;
    columns.push(
        key,
        i64::from_le_bytes(*time),
        values.map(f64::from_le_bytes),
    );
    Ok(())
}
