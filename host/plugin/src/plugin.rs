//! A loaded plugin, and what it checks before a function is opened.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::FieldRef;
use wasmtime::component::Component;

use crate::account::Account;
use crate::epoch::Epoch;
use crate::error::{PluginError, escape};
use crate::function::Function;
use crate::grants::{Grants, Log, Metrics, NoMetrics, TracingLog};
use crate::host::Host;
use crate::imports::{HTTP_HANDLER, WasiInterface};
use crate::inspect::{Contents, Inspected, REASON_BYTES};
use crate::instance::read_functions;
use crate::instantiator::Instantiator;
use crate::limits::Limits;
use crate::signature::{Arguments, Signature};
use crate::types;

/// A component that exports functions of one kind or of several, loaded and checked.
pub struct Plugin {
    pub(crate) host: Arc<Host>,
    pub(crate) compiled: Arc<Compiled>,
    name: String,
}

/// What plugins of the same bytes share.
pub(crate) struct Compiled {
    pub instantiator: Instantiator,
    functions: Vec<Signature>,
    imports: Vec<String>,
    contents: Contents,
    sha256: String,
}

impl Compiled {
    pub fn new(
        host: &Host,
        name: &str,
        sha256: &str,
        inspected: Inspected,
        component: &Component,
    ) -> Result<Self, PluginError> {
        let Inspected {
            imports,
            functions,
            contents,
            lines,
            exports: _,
        } = inspected;
        let instantiator =
            Instantiator::new(host.linker(), component, &functions, lines).map_err(|error| {
                PluginError::Mismatch {
                    plugin: name.to_owned(),
                    reason: escape(&format!("{error:#}"), REASON_BYTES),
                }
            })?;
        Ok(Self {
            functions: read_functions(host, &instantiator, name)?,
            instantiator,
            imports,
            contents,
            sha256: sha256.to_owned(),
        })
    }
}

/// With what a function is opened.
#[derive(Clone)]
pub struct OpenOptions {
    /// The name in `CREATE FUNCTION`, for messages.
    pub sql_name: String,
    /// As given in `WITH`, without the host's own keys (`grant.*`, `limit.*`, `on-error`).
    pub parameters: BTreeMap<String, String>,
    /// One a column that calls will pass. [`carried_type`](crate::carried_type) says which types
    /// can be passed.
    pub arguments: Vec<FieldRef>,
    pub grants: Grants,
    pub limits: Limits,
    /// What the function uses is counted in it: its job's. `None`: the host's own.
    pub account: Option<Arc<Account>>,
    /// Of its job.
    pub epoch: Epoch,
    pub log: Arc<dyn Log>,
    pub metrics: Arc<dyn Metrics>,
}

impl OpenOptions {
    /// No parameters, no grants, default limits, the log to `tracing`, no metrics.
    pub fn new(sql_name: impl Into<String>, arguments: Vec<FieldRef>) -> Self {
        Self {
            sql_name: sql_name.into(),
            parameters: BTreeMap::new(),
            arguments,
            grants: Grants::default(),
            limits: Limits::default(),
            account: None,
            epoch: Epoch::default(),
            log: Arc::new(TracingLog),
            metrics: Arc::new(NoMetrics),
        }
    }
}

impl Plugin {
    pub(crate) fn new(host: Arc<Host>, name: &str, compiled: Arc<Compiled>) -> Self {
        Self {
            host,
            compiled,
            name: name.to_owned(),
        }
    }

    /// What messages call it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it offers, as it says itself.
    pub fn functions(&self) -> &[Signature] {
        &self.compiled.functions
    }

    /// One of its functions.
    pub fn function(&self, name: &str) -> Result<&Signature, PluginError> {
        self.functions()
            .iter()
            .find(|signature| signature.name == name)
            .ok_or_else(|| PluginError::UnknownFunction {
                plugin: self.name.clone(),
                function: name.to_owned(),
                offered: self.functions().iter().map(|f| f.name.clone()).collect(),
            })
    }

    /// The interfaces that it imports, by their full names: its capabilities.
    pub fn imports(&self) -> &[String] {
        &self.compiled.imports
    }

    /// What it is made of, and what made it.
    pub fn contents(&self) -> &Contents {
        &self.compiled.contents
    }

