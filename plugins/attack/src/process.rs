//! What the attackers share whose function is a process function.

wit_bindgen::generate!({
    path: "../../wit",
    world: "process-plugin",
    pub_export_macro: true,
    default_bindings_module: "attack::process",
    with: {
        "wasmill:udf/columns@0.2.0": crate::wasmill::udf::columns,
        "wasmill:udf/inference@0.2.0": crate::wasmill::udf::inference,
        "wasmill:udf/log@0.2.0": crate::wasmill::udf::log,
        "wasmill:udf/metrics@0.2.0": crate::wasmill::udf::metrics,
        "wasmill:udf/types@0.2.0": crate::wasmill::udf::types,
    },
});

use std::marker::PhantomData;

pub use exports::wasmill::udf::process::{Output, SideOutput};
pub use wasmill::udf::state::{Clock, Keyed, Slot, SlotKind};

use exports::wasmill::udf::process::{Guest, GuestProcessFunction, ProcessFunction};

use crate::columns::{Batch, Column, DataType, Field, Schema, Values};
use crate::types::{Error, OpenContext, Signature};

/// [`Attack`](crate::Attack) by a process function. By default each row has itself: its first argument,
/// an INT64. It has a slot of each kind, of INT64: a value (0), a list (1) and a map (2).
pub trait ProcessAttack: 'static {
    /// What the function is called.
    const NAME: &'static str = "attack";

    fn returns(_attack: &str) -> Schema {
        crate::schema(DataType::Int64, true)
    }

    fn slots(_attack: &str) -> Vec<Slot> {
        slots()
    }

    fn side_outputs(_attack: &str) -> Vec<SideOutput> {
        Vec::new()
    }

    fn broadcast(_attack: &str) -> Option<Schema> {
        None
    }

    fn batch_eval(_attack: &str, rows: &Batch, _keyed: &Keyed) -> Result<Vec<Output>, Error> {
        Ok(vec![itself(rows)])
    }

    fn on_timers(_attack: &str, _timers: &Batch, _keyed: &Keyed) -> Result<Vec<Output>, Error> {
        Ok(Vec::new())
    }
}

/// A value, a list and a map.
pub fn slots() -> Vec<Slot> {
    let kinds = [SlotKind::Value, SlotKind::List, SlotKind::Map];
    let slots = kinds.into_iter().zip(["value", "list", "map"]);
    slots.map(|(kind, name)| slot(name, kind)).collect()
}

/// Of INT64, from INT64.
pub fn slot(name: &str, kind: SlotKind) -> Slot {
    let names: &[&str] = match kind {
        SlotKind::Map => &["key", "value"],
        SlotKind::Value | SlotKind::List => &["value"],
    };
    let fields = names.iter().map(|name| Field {
        name: (*name).to_owned(),
        data_type: DataType::Int64,
        nullable: true,
        children: Vec::new(),
    });
    Slot {
        name: name.to_owned(),
        kind,
        columns: Schema {
            fields: fields.collect(),
            columns: (0..names.len() as u32).collect(),
        },
        ttl: None,
    }
}

/// A row for each row.
pub fn itself(rows: &Batch) -> Output {
    let count = rows.rows();
    output(rows.column(0), (0..count).collect())
}

/// Rows of the result, of a column of INT64, as `returns` says by default.
pub fn output(column: Column, of: Vec<u32>) -> Output {
    let rows = of.len() as u32;
    Output {
        side: None,
        rows: Batch::new(&crate::schema(DataType::Int64, true), vec![column], rows),
        origins: origins(of),
    }
}

/// A column of origins.
pub fn origins(of: Vec<u32>) -> Column {
    let rows = of.len() as u32;
    crate::column(&DataType::Uint32, rows, Values::Uint32(of))
}

/// A column of INT64.
pub fn numbers(items: Vec<i64>) -> Column {
    let rows = items.len() as u32;
    crate::column(&DataType::Int64, rows, Values::Int64(items))
}

/// A function of the attacker `A`, opened.
pub struct Opened<A: ProcessAttack> {
    attack: String,
    attacker: PhantomData<A>,
}

impl<A: ProcessAttack> Guest for A {
    type ProcessFunction = Opened<A>;

    fn functions() -> Vec<Signature> {
        vec![crate::signature(A::NAME)]
    }
}

impl<A: ProcessAttack> GuestProcessFunction for Opened<A> {
    fn open(_name: String, context: OpenContext) -> Result<ProcessFunction, Error> {
        Ok(ProcessFunction::new(Self {
            attack: crate::attack_of(context),
            attacker: PhantomData,
        }))
    }

    fn returns(&self) -> Schema {
        A::returns(&self.attack)
    }

    fn slots(&self) -> Vec<Slot> {
        A::slots(&self.attack)
    }

    fn side_outputs(&self) -> Vec<SideOutput> {
        A::side_outputs(&self.attack)
    }

    fn broadcast(&self) -> Option<Schema> {
        A::broadcast(&self.attack)
    }

    fn batch_eval(&self, rows: &Batch, keyed: &Keyed) -> Result<Vec<Output>, Error> {
        A::batch_eval(&self.attack, rows, keyed)
    }

    fn on_timers(&self, timers: &Batch, keyed: &Keyed) -> Result<Vec<Output>, Error> {
        A::on_timers(&self.attack, timers, keyed)
    }
}
