//! A WASM aggregate function behind DataFusion's `AggregateUDFImpl`.
//!
//! GROUP BY has one guest a partition, which keeps all of its groups ([`Groups`]). Where there is
//! one accumulator for all rows, or one for each partition of OVER, several share a guest
//! ([`Single`]).

use std::sync::Arc;

use arrow::{
    array::{Array, ArrayRef, BooleanArray, RecordBatch, RecordBatchOptions},
    compute::{concat, filter, prep_null_mask_filter},
    datatypes::{DataType, Field, FieldRef, Schema},
};
use datafusion::{
    common::{DataFusionError, Result, ScalarValue, exec_err},
    logical_expr::{
        Accumulator, AggregateUDF, AggregateUDFImpl, EmitTo, GroupsAccumulator, Signature,
        Volatility,
        function::{AccumulatorArgs, StateFieldsArgs},
        utils::format_state_name,
    },
};
use wasmill_plugin::{Accumulators, Function, Plugin, PluginError};

use crate::{
    error::{UdfError, external},
    opening::{FunctionOptions, Opener},
};

/// A WASM aggregate function as a DataFusion function: its arguments are cast to what the plugin
/// declares, and it is opened once for each distinct list of argument types. An error of a row fails
/// the query, whatever `options.on_error` says: rows that were added cannot be told apart any more.
pub fn aggregate_udf(
    plugin: Arc<Plugin>,
    function: &str,
    options: FunctionOptions,
) -> Result<AggregateUDF, PluginError> {
    Ok(AggregateUDF::new_from_impl(WasmAggregate::new(
        plugin, function, options,
    )?))
}

/// See [`aggregate_udf`].
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct WasmAggregate {
    opener: Opener,
    signature: Signature,
}

impl WasmAggregate {
    /// Fails where the plugin has no such function.
    pub fn new(
        plugin: Arc<Plugin>,
        function: &str,
        options: FunctionOptions,
    ) -> Result<Self, PluginError> {
        let opener = Opener::new(plugin, function, options)?;
        let volatility = match opener.is_deterministic() {
            true => Volatility::Immutable,
            false => Volatility::Volatile,
        };
        Ok(WasmAggregate {
            signature: Signature::new(opener.type_signature(), volatility),
            opener,
        })
    }

    fn opened(&self, fields: &[FieldRef]) -> Result<Arc<Function>> {
        let types: Vec<_> = fields
            .iter()
            .map(|field| field.data_type().clone())
            .collect();
        self.opener.opened(&types).map_err(plugin_error)
    }

    fn single(&self, args: &AccumulatorArgs, slides: bool) -> Result<Box<dyn Accumulator>> {
        if args.is_distinct {
            return Err(external(UdfError::Distinct {
                function: self.opener.options.sql_name.clone(),
            }));
        }
        let function = self.opened(args.expr_fields)?;
        let accumulators = function.shared_accumulators().map_err(plugin_error)?;
        let frame = (slides && !function.retracts()).then(Vec::new);
        Ok(Box::new(Single {
            function,
            accumulators,
            frame,
            stale: false,
        }))
    }
}

impl AggregateUDFImpl for WasmAggregate {
    fn name(&self) -> &str {
        &self.opener.options.sql_name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        Ok(self.opener.coerced_types(arg_types))
    }

    fn return_type(&self, arg_types: &[DataType]) -> Result<DataType> {
        self.opener.return_type(arg_types).map_err(external)
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let function = self.opened(args.input_fields)?;
        let fields = function.state().iter().map(|field| {
            let name = format_state_name(args.name, field.name());
            Arc::new(Field::new(name, field.data_type().clone(), true))
        });
        Ok(fields.collect())
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        self.single(&args, false)
    }

    fn create_sliding_accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        self.single(&args, true)
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs) -> bool {
        !args.is_distinct
    }

    fn create_groups_accumulator(
        &self,
        args: AccumulatorArgs,
    ) -> Result<Box<dyn GroupsAccumulator>> {
        let function = self.opened(args.expr_fields)?;
        let accumulators = function.accumulators().map_err(plugin_error)?;
        Ok(Box::new(Groups {
            function,
            accumulators,
            given: 0,
        }))
    }
}

fn plugin_error(error: PluginError) -> DataFusionError {
    external(UdfError::Plugin(error))
}

/// Which group each row belongs to, as the contract numbers them, and how many there are.
fn numbers(groups: &[usize], count: usize) -> Result<(Vec<u32>, u32)> {
    let count = number(count)?;
    // Below the count, or the guest is not called.
    let numbers = groups.iter().map(|group| *group as u32);
    Ok((numbers.collect(), count))
}

fn number(count: usize) -> Result<u32> {
    match u32::try_from(count) {
        Ok(count) => Ok(count),
        Err(_) => exec_err!("{count} groups, more than an aggregate function can have"),
    }
}

/// The groups of a partition.
struct Groups {
    function: Arc<Function>,
    accumulators: Accumulators,
    /// The first groups, which were given and are to be forgotten before anything else.
    given: u32,
}

impl Groups {
    /// The groups as they are numbered now.
    fn current(&mut self) -> Result<&mut Accumulators> {
        let given = std::mem::take(&mut self.given);
        self.accumulators.forget(given).map_err(plugin_error)?;
        Ok(&mut self.accumulators)
    }

