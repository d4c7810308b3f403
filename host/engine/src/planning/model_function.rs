//! A model as a function inside a plan: columns in, one prediction (or a row of them) out.

use std::{
    fmt,
    hash::{Hash, Hasher},
    sync::Arc,
    time::{Duration, Instant},
};

use datafusion::{
    arrow::{
        array::{ArrayRef, StructArray},
        datatypes::{DataType, Fields},
    },
    common::{Result, internal_err},
    logical_expr::{
        ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, TypeSignature, Volatility,
    },
};
use wasmill_inference::Model;

use super::external;

/// Calls a model once a batch.
///
/// It says that it is volatile: an optimiser must neither push it below nor copy it above another
/// node, because one call is all that a batch may cost.
pub(super) struct ModelFunction {
    name: String,
    model: Arc<dyn Model>,
    /// Time of one call.
    limit: Duration,
    signature: Signature,
    output: DataType,
}

impl ModelFunction {
    pub(super) fn new(name: &str, model: Arc<dyn Model>, limit: Duration) -> Self {
        let output = match model.outputs() {
            [only] => only.data_type().clone(),
            several => DataType::Struct(several.iter().cloned().collect()),
        };
        let inputs = model.inputs().iter().map(|field| field.data_type().clone());
        let types = TypeSignature::Exact(inputs.collect());
        ModelFunction {
            name: format!("predict[{name}]"),
            signature: Signature::new(types, Volatility::Volatile),
            model,
            limit,
            output,
        }
    }
}

impl ScalarUDFImpl for ModelFunction {
    fn name(&self) -> &str {
        &self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(self.output.clone())
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = arguments.number_rows;
        let columns = arguments
            .args
            .into_iter()
            .map(|value| value.into_array(rows))
            .collect::<Result<Vec<ArrayRef>>>()?;
        let mut outputs = self
            .model
            .predict(&columns, rows, Instant::now().checked_add(self.limit))
            .map_err(external)?;
        if outputs.len() != self.model.outputs().len() {
            return internal_err!("{} gave {} columns", self.name, outputs.len());
        }
        let result = match &self.output {
            DataType::Struct(fields) if self.model.outputs().len() > 1 => {
                let fields: Fields = fields.clone();
                Arc::new(StructArray::try_new(fields, outputs, None)?)
            }
            _ => outputs.swap_remove(0),
        };
        Ok(ColumnarValue::Array(result))
    }
}

impl fmt::Debug for ModelFunction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ModelFunction")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl PartialEq for ModelFunction {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
            && self.limit == other.limit
            && self.model.version() == other.model.version()
    }
}

impl Eq for ModelFunction {}

impl Hash for ModelFunction {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}
