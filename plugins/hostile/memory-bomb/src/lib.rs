//! Takes memory, handles, and room in the host until somebody stops it.
//!
//! The parameter `attack` chooses which.

wit_bindgen::generate!({ path: "../../../wit", world: "scalar-plugin" });

use std::cell::RefCell;
use std::hint::black_box;

use exports::wasmill::udf::scalar::{Guest, GuestScalarFunction, ScalarFunction};
use wasmill::udf::columns::{Array, Batch, Column, DataType, Field, Schema, Values};
use wasmill::udf::log::{Level, log};
use wasmill::udf::metrics;
use wasmill::udf::types::{Arguments, Error, OpenContext, Parameter, RowError, Signature, Value};

struct Plugin;

struct Bomb {
    attack: String,
    kept: RefCell<Vec<Column>>,
}

impl Guest for Plugin {
    type ScalarFunction = Bomb;

    fn functions() -> Vec<Signature> {
        vec![signature("bomb")]
    }
}

impl GuestScalarFunction for Bomb {
    fn open(_name: String, context: OpenContext) -> Result<ScalarFunction, Error> {
        let attack = attack_of(&context);
        if attack == "open" {
            allocate();
        }
        Ok(ScalarFunction::new(Bomb {
            attack,
            kept: RefCell::default(),
        }))
    }

    fn returns(&self) -> Schema {
        schema(DataType::Float64, true)
    }

    fn eval(&self, _row: Vec<Value>) -> Result<Value, Error> {
        allocate();
        Ok(Value::Null)
    }

    fn batch_eval(&self, rows: &Batch) -> Result<Column, Error> {
        let mut kept = self.kept.borrow_mut();
        match self.attack.as_str() {
            "memory" => allocate(),
            "handles" => loop {
                kept.push(rows.column(0));
            },
            "columns" => loop {
                kept.push(zeros(1 << 20));
            },
            "errors" => {
                let message = "x".repeat(1 << 10);
                return Err(Error::Rows(
                    (0..rows.rows())
                        .map(|row| RowError {
                            row,
                            message: message.clone(),
                        })
                        .collect(),
                ));
            }
            "log" => (0..100_000).for_each(|line| log(Level::Info, &format!("line {line}"))),
            "metrics" => {
                (0..100_000).for_each(|number| metrics::counter(&format!("metric-{number}"), 1));
            }
            "leak" => kept.push(rows.column(0)),
            // A guest that is refused memory may live on.
            "ask" => while core::arch::wasm32::memory_grow(0, 16) != usize::MAX {},
            _ => {}
        }
        Ok(rows.column(0))
    }
}

fn allocate() {
    let mut memory = Vec::new();
    loop {
        memory.push(black_box(vec![1_u8; 1 << 20]));
    }
}

fn zeros(rows: u32) -> Column {
    let array = Array {
        length: rows,
        validity: None,
        values: Values::Float64(vec![0.0; rows as usize]),
    };
    Column::new(&DataType::Float64, &array, Vec::new())
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
