//! Builds Arrow columns out of text, one value or a block of fields at a time.

mod bytes;
mod lists;
mod numbers;

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, BooleanBufferBuilder, NullBufferBuilder};
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Date32Type, Decimal128Type, Field, Int8Type, Int16Type,
    Int32Type, Int64Type, Time32MillisecondType, Time32SecondType, Time64MicrosecondType,
    Time64NanosecondType, TimeUnit, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType, TimestampSecondType,
};

use self::bytes::{Bytes, Strings};
use self::lists::Lists;
use self::numbers::{By, Floats};
pub(crate) use self::numbers::{Doubles, Integers, Numbers};
use crate::ConnectorError;
use crate::text::{self, Integer};

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
    let rules = FieldRules::of(field, rules);
    fn integers<T>(kind: &DataType, rules: FieldRules) -> Box<dyn Column>
    where
        T: ArrowPrimitiveType<Native: Integer>,
    {
        Box::new(Numbers::new(kind, rules, Integers::<T>::default()))
    }
    let zoned = matches!(kind, D::Timestamp(_, Some(_)));
    let stamp = move |unit| move |data: &[u8]| text::parse_timestamp(data, unit, zoned);
    let time = |unit| move |data: &[u8]| text::parse_time(data, unit);
    let short_time = move |unit| move |data: &[u8]| text::parse_time(data, unit)?.try_into().ok();
    Some(match kind {
        D::Boolean => Box::new(Booleans {
            rules,
            values: BooleanBufferBuilder::new(0),
            nulls: NullBufferBuilder::new(0),
        }),
        D::Int8 => integers::<Int8Type>(kind, rules),
        D::Int16 => integers::<Int16Type>(kind, rules),
        D::Int32 => integers::<Int32Type>(kind, rules),
        D::Int64 => integers::<Int64Type>(kind, rules),
        D::Float32 => Box::new(Numbers::new(kind, rules, Floats)),
        D::Float64 => Box::new(Numbers::new(kind, rules, Doubles)),
        D::Date32 => Numbers::<By<Date32Type, _>>::by(kind, rules, text::parse_date),
        D::Time32(U::Second) => {
            Numbers::<By<Time32SecondType, _>>::by(kind, rules, short_time(U::Second))
        }
        D::Time32(U::Millisecond) => {
            Numbers::<By<Time32MillisecondType, _>>::by(kind, rules, short_time(U::Millisecond))
        }
        D::Time64(U::Microsecond) => {
            Numbers::<By<Time64MicrosecondType, _>>::by(kind, rules, time(U::Microsecond))
        }
        D::Time64(U::Nanosecond) => {
            Numbers::<By<Time64NanosecondType, _>>::by(kind, rules, time(U::Nanosecond))
        }
        D::Timestamp(U::Second, _) => {
            Numbers::<By<TimestampSecondType, _>>::by(kind, rules, stamp(U::Second))
        }
        D::Timestamp(U::Millisecond, _) => {
            Numbers::<By<TimestampMillisecondType, _>>::by(kind, rules, stamp(U::Millisecond))
        }
        D::Timestamp(U::Microsecond, _) => {
            Numbers::<By<TimestampMicrosecondType, _>>::by(kind, rules, stamp(U::Microsecond))
        }
        D::Timestamp(U::Nanosecond, _) => {
            Numbers::<By<TimestampNanosecondType, _>>::by(kind, rules, stamp(U::Nanosecond))
        }
        D::Decimal128(precision, scale) => {
            let (precision, scale) = (*precision, *scale);
            Numbers::<By<Decimal128Type, _>>::by(kind, rules, move |data: &[u8]| {
                text::parse_decimal(data, precision, scale)
            })
        }
        D::Utf8 => Box::new(Strings::new(rules)),
        D::Binary => Box::new(Bytes::new(rules)),
        D::List(item) => Box::new(Lists::new(item, rules)?),
        _ => return None,
    })
}

/// A column of DOUBLEs that is no trait object, so that appending a value can be inlined.
pub(crate) fn doubles(field: &Field) -> Numbers<Doubles> {
    let rules = FieldRules::of(field, &Rules::default());
    Numbers::new(field.data_type(), rules, Doubles)
}

/// As [`doubles`], of BIGINTs.
pub(crate) fn bigints(field: &Field) -> Numbers<Integers<Int64Type>> {
    let rules = FieldRules::of(field, &Rules::default());
    Numbers::new(field.data_type(), rules, Integers::default())
}

#[derive(Clone)]
struct FieldRules {
    rules: Rules,
    nullable: bool,
    is_string: bool,
}

impl FieldRules {
    fn of(field: &Field, rules: &Rules) -> Self {
        Self {
            rules: rules.clone(),
            nullable: field.is_nullable(),
            is_string: *field.data_type() == DataType::Utf8,
        }
    }

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
