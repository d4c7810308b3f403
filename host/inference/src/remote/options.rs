//! The options of remote models.

use std::fmt;
use std::fs;
use std::time::Duration;

use url::Url;

use crate::{InferenceError, ModelDefinition};

const ENDPOINT: &str = "endpoint";
const MODEL: &str = "model";
const MODEL_VERSION: &str = "model-version";
const METHOD: &str = "method";
const TOKEN: &str = "token";
const TLS_CA: &str = "tls.ca";
const TIMEOUT: &str = "timeout";
const MAX_ATTEMPTS: &str = "max-attempts";
const RETRY_DELAY: &str = "retry-delay";
const RETRY_MAX_DELAY: &str = "retry-max-delay";
const BREAKER_FAILURES: &str = "circuit-breaker.failures";
const BREAKER_OPEN_TIME: &str = "circuit-breaker.open-time";
const MAX_ROWS: &str = "batch.max-rows";
const MAX_OPERATIONS: &str = "max-concurrent-operations";
const MEMORY_LIMIT: &str = "memory.limit";

pub(super) const OPEN_INFERENCE_OPTIONS: &[&str] = &[
    ENDPOINT,
    MODEL,
    MODEL_VERSION,
    TOKEN,
    TLS_CA,
    TIMEOUT,
    MAX_ATTEMPTS,
    RETRY_DELAY,
    RETRY_MAX_DELAY,
    BREAKER_FAILURES,
    BREAKER_OPEN_TIME,
    MAX_ROWS,
    MAX_OPERATIONS,
    MEMORY_LIMIT,
];

pub(super) const BENTOML_OPTIONS: &[&str] = &[
    ENDPOINT,
    METHOD,
    TOKEN,
    TLS_CA,
    TIMEOUT,
    MAX_ATTEMPTS,
    RETRY_DELAY,
    RETRY_MAX_DELAY,
    BREAKER_FAILURES,
    BREAKER_OPEN_TIME,
    MAX_ROWS,
    MAX_OPERATIONS,
    MEMORY_LIMIT,
];

/// What the options of a remote model say.
#[derive(Debug)]
pub(super) struct RemoteOptions {
    pub endpoint: Endpoint,
    /// The server's name for the model; the job's, where nothing is said.
    pub model: String,
    /// Empty: the server chooses.
    pub model_version: String,
    /// BentoML's method.
    pub method: String,
    pub token: Option<Token>,
    /// PEM of the authority that the server's certificate is checked against.
    pub ca: Option<Vec<u8>>,
    /// Time of one attempt.
    pub timeout: Duration,
    pub max_attempts: usize,
    pub retry_delay: Duration,
    pub retry_max_delay: Duration,
    pub breaker_failures: u32,
    pub breaker_open_time: Duration,
    pub max_rows: usize,
    pub max_operations: usize,
    /// Bytes of one request or of one answer.
    pub memory: usize,
}

