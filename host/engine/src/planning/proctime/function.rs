//! `PROCTIME()`: the time at which a row is worked on.

use datafusion::{
    arrow::datatypes::{DataType, Field, FieldRef, TimeUnit},
    common::{Result, ScalarValue},
    logical_expr::{
        ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
    },
};

use crate::{
    job::machine_time,
    planning::{casts::in_zone, windows::TimeAttribute},
};

/// See the module. Its column is TIMESTAMP_LTZ(3), and a time attribute of processing time.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(in crate::planning) struct Proctime {
    data_type: DataType,
    signature: Signature,
}

impl Proctime {
    pub(in crate::planning) fn new(zone: Option<&str>) -> Self {
        let instant = DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into()));
        Proctime {
            data_type: in_zone(&instant, zone),
            signature: Signature::nullary(Volatility::Volatile),
        }
    }
}

impl ScalarUDFImpl for Proctime {
    fn name(&self) -> &str {
        "proctime"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(self.data_type.clone())
    }

    fn return_field_from_args(&self, _: ReturnFieldArgs) -> Result<FieldRef> {
        let field = Field::new(self.name(), self.data_type.clone(), false);
        let metadata = TimeAttribute::Proctime.metadata().to_hashmap();
        Ok(field.with_metadata(metadata).into())
    }

    fn invoke_with_args(&self, _: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let zone = match &self.data_type {
            DataType::Timestamp(_, zone) => zone.clone(),
            _ => None,
        };
        Ok(ColumnarValue::Scalar(ScalarValue::TimestampMillisecond(
            Some(machine_time()),
            zone,
        )))
    }
}
