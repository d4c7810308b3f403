//! Columns of strings and of bytes.

use std::sync::Arc;

use arrow::array::{ArrayRef, BinaryArray, NullBufferBuilder, StringArray};
use arrow::buffer::{Buffer, NullBuffer, OffsetBuffer};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{Column, FieldRules, Fields, Refused, push_each};
use crate::ConnectorError;
use crate::text;

pub(super) struct Strings {
    rules: FieldRules,
    values: Values,
}

impl Strings {
    pub(super) fn new(rules: FieldRules) -> Self {
        Self {
            rules,
            values: Values::new(),
        }
    }
}

impl Column for Strings {
    fn push(&mut self, data: &[u8], start: usize, end: usize) -> bool {
        let text = &data[start..end];
        let is_text = std::str::from_utf8(text).is_ok();
        if is_text {
            self.values.push(text);
        }
        is_text
    }

    fn push_null(&mut self) {
        self.values.push_null();
    }

    fn truncate(&mut self, rows: usize) {
        self.values.truncate(rows);
    }

    fn push_fields(&mut self, fields: &Fields<'_>, column: usize) -> Result<u64, Refused> {
        let rules = self.rules.clone();
        push_each(self, &rules, fields, column, 0..fields.rows)
    }

    fn finish(&mut self) -> Result<ArrayRef, ConnectorError> {
        let (offsets, values, nulls) = self.values.finish();
        // SAFETY: the offsets are in order and end with the values, of which each is UTF-8: see `push`.
        let array = unsafe { StringArray::new_unchecked(offsets, values, nulls) };
        Ok(Arc::new(array))
    }
}

pub(super) struct Bytes {
    rules: FieldRules,
    values: Values,
}

impl Bytes {
    pub(super) fn new(rules: FieldRules) -> Self {
        Self {
            rules,
            values: Values::new(),
        }
    }
}

impl Column for Bytes {
    fn push(&mut self, data: &[u8], start: usize, end: usize) -> bool {
        let bytes = STANDARD.decode(text::trim(&data[start..end]));
        if let Ok(bytes) = &bytes {
            self.values.push(bytes);
        }
        bytes.is_ok()
    }

    fn push_null(&mut self) {
        self.values.push_null();
    }

    fn truncate(&mut self, rows: usize) {
        self.values.truncate(rows);
    }

    fn push_fields(&mut self, fields: &Fields<'_>, column: usize) -> Result<u64, Refused> {
        let rules = self.rules.clone();
        push_each(self, &rules, fields, column, 0..fields.rows)
    }

    fn finish(&mut self) -> Result<ArrayRef, ConnectorError> {
        let (offsets, values, nulls) = self.values.finish();
        Ok(Arc::new(BinaryArray::new(offsets, values, nulls)))
    }
}

/// Values of any length, which Arrow's builders cannot take back.
struct Values {
    ends: Vec<i32>,
    bytes: Vec<u8>,
    nulls: NullBufferBuilder,
}

impl Values {
    fn new() -> Self {
        Self {
            ends: vec![0],
            bytes: Vec::new(),
            nulls: NullBufferBuilder::new(0),
        }
    }

    fn push(&mut self, value: &[u8]) {
        self.bytes.extend_from_slice(value);
        self.ends.push(self.bytes.len() as i32);
        self.nulls.append_non_null();
    }

    fn push_null(&mut self) {
        self.ends.push(self.bytes.len() as i32);
        self.nulls.append_null();
    }

    fn truncate(&mut self, rows: usize) {
        self.ends.truncate(rows + 1);
        self.bytes
            .truncate(self.ends.last().copied().unwrap_or_default() as usize);
        self.nulls.truncate(rows);
    }

    fn finish(&mut self) -> (OffsetBuffer<i32>, Buffer, Option<NullBuffer>) {
        let ends = std::mem::replace(&mut self.ends, vec![0]);
        let bytes = std::mem::take(&mut self.bytes);
        self.ends.reserve(ends.len());
        self.bytes.reserve(bytes.len());
        (
            OffsetBuffer::new(ends.into()),
            bytes.into(),
            self.nulls.finish(),
        )
    }
}
