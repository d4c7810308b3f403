//! What the attackers of `plugins/hostile` share: the contract's bindings, without the SDK, and a
//! function that behaves wherever an attack does not say otherwise.
//!
//! An attacker is a type that implements [`Attack`], and `attack::export!(Type);`; or
//! [`table::TableAttack`], [`aggregate::AggregateAttack`] or [`process::ProcessAttack`], and their
//! `export!`. What bindings do not let it do, it does in a function of the name `instead of X`: the tests
//! put that in the place of the module's export `X`, and one `instead of start` becomes its start
//! function.

wit_bindgen::generate!({
    path: "../../wit",
    world: "scalar-plugin",
    pub_export_macro: true,
    default_bindings_module: "attack",
});

pub mod aggregate;
pub mod process;
pub mod table;
pub mod wasi;

use std::marker::PhantomData;

pub use wasmill::udf::{columns, inference, log, metrics, types};

use columns::{Array, Batch, Column, DataType, Field, Schema, Values};
use exports::wasmill::udf::scalar::{Guest, GuestScalarFunction, ScalarFunction};
use types::{Arguments, Error, OpenContext, Parameter, Signature, Value};

/// What a function does when the host calls it. By default it hands back its first argument, an
/// INT64. `attack` is the parameter that the test opened it with. What an attack remembers from one
/// call to the next it keeps in a static: an instance has one function.
pub trait Attack: 'static {
    /// What the function is called.
    const NAME: &'static str = "attack";

    fn functions() -> Vec<Signature> {
        vec![signature(Self::NAME)]
    }

    fn open(_attack: &str) -> Result<(), Error> {
        Ok(())
    }

    fn returns(_attack: &str) -> Schema {
        schema(DataType::Int64, true)
    }

    fn eval(_attack: &str, row: Vec<Value>) -> Result<Value, Error> {
        Ok(row.into_iter().next().unwrap_or(Value::Null))
    }

    fn batch_eval(_attack: &str, rows: &Batch) -> Result<Column, Error> {
        Ok(rows.column(0))
    }

    /// Its destructor.
    fn dropped(_attack: &str) {}
}

/// Any arguments, and a result whose type `returns` tells.
pub fn signature(name: &str) -> Signature {
    Signature {
        name: name.to_owned(),
        description: "An attack.".to_owned(),
        arguments: Arguments::Any,
        returns: None,
        deterministic: true,
        parameters: vec![Parameter {
            name: "attack".to_owned(),
            description: "which".to_owned(),
            required: true,
            default: None,
        }],
    }
}

/// One column, without children.
pub fn schema(data_type: DataType, nullable: bool) -> Schema {
    let field = Field {
        name: "result".to_owned(),
        data_type,
        nullable,
        children: Vec::new(),
    };
    Schema {
        fields: vec![field],
        columns: vec![0],
    }
}

/// A column without nulls and children.
pub fn column(data_type: &DataType, length: u32, values: Values) -> Column {
    let array = Array {
        length,
        validity: None,
        values,
    };
    Column::new(data_type, &array, Vec::new())
}

/// The parameter that the test opened the function with.
fn attack_of(context: OpenContext) -> String {
    let mut parameters = context.parameters.into_iter();
    let attack = parameters.find(|(name, _)| name == "attack");
    attack.unwrap_or_default().1
}

/// A function of the attacker `A`, opened.
pub struct Opened<A: Attack> {
    attack: String,
    attacker: PhantomData<A>,
}

impl<A: Attack> Opened<A> {
    /// A handle to it, as `open` gives one.
    pub fn handle(attack: &str) -> ScalarFunction {
        ScalarFunction::new(Self {
            attack: attack.to_owned(),
            attacker: PhantomData,
        })
    }
}

impl<A: Attack> Drop for Opened<A> {
    fn drop(&mut self) {
        A::dropped(&self.attack);
    }
}

impl<A: Attack> Guest for A {
    type ScalarFunction = Opened<A>;

    fn functions() -> Vec<Signature> {
        A::functions()
    }
}

impl<A: Attack> GuestScalarFunction for Opened<A> {
    fn open(_name: String, context: OpenContext) -> Result<ScalarFunction, Error> {
        let attack = attack_of(context);
        A::open(&attack)?;
        Ok(Self::handle(&attack))
    }

    fn returns(&self) -> Schema {
        A::returns(&self.attack)
    }

    fn eval(&self, row: Vec<Value>) -> Result<Value, Error> {
        A::eval(&self.attack, row)
    }

    fn batch_eval(&self, rows: &Batch) -> Result<Column, Error> {
        A::batch_eval(&self.attack, rows)
    }
}
