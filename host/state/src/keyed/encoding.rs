//! Values as bytes that are the same, and compare, as they do.

use arrow::{
    array::ArrayRef,
    compute::cast,
    datatypes::DataType,
    error::ArrowError,
    row::{RowConverter, Rows, SortField},
};

/// From columns to bytes and back; without columns there are none.
#[derive(Debug)]
pub(super) struct Encoding {
    types: Vec<DataType>,
    converter: Option<RowConverter>,
}

/// Rows as bytes.
pub(super) struct Encoded(Option<Rows>);

impl Encoding {
    pub(super) fn new(types: Vec<DataType>) -> Result<Self, ArrowError> {
        let fields: Vec<_> = types.iter().cloned().map(SortField::new).collect();
        let converter = match fields.is_empty() {
            true => None,
            false => Some(RowConverter::new(fields)?),
        };
        Ok(Encoding { types, converter })
    }

    pub(super) fn columns(&self) -> usize {
        self.types.len()
    }

    /// The type of the only column.
    pub(super) fn only_type(&self) -> Option<&DataType> {
        match self.types.as_slice() {
            [only] => Some(only),
            _ => None,
        }
    }

    pub(super) fn encode(&self, columns: &[ArrayRef]) -> Result<Encoded, ArrowError> {
        let converter = self.converter.as_ref();
        let rows = converter.map(|converter| converter.convert_columns(columns));
        Ok(Encoded(rows.transpose()?))
    }

    /// The columns of rows that were encoded.
    pub(super) fn decode<'a>(
        &self,
        rows: impl Iterator<Item = &'a [u8]>,
    ) -> Result<Vec<ArrayRef>, ArrowError> {
        let Some(converter) = &self.converter else {
            return Ok(Vec::new());
        };
        let parser = converter.parser();
        // What is encoded of a dictionary are its values.
        let columns = converter.convert_rows(rows.map(|row| parser.parse(row)))?;
        let columns = columns.into_iter().zip(&self.types);
        let columns = columns.map(|(column, wanted)| match column.data_type() == wanted {
            true => Ok(column),
            false => cast(&column, wanted),
        });
        columns.collect()
    }
}

impl Encoded {
    #[inline]
    pub(super) fn row(&self, row: usize) -> &[u8] {
        match &self.0 {
            Some(rows) => rows.row(row).data(),
            None => &[],
        }
    }
}
