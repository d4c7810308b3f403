//! The node cases and the shipped models of the `onnx` package: each that ONNX Runtime supports runs
//! as a model of one row a call, whose columns hold whole tensors, and gives the same bits as ONNX
//! Runtime does in Python.

#![cfg(feature = "onnx")]
#![allow(clippy::unwrap_used, reason = "tests")]

mod oracle;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Float32Array, ListArray, PrimitiveArray, StringArray,
};
use arrow::buffer::OffsetBuffer;
use arrow::compute::concat;
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Field, Float16Type, Float32Type, Float64Type, Int8Type,
    Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use expect_test::expect;
use oracle::{Reader, run_script};
use wasmill_inference::{ModelDefinition, load};

#[test]
fn node_cases_and_shipped_models_give_what_onnx_runtime_gives() {
    let folder = tempfile::tempdir().unwrap();
    run_script("onnx_node_cases.py", folder.path());
    let mut reader = Reader::new(std::fs::read(folder.path().join("cases.bin")).unwrap());
    let mut counts = BTreeMap::<String, usize>::new();
    let mut differences = String::new();
    loop {
        let group = reader.text();
        if group == "end" {
            break;
        }
        let name = reader.text();
        let reason = reader.text();
        let outcome = if reason.is_empty() {
            let (inputs, outputs) = (values(&mut reader), values(&mut reader));
            match run(folder.path(), &name, &inputs, &outputs) {
                Ok(()) => "equal".to_owned(),
                Err(difference) => {
                    writeln!(differences, "{group} {name}: {difference}").unwrap();
                    "DIFFERENT".to_owned()
                }
            }
        } else {
            reason
        };
        *counts.entry(format!("{group}: {outcome}")).or_default() += 1;
    }
    expect![""].assert_eq(&differences);
    let mut text = String::new();
    for (outcome, count) in counts {
        writeln!(text, "{count} {outcome}").unwrap();
    }
    expect![[r#"
        9 light: equal
        3 node: ONNX Runtime: a kernel refuses its attributes
        3 node: ONNX Runtime: a kernel refuses its inputs
        289 node: ONNX Runtime: a newer opset
        18 node: ONNX Runtime: an operator that it does not know
        14 node: ONNX Runtime: it takes the graph for invalid
        41 node: ONNX Runtime: no kernel for the operator's version or types
        6 node: a locale that not every machine has
        88 node: elements without a type in Arrow
        1418 node: equal
        1 node: no input, so no row
        3 node: optional values
        23 pytorch-converted: ONNX Runtime: no kernel for the operator's version or types
        59 pytorch-converted: equal
        11 pytorch-operator: ONNX Runtime: no kernel for the operator's version or types
        24 pytorch-operator: equal
        2 simple: ONNX Runtime: an operator that it does not know
        6 simple: a locale that not every machine has
        15 simple: equal
    "#]]
    .assert_eq(&text);
}

/// A value of a model, as a column of one row.
struct Value {
    name: String,
    column: ArrayRef,
}

/// Runs a case, and says what is not equal.
fn run(folder: &Path, name: &str, inputs: &[Value], outputs: &[Value]) -> Result<(), String> {
    let field = |value: &Value| Field::new(&value.name, value.column.data_type().clone(), true);
    let model = load(&ModelDefinition {
        name: "case".into(),
        provider: "onnx".into(),
        options: BTreeMap::from([
            ("path".into(), format!("{name}.onnx")),
            ("batch-axis".into(), "none".into()),
        ]),
        inputs: inputs.iter().map(field).collect(),
        outputs: outputs.iter().map(field).collect(),
        base: folder.into(),
    });
    let model = model.map_err(|error| format!("{error}; {:?}", error.hint()))?;
    // Twice, as two rows: each is a call of its own.
    let twice = |value: &Value| concat(&[&value.column, &value.column]).unwrap();
    let columns: Vec<ArrayRef> = inputs.iter().map(twice).collect();
    let given = model.predict(&columns, 2, None);
    let given = given.map_err(|error| error.to_string())?;
    for (given, expected) in given.iter().zip(outputs) {
        let expected_type = expected.column.data_type();
        if given.data_type() != expected_type {
            return Err(format!("{} instead of {expected_type}", given.data_type()));
        }
        for row in 0..2 {
            let given = bits(&given.slice(row, 1));
            let expected_bits = bits(&expected.column);
            if given != expected_bits {
                let shorten = |text: String| text.chars().take(300).collect::<String>();
                return Err(format!(
                    "'{}' row {row}: {} instead of {}",
                    expected.name,
                    shorten(given),
                    shorten(expected_bits)
                ));
            }
        }
    }
    Ok(())
}

fn values(reader: &mut Reader) -> Vec<Value> {
    let count = reader.u32();
    let value = |_| {
        let name = reader.text();
        let column = match reader.u8() {
            0 => tensor(reader),
            _ => {
                let (element, rank, length) = (reader.u8(), reader.u32(), reader.u32());
                let empty = nested(&elements(reader, element, 0), 1, &vec![0; rank]);
                let tensors: Vec<ArrayRef> = (0..length).map(|_| tensor(reader)).collect();
                let none = empty.slice(0, 0);
                let mut all: Vec<&dyn Array> = vec![&none];
                all.extend(tensors.iter().map(Arc::as_ref));
                list(concat(&all).unwrap(), 1, length)
            }
        };
        Value { name, column }
    };
    (0..count).map(value).collect()
}

fn tensor(reader: &mut Reader) -> ArrayRef {
    let element = reader.u8();
    let rank = reader.u32();
    let shape: Vec<usize> = (0..rank).map(|_| reader.u64()).collect();
    let values = elements(reader, element, shape.iter().product());
    nested(&values, 1, &shape)
}

/// `rows` lists in lists of such lengths.
fn nested(values: &ArrayRef, rows: usize, shape: &[usize]) -> ArrayRef {
    match shape {
        // An empty list stands for a tensor without elements.
        [] => values.slice(0, values.len().min(rows)),
        [length, rest @ ..] => list(nested(values, rows * length, rest), rows, *length),
    }
}

fn list(items: ArrayRef, rows: usize, length: usize) -> ArrayRef {
    let item = Arc::new(Field::new_list_field(items.data_type().clone(), true));
    let offsets = OffsetBuffer::from_lengths(std::iter::repeat_n(length, rows));
    Arc::new(ListArray::new(item, offsets, items, None))
}

/// The elements of a tensor; the numbers are those of `TensorProto.DataType`.
fn elements(reader: &mut Reader, element: u8, count: usize) -> ArrayRef {
    match element {
        1 => numbers::<Float32Type, 4>(reader, count, f32::from_le_bytes),
        2 => numbers::<UInt8Type, 1>(reader, count, u8::from_le_bytes),
        3 => numbers::<Int8Type, 1>(reader, count, i8::from_le_bytes),
        4 => numbers::<UInt16Type, 2>(reader, count, u16::from_le_bytes),
        5 => numbers::<Int16Type, 2>(reader, count, i16::from_le_bytes),
        6 => numbers::<Int32Type, 4>(reader, count, i32::from_le_bytes),
        7 => numbers::<Int64Type, 8>(reader, count, i64::from_le_bytes),
        10 => numbers::<Float16Type, 2>(reader, count, |bytes| {
            half::f16::from_bits(u16::from_le_bytes(bytes))
        }),
        11 => numbers::<Float64Type, 8>(reader, count, f64::from_le_bytes),
        12 => numbers::<UInt32Type, 4>(reader, count, u32::from_le_bytes),
        13 => numbers::<UInt64Type, 8>(reader, count, u64::from_le_bytes),
        // bfloat16 is the upper half of a float, which is what a column has it as.
        16 => Arc::new(Float32Array::from_iter_values((0..count).map(|_| {
            f32::from_bits(u32::from(u16::from_le_bytes(reader.bytes())) << 16)
        }))),
        9 => Arc::new(
            (0..count)
                .map(|_| Some(reader.u8() == 1))
                .collect::<BooleanArray>(),
        ),
        8 => Arc::new(StringArray::from_iter_values(
            (0..count).map(|_| reader.text()),
        )),
        other => panic!("the element {other}"),
    }
}

fn numbers<T: ArrowPrimitiveType, const SIZE: usize>(
    reader: &mut Reader,
    count: usize,
    read: impl Fn([u8; SIZE]) -> T::Native,
) -> ArrayRef {
    let values = (0..count).map(|_| read(reader.bytes()));
    Arc::new(PrimitiveArray::<T>::from_iter_values(values))
}

/// The lengths of all lists and the values, floating-point ones by their bits; all NaN are one.
fn bits(array: &ArrayRef) -> String {
    assert_eq!(array.null_count(), 0);
    match array.data_type() {
        DataType::List(_) => {
            let list = array.as_list::<i32>();
            let (first, last) = (list.offsets()[0], list.offsets()[list.len()]);
            let items = list.values().slice(first as usize, (last - first) as usize);
            let lengths: Vec<usize> = list.offsets().lengths().collect();
            format!("{lengths:?} {}", bits(&items))
        }
        DataType::Float16 => floats(array.as_primitive::<Float16Type>(), |x| {
            (x.is_nan(), u64::from(x.to_bits()))
        }),
        DataType::Float32 => floats(array.as_primitive::<Float32Type>(), |x| {
            (x.is_nan(), u64::from(x.to_bits()))
        }),
        DataType::Float64 => floats(array.as_primitive::<Float64Type>(), |x| {
            (x.is_nan(), x.to_bits())
        }),
        _ => {
            let options = FormatOptions::default();
            let formatter = ArrayFormatter::try_new(array, &options).unwrap();
            let values = (0..array.len()).map(|row| formatter.value(row).to_string());
            format!("{:?}", values.collect::<Vec<_>>())
        }
    }
}

fn floats<T: ArrowPrimitiveType>(
    array: &PrimitiveArray<T>,
    bits: impl Fn(T::Native) -> (bool, u64),
) -> String {
    let mut text = String::new();
    for value in array.values() {
        match bits(*value) {
            (true, _) => text.push_str("NaN "),
            (false, bits) => write!(text, "{bits:x}({value:?}) ").unwrap(),
        }
    }
    text
}
