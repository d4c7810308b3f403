//! Columns in the guest: what one copy out of the host gives.

use crate::bindings::wasmill::udf::columns as wire;
use crate::row::plain_values;
use crate::{Array, Batch, Bitmap, Column, DataType, Error, RowError, Value, Values};

/// A column that was read, of one layout.
pub trait Read: Sized + 'static {
    /// Copies a column out of the host.
    fn read(column: &Column) -> Result<Self, Error> {
        Self::of(column)
    }

    /// Reads what has arrays.
    #[doc(hidden)]
    fn of<A: Arrays>(column: &A) -> Result<Self, Error>;

    /// Copies a batch's column out of the host; an index past the end traps.
    fn read_from(batch: &Batch, index: u32) -> Result<Self, Error> {
        Self::read(&batch.column(index))
    }

    /// A column of one value.
    fn from_value(value: Value, data_type: &DataType) -> Result<Self, Error>;

    /// How many rows there are.
    fn rows(&self) -> usize;

    /// 1 = present; none = no nulls.
    fn validity(&self) -> Option<&Bitmap>;

    /// Whether a row is not NULL; panics past the end.
    #[inline]
    fn is_present(&self, row: usize) -> bool {
        self.validity().is_none_or(|bits| bits.get(row))
    }
}

/// What a column is read from.
#[doc(hidden)]
pub trait Arrays: Sized {
    fn array(&self) -> Array;
    fn child(&self, index: u32) -> Self;
    /// Whether it is of texts, all of which whoever made it has checked.
    fn is_text(&self) -> bool;
}

impl Arrays for Column {
    fn array(&self) -> Array {
        self.read()
    }

    fn child(&self, index: u32) -> Self {
        Column::child(self, index)
    }

    fn is_text(&self) -> bool {
        matches!(self.data_type(), wire::DataType::Utf8)
    }
}

/// Numbers, and what is stored as numbers: dates and timestamps.
#[derive(Clone, Debug)]
pub struct Numbers<T> {
    items: Vec<T>,
    validity: Option<Bitmap>,
}

/// Booleans.
#[derive(Clone, Debug)]
pub struct Booleans {
    bits: Bitmap,
    rows: usize,
    validity: Option<Bitmap>,
}

/// Strings, or byte strings.
#[derive(Clone, Debug)]
pub struct Bytes {
    offsets: Offsets,
    bytes: Vec<u8>,
    /// Each value is UTF-8.
    text: bool,
    validity: Option<Bitmap>,
}

/// Lists of what `C` holds.
#[derive(Clone, Debug)]
pub struct Lists<C> {
    offsets: Offsets,
    items: C,
    validity: Option<Bitmap>,
}

impl<T: Number> Numbers<T> {
    /// One item a row; under a NULL it may be anything.
    #[inline]
    pub fn items(&self) -> &[T] {
        &self.items
    }

    /// The items themselves, without a copy.
    pub fn into_items(self) -> Vec<T> {
        self.items
    }

    /// One value a row.
    pub fn iter(&self) -> impl Iterator<Item = Option<T>> {
        let items = self.items.iter().enumerate();
        items.map(|(row, item)| self.is_present(row).then_some(*item))
    }
}

impl Booleans {
    /// The value of a row, `false` or `true` under a NULL; panics past the end.
    #[inline]
    pub fn get(&self, row: usize) -> bool {
        self.bits.get(row)
    }
}

impl Bytes {
    /// The value of a row, anything under a NULL; panics past the end.
    #[inline]
    pub fn get(&self, row: usize) -> &[u8] {
        &self.bytes[self.offsets.range(row)]
    }

    /// The text of a row, "" where the bytes are not UTF-8; panics past the end.
    #[inline]
    pub fn text(&self, row: usize) -> &str {
        let bytes = self.get(row);
        match self.text {
            // SAFETY: the host checks each value of its string columns, as Arrow has them.
            true => unsafe { std::str::from_utf8_unchecked(bytes) },
            false => std::str::from_utf8(bytes).unwrap_or_default(),
        }
    }
}

impl<C> Lists<C> {
    /// The items of all rows, one after another.
    #[inline]
    pub fn items(&self) -> &C {
        &self.items
    }

    /// Which items are a row's; panics past the end.
    #[inline]
    pub fn range(&self, row: usize) -> std::ops::Range<usize> {
        self.offsets.range(row)
    }
}

impl<C: Read> Lists<C> {
    /// Fails the rows that have a NULL among their items.
    pub(crate) fn check_items(&self) -> Result<(), Error> {
        let Some(validity) = self.items.validity() else {
            return Ok(());
        };
        let holed =
            |row: &usize| self.is_present(*row) && self.range(*row).any(|item| !validity.get(item));
        let bad: Vec<_> = (0..self.rows())
            .filter(holed)
            .map(|row| RowError::new(row, "the list has a NULL among its items"))
            .collect();
        if bad.is_empty() {
            Ok(())
        } else {
            Err(Error::Rows(bad))
        }
    }
}

