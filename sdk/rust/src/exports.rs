//! What the component exports: the functions that its plugin registers.

mod aggregate;
mod process;

use std::cell::RefCell;
use std::panic::PanicHookInfo;
use std::sync::Once;

use crate::bindings::exports::wasmill::udf::{scalar, table};
use crate::bindings::wasmill::udf::types as wire;
use crate::types::to_schema;
use crate::{
    AggregateFunction, Batch, Column, Error, Expansion, Field, Level, OpenContext, ProcessFunction,
    Row, ScalarFunction, Signature, TableFunction, Value,
};

use aggregate::DynamicAggregate;
use process::DynamicProcess;

/// One function of a plugin, as [`plugin!`](crate::plugin) registers it.
pub struct Entry {
    signature: fn() -> Signature,
    open: Open,
}

/// How a function of a kind is opened.
enum Open {
    Scalar(Opening<dyn DynamicScalar>),
    Table(Opening<dyn DynamicTable>),
    Aggregate(Opening<dyn DynamicAggregate>),
    Process(Opening<dyn DynamicProcess>),
}

type Opening<F> = fn(&OpenContext) -> Result<Box<F>, Error>;

inventory::collect!(Entry);

/// A function of the kind that `Kind` marks. A type that implements the trait of one kind only is of
/// that kind, without saying so.
pub trait Offered<Kind> {
    const ENTRY: Entry;
}

pub struct IsScalar;
pub struct IsTable;
pub struct IsAggregate;
pub struct IsProcess;

impl<F: ScalarFunction> Offered<IsScalar> for F {
    const ENTRY: Entry = Entry {
        signature: F::signature,
        open: Open::Scalar(|context| Ok(Box::new(F::open(context)?))),
    };
}

impl<F: TableFunction> Offered<IsTable> for F {
    const ENTRY: Entry = Entry {
        signature: F::signature,
        open: Open::Table(|context| Ok(Box::new(F::open(context)?))),
    };
}

impl<F: AggregateFunction> Offered<IsAggregate> for F {
    const ENTRY: Entry = Entry {
        signature: F::signature,
        open: Open::Aggregate(|context| Ok(Box::new(F::open(context)?))),
    };
}

impl<F: ProcessFunction> Offered<IsProcess> for F {
    const ENTRY: Entry = Entry {
        signature: F::signature,
        open: Open::Process(|context| Ok(Box::new(F::open(context)?))),
    };
}

impl Entry {
    pub const fn of<F: Offered<Kind>, Kind>() -> Self {
        F::ENTRY
    }
}

/// What the plugin's functions of a kind say of themselves, by name: they register in no particular
/// order. Two of one name are left in, because the host refuses them in words.
fn signatures(of_kind: fn(&Open) -> bool) -> Vec<Signature> {
    let mut signatures: Vec<Signature> = Vec::new();
    let entries = inventory::iter::<Entry>.into_iter();
    for entry in entries.filter(|entry| of_kind(&entry.open)) {
        let signature = (entry.signature)();
        let place = signatures.partition_point(|before| before.name <= signature.name);
        signatures.insert(place, signature);
    }
    signatures
}

fn is_scalar(open: &Open) -> bool {
    matches!(open, Open::Scalar(_))
}

fn is_table(open: &Open) -> bool {
    matches!(open, Open::Table(_))
}

/// Opens the function of this name and of a kind.
fn open<F: ?Sized>(
    name: &str,
    context: &OpenContext,
    of_kind: fn(&Open) -> Option<Opening<F>>,
) -> Result<Box<F>, Error> {
    let entries = inventory::iter::<Entry>.into_iter();
    let mut named = entries.filter(|entry| (entry.signature)().name == name);
    match named.find_map(|entry| of_kind(&entry.open)) {
        Some(open) => open(context),
        None => Err(Error::invalid(format!(
            "this plugin has no function '{name}'"
        ))),
    }
}

fn open_scalar(name: &str, context: &OpenContext) -> Result<Box<dyn DynamicScalar>, Error> {
    open(name, context, |open| match open {
        Open::Scalar(open) => Some(*open),
        _ => None,
    })
}

fn open_table(name: &str, context: &OpenContext) -> Result<Box<dyn DynamicTable>, Error> {
    open(name, context, |open| match open {
        Open::Table(open) => Some(*open),
        _ => None,
    })
}

/// A [`TableFunction`] of any type.
trait DynamicTable {
    fn returns(&self) -> Result<Vec<Field>, Error>;
    fn batch_eval(&mut self, rows: &Batch) -> Result<Expansion, Error>;
}

