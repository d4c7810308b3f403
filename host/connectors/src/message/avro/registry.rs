//! A schema registry that speaks Confluent's protocol.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use reqwest::{Client, RequestBuilder, StatusCode};
use serde::Deserialize;
use serde_json::json;
use url::Url;

use crate::ConnectorError;
use crate::options::Options;
use crate::registry::ConnectorOption;

pub(super) const OPTIONS: &[ConnectorOption] = &[
    ConnectorOption::new("avro-confluent.url", None, "where the schema registry is"),
    ConnectorOption::new(
        "avro-confluent.subject",
        None,
        "what the registry calls a sink's schema; <topic>-value or <topic>-key by default",
    ),
    ConnectorOption::new(
        "avro-confluent.schema",
        None,
        "the schema that a sink writes, as JSON; without it the one that Flink derives from the columns",
    ),
    ConnectorOption::new(
        "avro-confluent.auto.register.schemas",
        Some("true"),
        "registers a sink's schema; with false it must be there",
    ),
    ConnectorOption::new(
        "avro-confluent.basic-auth.credentials-source",
        None,
        "USER_INFO: basic authentication with avro-confluent.basic-auth.user-info",
    ),
    ConnectorOption::new("avro-confluent.basic-auth.user-info", None, "user:password"),
    ConnectorOption::new(
        "avro-confluent.bearer-auth.credentials-source",
        None,
        "STATIC_TOKEN: authentication with avro-confluent.bearer-auth.token",
    ),
    ConnectorOption::new("avro-confluent.bearer-auth.token", None, "a token"),
];

const ATTEMPTS: u32 = 5;
/// Before the second attempt; each later one waits twice as long.
const PAUSE: Duration = Duration::from_millis(200);
const TIMEOUT: Duration = Duration::from_secs(30);
const CONTENT_TYPE: &str = "application/vnd.schemaregistry.v1+json";

/// One table's way to its registry, shared by its partitions.
#[derive(Debug)]
pub(super) struct Registry {
    client: Client,
    url: Url,
    authentication: Authentication,
    subject: Option<String>,
    registers: bool,
    table: String,
    schemas: Mutex<HashMap<u32, Arc<str>>>,
}

enum Authentication {
    None,
    Basic { user: String, password: String },
    Bearer(String),
}

/// Never shows a secret.
impl std::fmt::Debug for Authentication {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::None => "None",
            Self::Basic { .. } => "Basic",
            Self::Bearer(_) => "Bearer",
        })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Stored {
    schema: String,
    schema_type: Option<String>,
    references: Option<Vec<serde_json::Value>>,
}

#[derive(Deserialize)]
struct Registered {
    id: u32,
}

#[derive(Deserialize)]
struct Refusal {
    message: String,
}

impl Registry {
    pub(super) fn new(
        options: &Options<'_>,
        subject: Option<String>,
    ) -> Result<Self, ConnectorError> {
        const URL: &str = "avro-confluent.url";
        let text = options.required(URL, "http://localhost:8081")?;
        let mut url = Url::parse(text)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https"))
            .ok_or_else(|| options.invalid(URL, "a URL such as 'http://localhost:8081'"))?;
        if !url.username().is_empty() || url.password().is_some() {
            let key = options.spelled("avro-confluent.basic-auth.user-info");
            let but = format!("holds a password: give it with '{key}'");
            return Err(options.unsupported(URL, &but));
        }
        let path = url.path().trim_end_matches('/').to_owned();
        url.set_path(&path);
        let client = Client::builder().timeout(TIMEOUT).build();
        Ok(Self {
            client: client.map_err(|error| ConnectorError::unexpected("an HTTP client", error))?,
            url,
            authentication: Authentication::parse(options)?,
            subject: match options.text("avro-confluent.subject") {
                Some(given) => Some(given.to_owned()),
                None => subject,
            },
            registers: options.flag("avro-confluent.auto.register.schemas", true)?,
            table: options.table().to_owned(),
            schemas: Mutex::default(),
        })
    }

    pub(super) fn shown(&self) -> String {
        format!("the schema registry {}", self.url)
    }

    /// The text of a schema.
    pub(super) async fn schema(&self, id: u32) -> Result<Arc<str>, ConnectorError> {
        if let Some(known) = self.schemas.lock().get(&id) {
            return Ok(known.clone());
        }
        let id_text = id.to_string();
        let url = self.place(&["schemas", "ids", &id_text]);
        let (status, text) = self.ask(|| self.client.get(url.clone())).await?;
        if status == StatusCode::NOT_FOUND {
            let shown = self.shown();
            return Err(ConnectorError::data(format!("{shown} has no schema {id}"))
                .with_hint("was the message written with another registry?".to_owned()));
        }
        let stored: Stored = self.answer(status, &text)?;
        if let Some(kind) = stored.schema_type.filter(|kind| kind != "AVRO") {
            let shown = self.shown();
            return Err(ConnectorError::data(format!(
                "schema {id} of {shown} is of type {kind}, not AVRO"
            )));
        }
        if stored
            .references
            .is_some_and(|references| !references.is_empty())
        {
            let shown = self.shown();
            return Err(ConnectorError::data(format!(
                "schema {id} of {shown} refers to other schemas, which is not supported"
            )));
        }
        let schema = Arc::from(stored.schema);
        self.schemas.lock().insert(id, Arc::clone(&schema));
        Ok(schema)
    }

