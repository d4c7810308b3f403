//! Messages of every format to rows and back.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use arrow::util::pretty::pretty_format_batches;
use expect_test::expect;

use super::*;

pub(super) fn format(
    name: &str,
    fields: &[Field],
    options: &[(&str, &str)],
) -> Result<MessageFormat, ConnectorError> {
    let options = options.iter();
    let definition = TableDefinition {
        name: "t".to_owned(),
        options: options
            .map(|(key, value)| (key.to_string(), value.to_string()))
            .collect(),
        ..TableDefinition::default()
    };
    let fields = MessageFields {
        fields: fields.to_vec(),
        prefix: "value.",
        subject: None,
    };
    MessageFormat::new(&definition, name, fields)
}

pub(super) fn field(name: &str, kind: DataType) -> Field {
    Field::new(name, kind, true)
}

pub(super) fn list(item: DataType) -> DataType {
    DataType::List(Arc::new(field("item", item)))
}

pub(super) fn map(value: DataType) -> DataType {
    let entries = vec![
        Field::new("key", DataType::Utf8, false),
        field("value", value),
    ];
    let entries = Field::new("entries", DataType::Struct(entries.into()), false);
    DataType::Map(Arc::new(entries), false)
}

pub(super) fn batch(fields: &[Field], columns: Vec<ArrayRef>) -> RecordBatch {
    RecordBatch::try_new(Arc::new(Schema::new(fields.to_vec())), columns).unwrap()
}

/// What becomes of each message, and the rows of those that are any.
fn decoded(format: &MessageFormat, messages: &[&[u8]]) -> String {
    let wanted: Vec<_> = (0..format.fields.len()).collect();
    let mut decoder = format.decoder(&wanted, 8192, Arc::default()).unwrap();
    let mut told = String::new();
    for message in messages {
        let rows = decoder.rows();
        told += &match decoder.push(message) {
            Pushed::Row => {
                assert_eq!(decoder.rows(), rows + 1);
                continue;
            }
            Pushed::Ignored => "ignored".to_owned(),
            Pushed::Wants(schema) => format!("wants {}", schema.0),
            Pushed::Wrong(wrong) => {
                let hint = wrong.hint.clone().unwrap_or_default();
                format!("{}\n  hint: {hint}", wrong.into_error("m"))
            }
        };
        told.push('\n');
        assert_eq!(decoder.rows(), rows);
    }
    let columns = decoder.finish().unwrap();
    let batch = batch(&format.fields, columns);
    format!("{told}{}\n", pretty_format_batches(&[batch]).unwrap())
}

