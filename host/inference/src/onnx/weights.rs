//! The weights of a model file, read once for all its sessions.
//!
//! ONNX Runtime copies a model's weights into each session, unless they are handed to it. Then it also
//! shares what it packs them into for its kernels.
//!
//! The file is read by ONNX Runtime; here only the larger weights are looked for, and where anything
//! is not as expected, the session reads those for itself.

use std::collections::HashSet;
use std::sync::Arc;

use half::{bf16, f16};
use ort::session::builder::{PrepackedWeights, SessionBuilder};
use ort::value::{DynValue, PrimitiveTensorElementType, Tensor};

/// Bytes from which weights are shared.
const LARGE: usize = 1 << 10;

/// What all sessions of a model have in common.
pub(super) struct SharedWeights {
    initializers: Vec<(String, Arc<DynValue>)>,
    prepacked: PrepackedWeights,
    /// Of the initializers.
    bytes: usize,
}

impl SharedWeights {
    /// Reads the weights of a model file. The runtime has to be loaded.
    pub fn read(model: &[u8]) -> Self {
        let mut initializers = Vec::new();
        let mut bytes = 0;
        for weight in weights(model).unwrap_or_default() {
            if let Some(value) = weight.value() {
                bytes += weight.raw.len();
                initializers.push((weight.name.to_owned(), Arc::new(value)));
            }
        }
        Self {
            initializers,
            prepacked: PrepackedWeights::new(),
            bytes,
        }
    }

    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Hands them to a session.
    pub fn apply(&self, mut builder: SessionBuilder) -> Result<SessionBuilder, ort::Error> {
        builder = builder.with_prepacked_weights(&self.prepacked)?;
        for (name, value) in &self.initializers {
            builder = builder.with_initializer(name, Arc::clone(value))?;
        }
        Ok(builder)
    }
}

/// A `TensorProto` with its elements in `raw_data`.
#[derive(Default)]
struct Weight<'a> {
    name: &'a str,
    data_type: u64,
    shape: Vec<i64>,
    raw: &'a [u8],
    is_external: bool,
}

impl Weight<'_> {
    fn value(&self) -> Option<DynValue> {
        // The numbers of `TensorProto.DataType`.
        match self.data_type {
            1 => self.tensor(f32::from_le_bytes),
            2 => self.tensor(u8::from_le_bytes),
            3 => self.tensor(i8::from_le_bytes),
            4 => self.tensor(u16::from_le_bytes),
            5 => self.tensor(i16::from_le_bytes),
            6 => self.tensor(i32::from_le_bytes),
            7 => self.tensor(i64::from_le_bytes),
            10 => self.tensor(f16::from_le_bytes),
            11 => self.tensor(f64::from_le_bytes),
            12 => self.tensor(u32::from_le_bytes),
            13 => self.tensor(u64::from_le_bytes),
            16 => self.tensor(bf16::from_le_bytes),
            _ => None,
        }
    }

    fn tensor<T, const SIZE: usize>(&self, read: impl Fn([u8; SIZE]) -> T) -> Option<DynValue>
    where
        T: PrimitiveTensorElementType + std::fmt::Debug + Clone + 'static,
    {
        let (elements, rest) = self.raw.as_chunks::<SIZE>();
        let count = self.shape.iter().try_fold(1_usize, |product, size| {
            product.checked_mul(usize::try_from(*size).ok()?)
        });
        if !rest.is_empty() || count != Some(elements.len()) {
            return None;
        }
        let elements: Vec<T> = elements.iter().map(|bytes| read(*bytes)).collect();
        let tensor = Tensor::from_array((self.shape.clone(), elements)).ok()?;
        Some(tensor.into_dyn())
    }
}