    /// The id of a schema under the table's subject; registers it if it may.
    pub(super) async fn register(&self, schema: &str) -> Result<u32, ConnectorError> {
        let Some(subject) = &self.subject else {
            return Err(ConnectorError::job(format!(
                "table {}: option 'avro-confluent.subject' is missing",
                self.table
            )));
        };
        let url = match self.registers {
            true => self.place(&["subjects", subject, "versions"]),
            false => self.place(&["subjects", subject]),
        };
        let body = json!({"schema": schema}).to_string();
        let request = || {
            let request = self.client.post(url.clone()).body(body.clone());
            request.header("Content-Type", CONTENT_TYPE)
        };
        let (status, text) = self.ask(request).await?;
        if matches!(
            status,
            StatusCode::CONFLICT | StatusCode::UNPROCESSABLE_ENTITY
        ) || (status == StatusCode::NOT_FOUND && !self.registers)
        {
            let reason = message(&text);
            return Err(ConnectorError::job(format!(
                "table {}: {} refuses its schema under the subject {subject}: {reason}",
                self.table,
                self.shown()
            ))
            .with_hint(format!("the schema is {schema}")));
        }
        let registered: Registered = self.answer(status, &text)?;
        Ok(registered.id)
    }

    fn place(&self, segments: &[&str]) -> Url {
        let mut url = self.url.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        url
    }

    /// Asks until there is an answer that will not change by asking again.
    async fn ask(
        &self,
        request: impl Fn() -> RequestBuilder,
    ) -> Result<(StatusCode, String), ConnectorError> {
        let mut pause = PAUSE;
        for attempt in 1.. {
            let request = match &self.authentication {
                Authentication::None => request(),
                Authentication::Basic { user, password } => {
                    request().basic_auth(user, Some(password))
                }
                Authentication::Bearer(token) => request().bearer_auth(token),
            };
            let answer = async {
                let response = request.send().await?;
                Ok((response.status(), response.text().await?))
            };
            let answer: Result<_, reqwest::Error> = answer.await;
            let passes = match &answer {
                Ok((status, _)) => status.is_server_error(),
                Err(_) => true,
            };
            if !passes || attempt == ATTEMPTS {
                return answer.map_err(|error| self.unreachable(&error));
            }
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
        Err(ConnectorError::bug("no attempt was made"))
    }

    fn unreachable(&self, error: &reqwest::Error) -> ConnectorError {
        // The innermost error is the one that says something.
        let mut cause: &dyn std::error::Error = error;
        while let Some(inner) = cause.source() {
            cause = inner;
        }
        let reason = cause.to_string();
        let reason = reason.split(" (os error").next().unwrap_or_default();
        ConnectorError::environment(format!("cannot reach {}: {reason}", self.shown()))
            .with_hint("is 'avro-confluent.url' right, and does the registry run?".to_owned())
    }

    fn answer<'a, T: Deserialize<'a>>(
        &self,
        status: StatusCode,
        text: &'a str,
    ) -> Result<T, ConnectorError> {
        let shown = self.shown();
        match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(ConnectorError::environment(
                format!("{shown} lets nobody in like this: {status}"),
            )
            .with_hint(
                "check the options avro-confluent.basic-auth and avro-confluent.bearer-auth"
                    .to_owned(),
            )),
            status if !status.is_success() => {
                let reason = message(text);
                Err(ConnectorError::environment(format!(
                    "{shown} answers {status}: {reason}"
                )))
            }
            _ => serde_json::from_str(text).map_err(|error| {
                ConnectorError::environment(format!(
                    "{shown} answers what no registry does: {error}"
                ))
                .with_hint("is 'avro-confluent.url' right?".to_owned())
            }),
        }
    }
}

/// What a registry says in a refusal.
fn message(text: &str) -> String {
    match serde_json::from_str::<Refusal>(text) {
        Ok(refusal) => refusal.message,
        Err(_) => crate::format::excerpt(text.as_bytes()),
    }
}

impl Authentication {
    fn parse(options: &Options<'_>) -> Result<Self, ConnectorError> {
        const BASIC: &str = "avro-confluent.basic-auth.credentials-source";
        const USER: &str = "avro-confluent.basic-auth.user-info";
        const BEARER: &str = "avro-confluent.bearer-auth.credentials-source";
        const TOKEN: &str = "avro-confluent.bearer-auth.token";
        if options.choice(BASIC, &["USER_INFO"])?.is_some() {
            let info = options.required(USER, "user:password")?;
            let Some((user, password)) = info.split_once(':') else {
                // The value is a secret.
                return Err(
                    options.unsupported(USER, "must be a user and a password: 'user:password'")
                );
            };
            let (user, password) = (user.to_owned(), password.to_owned());
            return Ok(Self::Basic { user, password });
        }
        if options.choice(BEARER, &["STATIC_TOKEN"])?.is_some() {
            return Ok(Self::Bearer(options.required(TOKEN, "…")?.to_owned()));
        }
        Ok(Self::None)
    }
}
