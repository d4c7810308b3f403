//! Why a request gets no predictions, as REST and gRPC say it.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;
use tonic::{Code, Status};
use wasmill_inference::InferenceError;

/// An answer that says no.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Refusal {
    kind: Kind,
    message: String,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    /// The request is wrong.
    Invalid,
    /// There is no such model, or no such version of it.
    Unknown,
    /// It has had its time.
    Late,
    /// There are as many requests as the server takes; or it ends.
    Busy,
    /// The model failed.
    Failed,
}

impl Refusal {
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(Kind::Invalid, message)
    }

    pub fn unknown(message: impl Into<String>) -> Self {
        Self::new(Kind::Unknown, message)
    }

    pub fn busy(message: impl Into<String>) -> Self {
        Self::new(Kind::Busy, message)
    }

    pub fn failed(message: impl Into<String>) -> Self {
        Self::new(Kind::Failed, message)
    }

    pub fn late() -> Self {
        Self::new(Kind::Late, "the request has had its time")
    }

    fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
        }
    }
}

impl From<InferenceError> for Refusal {
    fn from(error: InferenceError) -> Self {
        let kind = match &error {
            InferenceError::Data { .. } => Kind::Invalid,
            InferenceError::Limit { .. } => Kind::Late,
            InferenceError::Environment { .. } => Kind::Busy,
            _ => Kind::Failed,
        };
        Self::new(kind, error.to_string())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = match self.kind {
            Kind::Invalid => StatusCode::BAD_REQUEST,
            Kind::Unknown => StatusCode::NOT_FOUND,
            Kind::Late => StatusCode::GATEWAY_TIMEOUT,
            Kind::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Kind::Failed => StatusCode::INTERNAL_SERVER_ERROR,
        };
        (status, Json(json!({ "error": self.message }))).into_response()
    }
}

impl From<Refusal> for Status {
    fn from(refusal: Refusal) -> Self {
        let code = match refusal.kind {
            Kind::Invalid => Code::InvalidArgument,
            Kind::Unknown => Code::NotFound,
            Kind::Late => Code::DeadlineExceeded,
            Kind::Busy => Code::Unavailable,
            Kind::Failed => Code::Internal,
        };
        Status::new(code, refusal.message)
    }
}
