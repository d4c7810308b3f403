//! Listening, answering, and the end of it.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tonic::service::Routes;

use crate::admission::{Admission, admit};
use crate::grpc::Service;
use crate::rest;
use crate::served::{Models, ServedModel, ServerError};
use crate::service::grpc_inference_service_server::GrpcInferenceServiceServer;

/// What requests may cost.
#[derive(Debug, Clone)]
pub struct ServerLimits {
    /// Models at work at once; by default as many as there are cores.
    pub concurrency: usize,
    /// Requests for predictions at once, those that wait included; one more is turned away (503,
    /// UNAVAILABLE).
    pub requests: usize,
    /// Bytes of a request.
    pub body_bytes: usize,
    /// Time of a request, from its first byte to its answer; a client of gRPC may give it less.
    pub timeout: Duration,
}

impl Default for ServerLimits {
    fn default() -> Self {
        Self {
            concurrency: std::thread::available_parallelism().map_or(1, usize::from),
            requests: 64,
            body_bytes: 16 << 20,
            timeout: Duration::from_secs(30),
        }
    }
}

/// Answers for the models on an address until `stop` is there; then no request comes in any more, and
/// those that are at work are waited for, until their deadline. `listening` is told the address, of which
/// the port may be chosen by the system.
///
/// # Errors
/// When two models have one name, or the address cannot be listened on.
pub async fn serve(
    models: Vec<ServedModel>,
    address: SocketAddr,
    limits: ServerLimits,
    listening: impl FnOnce(SocketAddr),
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<(), ServerError> {
    let timeout = limits.timeout;
    let admission = Arc::new(Admission::new(limits.requests, timeout));
    let models = Arc::new(Models::new(models, limits)?);
    let service = GrpcInferenceServiceServer::new(Service(Arc::clone(&models)))
        .max_decoding_message_size(models.limits.body_bytes)
        .max_encoding_message_size(usize::MAX);
    let router = Routes::new(service)
        .prepare()
        .into_axum_router()
        .merge(rest::routes(Arc::clone(&models)))
        .layer(DefaultBodyLimit::max(models.limits.body_bytes))
        .layer(from_fn_with_state(admission, admit));

    let cannot = |reason| ServerError::Listen {
        address: address.to_string(),
        reason,
    };
    let listener = TcpListener::bind(address).await.map_err(cannot)?;
    listening(listener.local_addr().map_err(cannot)?);
    let stopped = Arc::new(Notify::new());
    let told = Arc::clone(&stopped);
    let serving = axum::serve(listener, router).with_graceful_shutdown(async move {
        stop.await;
        models.stop();
        told.notify_one();
    });
    tokio::select! {
        ended = serving.into_future() => ended.map_err(ServerError::Ended),
        // Who keeps a connection open and asks nothing is not waited for.
        () = async { stopped.notified().await; tokio::time::sleep(timeout).await } => Ok(()),
    }
}
