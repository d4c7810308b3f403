//! Avro messages against fastavro.

use std::process::Command;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, TimeUnit};
use arrow::util::pretty::pretty_format_batches;
use expect_test::expect;

use super::decoder::SchemaReader;
use super::*;
use crate::message::tests::{batch, field, format, list, map, refusal};
use crate::message::{MessageFormat, Messages, Pushed};

/// Runs a script with the Python that the project's set-up makes.
pub(super) fn python(script: &str) -> String {
    let python = std::env::var("WASMILL_PYTHON").unwrap_or_else(|_| {
        let cache = std::env::var("WASMILL_CACHE_DIR").unwrap_or_else(|_| {
            let home = std::env::var("HOME").unwrap();
            let cache = std::env::var("XDG_CACHE_HOME").unwrap_or(format!("{home}/.cache"));
            format!("{cache}/wasmill")
        });
        format!("{cache}/python/bin/python")
    });
    const HEAD: &str = "
import datetime, decimal, fastavro, io, json, uuid
from datetime import datetime as dt, timezone
def read(schema, text):
    data = io.BytesIO(bytes.fromhex(text))
    row = fastavro.schemaless_reader(data, fastavro.parse_schema(json.loads(schema)), None)
    assert data.read() == b''
    return row
def write(schema, row):
    data = io.BytesIO()
    fastavro.schemaless_writer(data, fastavro.parse_schema(json.loads(schema)), row)
    print(data.getvalue().hex())
";
    let output = Command::new(&python)
        .args(["-c", &format!("{HEAD}{script}")])
        .output()
        .unwrap_or_else(|error| panic!("{python}: {error}; `cargo xtask test` sets it up"));
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{errors}");
    String::from_utf8(output.stdout).unwrap()
}

