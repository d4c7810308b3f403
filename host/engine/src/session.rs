//! A session: plans the statements of a script in order, then runs them.

use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
};

use arrow::{array::RecordBatch, datatypes::SchemaRef};
use datafusion::{
    common::DataFusionError,
    execution::SessionState,
    logical_expr::{LogicalPlan, LogicalPlanBuilder},
    physical_plan::{ExecutionPlan, displayable, execute_stream},
    prelude::SessionContext,
    sql::sqlparser::{ast::Query, tokenizer::Span},
};
use futures::{FutureExt, Stream, StreamExt, future::BoxFuture, stream};
use parking_lot::{Mutex, RwLock};
use wasmill_connectors::{ConnectorContext, ObjectFolder, SharedWriter};
use wasmill_state::StateStore;

use crate::{
    catalog::{self, Catalog, DeclaredModel, Relation, View},
    declare,
    error::{EngineError, Location},
    job::{
        EndlessSettings, JobObserver, JobReport, LetterKind, SavepointPlace, keep_savepoint,
        observe_sources, run_endless, run_pipelines,
    },
    planning::{
        EpochPipeline, Obstacle, Pipeline, PlanningScope, Shared, check_finds_no_letters,
        check_gives_rows, check_letters_once, connector_error, create_function, datafusion_context,
        epoch_pipeline, execution_error, is_endless, late_pipeline, letter_pipelines,
        physical_plan, plan_insert, planning_error, query_plan,
    },
    settings::Settings,
    sql::{
        self, CreateView, Insert, Name, ObjectKind, ParsedStatement, Script, Setting, Show,
        Statement,
    },
};

/// What a session starts with.
#[derive(Clone)]
pub struct SessionConfig {
    /// The folder that relative paths start from: the job file's.
    pub base: PathBuf,
    /// Settings as SET would make them.
    pub settings: BTreeMap<String, String>,
    /// The cache folder; compiled plugins go to `compiled/` in it.
    pub cache: PathBuf,
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
                written: Mutex::default(),
                warnings: Mutex::default(),
                host: Mutex::default(),
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
        self.plan_statements(name, text).boxed()
    }

    async fn plan_statements(
        &self,
        name: &str,
        text: &str,
    ) -> Result<Vec<PlannedStatement>, EngineError> {
        let script = Script::new(name, text);
        let (statements, warnings) = sql::parse(&script)?;
        self.shared.warnings.lock().extend(warnings);
        let mut planned = Vec::with_capacity(statements.len());
        let mut context = None;
        for ParsedStatement { statement, span } in statements {
            let session = match &context {
                Some(session) => SessionContext::clone(session),
                None => {
                    datafusion_context(&self.shared).map_err(|error| execution_error(&error))?
                }
            };
            let planner = Planner {
                shared: &self.shared,
                state: session.state(),
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
                Ok(Outcome::Inserted(report?))
            }
            Work::Endless {
                pipelines,
                context,
                settings,
            } => {
                let context = context.task_ctx();
                let report = run_endless(pipelines, context, observer, &settings).await;
                Ok(Outcome::Inserted(report?))
            }
        }
    }
}

/// Plans one statement.
struct Planner<'a> {
    shared: &'a Arc<Shared>,
    state: SessionState,
    context: &'a SessionContext,
    script: &'a Script,
    span: Span,
}

