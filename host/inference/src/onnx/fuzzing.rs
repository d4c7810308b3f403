//! What the fuzz target `onnx` calls: which columns a model's tensors are made of, and the making of
//! them, whatever a model says of itself. Compiled for fuzzing only.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, FixedSizeListArray, Int64Array, ListArray, new_null_array};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field};

use super::binding::{bind_inputs, bind_outputs, depth};
use super::column::to_column;
use super::runtime::environment;
use super::signature::{BatchAxis, Kind, Signature, TensorType};
use super::tensor::to_input;
use crate::tensor::Element;
use crate::tensor::interleave::Scratch;

/// Bytes that a tensor may have.
const MEMORY: usize = 1 << 20;

/// Reads what a model says of its tensors, a declaration and a batch out of the bytes: the columns
/// become tensors and those columns again, of the declared types, or there is an error. What tells
/// the same in both is the same in the end.
pub fn tensors(bytes: &[u8]) {
    let mut input = Input(bytes);
    let (tensors, axis) = match input.byte() {
        count @ 128.. => (count, BatchAxis::None),
        count => (count, BatchAxis::First),
    };
    let tensors: Vec<_> = (0..tensors % 4).map(|_| input.tensor()).collect();
    let fields: Vec<_> = (0..1 + input.byte() % 4).map(|_| input.field()).collect();
    let rows = match axis {
        BatchAxis::First => 1 + usize::from(input.byte() % 4),
        BatchAxis::None => 1,
    };
    let columns: Vec<_> = fields
        .iter()
        .map(|field| input.column(field.data_type(), rows))
        .collect();
    let names: Vec<_> = tensors.iter().map(|tensor| tensor.name.clone()).collect();
    let given: Vec<_> = tensors.iter().cloned().map(Ok).collect();
    let outputs = bind_outputs(&given, &names, &fields, axis);
    let Ok(inputs) = bind_inputs(&tensors, &fields, axis) else {
        return;
    };
    environment().expect("ONNX Runtime is on this machine");
    let mut scratch = Scratch::default();
    for binding in &inputs {
        let Ok(taken) = to_input(binding, &fields, &columns, rows, axis, MEMORY, &mut scratch)
        else {
            continue;
        };
        let Ok(tensor) = taken.value() else {
            continue;
        };
        // As if the model had given it.
        for (output, field) in outputs.iter().flatten().zip(&fields) {
            if let Ok(column) = to_column(output, field, &tensor, rows, axis) {
                assert_eq!(column.len(), rows);
                assert_eq!(column.data_type(), field.data_type());
            }
        }
        if let [column] = binding.columns[..]
            && let Some(declared) = binding.signature.tensor()
            && says_the_same(declared.element, &columns[column])
        {
            let again = to_column(binding, &fields[column], &tensor, rows, axis);
            let again = again.map_err(|misfit| misfit.message);
            assert_eq!(
                again.as_ref(),
                Ok(&columns[column]),
                "{}",
                binding.signature
            );
        }
    }
}

/// Whether the column's values are the element's, and none is NULL.
fn says_the_same(element: Element, column: &ArrayRef) -> bool {
    let (_, item) = depth(column.data_type());
    column.null_count() == 0 && *item == element.data_type() && element != Element::BF16
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

    fn tensor(&mut self) -> Signature {
        Signature {
            name: self.name(),
            kind: Kind::Tensor(TensorType {
                element: self.element(),
                shape: (0..self.byte() % 5).map(|_| self.dimension()).collect(),
            }),
        }
    }

    fn element(&mut self) -> Element {
        const ALL: [Element; 14] = [
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
            Element::F16,
            Element::BF16,
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
            2 => match self.byte() % 4 {
                0 => DataType::new_list(DataType::new_list(item, true), true),
                _ => DataType::new_list(item, true),
            },
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
                let items = self.items(item.data_type(), lengths.iter().sum());
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

    fn items(&mut self, data_type: &DataType, count: usize) -> ArrayRef {
        let DataType::List(item) = data_type else {
            return self.values(data_type, count, None);
        };
        let length = usize::from(self.byte() % 3);
        let items = self.values(item.data_type(), count * length, None);
        let offsets = OffsetBuffer::<i32>::from_lengths(std::iter::repeat_n(length, count));
        Arc::new(ListArray::new(item.clone(), offsets, items, None))
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
