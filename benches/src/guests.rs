//! Functions of other kinds than numbers a row: groups in a guest beside the same groups in Rust, both
//! through DataFusion's interface; process functions and texts likewise. With the default limits on.

mod process;
mod queries;
mod texts;

use std::{error::Error, path::Path, sync::Arc};

use arrow::{
    array::{Array, ArrayRef, AsArray, BooleanArray, Float64Array},
    datatypes::{DataType, Field, FieldRef, Float64Type, Schema},
};
use datafusion::{
    common::{Result as PlanResult, not_impl_err},
    logical_expr::{EmitTo, GroupsAccumulator, function::AccumulatorArgs},
    physical_expr::{PhysicalExpr, expressions::Column},
};
use wasmill_plugin::{Host, HostConfig, OpenOptions, Plugin};
use wasmill_udf::{FunctionOptions, aggregate_udf};

use crate::{Arguments, border::paired, table};

const ROWS: usize = 8_192;
/// Different batches that are added in turn, as in the border's bench.
const BATCHES: usize = 64;
/// The ratio that must not be exceeded.
const BAR: f64 = 1.5;

/// Runs the suite and prints its table.
pub fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let host = Host::new(HostConfig::default())?;
    let statistics = root.join("target/plugins/statistics.wasm");
    let plugin = host.load("statistics", &statistics)?;
    let mut lines = Vec::new();
    for groups in [1, 300, 8_192] {
        lines.push(weighted_mean(arguments, &plugin, groups)?);
    }
    print(
        "Aggregates alone: 8,192 rows added through DataFusion's groups, limits on, 64 batches in turn",
        "groups",
        &lines,
    );
    copies(&plugin)?;
    queries::run(arguments, &plugin)?;
    process::run(arguments, &host, &root)?;
    texts::run(arguments, &host, &root)
}

/// Values and weights.
fn columns(seed: usize) -> Vec<ArrayRef> {
    let column = |factor: usize| -> ArrayRef {
        let values = (0..ROWS).map(|row| ((row * factor + seed) % 1_000) as f64);
        Arc::new(Float64Array::from_iter_values(values))
    };
    vec![column(7), column(13)]
}

fn weighted_mean(
    arguments: &Arguments,
    plugin: &Arc<Plugin>,
    groups: usize,
) -> Result<Vec<String>, Box<dyn Error>> {
    let batches: Vec<_> = (0..BATCHES).map(columns).collect();
    // As a hash of keys numbers them: in no order.
    let numbers: Vec<_> = (0..ROWS).map(|row| (row * 7_919) % groups).collect();
    let options = FunctionOptions::named("weighted_mean");
    let function = aggregate_udf(Arc::clone(plugin), "weighted_mean", options)?;
    let mut native: Box<dyn GroupsAccumulator> = Box::new(Native::default());
    let mut wasm = accumulator(&function)?;
    for accumulator in [&mut native, &mut wasm] {
        for batch in &batches {
            accumulator.update_batch(batch, &numbers, None, groups)?;
        }
    }
    let (one, other) = (native.evaluate(EmitTo::All)?, wasm.evaluate(EmitTo::All)?);
    if one.as_primitive::<Float64Type>() != other.as_primitive::<Float64Type>() {
        return Err("the component and the native function disagree".into());
    }
    let (mut of_native, mut of_wasm) = (batches.iter().cycle(), batches.iter().cycle());
    let times = paired(
        arguments.runs,
        || add(&mut *native, of_native.next(), &numbers, groups),
        || add(&mut *wasm, of_wasm.next(), &numbers, groups),
    )?;
    Ok(line("weighted mean", groups, times))
}

/// Of a function and how much it is at work on: the native time, the component's, both in seconds, and
/// their ratio.
fn line(function: &str, of: impl ToString, (native, wasm, ratio): (f64, f64, f64)) -> Vec<String> {
    vec![
        function.to_owned(),
        of.to_string(),
        table::duration(native),
        table::duration(wasm),
        table::ratio(ratio),
        table::ratio(BAR),
        table::verdict(ratio <= BAR),
    ]
}

