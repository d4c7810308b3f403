//! What CSV text becomes.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use arrow::array::{AsArray, RecordBatch};
use arrow::compute::concat_batches;
use arrow::csv::ReaderBuilder;
use arrow::datatypes::{DataType, Float64Type, Int32Type, Schema};
use expect_test::expect;
use wasmill_connectors::{SourceProgress, source};

use crate::workbench::*;

#[test]
fn all_types() {
    let bench = Workbench::new();
    bench.file(
        "data.csv",
        "true,-1,2,3,4,1.5,-2.25,text,aGk=,2024-02-29,07:08:09.5,2024-05-06 07:08:09.123,2024-05-06 07:08:09Z,12.345,1;2;;4\n\
         ,,,,,,,,,,,,,,\n",
    );
    let columns = [
        ("b", BOOLEAN),
        ("i8", DataType::Int8),
        ("i16", DataType::Int16),
        ("i32", INT),
        ("i64", BIGINT),
        ("f32", DataType::Float32),
        ("f64", DOUBLE),
        ("s", STRING),
        ("bytes", BYTES),
        ("d", DATE),
        ("t", TIME),
        ("ts", TIMESTAMP),
        ("ltz", timestamp_ltz()),
        ("dec", DataType::Decimal128(10, 2)),
        ("list", array(INT)),
    ];
    expect![[r#"
        +------+----+-----+-----+-----+-----+-------+------+-------+------------+--------------+-------------------------+----------------------+-------+-------------+
        | b    | i8 | i16 | i32 | i64 | f32 | f64   | s    | bytes | d          | t            | ts                      | ltz                  | dec   | list        |
        +------+----+-----+-----+-----+-----+-------+------+-------+------------+--------------+-------------------------+----------------------+-------+-------------+
        | true | -1 | 2   | 3   | 4   | 1.5 | -2.25 | text | 6869  | 2024-02-29 | 07:08:09.500 | 2024-05-06T07:08:09.123 | 2024-05-06T07:08:09Z | 12.35 | [1, 2, , 4] |
        |      |    |     |     |     |     |       |      |       |            |              |                         |                      |       |             |
        +------+----+-----+-----+-----+-----+-------+------+-------+------------+--------------+-------------------------+----------------------+-------+-------------+
    "#]]
    .assert_eq(&bench.rows(&files("csv", "data.csv", &columns, &[])));
}

#[test]
fn quotes_newlines_escapes_comments_and_blank_lines() {
    let bench = Workbench::new();
    bench.file(
        "data.csv",
        "\u{feff}1,\"a,b\"\r\n\n2,\"say \"\"hi\"\"\"\r\n# not, data\n3,\"two\nlines\"\n4,in\"side\n5,  x y \n6,back\\,slash",
    );
    let options = [
        ("csv.allow-comments", "true"),
        ("csv.escape-character", "\\"),
    ];
    let table = files("csv", "data.csv", &[("a", INT), ("b", STRING)], &options);
    let batch = bench.batch(&table);
    let texts: Vec<_> = batch
        .column(1)
        .as_string::<i32>()
        .iter()
        .flatten()
        .collect();
    let expected = [
        "a,b",
        "say \"hi\"",
        "two\nlines",
        "in\"side",
        "  x y ",
        "back,slash",
    ];
    assert_eq!(texts, expected);
    let numbers = batch.column(0).as_primitive::<Int32Type>().values();
    assert_eq!(numbers, &[1, 2, 3, 4, 5, 6]);
}

#[test]
fn nulls_and_empty_strings() {
    let bench = Workbench::new();
    bench.file("data.csv", "1,\nn/a,n/a\n3,\"\"\n");
    let columns = [("a", INT), ("b", STRING)];
    let nulls = |options: &[(&str, &str)]| {
        let batch = bench.batch(&files("csv", "data.csv", &columns, options));
        let column = batch.column(1).as_string::<i32>();
        column
            .iter()
            .map(|text| text.map(str::to_owned))
            .collect::<Vec<_>>()
    };
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(
        nulls(&[("csv.null-literal", "n/a")]),
        [text(""), None, text("")]
    );
    let both = [
        ("csv.null-literal", "n/a"),
        ("csv.empty-string-as-null", "true"),
    ];
    assert_eq!(nulls(&both), [None, None, None]);
}

#[test]
fn ignored_errors_become_null_or_leave_rows_out() {
    let bench = Workbench::new();
    bench.file("data.csv", "1,2.5,x\nabc,1,y\n3\n4,5,z,too many\n6,7,\n");
    let columns = [("a", INT), ("b", DOUBLE), ("c", STRING)];
    let table = files(
        "csv",
        "data.csv",
        &columns,
        &[("csv.ignore-parse-errors", "true")],
    );
    expect![[r#"
        +---+-----+---+
        | a | b   | c |
        +---+-----+---+
        | 1 | 2.5 | x |
        |   | 1.0 | y |
        | 3 |     |   |
        | 6 | 7.0 |   |
        +---+-----+---+
    "#]]
    .assert_eq(&bench.rows(&table));
    let progress = Arc::new(SourceProgress::default());
    bench.observed(&table, 1, None, progress.clone()).unwrap();
    assert_eq!(progress.ignored.load(Ordering::Relaxed), 2);
    assert_eq!(progress.rows.load(Ordering::Relaxed), 4);
}

#[test]
fn a_header_maps_columns_by_name() {
    let bench = Workbench::new();
    bench.file("data/1.csv", "b,extra,a\nx,0,1\n");
    bench.file("data/2.csv", "a,b\n2,y\n");
    let columns = [("a", INT), ("b", STRING)];
    let table = files("csv", "data", &columns, &[("csv.header", "true")]);
    expect![[r#"
        +---+---+
        | a | b |
        +---+---+
        | 1 | x |
        | 2 | y |
        +---+---+
    "#]]
    .assert_eq(&bench.rows(&table));
}

#[test]
fn trailing_fields_and_blanks() {
    let bench = Workbench::new();
    bench.file("data.csv", "1,2,\n3,4\n");
    let columns = [("a", INT), ("b", INT)];
    let batch = bench.batch(&files("csv", "data.csv", &columns, &[]));
    assert_eq!(batch.num_rows(), 2);
    bench.file("wide.csv", "1,2,3,4\n");
    let options = [("csv.ignore-trailing-unmappable", "true")];
    let batch = bench.batch(&files("csv", "wide.csv", &columns, &options));
    assert_eq!(batch.num_rows(), 1);
    bench.file("blank.csv", " 1 ,  x y  \n");
    let columns = [("a", INT), ("b", STRING)];
    let batch = bench.batch(&files(
        "csv",
        "blank.csv",
        &columns,
        &[("csv.trim-spaces", "true")],
    ));
    assert_eq!(batch.column(1).as_string::<i32>().value(0), "x y");
}

#[test]
fn folders_globs_and_file_metadata() {
    let bench = Workbench::new();
    bench.file("data/b.csv", "2\n");
    bench.file("data/deep/c.csv", "3\n");
    bench.file("data/a.csv", "1\n");
    bench.file("data/_SUCCESS", "no row");
    bench.file("data/.hidden.csv", "no row");
    let columns = [
        ("a", INT),
        ("name FROM file.name", STRING),
        ("size FROM file.size", BIGINT),
    ];
    expect![[r#"
        +---+-------+------+
        | a | name  | size |
        +---+-------+------+
        | 1 | a.csv | 2    |
        | 2 | b.csv | 2    |
        | 3 | c.csv | 2    |
        +---+-------+------+
    "#]]
    .assert_eq(&bench.rows(&files("csv", "data", &columns, &[])));
    let columns = [("a", INT)];
    let rows = |path: &str, options: &[(&str, &str)]| {
        bench
            .batch(&files("csv", path, &columns, options))
            .num_rows()
    };
    assert_eq!(rows("data/*.csv", &[]), 2);
    assert_eq!(rows("data/**/*.csv", &[]), 3);
    assert_eq!(
        rows("data", &[("source.path.regex-pattern", ".*/[ab]\\.csv")]),
        2
    );
    let url = format!("file://{}", bench.path("data/a.csv").display());
    assert_eq!(rows(&url, &[]), 1);
    let path = [("path FROM file.path", STRING), ("a", INT)];
    let batch = bench.batch(&files("csv", "data/a.csv", &path, &[]));
    let expected = bench.path("data/a.csv").display().to_string();
    assert_eq!(batch.column(0).as_string::<i32>().value(0), expected);
}

#[test]
fn partition_keys_come_from_folders() {
    let bench = Workbench::new();
    bench.file("data/day=2024-01-02/kind=a%2Fb/1.csv", "1\n");
    bench.file("data/day=__DEFAULT_PARTITION__/kind=c/1.csv", "2\n");
    let columns = [("kind", STRING), ("a", INT), ("day", DATE)];
    let mut table = files("csv", "data", &columns, &[]);
    table.partition_keys = vec!["day".to_owned(), "kind".to_owned()];
    expect![[r#"
        +------+---+------------+
        | kind | a | day        |
        +------+---+------------+
        | a/b  | 1 | 2024-01-02 |
        | c    | 2 |            |
        +------+---+------------+
    "#]]
    .assert_eq(&bench.rows(&table));
}

#[test]
fn empty_files_have_no_rows() {
    let bench = Workbench::new();
    bench.file("empty.csv", "");
    bench.file("blank.csv", "\n\r\n\n");
    bench.file("header.csv", "a,b\n");
    let columns = [("a", INT), ("b", INT)];
    for (path, header) in [
        ("empty.csv", "false"),
        ("empty.csv", "true"),
        ("blank.csv", "false"),
        ("header.csv", "true"),
    ] {
        let table = files("csv", path, &columns, &[("csv.header", header)]);
        assert_eq!(bench.batch(&table).num_rows(), 0, "{path}");
    }
}

/// Text that is hard to cut: quoted newlines, line ends of both kinds, blank lines, empty fields.
fn awkward(rows: u32) -> String {
    let mut text = String::new();
    let mut seed = 11_u32;
    for row in 0..rows {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let end = if seed & 64 == 0 { "\r\n" } else { "\n" };
        let field = match (seed >> 8) % 7 {
            0 => "\"a\nb\"".to_owned(),
            1 => "\"quote \"\" and, comma\r\n\"".to_owned(),
            2 => String::new(),
            3 => "pl\"ain".to_owned(),
            4 => "\"\"".to_owned(),
            5 => format!("\"{}\"", "long\n".repeat((seed >> 16) as usize % 40)),
            _ => format!("text {row}"),
        };
        text.push_str(&format!(
            "{row},{field},{}.{:03}{end}",
            row % 100,
            seed % 1000
        ));
        if seed.is_multiple_of(11) {
            text.push_str(end);
        }
    }
    text
}

#[test]
fn chunk_boundaries_change_nothing() {
    let mut bench = Workbench::new();
    bench.file("data.csv", awkward(400));
    let plain: String = (0..400)
        .map(|row| format!("{row},w{row},{row}.5\n"))
        .collect();
    bench.file("plain.csv", plain);
    let columns = [("a", INT), ("b", STRING), ("c", DOUBLE)];
    for path in ["data.csv", "plain.csv"] {
        let table = files("csv", path, &columns, &[]);
        bench.context.chunk_bytes = 1 << 20;
        bench.context.batch_rows = 8192;
        let whole = bench.batch(&table);
        assert_eq!(whole.num_rows(), 400);
        let rows = whole.column(0).as_primitive::<Int32Type>().values();
        assert!(rows.iter().enumerate().all(|(at, row)| at as i32 == *row));
        for chunk_bytes in [1, 2, 3, 7, 16, 63, 64, 65, 100, 1000, 4096] {
            bench.context.chunk_bytes = chunk_bytes;
            bench.context.batch_rows = 1 + chunk_bytes % 100;
            assert_eq!(
                bench.batch(&table),
                whole,
                "{path} in chunks of {chunk_bytes}"
            );
            let batches = bench.batches(&table, 3, None).unwrap();
            assert!(
                batches
                    .iter()
                    .all(|batch| batch.num_rows() <= bench.context.batch_rows)
            );
            assert_eq!(
                sorted(&batches),
                whole,
                "{path}, 3 partitions, chunks of {chunk_bytes}"
            );
        }
    }
}

/// All batches as one, sorted by the first column.
fn sorted(batches: &[RecordBatch]) -> RecordBatch {
    let all = concat_batches(&batches[0].schema(), batches).unwrap();
    let order = arrow::compute::sort_to_indices(all.column(0), None, None).unwrap();
    arrow::compute::take_record_batch(&all, &order).unwrap()
}

#[test]
fn compressed_files_and_progress() {
    let bench = Workbench::new();
    let text: String = (0..50_000)
        .map(|row| format!("{row}\t{}.25\n", row % 777))
        .collect();
    bench.file("plain/1.tsv", &text);
    let mut gzip = flate2_encoder();
    gzip.write_all(&text.as_bytes()[..text.len() / 2]).unwrap();
    let mut compressed = gzip.finish().unwrap();
    // A second member: what `cat a.gz b.gz` makes.
    let mut gzip = flate2_encoder();
    gzip.write_all(&text.as_bytes()[text.len() / 2..]).unwrap();
    compressed.extend(gzip.finish().unwrap());
    bench.file("gzip/1.tsv.gz", &compressed);
    bench.file(
        "zstd/1.tsv.zst",
        zstd::encode_all(text.as_bytes(), 1).unwrap(),
    );
    let columns = [("a", INT), ("b", DOUBLE)];
    let options = [("csv.field-delimiter", "\\t")];
    let expected = sorted(
        &bench
            .batches(&files("csv", "plain", &columns, &options), 2, None)
            .unwrap(),
    );
    assert_eq!(expected.num_rows(), 50_000);
    let sum: f64 = expected
        .column(1)
        .as_primitive::<Float64Type>()
        .values()
        .iter()
        .sum();
    assert_eq!(
        sum,
        (0..50_000)
            .map(|row| f64::from(row % 777) + 0.25)
            .sum::<f64>()
    );
    for folder in ["plain", "gzip", "zstd"] {
        let table = files("csv", folder, &columns, &options);
        let progress = Arc::new(SourceProgress::default());
        let batches = bench.observed(&table, 2, None, progress.clone()).unwrap();
        assert_eq!(sorted(&batches), expected, "{folder}");
        assert_eq!(progress.rows.load(Ordering::Relaxed), 50_000);
        let source = source(&table, &bench.context).unwrap();
        let found = runtime().block_on(source.discover()).unwrap();
        assert_eq!(
            Some(progress.bytes.load(Ordering::Relaxed)),
            found.bytes,
            "{folder}"
        );
        assert_eq!(found.files, 1);
    }
}

fn flate2_encoder() -> flate2::write::GzEncoder<Vec<u8>> {
    flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast())
}

#[test]
fn projection_skips_columns() {
    let bench = Workbench::new();
    bench.file("data.csv", "1,not a number,x\n2,neither,y\n");
    let columns = [("a", INT), ("b", DOUBLE), ("c", STRING)];
    let table = files("csv", "data.csv", &columns, &[]);
    let batches = bench.batches(&table, 1, Some(vec![2, 0])).unwrap();
    assert_eq!(batches[0].schema().field(0).name(), "c");
    assert_eq!(batches[0].column(0).as_string::<i32>().value(1), "y");
    let batches = bench.batches(&table, 2, Some(vec![])).unwrap();
    assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), 2);
    assert_eq!(batches[0].num_columns(), 0);
}

#[test]
fn agrees_with_arrow_csv() {
    let bench = Workbench::new();
    let mut text = String::new();
    let mut seed = 5_u64;
    for row in 0..20_000 {
        let mut next = || {
            seed = seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            seed >> 11
        };
        let long = f64::from_bits(next() << 11 | next());
        let long = if long.is_finite() { long } else { 0.5 };
        let digits = (next() % 12) as usize;
        let short = (next() % 2_000_000) as f64 / 1000.0 - 1000.0;
        let word = match next() % 4 {
            0 => "\"a, \"\"b\"\"\"".to_owned(),
            1 => format!("word{}", next() % 100),
            2 => "ünï".to_owned(),
            _ => "x".to_owned(),
        };
        let sign = if next() % 2 == 0 { "-" } else { "" };
        let number = next() % 10_u64.pow(1 + (next() % 9) as u32);
        text.push_str(&format!(
            "{row},{short:.digits$},{long:e},{sign}{number},{word}\n"
        ));
    }
    bench.file("data.csv", &text);
    let columns = [
        ("i", INT),
        ("short", DOUBLE),
        ("long", DOUBLE),
        ("n", BIGINT),
        ("s", STRING),
    ];
    let table = files("csv", "data.csv", &columns, &[]);
    let fields = table.columns.iter().map(|column| column.field.clone());
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let oracle = ReaderBuilder::new(schema.clone())
        .build(text.as_bytes())
        .unwrap();
    let oracle: Vec<_> = oracle.collect::<Result<_, _>>().unwrap();
    let oracle = concat_batches(&schema, &oracle).unwrap();
    assert_eq!(sorted(&bench.batches(&table, 2, None).unwrap()), oracle);
}
