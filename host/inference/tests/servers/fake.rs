//! A server of the Open Inference Protocol over REST that answers what a test says.

#![allow(dead_code, reason = "each test uses a part of it")]

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::{get, post};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

/// What it answers to a request for predictions: a status, headers and a body, after a while.
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
    pub delay: Duration,
    /// Dropped when that is over.
    pub held: Option<Box<dyn Send>>,
}

impl Answer {
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: body.into(),
            delay: Duration::ZERO,
            held: None,
        }
    }
}

pub type Script = dyn Fn(&HeaderMap, &Bytes) -> Answer + Send + Sync;

/// It serves until it is dropped.
pub struct Fake {
    pub port: u16,
    _runtime: Runtime,
}

impl Fake {
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Has the model `model`, of which `metadata` is said.
    pub fn start(metadata: &'static str, script: Arc<Script>) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let infer = move |headers: HeaderMap, body: Bytes| {
            let script = Arc::clone(&script);
            async move {
                let answer = script(&headers, &body);
                drop(body);
                tokio::time::sleep(answer.delay).await;
                drop(answer.held);
                let mut response = Response::builder().status(answer.status);
                for (name, value) in answer.headers {
                    response = response.header(name, value);
                }
                response.body(axum::body::Body::from(answer.body)).unwrap()
            }
        };
        let server = r#"{"name": "fake", "version": "1", "extensions": ["binary_tensor_data"]}"#;
        let router = Router::new()
            .route("/v2", get(move || async move { server }))
            .route("/v2/models/model", get(move || async move { metadata }))
            .route("/v2/models/model/ready", get(|| async { StatusCode::OK }))
            .route("/v2/models/model/infer", post(infer))
            .layer(axum::extract::DefaultBodyLimit::disable());
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let port = listener.local_addr().unwrap().port();
        runtime.spawn(async move { axum::serve(listener, router).await });
        Self {
            port,
            _runtime: runtime,
        }
    }
}