impl Column {
    /// Reads a column of numbers: `column.numbers::<f64>()?`.
    pub fn numbers<T: Number>(&self) -> Result<Numbers<T>, Error> {
        Read::read(self)
    }

    /// Reads a column of booleans.
    pub fn booleans(&self) -> Result<Booleans, Error> {
        Read::read(self)
    }

    /// Reads a column of strings or of byte strings.
    pub fn bytes(&self) -> Result<Bytes, Error> {
        Read::read(self)
    }

    /// Reads a column of lists: `column.lists::<Numbers<f64>>()?`.
    pub fn lists<C: Read>(&self) -> Result<Lists<C>, Error> {
        Read::read(self)
    }
}

impl Batch {
    /// The columns, by position; nothing is copied.
    pub fn columns(&self) -> Vec<Column> {
        let count = self.schema().columns.len() as u32;
        (0..count).map(|index| self.column(index)).collect()
    }
}

/// Which numbers a column may hold.
pub trait Number: Copy + Default + 'static {
    /// The items, where they are of this type; otherwise the values as they were.
    fn from_values(values: Values) -> Result<Vec<Self>, Values>;
    fn into_values(items: Vec<Self>) -> Values;
}

macro_rules! numbers {
    ($($type:ty => $variant:ident),* $(,)?) => {$(
        impl Number for $type {
            fn from_values(values: Values) -> Result<Vec<Self>, Values> {
                match values {
                    Values::$variant(items) => Ok(items),
                    other => Err(other),
                }
            }

            fn into_values(items: Vec<Self>) -> Values {
                Values::$variant(items)
            }
        }
    )*};
}

numbers! {
    i8 => Int8, i16 => Int16, i32 => Int32, i64 => Int64,
    u8 => Uint8, u16 => Uint16, u32 => Uint32, u64 => Uint64,
    f32 => Float32, f64 => Float64,
}

impl<T: Number> Numbers<T> {
    fn of_array(array: Array) -> Result<Self, Error> {
        let rows = array.length as usize;
        let items = T::from_values(array.values)
            .map_err(|values| wrong_layout(&values, std::any::type_name::<T>()))?;
        let validity = checked(array.validity, rows, items.len(), rows)?;
        Ok(Self { items, validity })
    }
}

impl<T: Number> Read for Numbers<T> {
    fn of<A: Arrays>(column: &A) -> Result<Self, Error> {
        Self::of_array(column.array())
    }

    fn read_from(batch: &Batch, index: u32) -> Result<Self, Error> {
        Self::of_array(batch.read(index))
    }

    fn from_value(value: Value, data_type: &DataType) -> Result<Self, Error> {
        let (values, validity) = one_row(value, data_type)?;
        let items = values
            .and_then(|values| T::from_values(values).ok())
            .unwrap_or_else(|| vec![T::default()]);
        Ok(Self { items, validity })
    }

    #[inline]
    fn rows(&self) -> usize {
        self.items.len()
    }

    #[inline]
    fn validity(&self) -> Option<&Bitmap> {
        self.validity.as_ref()
    }
}

impl Booleans {
    fn of_array(array: Array) -> Result<Self, Error> {
        let rows = array.length as usize;
        let Values::Boolean(bits) = array.values else {
            return Err(wrong_layout(&array.values, "bool"));
        };
        let validity = checked(array.validity, rows, bits.len(), rows.div_ceil(8))?;
        Ok(Self {
            bits: Bitmap::new(bits),
            rows,
            validity,
        })
    }
}

impl Read for Booleans {
    fn of<A: Arrays>(column: &A) -> Result<Self, Error> {
        Self::of_array(column.array())
    }

    fn read_from(batch: &Batch, index: u32) -> Result<Self, Error> {
        Self::of_array(batch.read(index))
    }

    fn from_value(value: Value, data_type: &DataType) -> Result<Self, Error> {
        let (values, validity) = one_row(value, data_type)?;
        let bits = match values {
            Some(Values::Boolean(bits)) => Bitmap::new(bits),
            _ => Bitmap::zeros(1),
        };
        Ok(Self {
            bits,
            rows: 1,
            validity,
        })
    }

    #[inline]
    fn rows(&self) -> usize {
        self.rows
    }

    #[inline]
    fn validity(&self) -> Option<&Bitmap> {
        self.validity.as_ref()
    }
}

impl Read for Bytes {
    fn of<A: Arrays>(column: &A) -> Result<Self, Error> {
        let array = column.array();
        let rows = array.length as usize;
        let Values::Bytes((offsets, bytes)) = array.values else {
            return Err(wrong_layout(&array.values, "a string"));
        };
        let validity = checked(array.validity, rows, offsets.len(), rows + 1)?;
        Ok(Self {
            offsets: Offsets::new(offsets, bytes.len())?,
            bytes,
            text: column.is_text(),
            validity,
        })
    }

    fn from_value(value: Value, data_type: &DataType) -> Result<Self, Error> {
        let text = matches!(value, Value::Utf8(_));
        let (values, validity) = one_row(value, data_type)?;
        let bytes = match values {
            Some(Values::Bytes((_, bytes))) => bytes,
            _ => Vec::new(),
        };
        Ok(Self {
            offsets: Offsets::new(vec![0, bytes.len() as i32], bytes.len())?,
            bytes,
            text,
            validity,
        })
    }

