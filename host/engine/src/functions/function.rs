//! How a function of Flink's is declared, and how it becomes one of DataFusion's.

use std::{
    collections::HashMap,
    hash::{Hash, Hasher},
    sync::Arc,
};

use datafusion::{
    arrow::{
        array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, BooleanArray, PrimitiveArray},
        array::{BinaryArray, StringArray},
        buffer::NullBuffer,
        datatypes::{DataType, Field, FieldRef, Int64Type, TimeUnit},
    },
    common::{Result, ScalarValue, plan_err},
    logical_expr::{
        ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
        Volatility, type_coercion::binary::type_union_resolution,
    },
};

use crate::sql::flink_type;

/// What an argument is cast to.
#[derive(Debug, Clone, Copy)]
pub(super) enum Parameter {
    Text,
    Long,
    Bytes,
    /// TIMESTAMP, TIMESTAMP_LTZ or DATE to microseconds; a text stays one.
    Time,
    /// Text stays text, whole numbers become BIGINT.
    TextOrLong,
    /// As it is.
    Any,
    /// What all arguments can be.
    Common,
}

impl Parameter {
    fn coerced(self, given: &DataType) -> Option<DataType> {
        use DataType::{Binary, Date32, Int64, Null, Timestamp, Utf8};
        let is_text = matches!(
            given,
            Utf8 | DataType::LargeUtf8 | DataType::Utf8View | Null
        );
        let is_whole = given.is_integer() || *given == Null;
        match (self, given) {
            (Parameter::Any | Parameter::Common, given) => Some(given.clone()),
            (Parameter::Text | Parameter::Time | Parameter::TextOrLong, _) if is_text => Some(Utf8),
            (Parameter::Long | Parameter::TextOrLong, _) if is_whole => Some(Int64),
            (
                Parameter::Bytes,
                Binary
                | DataType::LargeBinary
                | DataType::BinaryView
                | Null
                | DataType::FixedSizeBinary(_),
            ) => Some(Binary),
            (Parameter::Time, Timestamp(_, zone)) => {
                Some(Timestamp(TimeUnit::Microsecond, zone.clone()))
            }
            (Parameter::Time, DataType::Time32(_) | DataType::Time64(_)) => {
                Some(DataType::Time64(TimeUnit::Microsecond))
            }
            (Parameter::Time, Date32) => Some(Timestamp(TimeUnit::Microsecond, None)),
            _ => None,
        }
    }
}

/// A function: `run` gets the arguments as arrays of as many rows.
pub(super) struct Function {
    /// In lower case.
    pub name: &'static str,
    pub parameters: &'static [Parameter],
    /// So many of the parameters must be given.
    pub required: usize,
    /// The last parameter may be given again and again.
    pub repeats: bool,
    pub volatility: Volatility,
    /// From the arguments' types, before they are cast, and the session's time zone.
    pub returns: fn(&[DataType], Option<&str>) -> Result<DataType>,
    pub run: fn(&Rows) -> Result<ArrayRef>,
}

impl Function {
    pub(super) const fn new(
        name: &'static str,
        parameters: &'static [Parameter],
        returns: fn(&[DataType], Option<&str>) -> Result<DataType>,
        run: fn(&Rows) -> Result<ArrayRef>,
    ) -> Self {
        Function {
            name,
            parameters,
            required: parameters.len(),
            repeats: false,
            volatility: Volatility::Immutable,
            returns,
            run,
        }
    }

    pub(super) const fn required(mut self, required: usize) -> Self {
        self.required = required;
        self
    }

    pub(super) const fn repeats(mut self) -> Self {
        self.repeats = true;
        self
    }

    pub(super) const fn volatile(mut self) -> Self {
        self.volatility = Volatility::Volatile;
        self
    }
}

/// The types that most functions give.
pub(super) mod gives {
    use super::{Arc, DataType, Field, Result, TimeUnit};

    type Given<'a> = &'a [DataType];
    type Zone<'a> = Option<&'a str>;

    pub(in super::super) fn text(_: Given<'_>, _: Zone<'_>) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    pub(in super::super) fn int(_: Given<'_>, _: Zone<'_>) -> Result<DataType> {
        Ok(DataType::Int32)
    }

    pub(in super::super) fn bigint(_: Given<'_>, _: Zone<'_>) -> Result<DataType> {
        Ok(DataType::Int64)
    }

