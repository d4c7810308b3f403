//! A session: plans the statements of a script in order, then runs them.

mod jobs;
mod planner;
mod reloading;
mod serving;

pub use serving::Servable;

use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
    sync::{Arc, atomic::Ordering},
};

use arrow::{array::RecordBatch, datatypes::SchemaRef};
use datafusion::{
    physical_plan::{ExecutionPlan, execute_stream},
    prelude::SessionContext,
};
use futures::{FutureExt, Stream, StreamExt, future::BoxFuture, stream};
use parking_lot::{Mutex, RwLock};
use wasmill_connectors::{ConnectorContext, SharedWriter};
use wasmill_plugin::Epoch;
use wasmill_registry::RegistryConfig;
use wasmill_udf::Stop;

use self::planner::Planner;
use crate::{
    catalog::Catalog,
    error::EngineError,
    job::{
        EndlessSettings, JobObserver, JobReport, SavepointPlace, keep_savepoint, observe_sources,
        run_endless, run_pipelines,
    },
    planning::{
        EpochPipeline, Pipeline, Shared, Tenant, ceiling, datafusion_context, execution_error, say,
    },
    settings::Settings,
    sql::{self, ParsedStatement, Script, Statement},
};

/// What a session starts with.
#[derive(Clone)]
pub struct SessionConfig {
    /// The folder that relative paths start from: the job file's.
    pub base: PathBuf,
    /// Settings as SET would make them.
    pub settings: BTreeMap<String, String>,
    /// What the functions of a job may use at most, by the names of limits (`limit.memory`) and of sums
    /// of a job (`job.total.memory`); the job can only ask for less.
    pub ceiling: BTreeMap<String, String>,
    /// Which grants the job may give to its functions (`http`, `dir`, …). `None`: any.
    pub allowed_grants: Option<Vec<String>>,
    /// Whose job it is, for messages.
    pub tenant: String,
    /// What the tenant's jobs may use together, by the names of sums (`total.memory`).
    pub tenant_limits: BTreeMap<String, String>,
    /// The cache folder; compiled plugins go to `compiled/` in it, those of registries to `registry/`.
    pub cache: PathBuf,
    /// How registries of plugins are reached.
    pub registries: RegistryConfig,
    /// Where `print` tables go.
    pub stdout: SharedWriter,
    /// Where `print` tables with `standard-error` go.
    pub stderr: SharedWriter,
}

impl fmt::Debug for SessionConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionConfig")
            .field("base", &self.base)
            .field("settings", &self.settings)
            .field("cache", &self.cache)
            .finish_non_exhaustive()
    }
}

/// Rows of a result, batch by batch.
pub type RowStream = std::pin::Pin<Box<dyn Stream<Item = Result<RecordBatch, EngineError>> + Send>>;

/// What a statement gave.
pub enum Outcome {
    /// DDL and SET: done when it was planned.
    Nothing,
    /// A text of several lines: EXPLAIN and SHOW CREATE.
    Text(String),
    /// Rows of SELECT, SHOW, DESCRIBE and SET without a key.
    Table { schema: SchemaRef, rows: RowStream },
    /// INSERT or a statement set.
    Inserted(JobReport),
}

impl fmt::Debug for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Outcome::Nothing => f.write_str("Nothing"),
            Outcome::Text(text) => f.debug_tuple("Text").field(text).finish(),
            Outcome::Table { schema, .. } => f.debug_tuple("Table").field(schema).finish(),
            Outcome::Inserted(report) => f.debug_tuple("Inserted").field(report).finish(),
        }
    }
}

/// A statement that is ready to run.
pub struct PlannedStatement {
    work: Work,
    /// Stops its functions.
    stop: Stop,
    line: usize,
}

enum Work {
    Done,
    Text(String),
    Rows(RecordBatch),
    Query {
        plan: Arc<dyn ExecutionPlan>,
        context: SessionContext,
    },
    Pipelines {
        pipelines: Vec<Pipeline>,
        context: SessionContext,
    },
    /// Of tables without end.
    Endless {
        pipelines: Vec<EpochPipeline>,
        context: SessionContext,
        settings: Box<EndlessSettings>,
    },
}

