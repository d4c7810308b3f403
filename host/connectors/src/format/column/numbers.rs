//! Columns of numbers, and of dates and times, which are numbers too.

use std::marker::PhantomData;
use std::sync::Arc;

use arrow::array::{ArrayRef, NullBufferBuilder, PrimitiveArray};
use arrow::datatypes::{ArrowPrimitiveType, DataType, Float32Type, Float64Type};

use super::{Column, FieldRules, Fields, Refused, push_each};
use crate::ConnectorError;
use crate::text::{self, Integer};

/// Reads the values of a type out of text.
pub(crate) trait Parse: Send {
    type Type: ArrowPrimitiveType;

    /// The value in `data[start..end]`. What lies behind `end` makes it cheaper, and does not count.
    fn parse(
        &self,
        data: &[u8],
        start: usize,
        end: usize,
    ) -> Option<<Self::Type as ArrowPrimitiveType>::Native>;

    /// The JSON number at `at`, where it is short and plain, and where it ends.
    #[inline(always)]
    fn short(
        &self,
        _data: &[u8],
        _at: usize,
    ) -> Option<(<Self::Type as ArrowPrimitiveType>::Native, usize)> {
        None
    }
}

pub(crate) struct Doubles;

impl Parse for Doubles {
    type Type = Float64Type;

    #[inline(always)]
    fn parse(&self, data: &[u8], start: usize, end: usize) -> Option<f64> {
        text::parse_f64(data, start, end)
    }

    #[inline(always)]
    fn short(&self, data: &[u8], at: usize) -> Option<(f64, usize)> {
        text::short_f64(data, at)
    }
}

pub(super) struct Floats;

impl Parse for Floats {
    type Type = Float32Type;

    #[inline(always)]
    fn parse(&self, data: &[u8], start: usize, end: usize) -> Option<f32> {
        text::parse_f32(data, start, end)
    }

    #[inline(always)]
    fn short(&self, data: &[u8], at: usize) -> Option<(f32, usize)> {
        text::short_f32(data, at)
    }
}

pub(crate) struct Integers<T>(PhantomData<fn() -> T>);

impl<T> Default for Integers<T> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<T> Parse for Integers<T>
where
    T: ArrowPrimitiveType,
    T::Native: Integer,
{
    type Type = T;

    #[inline(always)]
    fn parse(&self, data: &[u8], start: usize, end: usize) -> Option<T::Native> {
        text::parse_integer(data, start, end)
    }

    #[inline(always)]
    fn short(&self, data: &[u8], at: usize) -> Option<(T::Native, usize)> {
        text::short_integer(data, at)
    }
}

/// By a function of the value's text.
pub(super) struct By<T, F>(F, PhantomData<fn() -> T>);

impl<T, F> Parse for By<T, F>
where
    T: ArrowPrimitiveType,
    F: Fn(&[u8]) -> Option<T::Native> + Send,
{
    type Type = T;

    fn parse(&self, data: &[u8], start: usize, end: usize) -> Option<T::Native> {
        (self.0)(&data[start..end])
    }
}

pub(crate) struct Numbers<P: Parse> {
    kind: DataType,
    rules: FieldRules,
    values: Vec<<P::Type as ArrowPrimitiveType>::Native>,
    nulls: NullBufferBuilder,
    parser: P,
}

impl<P: Parse> Numbers<P> {
    pub(super) fn new(kind: &DataType, rules: FieldRules, parser: P) -> Self {
        Self {
            kind: kind.clone(),
            rules,
            values: Vec::new(),
            nulls: NullBufferBuilder::new(0),
            parser,
        }
    }
}

impl<T, F> Numbers<By<T, F>>
where
    T: ArrowPrimitiveType,
    F: Fn(&[u8]) -> Option<T::Native> + Send + 'static,
{
    pub(super) fn by(kind: &DataType, rules: FieldRules, parse: F) -> Box<dyn Column> {
        Box::new(Self::new(kind, rules, By(parse, PhantomData)))
    }
}

impl<P: Parse> Column for Numbers<P> {
    #[inline]
    fn push(&mut self, data: &[u8], start: usize, end: usize) -> bool {
        let value = self.parser.parse(data, start, end);
        if let Some(value) = value {
            self.values.push(value);
            self.nulls.append_non_null();
        }
        value.is_some()
    }

    #[inline(always)]
    fn push_short(&mut self, data: &[u8], at: usize) -> Option<usize> {
        let (value, end) = self.parser.short(data, at)?;
        self.values.push(value);
        self.nulls.append_non_null();
        Some(end)
    }

    fn push_null(&mut self) {
        self.values.push(P::Type::default_value());
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
                match self.parser.parse(fields.data, start, end) {
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
        let array = PrimitiveArray::<P::Type>::new(values.into(), self.nulls.finish());
        Ok(Arc::new(array.with_data_type(self.kind.clone())))
    }
}