/// The bytes that each line spells.
pub(super) fn bytes(lines: &str) -> Vec<Vec<u8>> {
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    let lines = lines.lines();
    lines
        .map(|line| line.as_bytes().chunks(2).map(byte).collect())
        .collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn timestamp(unit: TimeUnit) -> DataType {
    DataType::Timestamp(unit, None)
}

fn row(fields: Vec<Field>) -> DataType {
    DataType::Struct(fields.into())
}

fn columns() -> Vec<Field> {
    let inner = vec![
        Field::new("x", DataType::Int64, false),
        field("y", list(DataType::Utf8)),
    ];
    vec![
        field("b", DataType::Boolean),
        field("t", DataType::Int8),
        field("i", DataType::Int32),
        Field::new("l", DataType::Int64, false),
        field("f", DataType::Float32),
        field("d", DataType::Float64),
        field("s", DataType::Utf8),
        field("bytes", DataType::Binary),
        field("day", DataType::Date32),
        field("time", DataType::Time32(TimeUnit::Second)),
        field("ts", timestamp(TimeUnit::Millisecond)),
        field("us", timestamp(TimeUnit::Microsecond)),
        field("dec", DataType::Decimal128(20, 3)),
        field("list", list(DataType::Int32)),
        field("r", row(inner)),
        field("m", map(DataType::Float64)),
    ]
}

const ROWS: [&str; 2] = [
    r#"{"b":true,"t":-128,"i":-7,"l":9007199254740993,"f":1.5,"d":-0.1,"s":"é\n","bytes":"/wA=","day":"1969-12-31","time":"23:59:58","ts":"2024-05-06 07:08:09.123","us":"1969-12-31 23:59:59.999999","dec":-12345678901234567.125,"list":[1,null,-3],"r":{"x":5,"y":["a",null]},"m":{"k":2.5}}"#,
    r#"{"l":0}"#,
];

/// The batch that JSON objects spell.
fn rows(fields: &[Field], objects: &[&str]) -> RecordBatch {
    let json = format("json", fields, &[]).unwrap();
    let wanted: Vec<_> = (0..fields.len()).collect();
    let mut decoder = json.decoder(&wanted, 8192, Arc::default()).unwrap();
    for object in objects {
        assert_eq!(decoder.push(object.as_bytes()), Pushed::Row);
    }
    batch(fields, decoder.finish().unwrap())
}

fn encode(format: &MessageFormat, rows: &RecordBatch) -> Vec<Vec<u8>> {
    let mut messages = Messages::default();
    let mut encoder = format.encoder().unwrap();
    encoder.encode(rows, &mut messages).unwrap();
    let messages = (0..messages.len()).map(|message| messages.get(message).unwrap().to_vec());
    messages.collect()
}

fn decode(decoder: &mut AvroDecoder, message: &[u8]) -> String {
    use crate::message::MessageDecoder;
    let rows = decoder.rows();
    match decoder.push(message) {
        Pushed::Row => {
            assert_eq!(decoder.rows(), rows + 1);
            String::new()
        }
        Pushed::Wrong(wrong) => {
            assert_eq!(decoder.rows(), rows);
            format!("{}\n", wrong.into_error("m"))
        }
        other => panic!("{other:?}"),
    }
}

/// The rows of messages that a schema has written, and what is wrong with the others.
fn read(schema: &str, fields: &[Field], messages: &[Vec<u8>]) -> String {
    use crate::message::MessageDecoder;
    let format = AvroFormat {
        fields: fields.into(),
        schema: schema.to_owned(),
        registry: None,
    };
    let wanted: Vec<_> = (0..fields.len()).collect();
    let mut decoder = AvroDecoder::new(Arc::new(format), &wanted, 8192).unwrap();
    let mut told: String = messages
        .iter()
        .map(|message| decode(&mut decoder, message))
        .collect();
    let batch = batch(fields, decoder.finish().unwrap());
    told += &pretty_format_batches(&[batch]).unwrap().to_string();
    told + "\n"
}

fn derived(fields: &[Field], legacy: bool) -> String {
    let definition = TableDefinition::default();
    schema::derive(&definition, fields, legacy)
        .unwrap()
        .to_string()
}

#[test]
fn the_schema_is_flinks() {
    // Rows out of AvroSchemaConverterTest of Flink: three, one of them in a fourth.
    let inner = |name: &str| row(vec![field(name, DataType::Utf8)]);
    let fields = [
        field("row1", inner("a")),
        field("row2", inner("b")),
        field("row3", row(vec![field("row3", inner("c"))])),
    ];
    let theirs = r#"{"type":"record","name":"record","namespace":"org.apache.flink.avro.generated","fields":[
        {"name":"row1","type":["null",{"type":"record","name":"record_row1","fields":[{"name":"a","type":["null","string"],"default":null}]}],"default":null},
        {"name":"row2","type":["null",{"type":"record","name":"record_row2","fields":[{"name":"b","type":["null","string"],"default":null}]}],"default":null},
        {"name":"row3","type":["null",{"type":"record","name":"record_row3","fields":[{"name":"row3","type":["null",{"type":"record","name":"record_row3_row3","fields":[{"name":"c","type":["null","string"],"default":null}]}],"default":null}]}],"default":null}]}"#;
    let script = format!(
        "
for text in [{theirs:?}, {:?}]:
    print(fastavro.schema.to_parsing_canonical_form(json.loads(text)))
",
        derived(&fields, true)
    );
    let canonical = python(&script);
    let canonical: Vec<_> = canonical.lines().collect();
    assert_eq!(canonical[0], canonical[1]);
    let times = [
        Field::new("ts", timestamp(TimeUnit::Millisecond), false),
        Field::new(
            "ltz",
            DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            false,
        ),
    ];
    expect![[r#"{"fields":[{"name":"ts","type":{"logicalType":"timestamp-millis","type":"long"}},{"name":"ltz","type":{"logicalType":"timestamp-micros","type":"long"}}],"name":"record","namespace":"org.apache.flink.avro.generated","type":"record"}"#]].assert_eq(&derived(&times, true));
    expect![[r#"{"fields":[{"name":"ts","type":{"logicalType":"local-timestamp-millis","type":"long"}},{"name":"ltz","type":{"logicalType":"timestamp-micros","type":"long"}}],"name":"record","namespace":"org.apache.flink.avro.generated","type":"record"}"#]].assert_eq(&derived(&times, false));
}

#[test]
fn fastavro_reads_what_is_written() {
    let format = format("avro", &columns(), &[]).unwrap();
    let messages = encode(&format, &rows(&columns(), &ROWS));
    let calls = messages
        .iter()
        .map(|message| format!("print(read(schema, '{}'))\n", hex(message)));
    let script = format!(
        "schema = {:?}\n{}",
        derived(&columns(), true),
        calls.collect::<String>()
    );
    expect![[r#"
        {'b': True, 't': -128, 'i': -7, 'l': 9007199254740993, 'f': 1.5, 'd': -0.1, 's': 'é\n', 'bytes': b'\xff\x00', 'day': datetime.date(1969, 12, 31), 'time': datetime.time(23, 59, 58), 'ts': datetime.datetime(2024, 5, 6, 7, 8, 9, 123000, tzinfo=datetime.timezone.utc), 'us': datetime.datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=datetime.timezone.utc), 'dec': Decimal('-12345678901234567.125'), 'list': [1, None, -3], 'r': {'x': 5, 'y': ['a', None]},
          'm': {'k': 2.5}}
        {'b': None, 't': None, 'i': None, 'l': 0, 'f': None, 'd': None, 's': None, 'bytes': None, 'day': None, 'time': None, 'ts': None, 'us': None, 'dec': None, 'list': None, 'r': None, 'm': None}
    "#]].assert_eq(&python(&script).replace("}, ", "},\n  "));
}

#[test]
fn what_fastavro_writes_is_read() {
    let schema = derived(&columns(), true);
    let written = python(&format!(
        "
schema = {schema:?}
utc = timezone.utc
write(schema, dict(b=False, t=127, i=2**31-1, l=-2**63, f=0.25, d=1e300, s='ü', bytes=b'\\x00\\xff',
    day=datetime.date(2024, 2, 29), time=datetime.time(1, 2, 3), ts=dt(1969, 12, 31, 23, 59, 59, 999000, utc),
    us=dt(2024, 5, 6, 7, 8, 9, 1, utc), dec=decimal.Decimal('99999999999999999.999'), list=[], r=dict(x=1, y=None), m=dict(a=None, b=1.0)))
write(schema, dict(l=1))
"
    ));
    expect![[r#"
        +-------+-----+------------+----------------------+------+-------+---+-------+------------+----------+-------------------------+----------------------------+-----------------------+------+-------------+---------------+
        | b     | t   | i          | l                    | f    | d     | s | bytes | day        | time     | ts                      | us                         | dec                   | list | r           | m             |
        +-------+-----+------------+----------------------+------+-------+---+-------+------------+----------+-------------------------+----------------------------+-----------------------+------+-------------+---------------+
        | false | 127 | 2147483647 | -9223372036854775808 | 0.25 | 1e300 | ü | 00ff  | 2024-02-29 | 01:02:03 | 1969-12-31T23:59:59.999 | 2024-05-06T07:08:09.000001 | 99999999999999999.999 | []   | {x: 1, y: } | {a: , b: 1.0} |
        |       |     |            | 1                    |      |       |   |       |            |          |                         |                            |                       |      |             |               |
        +-------+-----+------------+----------------------+------+-------+---+-------+------------+----------+-------------------------+----------------------------+-----------------------+------+-------------+---------------+
    "#]].assert_eq(&read(&schema, &columns(), &bytes(&written)));
}

/// A writer that has other fields, orders, types and names than the table.
const OTHER: &str = r#"{"type": "record", "name": "Order", "namespace": "shop", "fields": [
    {"name": "gone", "type": {"type": "array", "items": {"type": "map", "values": "string"}}},
    {"name": "state", "type": {"type": "enum", "name": "State", "symbols": ["NEW", "PAID"]}},
    {"name": "before", "type": ["State", "null"]},
    {"name": "id", "type": {"type": "string", "logicalType": "uuid"}},
    {"name": "ship", "type": {"type": "record", "name": "Place", "namespace": "geo", "fields": [
        {"name": "lon", "type": "float"}, {"name": "lat", "type": "int"}, {"name": "key", "type": {"type": "fixed", "name": "Key", "size": 2}}]}},
    {"name": "bill", "type": ["null", "geo.Place"], "default": null},
    {"name": "places", "type": {"type": "array", "items": "geo.Place"}},
    {"name": "count", "type": "int"},
    {"name": "at", "type": {"type": "long", "logicalType": "timestamp-micros"}},
    {"name": "price", "type": {"type": "fixed", "name": "Price", "size": 5, "logicalType": "decimal", "precision": 9, "scale": 2}},
    {"name": "small", "type": ["null", "int"]},
    {"name": "raw", "type": "bytes"}
]}"#;

fn other_rows() -> Vec<Vec<u8>> {
    let script = format!(
        "
schema = {OTHER:?}
place = lambda n: dict(lon=n + 0.5, lat=n, key=b'k%d' % n)
row = dict(gone=[dict(a='b')], state='PAID', before=None, id=uuid.UUID(int=7), ship=place(1), bill=place(2), places=[place(3), place(4)],
    count=7, at=dt(2024, 5, 6, 7, 8, 9, 123456, timezone.utc), price=decimal.Decimal('-1.25'), small=300, raw=b'abc')
write(schema, row)
write(schema, row | dict(before='NEW', bill=None, places=[], small=None, raw=b'\\xff'))
"
    );
    bytes(&python(&script))
}

#[test]
fn other_schemas_are_read_as_the_tables_columns() {
    let place = || {
        row(vec![
            field("lat", DataType::Float64),
            field("zip", DataType::Utf8),
        ])
    };
    let fields = [
        field("raw", DataType::Binary),
        field("count", DataType::Int64),
        field("at", timestamp(TimeUnit::Millisecond)),
        field("price", DataType::Decimal128(12, 3)),
        field("state", DataType::Utf8),
        field("before", DataType::Utf8),
        field("id", DataType::Utf8),
        field("bill", place()),
        Field::new("ship", row(vec![field("key", DataType::Binary)]), false),
        field("places", list(place())),
        field("unknown", DataType::Utf8),
    ];
    expect![[r#"
        +--------+-------+-------------------------+--------+-------+--------+--------------------------------------+-------------------+-------------+----------------------------------------+---------+
        | raw    | count | at                      | price  | state | before | id                                   | bill              | ship        | places                                 | unknown |
        +--------+-------+-------------------------+--------+-------+--------+--------------------------------------+-------------------+-------------+----------------------------------------+---------+
        | 616263 | 7     | 2024-05-06T07:08:09.123 | -1.250 | PAID  |        | 00000000-0000-0000-0000-000000000007 | {lat: 2.0, zip: } | {key: 6b31} | [{lat: 3.0, zip: }, {lat: 4.0, zip: }] |         |
        | ff     | 7     | 2024-05-06T07:08:09.123 | -1.250 | PAID  | NEW    | 00000000-0000-0000-0000-000000000007 |                   | {key: 6b31} | []                                     |         |
        +--------+-------+-------------------------+--------+-------+--------+--------------------------------------+-------------------+-------------+----------------------------------------+---------+
    "#]].assert_eq(&read(OTHER, &fields, &other_rows()));
    // What is seen only when the values come.
    let fields = [
        Field::new("bill", place(), false),
        field("small", DataType::Int8),
        field("raw", DataType::Utf8),
    ];
    for field in fields {
        expect_each(
            &field,
            &read(OTHER, std::slice::from_ref(&field), &other_rows()),
        );
    }
}

fn expect_each(field: &Field, told: &str) {
    match field.name().as_str() {
        "bill" => expect![[r#"
            m, field bill: the field is NULL, but declared NOT NULL
            +-------------------+
            | bill              |
            +-------------------+
            | {lat: 2.0, zip: } |
            +-------------------+
        "#]]
        .assert_eq(told),
        "small" => expect![[r#"
            m, field small: 300 is not a TINYINT
            +-------+
            | small |
            +-------+
            |       |
            +-------+
        "#]]
        .assert_eq(told),
        _ => expect![[r#"
            m, field raw: it is not UTF-8 text
            +-----+
            | raw |
            +-----+
            | abc |
            +-----+
        "#]]
        .assert_eq(told),
    }
}

#[test]
fn what_no_column_can_hold_is_said() {
    let read = |schema: &str, fields: &[Field]| {
        let reason = SchemaReader::parse(schema, fields, 1).err().unwrap();
        format!("{reason}\n")
    };
    let cannot = |name: &str, kind: DataType| read(OTHER, &[field(name, kind)]);
    let told = [
        cannot("count", DataType::Utf8),
        cannot("at", DataType::Date32),
        cannot("price", DataType::Decimal128(9, 1)),
        cannot("state", DataType::Int32),
        cannot("ship", row(vec![field("lat", DataType::Utf8)])),
        cannot("places", list(row(vec![field("lat", DataType::Boolean)]))),
        read(OTHER, &[Field::new("new", DataType::Int32, false)]),
        read("\"string\"", &columns()),
        read("{", &columns()),
        read(
            r#"{"type":"record","name":"r","fields":[{"name":"s","type":["int","string"]}]}"#,
            &[field("s", DataType::Utf8)],
        ),
        read(
            r#"{"type":"record","name":"r","fields":[{"name":"s","type":["null","r"]}]}"#,
            &[field("s", DataType::Utf8)],
        ),
        read(
            r#"{"type":"record","name":"r","fields":[{"name":"s","type":"x.y"}]}"#,
            &[field("s", DataType::Utf8)],
        ),
    ];
    expect![[r#"
        field count: INT in the schema cannot be a STRING
        field at: TIMESTAMP_LTZ(6) in the schema cannot be a DATE
        field price: DECIMAL(9, 2) in the schema cannot be a DECIMAL(9, 1)
        field state: an enum in the schema cannot be an INT
        field ship.lat: INT in the schema cannot be a STRING
        field places.item.lat: INT in the schema cannot be a BOOLEAN
        field new: the schema has no such field, and the column is declared NOT NULL
        it is no record, so it has no columns
        it is no Avro schema: EOF while parsing an object at line 1 column 1
        field s: a union of several types in the schema cannot be a STRING
        the type r holds itself, which no column can
        it does not define the type x.y
    "#]]
    .assert_eq(&told.concat());
    let mut doubling =
        r#"{"type":"record","name":"t0","fields":[{"name":"a","type":"int"}]}"#.to_owned();
    for level in 1..40 {
        let before = level - 1;
        doubling = format!(
            r#"{{"type":"record","name":"t{level}","fields":[{{"name":"a","type":{doubling}}},{{"name":"b","type":"t{before}"}}]}}"#
        );
    }
    expect![[r#"
        it has more than 10000 types
    "#]]
    .assert_eq(&read(&doubling, &[field("a", DataType::Utf8)]));
}

#[test]
fn a_bad_message_leaves_nothing_behind() {
    let fields = [
        field("s", DataType::Utf8),
        field(
            "rows",
            list(row(vec![
                field("x", DataType::Int32),
                field("y", DataType::Utf8),
            ])),
        ),
        field("t", DataType::Int8),
        field("dec", DataType::Decimal128(3, 0)),
    ];
    let schema = derived(&fields, true);
    let format = format("avro", &fields, &[]).unwrap();
    let good = r#"{"s":"é","rows":[{"x":1,"y":"a"},{"x":2,"y":"b"}],"t":1,"dec":999}"#;
    let good = encode(&format, &rows(&fields, &[good])).remove(0);
    let mut messages = vec![good.clone()];
    // Cut off anywhere, and one byte too long.
    messages.extend((0..good.len()).map(|end| good[..end].to_vec()));
    messages.push([good.as_slice(), &[0]].concat());
    // In place of é no UTF-8; 1000 is no TINYINT; 1000 has four digits.
    let at = good
        .windows(2)
        .position(|pair| pair == "é".as_bytes())
        .unwrap();
    let mut not_text = good.clone();
    not_text[at] = 0xFF;
    messages.push(not_text);
    let end = good.len() - 4;
    let [two, tag, length, ..] = [good[end - 2], good[end], good[end + 1], 0];
    assert_eq!((two, tag, length), (2, 2, 4), "{good:?}");
    messages.push([&good[..end - 1], &[0xD0, 0x0F], &good[end..]].concat());
    messages.push([&good[..end + 2], &[0x03, 0xE8]].concat());
    messages.push(good);
    expect![[r#"
        m: there is no record in it
        m, field s: the message ends here
        m, field s: the message ends here
        m, field s: the message ends here
        m, field rows: the message ends here
        m, field rows: the message ends here
        m, field rows: it has more items than the message has bytes
        m, field rows: it has more items than the message has bytes
        m, field rows.x: the message ends here
        m, field rows.y: the message ends here
        m, field rows.y: the message ends here
        m, field rows.y: the message ends here
        m, field rows: the message ends here
        m, field rows.x: the message ends here
        m, field rows.x: the message ends here
        m, field rows.y: the message ends here
        m, field rows.y: the message ends here
        m, field rows.y: the message ends here
        m, field rows: the message ends here
        m, field t: the message ends here
        m, field t: the message ends here
        m, field dec: the message ends here
        m, field dec: the message ends here
        m, field dec: the message ends here
        m, field dec: the message ends here
        m: there is more in it than the record of its schema
        m, field s: it is not UTF-8 text
        m, field t: 1000 is not a TINYINT
        m, field dec: it has too many digits for a DECIMAL(3, 0)
        +---+------------------------------+---+-----+
        | s | rows                         | t | dec |
        +---+------------------------------+---+-----+
        | é | [{x: 1, y: a}, {x: 2, y: b}] | 1 | 999 |
        | é | [{x: 1, y: a}, {x: 2, y: b}] | 1 | 999 |
        +---+------------------------------+---+-----+
    "#]]
    .assert_eq(&read(&schema, &fields, &messages));
}

#[test]
fn damaged_bytes_bring_nothing_down() {
    let schema = derived(&columns(), true);
    let format = format("avro", &columns(), &[]).unwrap();
    let good = encode(&format, &rows(&columns(), &ROWS[..1])).remove(0);
    let mut damaged = Vec::new();
    for at in 0..good.len() {
        for change in [0x01, 0x7F, 0x80, 0xFF] {
            let mut message = good.clone();
            message[at] ^= change;
            damaged.push(message);
        }
    }
    damaged.push(good);
    let told = read(&schema, &columns(), &damaged);
    assert!(told.contains("é"), "the good one is there");
}

#[test]
fn only_what_is_asked_for_is_decoded() {
    let format = format("avro", &columns(), &[]).unwrap();
    let messages = encode(&format, &rows(&columns(), &ROWS));
    for wanted in [&[6, 3][..], &[]] {
        let mut decoder = format.decoder(wanted, 2, Arc::default()).unwrap();
        for message in &messages {
            assert!(!decoder.is_full());
            assert_eq!(decoder.push(message), Pushed::Row);
        }
        assert!(decoder.is_full());
        let columns = decoder.finish().unwrap();
        assert_eq!((columns.len(), decoder.rows()), (wanted.len(), 0));
        assert!(columns.iter().all(|column| column.len() == 2));
    }
}

#[test]
fn what_avro_cannot_carry_is_refused_when_the_job_is_planned() {
    let int = [field("i", DataType::Int32)];
    let of = |fields: &[Field], options: &[(&str, &str)]| refusal(format("avro", fields, options));
    let confluent = |options: &[(&str, &str)]| refusal(format("avro-confluent", &int, options));
    let url = ("value.avro-confluent.url", "http://localhost:1");
    let schema = |text: &str| confluent(&[url, ("value.avro-confluent.schema", text)]);
    let told = [
        of(&[field("a-b", DataType::Int32)], &[]),
        of(&int, &[("value.avro.encoding", "json")]),
        confluent(&[]),
        confluent(&[("value.avro-confluent.url", "localhost")]),
        confluent(&[("value.avro-confluent.url", "http://me:secret@localhost")]),
        confluent(&[
            url,
            (
                "value.avro-confluent.basic-auth.credentials-source",
                "USER_INFO",
            ),
            ("value.avro-confluent.basic-auth.user-info", "secret"),
        ]),
        schema("{"),
        schema(r#"{"type":"record","name":"r","fields":[{"name":"j","type":"int"}]}"#),
        schema(r#"{"type":"record","name":"r","fields":[]}"#),
        schema(r#"{"type":"record","name":"r","fields":[{"name":"i","type":"string"}]}"#),
    ];
    expect![[r#"
        table t: column a-b has a name that Avro does not allow: it takes letters, digits and _, and no digit first
        hint: 
        table t: option 'value.avro.encoding' must be 'binary', so far, not 'json'
        hint: 
        table t: option 'value.avro-confluent.url' is missing
        hint: for example 'value.avro-confluent.url' = 'http://localhost:8081'
        table t: option 'value.avro-confluent.url' must be a URL such as 'http://localhost:8081', not 'localhost'
        hint: 
        table t: option 'value.avro-confluent.url' holds a password: give it with 'value.avro-confluent.basic-auth.user-info'
        hint: 
        table t: option 'value.avro-confluent.basic-auth.user-info' must be a user and a password: 'user:password'
        hint: 
        table t: option 'value.avro-confluent.schema': it is not JSON: EOF while parsing an object at line 1 column 1
        hint: 
        table t: option 'value.avro-confluent.schema': the table has no column j
        hint: 
        table t: option 'value.avro-confluent.schema': it has no field i
        hint: 
        table t: option 'value.avro-confluent.schema': field i: STRING in the schema cannot be an INT
        hint: 
    "#]].assert_eq(&told.concat());
}
