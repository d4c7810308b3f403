//! The DataFusion session under a session of ours, and what both share.

use std::{
    path::PathBuf,
    sync::{Arc, atomic::AtomicU64},
};

use datafusion::{
    arrow::datatypes::{Field, FieldRef},
    catalog::CatalogProvider,
    common::Result,
    execution::{
        FunctionRegistry, SessionStateBuilder, disk_manager::DiskManagerBuilder,
        memory_pool::FairSpillPool, runtime_env::RuntimeEnvBuilder,
    },
    logical_expr::{ScalarUDF, planner::TypePlanner},
    physical_optimizer::optimizer::PhysicalOptimizer,
    prelude::{SessionConfig, SessionContext},
    sql::sqlparser::ast::DataType as SqlType,
};
use parking_lot::{Mutex, RwLock};
use wasmill_connectors::{ConnectorContext, SharedWriter, TableDefinition};
use wasmill_plugin::{Account, Epoch, Host, HostConfig};
use wasmill_registry::RegistryConfig;

use super::{
    casts::{FlinkCasts, in_zone},
    external,
    guards::GuardCalls,
    limits::{Ceiling, Tenant},
    proctime::Proctime,
    queries::FlinkQueries,
    relations::RelationsPlanner,
    tables::Tables,
};
use crate::{
    catalog::{CATALOG, Catalog, DATABASE},
    error::EngineError,
    functions::scalar_functions,
    settings::Settings,
    sql::{DATA_TYPE, parse_type_text},
};

/// What the planner, the tables and the session share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub catalog: RwLock<Catalog>,
    pub settings: RwLock<Settings>,
    pub connectors: ConnectorContext,
    pub cache: PathBuf,
    pub registries: RegistryConfig,
    /// The `path` of each sink that a planned INSERT writes: a later source there is looked at when
    /// it runs, not when it is planned.
    pub written: Mutex<Vec<String>>,
    pub warnings: Mutex<Vec<String>>,
    pub host: Mutex<Option<Arc<Host>>>,
    /// What functions may be granted; `None`: anything.
    pub allowed_grants: Option<Vec<String>>,
    /// What functions, and the job, may use at most.
    pub ceiling: Ceiling,
    /// Whose job it is.
    pub tenant: Tenant,
    /// What the functions of the job use together; from the first one on.
    pub account: Mutex<Option<Arc<Account>>>,
    /// Of the statement that runs: log lines of functions are told with it.
    pub epoch: Epoch,
    /// Rows for which functions gave NULL because they failed on them.
    pub gave_null: Arc<AtomicU64>,
}

/// Tells the user.
pub(crate) fn say(messages: &SharedWriter, message: &str) {
    if let Ok(mut messages) = messages.lock() {
        // Who does not listen need not be told.
        writeln!(messages, "{message}").ok();
    }
}

impl Shared {
    pub(crate) fn connectors(&self) -> ConnectorContext {
        let settings = self.settings.read();
        ConnectorContext {
            batch_rows: settings.batch_rows(),
            checkpoints: settings.checkpoint_interval().is_some(),
            ..self.connectors.clone()
        }
    }

    /// The sandbox of plugins; started for the first one.
    pub(crate) fn host(&self) -> std::result::Result<Arc<Host>, EngineError> {
        let mut host = self.host.lock();
        if let Some(host) = host.as_ref() {
            return Ok(Arc::clone(host));
        }
        let config = HostConfig {
            cache: Some(self.cache.join("compiled")),
            ceiling: self.ceiling.function.clone(),
            ..HostConfig::default()
        };
        let started = Host::new(config).map_err(|error| super::diagnose::plugin_error(&error))?;
        *host = Some(Arc::clone(&started));
        Ok(started)
    }

    /// A planned pipeline writes this table.
    pub(crate) fn note_written(&self, table: &TableDefinition) {
        if let Some(path) = table.options.get("path") {
            let path = path.trim_end_matches('/').to_owned();
            self.written.lock().push(path);
        }
    }