    #[inline]
    fn rows(&self) -> usize {
        self.offsets.rows()
    }

    #[inline]
    fn validity(&self) -> Option<&Bitmap> {
        self.validity.as_ref()
    }
}

impl<C: Read> Read for Lists<C> {
    fn of<A: Arrays>(column: &A) -> Result<Self, Error> {
        let array = column.array();
        let rows = array.length as usize;
        let Values::Offsets(offsets) = array.values else {
            return Err(wrong_layout(&array.values, "a list"));
        };
        let validity = checked(array.validity, rows, offsets.len(), rows + 1)?;
        let items = C::of(&column.child(0))?;
        Ok(Self {
            offsets: Offsets::new(offsets, items.rows())?,
            items,
            validity,
        })
    }

    fn from_value(value: Value, data_type: &DataType) -> Result<Self, Error> {
        if let Value::Nested(column) = value {
            return Self::read(&column);
        }
        let DataType::List(item) = data_type else {
            return Err(wrong_value(data_type));
        };
        // NULL: a row without items.
        let (_, validity) = one_row(value, data_type)?;
        Ok(Self {
            offsets: Offsets::new(vec![0, 0], 0)?,
            items: C::from_value(Value::Null, &item.data_type)?,
            validity,
        })
    }

    #[inline]
    fn rows(&self) -> usize {
        self.offsets.rows()
    }

    #[inline]
    fn validity(&self) -> Option<&Bitmap> {
        self.validity.as_ref()
    }
}

/// The buffers of one value, none for NULL, with its validity.
fn one_row(value: Value, data_type: &DataType) -> Result<(Option<Values>, Option<Bitmap>), Error> {
    if let Value::Null = value {
        return Ok((None, Some(Bitmap::zeros(1))));
    }
    match plain_values(value, data_type) {
        Some(values) => Ok((Some(values), None)),
        None => Err(wrong_value(data_type)),
    }
}

fn wrong_value(data_type: &DataType) -> Error {
    Error::invalid(format!(
        "a value is not of its argument's type, {data_type:?}"
    ))
}

fn wrong_layout(found: &Values, expected: &str) -> Error {
    let found = match found {
        Values::Boolean(_) => "booleans",
        Values::Int8(_) => "int8",
        Values::Int16(_) => "int16",
        Values::Int32(_) => "int32",
        Values::Int64(_) => "int64",
        Values::Uint8(_) => "uint8",
        Values::Uint16(_) => "uint16",
        Values::Uint32(_) => "uint32",
        Values::Uint64(_) => "uint64",
        Values::Float32(_) => "float32",
        Values::Float64(_) => "float64",
        Values::Bytes(_) => "strings",
        Values::Int128(_) => "decimals",
        Values::Offsets(_) => "lists",
        Values::None => "structs or fixed-size lists",
    };
    Error::invalid(format!("a column of {found} cannot be read as {expected}"))
}

/// The loops below rely on these lengths.
fn checked(
    validity: Option<Vec<u8>>,
    rows: usize,
    items: usize,
    expected: usize,
) -> Result<Option<Bitmap>, Error> {
    let validity = validity.map(Bitmap::new);
    let short = validity
        .as_ref()
        .is_some_and(|bits| bits.len_bytes() < rows.div_ceil(8));
    if items != expected || short {
        return Err(Error::failed(
            "the host gave a column whose buffers have the wrong length",
        ));
    }
    Ok(validity.filter(|bits| !bits.all(rows)))
}

/// Where the values of rows begin and end: rising, and within what they are offsets into.
#[derive(Clone, Debug)]
struct Offsets(Vec<i32>);

impl Offsets {
    fn new(offsets: Vec<i32>, end: usize) -> Result<Self, Error> {
        let within = match (offsets.first(), offsets.last()) {
            (Some(first), Some(last)) => *first >= 0 && *last as usize <= end,
            _ => false,
        };
        if !within || !offsets.is_sorted() {
            return Err(Error::failed(
                "the host gave a column whose offsets are wrong",
            ));
        }
        Ok(Self(offsets))
    }

    fn rows(&self) -> usize {
        self.0.len() - 1
    }

    #[inline]
    fn range(&self, row: usize) -> std::ops::Range<usize> {
        self.0[row] as usize..self.0[row + 1] as usize
    }
}

/// What the tests of other modules read from.
#[cfg(test)]
impl<T: Number> Numbers<T> {
    pub(crate) fn of(items: Vec<T>, validity: Option<Bitmap>) -> Self {
        Self { items, validity }
    }
}

#[cfg(test)]
impl Bytes {
    pub(crate) fn of(texts: &[&str]) -> Self {
        let mut offsets = vec![0];
        let mut bytes = Vec::new();
        for text in texts {
            bytes.extend_from_slice(text.as_bytes());
            offsets.push(bytes.len() as i32);
        }
        let validity = None;
        Self {
            offsets: Offsets(offsets),
            bytes,
            text: true,
            validity,
        }
    }
}
