//! The types of `wit/`, as they cross the border.
//!
//! Written by hand instead of generated, so that the buffers of `array` are Arrow's own ([`Items`])
//! and cross with one copy. wasmtime checks every component against these types before it runs, so
//! a guest that was built from `wit/` and loads proves that both agree.

use wasmtime::component::{ComponentType, Lift, Lower, Resource};

use crate::items::Items;
use crate::state::{Batch, Column};

/// The contract's package and version, as in the names of imports and exports.
pub(crate) const PACKAGE: &str = "wasmill:udf";
pub(crate) const VERSION: [u64; 3] = [0, 2, 0];

#[derive(ComponentType, Lift, Lower, Clone, Debug, PartialEq)]
#[component(variant)]
pub(crate) enum DataType {
    #[component(name = "boolean")]
    Boolean,
    #[component(name = "int8")]
    Int8,
    #[component(name = "int16")]
    Int16,
    #[component(name = "int32")]
    Int32,
    #[component(name = "int64")]
    Int64,
    #[component(name = "uint8")]
    UInt8,
    #[component(name = "uint16")]
    UInt16,
    #[component(name = "uint32")]
    UInt32,
    #[component(name = "uint64")]
    UInt64,
    #[component(name = "float32")]
    Float32,
    #[component(name = "float64")]
    Float64,
    #[component(name = "utf8")]
    Utf8,
    #[component(name = "binary")]
    Binary,
    #[component(name = "date32")]
    Date32,
    #[component(name = "time64")]
    Time64,
    #[component(name = "timestamp")]
    Timestamp(TimestampType),
    #[component(name = "decimal128")]
    Decimal128(DecimalType),
    #[component(name = "list")]
    List,
    #[component(name = "fixed-size-list")]
    FixedSizeList(u32),
    #[component(name = "struct")]
    Struct,
}

#[derive(ComponentType, Lift, Lower, Clone, Copy, Debug, PartialEq)]
#[component(enum)]
#[repr(u8)]
pub(crate) enum TimeUnit {
    #[component(name = "second")]
    Second,
    #[component(name = "millisecond")]
    Millisecond,
    #[component(name = "microsecond")]
    Microsecond,
    #[component(name = "nanosecond")]
    Nanosecond,
}

#[derive(ComponentType, Lift, Lower, Clone, Debug, PartialEq)]
#[component(record)]
pub(crate) struct TimestampType {
    pub unit: TimeUnit,
    pub timezone: Option<String>,
}

#[derive(ComponentType, Lift, Lower, Clone, Copy, Debug, PartialEq)]
#[component(record)]
pub(crate) struct DecimalType {
    pub precision: u8,
    pub scale: i8,
}

#[derive(ComponentType, Lift, Lower, Clone, Debug, PartialEq)]
#[component(record)]
pub(crate) struct Field {
    pub name: String,
    #[component(name = "data-type")]
    pub data_type: DataType,
    pub nullable: bool,
    pub children: Vec<u32>,
}

#[derive(ComponentType, Lift, Lower, Clone, Debug, Default, PartialEq)]
#[component(record)]
pub(crate) struct Schema {
    pub fields: Vec<Field>,
    pub columns: Vec<u32>,
}

#[derive(ComponentType, Lift, Lower, Clone, Debug)]
#[component(record)]
pub(crate) struct Array {
    pub length: u32,
    pub validity: Option<Items<u8>>,
    pub values: Values,
}

#[derive(ComponentType, Lift, Lower, Clone, Debug)]
#[component(variant)]
pub(crate) enum Values {
    #[component(name = "boolean")]
    Boolean(Items<u8>),
    #[component(name = "int8")]
    Int8(Items<i8>),
    #[component(name = "int16")]
    Int16(Items<i16>),
    #[component(name = "int32")]
    Int32(Items<i32>),
    #[component(name = "int64")]
    Int64(Items<i64>),
    #[component(name = "uint8")]
    UInt8(Items<u8>),
    #[component(name = "uint16")]
    UInt16(Items<u16>),
    #[component(name = "uint32")]
    UInt32(Items<u32>),
    #[component(name = "uint64")]
    UInt64(Items<u64>),
    #[component(name = "float32")]
    Float32(Items<f32>),
    #[component(name = "float64")]
    Float64(Items<f64>),
    #[component(name = "bytes")]
    Bytes((Items<i32>, Items<u8>)),
    #[component(name = "int128")]
    Int128(Items<u64>),
    #[component(name = "offsets")]
    Offsets(Items<i32>),
    #[component(name = "none")]
    None,
}