/// The larger initializers of a `ModelProto`; none where the bytes are not one.
fn weights(model: &[u8]) -> Option<Vec<Weight<'_>>> {
    let mut weights = Vec::new();
    // Those that are inputs too are defaults, which a caller may override.
    let mut inputs = HashSet::new();
    for field in Fields(model) {
        let (7, Value::Bytes(graph)) = field? else {
            continue;
        };
        for field in Fields(graph) {
            match field? {
                (5, Value::Bytes(tensor)) => weights.push(weight(tensor)?),
                (11, Value::Bytes(input)) => {
                    for field in Fields(input) {
                        if let (1, Value::Bytes(name)) = field? {
                            inputs.insert(name);
                        }
                    }
                }
                _ => {}
            }
        }
    }
    let mut seen = HashSet::new();
    weights.retain(|weight| {
        weight.raw.len() >= LARGE
            && !weight.is_external
            && !inputs.contains(weight.name.as_bytes())
            && seen.insert(weight.name)
    });
    Some(weights)
}

fn weight(bytes: &[u8]) -> Option<Weight<'_>> {
    let mut weight = Weight::default();
    for field in Fields(bytes) {
        match field? {
            (1, Value::Number(size)) => weight.shape.push(size.cast_signed()),
            (1, Value::Bytes(mut packed)) => {
                while !packed.is_empty() {
                    weight.shape.push(varint(&mut packed)?.cast_signed());
                }
            }
            (2, Value::Number(data_type)) => weight.data_type = data_type,
            (8, Value::Bytes(name)) => weight.name = std::str::from_utf8(name).ok()?,
            (9, Value::Bytes(raw)) => weight.raw = raw,
            (14, Value::Number(location)) => weight.is_external = location != 0,
            _ => {}
        }
    }
    Some(weight)
}

/// The fields of a message of Protocol Buffers; `None` where the bytes are none, and then no more.
struct Fields<'a>(&'a [u8]);

enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
    Other,
}

impl<'a> Iterator for Fields<'a> {
    type Item = Option<(u64, Value<'a>)>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_none() {
            self.0 = &[];
        }
        Some(field)
    }
}

impl<'a> Fields<'a> {
    fn field(&mut self) -> Option<(u64, Value<'a>)> {
        let key = varint(&mut self.0)?;
        let value = match key & 7 {
            0 => Value::Number(varint(&mut self.0)?),
            1 => self.skip(8)?,
            2 => {
                let length = varint(&mut self.0)?;
                let (bytes, rest) = self.0.split_at_checked(usize::try_from(length).ok()?)?;
                self.0 = rest;
                Value::Bytes(bytes)
            }
            5 => self.skip(4)?,
            _ => return None,
        };
        Some((key >> 3, value))
    }

    fn skip(&mut self, bytes: usize) -> Option<Value<'a>> {
        self.0 = self.0.split_at_checked(bytes)?.1;
        Some(Value::Other)
    }
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(first & 0x7f) << shift;
        if first & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_model_has_no_weights() {
        for bytes in [
            &b"not a model"[..],
            b"",
            b"\x3a",
            b"\x3a\xff\xff",
            &[0xff; 32],
        ] {
            assert!(weights(bytes).unwrap_or_default().is_empty());
        }
    }

    #[test]
    fn a_large_weight_is_found() {
        let field = |number: u8, bytes: &[u8]| {
            let length = bytes.len();
            let head = [
                number << 3 | 2,
                (length & 0x7f) as u8 | 0x80,
                (length >> 7) as u8,
            ];
            [&head[..], bytes].concat()
        };
        let tensor = [
            &[8, 2, 8, 0x80, 2, 16, 1][..],
            &field(8, b"weights"),
            &field(9, &[0; 2048]),
        ]
        .concat();
        let model = field(7, &field(5, &tensor));
        let weights = weights(&model).unwrap();
        assert_eq!(weights.len(), 1);
        assert_eq!(weights[0].name, "weights");
        assert_eq!(weights[0].shape, [2, 256]);
        assert_eq!((weights[0].data_type, weights[0].raw.len()), (1, 2048));
    }
}