    pub(in super::super) fn double(_: Given<'_>, _: Zone<'_>) -> Result<DataType> {
        Ok(DataType::Float64)
    }

    pub(in super::super) fn boolean(_: Given<'_>, _: Zone<'_>) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    pub(in super::super) fn bytes(_: Given<'_>, _: Zone<'_>) -> Result<DataType> {
        Ok(DataType::Binary)
    }

    pub(in super::super) fn texts(_: Given<'_>, _: Zone<'_>) -> Result<DataType> {
        let item = Field::new_list_field(DataType::Utf8, true);
        Ok(DataType::List(Arc::new(item)))
    }

    pub(in super::super) fn timestamp(_: Given<'_>, _: Zone<'_>) -> Result<DataType> {
        Ok(DataType::Timestamp(TimeUnit::Millisecond, None))
    }

    pub(in super::super) fn instant(_: Given<'_>, zone: Zone<'_>) -> Result<DataType> {
        let zone = zone.unwrap_or("UTC");
        Ok(DataType::Timestamp(
            TimeUnit::Millisecond,
            Some(zone.into()),
        ))
    }

    /// What the first argument is.
    pub(in super::super) fn first(given: Given<'_>, _: Zone<'_>) -> Result<DataType> {
        Ok(given.first().cloned().unwrap_or(DataType::Null))
    }
}

/// The arguments of a call.
pub(super) struct Rows {
    arrays: Vec<ArrayRef>,
    /// Of the arguments.
    pub fields: Vec<FieldRef>,
    pub count: usize,
    /// The session's.
    pub zone: Option<Arc<str>>,
    /// What the function gives.
    pub returns: DataType,
    nulls: Option<NullBuffer>,
}

impl Rows {
    /// How many arguments were given.
    pub(super) fn given(&self) -> usize {
        self.arrays.len()
    }

    pub(super) fn array(&self, argument: usize) -> &ArrayRef {
        &self.arrays[argument]
    }

    pub(super) fn texts(&self, argument: usize) -> &StringArray {
        self.arrays[argument].as_string()
    }

    pub(super) fn text(&self, argument: usize, row: usize) -> &str {
        self.texts(argument).value(row)
    }

    pub(super) fn bytes(&self, argument: usize) -> &BinaryArray {
        self.arrays[argument].as_binary()
    }

    pub(super) fn numbers<T: ArrowPrimitiveType>(&self, argument: usize) -> &PrimitiveArray<T> {
        self.arrays[argument].as_primitive()
    }

    pub(super) fn long(&self, argument: usize, row: usize) -> i64 {
        let numbers: &PrimitiveArray<Int64Type> = self.numbers(argument);
        numbers.value(row)
    }

    /// Whether an argument is NULL in this row.
    pub(super) fn is_null(&self, row: usize) -> bool {
        self.nulls.as_ref().is_some_and(|nulls| nulls.is_null(row))
    }

    fn each<T>(
        &self,
        mut value: impl FnMut(usize) -> Result<Option<T>>,
    ) -> impl Iterator<Item = Result<Option<T>>> {
        (0..self.count).map(move |row| match self.is_null(row) {
            true => Ok(None),
            false => value(row),
        })
    }

    /// A text for each row; NULL where an argument is.
    pub(super) fn to_texts<T: AsRef<str>>(
        &self,
        value: impl FnMut(usize) -> Result<Option<T>>,
    ) -> Result<ArrayRef> {
        let texts: StringArray = self.each(value).collect::<Result<_>>()?;
        Ok(Arc::new(texts))
    }

    pub(super) fn to_bytes<T: AsRef<[u8]>>(
        &self,
        value: impl FnMut(usize) -> Result<Option<T>>,
    ) -> Result<ArrayRef> {
        let values: BinaryArray = self.each(value).collect::<Result<_>>()?;
        Ok(Arc::new(values))
    }

    pub(super) fn to_booleans(
        &self,
        value: impl FnMut(usize) -> Result<Option<bool>>,
    ) -> Result<ArrayRef> {
        let values: BooleanArray = self.each(value).collect::<Result<_>>()?;
        Ok(Arc::new(values))
    }

