//! The process functions that the component exports.

use std::cell::RefCell;

use super::{Component, Open, log_panics, open, signatures};
use crate::bindings::exports::wasmill::udf::process as export;
use crate::bindings::wasmill::udf::state as wire_state;
use crate::bindings::wasmill::udf::types as wire;
use crate::types::to_schema;
use crate::{
    Batch, Error, Field, Keyed, OpenContext, OutputRows, ProcessFunction, SideRows, Signature,
    Slot, Timers,
};

/// A [`ProcessFunction`] of any type.
pub(super) trait DynamicProcess {
    fn returns(&self) -> Result<Vec<Field>, Error>;
    fn slots(&self) -> Vec<Slot>;
    fn side_outputs(&self) -> Vec<SideRows>;
    fn broadcast(&self) -> Option<Vec<Field>>;
    fn batch_eval(&mut self, rows: &Batch, keyed: &Keyed) -> Result<Vec<OutputRows>, Error>;
    fn on_timers(&mut self, timers: &Timers, keyed: &Keyed) -> Result<Vec<OutputRows>, Error>;
}

impl<F: ProcessFunction> DynamicProcess for F {
    fn returns(&self) -> Result<Vec<Field>, Error> {
        ProcessFunction::returns(self)
    }

    fn slots(&self) -> Vec<Slot> {
        ProcessFunction::slots(self)
    }

    fn side_outputs(&self) -> Vec<SideRows> {
        ProcessFunction::side_outputs(self)
    }

    fn broadcast(&self) -> Option<Vec<Field>> {
        ProcessFunction::broadcast(self)
    }

    fn batch_eval(&mut self, rows: &Batch, keyed: &Keyed) -> Result<Vec<OutputRows>, Error> {
        ProcessFunction::batch_eval(self, rows, keyed)
    }

    fn on_timers(&mut self, timers: &Timers, keyed: &Keyed) -> Result<Vec<OutputRows>, Error> {
        ProcessFunction::on_timers(self, timers, keyed)
    }
}

impl export::Guest for Component {
    type ProcessFunction = Opened;

    fn functions() -> Vec<wire::Signature> {
        log_panics();
        let signatures = signatures(|open| matches!(open, Open::Process(_))).into_iter();
        signatures.map(Signature::wire).collect()
    }
}

/// A process function that a job opened.
pub struct Opened {
    // The host calls one at a time.
    function: RefCell<Box<dyn DynamicProcess>>,
    returns: Vec<Field>,
}

impl export::GuestProcessFunction for Opened {
    fn open(name: String, context: wire::OpenContext) -> Result<export::ProcessFunction, Error> {
        log_panics();
        let context = OpenContext::from_wire(context);
        let function = open(&name, &context, |open| match open {
            Open::Process(open) => Some(*open),
            _ => None,
        })?;
        Ok(export::ProcessFunction::new(Self {
            returns: function.returns()?,
            function: RefCell::new(function),
        }))
    }

    fn returns(&self) -> export::Schema {
        to_schema(&self.returns)
    }

    fn slots(&self) -> Vec<wire_state::Slot> {
        let slots = self.function.borrow().slots().into_iter();
        slots.map(Slot::wire).collect()
    }

    fn side_outputs(&self) -> Vec<export::SideOutput> {
        let side_outputs = self.function.borrow().side_outputs();
        side_outputs.iter().map(SideRows::wire).collect()
    }

    fn broadcast(&self) -> Option<export::Schema> {
        let columns = self.function.borrow().broadcast();
        columns.map(|columns| to_schema(&columns))
    }

    fn batch_eval(&self, rows: &Batch, keyed: &Keyed) -> Result<Vec<OutputRows>, Error> {
        self.function.borrow_mut().batch_eval(rows, keyed)
    }

    fn on_timers(&self, timers: &Batch, keyed: &Keyed) -> Result<Vec<OutputRows>, Error> {
        let timers = Timers::read(timers)?;
        self.function.borrow_mut().on_timers(&timers, keyed)
    }
}
