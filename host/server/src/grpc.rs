//! The protocol over gRPC.

use std::sync::Arc;
use std::time::Instant;

use tonic::{Request, Response, Status};
use wasmill_inference::open_inference::grpc::model_metadata_response::TensorMetadata;
use wasmill_inference::open_inference::grpc::{
    ModelInferRequest, ModelInferResponse, ModelMetadataRequest, ModelMetadataResponse,
    ModelReadyRequest, ModelReadyResponse, ServerLiveRequest, ServerLiveResponse,
    ServerMetadataRequest, ServerMetadataResponse, ServerReadyRequest, ServerReadyResponse,
};
use wasmill_inference::open_inference::rest;

use crate::admission::Deadline;
use crate::refusal::Refusal;
use crate::rest::server_metadata;
use crate::served::{Asked, Models};
use crate::service::grpc_inference_service_server::GrpcInferenceService;

pub(crate) struct Service(pub Arc<Models>);

#[tonic::async_trait]
impl GrpcInferenceService for Service {
    async fn server_live(
        &self,
        _: Request<ServerLiveRequest>,
    ) -> Result<Response<ServerLiveResponse>, Status> {
        Ok(Response::new(ServerLiveResponse { live: true }))
    }

    async fn server_ready(
        &self,
        _: Request<ServerReadyRequest>,
    ) -> Result<Response<ServerReadyResponse>, Status> {
        let ready = self.0.is_ready();
        Ok(Response::new(ServerReadyResponse { ready }))
    }

    async fn model_ready(
        &self,
        request: Request<ModelReadyRequest>,
    ) -> Result<Response<ModelReadyResponse>, Status> {
        let asked = request.get_ref();
        self.0.find(&asked.name, &asked.version)?;
        let ready = self.0.is_ready();
        Ok(Response::new(ModelReadyResponse { ready }))
    }

    async fn server_metadata(
        &self,
        _: Request<ServerMetadataRequest>,
    ) -> Result<Response<ServerMetadataResponse>, Status> {
        let metadata = server_metadata();
        Ok(Response::new(ServerMetadataResponse {
            name: metadata.name,
            version: metadata.version,
            extensions: metadata.extensions,
        }))
    }

    async fn model_metadata(
        &self,
        request: Request<ModelMetadataRequest>,
    ) -> Result<Response<ModelMetadataResponse>, Status> {
        let asked = request.get_ref();
        let metadata = self.0.find(&asked.name, &asked.version)?.metadata();
        let tensors = |tensors: Vec<rest::TensorMetadata>| {
            let tensors = tensors.into_iter();
            let tensor = |tensor: rest::TensorMetadata| TensorMetadata {
                name: tensor.name,
                datatype: tensor.datatype,
                shape: tensor.shape,
            };
            tensors.map(tensor).collect()
        };
        Ok(Response::new(ModelMetadataResponse {
            name: metadata.name,
            versions: metadata.versions,
            platform: metadata.platform,
            inputs: tensors(metadata.inputs),
            outputs: tensors(metadata.outputs),
        }))
    }

    async fn model_infer(
        &self,
        request: Request<ModelInferRequest>,
    ) -> Result<Response<ModelInferResponse>, Status> {
        let deadline = request.extensions().get::<Deadline>();
        let deadline = deadline.map_or_else(Instant::now, |deadline| deadline.0);
        let mut asked = request.into_inner();
        let model = self.0.find(&asked.model_name, &asked.model_version)?;
        let outputs = std::mem::take(&mut asked.outputs);
        let wanted = outputs.into_iter().map(|output| output.name).collect();
        let id = std::mem::take(&mut asked.id);
        let version = std::mem::take(&mut asked.model_version);
        let tensors = asked.take().map_err(Refusal::invalid)?;
        let asked = Asked {
            version,
            tensors,
            wanted,
        };
        let predicted = self.0.predict(model, asked, deadline).await?;
        let mut answer = ModelInferResponse {
            model_name: model.name.clone(),
            model_version: predicted.version,
            id,
            ..ModelInferResponse::default()
        };
        answer.put(&predicted.tensors);
        Ok(Response::new(answer))
    }
}