    fn emit<T>(
        &mut self,
        emit_to: EmitTo,
        give: impl FnOnce(&mut Accumulators, u32) -> Result<T, PluginError>,
    ) -> Result<T> {
        let accumulators = self.current()?;
        let count = match emit_to {
            EmitTo::All => accumulators.count(),
            EmitTo::First(count) => number(count)?,
        };
        let given = give(accumulators, count).map_err(plugin_error)?;
        self.given = count;
        Ok(given)
    }
}

/// The rows that a filter leaves, and their groups.
fn filtered(
    values: &[ArrayRef],
    groups: Vec<u32>,
    keep: Option<&BooleanArray>,
) -> Result<(Vec<ArrayRef>, Vec<u32>)> {
    let Some(keep) = keep else {
        return Ok((values.to_vec(), groups));
    };
    let keep = match keep.null_count() {
        0 => keep.clone(),
        _ => prep_null_mask_filter(keep),
    };
    let values = values.iter().map(|column| filter(column, &keep));
    let kept = groups.into_iter().zip(keep.values());
    let groups = kept.filter_map(|(group, keep)| keep.then_some(group));
    Ok((values.collect::<Result<_, _>>()?, groups.collect()))
}

impl GroupsAccumulator for Groups {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        opt_filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> Result<()> {
        let (groups, count) = numbers(group_indices, total_num_groups)?;
        let (values, groups) = filtered(values, groups, opt_filter)?;
        let updated = self.current()?.update(&values, groups, count);
        updated.map_err(plugin_error)
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        self.emit(emit_to, Accumulators::evaluate)
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        self.emit(emit_to, Accumulators::state)
    }

    fn merge_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        total_num_groups: usize,
    ) -> Result<()> {
        let (groups, count) = numbers(group_indices, total_num_groups)?;
        let merged = self.current()?.merge(values, groups, count);
        merged.map_err(plugin_error)
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        opt_filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        let Some(rows) = values.first().map(|column| column.len()) else {
            return exec_err!("an aggregate function without arguments has no states of rows");
        };
        let count = number(rows)?;
        let (values, groups) = filtered(values, (0..count).collect(), opt_filter)?;
        let mut each = self.function.shared_accumulators().map_err(plugin_error)?;
        each.update(&values, groups, count).map_err(plugin_error)?;
        each.state(count).map_err(plugin_error)
    }

    fn size(&self) -> usize {
        self.accumulators.memory()
    }
}

/// One group.
#[derive(Debug)]
struct Single {
    function: Arc<Function>,
    accumulators: Accumulators,
    /// The rows that are in it, where some are to be taken back and the function cannot: they are added
    /// anew, when it is asked.
    frame: Option<Vec<RecordBatch>>,
    /// The guest has other rows than the frame.
    stale: bool,
}

impl Single {
    fn batch(&self, values: &[ArrayRef]) -> Result<RecordBatch> {
        let schema = Arc::new(Schema::new(self.function.arguments().clone()));
        let rows = values.first().map_or(0, |column| column.len());
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        Ok(RecordBatch::try_new_with_options(
            schema,
            values.to_vec(),
            &options,
        )?)
    }

    /// Adds the frame's rows anew, to a group of which nothing else is known, if the guest has others.
    fn refresh(&mut self) -> Result<()> {
        let Some(frame) = self.frame.as_ref().filter(|_| self.stale) else {
            return Ok(());
        };
        self.accumulators.forget(1).map_err(plugin_error)?;
        let rows = frame.iter().map(RecordBatch::num_rows).sum();
        if rows > 0 {
            let columns = (0..self.function.arguments().len()).map(|index| {
                let pieces = frame.iter().map(|batch| batch.column(index).as_ref());
                concat(&pieces.collect::<Vec<_>>())
            });
            let columns = columns.collect::<Result<Vec<_>, _>>()?;
            let updated = self.accumulators.update(&columns, vec![0; rows], 1);
            updated.map_err(plugin_error)?;
        }
        self.stale = false;
        Ok(())
    }
}

impl Accumulator for Single {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        if self.frame.is_some() {
            let batch = self.batch(values)?;
            self.frame.get_or_insert_default().push(batch);
            self.stale = true;
            return Ok(());
        }
        let rows = values.first().map_or(0, |column| column.len());
        let updated = self.accumulators.update(values, vec![0; rows], 1);
        updated.map_err(plugin_error)
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        self.refresh()?;
        let value = self.accumulators.evaluate(1).map_err(plugin_error)?;
        ScalarValue::try_from_array(&value, 0)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        self.refresh()?;
        let states = self.accumulators.state(1).map_err(plugin_error)?;
        let states = states
            .iter()
            .map(|state| ScalarValue::try_from_array(state, 0));
        states.collect()
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let rows = states.first().map_or(0, |column| column.len());
        let merged = self.accumulators.merge(states, vec![0; rows], 1);
        merged.map_err(plugin_error)
    }

    /// Those that were added first.
    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let mut leaving = values.first().map_or(0, |column| column.len());
        let Some(frame) = &mut self.frame else {
            let retracted = self.accumulators.retract(values, vec![0; leaving]);
            return retracted.map_err(plugin_error);
        };
        frame.retain_mut(|batch| {
            let taken = leaving.min(batch.num_rows());
            leaving -= taken;
            *batch = batch.slice(taken, batch.num_rows() - taken);
            batch.num_rows() > 0
        });
        self.stale = true;
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn size(&self) -> usize {
        let rows = self.frame.iter().flatten();
        let held: usize = rows.map(RecordBatch::get_array_memory_size).sum();
        size_of_val(self) + held
    }
}
