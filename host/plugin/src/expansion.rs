//! What a table function gives for a batch: rows, and how many of them are each row's own.

use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, ListArray, StructArray};
use arrow::buffer::{OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{DataType, Field, FieldRef, Fields};

use crate::arrays::{adopt_rows, uint32};
use crate::state::Batch;

/// `expansion` of the contract, as the guest gave it: nothing of it is checked.
pub(crate) struct Expansion {
    pub rows: Batch,
    pub counts: ArrayRef,
}

/// The field of what a call of a table function with these columns gives: a list of its rows for
/// each row.
pub(crate) fn list_of(name: &str, columns: &Fields) -> FieldRef {
    // Who takes lists apart may put NULLs beside their items.
    let columns = columns.iter().map(nullable).collect();
    let item = Field::new_list_field(DataType::Struct(columns), true);
    Arc::new(Field::new(name, DataType::List(Arc::new(item)), false))
}

fn nullable(column: &FieldRef) -> FieldRef {
    Arc::new(column.as_ref().clone().with_nullable(true))
}

impl Expansion {
    /// A list for each of `rows` rows, of the type of [`list_of`] these columns; only its offsets are
    /// new. The error says what is wrong with what the guest gave.
    pub fn into_lists(self, columns: &Fields, rows: usize) -> Result<ArrayRef, String> {
        let offsets = self.offsets(rows)?;
        let arrays = adopt_rows(&self.rows, columns)?;
        let fields: Fields = columns.iter().map(nullable).collect();
        let rows = StructArray::try_new(fields, arrays, None).map_err(|error| error.to_string())?;
        let item = Field::new_list_field(rows.data_type().clone(), true);
        ListArray::try_new(Arc::new(item), offsets, Arc::new(rows), None)
            .map(|lists| Arc::new(lists) as ArrayRef)
            .map_err(|error| error.to_string())
    }

    fn offsets(&self, rows: usize) -> Result<OffsetBuffer<i32>, String> {
        let counts = &self.counts;
        let numbers = uint32("counts", counts)?;
        if counts.len() != rows {
            return Err(format!("{} counts for a batch of {rows}", counts.len()));
        }
        // No more than 2³² of numbers below 2³².
        let all: u64 = numbers.values().iter().copied().map(u64::from).sum();
        if all != u64::from(self.rows.rows) {
            let given = self.rows.rows;
            return Err(format!("counts of {all} rows in all, and {given} rows"));
        }
        if i32::try_from(all).is_err() {
            return Err(format!(
                "{all} rows for one batch, more than a list can have"
            ));
        }
        let mut end = 0_i32;
        let ends = numbers.values().iter().map(|count| {
            // The sum of all fits.
            end = end.wrapping_add(count.cast_signed());
            end
        });
        let offsets: ScalarBuffer<i32> = std::iter::once(0).chain(ends).collect();
        Ok(OffsetBuffer::new(offsets))
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{AsArray as _, Int64Array, UInt32Array};

    use super::*;

    fn expansion(counts: ArrayRef, rows: i64) -> Expansion {
        let field = Field::new("number", DataType::Int64, false);
        Expansion {
            rows: Batch {
                fields: vec![field].into(),
                columns: vec![Arc::new(Int64Array::from_iter_values(0..rows))],
                rows: u32::try_from(rows).unwrap(),
            },
            counts,
        }
    }

    fn counts(counts: &[u32]) -> ArrayRef {
        Arc::new(UInt32Array::from(counts.to_vec()))
    }

    fn numbers(expansion: Expansion, rows: usize) -> Result<ArrayRef, String> {
        let columns = vec![Field::new("number", DataType::Int64, false)].into();
        let lists = expansion.into_lists(&columns, rows)?;
        assert_eq!(lists.data_type(), list_of("f", &columns).data_type());
        lists.to_data().validate_full().unwrap();
        Ok(lists)
    }

    #[test]
    fn a_row_has_as_many_rows_as_its_count_says() {
        let lists = numbers(expansion(counts(&[2, 0, 1]), 3), 3).unwrap();
        let lists = lists.as_list::<i32>();
        let lengths: Vec<_> = (0..3).map(|row| lists.value_length(row)).collect();
        assert_eq!(lengths, [2, 0, 1]);
        let empty = numbers(expansion(counts(&[0, 0]), 0), 2).unwrap();
        assert_eq!(empty.len(), 2);
    }

    #[test]
    fn counts_that_are_wrong_are_told() {
        let wrong = |array, rows| numbers(expansion(array, rows), 3).unwrap_err();
        let most = counts(&[u32::MAX, u32::MAX, 2]);
        assert_eq!(
            wrong(most, 0),
            "counts of 8589934592 rows in all, and 0 rows"
        );
        let signed: ArrayRef = Arc::new(Int64Array::from(vec![1, 1, 1]));
        assert_eq!(wrong(signed, 3), "counts of Int64, not of UInt32");
        let holed: ArrayRef = Arc::new(UInt32Array::from(vec![Some(1), None, Some(1)]));
        assert_eq!(wrong(holed, 2), "1 nulls among its counts");
        assert_eq!(wrong(counts(&[1, 1]), 2), "2 counts for a batch of 3");
    }
}
