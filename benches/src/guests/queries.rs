//! The weighted mean as a query has it: GROUP BY, on one core.

use std::{error::Error, sync::Arc};

use arrow::{
    array::{ArrayRef, Int64Array, RecordBatch},
    datatypes::DataType,
};
use datafusion::{
    common::{Result as PlanResult, not_impl_err},
    datasource::MemTable,
    logical_expr::{
        Accumulator, AggregateUDF, AggregateUDFImpl, GroupsAccumulator, Signature, Volatility,
        function::AccumulatorArgs,
    },
    physical_plan::{ExecutionPlan, collect},
    prelude::{SessionConfig, SessionContext},
};
use futures::executor::block_on;
use wasmill_plugin::Plugin;
use wasmill_udf::{FunctionOptions, aggregate_udf};

use super::{BATCHES, Native, ROWS, columns, line, print};
use crate::{Arguments, border::paired};

pub(super) fn run(arguments: &Arguments, plugin: &Arc<Plugin>) -> Result<(), Box<dyn Error>> {
    let mut lines = Vec::new();
    for groups in [1, 300, 8_192] {
        let context = context(groups)?;
        let options = FunctionOptions::named("of_component");
        context.register_udaf(aggregate_udf(Arc::clone(plugin), "weighted_mean", options)?);
        context.register_udaf(AggregateUDF::from(NativeMean::new()));
        let of_native = plan(&context, "native")?;
        let of_wasm = plan(&context, "of_component")?;
        if rows(&context, &of_native)? != rows(&context, &of_wasm)? {
            return Err("the component and the native function disagree".into());
        }
        let (native, wasm, ratio) = paired(
            arguments.runs,
            || rows(&context, &of_native).map(drop),
            || rows(&context, &of_wasm).map(drop),
        )?;
        let each = (native / BATCHES as f64, wasm / BATCHES as f64, ratio);
        lines.push(line("weighted mean", groups, each));
    }
    print(
        "SELECT k, f(value, weight) FROM t GROUP BY k: time a batch of 8,192 rows, limits on, one core",
        "groups",
        &lines,
    );
    Ok(())
}

/// With the table `t` of 64 batches, whose keys are so many.
fn context(groups: usize) -> Result<SessionContext, Box<dyn Error>> {
    let keys = (0..ROWS).map(|row| (row * 7_919 % groups) as i64);
    let keys: ArrayRef = Arc::new(Int64Array::from_iter_values(keys));
    let batch = |seed| {
        let mut all = columns(seed).into_iter();
        let named = [("value", all.next()), ("weight", all.next())];
        let named = named
            .into_iter()
            .filter_map(|(name, column)| Some((name, column?)));
        RecordBatch::try_from_iter([("k", Arc::clone(&keys))].into_iter().chain(named))
    };
    let batches = (0..BATCHES).map(batch).collect::<Result<Vec<_>, _>>()?;
    let schema = batches.first().ok_or("no batches")?.schema();
    let config = SessionConfig::new().with_target_partitions(1);
    let context = SessionContext::new_with_config(config);
    let table = MemTable::try_new(schema, vec![batches])?;
    context.register_table("t", Arc::new(table))?;
    Ok(context)
}

fn plan(
    context: &SessionContext,
    function: &str,
) -> Result<Arc<dyn ExecutionPlan>, Box<dyn Error>> {
    let query = format!("SELECT k, {function}(value, weight) AS mean FROM t GROUP BY k");
    let plan = async { context.sql(&query).await?.create_physical_plan().await };
    Ok(block_on(plan)?)
}

fn rows(context: &SessionContext, plan: &Arc<dyn ExecutionPlan>) -> PlanResult<Vec<RecordBatch>> {
    block_on(collect(Arc::clone(plan), context.task_ctx()))
}

/// [`Native`] as a function.
#[derive(Debug, PartialEq, Eq, Hash)]
struct NativeMean {
    signature: Signature,
}

impl NativeMean {
    fn new() -> Self {
        let types = vec![DataType::Float64; 2];
        NativeMean {
            signature: Signature::exact(types, Volatility::Immutable),
        }
    }
}

impl AggregateUDFImpl for NativeMean {
    fn name(&self) -> &str {
        "native"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arg_types: &[DataType]) -> PlanResult<DataType> {
        Ok(DataType::Float64)
    }

    fn accumulator(&self, _args: AccumulatorArgs) -> PlanResult<Box<dyn Accumulator>> {
        not_impl_err!("one group")
    }

    fn groups_accumulator_supported(&self, _args: AccumulatorArgs) -> bool {
        true
    }

    fn create_groups_accumulator(
        &self,
        _args: AccumulatorArgs,
    ) -> PlanResult<Box<dyn GroupsAccumulator>> {
        Ok(Box::new(Native::default()))
    }
}