    pub(crate) fn will_be_written(&self, path: &str) -> bool {
        let path = path.trim_end_matches('/');
        self.written.lock().iter().any(|written| {
            path == written
                || path
                    .strip_prefix(written.as_str())
                    .is_some_and(|rest| rest.starts_with('/'))
        })
    }
}

/// A DataFusion session with our tables, types and ML_PREDICT.
pub(crate) fn datafusion_context(shared: &Arc<Shared>) -> Result<SessionContext> {
    let settings = shared.settings.read();
    let mut config = SessionConfig::new()
        .with_target_partitions(settings.parallelism())
        .with_batch_size(settings.batch_rows())
        .with_default_catalog_and_schema(CATALOG, DATABASE)
        .with_create_default_catalog_and_schema(true)
        .with_information_schema(false)
        .with_collect_statistics(false);
    let options = config.options_mut();
    options.sql_parser.enable_ident_normalization = false;
    options.sql_parser.map_string_types_to_utf8view = false;
    options.sql_parser.collect_spans = true;
    // Sources come in as many partitions as there are workers: spreading rows anew costs only copies.
    options.optimizer.enable_round_robin_repartition = false;
    if let Some(zone) = settings.time_zone() {
        options.execution.time_zone = Some(zone.to_owned());
    }
    let types = FlinkTypes {
        zone: settings.time_zone().map(str::to_owned),
    };
    let runtime = RuntimeEnvBuilder::new()
        .with_memory_pool(Arc::new(FairSpillPool::new(settings.memory())))
        .with_disk_manager_builder(DiskManagerBuilder::default())
        .build_arc()?;
    // DataFusion's physical filter push-down copies the expression of a projection, volatile or not,
    // into a filter below it: a model would run twice. No source here takes a filter anyway.
    let rules = PhysicalOptimizer::default()
        .rules
        .into_iter()
        .filter(|rule| !rule.name().starts_with("FilterPushdown"))
        .collect();
    let mut state = SessionStateBuilder::new_with_default_features()
        .with_analyzer_rule(Arc::new(GuardCalls))
        .with_physical_optimizer_rules(rules)
        .with_config(config)
        .with_runtime_env(runtime)
        .with_relation_planners(vec![Arc::new(RelationsPlanner::new(Arc::clone(shared)))])
        .with_query_planner(Arc::new(FlinkQueries))
        .with_type_planner(Arc::new(types))
        .build();
    state.register_function_rewrite(Arc::new(FlinkCasts))?;
    let context = SessionContext::new_with_state(state);
    context.register_udf(ScalarUDF::from(Proctime::new(settings.time_zone())));
    for function in scalar_functions(settings.time_zone()) {
        context.register_udf(function);
    }
    if let Some(catalog) = context.catalog(CATALOG) {
        let catalog: Arc<dyn CatalogProvider> = catalog;
        catalog.register_schema(DATABASE, Arc::new(Tables::new(Arc::clone(shared))))?;
    }
    Ok(context)
}

/// Types in CAST, which the parser hands on in Flink's notation.
#[derive(Debug)]
struct FlinkTypes {
    zone: Option<String>,
}

impl TypePlanner for FlinkTypes {
    fn plan_type_field(&self, sql_type: &SqlType) -> Result<Option<FieldRef>> {
        let SqlType::Custom(name, modifiers) = sql_type else {
            return Ok(None);
        };
        let (true, [text]) = (name.to_string() == DATA_TYPE, modifiers.as_slice()) else {
            return Ok(None);
        };
        match parse_type_text(text) {
            Some(declared) => {
                let data_type = in_zone(&declared.data_type, self.zone.as_deref());
                Ok(Some(Arc::new(Field::new("", data_type, true))))
            }
            None => Err(external(EngineError::job(format!(
                "there is no type {text}"
            )))),
        }
    }
}
