//! What a process function keeps of each key, and what it gives: as it says so itself.

use std::time::Duration;

use crate::bindings::exports::wasmill::udf::process as export;
use crate::bindings::wasmill::udf::state as wire;
use crate::expansion::{TableRow, batch_of};
use crate::types::to_schema;
use crate::{Array, Built, Column, DataType, Error, Field, OutputRows, Values};

/// Something that is kept of each key.
#[derive(Clone, Debug, PartialEq)]
pub struct Slot {
    pub name: String,
    pub kind: SlotKind,
    /// after which what was written is gone, by the machine's clock; none = never
    pub ttl: Option<Duration>,
}

/// What a slot keeps.
#[derive(Clone, Debug, PartialEq)]
pub enum SlotKind {
    /// one value
    Value(DataType),
    /// values in the order in which they were appended
    List(DataType),
    /// values by keys of their own, which are never NULL
    Map(DataType, DataType),
}

impl Slot {
    fn new(name: impl Into<String>, kind: SlotKind) -> Self {
        Self {
            name: name.into(),
            kind,
            ttl: None,
        }
    }

    /// One value of each key, or NULL.
    pub fn value(name: impl Into<String>, data_type: DataType) -> Self {
        Self::new(name, SlotKind::Value(data_type))
    }

    /// Any number of items of each key, of this type.
    pub fn list(name: impl Into<String>, item: DataType) -> Self {
        Self::new(name, SlotKind::List(item))
    }

    /// Any number of entries of each key, from this type to that one.
    pub fn map(name: impl Into<String>, key: DataType, value: DataType) -> Self {
        Self::new(name, SlotKind::Map(key, value))
    }

    /// What was written is gone after so long, in whole milliseconds.
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = Some(ttl);
        self
    }

    pub(crate) fn wire(self) -> wire::Slot {
        let (kind, columns) = match self.kind {
            SlotKind::Value(value) => (wire::SlotKind::Value, vec![Field::new("value", value)]),
            SlotKind::List(item) => (wire::SlotKind::List, vec![Field::item(item)]),
            SlotKind::Map(key, value) => {
                let key = Field {
                    nullable: false,
                    ..Field::new("key", key)
                };
                (wire::SlotKind::Map, vec![key, Field::new("value", value)])
            }
        };
        let milliseconds = |ttl: Duration| ttl.as_millis().try_into().unwrap_or(u64::MAX);
        wire::Slot {
            name: self.name,
            kind,
            columns: to_schema(&columns),
            ttl: self.ttl.map(milliseconds),
        }
    }
}

/// Rows beside the result of a process function, for a table that the job names.
#[derive(Clone, Debug, PartialEq)]
pub struct SideRows {
    pub name: String,
    pub columns: Vec<Field>,
}

impl SideRows {
    pub fn new(name: impl Into<String>, columns: Vec<Field>) -> Self {
        Self {
            name: name.into(),
            columns,
        }
    }

    pub(crate) fn wire(&self) -> export::SideOutput {
        export::SideOutput {
            name: self.name.clone(),
            columns: to_schema(&self.columns),
        }
    }
}

impl OutputRows {
    /// Rows of the result: values, or tuples of them, of the columns that are called so, each with the
    /// row or the timer of the call that it comes of.
    pub fn collect<R: TableRow>(
        names: &[&str],
        rows: impl IntoIterator<Item = (u32, R)>,
    ) -> Result<Self, Error> {
        let mut builders = R::Builders::default();
        let mut origins = Vec::new();
        for (origin, row) in rows {
            row.add_to(&mut builders)
                .map_err(|message| Error::row(origin as usize, message))?;
            origins.push(origin);
        }
        let named = names.iter().zip(R::data_types());
        let fields: Vec<_> = named
            .map(|(name, data_type)| Field::new(*name, data_type))
            .collect();
        Self::of(&fields, R::finish(builders)?, origins)
    }

    /// The same, for one of the function's side outputs, by its place.
    pub fn aside(mut self, side: u32) -> Self {
        self.side = Some(side);
        self
    }

    /// Hands rows of these columns to the host: one copy.
    pub(crate) fn of(
        fields: &[Field],
        columns: Vec<Built>,
        origins: Vec<u32>,
    ) -> Result<Self, Error> {
        let rows = origins.len() as u32;
        let origins = Array {
            length: rows,
            validity: None,
            values: Values::Uint32(origins),
        };
        Ok(Self {
            side: None,
            rows: batch_of(fields, columns, rows)?,
            origins: Column::new(&DataType::UInt32.wire(), &origins, Vec::new()),
        })
    }
}
