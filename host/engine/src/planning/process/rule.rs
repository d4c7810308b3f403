//! What a node does with the rows of its input: which of their columns are what, and what becomes of
//! the function's.

use std::sync::Arc;

use datafusion::{
    arrow::{
        array::{Array, ArrayRef, Int64Array, RecordBatch, new_null_array},
        compute::cast,
        datatypes::{DataType, Field, FieldRef, Fields, Schema, SchemaRef, TimeUnit},
    },
    common::Result,
};
use wasmill_plugin::Function;
use wasmill_state::keyed::KeyedSpec;
use wasmill_udf::OnError;

use super::side::SideTable;
use crate::planning::windows::milliseconds;

/// A call of a process function in a query. Its input has the keys' columns first, then the time, if
/// there is one, then the function's arguments.
pub(in crate::planning) struct ProcessRule {
    /// As SQL knows it.
    pub name: String,
    pub function: Arc<Function>,
    pub on_error: OnError,
    /// How many columns are keys.
    pub keys: usize,
    /// The name of the column that is the time of rows.
    pub time: Option<String>,
    /// One a side output of the function; none where the job names no table.
    pub sides: Vec<Option<Arc<SideTable>>>,
    pub spec: Arc<KeyedSpec>,
    /// Of what the node gives: keys, result, time.
    pub schema: SchemaRef,
}

impl ProcessRule {
    /// Says what it keeps, so that the state of another query is not taken for it.
    pub(super) fn describe(&self) -> String {
        let shown = |name: &str, data_type: &DataType| format!("{name} {data_type}");
        let keys = self.spec.keys().iter();
        let keys: Vec<_> = keys.map(|key| shown(key.name(), key.data_type())).collect();
        let slots = self.spec.slots().iter().enumerate();
        let slots: Vec<_> = slots
            .map(|(index, slot)| shown(&slot.name, self.spec.slot_type(index)))
            .collect();
        let (name, keys, slots) = (&self.name, keys.join(", "), slots.join(", "));
        format!("of {name} by {keys}: {slots}")
    }

    /// Columns of the input.
    pub(super) fn key_columns<'a>(&self, batch: &'a RecordBatch) -> &'a [ArrayRef] {
        batch.columns().get(..self.keys).unwrap_or(&[])
    }

    pub(super) fn time_column<'a>(&self, batch: &'a RecordBatch) -> Option<&'a ArrayRef> {
        self.time.as_ref()?;
        batch.columns().get(self.keys)
    }

    pub(super) fn arguments<'a>(&self, batch: &'a RecordBatch) -> &'a [ArrayRef] {
        let place = self.keys + usize::from(self.time.is_some());
        batch.columns().get(place..).unwrap_or(&[])
    }

    /// The type of the time of what it gives.
    pub(super) fn time_type(&self) -> Option<&DataType> {
        self.time.as_ref()?;
        self.schema.fields().last().map(|field| field.data_type())
    }

    /// What it gives: keys, columns of the function's result, times.
    pub(super) fn result(&self, columns: Vec<ArrayRef>) -> Result<RecordBatch> {
        Ok(RecordBatch::try_new(Arc::clone(&self.schema), columns)?)
    }

    /// What a letter tells of timers: keys, names, times in milliseconds since 1970.
    pub(super) fn timer_letter(&self, columns: Vec<ArrayRef>) -> Result<RecordBatch> {
        let mut fields: Vec<FieldRef> = self.spec.keys().iter().cloned().collect();
        fields.push(Arc::new(Field::new("timer", DataType::Utf8, true)));
        fields.push(Arc::new(Field::new("at", DataType::Int64, true)));
        let schema = Arc::new(Schema::new(fields));
        Ok(RecordBatch::try_new(schema, columns)?)
    }
}

/// The columns of rows with their keys and their time.
pub(super) fn with_keys_and_time(
    keys: &[FieldRef],
    columns: &Fields,
    time: Option<&FieldRef>,
) -> Fields {
    let mut names: Vec<String> = Vec::new();
    let all = keys.iter().chain(columns).chain(time);
    let named = all.map(|field| {
        let name = crate::planning::relations::free_name(&names, field.name());
        names.push(name.clone());
        Arc::new(Field::clone(field).with_name(name))
    });
    named.collect()
}

/// Times of rows, as the function has them: Int64, milliseconds since 1970.
pub(super) fn as_milliseconds(times: &ArrayRef) -> Result<ArrayRef> {
    let times = milliseconds(times.as_ref())?;
    let (values, nulls) = (times.values().clone(), times.nulls().cloned());
    Ok(Arc::new(Int64Array::new(values, nulls)))
}

/// Milliseconds since 1970 in the type of a column of times.
pub(super) fn as_times(milliseconds: &Int64Array, data_type: &DataType) -> Result<ArrayRef> {
    let zone = match data_type {
        DataType::Timestamp(_, zone) => zone.clone(),
        _ => return Ok(new_null_array(data_type, milliseconds.len())),
    };
    let times: ArrayRef = Arc::new(milliseconds.clone());
    let times = cast(&times, &DataType::Timestamp(TimeUnit::Millisecond, zone))?;
    Ok(cast(&times, data_type)?)
}
