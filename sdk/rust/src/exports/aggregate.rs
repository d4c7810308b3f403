//! The aggregate functions that the component exports.

use std::cell::RefCell;

use super::{Component, Open, log_panics, open, signatures};
use crate::bindings::exports::wasmill::udf::aggregate as export;
use crate::bindings::wasmill::udf::types as wire;
use crate::types::to_schema;
use crate::{
    Accumulators, AggregateFunction, Batch, Column, Error, Field, OpenContext, Signature,
};

/// An [`AggregateFunction`] of any type.
pub(super) trait DynamicAggregate {
    fn returns(&self) -> Result<Field, Error>;
    fn state_fields(&self) -> Vec<Field>;
    fn retracts(&self) -> bool;
    fn accumulators(&self) -> Box<dyn Accumulators>;
}

impl<F: AggregateFunction> DynamicAggregate for F {
    fn returns(&self) -> Result<Field, Error> {
        AggregateFunction::returns(self)
    }

    fn state_fields(&self) -> Vec<Field> {
        AggregateFunction::state_fields(self)
    }

    fn retracts(&self) -> bool {
        AggregateFunction::retracts(self)
    }

    fn accumulators(&self) -> Box<dyn Accumulators> {
        Box::new(AggregateFunction::accumulators(self))
    }
}

impl export::Guest for Component {
    type AggregateFunction = Opened;
    type Accumulators = Groups;

    fn functions() -> Vec<wire::Signature> {
        log_panics();
        let signatures = signatures(|open| matches!(open, Open::Aggregate(_))).into_iter();
        signatures.map(Signature::wire).collect()
    }
}

/// An aggregate function that a job opened.
pub struct Opened {
    function: Box<dyn DynamicAggregate>,
    returns: Field,
    state: Vec<Field>,
}

impl export::GuestAggregateFunction for Opened {
    fn open(name: String, context: wire::OpenContext) -> Result<export::AggregateFunction, Error> {
        log_panics();
        let context = OpenContext::from_wire(context);
        let function = open(&name, &context, |open| match open {
            Open::Aggregate(open) => Some(*open),
            _ => None,
        })?;
        Ok(export::AggregateFunction::new(Self {
            returns: function.returns()?,
            state: function.state_fields(),
            function,
        }))
    }

    fn returns(&self) -> export::Schema {
        to_schema(std::slice::from_ref(&self.returns))
    }

    fn state(&self) -> export::Schema {
        to_schema(&self.state)
    }

    fn retracts(&self) -> bool {
        self.function.retracts()
    }

    fn accumulators(&self) -> export::Accumulators {
        export::Accumulators::new(Groups {
            groups: RefCell::new(self.function.accumulators()),
            state: self.state.clone(),
        })
    }
}

/// Groups of an aggregate function.
pub struct Groups {
    // The host calls one at a time.
    groups: RefCell<Box<dyn Accumulators>>,
    state: Vec<Field>,
}

impl export::GuestAccumulators for Groups {
    fn update(&self, rows: &Batch, groups: Vec<u32>, count: u32) -> Result<(), Error> {
        self.groups.borrow_mut().update(rows, &groups, count)
    }

    fn retract(&self, rows: &Batch, groups: Vec<u32>) -> Result<(), Error> {
        self.groups.borrow_mut().retract(rows, &groups)
    }

    fn merge(&self, states: &Batch, groups: Vec<u32>, count: u32) -> Result<(), Error> {
        self.groups.borrow_mut().merge(states, &groups, count)
    }

    fn state(&self, count: u32) -> Result<Batch, Error> {
        let columns = self.groups.borrow_mut().state(count)?;
        if columns.len() != self.state.len() {
            let (given, wanted) = (columns.len(), self.state.len());
            let message = format!("a state of {given} columns, not of {wanted}");
            return Err(Error::failed(message));
        }
        Ok(Batch::new(&to_schema(&self.state), columns, count))
    }

    fn evaluate(&self, count: u32) -> Result<Column, Error> {
        self.groups.borrow_mut().evaluate(count)
    }

    fn forget(&self, count: u32) -> Result<(), Error> {
        self.groups.borrow_mut().forget(count);
        Ok(())
    }
}
