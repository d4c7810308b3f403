//! Rows as the engine has them, and numbers to make them of.

use std::sync::Arc;

use arrow::{
    array::{ArrayRef, AsArray, Float64Array, Int64Array, RecordBatch, StringArray},
    compute::{concat_batches, sort_to_indices, take_record_batch},
    datatypes::{DataType, Field, Float64Type, Int64Type, Schema, SchemaRef},
};

use crate::Result;

/// DOUBLEs of a row.
pub const VALUES: usize = 4;

/// Rows of an epoch.
pub const EPOCH: usize = 1_000;

/// A key STRING, a time BIGINT in milliseconds, and the DOUBLEs: 60 bytes with a key of 16.
pub fn schema() -> SchemaRef {
    let values = (0..VALUES).map(|value| Field::new(format!("v{value}"), DataType::Float64, false));
    let key = Field::new("key", DataType::Utf8, false);
    let time = Field::new("time", DataType::Int64, false);
    Arc::new(Schema::new(
        [key, time].into_iter().chain(values).collect::<Vec<_>>(),
    ))
}

pub fn key(number: u64) -> String {
    format!("account-{number:08}")
}

/// The keys of a batch.
pub fn keys(batch: &RecordBatch) -> &StringArray {
    batch.column(0).as_string::<i32>()
}

/// The times of a batch.
pub fn times(batch: &RecordBatch) -> &Int64Array {
    batch.column(1).as_primitive::<Int64Type>()
}

/// The values of one of the DOUBLE columns.
pub fn values(batch: &RecordBatch, value: usize) -> &[f64] {
    batch
        .column(2 + value)
        .as_primitive::<Float64Type>()
        .values()
}

/// Columns that grow.
#[derive(Default)]
pub struct Columns {
    pub keys: Vec<u8>,
    pub ends: Vec<i32>,
    pub times: Vec<i64>,
    pub values: [Vec<f64>; VALUES],
}

impl Columns {
    pub fn push(&mut self, key: &str, time: i64, values: [f64; VALUES]) {
        self.keys.extend_from_slice(key.as_bytes());
        self.ends.push(self.keys.len() as i32);
        self.times.push(time);
        for (column, value) in self.values.iter_mut().zip(values) {
            column.push(value);
        }
    }

    pub fn rows(&self) -> usize {
        self.times.len()
    }

    /// The rows, and none are left.
    pub fn finish(&mut self, schema: &SchemaRef) -> Result<RecordBatch> {
        let rows = std::mem::take(self);
        let offsets: Vec<i32> = std::iter::once(0).chain(rows.ends).collect();
        let keys = StringArray::try_new(
            arrow::buffer::OffsetBuffer::new(offsets.into()),
            rows.keys.into(),
            None,
        )?;
        let mut columns: Vec<ArrayRef> =
            vec![Arc::new(keys), Arc::new(Int64Array::from(rows.times))];
        for values in rows.values {
            columns.push(Arc::new(Float64Array::from(values)));
        }
        Ok(RecordBatch::try_new(Arc::clone(schema), columns)?)
    }
}

/// The rows of these batches by their times.
pub fn in_order(schema: &SchemaRef, batches: &[RecordBatch]) -> Result<RecordBatch> {
    let whole = concat_batches(schema, batches)?;
    let order = sort_to_indices(whole.column(1), None, None)?;
    Ok(take_record_batch(&whole, &order)?)
}

/// Numbers that are the same in every run (splitmix64).
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    pub fn values(&mut self) -> [f64; VALUES] {
        std::array::from_fn(|_| (self.next() >> 11) as f64)
    }
}
