//! The source `datagen`.

use arrow::array::{Array, AsArray};
use arrow::datatypes::{DataType, Float64Type, Int32Type};
use wasmill_connectors::source;

use crate::workbench::*;

#[test]
fn sequences_end_and_values_stay_in_their_range() {
    let bench = Workbench::new();
    let options = [
        ("connector", "datagen"),
        ("rows-per-second", "1000000"),
        ("fields.a.kind", "sequence"),
        ("fields.a.start", "5"),
        ("fields.a.end", "2004"),
        ("fields.d.min", "-1"),
        ("fields.d.max", "1.5"),
        ("fields.s.length", "7"),
        ("fields.n.null-rate", "1"),
    ];
    let columns = [("a", INT), ("d", DOUBLE), ("s", STRING), ("n", BOOLEAN)];
    let table = table(&columns, &options);
    let batches = bench.batches(&table, 2, None).unwrap();
    let mut numbers = Vec::new();
    for batch in &batches {
        numbers.extend_from_slice(batch.column(0).as_primitive::<Int32Type>().values());
        let doubles = batch.column(1).as_primitive::<Float64Type>().values();
        assert!(doubles.iter().all(|value| (-1.0..=1.5).contains(value)));
        let texts = batch.column(2).as_string::<i32>();
        assert!(texts.iter().all(|text| text.unwrap().len() == 7));
        assert_eq!(batch.column(3).null_count(), batch.num_rows());
    }
    numbers.sort_unstable();
    assert_eq!(numbers, (5..=2004).collect::<Vec<_>>());
}

#[test]
fn all_types() {
    let bench = Workbench::new();
    let columns = [
        ("b", BOOLEAN),
        ("i8", DataType::Int8),
        ("i16", DataType::Int16),
        ("i32", INT),
        ("i64 NOT NULL", BIGINT),
        ("f32", DataType::Float32),
        ("f64", DOUBLE),
        ("s", STRING),
        ("bytes", BYTES),
        ("d", DATE),
        ("t", TIME),
        ("ts", TIMESTAMP),
        ("ltz", timestamp_ltz()),
        ("dec", DataType::Decimal128(38, 2)),
        ("list", array(STRING)),
        ("r", row(&[("x", INT), ("y", array(DOUBLE))])),
        ("m", map(BIGINT)),
    ];
    let options = [
        ("connector", "datagen"),
        ("number-of-rows", "100"),
        ("rows-per-second", "100000"),
    ];
    let table = table(&columns, &options);
    let source = source(&table, &bench.context).unwrap();
    assert!(source.bounded());
    let batch = bench.batch(&table);
    assert_eq!(batch.num_rows(), 100);
    assert_eq!(batch.schema(), source.schema());
    let doubles = batch.column(6).as_primitive::<Float64Type>();
    assert!(doubles.values().iter().all(|value| value.is_finite()));
}

#[test]
fn without_an_end_it_is_unbounded() {
    let bench = Workbench::new();
    let table = table(&[("a", INT)], &[("connector", "datagen")]);
    assert!(!source(&table, &bench.context).unwrap().bounded());
}
