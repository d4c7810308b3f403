//! Columns of lists, whose items are text between delimiters.

use std::sync::Arc;

use arrow::array::{ArrayRef, ListArray, NullBufferBuilder};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::Field;
use memchr::memmem;

use super::{Column, FieldRules, Fields, Refused, column, push_each};
use crate::ConnectorError;

pub(super) struct Lists {
    item_field: Arc<Field>,
    items: Box<dyn Column>,
    item_rules: FieldRules,
    offsets: Vec<i32>,
    /// Items so far.
    length: i32,
    nulls: NullBufferBuilder,
    rules: FieldRules,
}

impl Lists {
    /// `None` where plain text does not carry the items.
    pub(super) fn new(item: &Arc<Field>, rules: FieldRules) -> Option<Self> {
        Some(Self {
            item_field: item.clone(),
            items: column(item, &rules.rules)?,
            item_rules: FieldRules::of(item, &rules.rules),
            offsets: vec![0],
            length: 0,
            nulls: NullBufferBuilder::new(0),
            rules,
        })
    }

    /// `false` if the item is none; then the whole column is given up, unless errors are ignored.
    fn push_item(&mut self, text: &[u8]) -> bool {
        let null = self.item_rules.is_null(text);
        if null || !self.items.push(text, 0, text.len()) {
            if !self.item_rules.nullable || !(null || self.rules.rules.ignore_errors) {
                return false;
            }
            self.items.push_null();
        }
        self.length += 1;
        true
    }
}

impl Column for Lists {
    fn push(&mut self, data: &[u8], start: usize, end: usize) -> bool {
        let text = &data[start..end];
        let delimiter = self.rules.rules.item_delimiter.clone();
        let mut start = 0;
        if !text.is_empty() {
            for at in memmem::find_iter(text, &delimiter) {
                if !self.push_item(&text[start..at]) {
                    return false;
                }
                start = at + delimiter.len();
            }
            if !self.push_item(&text[start..]) {
                return false;
            }
        }
        self.offsets.push(self.length);
        self.nulls.append_non_null();
        true
    }

    fn push_null(&mut self) {
        self.offsets.push(self.length);
        self.nulls.append_null();
    }

    fn truncate(&mut self, rows: usize) {
        self.offsets.truncate(rows + 1);
        self.length = self.offsets.last().copied().unwrap_or_default();
        self.items.truncate(self.length as usize);
        self.nulls.truncate(rows);
    }

    fn push_fields(&mut self, fields: &Fields<'_>, column: usize) -> Result<u64, Refused> {
        let rules = self.rules.clone();
        push_each(self, &rules, fields, column, 0..fields.rows)
    }

    fn finish(&mut self) -> Result<ArrayRef, ConnectorError> {
        let offsets = std::mem::replace(&mut self.offsets, vec![0]);
        self.length = 0;
        let array = ListArray::try_new(
            self.item_field.clone(),
            OffsetBuffer::new(offsets.into()),
            self.items.finish()?,
            self.nulls.finish(),
        );
        let array = array.map_err(|error| ConnectorError::unexpected("building a list", error))?;
        Ok(Arc::new(array))
    }
}
