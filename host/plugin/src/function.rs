//! An opened function: its instances, its calls, its counters.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arrow::array::{Array as _, ArrayRef, new_empty_array};
use arrow::datatypes::{FieldRef, Fields};
use parking_lot::Mutex;
use sha2::{Digest as _, Sha256};

use crate::account::{Account, Excess};
use crate::aggregate::Aggregate;
use crate::arrays::adopt;
use crate::client::HttpClient;
use crate::contract::OpenContext;
use crate::epoch::{RowCount, Rows};
use crate::error::PluginError;
use crate::expansion::list_of;
use crate::idle::Idle;
use crate::instance::{Given, Instance, no_room};
use crate::limits::Limits;
use crate::plugin::{OpenOptions, Plugin};
use crate::process::Process;
use crate::rows;
use crate::signature::{Kind, Signature, columns};
use crate::state::{Batch, State, Surroundings};
use crate::turns::Turn;
use crate::types;

/// A function of a plugin, opened. Any number of threads may call it at once: each call has
/// an instance to itself.
pub struct Function {
    pub(crate) plugin: Arc<Plugin>,
    signature: Signature,
    surroundings: Arc<Surroundings>,
    context: OpenContext,
    arguments: Fields,
    columns: Fields,
    returns: FieldRef,
    /// It is a scalar function, and all types are such that a batch of one row can go by `eval`.
    plain: bool,
    /// Of an aggregate function.
    pub(crate) aggregate: Option<Aggregate>,
    /// Of a process function.
    pub(crate) process: Option<Process>,
    pub(crate) idle: Arc<Idle>,
    row_count: Mutex<RowCount>,
    counters: AtomicCounters,
}

/// What a function's calls have done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    pub calls: u64,
    pub rows: u64,
    /// Bytes of columns that were copied into guests.
    pub bytes_in: u64,
    /// Bytes of columns that were copied out of guests.
    pub bytes_out: u64,
    /// Calls that ended a guest: traps, and limits that it ran over.
    pub traps: u64,
    /// Guests that were started.
    pub instances: u64,
    /// How long it took to instantiate those that were opened, without what they did in `open`.
    pub instantiation: Duration,
}

#[derive(Debug, Default)]
struct AtomicCounters {
    calls: AtomicU64,
    rows: AtomicU64,
    bytes_in: AtomicU64,
    bytes_out: AtomicU64,
    traps: AtomicU64,
    instances: AtomicU64,
    /// Nanoseconds.
    instantiation: AtomicU64,
}

