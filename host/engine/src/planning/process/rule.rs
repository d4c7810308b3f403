//! What a node does with the rows of its input: which of their columns are what, and what becomes of
//! the function's.

use std::sync::Arc;

use datafusion::{
    arrow::{
        array::{
            Array, ArrayRef, Int64Array, RecordBatch, StringArray, UInt32Array, new_null_array,
        },
        compute::{cast, take},
        datatypes::{DataType, Field, FieldRef, Fields, Schema, SchemaRef, TimeUnit},
    },
    common::{Result, exec_datafusion_err},
};
use wasmill_plugin::{Function, ProcessRows as Given};
use wasmill_state::keyed::KeyedSpec;
use wasmill_udf::OnError;

use super::side::SideTable;
use crate::{job::BEGINNING, planning::windows::milliseconds};

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

/// The time at which a call is made.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    /// In milliseconds since 1970; [`BEGINNING`] before the first rows.
    pub watermark: i64,
    /// The machine's clock.
    pub now: i64,
}

/// What the rows of a call come from: one a row, or a timer.
pub(super) struct Origin {
    /// The keys' columns, one row a key, and the key of each row.
    pub keys: Vec<ArrayRef>,
    pub numbers: Vec<u32>,
    /// The times of rows, in the type of the time's column.
    pub times: Option<ArrayRef>,
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

    /// The watermark as the function sees it.
    pub(super) fn watermark(&self, moment: Moment) -> Option<i64> {
        let known = self.time.is_some() && moment.watermark > BEGINNING;
        known.then_some(moment.watermark)
    }

    /// The type of the time of what it gives.
    pub(super) fn time_type(&self) -> Option<&DataType> {
        self.time.as_ref()?;
        self.schema.fields().last().map(|field| field.data_type())
    }

    /// What it gives of rows of the function's result.
    pub(super) fn result(&self, given: &Given, origin: &Origin) -> Result<RecordBatch> {
        let columns = complete(given, origin)?;
        // The function's columns may say more of themselves.
        let columns = columns.into_iter().zip(self.schema.fields());
        let columns =
            columns.map(
                |(column, field)| match column.data_type() == field.data_type() {
                    true => Ok(column),
                    false => cast(&column, field.data_type()),
                },
            );
        let columns = columns.collect::<Result<_, _>>()?;
        Ok(RecordBatch::try_new(Arc::clone(&self.schema), columns)?)
    }

    /// What one of its side outputs gives, with keys and time.
    pub(super) fn side(
        &self,
        given: &Given,
        side: &SideTable,
        origin: &Origin,
    ) -> Result<RecordBatch> {
        let columns = complete(given, origin)?;
        Ok(RecordBatch::try_new(side.schema(), columns)?)
    }
}

/// Keys before, the time behind.
fn complete(given: &Given, origin: &Origin) -> Result<Vec<ArrayRef>> {
    let numbers = given.origins.values().iter();
    let numbers = numbers.map(|row| origin.numbers.get(*row as usize).copied());
    let numbers: Option<Vec<u32>> = numbers.collect();
    let numbers = numbers.ok_or_else(|| exec_datafusion_err!("a row of no origin"))?;
    let numbers = UInt32Array::from(numbers);
    let keys = origin.keys.iter().map(|key| take(key, &numbers, None));
    let mut columns = keys.collect::<Result<Vec<_>, _>>()?;
    columns.extend(given.columns.iter().cloned());
    if let Some(times) = &origin.times {
        columns.push(take(times, &given.origins, None)?);
    }
    Ok(columns)
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

impl Origin {
    /// Timers as rows: their keys, names, and times in milliseconds since 1970.
    pub(super) fn letter(
        self,
        rule: &ProcessRule,
        names: StringArray,
        at: Int64Array,
    ) -> Result<RecordBatch> {
        let numbers = UInt32Array::from(self.numbers);
        let keys = self.keys.iter().map(|key| take(key, &numbers, None));
        let mut columns = keys.collect::<Result<Vec<_>, _>>()?;
        columns.push(Arc::new(names));
        columns.push(Arc::new(at));
        let mut fields: Vec<FieldRef> = rule.spec.keys().iter().cloned().collect();
        fields.push(Arc::new(Field::new("timer", DataType::Utf8, true)));
        fields.push(Arc::new(Field::new("at", DataType::Int64, true)));
        Ok(RecordBatch::try_new(
            Arc::new(Schema::new(fields)),
            columns,
        )?)
    }
}
