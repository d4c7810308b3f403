//! Reads gRPC messages that are as small in memory as they are on the wire.
//!
//! Two bytes can be an empty tensor of a message, and a hundred times as many when it is read; so the
//! parts of a message are counted before any of them is made.

use std::marker::PhantomData;

use bytes::{Buf, Bytes};
use prost::Message;
use tonic::Status;
use tonic::codec::{Codec, DecodeBuf, Decoder};
use tonic_prost::{ProstCodec, ProstEncoder};

use super::grpc::{
    ModelInferRequest, ModelInferResponse, ModelMetadataRequest, ModelMetadataResponse,
    ModelReadyRequest, ModelReadyResponse, ServerLiveRequest, ServerLiveResponse,
    ServerMetadataRequest, ServerMetadataResponse, ServerReadyRequest, ServerReadyResponse,
};

/// Fields of a message and of those within it. A tensor of texts that is not raw has one a text.
const MOST_FIELDS: usize = 1 << 20;

/// Which fields of a message are messages of several fields, by their numbers.
#[derive(Debug)]
pub struct Parts(&'static [(u64, &'static Parts)]);

const PLAIN: Parts = Parts(&[]);
const TENSOR: Parts = Parts(&[(4, &PLAIN), (5, &PLAIN)]);
const WISH: Parts = Parts(&[(2, &PLAIN)]);

/// A message whose parts are counted.
pub trait Counted: Message + Default {
    const PARTS: Parts = PLAIN;
}

impl Counted for ServerLiveRequest {}
impl Counted for ServerLiveResponse {}
impl Counted for ServerReadyRequest {}
impl Counted for ServerReadyResponse {}
impl Counted for ServerMetadataRequest {}
impl Counted for ServerMetadataResponse {}
impl Counted for ModelReadyRequest {}
impl Counted for ModelReadyResponse {}
impl Counted for ModelMetadataRequest {}
impl Counted for ModelMetadataResponse {
    const PARTS: Parts = TENSOR;
}
impl Counted for ModelInferRequest {
    const PARTS: Parts = Parts(&[(4, &PLAIN), (5, &TENSOR), (6, &WISH)]);
}
impl Counted for ModelInferResponse {
    const PARTS: Parts = Parts(&[(4, &PLAIN), (5, &TENSOR)]);
}

/// Writes messages as prost does, and counts the parts of those that it reads.
#[derive(Debug)]
pub struct CountingCodec<T, U>(PhantomData<(T, U)>);

impl<T, U> Default for CountingCodec<T, U> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<T, U> Codec for CountingCodec<T, U>
where
    T: Message + Send + 'static,
    U: Counted + Send + 'static,
{
    type Encode = T;
    type Decode = U;
    type Encoder = ProstEncoder<T>;
    type Decoder = CountingDecoder<U>;

    fn encoder(&mut self) -> Self::Encoder {
        ProstCodec::<T, U>::default().encoder()
    }

    fn decoder(&mut self) -> Self::Decoder {
        CountingDecoder(PhantomData)
    }
}

/// See [`CountingCodec`].
#[derive(Debug)]
pub struct CountingDecoder<U>(PhantomData<U>);

impl<U: Counted> Decoder for CountingDecoder<U> {
    type Item = U;
    type Error = Status;

    fn decode(&mut self, source: &mut DecodeBuf<'_>) -> Result<Option<U>, Status> {
        let message = source.copy_to_bytes(source.remaining());
        read(message).map(Some).map_err(Status::invalid_argument)
    }
}

fn read<U: Counted>(message: Bytes) -> Result<U, String> {
    let mut left = MOST_FIELDS;
    count(&message, &U::PARTS, &mut left).map_err(str::to_owned)?;
    U::decode(message).map_err(|error| format!("the message cannot be read: {error}"))
}

/// Takes the fields of a message from what is `left`.
fn count(mut message: &[u8], parts: &Parts, left: &mut usize) -> Result<(), &'static str> {
    const DAMAGED: &str = "the message is damaged";
    while !message.is_empty() {
        *left = left
            .checked_sub(1)
            .ok_or("the message has too many fields")?;
        let key = varint(&mut message).ok_or(DAMAGED)?;
        let length = match key & 7 {
            0 => {
                varint(&mut message).ok_or(DAMAGED)?;
                continue;
            }
            1 => 8,
            5 => 4,
            2 => varint(&mut message).ok_or(DAMAGED)?,
            // Groups: the protocol has none.
            _ => return Err(DAMAGED),
        };
        let length = usize::try_from(length).map_err(|_| DAMAGED)?;
        let (field, rest) = message.split_at_checked(length).ok_or(DAMAGED)?;
        let inner = parts.0.iter().find(|(number, _)| *number == key >> 3);
        if let (Some((_, inner)), 2) = (inner, key & 7) {
            count(field, inner, left)?;
        }
        message = rest;
    }
    Ok(())
}

fn varint(message: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = message.split_first()?;
        *message = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::grpc::InferParameter;
    use super::super::grpc::model_infer_request::InferInputTensor;
    use super::*;

    #[test]
    fn messages_are_read_as_they_were_written() {
        let mut request = ModelInferRequest {
            model_name: "m".into(),
            raw_input_contents: vec![vec![0x2a; 1000].into()],
            ..ModelInferRequest::default()
        };
        request.inputs.push(InferInputTensor {
            shape: vec![-1, i64::MAX],
            parameters: [("p".to_owned(), InferParameter::default())].into(),
            ..InferInputTensor::default()
        });
        let written = Bytes::from(request.encode_to_vec());
        assert_eq!(read::<ModelInferRequest>(written.clone()).unwrap(), request);
        for end in 1..written.len() {
            let _ = read::<ModelInferRequest>(written.slice(..end));
        }
    }

    #[test]
    fn a_message_of_too_many_parts_is_refused() {
        let refused = |bytes: Vec<u8>| read::<ModelInferRequest>(bytes.into()).unwrap_err();
        let tensors = [0x2a, 0].repeat(MOST_FIELDS + 1);
        assert_eq!(refused(tensors), "the message has too many fields");
        // In one tensor: parameters.
        let parameters = [0x22, 0].repeat(MOST_FIELDS);
        let mut tensor = vec![0x2a];
        prost::encoding::encode_varint(parameters.len() as u64, &mut tensor);
        tensor.extend(parameters);
        assert_eq!(refused(tensor), "the message has too many fields");
        for damaged in [&[0x2a][..], &[0x2a, 5, 0], &[0x2b], &[0xff; 11]] {
            assert_eq!(refused(damaged.to_vec()), "the message is damaged");
        }
    }
}
