//! Never comes back, from whichever of its functions the host calls.
//!
//! The parameter `attack` chooses which.

wit_bindgen::generate!({ path: "../../../wit", world: "scalar-plugin" });

use std::hint::black_box;

use exports::wasmill::udf::scalar::{Guest, GuestScalarFunction, ScalarFunction};
use wasmill::udf::columns::{Batch, Column, DataType, Field, Schema};
use wasmill::udf::log::{Level, log};
use wasmill::udf::types::{Arguments, Error, OpenContext, Parameter, Signature, Value};

struct Plugin;

struct Loop {
    attack: String,
}

impl Guest for Plugin {
    type ScalarFunction = Loop;

    fn functions() -> Vec<Signature> {
        vec![signature("loop")]
    }
}

impl GuestScalarFunction for Loop {
    fn open(_name: String, context: OpenContext) -> Result<ScalarFunction, Error> {
        let attack = attack_of(&context);
        if attack == "open" {
            spin();
        }
        Ok(ScalarFunction::new(Loop { attack }))
    }

    fn returns(&self) -> Schema {
        if self.attack == "returns" {
            spin();
        }
        schema(DataType::Int64, true)
    }

    fn eval(&self, _row: Vec<Value>) -> Result<Value, Error> {
        spin();
        Ok(Value::Null)
    }

    fn batch_eval(&self, rows: &Batch) -> Result<Column, Error> {
        log(Level::Info, "here \x1b[31mI go");
        match self.attack.as_str() {
            "log" => loop {
                log(Level::Error, "again");
            },
            "fill" => {
                let mut memory = vec![0_u8; 16 << 20];
                loop {
                    memory.fill(black_box(1));
                }
            }
            _ => spin(),
        }
        Ok(rows.column(0))
    }
}

fn spin() {
    loop {
        black_box(());
    }
}

/// The tests make this the start function of the module.
#[unsafe(no_mangle)]
extern "C" fn spin_at_start() {
    spin();
}

/// The tests make this the plugin's `functions`.
#[unsafe(no_mangle)]
extern "C" fn spin_in_functions() -> i32 {
    spin();
    black_box(0)
}

fn schema(data_type: DataType, nullable: bool) -> Schema {
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

fn attack_of(context: &OpenContext) -> String {
    context
        .parameters
        .iter()
        .find_map(|(name, value)| (name == "attack").then(|| value.clone()))
        .unwrap_or_default()
}

fn signature(name: &str) -> Signature {
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

export!(Plugin);