impl AtomicCounters {
    /// A guest was started, and was opened if it is there.
    fn started(&self, instance: Option<&Instance>) {
        let time = instance.map_or(0, |instance| instance.instantiation.as_nanos());
        self.instances.fetch_add(1, Ordering::Relaxed);
        self.instantiation
            .fetch_add(u64::try_from(time).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

impl Function {
    pub(crate) fn open(
        plugin: Arc<Plugin>,
        signature: Signature,
        label: String,
        parameters: Vec<(String, String)>,
        options: OpenOptions,
    ) -> Result<Self, PluginError> {
        let context = OpenContext {
            parameters,
            arguments: types::to_schema(&options.arguments).map_err(|data_type| {
                PluginError::UnsupportedArgument {
                    function: label.clone(),
                    data_type,
                }
            })?,
        };
        let seed = seed(plugin.sha256(), &label, &context.parameters);
        let host = &plugin.host;
        let job = options.account.as_ref().unwrap_or_else(|| host.account());
        let account = job.function(&options.limits);
        let surroundings = Arc::new(Surroundings {
            who: format!("function {label}"),
            function: label,
            grants: options.grants,
            limits: options.limits,
            account: account.clone(),
            lines: plugin.compiled.instantiator.lines.clone(),
            epoch: options.epoch,
            log: options.log,
            metrics: options.metrics,
            metric_names: Mutex::default(),
            http: HttpClient::new(plugin.host.config.resolver.clone()),
            seed,
        });
        let instantiator = &plugin.compiled.instantiator;
        let mut instance = Instance::open(host, instantiator, &surroundings, &signature, &context)?;
        let schema = instance.returns(host)?;
        let (columns, returns) = columns(signature.kind, &schema)
            .and_then(|columns| as_declared(&signature, columns))
            .map_err(|reason| instance.state().wrong_result(&reason))?;
        let aggregate = match signature.kind {
            Kind::Aggregate => {
                let state = instance.function_state(host)?;
                let retracts = instance.retracts(host)?;
                let aggregate = Aggregate::new(&state, retracts);
                Some(aggregate.map_err(|reason| instance.state().wrong_result(&reason))?)
            }
            _ => None,
        };
        let process = match signature.kind {
            Kind::Process => {
                let (slots, outputs) = (instance.slots(host)?, instance.side_outputs(host)?);
                let process = Process::new(slots, outputs, instance.broadcast(host)?);
                Some(process.map_err(|reason| instance.state().wrong_result(&reason))?)
            }
            _ => None,
        };
        let plain = signature.kind == Kind::Scalar
            && rows::is_plain(returns.data_type())
            && options
                .arguments
                .iter()
                .all(|field| rows::is_plain(field.data_type()));
        let counters = AtomicCounters::default();
        counters.started(Some(&instance));
        drop(instance.end_turn());
        let idle = Idle::new(&account);
        idle.push(instance);
        Ok(Self {
            arguments: options.arguments.into(),
            idle,
            plugin,
            signature,
            surroundings,
            context,
            columns,
            returns,
            plain,
            aggregate,
            process,
            row_count: Mutex::default(),
            counters,
        })
    }

    /// The field of what a call gives: of a scalar or aggregate function its values, of a table function
    /// a list of rows for each row, structs of its [`columns`](Function::columns).
    pub fn returns(&self) -> &FieldRef {
        &self.returns
    }

    /// The columns of its result: of a scalar or aggregate function one.
    pub fn columns(&self) -> &Fields {
        &self.columns
    }

    pub fn signature(&self) -> &Signature {
        &self.signature
    }

    /// The fields that it was opened with.
    pub fn arguments(&self) -> &Fields {
        &self.arguments
    }

    pub fn counters(&self) -> Counters {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counters {
            calls: get(&self.counters.calls),
            rows: get(&self.counters.rows),
            bytes_in: get(&self.counters.bytes_in),
            bytes_out: get(&self.counters.bytes_out),
            traps: get(&self.counters.traps),
            instances: get(&self.counters.instances),
            instantiation: Duration::from_nanos(get(&self.counters.instantiation)),
        }
    }

    /// Calls the guest of a scalar or table function on a batch. `columns` are of the types that the function was opened with, all
    /// of `rows` rows; the result is a column of `rows` rows and the type of
    /// [`Function::returns`]. A batch of no rows does not call the guest.
    pub fn call(&self, columns: &[ArrayRef], rows: usize) -> Result<ArrayRef, PluginError> {
        self.try_rows(columns, rows, self.next_rows(rows))?
    }

    /// Numbers the next rows of the epoch, for [`Function::try_rows`].
    pub fn next_rows(&self, rows: usize) -> Rows {
        let epoch = self.surroundings.epoch.current();
        self.row_count.lock().next(epoch, rows)
    }

    /// The same. Log lines are told with `about`. The inner error is one of the rows, at which a guest was at work: others may go
    /// well. The outer one is of the call or of the environment, or of a guest that does not start.
    pub fn try_rows(
        &self,
        columns: &[ArrayRef],
        rows: usize,
        about: Rows,
    ) -> Result<Result<ArrayRef, PluginError>, PluginError> {
        let batch_rows = self.check_columns(columns, rows)?;
        if rows == 0 {
            return Ok(Ok(new_empty_array(self.returns.data_type())));
        }
        let host = &self.plugin.host;
        let mut instance = match self.idle.pop() {
            Some(instance) => instance,
            None => self.start()?,
        };
        instance.about(about);
        let result = if rows == 1 && self.plain {
            self.call_row(&mut instance, columns)
        } else {
            let batch = Batch {
                fields: self.arguments.clone(),
                columns: columns.to_vec(),
                rows: batch_rows,
            };
            instance
                .batch_eval(host, batch)
                .and_then(|given| self.check_result(instance.state(), given, rows))
        };
        self.finish(instance, rows, result.as_ref().err());
        match result {
            // The rows cannot help it.
            Err(error @ PluginError::Sum { .. }) => Err(error),
            result => Ok(result),
        }
    }

    /// A call for so many rows is over: its guest goes on, or is gone.
    pub(crate) fn finish(&self, mut instance: Instance, rows: usize, error: Option<&PluginError>) {
        self.count(&instance, rows);
        let turn = instance.end_turn();
        match error.is_none_or(PluginError::leaves_guest) {
            true if instance.may_go_on() => self.idle.push(instance),
            true => self.plugin.host.retirement.retire(instance, turn),
            false => self.ended(instance, turn),
        }
    }

    /// A call has ended the guest.
    pub(crate) fn ended(&self, instance: Instance, turn: Option<Turn>) {
        self.counters.traps.fetch_add(1, Ordering::Relaxed);
        self.plugin.host.retirement.retire(instance, turn);
    }

    /// As messages name it: `predict (predict.wasm#predict)`.
    pub(crate) fn label(&self) -> &str {
        &self.surroundings.function
    }

    pub fn limits(&self) -> &Limits {
        &self.surroundings.limits
    }

    pub(crate) fn account(&self) -> &Arc<Account> {
        &self.surroundings.account
    }

    /// All instances together would have more than they may.
    pub(crate) fn no_room(&self, call: &'static str, excess: Excess) -> PluginError {
        no_room(&self.surroundings, call, excess, Vec::new())
    }

    pub(crate) fn start(&self) -> Result<Instance, PluginError> {
        let opened = Instance::open(
            &self.plugin.host,
            &self.plugin.compiled.instantiator,
            &self.surroundings,
            &self.signature,
            &self.context,
        );
        let no_room = matches!(
            opened,
            Err(PluginError::TooManyInstances { .. }
                | PluginError::NoRoom { .. }
                | PluginError::Sum { .. })
        );
        if !no_room {
            self.counters.started(opened.as_ref().ok());
        }
        opened
    }

    fn call_row(
        &self,
        instance: &mut Instance,
        columns: &[ArrayRef],
    ) -> Result<ArrayRef, PluginError> {
        let mut bytes_in = 0;
        let row = columns
            .iter()
            .filter_map(|column| rows::first_value(column))
            .map(|(value, bytes)| {
                bytes_in += bytes;
                value
            })
            .collect();
        let value = instance.eval(&self.plugin.host, row)?;
        self.counters
            .bytes_in
            .fetch_add(bytes_in as u64, Ordering::Relaxed);
        rows::column_of_one(value, &self.returns)
            .map_err(|reason| instance.state().wrong_result(&reason))
    }

    pub(crate) fn check_columns(
        &self,
        columns: &[ArrayRef],
        rows: usize,
    ) -> Result<u32, PluginError> {
        let fits = columns.len() == self.arguments.len()
            && columns.iter().zip(&self.arguments).all(|(column, field)| {
                column.len() == rows && column.data_type() == field.data_type()
            });
        match u32::try_from(rows) {
            Ok(rows) if fits => Ok(rows),
            _ => {
                let describe = |types: Vec<String>| types.join(", ");
                Err(PluginError::WrongArguments {
                    function: self.surroundings.function.clone(),
                    expected: format!(
                        "({}) of {rows} rows",
                        describe(
                            self.arguments
                                .iter()
                                .map(|field| field.data_type().to_string())
                                .collect()
                        )
                    ),
                    got: describe(
                        columns
                            .iter()
                            .map(|column| format!("{} × {}", column.data_type(), column.len()))
                            .collect(),
                    ),
                })
            }
        }
    }

    fn check_result(
        &self,
        state: &State,
        given: Given,
        rows: usize,
    ) -> Result<ArrayRef, PluginError> {
        let checked = match given {
            Given::Column(array) if array.len() != rows => {
                Err(format!("{} rows for a batch of {rows}", array.len()))
            }
            Given::Column(array) => adopt(&array, &self.returns),
            Given::Expansion(expansion) => expansion.into_lists(&self.columns, rows),
        };
        checked.map_err(|reason| state.wrong_result(&reason))
    }

    pub(crate) fn count(&self, instance: &Instance, rows: usize) {
        let call = &instance.state().call;
        let counters = &self.counters;
        counters.calls.fetch_add(1, Ordering::Relaxed);
        counters.rows.fetch_add(rows as u64, Ordering::Relaxed);
        counters
            .bytes_in
            .fetch_add(call.bytes_in as u64, Ordering::Relaxed);
        counters
            .bytes_out
            .fetch_add(call.bytes_out as u64, Ordering::Relaxed);
    }
}

impl std::fmt::Debug for Function {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Function")
            .field("function", &self.surroundings.function)
            .field("arguments", &self.arguments)
            .field("returns", &self.returns)
            .finish_non_exhaustive()
    }
}

/// Of the numbers that a guest gets for random ones: the same for the same function of a job, and
/// others for others.
fn seed(plugin: &str, function: &str, parameters: &[(String, String)]) -> [u8; 32] {
    let mut hash = Sha256::new();
    let parameters = parameters.iter().flat_map(|(name, value)| [name, value]);
    for text in [plugin, function]
        .into_iter()
        .chain(parameters.map(String::as_str))
    {
        hash.update((text.len() as u64).to_le_bytes());
        hash.update(text);
    }
    hash.finalize().into()
}

/// What `returns` gave, if it is what the signature said: the columns, and the field of what a call
/// gives.
fn as_declared(signature: &Signature, columns: Fields) -> Result<(Fields, FieldRef), String> {
    if let Some(declared) = &signature.returns {
        let shown = |fields: &Fields| -> String {
            let fields = fields
                .iter()
                .map(|field| match signature.kind.gives_values() {
                    true => field.data_type().to_string(),
                    false => format!("{} {}", field.name(), field.data_type()),
                });
            fields.collect::<Vec<_>>().join(", ")
        };
        let same = |(declared, column): (&FieldRef, &FieldRef)| {
            declared.data_type() == column.data_type()
                && (signature.kind.gives_values() || declared.name() == column.name())
        };
        if declared.len() != columns.len() || !declared.iter().zip(&columns).all(same) {
            return Err(format!(
                "it declares {} and returns {}",
                shown(declared),
                shown(&columns)
            ));
        }
        let mut pairs = declared.iter().zip(&columns);
        if pairs.any(|(declared, column)| column.is_nullable() && !declared.is_nullable()) {
            return Err(
                "it declares that it gives no null, and returns a type with nulls".to_owned(),
            );
        }
    }
    let returns = match columns.as_ref() {
        [column] if signature.kind.gives_values() => column.clone(),
        _ => list_of(&signature.name, &columns),
    };
    Ok((columns, returns))
}
