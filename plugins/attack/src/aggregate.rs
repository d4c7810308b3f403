//! What the attackers share whose function is an aggregate function.

wit_bindgen::generate!({
    path: "../../wit",
    world: "aggregate-plugin",
    pub_export_macro: true,
    default_bindings_module: "attack::aggregate",
    with: {
        "wasmill:udf/columns@0.2.0": crate::wasmill::udf::columns,
        "wasmill:udf/inference@0.2.0": crate::wasmill::udf::inference,
        "wasmill:udf/log@0.2.0": crate::wasmill::udf::log,
        "wasmill:udf/metrics@0.2.0": crate::wasmill::udf::metrics,
        "wasmill:udf/types@0.2.0": crate::wasmill::udf::types,
    },
});

use std::marker::PhantomData;

use exports::wasmill::udf::aggregate::{
    Accumulators, AggregateFunction, Guest, GuestAccumulators, GuestAggregateFunction,
};

use crate::columns::{Batch, Column, DataType, Schema, Values};
use crate::types::{Error, OpenContext, Signature};

/// [`Attack`](crate::Attack) by an aggregate function. By default it counts nothing: each group is 0,
/// an INT64, and so is its state.
pub trait AggregateAttack: 'static {
    /// What the function is called.
    const NAME: &'static str = "attack";

    fn state_schema(_attack: &str) -> Schema {
        crate::schema(DataType::Int64, true)
    }

    fn accumulators(_attack: &str) {}

    fn update(_attack: &str, _rows: &Batch) -> Result<(), Error> {
        Ok(())
    }

    fn state(_attack: &str, count: u32) -> Result<Batch, Error> {
        Ok(states(zeros(count), count))
    }

    fn evaluate(_attack: &str, count: u32) -> Result<Column, Error> {
        Ok(zeros(count))
    }

    fn forget(_attack: &str) {}

    /// The destructor of groups.
    fn dropped(_attack: &str) {}
}

pub fn zeros(rows: u32) -> Column {
    let values = Values::Int64(vec![0; rows as usize]);
    crate::column(&DataType::Int64, rows, values)
}

/// States as `state_schema` says by default.
pub fn states(column: Column, rows: u32) -> Batch {
    Batch::new(&crate::schema(DataType::Int64, true), vec![column], rows)
}

/// A function of the attacker `A`, opened.
pub struct Opened<A: AggregateAttack> {
    attack: String,
    attacker: PhantomData<A>,
}

/// Its groups.
pub struct Groups<A: AggregateAttack>(Opened<A>);

impl<A: AggregateAttack> Opened<A> {
    fn new(attack: &str) -> Self {
        Self {
            attack: attack.to_owned(),
            attacker: PhantomData,
        }
    }
}

impl<A: AggregateAttack> Guest for A {
    type AggregateFunction = Opened<A>;
    type Accumulators = Groups<A>;

    fn functions() -> Vec<Signature> {
        vec![crate::signature(A::NAME)]
    }
}

impl<A: AggregateAttack> GuestAggregateFunction for Opened<A> {
    fn open(_name: String, context: OpenContext) -> Result<AggregateFunction, Error> {
        let attack = crate::attack_of(context);
        Ok(AggregateFunction::new(Self::new(&attack)))
    }

    fn returns(&self) -> Schema {
        crate::schema(DataType::Int64, true)
    }

    fn state(&self) -> Schema {
        A::state_schema(&self.attack)
    }

    fn retracts(&self) -> bool {
        true
    }

    fn accumulators(&self) -> Accumulators {
        A::accumulators(&self.attack);
        Accumulators::new(Groups(Self::new(&self.attack)))
    }
}

impl<A: AggregateAttack> GuestAccumulators for Groups<A> {
    fn update(&self, rows: &Batch, _groups: Vec<u32>, _count: u32) -> Result<(), Error> {
        A::update(&self.0.attack, rows)
    }

    fn retract(&self, rows: &Batch, _groups: Vec<u32>) -> Result<(), Error> {
        A::update(&self.0.attack, rows)
    }

    fn merge(&self, states: &Batch, _groups: Vec<u32>, _count: u32) -> Result<(), Error> {
        A::update(&self.0.attack, states)
    }

    fn state(&self, count: u32) -> Result<Batch, Error> {
        A::state(&self.0.attack, count)
    }

    fn evaluate(&self, count: u32) -> Result<Column, Error> {
        A::evaluate(&self.0.attack, count)
    }

    fn forget(&self, _count: u32) -> Result<(), Error> {
        A::forget(&self.0.attack);
        Ok(())
    }
}

impl<A: AggregateAttack> Drop for Groups<A> {
    fn drop(&mut self) {
        A::dropped(&self.0.attack);
    }
}
