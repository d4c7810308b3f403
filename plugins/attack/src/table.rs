//! What the attackers share whose function is a table function.

wit_bindgen::generate!({
    path: "../../wit",
    world: "table-plugin",
    pub_export_macro: true,
    default_bindings_module: "attack::table",
    with: {
        "wasmill:udf/columns@0.2.0": crate::wasmill::udf::columns,
        "wasmill:udf/inference@0.2.0": crate::wasmill::udf::inference,
        "wasmill:udf/log@0.2.0": crate::wasmill::udf::log,
        "wasmill:udf/metrics@0.2.0": crate::wasmill::udf::metrics,
        "wasmill:udf/types@0.2.0": crate::wasmill::udf::types,
    },
});

use std::marker::PhantomData;

pub use exports::wasmill::udf::table::Expansion;

use exports::wasmill::udf::table::{Guest, GuestTableFunction, TableFunction};

use crate::columns::{Batch, Column, DataType, Schema, Values};
use crate::types::{Error, OpenContext, Signature};

/// [`Attack`](crate::Attack) by a table function. By default each row has itself: its first argument,
/// an INT64.
pub trait TableAttack: 'static {
    /// What the function is called.
    const NAME: &'static str = "attack";

    fn functions() -> Vec<Signature> {
        vec![crate::signature(Self::NAME)]
    }

    fn returns(_attack: &str) -> Schema {
        crate::schema(DataType::Int64, true)
    }

    fn batch_eval(_attack: &str, rows: &Batch) -> Result<Expansion, Error> {
        Ok(itself(rows))
    }
}

/// A row for each row.
pub fn itself(rows: &Batch) -> Expansion {
    let count = rows.rows();
    Expansion {
        rows: numbers(rows.column(0), count),
        counts: counts(vec![1; count as usize]),
    }
}

/// Rows of a column of INT64, as `returns` says by default.
pub fn numbers(column: Column, rows: u32) -> Batch {
    Batch::new(&crate::schema(DataType::Int64, true), vec![column], rows)
}

/// A column of counts.
pub fn counts(counts: Vec<u32>) -> Column {
    let rows = counts.len() as u32;
    crate::column(&DataType::Uint32, rows, Values::Uint32(counts))
}

/// A function of the attacker `A`, opened.
pub struct Opened<A: TableAttack> {
    attack: String,
    attacker: PhantomData<A>,
}

impl<A: TableAttack> Guest for A {
    type TableFunction = Opened<A>;

    fn functions() -> Vec<Signature> {
        A::functions()
    }
}

impl<A: TableAttack> GuestTableFunction for Opened<A> {
    fn open(_name: String, context: OpenContext) -> Result<TableFunction, Error> {
        Ok(TableFunction::new(Self {
            attack: crate::attack_of(context),
            attacker: PhantomData,
        }))
    }

    fn returns(&self) -> Schema {
        A::returns(&self.attack)
    }

    fn batch_eval(&self, rows: &Batch) -> Result<Expansion, Error> {
        A::batch_eval(&self.attack, rows)
    }
}
