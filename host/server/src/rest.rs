//! The protocol over REST, with the extension for binary tensors.

use std::sync::Arc;

use axum::extract::{Extension, Path, State};
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use bytes::Bytes;
use serde::Deserialize;
use wasmill_inference::open_inference::rest::{
    self, BINARY_TENSORS, HEADER_LENGTH, Message, ModelMetadata, ServerMetadata,
};

use crate::admission::Deadline;
use crate::refusal::Refusal;
use crate::served::{Asked, Models, PLATFORM};

/// What a path says of the model.
#[derive(Deserialize)]
struct Addressed {
    model: String,
    #[serde(default)]
    version: String,
}

pub(crate) fn server_metadata() -> ServerMetadata {
    ServerMetadata {
        name: PLATFORM.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        extensions: vec![BINARY_TENSORS.to_owned()],
    }
}

pub(crate) fn routes(models: Arc<Models>) -> Router {
    let mut router = Router::new()
        .route("/v2", get(|| async { Json(server_metadata()) }))
        .route("/v2/", get(|| async { Json(server_metadata()) }))
        .route("/v2/health/live", get(|| async { StatusCode::OK }))
        .route("/v2/health/ready", get(ready));
    for model in [
        "/v2/models/{model}",
        "/v2/models/{model}/versions/{version}",
    ] {
        router = router
            .route(model, get(metadata))
            .route(&format!("{model}/ready"), get(model_ready))
            .route(&format!("{model}/infer"), post(infer));
    }
    router.with_state(models)
}

fn status(ready: bool) -> StatusCode {
    match ready {
        true => StatusCode::OK,
        false => StatusCode::SERVICE_UNAVAILABLE,
    }
}

async fn ready(State(models): State<Arc<Models>>) -> StatusCode {
    status(models.is_ready())
}

async fn model_ready(
    State(models): State<Arc<Models>>,
    Path(asked): Path<Addressed>,
) -> Result<StatusCode, Refusal> {
    models.find(&asked.model, &asked.version)?;
    Ok(status(models.is_ready()))
}

async fn metadata(
    State(models): State<Arc<Models>>,
    Path(asked): Path<Addressed>,
) -> Result<Json<ModelMetadata>, Refusal> {
    let model = models.find(&asked.model, &asked.version)?;
    Ok(Json(model.metadata()))
}

async fn infer(
    State(models): State<Arc<Models>>,
    Path(asked): Path<Addressed>,
    Extension(Deadline(deadline)): Extension<Deadline>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refusal> {
    let model = models.find(&asked.model, &asked.version)?;
    if headers.contains_key(CONTENT_ENCODING) {
        return Err(Refusal::invalid("a compressed body is not read"));
    }
    let invalid = |message| Refusal::invalid(format!("the request cannot be read: {message}"));
    let header = headers.get(HEADER_LENGTH).map(|value| {
        let number = value.to_str().ok().and_then(|text| text.parse().ok());
        number.ok_or_else(|| invalid(format!("its header {HEADER_LENGTH} is no number")))
    });
    let (message, tail) = rest::decode(&body, header.transpose()?).map_err(invalid)?;
    let tensors = rest::take(message.inputs.unwrap_or_default(), tail).map_err(invalid)?;
    let outputs = message.outputs.unwrap_or_default();
    let wanted = outputs.iter().map(|output| output.name.clone()).collect();
    let asked = Asked {
        version: asked.version,
        tensors,
        wanted,
    };
    let predicted = models.predict(model, asked, deadline).await?;

    let all_binary = message
        .parameters
        .and_then(|parameters| parameters.binary_data_output)
        .unwrap_or(false);
    let mut tail = Vec::new();
    let described = predicted.tensors.iter().map(|tensor| {
        let asked = outputs.iter().find(|output| output.name == tensor.name);
        let binary = asked.and_then(|output| output.parameters?.binary_data);
        rest::describe(tensor, binary.unwrap_or(all_binary), &mut tail)
    });
    let answer = Message {
        model_name: Some(model.name.clone()),
        model_version: Some(predicted.version),
        id: message.id,
        outputs: Some(
            described
                .collect::<Result<_, _>>()
                .map_err(Refusal::failed)?,
        ),
        ..Message::default()
    };
    let (body, header) = rest::encode(&answer, &tail).map_err(Refusal::failed)?;
    Ok(match header {
        None => ([(CONTENT_TYPE, "application/json")], body).into_response(),
        Some(header) => (
            [
                (CONTENT_TYPE.as_str(), "application/octet-stream"),
                (HEADER_LENGTH, &header.to_string()),
            ],
            body,
        )
            .into_response(),
    })
}
