//! WASI's bindings, and what several attackers do with them.

wit_bindgen::generate!({
    path: "wit",
    world: "wasi",
    generate_all,
});

pub use wasi::{cli, clocks, filesystem, http, io, random, sockets};

use http::outgoing_handler::handle;
use http::types::{
    ErrorCode, Fields, FutureIncomingResponse, IncomingResponse, Method, OutgoingBody,
    OutgoingRequest, Scheme,
};
use io::streams::{InputStream, StreamError};

/// A GET that is answered.
pub struct Answer {
    pub status: u16,
    pub location: Option<String>,
    response: IncomingResponse,
}

/// Sends `GET path` and waits for the head of the answer.
pub fn get(authority: &str, path: &str) -> Result<Answer, ErrorCode> {
    answer(&handle(request(authority, path), None)?)
}

/// Sends `POST path` with a body, which is written behind the head; finished or not.
pub fn post(authority: &str, path: &str, body: &str, finish: bool) -> Result<Answer, ErrorCode> {
    let request = request(authority, path);
    let _ = request.set_method(&Method::Post);
    let outgoing = request
        .body()
        .map_err(|()| ErrorCode::InternalError(None))?;
    let future = handle(request, None)?;
    if let Ok(stream) = outgoing.write() {
        let _ = stream.blocking_write_and_flush(body.as_bytes());
    }
    match finish {
        true => OutgoingBody::finish(outgoing, None)?,
        false => drop(outgoing),
    }
    answer(&future)
}

/// A GET, of an authority by HTTP, of `https://authority` by HTTPS.
pub fn request(authority: &str, path: &str) -> OutgoingRequest {
    let request = OutgoingRequest::new(Fields::new());
    let (scheme, authority) = match authority.strip_prefix("https://") {
        Some(authority) => (Scheme::Https, authority),
        None => (Scheme::Http, authority),
    };
    let _ = request.set_scheme(Some(&scheme));
    let _ = request.set_authority(Some(authority));
    let _ = request.set_path_with_query(Some(path));
    request
}

fn answer(future: &FutureIncomingResponse) -> Result<Answer, ErrorCode> {
    future.subscribe().block();
    let response = match future.get() {
        Some(Ok(answer)) => answer?,
        _ => return Err(ErrorCode::InternalError(None)),
    };
    let location = response.headers().get("location");
    let location = location.first().map(|value| lossy(value));
    Ok(Answer {
        status: response.status(),
        location,
        response,
    })
}

impl Answer {
    /// Reads the body to its end; gives its first bytes, and how many there are.
    pub fn read(&self) -> Result<(String, u64), String> {
        let body = self.response.consume().map_err(|()| "no body".to_owned())?;
        let stream = body.stream().map_err(|()| "no stream".to_owned())?;
        read(&stream)
    }
}

/// Reads a stream to its end; gives its first bytes, and how many there are.
pub fn read(stream: &InputStream) -> Result<(String, u64), String> {
    let (mut first, mut all) = (Vec::new(), 0);
    loop {
        match stream.blocking_read(1 << 20) {
            Ok(bytes) => {
                all += bytes.len() as u64;
                if first.len() < 100 {
                    first.extend(bytes.iter().take(100));
                }
            }
            Err(StreamError::Closed) => return Ok((lossy(&first), all)),
            Err(StreamError::LastOperationFailed(error)) => return Err(error.to_debug_string()),
        }
    }
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
