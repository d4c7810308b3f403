//! A WASM function behind DataFusion's `ScalarUDFImpl`.

use std::{
    collections::BTreeMap,
    fmt,
    hash::{Hash, Hasher},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use arrow::{
    array::{ArrayRef, RecordBatch, RecordBatchOptions, UInt32Array},
    compute::take,
    datatypes::{DataType, Field, FieldRef, Schema},
};
use datafusion::{
    common::{DataFusionError, Result, ScalarValue, exec_err, internal_err},
    logical_expr::{
        ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
        TypeSignature, Volatility,
    },
};
use parking_lot::Mutex;
use wasmill_plugin::{
    Account, Arguments, Function, Grants, Kind, Limits, Log, Metrics, OpenOptions, Plugin,
    PluginError, carried_type,
};

use crate::{
    coercion::casts_implicitly,
    error::UdfError,
    spare::{Spared, spare},
    stop::Stop,
};

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
            log: Arc::clone(&self.log),
            metrics: Arc::clone(&self.metrics),
        }
    }
}

/// A WASM function as a DataFusion function: its arguments are cast to what the plugin declares,
/// it is opened once for each distinct list of argument types, and called batch by batch. What a call
/// of a table function gives is a list of structs, its rows.
pub fn scalar_udf(
    plugin: Arc<Plugin>,
    function: &str,
    options: FunctionOptions,
) -> Result<ScalarUDF, PluginError> {
    Ok(ScalarUDF::new_from_impl(WasmFunction::new(
        plugin, function, options,
    )?))
}

/// See [`scalar_udf`].
pub struct WasmFunction {
    plugin: Arc<Plugin>,
    /// The name in the plugin; `options.sql_name` is the one in SQL.
    function: String,
    options: FunctionOptions,
    kind: Kind,
    declared: Arguments,
    deterministic: bool,
    signature: Signature,
    opened: Mutex<Vec<(Vec<DataType>, Arc<Function>)>>,
}

impl WasmFunction {
    /// Fails where the plugin has no such function.
    pub fn new(
        plugin: Arc<Plugin>,
        function: &str,
        options: FunctionOptions,
    ) -> Result<Self, PluginError> {
        let signature = plugin.function(function)?;
        // What it asks of the world is not asked while a query is planned, and not once for all rows.
        let grants = &options.grants;
        let asks = grants.clock || grants.random || !grants.http.is_empty();
        let deterministic = signature.deterministic && !asks;
        // As a constant, a list would stand beside every row: so of a table function's call none is made.
        let volatility = if deterministic && signature.kind == Kind::Scalar {
            Volatility::Immutable
        } else {
            Volatility::Volatile
        };
        let declared = signature.arguments.clone();
        let kind = signature.kind;
        let type_signature = match &declared {
            Arguments::Exact(fields) if fields.is_empty() => TypeSignature::Nullary,
            _ => TypeSignature::UserDefined,
        };
        Ok(WasmFunction {
            function: function.to_owned(),
            signature: Signature::new(type_signature, volatility),
            plugin,
            options,
            kind,
            declared,
            deterministic,
            opened: Mutex::default(),
        })
    }

    pub fn on_error(&self) -> OnError {
        self.options.on_error
    }

    /// What it makes of a row.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Whether the same arguments give the same result, whenever it is called.
    pub fn is_deterministic(&self) -> bool {
        self.deterministic
    }

    /// The values of a batch, one a row; where rows may fail, NULL for those that do.
    fn values(
        &self,
        function: &Function,
        columns: &[ArrayRef],
        rows: usize,
        stop: Option<&Stop>,
    ) -> Result<ArrayRef> {
        if self.options.on_error != OnError::Null {
            return self.call(function, columns, rows, stop);
        }
        let schema = Arc::new(Schema::new(function.arguments().clone()));
        let count = RecordBatchOptions::new().with_row_count(Some(rows));
        let batch = RecordBatch::try_new_with_options(schema, columns.to_vec(), &count)?;
        let types = [function.returns().data_type().clone()];
        let Spared { columns, failed } = spare(&batch, &types, |batch| {
            Ok(vec![self.call(
                function,
                batch.columns(),
                batch.num_rows(),
                stop,
            )?])
        })?;
        let Some(values) = columns.into_iter().next() else {
            return internal_err!("{} gave no column", self.name());
        };
        if failed.is_empty() {
            return Ok(values);
        }
        self.options
            .failed
            .fetch_add(failed.len() as u64, Ordering::Relaxed);
        let mut failed = failed.iter().map(|failed| failed.row).peekable();
        let mut next = 0_u32..;
        let places = (0..rows).map(|row| match failed.next_if_eq(&row) {
            Some(_) => None,
            None => next.next(),
        });
        Ok(take(&values, &places.collect::<UInt32Array>(), None)?)
    }

