//! How a function of a plugin is opened: once for each list of argument types that calls have.

use std::{
    collections::BTreeMap,
    fmt,
    hash::{Hash, Hasher},
    sync::{Arc, atomic::AtomicU64},
};

use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::logical_expr::TypeSignature;
use parking_lot::Mutex;
use wasmill_plugin::{
    Account, Arguments, Epoch, Function, Grants, Limits, Log, Metrics, OpenOptions, Plugin,
    PluginError, Signature, carried_type,
};

use crate::{coercion::casts_implicitly, error::UdfError};

/// How a function is opened: everything but its argument types, which each call decides.
#[derive(Clone)]
pub struct FunctionOptions {
    /// The name in SQL, used in every message.
    pub sql_name: String,
    /// What CREATE FUNCTION's WITH says, less grants and limits.
    pub parameters: BTreeMap<String, String>,
    pub grants: Grants,
    pub limits: Limits,
    /// What it uses is counted in it: its job's. `None`: the host's own.
    pub account: Option<Arc<Account>>,
    /// Of its job.
    pub epoch: Epoch,
    pub log: Arc<dyn Log>,
    pub metrics: Arc<dyn Metrics>,
    pub on_error: OnError,
    /// Counts the rows that gave NULL because the function failed on them.
    pub failed: Arc<AtomicU64>,
}

/// What becomes of rows on which a function fails: by an error of its own, a trap, a limit that it
/// runs over, a result that is refused. One that does not start is always an error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum OnError {
    /// The query fails.
    #[default]
    Fail,
    /// They give NULL.
    Null,
    /// The query fails with [`UdfError::Rows`], unless whoever evaluates the call leaves them out, as
    /// [`spare`](crate::spare) does.
    DeadLetter,
}

impl FunctionOptions {
    /// Default limits, no parameters, nothing granted; the query fails where the function does.
    pub fn named(sql_name: impl Into<String>) -> Self {
        let defaults = OpenOptions::new(sql_name, Vec::new());
        FunctionOptions {
            sql_name: defaults.sql_name,
            parameters: defaults.parameters,
            grants: defaults.grants,
            limits: defaults.limits,
            account: defaults.account,
            epoch: defaults.epoch,
            log: defaults.log,
            metrics: defaults.metrics,
            on_error: OnError::Fail,
            failed: Arc::default(),
        }
    }

    fn open(&self, arguments: Vec<FieldRef>) -> OpenOptions {
        OpenOptions {
            sql_name: self.sql_name.clone(),
            parameters: self.parameters.clone(),
            arguments,
            grants: self.grants.clone(),
            limits: self.limits.clone(),
            account: self.account.clone(),
            epoch: self.epoch.clone(),
            log: Arc::clone(&self.log),
            metrics: Arc::clone(&self.metrics),
        }
    }
}

/// A function of a plugin as SQL calls it, with all that it has been opened for.
pub(crate) struct Opener {
    plugin: Arc<Plugin>,
    /// In the plugin; `options.sql_name` is the name in SQL.
    signature: Signature,
    pub options: FunctionOptions,
    opened: Mutex<Vec<(Vec<DataType>, Arc<Function>)>>,
}

impl Opener {
    /// Fails where the plugin has no such function.
    pub fn new(
        plugin: Arc<Plugin>,
        function: &str,
        options: FunctionOptions,
    ) -> Result<Self, PluginError> {
        Ok(Opener {
            signature: plugin.function(function)?.clone(),
            plugin,
            options,
            opened: Mutex::default(),
        })
    }

    pub fn signature(&self) -> &Signature {
        &self.signature
    }

    /// Whether the same arguments give the same result, whenever it is called: what it asks of the
    /// world is not asked while a query is planned, and not once for all rows.
    pub fn is_deterministic(&self) -> bool {
        let grants = &self.options.grants;
        let asks = grants.clock || grants.random || !grants.http.is_empty();
        self.signature.deterministic && !asks
    }

    /// How DataFusion asks for casts of its arguments.
    pub fn type_signature(&self) -> TypeSignature {
        match &self.signature.arguments {
            Arguments::Exact(fields) if fields.is_empty() => TypeSignature::Nullary,
            _ => TypeSignature::UserDefined,
        }
    }

