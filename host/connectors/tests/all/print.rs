//! The sinks `print` and `blackhole`.

use std::io;
use std::sync::{Arc, Mutex};

use arrow::datatypes::DataType;
use expect_test::expect;
use wasmill_connectors::{ConnectorError, TableDefinition};

use crate::workbench::*;

fn rows(bench: &Workbench) -> (Vec<(&'static str, DataType)>, arrow::array::RecordBatch) {
    bench.file(
        "data.json",
        concat!(
            r#"{"i":1,"d":0.5,"f":1e10,"s":"x, y","b":true,"bytes":"AP8=","ts":"2024-05-06 07:08:00","ltz":"2024-05-06 07:08:00.12Z","day":"2024-02-29","t":"07:08:00","dec":1.5,"list":[1,null],"r":{"x":7,"y":null},"m":{"k":9}}"#,
            "\n{}\n"
        ),
    );
    let columns = vec![
        ("i", INT),
        ("d", DOUBLE),
        ("f", DataType::Float32),
        ("s", STRING),
        ("b", BOOLEAN),
        ("bytes", BYTES),
        ("ts", TIMESTAMP),
        ("ltz", timestamp_ltz()),
        ("day", DATE),
        ("t", TIME),
        ("dec", DataType::Decimal128(10, 3)),
        ("list", array(INT)),
        ("r", row(&[("x", INT), ("y", STRING)])),
        ("m", map(BIGINT)),
    ];
    let batch = bench.batch(&files("json", "data.json", &columns, &[]));
    (columns, batch)
}

fn printing(columns: &[(&str, DataType)], options: &[(&str, &str)]) -> TableDefinition {
    table(columns, &[&[("connector", "print")], options].concat())
}

#[test]
fn rows_are_printed_as_flink_prints_them() {
    let bench = Workbench::new();
    let (columns, batch) = rows(&bench);
    bench
        .write(
            &printing(&columns, &[]),
            false,
            std::slice::from_ref(&batch),
        )
        .unwrap();
    expect![[r#"
        +I[1, 0.5, 1.0E10, x, y, true, [0, -1], 2024-05-06T07:08, 2024-05-06T07:08:00.120Z, 2024-02-29, 07:08, 1.500, [1, null], +I[7, null], {k=9}]
        +I[null, null, null, null, null, null, null, null, null, null, null, null, null, null]
    "#]]
    .assert_eq(&bench.printed());
    let options = [("print-identifier", "out"), ("standard-error", "true")];
    bench
        .write(
            &printing(&columns[..1], &options),
            false,
            &[batch.project(&[0]).unwrap()],
        )
        .unwrap();
    let errors = String::from_utf8(bench.stderr.lock().unwrap().clone()).unwrap();
    assert_eq!(errors, "out> +I[1]\nout> +I[null]\n");
}

#[test]
fn a_closed_pipe_has_an_error_of_its_own() {
    struct Closed;
    impl io::Write for Closed {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut bench = Workbench::new();
    let (columns, batch) = rows(&bench);
    bench.context.stdout = Arc::new(Mutex::new(Closed));
    let error = bench
        .write(&printing(&columns, &[]), false, &[batch])
        .unwrap_err();
    assert!(matches!(error, ConnectorError::OutputClosed));
}

#[test]
fn a_blackhole_takes_everything() {
    let bench = Workbench::new();
    let (columns, batch) = rows(&bench);
    let table = table(&columns, &[("connector", "blackhole")]);
    bench.write(&table, true, &[batch]).unwrap();
}
