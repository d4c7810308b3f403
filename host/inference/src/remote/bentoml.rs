//! The provider `bentoml`: a method of a BentoML service, called with JSON.
//!
//! A method takes its parameters by name: each a list of a value a row, or one parameter a list of rows.
//! It gives a list of a value a row, an object of such lists, or a list of rows.

use std::collections::BTreeMap;

use arrow::array::ArrayRef;
use arrow::datatypes::{DataType, Field};
use futures::future::BoxFuture;
use reqwest::Url;
use serde::Deserialize;
use tokio::time::timeout;

use super::Connected;
use super::calls::{Message, Protocol};
use super::failure::Failure;
use super::http::HttpClient;
use super::json_columns::{read_answer, write_request};
use super::open_inference::NO_VERSION;
use super::options::RemoteOptions;
use super::runtime;
use crate::array::list_item;
use crate::definition::{show_columns, type_name};
use crate::open_inference::value_type;
use crate::{InferenceError, ModelDefinition};

/// `GET schema.json`: what the service says of its methods.
#[derive(Debug, Deserialize)]
struct Schema {
    #[serde(default)]
    routes: Vec<Method>,
}

#[derive(Debug, Deserialize)]
struct Method {
    name: String,
    route: String,
    #[serde(default)]
    input: Parameters,
}

#[derive(Debug, Default, Deserialize)]
struct Parameters {
    #[serde(default)]
    properties: BTreeMap<String, Parameter>,
    #[serde(default)]
    required: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
struct Parameter {
    /// `array`, `tensor`, `number`, …
    #[serde(default, rename = "type")]
    kind: Option<String>,
    #[serde(default)]
    items: Option<Box<Parameter>>,
}

/// How the columns become parameters.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Form {
    /// Each its own, by its name.
    Named,
    /// One parameter of this name: a list of rows.
    Rows(String),
}

struct BentoMl {
    http: HttpClient,
    url: Url,
    form: Form,
    inputs: Vec<Field>,
    outputs: Vec<Field>,
}

/// Asks the service whether it is ready, and holds the declared columns against the method's parameters.
pub(super) fn connect(
    definition: &ModelDefinition,
    options: &RemoteOptions,
) -> Result<Connected, InferenceError> {
    let http = HttpClient::new(definition, options)?;
    let asked = runtime::block_on(async {
        let asked = async {
            http.get(options.endpoint.join(&["readyz"])).await?;
            http.get(options.endpoint.join(&["schema.json"]))
                .await?
                .json::<Schema>()
        };
        timeout(options.timeout, asked)
            .await
            .unwrap_or_else(|_| Err(Failure::late(options.timeout)))
    })?;
    let schema = asked
        .map_err(|failure| failure.into_load_error(&definition.name, &options.endpoint.shown))?;
    let wrong = |message: String| InferenceError::definition(&definition.name, message);
    let method = schema
        .routes
        .iter()
        .find(|method| method.name == options.method)
        .ok_or_else(|| {
            let names: Vec<_> = schema
                .routes
                .iter()
                .map(|method| method.name.as_str())
                .collect();
            wrong(format!("the service has no method '{}'", options.method))
                .with_hint(format!("its methods are {}", shown_names(&names)))
        })?;
    let form = method.form(&definition.inputs).map_err(|message| {
        wrong(message).with_hint(format!(
            "the method is {}({}); declared is ({})",
            options.method,
            method.input.shown(),
            show_columns(&definition.inputs)
        ))
    })?;
    let path: Vec<&str> = method
        .route
        .split('/')
        .filter(|part| !part.is_empty())
        .collect();
    Ok(Connected {
        version: NO_VERSION.to_owned(),
        protocol: Box::new(BentoMl {
            url: options.endpoint.join(&path),
            http,
            form,
            inputs: definition.inputs.clone(),
            outputs: definition.outputs.clone(),
        }),
    })
}

impl Method {
    /// The error is a sentence.
    fn form(&self, fields: &[Field]) -> Result<Form, String> {
        let parameters = &self.input.properties;
        if fields
            .iter()
            .all(|field| parameters.contains_key(field.name()))
        {
            let declared = |name: &String| fields.iter().any(|field| field.name() == name);
            if let Some(missing) = self.input.required.iter().find(|name| !declared(name)) {
                return Err(format!(
                    "the method wants a parameter that is no input: {}",
                    shown_names(&[missing.as_str()])
                ));
            }
            for field in fields {
                let items = parameters
                    .get(field.name())
                    .and_then(|parameter| parameter.items.as_ref());
                if let Some(kind) = items.and_then(|items| items.kind.as_deref())
                    && !takes(kind, field)
                {
                    return Err(format!(
                        "the column '{}' is {}, but the parameter is a list of {}",
                        field.name(),
                        type_name(field.data_type()),
                        shown_names(&[kind])
                    ));
                }
            }
            return Ok(Form::Named);
        }
        let wanted: Vec<&String> = match self.input.required.is_empty() {
            true => parameters.keys().collect(),
            false => self.input.required.iter().collect(),
        };
        match wanted.as_slice() {
            [only]
                if fields
                    .iter()
                    .all(|field| list_item(field.data_type()).is_none()) =>
            {
                Ok(Form::Rows((*only).clone()))
            }
            _ => Err("the inputs are not the method's parameters".into()),
        }
    }
}

impl Parameters {
    fn shown(&self) -> String {
        let names: Vec<_> = self.properties.keys().map(String::as_str).collect();
        shown_names(&names)
    }
}

/// Whether a column's values can be items of a JSON type; of types that are not plain everything.
fn takes(kind: &str, field: &Field) -> bool {
    let is_list = list_item(field.data_type()).is_some();
    let values = value_type(field);
    match kind {
        "number" => !is_list && values.is_numeric(),
        "integer" => !is_list && values.is_integer(),
        "boolean" => !is_list && *values == DataType::Boolean,
        "string" => !is_list && values.is_string(),
        "array" => is_list,
        _ => true,
    }
}

/// Names of the server's, as a message shows them.
fn shown_names(names: &[&str]) -> String {
    super::failure::shown(&names.join(", "))
}

impl Protocol for BentoMl {
    fn request(&self, columns: &[ArrayRef], rows: usize) -> Result<Message, String> {
        Ok(Message::Http {
            body: write_request(&self.form, &self.inputs, columns, rows)?.into(),
            header: None,
        })
    }

    fn send(&self, message: Message, rows: usize) -> BoxFuture<'_, Result<Vec<ArrayRef>, Failure>> {
        Box::pin(async move {
            let Message::Http { body, .. } = message else {
                return Err(Failure::unreadable("the request was made for another one"));
            };
            let answer = self.http.post(self.url.clone(), body, None).await?;
            read_answer(&answer.body, &self.outputs, rows).map_err(Failure::unreadable)
        })
    }
}