fn print(title: &str, of: &str, lines: &[Vec<String>]) {
    let header = ["function", of, "native", "component", "ratio", "bar", ""];
    table::print(title, &header, lines);
}

fn add(
    accumulator: &mut dyn GroupsAccumulator,
    batch: Option<&Vec<ArrayRef>>,
    numbers: &[usize],
    groups: usize,
) -> PlanResult<()> {
    batch.map_or(Ok(()), |batch| {
        accumulator.update_batch(batch, numbers, None, groups)
    })
}

/// The function's groups, as a plan would make them.
fn accumulator(
    function: &datafusion::logical_expr::AggregateUDF,
) -> Result<Box<dyn GroupsAccumulator>, Box<dyn Error>> {
    let fields: Vec<FieldRef> = ["value", "weight"]
        .map(|name| Arc::new(Field::new(name, DataType::Float64, true)))
        .to_vec();
    let schema = Schema::new(fields.clone());
    let columns = ["value", "weight"].iter().enumerate();
    let columns: Vec<Arc<dyn PhysicalExpr>> = columns
        .map(|(index, name)| Arc::new(Column::new(name, index)) as _)
        .collect();
    let arguments = AccumulatorArgs {
        return_field: function.return_field(&fields)?,
        schema: &schema,
        ignore_nulls: false,
        order_bys: &[],
        is_reversed: false,
        name: "weighted_mean",
        is_distinct: false,
        exprs: &columns,
        expr_fields: &fields,
    };
    Ok(function.create_groups_accumulator(arguments)?)
}

/// What a batch copies: the columns that are read, and nothing else.
fn copies(plugin: &Arc<Plugin>) -> Result<(), Box<dyn Error>> {
    let arguments = ["value", "weight"];
    let arguments = arguments.map(|name| Arc::new(Field::new(name, DataType::Float64, true)));
    let options = OpenOptions::new("weighted_mean", arguments.to_vec());
    let function = plugin.open("weighted_mean", options)?;
    let mut groups = function.accumulators()?;
    groups.update(&columns(0), vec![0; ROWS], 1)?;
    let copied = function.counters().bytes_in;
    println!(
        "\na batch of 8,192 rows copies {copied} bytes of columns into the guest (2 × 8,192 × 8)"
    );
    Ok(())
}

/// The same groups in Rust.
#[derive(Default)]
struct Native {
    groups: Vec<(f64, f64, i64)>,
}

impl GroupsAccumulator for Native {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        _opt_filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> PlanResult<()> {
        self.groups.resize(total_num_groups, (0.0, 0.0, 0));
        let [values, weights] = values else {
            return not_impl_err!("other arguments");
        };
        let values = values.as_primitive::<Float64Type>();
        let weights = weights.as_primitive::<Float64Type>();
        if values.null_count() + weights.null_count() > 0 {
            return not_impl_err!("NULL");
        }
        let rows = values.values().iter().zip(weights.values());
        for ((value, weight), group) in rows.zip(group_indices) {
            let (sum, weights, rows) = &mut self.groups[*group];
            *sum += value * weight;
            *weights += weight;
            *rows += 1;
        }
        Ok(())
    }

    fn evaluate(&mut self, _emit_to: EmitTo) -> PlanResult<ArrayRef> {
        let groups = std::mem::take(&mut self.groups).into_iter();
        let means = groups.map(|(sum, weight, _)| (weight != 0.0).then(|| sum / weight));
        Ok(Arc::new(means.collect::<Float64Array>()))
    }

    fn state(&mut self, _emit_to: EmitTo) -> PlanResult<Vec<ArrayRef>> {
        not_impl_err!("states")
    }

    fn merge_batch(
        &mut self,
        _values: &[ArrayRef],
        _group_indices: &[usize],
        _total_num_groups: usize,
    ) -> PlanResult<()> {
        not_impl_err!("states")
    }

    fn convert_to_state(
        &self,
        _values: &[ArrayRef],
        _opt_filter: Option<&BooleanArray>,
    ) -> PlanResult<Vec<ArrayRef>> {
        not_impl_err!("states")
    }

    fn size(&self) -> usize {
        self.groups.capacity() * size_of::<(f64, f64, i64)>()
    }
}
