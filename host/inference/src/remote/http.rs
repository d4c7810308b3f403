//! HTTP as far as the protocols over it have it in common: one request, and an answer of a bounded size.

use std::fmt;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, RequestBuilder, StatusCode, Url};
use serde::Deserialize;

use super::failure::{Failure, Kind, root_cause, shown};
use super::options::RemoteOptions;
use crate::open_inference::rest::HEADER_LENGTH;
use crate::{InferenceError, ModelDefinition};

/// Bytes of an answer that says no.
const MOST_OF_ERROR: usize = 16 << 10;

pub(super) struct HttpClient {
    client: Client,
    authorization: Option<HeaderValue>,
    /// Bytes of an answer.
    most: usize,
}

/// The body of an answer.
pub(super) struct Answer {
    pub body: Bytes,
    /// The bytes of it that are JSON, where the server says so.
    pub header: Option<usize>,
}

impl HttpClient {
    pub fn new(
        definition: &ModelDefinition,
        options: &RemoteOptions,
    ) -> Result<Self, InferenceError> {
        let wrong = |message: String| InferenceError::definition(&definition.name, message);
        let mut client = Client::builder()
            .connect_timeout(options.timeout.min(Duration::from_secs(10)))
            .redirect(Policy::none())
            .tcp_nodelay(true);
        if let Some(ca) = &options.ca {
            let certificates = Certificate::from_pem_bundle(ca)
                .map_err(|error| wrong(format!("the option 'tls.ca': {}", root_cause(&error))))?;
            client = client.tls_built_in_root_certs(false);
            for certificate in certificates {
                client = client.add_root_certificate(certificate);
            }
        }
        let client = client
            .build()
            .map_err(|error| wrong(format!("cannot speak HTTP: {}", root_cause(&error))))?;
        let authorization = options.token.as_ref().map(|token| {
            let mut header = HeaderValue::from_str(&token.bearer());
            if let Ok(header) = &mut header {
                header.set_sensitive(true);
            }
            header
        });
        Ok(Self {
            client,
            authorization: authorization
                .transpose()
                .map_err(|error| wrong(format!("the option 'token': {error}")))?,
            most: options.memory,
        })
    }

    pub async fn get(&self, url: Url) -> Result<Answer, Failure> {
        self.send(self.client.get(url)).await
    }

    /// Posts a body, of which the first `header` bytes are JSON and the rest tensors.
    pub async fn post(
        &self,
        url: Url,
        body: Bytes,
        header: Option<usize>,
    ) -> Result<Answer, Failure> {
        let request = self.client.post(url);
        let request = match header {
            None => request.header(CONTENT_TYPE, "application/json"),
            Some(header) => request
                .header(CONTENT_TYPE, "application/octet-stream")
                .header(HEADER_LENGTH, header),
        };
        self.send(request.body(body)).await
    }

    async fn send(&self, mut request: RequestBuilder) -> Result<Answer, Failure> {
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization.clone());
        }
        let mut response = request.send().await.map_err(|error| broken(&error))?;
        let status = response.status();
        if !status.is_success() {
            let body = read(&mut response, MOST_OF_ERROR).await;
            return Err(refusal(status, &body.unwrap_or_default()));
        }
        let header = match response.headers().get(HEADER_LENGTH) {
            None => None,
            Some(value) => Some(
                value
                    .to_str()
                    .ok()
                    .and_then(|text| text.parse().ok())
                    .ok_or_else(|| {
                        Failure::unreadable(format!("its header {HEADER_LENGTH} is no number"))
                    })?,
            ),
        };
        let body = read(&mut response, self.most).await?;
        Ok(Answer { body, header })
    }
}

impl Answer {
    /// The JSON of the whole body.
    pub fn json<'a, T: Deserialize<'a>>(&'a self) -> Result<T, Failure> {
        serde_json::from_slice(&self.body)
            .map_err(|error| Failure::unreadable(format!("its JSON cannot be read: {error}")))
    }
}

/// Reads a body of at most so many bytes.
async fn read(response: &mut reqwest::Response, most: usize) -> Result<Bytes, Failure> {
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| broken(&error))? {
        if body.len() + chunk.len() > most {
            return Err(too_long(most));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

pub(super) fn too_long(most: usize) -> Failure {
    Failure::unreadable(format!(
        "it is longer than the model's memory.limit of {} MiB",
        most.div_ceil(1 << 20)
    ))
}

fn broken(error: &reqwest::Error) -> Failure {
    if error.is_builder() || error.is_redirect() {
        let cause = root_cause(error);
        return Failure::new(Kind::Refused, format!("cannot be asked: {cause}"));
    }
    let action = match error.is_connect() {
        true => "cannot be reached",
        false => "broke the connection off",
    };
    Failure::of_connection(action, error)
}

/// What servers say in JSON: `error`, and BentoML what is wrong with which parameter.
#[derive(Deserialize)]
struct Said {
    error: String,
    #[serde(default)]
    detail: Vec<Wrong>,
}

#[derive(Deserialize)]
struct Wrong {
    loc: Vec<serde_json::Value>,
    msg: String,
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.error)?;
        for Wrong { loc, msg } in self.detail.iter().take(3) {
            let place: Vec<_> = loc.iter().map(ToString::to_string).collect();
            write!(f, "; at {}: {msg}", place.join(", "))?;
        }
        Ok(())
    }
}

fn refusal(status: StatusCode, body: &[u8]) -> Failure {
    let text = match serde_json::from_slice::<Said>(body) {
        Ok(said) => said.to_string(),
        Err(_) => String::from_utf8_lossy(body).into_owned(),
    };
    let text = shown(&text);
    let kind = match status {
        StatusCode::TOO_MANY_REQUESTS
        | StatusCode::BAD_GATEWAY
        | StatusCode::SERVICE_UNAVAILABLE
        | StatusCode::GATEWAY_TIMEOUT => Kind::Away,
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Kind::Forbidden,
        StatusCode::NOT_FOUND => Kind::Missing,
        _ => Kind::Refused,
    };
    let separator = if text.is_empty() { "" } else { ": " };
    Failure::new(
        kind,
        format!("answered {}{separator}{text}", status.as_u16()),
    )
}
