//! From parsed statements to plans: names are looked up, types are checked, files and plugins are
//! found, so that whatever can be wrong with a job is known before any of it runs.

mod assignment;
mod calls;
mod casts;
mod changes;
mod concurrent_calls;
mod context;
mod diagnose;
mod endless;
mod epochs;
mod functions;
mod grants;
mod guards;
mod holding;
mod insert;
mod intervals;
mod letters;
mod limits;
mod lookup;
mod model_function;
mod newest;
mod node;
mod once;
mod plugin;
mod predict;
mod predict_config;
mod process;
mod proctime;
mod queries;
mod ranks;
mod relations;
mod replay;
mod rewrite;
mod scan;
mod serving;
mod table_functions;
mod tables;
mod watermark;
mod windows;

pub(crate) use context::{Shared, datafusion_context, say};
pub(crate) use diagnose::{
    PlanningScope, connector_error, execution_error, model_error, planning_error,
};
pub(crate) use endless::{as_holding, as_scan, followed, is_endless};
pub(crate) use epochs::{EpochPipeline, Obstacle, epoch_pipeline};
pub(crate) use functions::create_function;
pub(crate) use holding::{Holding, Released};
pub(crate) use insert::{Pipeline, plan_insert};
pub(crate) use letters::{
    Latecomers, check_finds_no_letters, check_letters_once, deliver, late_pipeline,
    letter_pipelines,
};
pub(crate) use limits::{Tenant, ceiling};
pub(crate) use node::plan_node;
pub(crate) use once::Once;
pub(crate) use process::DeclaredProcess;
pub use process::{
    Answer, BroadcastRows, CallError, GuestState, MOST_TIMERS, Moment, Surroundings, TimerCalls,
    state_spec,
};
pub(crate) use queries::{check_gives_rows, computed_column, physical_plan, query_plan};
pub(crate) use scan::{SourceScan, given};
pub(crate) use serving::DeclaredScalar;
pub(crate) use watermark::planned_watermark;
pub(crate) use windows::milliseconds;

use datafusion::{
    common::{DataFusionError, Diagnostic, Span as PlanSpan},
    sql::sqlparser::tokenizer::Span,
};

use crate::error::EngineError;

/// Carries an error of ours through DataFusion.
pub(crate) fn external(error: impl std::error::Error + Send + Sync + 'static) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}

/// An error of ours with the place of `span`, through DataFusion.
pub(crate) fn external_at(error: EngineError, span: Span) -> DataFusionError {
    let message = error.to_string();
    external(error).with_diagnostic(Diagnostic::new_error(
        message,
        PlanSpan::try_from_sqlparser_span(span),
    ))
}