    pub(super) fn to_numbers<T: ArrowPrimitiveType>(
        &self,
        value: impl FnMut(usize) -> Result<Option<T::Native>>,
    ) -> Result<ArrayRef> {
        let values: PrimitiveArray<T> = self.each(value).collect::<Result<_>>()?;
        Ok(Arc::new(values.with_data_type(
            match T::DATA_TYPE.is_temporal() {
                true => self.returns.clone(),
                false => T::DATA_TYPE,
            },
        )))
    }
}

/// What the texts of a batch mean (patterns, formats, paths): each is read once.
pub(super) struct ReadOnce<T> {
    read: fn(&str) -> Result<T>,
    found: HashMap<String, Arc<T>>,
}

impl<T> ReadOnce<T> {
    pub(super) fn new(read: fn(&str) -> Result<T>) -> Self {
        ReadOnce {
            read,
            found: HashMap::new(),
        }
    }

    pub(super) fn get(&mut self, text: &str) -> Result<Arc<T>> {
        if let Some(found) = self.found.get(text) {
            return Ok(Arc::clone(found));
        }
        let found = Arc::new((self.read)(text)?);
        self.found.insert(text.to_owned(), Arc::clone(&found));
        Ok(found)
    }
}

/// A [`Function`] as DataFusion knows it.
struct FlinkFunction {
    function: &'static Function,
    zone: Option<Arc<str>>,
    signature: Signature,
}

/// The function, in a session of this time zone.
pub(super) fn udf(function: &'static Function, zone: Option<&str>) -> ScalarUDF {
    ScalarUDF::new_from_impl(FlinkFunction {
        function,
        zone: zone.map(Arc::from),
        signature: Signature::user_defined(function.volatility),
    })
}

impl FlinkFunction {
    fn parameter(&self, place: usize) -> Option<Parameter> {
        let parameters = self.function.parameters;
        match parameters.get(place) {
            Some(parameter) => Some(*parameter),
            None if self.function.repeats => parameters.last().copied(),
            None => None,
        }
    }
}

impl ScalarUDFImpl for FlinkFunction {
    fn name(&self) -> &str {
        self.function.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        let name = self.name();
        let coerced: Option<Vec<_>> = match self.function.parameters {
            [Parameter::Common] => {
                type_union_resolution(given).map(|common| vec![common; given.len()])
            }
            _ => given
                .iter()
                .enumerate()
                .map(|(place, given)| self.parameter(place)?.coerced(given))
                .collect(),
        };
        match coerced {
            Some(coerced) if given.len() >= self.function.required => Ok(coerced),
            _ => {
                let types: Vec<_> = given.iter().map(flink_type).collect();
                plan_err!("no function matches {name}({})", types.join(", "))
            }
        }
    }

    fn return_type(&self, given: &[DataType]) -> Result<DataType> {
        (self.function.returns)(given, self.zone.as_deref())
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let given: Vec<_> = args
            .arg_fields
            .iter()
            .map(|field| field.data_type().clone())
            .collect();
        let returns = self.return_type(&given)?;
        Ok(Arc::new(Field::new(self.name(), returns, true)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        // Of constants one row is enough.
        let constant = self.function.volatility == Volatility::Immutable
            && !args.args.is_empty()
            && args
                .args
                .iter()
                .all(|argument| matches!(argument, ColumnarValue::Scalar(_)));
        let count = if constant { 1 } else { args.number_rows };
        let arrays = args
            .args
            .into_iter()
            .map(|argument| argument.into_array(count))
            .collect::<Result<Vec<_>>>()?;
        let nulls = arrays.iter().fold(None, |nulls, array| {
            NullBuffer::union(nulls.as_ref(), array.logical_nulls().as_ref())
        });
        let rows = Rows {
            arrays,
            fields: args.arg_fields,
            count,
            zone: self.zone.clone(),
            returns: args.return_field.data_type().clone(),
            nulls,
        };
        let array = (self.function.run)(&rows)?;
        match constant {
            true => Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(
                &array, 0,
            )?)),
            false => Ok(ColumnarValue::Array(array)),
        }
    }
}

impl std::fmt::Debug for FlinkFunction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl PartialEq for FlinkFunction {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.function, other.function) && self.zone == other.zone
    }
}

impl Eq for FlinkFunction {}

impl Hash for FlinkFunction {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.name(), &self.zone).hash(state);
    }
}
