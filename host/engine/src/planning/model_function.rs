//! A model as a function inside a plan: columns in, one prediction (or a row of them) out.

use std::{
    fmt,
    hash::{Hash, Hasher},
    sync::Arc,
    time::Instant,
};

use datafusion::{
    arrow::{
        array::{Array, ArrayRef, AsArray, StructArray},
        datatypes::{DataType, Fields},
    },
    common::{Result, internal_err},
    logical_expr::{
        ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, TypeSignature, Volatility,
    },
};
use wasmill_inference::{Model, VersionedModel};

use super::{concurrent_calls::Concurrency, external, predict_config::Config};

/// Calls a model once a batch. Behind the model's inputs it takes the column of its `canary.key`, where
/// that is none of them.
///
/// It says that it is volatile: an optimiser must neither push it below nor copy it above another
/// node, because one call is all that a batch may cost.
pub(super) struct ModelFunction {
    name: String,
    model: Arc<VersionedModel>,
    config: Config,
    signature: Signature,
    output: DataType,
}

impl ModelFunction {
    pub(super) fn new(
        name: &str,
        model: Arc<VersionedModel>,
        key: Option<DataType>,
        config: Config,
    ) -> Self {
        let output = match model.outputs() {
            [only] => only.data_type().clone(),
            several => DataType::Struct(several.iter().cloned().collect()),
        };
        let inputs = model.inputs().iter().map(|field| field.data_type().clone());
        let types = TypeSignature::Exact(inputs.chain(key).collect());
        ModelFunction {
            name: format!("predict[{name}]"),
            signature: Signature::new(types, Volatility::Volatile),
            model,
            config,
            output,
        }
    }

    /// How calls of it may run beside each other; `None` where that is no use.
    pub(super) fn concurrency(&self) -> Option<Concurrency> {
        let requests = self.model.requests().filter(|_| !self.config.one_by_one)?;
        Some(Concurrency {
            rows: requests.rows,
            calls: self.config.operations.unwrap_or(requests.at_once),
            unordered: self.config.unordered,
        })
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
        let inputs = self.model.inputs().len().min(columns.len());
        let (inputs, key) = columns.split_at(inputs);
        let limit = self.config.timeout;
        let deadline = limit.and_then(|limit| Instant::now().checked_add(limit));
        let mut outputs = self
            .model
            .predict_by(inputs, key.first(), rows, deadline)
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

/// One output of a row of them.
///
/// Unlike `get_field` it is not moved into the projection below, which would call the model for each
/// output anew.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct ModelOutput {
    place: usize,
    output: DataType,
    signature: Signature,
}

impl ModelOutput {
    /// The output at `place` of `outputs`.
    pub(super) fn new(place: usize, outputs: &Fields) -> Self {
        let output = outputs.get(place);
        ModelOutput {
            place,
            output: output.map_or(DataType::Null, |field| field.data_type().clone()),
            signature: Signature::exact(
                vec![DataType::Struct(outputs.clone())],
                Volatility::Immutable,
            ),
        }
    }
}

impl ScalarUDFImpl for ModelOutput {
    fn name(&self) -> &str {
        "output"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(self.output.clone())
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = arguments.number_rows;
        let Some(row) = arguments.args.into_iter().next() else {
            return internal_err!("no row of outputs");
        };
        let row = row.into_array(rows)?;
        match row
            .as_struct_opt()
            .and_then(|row| row.columns().get(self.place))
        {
            Some(column) => Ok(ColumnarValue::Array(Arc::clone(column))),
            None => internal_err!("no output {} in {}", self.place, row.data_type()),
        }
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
            && self.config == other.config
            && Arc::ptr_eq(&self.model, &other.model)
            && self.signature == other.signature
    }
}

impl Eq for ModelFunction {}

impl Hash for ModelFunction {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}
