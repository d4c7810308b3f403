//! The Open Inference Protocol over REST.

use reqwest::Url;

use super::calls::Message;
use super::failure::{Failure, Kind};
use super::http::HttpClient;
use super::options::RemoteOptions;
use crate::open_inference::Tensor;
use crate::open_inference::rest::{
    self, BINARY_TENSORS, ModelMetadata, Parameters, ServerMetadata, TensorBody,
};

pub(super) struct RestClient {
    http: HttpClient,
    model: Url,
    infer: Url,
    /// The server takes and gives tensors as bytes.
    binary: bool,
}

impl RestClient {
    /// Asks whether the model is ready, and for its tensors.
    pub async fn connect(
        http: HttpClient,
        options: &RemoteOptions,
    ) -> Result<(Self, ModelMetadata), Failure> {
        let mut path = vec!["v2", "models", &options.model];
        if !options.model_version.is_empty() {
            path.extend(["versions", &options.model_version]);
        }
        let at = |more: &[&str]| options.endpoint.join(&[&path, more].concat());
        let server: ServerMetadata = http.get(options.endpoint.join(&["v2"])).await?.json()?;
        http.get(at(&["ready"])).await.map_err(not_ready)?;
        let client = Self {
            binary: server.extensions.iter().any(|name| name == BINARY_TENSORS),
            model: at(&[]),
            infer: at(&["infer"]),
            http,
        };
        let metadata = client.http.get(client.model.clone()).await?.json()?;
        Ok((client, metadata))
    }

    pub fn request(&self, tensors: &[Tensor], outputs: &[&str]) -> Result<Message, String> {
        let mut tail = Vec::new();
        let inputs = tensors
            .iter()
            .map(|tensor| {
                if !self.binary {
                    rest::refuse_infinite(tensor)?;
                }
                rest::describe(tensor, self.binary, &mut tail)
            })
            .collect::<Result<_, String>>()
            .map_err(|message| format!("{message}; grpc:// sends it as bytes"))?;
        let wish = |name: &&str| TensorBody {
            name: (*name).to_owned(),
            parameters: self.binary.then_some(Parameters {
                binary_data: Some(true),
                ..Parameters::default()
            }),
            ..TensorBody::default()
        };
        let message = rest::Message {
            id: Some(super::open_inference::next_id()),
            parameters: (self.binary && outputs.is_empty()).then_some(Parameters {
                binary_data_output: Some(true),
                ..Parameters::default()
            }),
            inputs: Some(inputs),
            outputs: (!outputs.is_empty()).then(|| outputs.iter().map(wish).collect()),
            ..rest::Message::default()
        };
        let (body, header) = rest::encode(&message, &tail)?;
        Ok(Message::Http { body, header })
    }

    pub async fn infer(
        &self,
        body: bytes::Bytes,
        header: Option<usize>,
    ) -> Result<Vec<Tensor>, Failure> {
        let answer = self.http.post(self.infer.clone(), body, header).await?;
        let (message, tail) =
            rest::decode(&answer.body, answer.header).map_err(Failure::unreadable)?;
        rest::take(message.outputs.unwrap_or_default(), tail).map_err(Failure::unreadable)
    }
}

/// Servers say that a model is not there, or is not ready, by 400 or 404.
fn not_ready(failure: Failure) -> Failure {
    match failure.kind {
        Kind::Refused | Kind::Missing => Failure::new(
            Kind::Missing,
            format!("has no such model that is ready: it {}", failure.message),
        ),
        _ => failure,
    }
}
