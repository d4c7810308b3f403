//! Calls itself until the stack is full.
//!
//! The parameter `attack` chooses which.

wit_bindgen::generate!({ path: "../../../wit", world: "scalar-plugin" });

use std::hint::black_box;

use exports::wasmill::udf::scalar::{Guest, GuestScalarFunction, ScalarFunction};
use wasmill::udf::columns::{Batch, Column, DataType, Field, Schema};
use wasmill::udf::types::{Arguments, Error, OpenContext, Parameter, Signature, Value};

struct Plugin;

struct Recursion {
    attack: String,
}

impl Guest for Plugin {
    type ScalarFunction = Recursion;

    fn functions() -> Vec<Signature> {
        vec![signature("recursion")]
    }
}

impl GuestScalarFunction for Recursion {
    fn open(_name: String, context: OpenContext) -> Result<ScalarFunction, Error> {
        let attack = attack_of(&context);
        if attack == "open" {
            descend(0);
        }
        Ok(ScalarFunction::new(Recursion { attack }))
    }

    fn returns(&self) -> Schema {
        schema(DataType::Int64, true)
    }

    fn eval(&self, _row: Vec<Value>) -> Result<Value, Error> {
        descend(0);
        Ok(Value::Null)
    }

    fn batch_eval(&self, rows: &Batch) -> Result<Column, Error> {
        if self.attack == "batch-eval" {
            descend(0);
        }
        Ok(rows.column(0))
    }
}

#[inline(never)]
#[expect(unconditional_recursion, reason = "the attack")]
fn descend(depth: u64) -> u64 {
    black_box(descend(black_box(depth) + 1)) + 1
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