/// The messages of a batch, as text.
fn encoded(format: &MessageFormat, batch: &RecordBatch) -> Vec<String> {
    let mut messages = Messages::default();
    let mut encoder = format.encoder().unwrap();
    encoder.encode(batch, &mut messages).unwrap();
    let text = |message: Option<&[u8]>| match message {
        Some(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        None => "absent".to_owned(),
    };
    let messages = (0..messages.len()).map(|message| text(messages.get(message)));
    messages.collect()
}

pub(super) fn refusal(result: Result<MessageFormat, ConnectorError>) -> String {
    let error = result.unwrap_err();
    format!("{error}\nhint: {}\n", error.hint().unwrap_or_default())
}

fn nested() -> Vec<Field> {
    let inner = vec![
        field("x", DataType::Int32),
        field("y", list(DataType::Utf8)),
    ];
    vec![
        field("s", DataType::Utf8),
        field("bytes", DataType::Binary),
        field("rows", list(DataType::Struct(inner.into()))),
        field("m", map(list(DataType::Int32))),
        field("b", DataType::Boolean),
        field("last", DataType::Int32),
    ]
}

#[test]
fn a_bad_json_message_leaves_nothing_behind() {
    let format = format("json", &nested(), &[]).unwrap();
    let good: &[u8] = br#"{"s":"one","bytes":"aGk=","rows":[{"x":1,"y":["a","b"]},null],"m":{"k":[1,null]},"b":true,"last":1}"#;
    let messages: [&[u8]; 11] = [
        good,
        br#"{"s":"two","bytes":"aGk=","rows":[{"x":1,"y":["a"]},{"x":2,"y":["c",{}]}],"m":{"k":[1]},"b":true,"last":"x"}"#,
        br#"{"s":"three","rows":[{"x":1,"y":["a"]},{"x":"?"}]}"#,
        br#"{"s":"four","m":{"k":[1,2],"l":[3,"?"]}}"#,
        br#"{"s":"five","bytes":"?"}"#,
        br#"{"s":null,"b":"?"}"#,
        b"\n {\"s\":\n\"six\"\n,\n \"rows\" : [ ] }\n",
        b"{\"s\":\n\"seven\",,}",
        b"",
        b"\xff{}",
        good,
    ];
    expect![[r#"
        m, field last: "x" is not an INT
          hint: 'value.json.ignore-parse-errors' = 'true' turns such fields into NULL and leaves out what is no object
        m, field rows.item.x: "?" is not an INT
          hint: 'value.json.ignore-parse-errors' = 'true' turns such fields into NULL and leaves out what is no object
        m, field m.value.item: "?" is not an INT
          hint: 'value.json.ignore-parse-errors' = 'true' turns such fields into NULL and leaves out what is no object
        m, field bytes: "?" is not a BYTES
          hint: 'value.json.ignore-parse-errors' = 'true' turns such fields into NULL and leaves out what is no object
        m, field b: "?" is not a BOOLEAN
          hint: 'value.json.ignore-parse-errors' = 'true' turns such fields into NULL and leaves out what is no object
        m, its line 2, column 9: not a JSON object: key must be a string
          hint: 'value.json.ignore-parse-errors' = 'true' turns such fields into NULL and leaves out what is no object
        m: not a JSON object: EOF while parsing a value
          hint: 'value.json.ignore-parse-errors' = 'true' turns such fields into NULL and leaves out what is no object
        m: not UTF-8 text
          hint: 'value.json.ignore-parse-errors' = 'true' turns such fields into NULL and leaves out what is no object
        +-----+-------+-----------------------+------------+------+------+
        | s   | bytes | rows                  | m          | b    | last |
        +-----+-------+-----------------------+------------+------+------+
        | one | 6869  | [{x: 1, y: [a, b]}, ] | {k: [1, ]} | true | 1    |
        | six |       | []                    |            |      |      |
        | one | 6869  | [{x: 1, y: [a, b]}, ] | {k: [1, ]} | true | 1    |
        +-----+-------+-----------------------+------------+------+------+
    "#]].assert_eq(&decoded(&format, &messages));
}

#[test]
fn json_that_is_no_value_is_ignored_if_the_table_says_so() {
    let options = [("value.json.ignore-parse-errors", "true")];
    let fields = [field("i", DataType::Int32), field("s", DataType::Utf8)];
    let format = format("json", &fields, &options).unwrap();
    let messages: [&[u8]; 3] = [br#"{"i":"one","s":"a"}"#, b"[1]", br#"{"i":2}"#];
    expect![[r#"
        ignored
        +---+---+
        | i | s |
        +---+---+
        |   | a |
        | 2 |   |
        +---+---+
    "#]]
    .assert_eq(&decoded(&format, &messages));
}

#[test]
fn a_csv_message_is_one_record() {
    let fields = [
        field("s", DataType::Utf8),
        field("a", list(DataType::Int32)),
        field("ts", DataType::Timestamp(TimeUnit::Millisecond, None)),
        field("i", DataType::Int32),
    ];
    let options = [("value.csv.field-delimiter", "|")];
    let messages: [&[u8]; 11] = [
        b"one|1;2|2024-05-06 07:08:09|1",
        b"two|1;x|2024-05-06 07:08:09|2",
        b"three|1;2|2024-05-06 07:08:09|x",
        b"\"f|o\nu\"\"r\"||2024-05-06 07:08:09.5|4\r\n",
        b"five|||5\nsix|||6",
        b"seven|||7|7",
        b"eight,,,8",
        b"\"nine|||9",
        b"",
        b"\n\n",
        b"ten|||\n\n",
    ];
    let strict = format("csv", &fields, &options).unwrap();
    expect![[r#"
        m, column a (field 2): '1;x' is not an ARRAY<INT>
          hint: 'value.csv.ignore-parse-errors' = 'true' turns such fields into NULL
        m, column i (field 4): 'x' is not an INT
          hint: 'value.csv.ignore-parse-errors' = 'true' turns such fields into NULL
        m: there is more than one record in it
          hint: 
        m: 5 fields where 4 columns are expected
          hint: 'value.csv.ignore-trailing-unmappable' = 'true' skips the fields behind the last column
        m: 1 field where 4 columns are expected
          hint: is the delimiter another one? try 'value.csv.field-delimiter' = ','
        m: a quote is opened and never closed
          hint: if quotes mean nothing here, set 'value.csv.disable-quote-character' = 'true'
        m: there is no record in it
          hint: 
        m: there is no record in it
          hint: 
        +-----+--------+-------------------------+---+
        | s   | a      | ts                      | i |
        +-----+--------+-------------------------+---+
        | one | [1, 2] | 2024-05-06T07:08:09     | 1 |
        | f|o |        | 2024-05-06T07:08:09.500 | 4 |
        | u"r |        |                         |   |
        | ten |        |                         |   |
        +-----+--------+-------------------------+---+
    "#]].assert_eq(&decoded(&strict, &messages));
    let options = [options[0], ("value.csv.ignore-parse-errors", "true")];
    let lenient = format("csv", &fields, &options).unwrap();
    expect![[r#"
        ignored
        ignored
        ignored
        ignored
        ignored
        +-----------+--------+-------------------------+---+
        | s         | a      | ts                      | i |
        +-----------+--------+-------------------------+---+
        | one       | [1, 2] | 2024-05-06T07:08:09     | 1 |
        | two       | [1, ]  | 2024-05-06T07:08:09     | 2 |
        | three     | [1, 2] | 2024-05-06T07:08:09     |   |
        | f|o       |        | 2024-05-06T07:08:09.500 | 4 |
        | u"r       |        |                         |   |
        | eight,,,8 |        |                         |   |
        | ten       |        |                         |   |
        +-----------+--------+-------------------------+---+
    "#]]
    .assert_eq(&decoded(&lenient, &messages));
}

#[test]
fn columns_nobody_asks_for_are_not_decoded() {
    let fields = [field("a", DataType::Int32), field("b", DataType::Utf8)];
    for (name, message) in [("csv", &b"x,y"[..]), ("json", br#"{"a":"x","b":"y"}"#)] {
        let format = format(name, &fields, &[]).unwrap();
        let mut decoder = format.decoder(&[1], 1, Arc::default()).unwrap();
        assert_eq!(decoder.push(message), Pushed::Row);
        assert!(decoder.is_full());
        let columns = decoder.finish().unwrap();
        assert_eq!(
            (columns.len(), decoder.rows(), decoder.is_full()),
            (1, 0, false)
        );
        let mut none = format.decoder(&[], 8192, Arc::default()).unwrap();
        assert_eq!(none.push(message), Pushed::Row);
        assert_eq!((none.rows(), none.finish().unwrap().len()), (1, 0));
    }
}

#[test]
fn raw_numbers_are_of_one_length_and_order() {
    // java.nio.ByteBuffer's bytes of these values: the order of the network, unless it is told.
    let cases: [(DataType, &[u8], &str); 7] = [
        (DataType::Boolean, &[1], "true"),
        (DataType::Int8, &[0xFE], "-2"),
        (DataType::Int16, &[0x01, 0x02], "258"),
        (DataType::Int32, &[0xFF, 0xFF, 0xFF, 0xFE], "-2"),
        (DataType::Int64, &[0, 0, 0, 0, 0, 0, 1, 0], "256"),
        (DataType::Float32, &[0x3F, 0xC0, 0, 0], "1.5"),
        (DataType::Float64, &[0xBF, 0xF8, 0, 0, 0, 0, 0, 0], "-1.5"),
    ];
    for (kind, bytes, value) in cases {
        let fields = [field("v", kind)];
        let reversed: Vec<_> = bytes.iter().rev().copied().collect();
        let little = [("value.raw.endianness", "little-endian")];
        for (options, bytes) in [(&[][..], bytes), (&little[..], &reversed)] {
            let format = format("raw", &fields, options).unwrap();
            let mut decoder = format.decoder(&[0], 8192, Arc::default()).unwrap();
            assert_eq!(decoder.push(bytes), Pushed::Row);
            assert!(matches!(decoder.push(b"123"), Pushed::Wrong(_)));
            assert_eq!(decoder.push_absent(), Pushed::Row);
            let batch = batch(&fields, decoder.finish().unwrap());
            let shown = pretty_format_batches(std::slice::from_ref(&batch))
                .unwrap()
                .to_string();
            let shown: Vec<_> = shown.lines().skip(3).collect();
            assert_eq!(shown[0].trim_matches(['|', ' ']), value);
            let mut messages = Messages::default();
            format
                .encoder()
                .unwrap()
                .encode(&batch, &mut messages)
                .unwrap();
            assert_eq!(messages.len(), 2);
            assert_eq!([messages.get(0), messages.get(1)], [Some(bytes), None]);
        }
    }
}

#[test]
fn raw_text_and_bytes() {
    let text = format("raw", &[field("v", DataType::Utf8)], &[]).unwrap();
    let messages: [&[u8]; 4] = ["é\n".as_bytes(), b"", b"\xff\xfe", b"b"];
    expect![[r#"
        m, column v: '��' is not UTF-8 text
          hint: 
        +---+
        | v |
        +---+
        | é |
        |   |
        |   |
        | b |
        +---+
    "#]]
    .assert_eq(&decoded(&text, &messages));
    let bytes = format("raw", &[field("v", DataType::Binary)], &[]).unwrap();
    expect![[r#"
        +--------+
        | v      |
        +--------+
        | c3a90a |
        |        |
        | fffe   |
        | 62     |
        +--------+
    "#]]
    .assert_eq(&decoded(&bytes, &messages));
    let number = format("raw", &[field("v", DataType::Int64)], &[]).unwrap();
    expect![[r#"
        m, column v: 3 bytes are not a BIGINT
          hint: 
        m, column v: 0 bytes are not a BIGINT
          hint: 
        m, column v: 2 bytes are not a BIGINT
          hint: 
        m, column v: 1 bytes are not a BIGINT
          hint: 
        +---+
        | v |
        +---+
        +---+
    "#]]
    .assert_eq(&decoded(&number, &messages));
}

#[test]
fn what_a_format_cannot_carry_is_refused_when_the_job_is_planned() {
    let int = field("i", DataType::Int32);
    let two = [int.clone(), int.clone()];
    expect![[r#"
        table t: the format raw carries one column, not 2 (i, i)
        hint: 
    "#]]
    .assert_eq(&refusal(format("raw", &two, &[])));
    expect![[r#"
        table t: column a is ARRAY<INT>, which the format raw cannot carry
        hint: it carries BOOLEAN, TINYINT, SMALLINT, INT, BIGINT, FLOAT, DOUBLE, STRING and BYTES
    "#]]
    .assert_eq(&refusal(format(
        "raw",
        &[field("a", list(DataType::Int32))],
        &[],
    )));
    let charset = [("value.raw.charset", "UTF-16")];
    expect![[r#"
        table t: option 'value.raw.charset' must be 'UTF-8', so far, not 'UTF-16'
        hint: 
    "#]]
    .assert_eq(&refusal(format(
        "raw",
        std::slice::from_ref(&int),
        &charset,
    )));
    expect![[r#"
        table t: column m is MAP<STRING, INT>, which the format csv cannot carry
        hint: other formats, such as json, carry nested types
    "#]]
    .assert_eq(&refusal(format(
        "csv",
        &[field("m", map(DataType::Int32))],
        &[],
    )));
    let header = [("value.csv.header", "true")];
    expect![[r#"
        table t: option 'value.csv.header' is for files: a message has no header
        hint: 
    "#]]
    .assert_eq(&refusal(format("csv", std::slice::from_ref(&int), &header)));
    let both = [
        ("value.json.fail-on-missing-field", "true"),
        ("value.json.ignore-parse-errors", "true"),
    ];
    expect![[r#"
        table t: option 'value.json.fail-on-missing-field' must be 'false' where 'value.json.ignore-parse-errors' is 'true', not 'true'
        hint: 
    "#]].assert_eq(&refusal(format("json", &[int], &both)));
}

#[test]
fn messages_of_rows() {
    let format = format("json", &nested(), &[]).unwrap();
    let texts: [&[u8]; 2] = [
        br#"{"s":"a\nb","bytes":"aGk=","rows":[{"x":1,"y":["a"]},null],"m":{"k":[1,null]},"b":true,"last":1}"#,
        br#"{"s":null,"bytes":null,"rows":null,"m":null,"b":null,"last":null}"#,
    ];
    let mut decoder = format
        .decoder(&[0, 1, 2, 3, 4, 5], 8192, Arc::default())
        .unwrap();
    for text in texts {
        assert_eq!(decoder.push(text), Pushed::Row);
    }
    let rows = batch(&nested(), decoder.finish().unwrap());
    assert_eq!(encoded(&format, &rows), texts.map(String::from_utf8_lossy));
    let fields = [nested()[0].clone(), nested()[5].clone()];
    let rows = rows.project(&[0, 5]).unwrap();
    let csv = tests::format("csv", &fields, &[]).unwrap();
    assert_eq!(encoded(&csv, &rows), ["\"a\nb\",1", ","]);
}