/// Where a server is.
#[derive(Debug, Clone)]
pub(super) struct Endpoint {
    /// As the job says it.
    pub shown: String,
    /// With `http` or `https`, whatever is spoken over it.
    pub url: Url,
    pub transport: Transport,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Transport {
    Grpc,
    Rest,
}

/// A secret that goes along with every request.
pub(super) struct Token(String);

impl Token {
    /// The header `authorization`.
    pub fn bearer(&self) -> String {
        format!("Bearer {}", self.0)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

impl RemoteOptions {
    pub fn read(definition: &ModelDefinition, known: &[&str]) -> Result<Self, InferenceError> {
        definition.check_all_options(known)?;
        let endpoint = Endpoint::read(definition)?;
        if definition.provider == "bentoml" && endpoint.transport == Transport::Grpc {
            return Err(InferenceError::definition(
                &definition.name,
                "BentoML's methods are called over HTTP",
            )
            .with_hint("write 'endpoint' = 'http://host:port'"));
        }
        let text = |key: &str| definition.options.get(key).cloned();
        let at_least_one = |key: &str, default: usize| match definition.number(key, default)? {
            0 => Err(InferenceError::definition(
                &definition.name,
                format!("the option '{key}' must be at least 1"),
            )),
            number => Ok(number),
        };
        Ok(Self {
            model: text(MODEL).unwrap_or_else(|| definition.name.clone()),
            model_version: text(MODEL_VERSION).unwrap_or_default(),
            method: text(METHOD).unwrap_or_else(|| "predict".into()),
            token: token(definition)?,
            ca: certificate(definition, &endpoint)?,
            timeout: definition.duration(TIMEOUT, Duration::from_secs(30))?,
            max_attempts: at_least_one(MAX_ATTEMPTS, 8)?,
            retry_delay: definition.duration(RETRY_DELAY, Duration::from_millis(200))?,
            retry_max_delay: definition.duration(RETRY_MAX_DELAY, Duration::from_secs(10))?,
            breaker_failures: definition.number(BREAKER_FAILURES, 5)?,
            breaker_open_time: definition.duration(BREAKER_OPEN_TIME, Duration::from_secs(30))?,
            max_rows: at_least_one(MAX_ROWS, 1024)?,
            max_operations: at_least_one(MAX_OPERATIONS, 10)?,
            memory: definition.memory_size(MEMORY_LIMIT, 64 << 20)?,
            endpoint,
        })
    }
}

impl Endpoint {
    fn read(definition: &ModelDefinition) -> Result<Self, InferenceError> {
        let example = match definition.provider.as_str() {
            "bentoml" => "'endpoint' = 'http://host:3000'",
            _ => {
                "'endpoint' = 'grpc://host:8001' or 'http://host:8000', with TLS grpcs:// or https://"
            }
        };
        let wrong = |message: String| {
            InferenceError::definition(&definition.name, message)
                .with_hint(format!("write {example}"))
        };
        let text = definition
            .options
            .get(ENDPOINT)
            .ok_or_else(|| wrong(format!("the option '{ENDPOINT}' is missing")))?;
        // A URL may carry a password, so what cannot be read is not shown.
        let (scheme, rest) = text
            .split_once("://")
            .ok_or_else(|| wrong(format!("the option '{ENDPOINT}' is no URL")))?;
        let (transport, scheme) = match scheme {
            "grpc" => (Transport::Grpc, "http"),
            "grpcs" => (Transport::Grpc, "https"),
            "http" => (Transport::Rest, "http"),
            "https" => (Transport::Rest, "https"),
            _ => {
                return Err(wrong(format!(
                    "the option '{ENDPOINT}' has an unknown scheme"
                )));
            }
        };
        let url = Url::parse(&format!("{scheme}://{rest}"))
            .map_err(|error| wrong(format!("the option '{ENDPOINT}' is no URL: {error}")))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(InferenceError::definition(
                &definition.name,
                format!("the option '{ENDPOINT}' has a user or a password in it"),
            )
            .with_hint("servers are given a 'token' = '${env:NAME}'"));
        }
        let has_path = !matches!(url.path(), "" | "/");
        if url.query().is_some()
            || url.fragment().is_some()
            || (has_path && transport == Transport::Grpc)
        {
            return Err(wrong(format!(
                "the option '{ENDPOINT}' has more than a host and a port"
            )));
        }
        Ok(Self {
            shown: text.trim_end_matches('/').to_owned(),
            url,
            transport,
        })
    }

    /// The URL of something below.
    pub fn join(&self, segments: &[&str]) -> Url {
        let mut url = self.url.clone();
        // Of `http` and `https` every URL has a path.
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        url
    }
}

/// The token itself, or what the variable has that `${env:NAME}` names.
fn token(definition: &ModelDefinition) -> Result<Option<Token>, InferenceError> {
    let Some(text) = definition.options.get(TOKEN) else {
        return Ok(None);
    };
    let variable = text
        .strip_prefix("${env:")
        .and_then(|rest| rest.strip_suffix('}'));
    let (token, place) = match variable {
        None => (text.clone(), "the option 'token'".to_owned()),
        Some(name) => {
            let token = std::env::var(name).map_err(|_| InferenceError::Environment {
                message: format!(
                    "model '{}': the environment variable {name} is not set",
                    definition.name
                ),
                hint: Some(format!("the option '{TOKEN}' wants it")),
            })?;
            (token, format!("the environment variable {name}"))
        }
    };
    let token = token.trim();
    if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(InferenceError::definition(
            &definition.name,
            format!("{place} is no token: it must be printable ASCII without spaces"),
        ));
    }
    Ok(Some(Token(token.to_owned())))
}

fn certificate(
    definition: &ModelDefinition,
    endpoint: &Endpoint,
) -> Result<Option<Vec<u8>>, InferenceError> {
    let Some(path) = definition.options.get(TLS_CA) else {
        return Ok(None);
    };
    if endpoint.url.scheme() != "https" {
        return Err(InferenceError::definition(
            &definition.name,
            format!("the option '{TLS_CA}' is for servers with TLS"),
        )
        .with_hint("write the 'endpoint' with grpcs:// or https://"));
    }
    let path = definition.base.join(path);
    let wrong = match fs::read(&path) {
        Ok(bytes) if contains(&bytes, b"-----BEGIN CERTIFICATE-----") => return Ok(Some(bytes)),
        Ok(_) => "has no certificate in PEM".to_owned(),
        Err(error) => format!("cannot be read ({error})"),
    };
    Err(InferenceError::File {
        model: definition.name.clone(),
        path,
        line: None,
        message: format!("the file of '{TLS_CA}' {wrong}"),
        hint: None,
    })
}

fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}