#[derive(ComponentType, Lift, Lower, Clone, Debug)]
#[component(variant)]
pub(crate) enum GuestError {
    #[component(name = "invalid")]
    Invalid(String),
    #[component(name = "rows")]
    Rows(Vec<GuestRowError>),
    #[component(name = "failed")]
    Failed(String),
}

#[derive(ComponentType, Lift, Lower, Clone, Debug)]
#[component(record)]
pub(crate) struct GuestRowError {
    pub row: u32,
    pub message: String,
}

#[derive(ComponentType, Lower, Clone, Debug)]
#[component(record)]
pub(crate) struct OpenContext {
    pub parameters: Vec<(String, String)>,
    pub arguments: Schema,
}

#[derive(ComponentType, Lift, Clone, Debug)]
#[component(variant)]
pub(crate) enum GuestArguments {
    #[component(name = "exact")]
    Exact(Schema),
    #[component(name = "variadic")]
    Variadic(Schema),
    #[component(name = "any")]
    Any,
}

#[derive(ComponentType, Lift, Clone, Debug)]
#[component(record)]
pub(crate) struct GuestSignature {
    pub name: String,
    pub description: String,
    pub arguments: GuestArguments,
    pub returns: Option<Schema>,
    pub deterministic: bool,
    pub parameters: Vec<GuestParameter>,
}

#[derive(ComponentType, Lift, Clone, Debug)]
#[component(record)]
pub(crate) struct GuestParameter {
    pub name: String,
    pub description: String,
    pub required: bool,
    pub default: Option<String>,
}

#[derive(ComponentType, Lift, Lower)]
#[component(variant)]
pub(crate) enum Value {
    #[component(name = "null")]
    Null,
    #[component(name = "boolean")]
    Boolean(bool),
    #[component(name = "int64")]
    Int64(i64),
    #[component(name = "uint64")]
    UInt64(u64),
    #[component(name = "float32")]
    Float32(f32),
    #[component(name = "float64")]
    Float64(f64),
    #[component(name = "utf8")]
    Utf8(String),
    #[component(name = "binary")]
    Binary(Vec<u8>),
    #[component(name = "timestamp-micros")]
    TimestampMicros(i64),
    #[component(name = "date32")]
    Date32(i32),
    #[component(name = "nested")]
    Nested(Resource<Column>),
}

#[derive(ComponentType, Lift)]
#[component(record)]
pub(crate) struct GuestExpansion {
    pub rows: Resource<Batch>,
    pub counts: Resource<Column>,
}

/// What a slot of a process function keeps of each key.
#[derive(ComponentType, Lift, Clone, Copy, Debug, PartialEq, Eq)]
#[component(enum)]
#[repr(u8)]
pub enum SlotKind {
    /// One value.
    #[component(name = "value")]
    Value,
    /// Values in the order in which they were appended.
    #[component(name = "list")]
    List,
    /// Values by keys of their own.
    #[component(name = "map")]
    Map,
}

#[derive(ComponentType, Lift, Clone, Debug)]
#[component(record)]
pub(crate) struct GuestSlot {
    pub name: String,
    pub kind: SlotKind,
    pub columns: Schema,
    pub ttl: Option<u64>,
}

/// Which time a timer waits for.
#[derive(ComponentType, Lift, Clone, Copy, Debug, PartialEq, Eq)]
#[component(enum)]
#[repr(u8)]
pub enum Clock {
    /// The watermark.
    #[component(name = "event")]
    Event,
    /// The machine's clock.
    #[component(name = "processing")]
    Processing,
}

#[derive(ComponentType, Lift, Clone, Debug)]
#[component(record)]
pub(crate) struct GuestSideOutput {
    pub name: String,
    pub columns: Schema,
}

#[derive(ComponentType, Lift)]
#[component(record)]
pub(crate) struct GuestOutput {
    pub side: Option<u32>,
    pub rows: Resource<Batch>,
    pub origins: Resource<Column>,
}

#[derive(ComponentType, Lower, Clone, Debug)]
#[component(record)]
pub(crate) struct ModelSignature {
    pub inputs: Schema,
    pub outputs: Schema,
}

#[derive(ComponentType, Lower, Clone, Debug)]
#[component(variant)]
pub(crate) enum InferenceError {
    #[component(name = "not-granted")]
    NotGranted(String),
    #[component(name = "invalid")]
    Invalid(String),
    #[component(name = "failed")]
    Failed(String),
}
