//! The provider `open-inference`: a model's tensors, and which columns they are made of.

use std::sync::atomic::{AtomicU64, Ordering};

use arrow::array::ArrayRef;
use arrow::datatypes::Field;
use futures::future::BoxFuture;
use tokio::time::timeout;

use super::Connected;
use super::calls::{Message, Protocol};
use super::failure::Failure;
use super::grpc::GrpcClient;
use super::http::HttpClient;
use super::options::{RemoteOptions, Transport};
use super::rest::RestClient;
use super::runtime;
use crate::definition::show_columns;
use crate::open_inference::rest::{ModelMetadata, TensorMetadata};
use crate::open_inference::{
    Binding, Tensor, TensorSignature, bind_inputs, bind_outputs, datatype, known, show_tensors,
    tensors_of,
};
use crate::{InferenceError, ModelDefinition};

/// The version of a model of which the server says none.
pub(super) const NO_VERSION: &str = "unversioned";

struct OpenInference {
    client: Client,
    columns: Columns,
}

enum Client {
    Grpc(GrpcClient),
    Rest(RestClient),
}

/// Which tensors the declared columns are.
struct Columns {
    inputs: Vec<Field>,
    outputs: Vec<Field>,
    input_bindings: Vec<Binding>,
    output_bindings: Vec<Binding>,
    /// The server says which tensors its model gives, so they are asked for by their names.
    outputs_known: bool,
    memory: usize,
}

/// Some servers fail on a request without one.
pub(super) fn next_id() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed).to_string()
}

/// Asks the server whether the model is ready, and holds the declared columns against its tensors.
pub(super) fn connect(
    definition: &ModelDefinition,
    options: &RemoteOptions,
) -> Result<Connected, InferenceError> {
    let (client, metadata) = runtime::block_on(async {
        let late = || Failure::late(options.timeout);
        let failed =
            |failure: Failure| failure.into_load_error(&definition.name, &options.endpoint.shown);
        match options.endpoint.transport {
            Transport::Grpc => {
                let client = GrpcClient::new(definition, options)?;
                let metadata = timeout(options.timeout, client.metadata()).await;
                let metadata = metadata.unwrap_or_else(|_| Err(late())).map_err(failed)?;
                Ok::<_, InferenceError>((Client::Grpc(client), metadata))
            }
            Transport::Rest => {
                let http = HttpClient::new(definition, options)?;
                let connected = timeout(options.timeout, RestClient::connect(http, options)).await;
                let connected = connected.unwrap_or_else(|_| Err(late())).map_err(failed)?;
                Ok((Client::Rest(connected.0), connected.1))
            }
        }
    })??;
    let version = match options.model_version.as_str() {
        "" => newest(&metadata.versions),
        version => version.to_owned(),
    };
    let columns = Columns::bind(definition, &metadata, options.memory)?;
    Ok(Connected {
        protocol: Box::new(OpenInference { client, columns }),
        version,
    })
}

/// Servers choose the highest number, unless they are told otherwise.
fn newest(versions: &[String]) -> String {
    let newest = versions
        .iter()
        .filter(|version| version.len() <= 100 && !version.chars().any(char::is_control))
        .max_by_key(|version| (version.parse::<u64>().ok(), version.as_str()));
    newest.map_or(NO_VERSION, String::as_str).to_owned()
}

impl Protocol for OpenInference {
    fn request(&self, columns: &[ArrayRef], rows: usize) -> Result<Message, String> {
        let tensors = self.columns.tensors(columns, rows)?;
        let outputs = self.columns.asked();
        match &self.client {
            Client::Grpc(client) => Ok(client.request(&tensors, &outputs)),
            Client::Rest(client) => client.request(&tensors, &outputs),
        }
    }

