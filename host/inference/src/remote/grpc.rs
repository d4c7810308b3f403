//! The Open Inference Protocol over gRPC.

use std::error::Error;
use std::time::Duration;

use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};
use tonic::{Code, Request, Status};

use super::calls::Message;
use super::failure::{Failure, Kind, root_cause, shown};
use super::http::too_long;
use super::open_inference::next_id;
use super::options::RemoteOptions;
use crate::open_inference::Tensor;
use crate::open_inference::grpc::grpc_inference_service_client::GrpcInferenceServiceClient;
use crate::open_inference::grpc::model_infer_request::InferRequestedOutputTensor;
use crate::open_inference::grpc::{
    ModelInferRequest, ModelMetadataRequest, ModelMetadataResponse, ModelReadyRequest,
    ServerReadyRequest,
};
use crate::open_inference::rest::{ModelMetadata, TensorMetadata};
use crate::{InferenceError, ModelDefinition};

pub(super) struct GrpcClient {
    client: GrpcInferenceServiceClient<Channel>,
    model: String,
    version: String,
    authorization: Option<MetadataValue<Ascii>>,
    /// Bytes of an answer.
    most: usize,
}

impl GrpcClient {
    /// A client that connects at its first call. Must be made on the runtime.
    pub fn new(
        definition: &ModelDefinition,
        options: &RemoteOptions,
    ) -> Result<Self, InferenceError> {
        let wrong = |message: String| InferenceError::definition(&definition.name, message);
        let endpoint = Endpoint::from_shared(options.endpoint.url.to_string())
            .map_err(|error| wrong(format!("the option 'endpoint': {}", root_cause(&error))))?;
        let mut endpoint = endpoint
            .connect_timeout(options.timeout.min(Duration::from_secs(10)))
            .http2_adaptive_window(true);
        if options.endpoint.url.scheme() == "https" {
            let tls = match &options.ca {
                Some(ca) => ClientTlsConfig::new().ca_certificate(Certificate::from_pem(ca)),
                None => ClientTlsConfig::new().with_native_roots(),
            };
            endpoint = endpoint
                .tls_config(tls)
                .map_err(|error| wrong(format!("the option 'tls.ca': {}", root_cause(&error))))?;
        }
        let authorization = options.token.as_ref().map(|token| {
            let mut value = MetadataValue::try_from(token.bearer());
            if let Ok(value) = &mut value {
                value.set_sensitive(true);
            }
            value
        });
        Ok(Self {
            client: GrpcInferenceServiceClient::new(endpoint.connect_lazy())
                .max_decoding_message_size(options.memory)
                .max_encoding_message_size(usize::MAX),
            model: options.model.clone(),
            version: options.model_version.clone(),
            authorization: authorization
                .transpose()
                .map_err(|error| wrong(format!("the option 'token': {error}")))?,
            most: options.memory,
        })
    }

    /// Asks whether the model is ready, and for its tensors.
    pub async fn metadata(&self) -> Result<ModelMetadata, Failure> {
        // A call clones the client, which is a handle.
        let mut client = self.client.clone();
        let server = client.server_ready(self.authorized(ServerReadyRequest {}));
        if !server.await.map_err(|s| self.failure(s))?.get_ref().ready {
            return Err(Failure::new(Kind::Away, "says that it is not ready"));
        }
        let ready = client.model_ready(self.authorized(ModelReadyRequest {
            name: self.model.clone(),
            version: self.version.clone(),
        }));
        if !ready.await.map_err(|s| self.failure(s))?.get_ref().ready {
            return Err(Failure::new(
                Kind::Missing,
                "has no such model that is ready",
            ));
        }
        let metadata = client.model_metadata(self.authorized(ModelMetadataRequest {
            name: self.model.clone(),
            version: self.version.clone(),
        }));
        let metadata = metadata.await.map_err(|s| self.failure(s))?.into_inner();
        Ok(of_rest(metadata))
    }

    pub fn request(&self, tensors: &[Tensor], outputs: &[&str]) -> Message {
        let mut request = ModelInferRequest {
            model_name: self.model.clone(),
            model_version: self.version.clone(),
            id: next_id(),
            ..ModelInferRequest::default()
        };
        request.put(tensors);
        let wish = |name: &&str| InferRequestedOutputTensor {
            name: (*name).to_owned(),
            ..InferRequestedOutputTensor::default()
        };
        request.outputs = outputs.iter().map(wish).collect();
        Message::Grpc(request)
    }

    pub async fn infer(&self, request: ModelInferRequest) -> Result<Vec<Tensor>, Failure> {
        let mut client = self.client.clone();
        let answer = client.model_infer(self.authorized(request)).await;
        let answer = answer.map_err(|status| self.failure(status))?;
        answer.into_inner().take().map_err(Failure::unreadable)
    }

    fn authorized<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        if let Some(authorization) = &self.authorization {
            request
                .metadata_mut()
                .insert("authorization", authorization.clone());
        }
        request
    }

    fn failure(&self, status: Status) -> Failure {
        // What the server itself says has no cause.
        if let Some(cause) = status.source() {
            return Failure::of_connection("cannot be reached", cause);
        }
        let text = shown(status.message());
        let kind = match status.code() {
            Code::Unavailable | Code::ResourceExhausted => Kind::Away,
            Code::DeadlineExceeded => Kind::Late,
            Code::NotFound => Kind::Missing,
            Code::Unauthenticated | Code::PermissionDenied => Kind::Forbidden,
            // So says the client itself; a server that is told too much names another limit.
            Code::OutOfRange if text.contains(&format!("limit is: {} bytes", self.most)) => {
                return too_long(self.most);
            }
            _ => Kind::Refused,
        };
        Failure::new(kind, format!("answered {:?}: {text}", status.code()))
    }
}

fn of_rest(metadata: ModelMetadataResponse) -> ModelMetadata {
    use crate::open_inference::grpc::model_metadata_response::TensorMetadata as Tensor;
    let tensors = |tensors: Vec<Tensor>| {
        let tensors = tensors.into_iter();
        let tensor = |tensor: Tensor| TensorMetadata {
            name: tensor.name,
            datatype: tensor.datatype,
            shape: tensor.shape,
        };
        tensors.map(tensor).collect()
    };
    ModelMetadata {
        name: metadata.name,
        versions: metadata.versions,
        platform: metadata.platform,
        inputs: tensors(metadata.inputs),
        outputs: tensors(metadata.outputs),
    }
}
