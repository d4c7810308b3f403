//! Requests to one registry, about one plugin.
//!
//! **Invariants.** Nothing that a registry says is believed: bodies are cut where they are longer than
//! they may be, and a request that it sends elsewhere (redirects, places of uploads, token services) goes
//! by HTTPS or to the registry's own host. The user's password goes to the registry and to the token
//! service that it names; a token goes to the registry alone.

use std::error::Error as _;
use std::future::Future;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue, LOCATION};
use reqwest::redirect::Policy;
use reqwest::{Client, Method, Response, StatusCode};
use serde::Deserialize;
use url::Url;
use wasmill_plugin::escape;

use crate::artifact::WORDS_BYTES;
use crate::credentials::Credentials;
use crate::error::RegistryError;
use crate::reference::Reference;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Without a byte from the registry.
const SILENCE: Duration = Duration::from_secs(15);
/// For an upload, during which a registry is silent.
const UPLOAD: Duration = Duration::from_secs(600);
const REDIRECTS: usize = 5;
/// Of a refusal's explanation.
const REFUSAL_BYTES: u64 = 16 << 10;

pub(crate) struct Connection {
    client: Client,
    /// `https://host/v2/name/`
    base: Url,
    pub(crate) registry: String,
    /// The plugin's name there.
    pub(crate) name: String,
    pub(crate) writes: bool,
    pub(crate) credentials: Option<Credentials>,
    /// What the registry wanted to see, and now gets with each request.
    authorization: Mutex<Option<HeaderValue>>,
}

/// What is asked of a registry.
pub(crate) struct Request {
    method: Method,
    url: Url,
    headers: HeaderMap,
    body: Bytes,
}

impl Request {
    pub fn new(method: Method, url: Url) -> Self {
        Self {
            method,
            url,
            headers: HeaderMap::new(),
            body: Bytes::new(),
        }
    }

    pub fn header(mut self, name: HeaderName, value: &'static str) -> Self {
        self.headers.insert(name, HeaderValue::from_static(value));
        self
    }

    pub fn body(self, body: Bytes) -> Self {
        Self { body, ..self }
    }
}

impl Connection {
    /// For reading or writing a plugin. `plain`: by HTTP without TLS.
    pub fn new(
        reference: &Reference,
        plain: bool,
        writes: bool,
        credentials: Option<Credentials>,
    ) -> Result<Self, RegistryError> {
        let wrong = |error: String| RegistryError::Client(error);
        let builder = Client::builder()
            .user_agent(concat!("wasmill/", env!("CARGO_PKG_VERSION")))
            .redirect(Policy::none())
            .referer(false)
            .http1_only()
            .connect_timeout(CONNECT_TIMEOUT);
        // What is not encrypted goes where it was sent, and through nobody.
        let builder = if plain { builder.no_proxy() } else { builder };
        let client = builder.build().map_err(|error| wrong(reason(&error)))?;
        let (host, name) = reference.endpoint();
        let scheme = if plain { "http" } else { "https" };
        let base = Url::parse(&format!("{scheme}://{host}/v2/{name}/"));
        Ok(Self {
            client,
            base: base.map_err(|error| wrong(error.to_string()))?,
            registry: reference.registry(),
            name,
            writes,
            credentials,
            authorization: Mutex::new(None),
        })
    }

    /// `blobs/sha256:…` of this plugin.
    pub fn place(&self, path: &str) -> Result<Url, RegistryError> {
        let url = self.base.join(path);
        url.map_err(|error| RegistryError::Client(error.to_string()))
    }