impl<F: TableFunction> DynamicTable for F {
    fn returns(&self) -> Result<Vec<Field>, Error> {
        TableFunction::returns(self)
    }

    fn batch_eval(&mut self, rows: &Batch) -> Result<Expansion, Error> {
        TableFunction::batch_eval(self, rows)
    }
}

/// A [`ScalarFunction`] of any type.
trait DynamicScalar {
    fn returns(&self) -> Result<Field, Error>;
    fn batch_eval(&mut self, rows: &Batch) -> Result<Column, Error>;
    fn eval(&mut self, row: Row<'_>) -> Result<Value, Error>;
}

impl<F: ScalarFunction> DynamicScalar for F {
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

impl scalar::Guest for Component {
    type ScalarFunction = OpenedScalar;

    fn functions() -> Vec<wire::Signature> {
        log_panics();
        let signatures = signatures(is_scalar).into_iter();
        signatures.map(Signature::wire).collect()
    }
}

impl table::Guest for Component {
    type TableFunction = OpenedTable;

    fn functions() -> Vec<wire::Signature> {
        log_panics();
        let signatures = signatures(is_table).into_iter();
        signatures.map(Signature::wire).collect()
    }
}

/// A table function that a job opened.
struct OpenedTable {
    // The host calls one at a time.
    function: RefCell<Box<dyn DynamicTable>>,
    returns: Vec<Field>,
}

impl table::GuestTableFunction for OpenedTable {
    fn open(name: String, context: wire::OpenContext) -> Result<table::TableFunction, Error> {
        log_panics();
        let function = open_table(&name, &OpenContext::from_wire(context))?;
        Ok(table::TableFunction::new(Self {
            returns: function.returns()?,
            function: RefCell::new(function),
        }))
    }

    fn returns(&self) -> scalar::Schema {
        to_schema(&self.returns)
    }

    fn batch_eval(&self, rows: &Batch) -> Result<Expansion, Error> {
        self.function.borrow_mut().batch_eval(rows)
    }
}

/// A scalar function that a job opened.
struct OpenedScalar {
    // The host calls one at a time.
    function: RefCell<Box<dyn DynamicScalar>>,
    arguments: Vec<Field>,
    returns: Field,
}

impl scalar::GuestScalarFunction for OpenedScalar {
    fn open(name: String, context: wire::OpenContext) -> Result<scalar::ScalarFunction, Error> {
        log_panics();
        let context = OpenContext::from_wire(context);
        let function = open_scalar(&name, &context)?;
        Ok(scalar::ScalarFunction::new(Self {
            returns: function.returns()?,
            function: RefCell::new(function),
            arguments: context.arguments().to_vec(),
        }))
    }

    fn returns(&self) -> scalar::Schema {
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

    /// A table function of that name.
    struct Rows<const NAME: char>;

    impl<const NAME: char> TableFunction for Rows<NAME> {
        fn signature() -> Signature {
            Signature::new(NAME)
        }

        fn open(_context: &OpenContext) -> Result<Self, Error> {
            Err(Error::failed(format!("{NAME} was opened")))
        }

        fn batch_eval(&mut self, rows: &Batch) -> Result<Expansion, Error> {
            Expansion::collect(&["none"], rows.rows() as usize, |_| {
                Ok::<[i32; 0], Error>([])
            })
        }
    }

    crate::plugin!(Letter<'c'>, Rows<'e'>, Letter<'a'>);
    crate::plugin!(Letter<'b'>);

    #[test]
    fn functions_are_offered_by_kind_and_name() {
        let names = |of_kind| -> Vec<String> {
            let signatures = signatures(of_kind).into_iter();
            signatures.map(|signature| signature.name).collect()
        };
        assert_eq!(names(is_scalar), ["a", "b", "c"]);
        assert_eq!(names(is_table), ["e"]);
    }

    #[test]
    fn a_function_is_opened_by_its_name() {
        let refusal = |name| match open_scalar(name, &OpenContext::default()) {
            Err(error) => format!("{error:?}"),
            Ok(_) => "opened".to_string(),
        };
        assert_eq!(refusal("b"), r#"Error::Failed("b was opened")"#);
        for name in ["d", "e"] {
            let expected = format!("Error::Invalid(\"this plugin has no function '{name}'\")");
            assert_eq!(refusal(name), expected);
        }
        let opened = open_table("e", &OpenContext::default());
        assert!(matches!(opened, Err(Error::Failed(message)) if message == "e was opened"));
    }
}