    fn call(
        &self,
        function: &Function,
        columns: &[ArrayRef],
        rows: usize,
        stop: Option<&Stop>,
    ) -> Result<ArrayRef> {
        if stop.is_some_and(Stop::is_stopped) {
            return Err(external(UdfError::Stopped {
                function: self.options.sql_name.clone(),
            }));
        }
        let of_rows = |error| match self.options.on_error {
            OnError::Fail => UdfError::Plugin(error),
            OnError::Null | OnError::DeadLetter => UdfError::Rows {
                function: self.options.sql_name.clone(),
                error: Box::new(error),
                batch_time: self.options.limits.batch_time,
            },
        };
        function
            .try_rows(columns, rows)
            .map_err(|error| external(error.into()))?
            .map_err(|error| external(of_rows(error)))
    }

    /// The opened function for arguments of these types; opens it at the first call.
    fn opened(&self, types: &[DataType]) -> Result<Arc<Function>, PluginError> {
        // Held while opening, so that two partitions do not open it twice.
        let mut opened = self.opened.lock();
        if let Some((_, function)) = opened.iter().find(|(known, _)| known == types) {
            return Ok(Arc::clone(function));
        }
        let arguments = self.argument_fields(types);
        let function = self
            .plugin
            .open(&self.function, self.options.open(arguments))?;
        opened.push((types.to_vec(), Arc::clone(&function)));
        Ok(function)
    }

    fn argument_fields(&self, types: &[DataType]) -> Vec<FieldRef> {
        let name = |index: usize| match &self.declared {
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
        match &self.declared {
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

impl ScalarUDFImpl for WasmFunction {
    fn name(&self) -> &str {
        &self.options.sql_name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    /// What cannot be cast stays as it is and is refused by `return_type`: an error here would lose
    /// its type in DataFusion's list of candidate functions.
    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        Ok(self
            .coerce(arg_types)
            .unwrap_or_else(|_| arg_types.to_vec()))
    }

    fn return_type(&self, arg_types: &[DataType]) -> Result<DataType> {
        self.coerce(arg_types).map_err(external)?;
        let function = self
            .opened(arg_types)
            .map_err(|error| external(error.into()))?;
        Ok(function.returns().data_type().clone())
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let types: Vec<_> = args
            .arg_fields
            .iter()
            .map(|field| field.data_type().clone())
            .collect();
        Ok(Field::new(self.name(), self.return_type(&types)?, true).into())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let types: Vec<_> = args.args.iter().map(ColumnarValue::data_type).collect();
        let function = self
            .opened(&types)
            .map_err(|error| external(error.into()))?;
        let constant = !args.args.is_empty()
            && self.signature.volatility == Volatility::Immutable
            && args
                .args
                .iter()
                .all(|value| matches!(value, ColumnarValue::Scalar(_)));
        let rows = if constant { 1 } else { args.number_rows };
        let columns = args
            .args
            .into_iter()
            .map(|value| value.into_array(rows))
            .collect::<Result<Vec<ArrayRef>>>()?;
        if let Some(column) = columns.iter().find(|column| column.len() != rows) {
            return exec_err!(
                "{}: an argument has {} rows in a batch of {rows}",
                self.name(),
                column.len()
            );
        }
        let stop = args.config_options.extensions.get::<Stop>();
        let result = self.values(&function, &columns, rows, stop)?;
        if constant {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(
                &result, 0,
            )?));
        }
        Ok(ColumnarValue::Array(result))
    }
}

fn external(error: UdfError) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}

impl fmt::Debug for WasmFunction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WasmFunction")
            .field("sql_name", &self.options.sql_name)
            .field("function", &self.function)
            .field("plugin", &self.plugin.sha256())
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

/// Two functions are the same if they are the same code opened in the same way: DataFusion
/// merges equal calls.
impl PartialEq for WasmFunction {
    fn eq(&self, other: &Self) -> bool {
        self.options.sql_name == other.options.sql_name
            && self.function == other.function
            && self.plugin.sha256() == other.plugin.sha256()
            && self.options.parameters == other.options.parameters
            && self.options.on_error == other.options.on_error
    }
}

impl Eq for WasmFunction {}

impl Hash for WasmFunction {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.options.sql_name.hash(state);
        self.function.hash(state);
        self.plugin.sha256().hash(state);
    }
}