    fn send(&self, message: Message, rows: usize) -> BoxFuture<'_, Result<Vec<ArrayRef>, Failure>> {
        Box::pin(async move {
            let tensors = match (&self.client, message) {
                (Client::Grpc(client), Message::Grpc(request)) => client.infer(request).await?,
                (Client::Rest(client), Message::Http { body, header }) => {
                    client.infer(body, header).await?
                }
                _ => return Err(Failure::unreadable("the request was made for another one")),
            };
            self.columns
                .answer(&tensors, rows)
                .map_err(Failure::unreadable)
        })
    }
}

impl Columns {
    fn bind(
        definition: &ModelDefinition,
        metadata: &ModelMetadata,
        memory: usize,
    ) -> Result<Self, InferenceError> {
        let taken: Vec<_> = metadata.inputs.iter().map(signature).collect();
        let given: Vec<_> = metadata.outputs.iter().map(signature).collect();
        let bind = || {
            let inputs = match taken.is_empty() {
                true => tensors_of(&definition.inputs)?,
                false => {
                    let tensors: Vec<_> = taken.iter().cloned().collect::<Result<_, _>>()?;
                    bind_inputs(&tensors, &definition.inputs)?
                }
            };
            let outputs = match given.is_empty() {
                true => tensors_of(&definition.outputs)?,
                false => {
                    let names: Vec<_> = metadata.outputs.iter().map(|t| t.name.clone()).collect();
                    bind_outputs(&given, &names, &definition.outputs)?
                }
            };
            Ok((inputs, outputs))
        };
        let (input_bindings, output_bindings) = bind().map_err(|message: String| {
            InferenceError::definition(&definition.name, message).with_hint(format!(
                "the server's model is ({}) -> ({}); declared is ({}) -> ({})",
                show_tensors(&taken),
                show_tensors(&given),
                show_columns(&definition.inputs),
                show_columns(&definition.outputs)
            ))
        })?;
        Ok(Self {
            inputs: definition.inputs.clone(),
            outputs: definition.outputs.clone(),
            input_bindings,
            output_bindings,
            outputs_known: !given.is_empty(),
            memory,
        })
    }

    fn tensors(&self, columns: &[ArrayRef], rows: usize) -> Result<Vec<Tensor>, String> {
        self.input_bindings
            .iter()
            .map(|binding| Tensor::from_columns(binding, &self.inputs, columns, rows, self.memory))
            .collect()
    }

    /// The outputs that are asked for by their names; none: all.
    fn asked(&self) -> Vec<&str> {
        match self.outputs_known {
            true => self
                .output_bindings
                .iter()
                .map(|binding| binding.tensor.name.as_str())
                .collect(),
            false => Vec::new(),
        }
    }

    fn answer(&self, tensors: &[Tensor], rows: usize) -> Result<Vec<ArrayRef>, String> {
        let by_name = |name: &str| tensors.iter().find(|tensor| tensor.name == name);
        let all_named = self
            .output_bindings
            .iter()
            .all(|binding| by_name(&binding.tensor.name).is_some());
        self.output_bindings
            .iter()
            .zip(&self.outputs)
            .enumerate()
            .map(|(place, (binding, field))| {
                let name = &binding.tensor.name;
                let tensor = match all_named || self.outputs_known {
                    true => by_name(name),
                    false => tensors.get(place),
                };
                let tensor = tensor.ok_or_else(|| {
                    let names: Vec<_> = tensors.iter().take(20).map(|t| t.name.as_str()).collect();
                    format!("it has no tensor '{name}', but ({})", names.join(", "))
                })?;
                tensor.to_column(binding, field, rows)
            })
            .collect()
    }
}

/// Reads what a server says of a tensor; the error is a sentence.
fn signature(tensor: &TensorMetadata) -> Result<TensorSignature, String> {
    let element = known(&tensor.name, &tensor.datatype)?;
    if tensor.shape.len() > 16 {
        return Err(format!("'{}' has more than 16 dimensions", tensor.name));
    }
    Ok(TensorSignature {
        name: tensor.name.clone(),
        element,
        type_name: datatype(element),
        shape: tensor.shape.clone(),
    })
}
