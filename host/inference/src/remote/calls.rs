//! The calls of one model: rows into requests, some of them at once, each tried again where that helps.

use std::time::{Duration, Instant};

use arrow::array::{Array, ArrayRef};
use arrow::compute::concat;
use backon::{ExponentialBuilder, Retryable};
use futures::future::BoxFuture;
use futures::{StreamExt, TryStreamExt, stream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout, timeout_at};

use super::breaker::CircuitBreaker;
use super::failure::Failure;
use super::options::RemoteOptions;
use crate::open_inference::grpc::ModelInferRequest;
use crate::{InferenceError, Requests};

/// How rows become a request of a server, and its answer columns.
pub(super) trait Protocol: Send + Sync {
    /// Makes the request; the error is a sentence that names row and column.
    fn request(&self, columns: &[ArrayRef], rows: usize) -> Result<Message, String>;

    /// Sends a request of so many rows, and reads the answer: a column for each output.
    fn send(&self, message: Message, rows: usize) -> BoxFuture<'_, Result<Vec<ArrayRef>, Failure>>;
}

/// A request that is made. To clone it copies no values.
#[derive(Clone)]
pub(super) enum Message {
    Grpc(ModelInferRequest),
    Http {
        body: bytes::Bytes,
        /// The bytes of it that are JSON, where tensors lie behind.
        header: Option<usize>,
    },
}

/// One model of a server.
pub(super) struct Calls {
    model: String,
    options: RemoteOptions,
    protocol: Box<dyn Protocol>,
    breaker: CircuitBreaker,
    /// What is left of `max-concurrent-operations`, for all callers.
    operations: Semaphore,
}

impl Calls {
    pub fn new(model: &str, options: RemoteOptions, protocol: Box<dyn Protocol>) -> Self {
        Self {
            model: model.to_owned(),
            breaker: CircuitBreaker::new(options.breaker_failures, options.breaker_open_time),
            operations: Semaphore::new(options.max_operations.min(Semaphore::MAX_PERMITS)),
            protocol,
            options,
        }
    }

    /// The server's address, as the job says it.
    pub fn server(&self) -> &str {
        &self.options.endpoint.shown
    }

    pub fn requests(&self) -> Requests {
        Requests {
            rows: self.options.max_rows,
            at_once: self.options.max_operations,
        }
    }

    /// Predicts for all rows; the answers are in their order.
    pub async fn predict(
        &self,
        columns: &[ArrayRef],
        rows: usize,
        deadline: Option<Instant>,
    ) -> Result<Vec<ArrayRef>, InferenceError> {
        let all = self.predict_all(columns, rows);
        match deadline {
            None => all.await,
            Some(deadline) => timeout_at(deadline.into(), all)
                .await
                .unwrap_or_else(|_| Err(InferenceError::deadline(&self.model))),
        }
    }

    async fn predict_all(
        &self,
        columns: &[ArrayRef],
        rows: usize,
    ) -> Result<Vec<ArrayRef>, InferenceError> {
        let starts = (0..rows).step_by(self.options.max_rows);
        let answers: Vec<Vec<ArrayRef>> = stream::iter(starts)
            .map(|start| {
                let count = self.options.max_rows.min(rows - start);
                self.predict_some(columns, start, count)
            })
            .buffered(self.options.max_operations)
            .try_collect()
            .await?;
        if let [_] = answers.as_slice() {
            return Ok(answers.into_iter().flatten().collect());
        }
        let outputs = answers.first().map_or(0, Vec::len);
        (0..outputs)
            .map(|output| {
                let parts: Vec<&dyn Array> = answers
                    .iter()
                    .map(|answer| answer[output].as_ref())
                    .collect();
                concat(&parts).map_err(|error| InferenceError::Runtime {
                    model: self.model.clone(),
                    message: format!("the answers do not fit together: {error}"),
                })
            })
            .collect()
    }

    /// One request. Its columns are made into one only when it is its turn.
    async fn predict_some(
        &self,
        columns: &[ArrayRef],
        start: usize,
        count: usize,
    ) -> Result<Vec<ArrayRef>, InferenceError> {
        let _turn = self.operations.acquire().await;
        let permit = self.breaker.enter().map_err(|left| self.left_alone(left))?;
        let columns: Vec<ArrayRef> = columns
            .iter()
            .map(|column| column.slice(start, count))
            .collect();
        let message = self
            .protocol
            .request(&columns, count)
            .map_err(|message| match start {
                0 => message,
                _ => format!("{message} (rows are counted from row {start} on)"),
            })
            .map_err(|message| InferenceError::data(&self.model, message))?;
        let answer = self.send(message, count).await;
        match &answer {
            Err(failure) if failure.is_of_health() => permit.failed(),
            _ => permit.succeeded(),
        }
        answer.map_err(|failure| failure.into_error(&self.model, self.server()))
    }

    async fn send(&self, message: Message, rows: usize) -> Result<Vec<ArrayRef>, Failure> {
        let retries = ExponentialBuilder::default()
            .with_min_delay(self.options.retry_delay)
            .with_max_delay(self.options.retry_max_delay)
            .with_max_times(self.options.max_attempts - 1)
            .with_jitter();
        let attempt = || async {
            timeout(
                self.options.timeout,
                self.protocol.send(message.clone(), rows),
            )
            .await
            .unwrap_or_else(|_| Err(Failure::late(self.options.timeout)))
        };
        let answer = attempt
            .retry(retries)
            .sleep(sleep)
            .when(Failure::is_passing)
            .await;
        answer.map_err(|mut failure| {
            if failure.is_passing() && self.options.max_attempts > 1 {
                failure.message += &format!(" ({} attempts)", self.options.max_attempts);
            }
            failure
        })
    }

    /// The circuit breaker is open.
    fn left_alone(&self, left: Duration) -> InferenceError {
        InferenceError::Environment {
            message: format!(
                "model '{}': the server {} has failed {} times in a row, and is left alone for \
                 another {:.1} s",
                self.model,
                self.server(),
                self.options.breaker_failures,
                left.as_secs_f64()
            ),
            hint: Some(
                "'circuit-breaker.failures' and 'circuit-breaker.open-time' say when and for how \
                 long"
                    .into(),
            ),
        }
    }
}
