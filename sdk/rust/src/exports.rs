//! What the component exports: the functions that its plugin registers.

use std::cell::RefCell;
use std::panic::PanicHookInfo;
use std::sync::Once;

use crate::bindings::exports::wasmill::udf::scalar as wire;
use crate::types::to_schema;
use crate::{
    Batch, Column, Error, Field, Level, OpenContext, Row, ScalarFunction, Signature, Value,
};

/// One function of a plugin, as [`plugin!`](crate::plugin) registers it.
pub struct Entry {
    signature: fn() -> Signature,
    open: fn(&OpenContext) -> Result<Box<dyn Dynamic>, Error>,
}

inventory::collect!(Entry);

impl Entry {
    pub const fn of<F: ScalarFunction>() -> Self {
        Self {
            signature: F::signature,
            open: |context| Ok(Box::new(F::open(context)?)),
        }
    }
}

/// What the plugin's functions say of themselves, by name: they register in no particular order.
/// Two of one name are left in, because the host refuses them in words.
fn signatures() -> Vec<Signature> {
    let mut signatures: Vec<Signature> = Vec::new();
    for entry in inventory::iter::<Entry> {
        let signature = (entry.signature)();
        let place = signatures.partition_point(|before| before.name <= signature.name);
        signatures.insert(place, signature);
    }
    signatures
}

/// Opens the function of this name.
fn open(name: &str, context: &OpenContext) -> Result<Box<dyn Dynamic>, Error> {
    let mut entries = inventory::iter::<Entry>.into_iter();
    match entries.find(|entry| (entry.signature)().name == name) {
        Some(entry) => (entry.open)(context),
        None => Err(Error::invalid(format!(
            "this plugin has no function '{name}'"
        ))),
    }
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

/// The component. Natively, where tests run, it is checked and not exported.
struct Component;

#[cfg(target_arch = "wasm32")]
crate::bindings::export!(Component with_types_in crate::bindings);

impl wire::Guest for Component {
    type ScalarFunction = Opened;

    fn functions() -> Vec<wire::Signature> {
        log_panics();
        signatures().into_iter().map(Signature::wire).collect()
    }
}

/// A function that a job opened.
struct Opened {
    // The host calls one at a time.
    function: RefCell<Box<dyn Dynamic>>,
    arguments: Vec<Field>,
    returns: Field,
}

impl wire::GuestScalarFunction for Opened {
    fn open(name: String, context: wire::OpenContext) -> Result<wire::ScalarFunction, Error> {
        log_panics();
        let context = OpenContext::from_wire(context);
        let function = open(&name, &context)?;
        Ok(wire::ScalarFunction::new(Self {
            returns: function.returns()?,
            function: RefCell::new(function),
            arguments: context.arguments().to_vec(),
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Known to SQL by this letter.
    struct Letter<const NAME: char>;

    impl<const NAME: char> ScalarFunction for Letter<NAME> {
        fn signature() -> Signature {
            Signature::new(NAME)
        }

        fn open(_context: &OpenContext) -> Result<Self, Error> {
            Err(Error::failed(format!("{NAME} was opened")))
        }

        fn batch_eval(&mut self, rows: &Batch) -> Result<Column, Error> {
            Ok(rows.column(0))
        }
    }

    crate::plugin!(Letter<'c'>, Letter<'a'>);
    crate::plugin!(Letter<'b'>);

    #[test]
    fn functions_are_offered_by_name() {
        let names: Vec<_> = signatures().into_iter().map(|s| s.name).collect();
        assert_eq!(names, ["a", "b", "c"]);
    }

    #[test]
    fn a_function_is_opened_by_its_name() {
        let refusal = |name| match open(name, &OpenContext::default()) {
            Err(error) => format!("{error:?}"),
            Ok(_) => "opened".to_string(),
        };
        assert_eq!(refusal("b"), r#"Error::Failed("b was opened")"#);
        assert_eq!(
            refusal("d"),
            r#"Error::Invalid("this plugin has no function 'd'")"#
        );
    }
}
