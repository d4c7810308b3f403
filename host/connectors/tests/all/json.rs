//! JSON lines, read and written.

use expect_test::expect;
use wasmill_connectors::TableDefinition;

use crate::workbench::*;

fn nested(path: &str, options: &[(&str, &str)]) -> TableDefinition {
    let columns = [
        ("i", INT),
        ("d", DOUBLE),
        ("s", STRING),
        ("b", BOOLEAN),
        ("bytes", BYTES),
        ("ts", TIMESTAMP),
        ("ltz", timestamp_ltz()),
        ("day", DATE),
        ("dec", arrow::datatypes::DataType::Decimal128(20, 3)),
        ("list", array(INT)),
        ("r", row(&[("x", INT), ("y", array(STRING))])),
        ("m", map(BIGINT)),
    ];
    files("json", path, &columns, options)
}

const LINES: &str = concat!(
    r#"{"i":1,"d":1.5,"s":"a\"b\\\n","b":true,"bytes":"aGk=","ts":"2024-05-06 07:08:09.12","ltz":"2024-05-06 07:08:09Z","day":"2024-02-29","dec":12345678901234567.125,"list":[1,null,3],"r":{"x":7,"y":["é"]},"m":{"k":9}}"#,
    "\n",
    r#"{"i":null,"d":null,"s":null,"b":null,"bytes":null,"ts":null,"ltz":null,"day":null,"dec":null,"list":null,"r":null,"m":null}"#,
    "\n",
);

