//! What a function keeps of each key, and how the chunks are laid out that have it.

use std::sync::Arc;

use arrow::{
    datatypes::{DataType, Field, FieldRef, Fields, Schema, SchemaRef},
    error::ArrowError,
};

use super::invalid;

/// What a slot keeps of each key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SlotKind {
    /// One value.
    Value,
    /// Values in the order in which they were appended.
    List,
    /// Values by keys of their own, which are never null.
    Map,
}

/// A slot of a function.
#[derive(Debug, Clone)]
pub struct SlotSpec {
    pub name: String,
    pub kind: SlotKind,
    /// Of a value or a list one column, of a map two: the key and the value.
    pub columns: Fields,
    /// Milliseconds by the machine's clock after which what was written is gone.
    pub ttl: Option<i64>,
}

/// Which time a timer waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimerClock {
    /// The watermark.
    Event,
    /// The machine's clock.
    Processing,
}

/// What a function keeps of each key.
#[derive(Debug)]
pub struct KeyedSpec {
    keys: Fields,
    slots: Vec<SlotSpec>,
    /// Of what `read` gives, one a slot.
    types: Vec<DataType>,
    schema: SchemaRef,
}

/// Where the columns of chunks are, behind those of the keys.
pub(super) const SLOT: usize = 0;
pub(super) const REPLACES: usize = 1;
pub(super) const WRITTEN: usize = 2;
pub(super) const PAYLOADS: usize = 3;

impl KeyedSpec {
    /// `keys`: the columns of a key; none if all rows have the same. Fails if a slot has another number
    /// of columns than its kind.
    pub fn new(keys: Fields, slots: Vec<SlotSpec>) -> Result<Self, ArrowError> {
        let mut fields: Vec<FieldRef> = keys.iter().cloned().collect();
        fields.extend([
            Arc::new(Field::new("slot", DataType::UInt32, false)),
            Arc::new(Field::new("replaces", DataType::Boolean, false)),
            Arc::new(Field::new("written", DataType::Int64, false)),
        ]);
        let mut types = Vec::with_capacity(slots.len());
        for slot in &slots {
            let (payload, read) = slot.types()?;
            fields.push(Arc::new(Field::new(&slot.name, payload, false)));
            types.push(read);
        }
        let timers = DataType::List(Arc::new(Field::new_list_field(timer_type(), false)));
        fields.push(Arc::new(Field::new("timers", timers, false)));
        Ok(KeyedSpec {
            keys,
            slots,
            types,
            schema: Arc::new(Schema::new(fields)),
        })
    }

    pub fn keys(&self) -> &Fields {
        &self.keys
    }

    pub fn slots(&self) -> &[SlotSpec] {
        &self.slots
    }

    /// The columns of all chunks: those of the keys first.
    pub fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    /// The type that `read` gives for a slot: that of a value, of a list, or of a list of structs of
    /// `key` and `value`. Null where there is no such slot.
    pub fn slot_type(&self, slot: usize) -> &DataType {
        self.types.get(slot).unwrap_or(&DataType::Null)
    }

    /// The number of the timers among the slots.
    pub(super) fn timers(&self) -> usize {
        self.slots.len()
    }

    /// Of the lists' items of a slot, or of the timers.
    pub(super) fn item(&self, slot: usize) -> Result<FieldRef, ArrowError> {
        let column = self.keys.len() + PAYLOADS + slot;
        match self
            .schema
            .fields()
            .get(column)
            .map(|field| field.data_type())
        {
            Some(DataType::List(item)) => Ok(Arc::clone(item)),
            _ => Err(invalid(format!("there is no slot {slot}"))),
        }
    }
}

impl SlotSpec {
    /// Of its column in chunks, and of what `read` gives.
    fn types(&self) -> Result<(DataType, DataType), ArrowError> {
        let list = |field| DataType::List(Arc::new(field));
        match (self.kind, self.columns.as_ref()) {
            (SlotKind::Value, [value]) => {
                let value = value.data_type().clone();
                let payload = list(Field::new_list_field(value.clone(), true));
                Ok((payload, value))
            }
            (SlotKind::List, [item]) => {
                let items = list(Field::new_list_field(item.data_type().clone(), true));
                Ok((items.clone(), items))
            }
            (SlotKind::Map, [key, value]) => {
                let entry = DataType::Struct(Fields::from(vec![
                    Field::new("key", key.data_type().clone(), false),
                    Field::new("value", value.data_type().clone(), true),
                ]));
                let entries = list(Field::new_list_field(entry, false));
                Ok((entries.clone(), entries))
            }
            (kind, columns) => Err(invalid(format!(
                "the slot {} has {} columns, which is not what a {kind:?} has",
                self.name,
                columns.len()
            ))),
        }
    }
}

fn timer_type() -> DataType {
    DataType::Struct(Fields::from(vec![
        Field::new("name", DataType::Utf8, false),
        // Null: there is none any more.
        Field::new("at", DataType::Int64, true),
        Field::new("processing", DataType::Boolean, false),
    ]))
}
