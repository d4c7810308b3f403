//! Builds Arrow columns out of text, one value or a block of fields at a time.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, BooleanBufferBuilder, ListArray, NullBufferBuilder,
    PrimitiveArray, StringArray,
};
use arrow::buffer::{Buffer, NullBuffer, OffsetBuffer};
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Date32Type, Decimal128Type, Field, Float32Type, Float64Type,
    Int8Type, Int16Type, Int32Type, Int64Type, Time32MillisecondType, Time32SecondType,
    Time64MicrosecondType, Time64NanosecondType, TimeUnit, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType,
};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use memchr::memmem;

use crate::ConnectorError;
use crate::text;

/// Which fields are NULL, and what becomes of those that are no value.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rules {
    /// The text that stands for NULL in a column of any type.
    pub(crate) null_literal: Option<Vec<u8>>,
    /// An empty STRING is NULL; an empty field of any other type always is.
    pub(crate) empty_string_as_null: bool,
    /// A field that is no value of its type is NULL.
    pub(crate) ignore_errors: bool,
    /// What is between the items of an ARRAY.
    pub(crate) item_delimiter: Vec<u8>,
}

/// The fields of a block of rows, row after row.
#[derive(Clone, Copy)]
pub(crate) struct Fields<'a> {
    pub(crate) data: &'a [u8],
    /// Field `k` is `data[bounds[k] + 1..bounds[k + 1]]` (the addition wraps).
    pub(crate) bounds: &'a [u32],
    /// Fields a row.
    pub(crate) width: usize,
    pub(crate) rows: usize,
    /// Rows that have too few fields, and how many they have; sorted.
    pub(crate) short: &'a [(u32, u32)],
}

impl<'a> Fields<'a> {
    #[inline(always)]
    pub(crate) fn span(&self, row: usize, column: usize) -> (usize, usize) {
        let at = row * self.width + column;
        (
            self.bounds[at].wrapping_add(1) as usize,
            self.bounds[at + 1] as usize,
        )
    }

    pub(crate) fn text(&self, row: usize, column: usize) -> &'a [u8] {
        let (start, end) = self.span(row, column);
        &self.data[start..end]
    }

    fn is_missing(&self, row: usize, column: usize) -> bool {
        let found = self
            .short
            .binary_search_by_key(&row, |short| short.0 as usize);
        found.is_ok_and(|at| column >= self.short[at].1 as usize)
    }
}

/// Why a field of a block is not in the column.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) row: usize,
    pub(crate) reason: Reason,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    /// Not a value of the column's type.
    Invalid,
    /// NULL in a column that is NOT NULL.
    Null,
}

/// A column that grows.
pub(crate) trait Column: Send {
    /// Appends the value that `data[start..end]` spells; `false` and nothing if it spells none. What
    /// lies behind `end` makes numbers cheaper to read, and does not count.
    fn push(&mut self, data: &[u8], start: usize, end: usize) -> bool;

    /// Appends the JSON number at `at` where it is short and plain, and answers where it ends. What
    /// follows is not judged. `None` and nothing if it must be read in another way.
    fn push_short(&mut self, _data: &[u8], _at: usize) -> Option<usize> {
        None
    }

    fn push_null(&mut self);

    /// Takes back all values behind the first `rows`, and what a value that was refused has left.
    fn truncate(&mut self, rows: usize);