    /// Asks, shows who asks where the registry wants to know it, and follows where it points to.
    pub async fn send(&self, request: Request) -> Result<Response, RegistryError> {
        let mut url = request.url;
        let mut redirects = 0;
        let mut authorized = false;
        loop {
            let own = url.origin() == self.base.origin();
            let mut headers = request.headers.clone();
            let authorization = self.authorization.lock().clone();
            if let Some(authorization) = authorization.filter(|_| own) {
                headers.insert(AUTHORIZATION, authorization);
            }
            let builder = self.client.request(request.method.clone(), url.clone());
            let builder = builder.headers(headers).body(request.body.clone());
            let patience = match request.body.is_empty() {
                true => SILENCE,
                false => UPLOAD,
            };
            let response = self.within(patience, builder.send()).await?;
            let response = response.map_err(|error| self.broken(&error))?;
            let moved = matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308);
            if response.status() == StatusCode::UNAUTHORIZED && own && !authorized {
                authorized = true;
                *self.authorization.lock() = Some(self.authorize(&response).await?);
            } else if moved && matches!(request.method, Method::GET | Method::HEAD) {
                redirects += 1;
                if redirects > REDIRECTS {
                    return Err(self.answer("sends from place to place without end"));
                }
                url = self.location(&response, &url)?;
            } else {
                return Ok(response);
            }
        }
    }

    /// Where the registry points to with a `Location`.
    pub fn location(&self, response: &Response, from: &Url) -> Result<Url, RegistryError> {
        let location = response.headers().get(LOCATION);
        let location = location.and_then(|value| value.to_str().ok());
        let url = location.and_then(|text| from.join(text).ok());
        let url = url.ok_or_else(|| self.answer("points to no place"))?;
        self.check_place(&url, "sends to")?;
        Ok(url)
    }

    /// A registry may send us to HTTPS, and if it does not speak it itself, to its own host; and nowhere
    /// with a password of its choice.
    pub fn check_place(&self, url: &Url, does: &str) -> Result<(), RegistryError> {
        let own = url.scheme() == self.base.scheme() && url.host() == self.base.host();
        let objection = match url.scheme() == "https" || own {
            false => "which is neither HTTPS nor its own host",
            true if !url.username().is_empty() || url.password().is_some() => "as another user",
            true => return Ok(()),
        };
        Err(self.answer(&format!("{does} {}, {objection}", shown(url))))
    }

    /// A request with these headers alone, to a place that was checked.
    pub async fn ask(&self, url: Url, headers: HeaderMap) -> Result<Response, RegistryError> {
        let sent = self.client.get(url).headers(headers).send();
        let response = self.within(SILENCE, sent).await?;
        response.map_err(|error| self.broken(&error))
    }

    /// A body; `None`: it is longer than it may be.
    pub async fn read(
        &self,
        mut response: Response,
        most: u64,
    ) -> Result<Option<Vec<u8>>, RegistryError> {
        if response
            .content_length()
            .is_some_and(|length| length > most)
        {
            return Ok(None);
        }
        let mut bytes = Vec::new();
        loop {
            let chunk = self.within(SILENCE, response.chunk()).await?;
            let Some(chunk) = chunk.map_err(|error| self.broken(&error))? else {
                return Ok(Some(bytes));
            };
            if (bytes.len() + chunk.len()) as u64 > most {
                return Ok(None);
            }
            bytes.extend_from_slice(&chunk);
        }
    }

    /// Why the registry does not do what it was asked for; `what` is what was asked about.
    pub async fn refusal(&self, response: Response, what: &str) -> RegistryError {
        let status = response.status();
        let says = self.says(response).await;
        match status {
            StatusCode::NOT_FOUND => RegistryError::Missing {
                registry: self.registry.clone(),
                what: what.to_owned(),
                says,
            },
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => self.denied(says),
            status => RegistryError::Answer {
                registry: self.registry.clone(),
                reason: format!("answers {status}"),
                says,
            },
        }
    }

    pub fn denied(&self, says: Option<String>) -> RegistryError {
        let credentials = self.credentials.as_ref();
        RegistryError::Denied {
            registry: self.registry.clone(),
            name: self.name.clone(),
            writes: self.writes,
            credentials: credentials.map(|credentials| credentials.path.clone()),
            says,
        }
    }

    /// The registry does not speak as it should.
    pub fn answer(&self, reason: &str) -> RegistryError {
        RegistryError::Answer {
            registry: self.registry.clone(),
            reason: escape(reason, WORDS_BYTES),
            says: None,
        }
    }

    /// What it writes about a refusal.
    async fn says(&self, response: Response) -> Option<String> {
        #[derive(Deserialize)]
        struct Refusal {
            errors: Vec<Reason>,
        }
        #[derive(Deserialize)]
        struct Reason {
            code: String,
            message: Option<String>,
        }
        let body = self.read(response, REFUSAL_BYTES).await.ok()??;
        let refusal: Refusal = serde_json::from_slice(&body).ok()?;
        let first = refusal.errors.into_iter().next()?;
        let text = match first.message {
            Some(message) => format!("{}: {message}", first.code),
            None => first.code,
        };
        Some(escape(&text, WORDS_BYTES))
    }

    async fn within<T>(
        &self,
        patience: Duration,
        future: impl Future<Output = T>,
    ) -> Result<T, RegistryError> {
        let ended = tokio::time::timeout(patience, future).await;
        ended.map_err(|_| RegistryError::Silent {
            registry: self.registry.clone(),
            seconds: patience.as_secs(),
        })
    }

    fn broken(&self, error: &reqwest::Error) -> RegistryError {
        match error.is_connect() {
            true => RegistryError::Unreachable {
                registry: self.registry.clone(),
                reason: escape(&reason(error), WORDS_BYTES),
            },
            false => self.answer(&format!("breaks off: {}", reason(error))),
        }
    }
}

/// A URL without what may be secret in it.
pub(crate) fn shown(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{}://{host}:{port}", url.scheme()),
        None => format!("{}://{host}", url.scheme()),
    }
}

/// The innermost reason; the outer ones hold the whole URL.
fn reason(error: &reqwest::Error) -> String {
    let mut inner = error.source();
    let mut text = None;
    while let Some(error) = inner {
        text = Some(error.to_string());
        inner = error.source();
    }
    text.unwrap_or_else(|| "the HTTP client gives no reason".to_owned())
}
