//! Messages that are damaged on their way are read or refused: nothing panics, and what is read has the
//! values that its shape says.

#![cfg(feature = "remote")]
#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Float32Array, Int64Array, ListArray, StringArray};
use arrow::datatypes::{Field, Int32Type};
use bytes::Bytes;
use prost::Message as _;
use wasmill_inference::open_inference::grpc::ModelInferRequest;
use wasmill_inference::open_inference::rest::{self, Message};
use wasmill_inference::open_inference::{Tensor, TensorColumns};

const TRIES: u32 = 30_000;

/// Marsaglia's xorshift: the same damage in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }

    /// Flips, overwrites, removes or repeats some bytes.
    fn damage(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        for _ in 0..=self.below(3) {
            let place = self.below(bytes.len().max(1));
            if bytes.is_empty() {
                return bytes;
            }
            match self.below(5) {
                0 => bytes[place] ^= 1 << self.below(8),
                1 => bytes[place] = [0, 0xff, 0x7f, b'0', b'-', b'"', b'['][self.below(7)],
                2 => drop(bytes.remove(place)),
                3 => bytes.insert(place, bytes[place]),
                _ => bytes.truncate(place.max(1)),
            }
        }
        bytes
    }
}

fn tensors() -> (TensorColumns, Vec<Tensor>) {
    let lists = [Some([Some(1), Some(2)]), Some([Some(3), Some(-4)])];
    let columns: [ArrayRef; 5] = [
        Arc::new(Float32Array::from(vec![1.5, -2.0])),
        Arc::new(Int64Array::from(vec![7, i64::MIN])),
        Arc::new(BooleanArray::from(vec![true, false])),
        Arc::new(StringArray::from(vec!["ä", "text"])),
        Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>(lists)),
    ];
    let fields: Vec<_> = columns
        .iter()
        .enumerate()
        .map(|(number, column)| Field::new(format!("c{number}"), column.data_type().clone(), true))
        .collect();
    let tensor_columns = TensorColumns::new(&fields).unwrap();
    let tensors = tensor_columns.write(&columns, 2, |_| true).unwrap();
    (tensor_columns, tensors)
}

/// Reads the tensors as columns, and gives whether they were read.
fn check(columns: &TensorColumns, tensors: &Result<Vec<Tensor>, String>) -> bool {
    let Ok(tensors) = tensors else { return false };
    for tensor in tensors {
        let values: i64 = tensor.shape.iter().product();
        assert!(values >= 0);
        // Would go past the end, had it fewer values.
        tensor.to_raw();
    }
    match columns.read(tensors) {
        Ok((read, rows)) => {
            assert!(read.iter().all(|column| column.len() == rows));
            true
        }
        Err(_) => false,
    }
}

#[test]
fn bodies_of_rest_are_read_or_refused() {
    let (columns, tensors) = tensors();
    for binary in [true, false] {
        let mut tail = Vec::new();
        let described = tensors
            .iter()
            .map(|tensor| rest::describe(tensor, binary, &mut tail).unwrap())
            .collect();
        let message = Message {
            inputs: Some(described),
            ..Message::default()
        };
        let (body, header) = rest::encode(&message, &tail).unwrap();
        let read = |body: &Bytes, header| {
            let (message, tail) = rest::decode(body, header)?;
            rest::take(message.inputs.unwrap_or_default(), tail)
        };
        assert!(check(&columns, &read(&body, header)));
        let mut random = Random(42);
        let mut whole = 0;
        for _ in 0..TRIES {
            let damaged = Bytes::from(random.damage(&body));
            whole += u32::from(check(&columns, &read(&damaged, header)));
        }
        assert!(whole > 0 && whole < TRIES / 2, "{whole} were read");
    }
}

#[test]
fn messages_of_grpc_are_read_or_refused() {
    let (columns, tensors) = tensors();
    let mut request = ModelInferRequest::default();
    request.put(&tensors);
    let bytes = request.encode_to_vec();
    let mut random = Random(43);
    let mut whole = 0;
    for _ in 0..TRIES {
        let damaged = Bytes::from(random.damage(&bytes));
        if let Ok(request) = ModelInferRequest::decode(damaged) {
            whole += u32::from(check(&columns, &request.take()));
        }
    }
    assert!(whole > 0 && whole < TRIES, "{whole} were read");
}