impl Planner<'_> {
    fn location(&self, span: Span) -> Option<Location> {
        self.script.location(span)
    }

    fn diagnose(&self, error: &DataFusionError, query: Option<&Query>) -> EngineError {
        planning_error(
            error,
            &PlanningScope {
                script: self.script,
                statement: self.span,
                query,
                catalog: &self.shared.catalog.read(),
                state: &self.state,
            },
        )
    }

    async fn plan(&self, statement: &Statement) -> Result<Work, EngineError> {
        match statement {
            Statement::Query(query) => {
                let plan = self.query(query).await?;
                let plan = physical_plan(&self.state, &plan).await;
                let plan = plan.and_then(|plan| check_gives_rows(&plan).map(|()| plan));
                let plan = plan.map_err(|error| self.diagnose(&error, Some(query)))?;
                check_finds_no_letters(&plan)?;
                Ok(Work::Query {
                    plan,
                    context: self.context.clone(),
                })
            }
            Statement::Insert(insert) => self.pipelines(&[(insert, self.span)]).await,
            Statement::Inserts(inserts) => {
                let inserts: Vec<_> = inserts
                    .iter()
                    .map(|(insert, span)| (insert, *span))
                    .collect();
                self.pipelines(&inserts).await
            }
            Statement::Explain(inner) => Box::pin(self.explain(inner)).await,
            Statement::CreateTable(create) => {
                let insert = declare::create_table(self.shared, &self.state, create, self.script)
                    .await
                    .map_err(|error| match error {
                        declare::DeclareError::Engine(error) => error,
                        declare::DeclareError::Planning(error) => {
                            let query = create.query.as_ref().map(|(query, _)| query.as_ref());
                            self.diagnose(&error, query)
                        }
                    })?;
                match insert {
                    Some(insert) => self.pipelines(&[(&insert, self.span)]).await,
                    None => Ok(Work::Done),
                }
            }
            Statement::CreateView(view) => self.create_view(view).await,
            Statement::CreateModel(create) => {
                let mut catalog = self.shared.catalog.write();
                let name = &create.name;
                if catalog
                    .is_free(ObjectKind::Model, &name.text, create.if_not_exists)
                    .map_err(|error| error.at(|| self.location(name.span)))?
                {
                    let model = DeclaredModel::new(
                        name.text.clone(),
                        create.temporary,
                        (create.inputs.clone(), create.outputs.clone()),
                        create.comment.clone(),
                        create.options.clone(),
                        self.location(name.span),
                    );
                    catalog.models.insert(name.text.clone(), Arc::new(model));
                }
                Ok(Work::Done)
            }
            Statement::CreateFunction(create) => {
                let name = &create.name;
                let free = self
                    .shared
                    .catalog
                    .read()
                    .is_free(ObjectKind::Function, &name.text, create.if_not_exists)
                    .map_err(|error| error.at(|| self.location(name.span)))?;
                if free {
                    let (declared, udf) = create_function(self.shared, create, self.script)?;
                    self.context.register_udf(udf);
                    let mut catalog = self.shared.catalog.write();
                    catalog
                        .functions
                        .insert(name.text.to_lowercase(), Arc::new(declared));
                }
                Ok(Work::Done)
            }
            Statement::Drop {
                kind,
                name,
                if_exists,
            } => {
                let removed = self
                    .shared
                    .catalog
                    .write()
                    .remove(*kind, &name.text, *if_exists)
                    .map_err(|error| error.at(|| self.location(name.span)))?;
                if removed && *kind == ObjectKind::Function {
                    self.context.deregister_udf(&name.text.to_lowercase());
                }
                Ok(Work::Done)
            }
            Statement::Alter(alter) => {
                declare::alter(&mut self.shared.catalog.write(), alter)
                    .map_err(|error| error.at(|| self.location(alter.name.span)))?;
                Ok(Work::Done)
            }
            Statement::Show(show) => self.show(show),
            Statement::Describe { kind, name } => {
                catalog::describe(&self.shared.catalog.read(), *kind, &name.text)
                    .map(Work::Rows)
                    .map_err(|error| error.at(|| self.location(name.span)))
            }
            Statement::Setting(setting) => self.set(setting.as_ref()),
            Statement::Reset(key) => self.reset(key.as_ref()),
        }
    }

    async fn query(&self, query: &Query) -> Result<LogicalPlan, EngineError> {
        query_plan(&self.state, query)
            .await
            .map_err(|error| self.diagnose(&error, Some(query)))
    }

    async fn insert(&self, insert: &Insert, span: Span) -> Result<Pipeline, EngineError> {
        plan_insert(self.shared, &self.state, insert, self.script, span).await
    }

    async fn pipelines(&self, inserts: &[(&Insert, Span)]) -> Result<Work, EngineError> {
        let mut pipelines = Vec::with_capacity(inserts.len());
        for (insert, span) in inserts {
            pipelines.push(self.insert(insert, *span).await?);
        }
        pipelines.extend(letter_pipelines(self.shared, &pipelines)?);
        let context = self.context.clone();
        if is_endless(&pipelines) {
            let place = self.location(self.span);
            pipelines.extend(late_pipeline(self.shared, &pipelines, place)?);
            let settings = self.endless(&pipelines)?;
            return Ok(Work::Endless {
                pipelines: self.in_epochs(&pipelines, inserts, &settings.store)?,
                context,
                settings: Box::new(settings),
            });
        }
        for (pipeline, (insert, span)) in pipelines.iter().zip(inserts) {
            check_gives_rows(&pipeline.plan).map_err(|error| {
                let error = self.diagnose(&error, Some(&insert.query));
                error.at(|| self.location(*span))
            })?;
        }
        Ok(Work::Pipelines { pipelines, context })
    }

    /// The pipelines of a job without end, so that they run in epochs.
    fn in_epochs(
        &self,
        pipelines: &[Pipeline],
        inserts: &[(&Insert, Span)],
        store: &Arc<StateStore>,
    ) -> Result<Vec<EpochPipeline>, EngineError> {
        let mut in_epochs = Vec::with_capacity(pipelines.len());
        let ttl = self.shared.settings.read().state_ttl();
        let mut letters = pipelines
            .iter()
            .filter_map(|pipeline| pipeline.letters.as_ref());
        let late_rows = letters.find(|letters| letters.kind() == LetterKind::LateRows);
        for (pipeline, (_, span)) in pipelines.iter().zip(inserts) {
            let table = &pipeline.table;
            let refused = |message: String, hint: &str| {
                let error = EngineError::job(message).with_hint(hint.to_owned());
                Err(error.at(|| self.location(*span)))
            };
            match epoch_pipeline(pipeline, store, ttl, late_rows) {
                Ok(pipeline) => in_epochs.push(pipeline),
                Err(Obstacle::Part(part, hint)) => {
                    let message = format!(
                        "the query into '{table}' is over tables without end and has {part}, for \
                         which they would have to end"
                    );
                    return refused(message, hint);
                }
                Err(Obstacle::Internal(error)) => return Err(execution_error(&error)),
            }
            let mut deciding = pipelines.iter().filter(|pipeline| pipeline.sink.decides());
            let first = deciding.next();
            let other =
                deciding.find(|other| first.is_some_and(|first| !other.sink.joins(&first.sink)));
            if let (Some(first), Some(other)) = (first, other) {
                return refused(
                    format!(
                        "the sinks '{}' and '{}' each commit by themselves, so that a crash may fall \
                         between the two",
                        first.table, other.table
                    ),
                    "topics can be written in one transaction, if their 'properties.*' are the same; \
                     otherwise let one sink be exactly-once in a job, and give the others \
                     'sink.delivery-guarantee' = 'at-least-once'",
                );
            }
            if pipeline.overwrite {
                return refused(
                    format!("INSERT OVERWRITE into '{table}' needs an end, and the job has none"),
                    "use INSERT INTO",
                );
            }
        }
        for ((pipeline, found), (_, span)) in pipelines.iter().zip(&in_epochs).zip(inserts) {
            check_letters_once(pipeline, found)
                .map_err(|error| error.at(|| self.location(*span)))?;
        }
        let letters = pipelines
            .iter()
            .filter(|pipeline| pipeline.letters.is_some());
        in_epochs.extend(letters.cloned().map(EpochPipeline::of_letters));
        Ok(in_epochs)
    }

    fn endless(&self, pipelines: &[Pipeline]) -> Result<EndlessSettings, EngineError> {
        let settings = self.shared.settings.read();
        let connectors = self.shared.connectors();
        let interval = settings.checkpoint_interval();
        let waits = |pipeline: &&Pipeline| pipeline.sink.shows_at_checkpoints();
        if let (None, Some(pipeline)) = (interval, pipelines.iter().find(waits)) {
            self.shared.warnings.lock().push(format!(
                "the job has no end and takes no checkpoints: '{}' shows nothing before the job is \
                 stopped; SET 'execution.checkpointing.interval' = '10 s' shows its rows every 10 s",
                pipeline.table
            ));
        }
        let folder = settings.checkpoint_folder();
        let remote = folder.map(ObjectFolder::parse).transpose();
        let remote = remote.map_err(|error| connector_error(&error))?.flatten();
        let folder = match (folder, &remote) {
            (Some(_), Some(_)) => ".wasmill/checkpoints-of-store",
            (Some(folder), None) => folder.strip_prefix("file://").unwrap_or(folder),
            (None, _) => ".wasmill/checkpoints",
        };
        let folder = connectors.base.join(folder);
        let name = settings.job_name().unwrap_or_else(|| self.script.stem());
        let inserts = pipelines.iter().filter(|found| found.letters.is_none());
        let sinks: Vec<_> = inserts.map(|found| &*found.table).collect();
        Ok(EndlessSettings {
            limits: settings.epoch_limits(),
            interval,
            folder: folder.strip_prefix(".").unwrap_or(&folder).to_owned(),
            remote,
            name: file_name(&format!("{name}-{}", sinks.join("+"))),
            retained: settings.retained_checkpoints(),
            restart: settings.restart_strategy(),
            savepoint: settings
                .savepoint()
                .map(|path| match path.contains("://") {
                    true => SavepointPlace::parse(Path::new(path)),
                    false => SavepointPlace::parse(&connectors.base.join(path)),
                })
                .transpose()?,
            run: connectors.job.clone(),
            messages: connectors.stderr.clone(),
            store: Arc::new(StateStore::new(settings.state_memory())),
        })
    }

    async fn create_view(&self, create: &CreateView) -> Result<Work, EngineError> {
        let name = &create.name;
        let at_name = |error: EngineError| error.at(|| self.location(name.span));
        let free = self
            .shared
            .catalog
            .read()
            .is_free(ObjectKind::View, &name.text, create.if_not_exists)
            .map_err(at_name)?;
        if !free {
            return Ok(Work::Done);
        }
        let mut plan = self.query(&create.query).await?;
        if !create.columns.is_empty() {
            let columns = plan.schema().columns();
            if columns.len() != create.columns.len() {
                return Err(at_name(EngineError::job(format!(
                    "the view '{}' names {} columns, its query has {}",
                    name.text,
                    create.columns.len(),
                    columns.len()
                ))));
            }
            let renamed = columns
                .into_iter()
                .zip(&create.columns)
                .map(|(column, name)| {
                    datafusion::logical_expr::Expr::Column(column).alias(&name.text)
                });
            plan = LogicalPlanBuilder::from(plan)
                .project(renamed.collect::<Vec<_>>())
                .and_then(LogicalPlanBuilder::build)
                .map_err(|error| self.diagnose(&error, Some(&create.query)))?;
        }
        let view = View {
            name: name.text.clone(),
            temporary: create.temporary,
            comment: create.comment.clone(),
            plan,
            text: create.text.clone(),
        };
        let mut catalog = self.shared.catalog.write();
        catalog
            .relations
            .insert(name.text.clone(), Relation::View(Arc::new(view)));
        Ok(Work::Done)
    }

    async fn explain(&self, statement: &Statement) -> Result<Work, EngineError> {
        let mut text = String::new();
        match statement {
            Statement::Query(query) => {
                let plan = self.query(query).await?;
                let plan = physical_plan(&self.state, &plan)
                    .await
                    .map_err(|error| self.diagnose(&error, Some(query)))?;
                text.push_str(&displayable(plan.as_ref()).indent(false).to_string());
            }
            Statement::Insert(insert) => {
                text = explained(&self.pipelines(&[(insert, self.span)]).await?);
            }
            Statement::Inserts(inserts) => {
                let inserts: Vec<_> = inserts
                    .iter()
                    .map(|(insert, span)| (insert, *span))
                    .collect();
                text = explained(&self.pipelines(&inserts).await?);
            }
            _ => return Err(EngineError::bug("EXPLAIN of another statement")),
        }
        Ok(Work::Text(text))
    }

    fn show(&self, show: &Show) -> Result<Work, EngineError> {
        let catalog = self.shared.catalog.read();
        let names = |column: &str, names: Vec<String>| {
            let rows = names.into_iter().map(|name| vec![Some(name)]);
            catalog::list(&[column], rows.collect()).map(Work::Rows)
        };
        match show {
            Show::Tables => names("table name", catalog.relation_names()),
            Show::Views => {
                let views = catalog.relations.iter();
                let views = views.filter(|(_, relation)| matches!(relation, Relation::View(_)));
                names("view name", views.map(|(name, _)| name.clone()).collect())
            }
            Show::Models => names("model name", catalog.models.keys().cloned().collect()),
            Show::Functions { user } => {
                let own = catalog.functions.values();
                let mut functions: Vec<_> = own.map(|function| function.name.clone()).collect();
                if !user {
                    functions.extend(self.state.scalar_functions().keys().cloned());
                    functions.extend(self.state.aggregate_functions().keys().cloned());
                    functions.extend(self.state.window_functions().keys().cloned());
                    functions.retain(|name| !name.starts_with("__"));
                }
                functions.sort();
                functions.dedup();
                names("function name", functions)
            }
            Show::Create { kind, name } => catalog::show_create(&catalog, *kind, &name.text)
                .map(Work::Text)
                .map_err(|error| error.at(|| self.location(name.span))),
        }
    }

    fn set(&self, setting: Option<&Setting>) -> Result<Work, EngineError> {
        let mut settings = self.shared.settings.write();
        let Some(setting) = setting else {
            let rows = settings
                .values()
                .iter()
                .map(|(key, value)| vec![Some(key.clone()), Some(value.clone())]);
            return catalog::list(&["key", "value"], rows.collect()).map(Work::Rows);
        };
        settings
            .set(&setting.key.text, &setting.value)
            .map_err(|error| error.at(|| self.location(setting.key.span)))?;
        Ok(Work::Done)
    }

    fn reset(&self, key: Option<&Name>) -> Result<Work, EngineError> {
        self.shared
            .settings
            .write()
            .reset(key.map(|key| key.text.as_str()))
            .map_err(|error| match key {
                Some(key) => error.at(|| self.location(key.span)),
                None => error,
            })?;
        Ok(Work::Done)
    }
}

/// What may be the name of a folder.
fn file_name(text: &str) -> String {
    let usable = |letter: char| letter.is_alphanumeric() || matches!(letter, '-' | '_' | '+' | '.');
    let letters = text.chars();
    letters
        .map(|letter| if usable(letter) { letter } else { '_' })
        .take(100)
        .collect()
}

/// The plans of INSERTs.
fn explained(work: &Work) -> String {
    match work {
        Work::Pipelines { pipelines, .. } => pipelines.iter().map(explain_insert).collect(),
        Work::Endless { pipelines, .. } => {
            let pipelines = pipelines.iter().map(|found| &found.pipeline);
            pipelines.map(explain_insert).collect()
        }
        _ => String::new(),
    }
}

fn explain_insert(pipeline: &Pipeline) -> String {
    let plan = displayable(pipeline.plan.as_ref())
        .indent(false)
        .to_string();
    let plan: Vec<_> = plan.lines().map(|line| format!("  {line}\n")).collect();
    format!("Sink: table={}\n{}", pipeline.table, plan.concat())
}
