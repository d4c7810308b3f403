//! How a plugin's functions become what the contract wants a component to export.

use std::cell::RefCell;
use std::marker::PhantomData;
use std::panic::PanicHookInfo;
use std::sync::Once;

use crate::bindings::exports::wasmill::udf::scalar as wire;
use crate::types::to_schema;
use crate::{
    Batch, Column, Error, Field, Level, OpenContext, Row, ScalarFunction, Signature, Value,
};

/// One function of a plugin.
pub struct Entry {
    signature: fn() -> Signature,
    open: fn(&OpenContext) -> Result<Box<dyn Dynamic>, Error>,
}

impl Entry {
    pub const fn of<F: ScalarFunction>() -> Self {
        Self {
            signature: F::signature,
            open: |context| Ok(Box::new(F::open(context)?)),
        }
    }
}

/// The functions of a plugin.
pub trait Registry: 'static {
    const ENTRIES: &'static [Entry];
}

/// A [`ScalarFunction`] of any type.
trait Dynamic {
    fn returns(&self) -> Result<Field, Error>;
    fn batch_eval(&mut self, rows: &Batch) -> Result<Column, Error>;
    fn eval(&mut self, row: Row<'_>) -> Result<Value, Error>;
}

impl<F: ScalarFunction> Dynamic for F {
    fn returns(&self) -> Result<Field, Error> {
        ScalarFunction::returns(self)
    }

    fn batch_eval(&mut self, rows: &Batch) -> Result<Column, Error> {
        ScalarFunction::batch_eval(self, rows)
    }

    fn eval(&mut self, row: Row<'_>) -> Result<Value, Error> {
        ScalarFunction::eval(self, row)
    }
}

/// What the component exports.
pub struct Exported<R>(PhantomData<R>);

impl<R: Registry> wire::Guest for Exported<R> {
    type ScalarFunction = Opened<R>;

    fn functions() -> Vec<wire::Signature> {
        log_panics();
        let entries = R::ENTRIES.iter();
        entries.map(|entry| (entry.signature)().wire()).collect()
    }
}

/// A function that a job opened.
pub struct Opened<R> {
    // The host calls one at a time.
    function: RefCell<Box<dyn Dynamic>>,
    arguments: Vec<Field>,
    returns: Field,
    registry: PhantomData<R>,
}

impl<R: Registry> wire::GuestScalarFunction for Opened<R> {
    fn open(name: String, context: wire::OpenContext) -> Result<wire::ScalarFunction, Error> {
        log_panics();
        let Some(entry) = R::ENTRIES
            .iter()
            .find(|entry| (entry.signature)().name == name)
        else {
            return Err(Error::invalid(format!(
                "this plugin has no function '{name}'"
            )));
        };
        let context = OpenContext::from_wire(context);
        let function = (entry.open)(&context)?;
        Ok(wire::ScalarFunction::new(Self {
            returns: function.returns()?,
            function: RefCell::new(function),
            arguments: context.arguments().to_vec(),
            registry: PhantomData,
        }))
    }

    fn returns(&self) -> wire::Schema {
        to_schema(std::slice::from_ref(&self.returns))
    }

    fn eval(&self, row: Vec<Value>) -> Result<Value, Error> {
        let row = Row::new(row, &self.arguments)?;
        self.function.borrow_mut().eval(row)
    }

    fn batch_eval(&self, rows: &Batch) -> Result<Column, Error> {
        self.function.borrow_mut().batch_eval(rows)
    }
}

/// A panic ends the call as a trap, which carries no message: the host's log gets it.
fn log_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        std::panic::set_hook(Box::new(|info: &PanicHookInfo<'_>| {
            crate::log(Level::Error, &info.to_string());
        }));
    });
}
