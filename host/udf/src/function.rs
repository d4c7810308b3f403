//! A WASM function behind DataFusion's `ScalarUDFImpl`.

use std::sync::{Arc, atomic::Ordering};

use arrow::{
    array::{ArrayRef, RecordBatch, RecordBatchOptions, UInt32Array},
    compute::take,
    datatypes::{DataType, Field, FieldRef, Schema},
};
use datafusion::{
    common::{Result, ScalarValue, exec_err, internal_err},
    logical_expr::{
        ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
        Volatility,
    },
};
use wasmill_plugin::{Function, Kind, Plugin, PluginError};

use crate::{
    error::{UdfError, external},
    opening::{FunctionOptions, OnError, Opener},
    spare::{Spared, spare},
    spared_rows::rows_of,
    stop::Stop,
};

/// A WASM function as a DataFusion function: its arguments are cast to what the plugin declares,
/// it is opened once for each distinct list of argument types, and called batch by batch. What a call
/// of a table function gives is a list of structs, its rows.
pub fn scalar_udf(
    plugin: Arc<Plugin>,
    function: &str,
    options: FunctionOptions,
) -> Result<ScalarUDF, PluginError> {
    Ok(ScalarUDF::new_from_impl(WasmFunction::new(
        plugin, function, options,
    )?))
}

/// See [`scalar_udf`].
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct WasmFunction {
    opener: Opener,
    signature: Signature,
}

impl WasmFunction {
    /// Fails where the plugin has no such function.
    pub fn new(
        plugin: Arc<Plugin>,
        function: &str,
        options: FunctionOptions,
    ) -> Result<Self, PluginError> {
        let opener = Opener::new(plugin, function, options)?;
        // As a constant, a list would stand beside every row: so of a table function's call none is made.
        let volatility = match opener.signature().kind {
            Kind::Scalar if opener.is_deterministic() => Volatility::Immutable,
            _ => Volatility::Volatile,
        };
        Ok(WasmFunction {
            signature: Signature::new(opener.type_signature(), volatility),
            opener,
        })
    }

    pub fn on_error(&self) -> OnError {
        self.opener.options.on_error
    }

    /// What it makes of a row.
    pub fn kind(&self) -> Kind {
        self.opener.signature().kind
    }

    /// Whether the same arguments give the same result, whenever it is called.
    pub fn is_deterministic(&self) -> bool {
        self.opener.is_deterministic()
    }

    /// The values of a batch, one a row; where rows may fail, NULL for those that do.
    fn values(
        &self,
        function: &Function,
        columns: &[ArrayRef],
        rows: usize,
        stop: Option<&Stop>,
    ) -> Result<ArrayRef> {
        if self.opener.options.on_error != OnError::Null {
            return self.call(function, columns, rows, stop);
        }
        let schema = Arc::new(Schema::new(function.arguments().clone()));
        let count = RecordBatchOptions::new().with_row_count(Some(rows));
        let batch = RecordBatch::try_new_with_options(schema, columns.to_vec(), &count)?;
        let types = [function.returns().data_type().clone()];
        let Spared { columns, failed } = spare(&batch, &types, |batch| {
            Ok(vec![self.call(
                function,
                batch.columns(),
                batch.num_rows(),
                stop,
            )?])
        })?;
        let Some(values) = columns.into_iter().next() else {
            return internal_err!("{} gave no column", self.name());
        };
        if failed.is_empty() {
            return Ok(values);
        }
        self.opener
            .options
            .failed
            .fetch_add(failed.len() as u64, Ordering::Relaxed);
        let mut failed = failed.iter().map(|failed| failed.row).peekable();
        let mut next = 0_u32..;
        let places = (0..rows).map(|row| match failed.next_if_eq(&row) {
            Some(_) => None,
            None => next.next(),
        });
        Ok(take(&values, &places.collect::<UInt32Array>(), None)?)
    }

    fn call(
        &self,
        function: &Function,
        columns: &[ArrayRef],
        rows: usize,
        stop: Option<&Stop>,
    ) -> Result<ArrayRef> {
        if let Some(stop) = stop {
            stop.check(&self.opener.options.sql_name)?;
        }
        let of_rows = |error| match self.opener.options.on_error {
            OnError::Fail => UdfError::Plugin(error),
            OnError::Null | OnError::DeadLetter => UdfError::Rows {
                function: self.opener.options.sql_name.clone(),
                error: Box::new(error),
                batch_time: self.opener.options.limits.batch_time,
            },
        };
        function
            .try_rows(columns, rows, rows_of(function, rows))
            .map_err(|error| external(error.into()))?
            .map_err(|error| external(of_rows(error)))
    }
}

impl ScalarUDFImpl for WasmFunction {
    fn name(&self) -> &str {
        &self.opener.options.sql_name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        Ok(self.opener.coerced_types(arg_types))
    }

    fn return_type(&self, arg_types: &[DataType]) -> Result<DataType> {
        self.opener.return_type(arg_types).map_err(external)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let types: Vec<_> = args
            .arg_fields
            .iter()
            .map(|field| field.data_type().clone())
            .collect();
        Ok(Field::new(self.name(), self.return_type(&types)?, true).into())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let types: Vec<_> = args.args.iter().map(ColumnarValue::data_type).collect();
        let function = self
            .opener
            .opened(&types)
            .map_err(|error| external(error.into()))?;
        let constant = !args.args.is_empty()
            && self.signature.volatility == Volatility::Immutable
            && args
                .args
                .iter()
                .all(|value| matches!(value, ColumnarValue::Scalar(_)));
        let rows = if constant { 1 } else { args.number_rows };
        let columns = args
            .args
            .into_iter()
            .map(|value| value.into_array(rows))
            .collect::<Result<Vec<ArrayRef>>>()?;
        if let Some(column) = columns.iter().find(|column| column.len() != rows) {
            return exec_err!(
                "{}: an argument has {} rows in a batch of {rows}",
                self.name(),
                column.len()
            );
        }
        let stop = args.config_options.extensions.get::<Stop>();
        let result = self.values(&function, &columns, rows, stop)?;
        if constant {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(
                &result, 0,
            )?));
        }
        Ok(ColumnarValue::Array(result))
    }
}
