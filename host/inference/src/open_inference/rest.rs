//! The messages of the protocol over REST: JSON, behind which the tensors of the binary extension lie.

use std::fmt;

use bytes::{Bytes, BytesMut};
use serde::de::{Deserializer, Error, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::datatype::datatype;
use super::json;
use super::tensor::Tensor;

/// The header that says how many bytes of a body are JSON, where tensors lie behind it.
pub const HEADER_LENGTH: &str = "inference-header-content-length";

/// The extension of a server that takes and gives binary tensors.
pub const BINARY_TENSORS: &str = "binary_tensor_data";

/// Tensors of a message.
const MOST_TENSORS: usize = 1 << 14;

/// `GET v2`.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct ServerMetadata {
    pub name: String,
    #[serde(default)]
    pub version: String,
    #[serde(default)]
    pub extensions: Vec<String>,
}

/// `GET v2/models/MODEL`.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct ModelMetadata {
    pub name: String,
    #[serde(default, deserialize_with = "or_default")]
    pub versions: Vec<String>,
    #[serde(default)]
    pub platform: String,
    #[serde(default, deserialize_with = "or_default")]
    pub inputs: Vec<TensorMetadata>,
    #[serde(default, deserialize_with = "or_default")]
    pub outputs: Vec<TensorMetadata>,
}

/// A tensor that a model takes or gives; −1 in its shape is a free dimension.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TensorMetadata {
    pub name: String,
    pub datatype: String,
    pub shape: Vec<i64>,
}

/// The JSON of a request or of its answer, which have what the other leaves out as `None` or empty.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Message {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model_version: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameters: Option<Parameters>,
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "few"
    )]
    pub inputs: Option<Vec<TensorBody>>,
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "few"
    )]
    pub outputs: Option<Vec<TensorBody>>,
}

/// A tensor, or the wish for one: of an output that is asked for only name and parameters are said.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct TensorBody {
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shape: Option<Vec<i64>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub datatype: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameters: Option<Parameters>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<Box<RawValue>>,
}

/// The parameters that the binary extension has; others are skipped.
#[derive(Debug, Default, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Parameters {
    /// Bytes of this tensor behind the JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub binary_data_size: Option<u64>,
    /// Whether this output shall come as bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub binary_data: Option<bool>,
    /// Whether outputs shall come as bytes of which nothing else is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub binary_data_output: Option<bool>,
}

/// What is JSON's `null` is as if it were not there.
fn or_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// A list of tensors that is no longer than one that a model may have: each is larger than its JSON.
fn few<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<TensorBody>>, D::Error> {
    struct Few;

    impl<'de> Visitor<'de> for Few {
        type Value = Option<Vec<TensorBody>>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "a list of at most {MOST_TENSORS} tensors")
        }

        fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
            Ok(None)
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
            let mut tensors = Vec::new();
            while let Some(tensor) = items.next_element()? {
                if tensors.len() == MOST_TENSORS {
                    return Err(A::Error::invalid_length(MOST_TENSORS + 1, &self));
                }
                tensors.push(tensor);
            }
            Ok(Some(tensors))
        }
    }

    deserializer.deserialize_any(Few)
}

/// Describes a tensor; where `binary` its bytes are put behind `tail`, else a number that JSON cannot say
/// is NULL. The error is a sentence.
pub fn describe(
    tensor: &Tensor,
    binary: bool,
    tail: &mut Vec<Bytes>,
) -> Result<TensorBody, String> {
    let mut body = TensorBody {
        name: tensor.name.clone(),
        shape: Some(tensor.shape.clone()),
        datatype: Some(datatype(tensor.element).to_owned()),
        ..TensorBody::default()
    };
    if binary {
        let bytes = tensor.to_raw();
        body.parameters = Some(Parameters {
            binary_data_size: Some(bytes.len() as u64),
            ..Parameters::default()
        });
        tail.push(bytes);
    } else {
        body.data = Some(json::write(tensor)?);
    }
    Ok(body)
}

/// Refuses a tensor with a number that JSON cannot say: NaN and the infinite ones.
pub fn refuse_infinite(tensor: &Tensor) -> Result<(), String> {
    json::refuse_infinite(tensor)
}

/// A body, and how many bytes of it are JSON, where tensors lie behind.
pub fn encode(message: &Message, tail: &[Bytes]) -> Result<(Bytes, Option<usize>), String> {
    let json = serde_json::to_vec(message).map_err(|error| error.to_string())?;
    if tail.is_empty() {
        return Ok((json.into(), None));
    }
    let header = json.len();
    let mut body = BytesMut::with_capacity(header + tail.iter().map(Bytes::len).sum::<usize>());
    body.extend_from_slice(&json);
    for bytes in tail {
        body.extend_from_slice(bytes);
    }
    Ok((body.freeze(), Some(header)))
}

/// Reads the JSON of a body, and gives the bytes behind it; the error is a sentence.
pub fn decode(body: &Bytes, header: Option<usize>) -> Result<(Message, Bytes), String> {
    let header = header.unwrap_or(body.len());
    if header > body.len() {
        return Err(format!(
            "its JSON has {header} bytes, but there are {} in all",
            body.len()
        ));
    }
    let message = serde_json::from_slice(&body[..header])
        .map_err(|error| format!("its JSON cannot be read: {error}"))?;
    Ok((message, body.slice(header..)))
}

/// The tensors that a message describes, out of its JSON and what lies behind; the error is a sentence.
pub fn take(bodies: Vec<TensorBody>, mut tail: Bytes) -> Result<Vec<Tensor>, String> {
    let tensors = bodies
        .into_iter()
        .map(|body| {
            let name = &body.name;
            let lacks = |what: &str| format!("the tensor '{name}' has no {what}");
            let datatype = body.datatype.as_deref().ok_or_else(|| lacks("datatype"))?;
            let shape = body.shape.as_deref().ok_or_else(|| lacks("shape"))?;
            let size = body.parameters.and_then(|p| p.binary_data_size);
            match (size, body.data.as_deref()) {
                (None, Some(data)) => json::read(name, datatype, shape, data),
                (Some(size), None) => {
                    let size = usize::try_from(size).unwrap_or(usize::MAX);
                    if size > tail.len() {
                        return Err(format!(
                            "the tensor '{name}' has {size} bytes, but {} are left",
                            tail.len()
                        ));
                    }
                    Tensor::from_raw(name, datatype, shape, tail.split_to(size))
                }
                (Some(_), Some(_)) => Err(format!("the tensor '{name}' has its values twice")),
                (None, None) => Err(lacks("values")),
            }
        })
        .collect::<Result<Vec<_>, _>>()?;
    match tail.is_empty() {
        true => Ok(tensors),
        false => Err(format!(
            "{} bytes lie behind the last of its tensors",
            tail.len()
        )),
    }
}