impl fmt::Debug for PlannedStatement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PlannedStatement")
            .field("line", &self.line)
            .field("sinks", &self.sinks())
            .finish_non_exhaustive()
    }
}

impl PlannedStatement {
    /// The line of the script on which it starts, from 1.
    pub fn line(&self) -> usize {
        self.line
    }

    /// Whether it reads or writes tables when it runs.
    pub fn is_job(&self) -> bool {
        matches!(
            self.work,
            Work::Query { .. } | Work::Pipelines { .. } | Work::Endless { .. }
        )
    }

    /// The tables that it writes.
    pub fn sinks(&self) -> Vec<&str> {
        match &self.work {
            Work::Pipelines { pipelines, .. } => pipelines
                .iter()
                .map(|pipeline| pipeline.table.as_str())
                .collect(),
            Work::Endless { pipelines, .. } => pipelines
                .iter()
                .map(|found| found.pipeline.table.as_str())
                .collect(),
            _ => vec![],
        }
    }
}

/// The catalog and settings of one script, or of several after each other.
#[derive(Debug)]
pub struct Session {
    shared: Arc<Shared>,
}

impl Session {
    pub fn new(config: SessionConfig) -> Result<Session, EngineError> {
        let mut settings = Settings::default();
        for (key, value) in &config.settings {
            settings.set(key, value)?;
        }
        let started = chrono::Utc::now().timestamp_nanos_opt().unwrap_or_default();
        let job = format!("{:x}-{:x}", std::process::id(), started);
        let connectors = ConnectorContext::new(config.base, job, config.stdout, config.stderr);
        Ok(Session {
            shared: Arc::new(Shared {
                catalog: RwLock::new(Catalog::default()),
                settings: RwLock::new(settings),
                connectors,
                cache: config.cache,
                registries: config.registries,
                written: Mutex::default(),
                warnings: Mutex::default(),
                host: Mutex::default(),
                ceiling: ceiling(&config.ceiling)?,
                allowed_grants: config.allowed_grants.clone(),
                tenant: Tenant::new(&config.tenant, &config.tenant_limits)?,
                account: Mutex::default(),
                epoch: Epoch::default(),
                gave_null: Arc::default(),
            }),
        })
    }