    /// The opened function for arguments of these types; opens it at the first call.
    pub fn opened(&self, types: &[DataType]) -> Result<Arc<Function>, PluginError> {
        // Held while opening, so that two partitions do not open it twice.
        let mut opened = self.opened.lock();
        if let Some((_, function)) = opened.iter().find(|(known, _)| known == types) {
            return Ok(Arc::clone(function));
        }
        let arguments = self.argument_fields(types);
        let function = self
            .plugin
            .open(&self.signature.name, self.options.open(arguments))?;
        opened.push((types.to_vec(), Arc::clone(&function)));
        Ok(function)
    }

    fn argument_fields(&self, types: &[DataType]) -> Vec<FieldRef> {
        let name = |index: usize| match &self.signature.arguments {
            Arguments::Exact(fields) => fields.get(index).map(|field| field.name().clone()),
            Arguments::Variadic(field) => Some(format!("{}{}", field.name(), index + 1)),
            Arguments::Any => None,
        };
        types
            .iter()
            .enumerate()
            .map(|(index, data_type)| {
                let name = name(index).unwrap_or_else(|| format!("argument{}", index + 1));
                Arc::new(Field::new(name, data_type.clone(), true))
            })
            .collect()
    }

    /// The types that arguments of these are cast to. What cannot be cast stays as it is and is refused
    /// by [`Opener::return_type`]: an error here would lose its type in DataFusion's list of candidate
    /// functions.
    pub fn coerced_types(&self, from: &[DataType]) -> Vec<DataType> {
        self.coerce(from).unwrap_or_else(|_| from.to_vec())
    }

    /// The type of what a call of arguments of these types gives.
    pub fn return_type(&self, arguments: &[DataType]) -> Result<DataType, UdfError> {
        self.coerce(arguments)?;
        Ok(self.opened(arguments)?.returns().data_type().clone())
    }

    fn coerce(&self, from: &[DataType]) -> Result<Vec<DataType>, UdfError> {
        let function = || self.options.sql_name.clone();
        let to = |index: usize, from: &DataType, field: &Field| {
            if casts_implicitly(from, field.data_type()) {
                Ok(field.data_type().clone())
            } else {
                Err(UdfError::ArgumentType {
                    function: function(),
                    position: index + 1,
                    argument: field.name().clone(),
                    expected: field.data_type().clone(),
                    got: from.clone(),
                })
            }
        };
        match &self.signature.arguments {
            Arguments::Exact(fields) => {
                if fields.len() != from.len() {
                    return Err(UdfError::ArgumentCount {
                        function: function(),
                        declared: fields.clone(),
                        variadic: false,
                        got: from.len(),
                    });
                }
                from.iter()
                    .zip(fields)
                    .enumerate()
                    .map(|(index, (from, field))| to(index, from, field))
                    .collect()
            }
            Arguments::Variadic(field) => {
                if from.is_empty() {
                    return Err(UdfError::ArgumentCount {
                        function: function(),
                        declared: vec![Arc::clone(field)].into(),
                        variadic: true,
                        got: 0,
                    });
                }
                from.iter()
                    .enumerate()
                    .map(|(index, from)| to(index, from, field))
                    .collect()
            }
            Arguments::Any => from
                .iter()
                .enumerate()
                .map(|(index, from)| {
                    carried_type(from).ok_or_else(|| UdfError::UnsupportedType {
                        function: function(),
                        position: index + 1,
                        got: from.clone(),
                    })
                })
                .collect(),
        }
    }
}

impl fmt::Debug for Opener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opener")
            .field("sql_name", &self.options.sql_name)
            .field("function", &self.signature.name)
            .field("plugin", &self.plugin.sha256())
            .field("kind", &self.signature.kind)
            .finish_non_exhaustive()
    }
}

/// Two functions are the same if they are the same code opened in the same way: DataFusion merges
/// equal calls.
impl PartialEq for Opener {
    fn eq(&self, other: &Self) -> bool {
        self.options.sql_name == other.options.sql_name
            && self.signature.name == other.signature.name
            && self.plugin.sha256() == other.plugin.sha256()
            && self.options.parameters == other.options.parameters
            && self.options.on_error == other.options.on_error
    }
}

impl Eq for Opener {}

impl Hash for Opener {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.options.sql_name.hash(state);
        self.signature.name.hash(state);
        self.plugin.sha256().hash(state);
    }
}
