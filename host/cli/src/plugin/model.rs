//! A model that is built in, for functions that want one: `sum`.

use std::sync::Arc;
use std::time::Instant;

use arrow::array::{Array as _, ArrayRef, AsArray as _, Float64Array};
use arrow::datatypes::{DataType, Field, FieldRef, Float64Type};
use wasmill_plugin::{Grants, Model, ModelError};

/// Two `float64`, `a` and `b`, to their `sum`. NULL is NaN.
#[derive(Debug)]
pub struct Sum {
    inputs: [FieldRef; 2],
    outputs: [FieldRef; 1],
}

impl Sum {
    pub const NAME: &str = "sum";

    fn new() -> Self {
        let field = |name| Arc::new(Field::new(name, DataType::Float64, true));
        Sum {
            inputs: ["a", "b"].map(field),
            outputs: [Self::NAME].map(field),
        }
    }

    /// What a function is granted that may use it, and nothing else.
    pub fn granted() -> Grants {
        let mut grants = Grants::default();
        grants
            .models
            .insert(Self::NAME.to_owned(), Arc::new(Sum::new()));
        grants
    }
}

impl Model for Sum {
    fn inputs(&self) -> &[FieldRef] {
        &self.inputs
    }

    fn outputs(&self) -> &[FieldRef] {
        &self.outputs
    }

    fn version(&self) -> String {
        "1".to_owned()
    }

    fn predict(
        &self,
        columns: &[ArrayRef],
        rows: usize,
        _deadline: Option<Instant>,
    ) -> Result<Vec<ArrayRef>, ModelError> {
        let numbers: Vec<_> = columns
            .iter()
            .filter_map(|column| column.as_primitive_opt::<Float64Type>())
            .collect();
        let [a, b] = numbers.as_slice() else {
            return Err(ModelError::Invalid("it takes two float64".to_owned()));
        };
        let number = |column: &Float64Array, row| match column.is_null(row) {
            true => f64::NAN,
            false => column.value(row),
        };
        let sums = (0..rows).map(|row| number(a, row) + number(b, row));
        Ok(vec![Arc::new(Float64Array::from_iter_values(sums))])
    }
}