    /// Parses a script and plans its statements in order; declarations take effect as they are
    /// planned, and nothing has run when this returns. An error here says that the job is wrong.
    ///
    /// `name` is what messages call the script.
    ///
    /// Boxed, as [`Session::run`] is, so that this crate compiles what it awaits, once: otherwise
    /// every program that calls it would.
    pub fn plan<'a>(
        &'a self,
        name: &'a str,
        text: &'a str,
    ) -> BoxFuture<'a, Result<Vec<PlannedStatement>, EngineError>> {
        self.plan_statements(name, text, |_| true).boxed()
    }

    async fn plan_statements(
        &self,
        name: &str,
        text: &str,
        wanted: fn(&Statement) -> bool,
    ) -> Result<Vec<PlannedStatement>, EngineError> {
        let script = Script::new(name, text);
        let (statements, warnings) = sql::parse(&script)?;
        self.shared.warnings.lock().extend(warnings);
        let mut planned = Vec::with_capacity(statements.len());
        let mut context = None;
        let statements = statements.into_iter();
        for ParsedStatement { statement, span } in statements.filter(|s| wanted(&s.statement)) {
            let session = match &context {
                Some(session) => SessionContext::clone(session),
                None => {
                    datafusion_context(&self.shared).map_err(|error| execution_error(&error))?
                }
            };
            let stop = Stop::default();
            let mut state = session.state();
            let options = state.config_mut().options_mut();
            options.extensions.insert(stop.clone());
            // Hands the options on to expressions.
            state.mark_start_execution();
            let planner = Planner {
                shared: &self.shared,
                state,
                context: &session,
                script: &script,
                span,
            };
            let work = planner
                .plan(&statement)
                .await
                .map_err(|error| error.at(|| script.location(span)))?;
            // Settings shape the context: the next statement gets a new one.
            let is_setting = matches!(statement, Statement::Setting(Some(_)) | Statement::Reset(_));
            context = if is_setting {
                self.with_functions(&session)?
            } else {
                Some(session)
            };
            planned.push(PlannedStatement {
                work,
                stop,
                line: usize::try_from(span.start.line).unwrap_or_default(),
            });
        }
        Ok(planned)
    }

    /// A context with the settings of now and the functions of `old`.
    fn with_functions(&self, old: &SessionContext) -> Result<Option<SessionContext>, EngineError> {
        let context = datafusion_context(&self.shared).map_err(|error| execution_error(&error))?;
        let functions = old.state();
        for name in self.shared.catalog.read().functions.keys() {
            if let Some(function) = functions.scalar_functions().get(name) {
                context.register_udf(function.as_ref().clone());
            }
            if let Some(function) = functions.aggregate_functions().get(name) {
                context.register_udaf(function.as_ref().clone());
            }
        }
        Ok(Some(context))
    }

    /// What the author of the script should know, though it is no error; each once.
    pub fn take_warnings(&self) -> Vec<String> {
        std::mem::take(&mut self.shared.warnings.lock())
    }

    /// Keeps the newest checkpoint of the job without end among these statements, in a folder that is
    /// not there yet: a local one or `s3://bucket/folder`. The job may be running in another process. Answers the checkpoint's number.
    pub async fn savepoint(
        &self,
        statements: &[PlannedStatement],
        folder: &Path,
    ) -> Result<u64, EngineError> {
        let endless = statements
            .iter()
            .find_map(|statement| match &statement.work {
                Work::Endless { settings, .. } => Some(settings),
                _ => None,
            });
        match endless {
            Some(settings) => keep_savepoint(settings, &SavepointPlace::parse(folder)?).await,
            None => Err(EngineError::job(
                "the job reads no table without end, so it takes no checkpoints",
            )),
        }
    }

    /// Runs one planned statement.
    pub fn run<'a>(
        &'a self,
        statement: PlannedStatement,
        observer: &'a Arc<JobObserver>,
    ) -> BoxFuture<'a, Result<Outcome, EngineError>> {
        self.run_statement(statement, observer).boxed()
    }

    async fn run_statement(
        &self,
        statement: PlannedStatement,
        observer: &Arc<JobObserver>,
    ) -> Result<Outcome, EngineError> {
        if observer.is_cancelled() {
            return Err(EngineError::Cancelled);
        }
        let nulls = || self.shared.gave_null.load(Ordering::Relaxed);
        let before = nulls();
        let inserted = |report: JobReport| {
            Outcome::Inserted(JobReport {
                nulls: nulls() - before,
                ..report
            })
        };
        // A job without end ends behind the rows that it has read.
        if !matches!(statement.work, Work::Endless { .. }) {
            statement.stop.follow(observer.cancellation().clone());
        }
        let models = self.shared.catalog.read().loaded_models();
        // How versions in the shadow differ.
        let compared = || {
            for notice in models.iter().filter_map(|model| model.difference_notice()) {
                say(&self.shared.connectors.stderr, &notice);
            }
        };
        match statement.work {
            Work::Done => Ok(Outcome::Nothing),
            Work::Text(text) => Ok(Outcome::Text(text)),
            Work::Rows(batch) => Ok(Outcome::Table {
                schema: batch.schema(),
                rows: stream::iter([Ok(batch)]).boxed(),
            }),
            Work::Query { plan, context } => {
                observe_sources(&plan, observer);
                let schema = plan.schema();
                let batches = execute_stream(plan, context.task_ctx())
                    .map_err(|error| execution_error(&error))?;
                let cancelled = observer.cancellation().clone().cancelled_owned();
                let rows = batches
                    .map(|batch| batch.map_err(|error| execution_error(&error)))
                    .take_until(cancelled);
                Ok(Outcome::Table {
                    schema,
                    rows: rows.boxed(),
                })
            }
            Work::Pipelines { pipelines, context } => {
                let report = run_pipelines(pipelines, context.task_ctx(), observer).await;
                compared();
                Ok(inserted(report?))
            }
            Work::Endless {
                pipelines,
                context,
                settings,
            } => {
                let context = context.task_ctx();
                let report = run_endless(pipelines, context, observer, &settings).await;
                compared();
                Ok(inserted(report?))
            }
        }
    }
}