#[test]
fn all_types_there_and_back() {
    let bench = Workbench::new();
    bench.file("data.json", LINES);
    let batch = bench.batch(&nested("data.json", &[]));
    expect![[r#"
        +---+-----+------+------+-------+-------------------------+----------------------+------------+-----------------------+----------+----------------+--------+
        | i | d   | s    | b    | bytes | ts                      | ltz                  | day        | dec                   | list     | r              | m      |
        +---+-----+------+------+-------+-------------------------+----------------------+------------+-----------------------+----------+----------------+--------+
        | 1 | 1.5 | a"b\ | true | 6869  | 2024-05-06T07:08:09.120 | 2024-05-06T07:08:09Z | 2024-02-29 | 12345678901234567.125 | [1, , 3] | {x: 7, y: [é]} | {k: 9} |
        |   |     |      |      |       |                         |                      |            |                       |          |                |        |
        |   |     |      |      |       |                         |                      |            |                       |          |                |        |
        +---+-----+------+------+-------+-------------------------+----------------------+------------+-----------------------+----------+----------------+--------+
    "#]].assert_eq(&bench.rows(&nested("data.json", &[])));
    bench
        .write(&nested("out", &[]), false, std::slice::from_ref(&batch))
        .unwrap();
    let names = bench.names("out");
    assert_eq!(names, ["part-job-0-0.json"]);
    let written = std::fs::read_to_string(bench.path("out").join(&names[0])).unwrap();
    assert_eq!(written, LINES);
    assert_eq!(bench.batch(&nested("out", &[])), batch);
}

#[test]
fn numbers_and_booleans_in_strings_and_the_other_way_round() {
    let bench = Workbench::new();
    bench.file(
        "data.json",
        "{\"s\":12.50,\"i\":\" 7 \",\"d\":\"NaN\",\"unknown\":[{}],\"b\":\"TRUE\"}\n\n  {\"b\":false,\"s\":{\"x\": [1]}}\n",
    );
    let columns = [("i", INT), ("d", DOUBLE), ("s", STRING), ("b", BOOLEAN)];
    expect![[r#"
        +---+-----+------------+-------+
        | i | d   | s          | b     |
        +---+-----+------------+-------+
        | 7 | NaN | 12.50      | true  |
        |   |     | {"x": [1]} | false |
        +---+-----+------------+-------+
    "#]]
    .assert_eq(&bench.rows(&files("json", "data.json", &columns, &[])));
}

#[test]
fn bad_lines() {
    let bench = Workbench::new();
    let good = "{\"i\":1,\"r\":{\"x\":1}}\n";
    let columns = [("i", INT), ("r", row(&[("x", INT)]))];
    let error = |line: &str, options: &[(&str, &str)]| {
        bench.file("x.json", format!("{good}{good}{line}\n{good}"));
        bench.error(&files("json", "x.json", &columns, options))
    };
    expect![[r#"
        error: x.json, line 3, column 7: not a JSON object: EOF while parsing a value

        hint: 'json.ignore-parse-errors' = 'true' turns such fields into NULL and leaves out what is no object
    "#]].assert_eq(&error("{\"i\":1,", &[]));
    expect![[r#"
        error: x.json, line 3: not a JSON object: invalid type: sequence, expected an object

        hint: 'json.ignore-parse-errors' = 'true' turns such fields into NULL and leaves out what is no object
    "#]].assert_eq(&error("[1]", &[]));
    expect![[r#"
        error: x.json, line 3, field i: "one" is not an INT

        hint: 'json.ignore-parse-errors' = 'true' turns such fields into NULL and leaves out what is no object
    "#]].assert_eq(&error("{\"i\":\"one\"}", &[]));
    expect![[r#"
        error: x.json, line 3, field r.x: 1.5 is not an INT

        hint: 'json.ignore-parse-errors' = 'true' turns such fields into NULL and leaves out what is no object
    "#]].assert_eq(&error("{\"i\":1,\"r\":{\"x\":1.5}}", &[]));
    expect![[r#"
        error: x.json, line 3, field r: 5 is not a ROW<x INT>

        hint: 'json.ignore-parse-errors' = 'true' turns such fields into NULL and leaves out what is no object
    "#]].assert_eq(&error("{\"i\":1,\"r\":5}", &[]));
    let strict = [("json.fail-on-missing-field", "true")];
    expect![[r#"
        error: x.json, line 3, field r: the object has no such field

        hint: 'json.ignore-parse-errors' = 'true' turns such fields into NULL and leaves out what is no object
    "#]].assert_eq(&error("{\"i\":1}", &strict));
    let table = files(
        "json",
        "x.json",
        &columns,
        &[("json.ignore-parse-errors", "true")],
    );
    bench.file(
        "x.json",
        "{\"i\":1,\nnothing\n{\"i\":\"one\",\"r\":{\"x\":2}}\n",
    );
    expect![[r#"
        +---+--------+
        | i | r      |
        +---+--------+
        |   | {x: 2} |
        +---+--------+
    "#]]
    .assert_eq(&bench.rows(&table));
}

#[test]
fn options_of_the_writer() {
    let bench = Workbench::new();
    bench.file("data.json", LINES);
    let batch = bench.batch(&nested("data.json", &[]));
    let options = [
        ("json.timestamp-format.standard", "ISO-8601"),
        ("json.encode.ignore-null-fields", "true"),
    ];
    bench
        .write(&nested("out", &options), false, &[batch])
        .unwrap();
    let written = std::fs::read_to_string(bench.path("out/part-job-0-0.json")).unwrap();
    assert!(written.contains(r#""ts":"2024-05-06T07:08:09.12","ltz":"2024-05-06T07:08:09Z""#));
    assert!(written.ends_with("\n{}\n"));
}

#[test]
fn fields_are_found_wherever_they_are() {
    let bench = Workbench::new();
    bench.file(
        "data.json",
        concat!(
            "{}\n",
            "{\"i\":1,\"r\":{\"x\":2,\"y\":-0.25}}\n",
            "{\"i\":3,\"r\":{\"x\":4,\"y\":0.5}}\n",
            "{\"r\":{\"y\":123456.75,\"x\":5},\"i\":6}\n",
            "{\"i\":0,\"r\":{\"y\":0,\"y\":7.5},\"i\":8}\n",
            "{\"\\u0069\":9,\"other\":0,\"r\":{}}\n",
            "{}\n",
        ),
    );
    let columns = [("r", row(&[("x", INT), ("y", DOUBLE)])), ("i", INT)];
    expect![[r#"
        +----------------------+---+
        | r                    | i |
        +----------------------+---+
        |                      |   |
        | {x: 2, y: -0.25}     | 1 |
        | {x: 4, y: 0.5}       | 3 |
        | {x: 5, y: 123456.75} | 6 |
        | {x: , y: 7.5}        | 8 |
        | {x: , y: }           | 9 |
        |                      |   |
        +----------------------+---+
    "#]]
    .assert_eq(&bench.rows(&files("json", "data.json", &columns, &[])));
}
