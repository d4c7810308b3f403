//! What the fuzz target `onnx` calls: which columns a model's tensors are made of, and the making of
//! them, whatever a model says of itself. Compiled for fuzzing only.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, FixedSizeListArray, Int64Array, ListArray, new_null_array};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field};

use super::runtime::environment;
use super::tensor::{to_column, to_tensor};
use crate::array::list_item;
use crate::tensor::{Element, TensorSignature, bind_inputs, bind_outputs};

/// Bytes that a tensor may have.
const MEMORY: usize = 1 << 20;

/// Reads what a model says of its tensors, a declaration and a batch out of the bytes: the columns
/// become tensors and those columns again, of the declared types, or there is an error. What tells
/// the same in both is the same in the end.
pub fn tensors(bytes: &[u8]) {
    let mut input = Input(bytes);
    let tensors: Vec<_> = (0..input.byte() % 4).map(|_| input.tensor()).collect();
    let fields: Vec<_> = (0..1 + input.byte() % 4).map(|_| input.field()).collect();
    let rows = 1 + usize::from(input.byte() % 4);
    let columns: Vec<_> = fields
        .iter()
        .map(|field| input.column(field.data_type(), rows))
        .collect();
    let names: Vec<_> = tensors.iter().map(|tensor| tensor.name.clone()).collect();
    let given: Vec<_> = tensors.iter().cloned().map(Ok).collect();
    let outputs = bind_outputs(&given, &names, &fields);
    let Ok(inputs) = bind_inputs(&tensors, &fields) else {
        return;
    };
    environment().expect("ONNX Runtime is on this machine");
    for binding in &inputs {
        let Ok(tensor) = to_tensor(binding, &fields, &columns, rows, MEMORY) else {
            continue;
        };
        // As if the model had given it.
        for (output, field) in outputs.iter().flatten().zip(&fields) {
            if let Ok(column) = to_column(output, field, &tensor, rows) {
                assert_eq!(column.len(), rows);
                assert_eq!(column.data_type(), field.data_type());
            }
        }
        if let [column] = binding.columns[..]
            && says_the_same(binding.tensor.element, &columns[column])
        {
            let again = to_column(binding, &fields[column], &tensor, rows);
            assert_eq!(again.as_ref(), Ok(&columns[column]), "{}", binding.tensor);
        }
    }
}

/// Whether the column's values are the element's, and none is NULL.
fn says_the_same(element: Element, column: &ArrayRef) -> bool {
    let item = list_item(column.data_type()).map_or(column.data_type(), |item| item.data_type());
    column.null_count() == 0 && *item == element.data_type()
}

/// Bytes that are read as whatever is wanted; zeros behind their end.
struct Input<'a>(&'a [u8]);

impl Input<'_> {
    fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else {
            return 0;
        };
        self.0 = rest;
        *first
    }

    fn name(&mut self) -> String {
        ["a", "b", "c", ""][usize::from(self.byte() % 4)].to_owned()
    }

    fn tensor(&mut self) -> TensorSignature {
        TensorSignature {
            name: self.name(),
            element: self.element(),
            type_name: "any",
            shape: (0..self.byte() % 5).map(|_| self.dimension()).collect(),
        }
    }

    fn element(&mut self) -> Element {
        const ALL: [Element; 12] = [
            Element::F32,
            Element::F64,
            Element::I8,
            Element::I16,
            Element::I32,
            Element::I64,
            Element::U8,
            Element::U16,
            Element::U32,
            Element::U64,
            Element::Bool,
            Element::String,
        ];
        ALL[usize::from(self.byte()) % ALL.len()]
    }

    /// Mostly free or small.
    fn dimension(&mut self) -> i64 {
        match self.byte() {
            255 => i64::MAX,
            254 => 1 << 40,
            253 => 1 << 31,
            252 => 1 << 17,
            byte => i64::from(byte % 5) - 1,
        }
    }

    fn field(&mut self) -> Field {
        let item = self.element().data_type();
        let data_type = match self.byte() % 4 {
            0 | 1 => item,
            2 => DataType::new_list(item, true),
            _ => DataType::new_fixed_size_list(item, i32::from(self.byte() % 4), true),
        };
        Field::new(self.name(), data_type, true)
    }

    fn column(&mut self, data_type: &DataType, rows: usize) -> ArrayRef {
        let nulls = self.byte();
        let valid: Vec<bool> = (0..rows).map(|row| nulls >> row & 1 == 0).collect();
        let nulls = NullBuffer::from(valid);
        let nulls = (nulls.null_count() > 0).then_some(nulls);
        match data_type {
            DataType::List(item) => {
                let same = self.byte() % 4;
                let mut length = || match same {
                    3 => usize::from(self.byte() % 4),
                    same => usize::from(same),
                };
                let lengths: Vec<_> = (0..rows).map(|_| length()).collect();
                let items = self.values(item.data_type(), lengths.iter().sum(), None);
                let offsets = OffsetBuffer::<i32>::from_lengths(lengths);
                Arc::new(ListArray::new(item.clone(), offsets, items, nulls))
            }
            DataType::FixedSizeList(item, size) => {
                let items = rows * usize::try_from(*size).unwrap_or_default();
                let items = self.values(item.data_type(), items, None);
                FixedSizeListArray::try_new_with_length(item.clone(), *size, items, nulls, rows)
                    .map_or_else(
                        |_| new_null_array(data_type, rows),
                        |list| Arc::new(list) as _,
                    )
            }
            _ => self.values(data_type, rows, nulls),
        }
    }

    fn values(
        &mut self,
        data_type: &DataType,
        count: usize,
        nulls: Option<NullBuffer>,
    ) -> ArrayRef {
        let values = (0..count).map(|_| i64::from(self.byte() % 128)).collect();
        let values = Int64Array::new(values, nulls);
        cast(&values, data_type).expect("small numbers are of any type")
    }
}