    /// Of the component's bytes, in lower-case hexadecimal.
    pub fn sha256(&self) -> &str {
        &self.compiled.sha256
    }

    /// Opens a function, when a job is planned: checks parameters, arguments and grants, runs the
    /// guest's `open` once, and keeps that instance for the first call.
    pub fn open(
        self: &Arc<Self>,
        function: &str,
        options: OpenOptions,
    ) -> Result<Arc<Function>, PluginError> {
        let signature = self.function(function)?.clone();
        let label = format!("{} ({}#{function})", options.sql_name, self.name);
        self.host.check_limits(&label, &options.limits)?;
        self.check_grants(&label, &options.grants)?;
        let parameters = bind_parameters(&label, &signature, &options.parameters)?;
        check_arguments(&label, &signature, &options.arguments)?;
        Function::open(self.clone(), signature, label, parameters, options).map(Arc::new)
    }

    /// Refuses a function that cannot do its work. Language runtimes import much of WASI that they never
    /// use; who imports the sending of requests means to send some.
    fn check_grants(&self, function: &str, grants: &Grants) -> Result<(), PluginError> {
        let sends = |import: &&String| {
            WasiInterface::imported(import).is_some_and(|wasi| wasi.name == HTTP_HANDLER)
        };
        match self.imports().iter().find(sends) {
            Some(import) if grants.http.is_empty() => Err(PluginError::UngrantedHttp {
                function: function.to_owned(),
                import: import.clone(),
            }),
            _ => Ok(()),
        }
    }
}

impl std::fmt::Debug for Plugin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plugin")
            .field("name", &self.name)
            .field("functions", &self.compiled.functions)
            .finish_non_exhaustive()
    }
}

/// The given parameters and the defaults of the others, in declared order.
fn bind_parameters(
    function: &str,
    signature: &Signature,
    given: &BTreeMap<String, String>,
) -> Result<Vec<(String, String)>, PluginError> {
    let declared = &signature.parameters;
    if let Some(unknown) = given
        .keys()
        .find(|name| declared.iter().all(|parameter| parameter.name != **name))
    {
        return Err(PluginError::UnknownParameter {
            function: function.to_owned(),
            parameter: unknown.clone(),
            declared: declared.iter().map(|p| p.name.clone()).collect(),
        });
    }
    let mut bound = Vec::with_capacity(declared.len());
    for parameter in declared {
        match given.get(&parameter.name).or(parameter.default.as_ref()) {
            Some(value) => bound.push((parameter.name.clone(), value.clone())),
            None if parameter.required => {
                return Err(PluginError::MissingParameter {
                    function: function.to_owned(),
                    parameter: parameter.name.clone(),
                    description: parameter.description.clone(),
                });
            }
            None => {}
        }
    }
    Ok(bound)
}

fn check_arguments(
    function: &str,
    signature: &Signature,
    arguments: &[FieldRef],
) -> Result<(), PluginError> {
    let expected = match &signature.arguments {
        Arguments::Exact(fields) => {
            let fits = fields.len() == arguments.len()
                && fields
                    .iter()
                    .zip(arguments)
                    .all(|(expected, got)| same_type(expected, got));
            (!fits).then(|| match fields.len() {
                0 => "no arguments".to_owned(),
                _ => format!("({})", type_names(fields)),
            })
        }
        Arguments::Variadic(field) => {
            let fits = !arguments.is_empty() && arguments.iter().all(|got| same_type(field, got));
            (!fits).then(|| format!("one or more {}", field.data_type()))
        }
        Arguments::Any => None,
    };
    if let Some(expected) = expected {
        return Err(PluginError::WrongArguments {
            function: function.to_owned(),
            expected,
            got: type_names(arguments),
        });
    }
    match types::to_schema(arguments) {
        Ok(_) => Ok(()),
        Err(data_type) => Err(PluginError::UnsupportedArgument {
            function: function.to_owned(),
            data_type,
        }),
    }
}

/// The names of nested fields do not matter.
fn same_type(expected: &FieldRef, got: &FieldRef) -> bool {
    expected.data_type().equals_datatype(got.data_type())
}

fn type_names<'a>(fields: impl IntoIterator<Item = &'a FieldRef>) -> String {
    let names: Vec<_> = fields
        .into_iter()
        .map(|field| field.data_type().to_string())
        .collect();
    names.join(", ")
}