    /// Appends the fields of column `column` of all rows of a block, by the rules that the column was
    /// made with. Answers how many became NULL because they were no value.
    fn push_fields(&mut self, fields: &Fields<'_>, column: usize) -> Result<u64, Refused>;

    /// The values so far; the column is empty afterwards.
    fn finish(&mut self) -> Result<ArrayRef, ConnectorError>;
}

/// A column for a field's type; `None` for a type that plain text does not carry.
pub(crate) fn column(field: &Field, rules: &Rules) -> Option<Box<dyn Column>> {
    use DataType as D;
    use TimeUnit as U;
    let kind = field.data_type();
    let rules = FieldRules {
        rules: rules.clone(),
        nullable: field.is_nullable(),
        is_string: *kind == D::Utf8,
    };
    fn number<T: ArrowPrimitiveType>(
        kind: &DataType,
        rules: FieldRules,
        parse: impl Fn(&[u8], usize, usize) -> Option<T::Native> + Send + 'static,
    ) -> Option<Box<dyn Column>> {
        short_number::<T>(kind, rules, parse, |_, _| None)
    }
    fn short_number<T: ArrowPrimitiveType>(
        kind: &DataType,
        rules: FieldRules,
        parse: impl Fn(&[u8], usize, usize) -> Option<T::Native> + Send + 'static,
        short: impl Fn(&[u8], usize) -> Option<(T::Native, usize)> + Send + 'static,
    ) -> Option<Box<dyn Column>> {
        Some(Box::new(Numbers::<T, _, _> {
            kind: kind.clone(),
            rules,
            values: Vec::new(),
            nulls: NullBufferBuilder::new(0),
            parse,
            short,
        }))
    }
    let zoned = matches!(kind, D::Timestamp(_, Some(_)));
    let stamp = move |unit| {
        move |data: &[u8], start: usize, end: usize| {
            text::parse_timestamp(&data[start..end], unit, zoned)
        }
    };
    let time = |unit| {
        move |data: &[u8], start: usize, end: usize| text::parse_time(&data[start..end], unit)
    };
    let short_time = move |unit| {
        let parse = time(unit);
        move |data: &[u8], start: usize, end: usize| parse(data, start, end)?.try_into().ok()
    };
    match kind {
        D::Boolean => Some(Box::new(Booleans {
            rules,
            values: BooleanBufferBuilder::new(0),
            nulls: NullBufferBuilder::new(0),
        })),
        D::Int8 => short_number::<Int8Type>(kind, rules, text::parse_integer, text::short_integer),
        D::Int16 => {
            short_number::<Int16Type>(kind, rules, text::parse_integer, text::short_integer)
        }
        D::Int32 => {
            short_number::<Int32Type>(kind, rules, text::parse_integer, text::short_integer)
        }
        D::Int64 => {
            short_number::<Int64Type>(kind, rules, text::parse_integer, text::short_integer)
        }
        D::Float32 => short_number::<Float32Type>(kind, rules, text::parse_f32, text::short_f32),
        D::Float64 => short_number::<Float64Type>(kind, rules, text::parse_f64, text::short_f64),
        D::Date32 => number::<Date32Type>(kind, rules, |data, start, end| {
            text::parse_date(&data[start..end])
        }),
        D::Time32(U::Second) => number::<Time32SecondType>(kind, rules, short_time(U::Second)),
        D::Time32(U::Millisecond) => {
            number::<Time32MillisecondType>(kind, rules, short_time(U::Millisecond))
        }
        D::Time64(U::Microsecond) => {
            number::<Time64MicrosecondType>(kind, rules, time(U::Microsecond))
        }
        D::Time64(U::Nanosecond) => {
            number::<Time64NanosecondType>(kind, rules, time(U::Nanosecond))
        }
        D::Timestamp(U::Second, _) => number::<TimestampSecondType>(kind, rules, stamp(U::Second)),
        D::Timestamp(U::Millisecond, _) => {
            number::<TimestampMillisecondType>(kind, rules, stamp(U::Millisecond))
        }
        D::Timestamp(U::Microsecond, _) => {
            number::<TimestampMicrosecondType>(kind, rules, stamp(U::Microsecond))
        }
        D::Timestamp(U::Nanosecond, _) => {
            number::<TimestampNanosecondType>(kind, rules, stamp(U::Nanosecond))
        }
        D::Decimal128(precision, scale) => {
            let (precision, scale) = (*precision, *scale);
            number::<Decimal128Type>(kind, rules, move |data, start, end| {
                text::parse_decimal(&data[start..end], precision, scale)
            })
        }
        D::Utf8 => Some(Box::new(Strings {
            rules,
            values: Values::new(),
        })),
        D::Binary => Some(Box::new(Bytes {
            rules,
            values: Values::new(),
        })),
        D::List(item) => Some(Box::new(Lists {
            item_field: item.clone(),
            items: column(item, &rules.rules)?,
            item_rules: FieldRules {
                rules: rules.rules.clone(),
                nullable: item.is_nullable(),
                is_string: *item.data_type() == D::Utf8,
            },
            offsets: vec![0],
            length: 0,
            nulls: NullBufferBuilder::new(0),
            rules,
        })),
        _ => None,
    }
}

#[derive(Clone)]
struct FieldRules {
    rules: Rules,
    nullable: bool,
    is_string: bool,
}

impl FieldRules {
    fn is_null(&self, text: &[u8]) -> bool {
        let empty = match self.is_string {
            true => text.is_empty() && self.rules.empty_string_as_null,
            false => text::trim(text).is_empty(),
        };
        empty || self.rules.null_literal.as_deref() == Some(text)
    }
}

/// [`Column::push_fields`] one field at a time.
fn push_each<C: Column + ?Sized>(
    target: &mut C,
    rules: &FieldRules,
    fields: &Fields<'_>,
    column: usize,
    rows: std::ops::Range<usize>,
) -> Result<u64, Refused> {
    let mut ignored = 0;
    for row in rows {
        let text = fields.text(row, column);
        if rules.is_null(text) || fields.is_missing(row, column) {
            if !rules.nullable {
                let reason = Reason::Null;
                return Err(Refused { row, reason });
            }
            target.push_null();
        } else if !target.push(text, 0, text.len()) {
            if !rules.rules.ignore_errors || !rules.nullable {
                let reason = Reason::Invalid;
                return Err(Refused { row, reason });
            }
            ignored += 1;
            target.push_null();
        }
    }
    Ok(ignored)
}

struct Numbers<T: ArrowPrimitiveType, F, S> {
    kind: DataType,
    rules: FieldRules,
    values: Vec<T::Native>,
    nulls: NullBufferBuilder,
    /// Of the text between two places.
    parse: F,
    /// Of the text at a place, with where it ends.
    short: S,
}

impl<T, F, S> Column for Numbers<T, F, S>
where
    T: ArrowPrimitiveType,
    F: Fn(&[u8], usize, usize) -> Option<T::Native> + Send,
    S: Fn(&[u8], usize) -> Option<(T::Native, usize)> + Send,
{
    #[inline]
    fn push(&mut self, data: &[u8], start: usize, end: usize) -> bool {
        let value = (self.parse)(data, start, end);
        if let Some(value) = value {
            self.values.push(value);
            self.nulls.append_non_null();
        }
        value.is_some()
    }

    fn push_short(&mut self, data: &[u8], at: usize) -> Option<usize> {
        let (value, end) = (self.short)(data, at)?;
        self.values.push(value);
        self.nulls.append_non_null();
        Some(end)
    }

    fn push_null(&mut self) {
        self.values.push(T::default_value());
        self.nulls.append_null();
    }

    fn truncate(&mut self, rows: usize) {
        self.values.truncate(rows);
        self.nulls.truncate(rows);
    }

    fn push_fields(&mut self, fields: &Fields<'_>, column: usize) -> Result<u64, Refused> {
        self.values.reserve(fields.rows);
        let mut ignored = 0;
        let mut row = 0;
        if self.rules.rules.null_literal.is_some() || !fields.short.is_empty() {
            let rules = self.rules.clone();
            return push_each(self, &rules, fields, column, 0..fields.rows);
        }
        while row < fields.rows {
            let from = row;
            while row < fields.rows {
                let (start, end) = fields.span(row, column);
                match (self.parse)(fields.data, start, end) {
                    Some(value) => self.values.push(value),
                    None => break,
                }
                row += 1;
            }
            self.nulls.append_n_non_nulls(row - from);
            if row < fields.rows {
                let rules = self.rules.clone();
                ignored += push_each(self, &rules, fields, column, row..row + 1)?;
                row += 1;
            }
        }
        Ok(ignored)
    }

    fn finish(&mut self) -> Result<ArrayRef, ConnectorError> {
        let values = std::mem::take(&mut self.values);
        self.values.reserve(values.len());
        let array = PrimitiveArray::<T>::new(values.into(), self.nulls.finish());
        Ok(Arc::new(array.with_data_type(self.kind.clone())))
    }
}

struct Booleans {
    rules: FieldRules,
    values: BooleanBufferBuilder,
    nulls: NullBufferBuilder,
}

impl Column for Booleans {
    fn push(&mut self, data: &[u8], start: usize, end: usize) -> bool {
        let text = text::trim(&data[start..end]);
        let value = text.eq_ignore_ascii_case(b"true");
        if !value && !text.eq_ignore_ascii_case(b"false") {
            return false;
        }
        self.values.append(value);
        self.nulls.append_non_null();
        true
    }

    fn push_null(&mut self) {
        self.values.append(false);
        self.nulls.append_null();
    }

    fn truncate(&mut self, rows: usize) {
        self.values.truncate(rows);
        self.nulls.truncate(rows);
    }

    fn push_fields(&mut self, fields: &Fields<'_>, column: usize) -> Result<u64, Refused> {
        let rules = self.rules.clone();
        push_each(self, &rules, fields, column, 0..fields.rows)
    }

    fn finish(&mut self) -> Result<ArrayRef, ConnectorError> {
        let array = BooleanArray::new(self.values.finish(), self.nulls.finish());
        Ok(Arc::new(array))
    }
}

struct Strings {
    rules: FieldRules,
    values: Values,
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

struct Bytes {
    rules: FieldRules,
    values: Values,
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

struct Lists {
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
