//! Which requests for predictions come in: so many at once, each with a deadline. The rest is turned away
//! before its body is read.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::sync::Semaphore;
use tokio::time::timeout_at;
use tonic::Status;

use crate::refusal::Refusal;

/// The clients' word on how long they wait, in gRPC.
const GRPC_TIMEOUT: &str = "grpc-timeout";

pub(crate) struct Admission {
    requests: Arc<Semaphore>,
    timeout: Duration,
}

/// When a request has had its time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline(pub Instant);

impl Admission {
    pub fn new(requests: usize, timeout: Duration) -> Self {
        Self {
            requests: Arc::new(Semaphore::new(requests.clamp(1, Semaphore::MAX_PERMITS))),
            timeout,
        }
    }
}

/// Lets a request in, or not. Those that ask for no predictions cost nothing and always come in.
pub(crate) async fn admit(
    State(admission): State<Arc<Admission>>,
    mut request: Request,
    next: Next,
) -> Response {
    let path = request.uri().path();
    let grpc = path.ends_with("/ModelInfer");
    if !grpc && !path.ends_with("/infer") {
        return next.run(request).await;
    }
    let refuse = |refusal: Refusal| match grpc {
        true => Status::from(refusal).into_http(),
        false => refusal.into_response(),
    };
    let Ok(_place) = admission.requests.try_acquire() else {
        return refuse(Refusal::busy("there are too many requests at once"));
    };
    let mut timeout = admission.timeout;
    if let Some(asked) = grpc.then(|| grpc_timeout(request.headers())).flatten() {
        timeout = timeout.min(asked);
    }
    let deadline = Instant::now() + timeout;
    request.extensions_mut().insert(Deadline(deadline));
    match timeout_at(deadline.into(), next.run(request)).await {
        Ok(response) => response.map(axum::body::Body::new),
        Err(_) => refuse(Refusal::late()),
    }
}

/// At most eight digits and a unit: `100m` are 100 ms.
fn grpc_timeout(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(GRPC_TIMEOUT)?.to_str().ok()?;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let number: u64 = (digits.len() <= 8).then(|| digits.parse().ok()).flatten()?;
    Some(match unit {
        "H" => Duration::from_secs(number * 3600),
        "M" => Duration::from_secs(number * 60),
        "S" => Duration::from_secs(number),
        "m" => Duration::from_millis(number),
        "u" => Duration::from_micros(number),
        "n" => Duration::from_nanos(number),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_of_grpc_are_read() {
        let read = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(GRPC_TIMEOUT, text.parse().unwrap());
            grpc_timeout(&headers)
        };
        assert_eq!(read("2S"), Some(Duration::from_secs(2)));
        assert_eq!(
            read("99999999H"),
            Some(Duration::from_secs(99_999_999 * 3600))
        );
        assert_eq!(read("15m"), Some(Duration::from_millis(15)));
        for wrong in ["", "S", "1", "-1S", "123456789S", "1x", "1 S"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
