//! Records of files that cannot be read, and the tables that take them.

use std::{fs, thread, time::Duration};

use expect_test::{Expect, expect};
use serde_json::Value;

use crate::{
    endless::{every, start, stop, wait_for_rows},
    support::{Job, python},
};

/// All columns that a letter may have.
pub const BAD: &str = "
CREATE TABLE bad (source STRING, topic STRING, `partition` INT, `offset` BIGINT,
  `timestamp` TIMESTAMP_LTZ(3), `key` BYTES, path STRING, line BIGINT, raw BYTES, error STRING)
WITH ('connector' = 'filesystem', 'format' = 'json', 'path' = 'bad');
";

/// The letters that a folder of JSON files shows, as Python reads them: by their place, without what
/// is NULL, bytes as text, paths without folders.
pub fn letters(job: &Job, folder: &str) -> Vec<Value> {
    const READ: &str = r#"
import base64, glob, json, os, sys
found = []
for path in glob.glob(os.path.join(sys.argv[1], "[!.]*")):
    for line in open(path):
        letter = {name: value for name, value in json.loads(line).items() if value is not None}
        for name in ("key", "raw"):
            if name in letter:
                letter[name] = base64.b64decode(letter[name]).decode("utf-8", "backslashreplace")
        if "path" in letter:
            letter["path"] = os.path.basename(letter["path"])
        found.append(letter)
place = ["source", "topic", "partition", "offset", "path", "line"]
found.sort(key=lambda letter: [(name in letter, letter.get(name)) for name in place])
for letter in found:
    print(json.dumps(letter))
"#;
    let output = python()
        .args(["-c", READ])
        .arg(job.path(folder))
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// The letters, one a line.
pub fn listed(letters: &[Value]) -> String {
    letters.iter().map(|letter| format!("{letter}\n")).collect()
}

#[test]
fn csv_records() {
    let job = Job::new(&format!(
        "{BAD}
         CREATE TABLE t (id INT NOT NULL, price DOUBLE, name STRING) WITH (
           'connector' = 'filesystem', 'format' = 'csv', 'path' = 'in', 'csv.null-literal' = '-',
           'on-error' = 'dead-letter', 'dead-letter.table' = 'bad');
         CREATE TABLE out (id INT, price DOUBLE, name STRING) WITH (
           'connector' = 'filesystem', 'format' = 'csv', 'path' = 'out');
         INSERT INTO out SELECT * FROM t;"
    ))
    .file(
        "in/a.csv",
        "1,0.5,one\nx,0.5,two\n3,0.5\n\n4,cheap,\"four\nlines\"\n-,0.5,none\n7,0.5,\"seven\"x\n\
         8,0.5,eight,more,x\n9,0.5,\"nine\nlines\"\n10,0.5,ten",
    )
    .file("in/b.csv", "1,a,\"b\"\r\n2,0.5,\u{e9}\r\n3,b,")
    .file("in/c.csv", b"1,0.5,\xff\n");
    expect![[r#"
        exit 0
        out: 4 rows
        9 bad records in the dead-letter table bad
    "#]]
    .assert_eq(&job.run());
    expect![[r#"
        1,0.5,one
        10,0.5,ten
        2,0.5,é
        9,0.5,"nine
        lines""#]]
    .assert_eq(&job.rows("out").join("\n"));
    expect![[r#"
        {"error":"in/a.csv, line 2, column id (field 1): 'x' is not an INT","line":2,"path":"a.csv","raw":"x,0.5,two","source":"t"}
        {"error":"in/a.csv, line 3: 2 fields where 3 columns are expected","line":3,"path":"a.csv","raw":"3,0.5","source":"t"}
        {"error":"in/a.csv, line 5, column price (field 2): 'cheap' is not a DOUBLE","line":5,"path":"a.csv","raw":"4,cheap,\"four\nlines\"","source":"t"}
        {"error":"in/a.csv, line 7, column id (field 1): the field is NULL, but declared NOT NULL","line":7,"path":"a.csv","raw":"-,0.5,none","source":"t"}
        {"error":"in/a.csv, line 8: there is text between a closing quote and the next delimiter","line":8,"path":"a.csv","raw":"7,0.5,\"seven\"x","source":"t"}
        {"error":"in/a.csv, line 9: 5 fields where 3 columns are expected","line":9,"path":"a.csv","raw":"8,0.5,eight,more,x","source":"t"}
        {"error":"in/b.csv, line 1, column price (field 2): 'a' is not a DOUBLE","line":1,"path":"b.csv","raw":"1,a,\"b\"","source":"t"}
        {"error":"in/b.csv, line 3, column price (field 2): 'b' is not a DOUBLE","line":3,"path":"b.csv","raw":"3,b,","source":"t"}
        {"error":"in/c.csv, line 1, column name (field 3): '�' is not UTF-8 text","line":1,"path":"c.csv","raw":"1,0.5,\\xff","source":"t"}
    "#]].assert_eq(&listed(&letters(&job, "bad")));
}

#[test]
fn json_lines() {
    let job = Job::new(&format!(
        "SET 'dead-letter.table' = 'bad';
         {BAD}
         CREATE TABLE t (id INT NOT NULL, tags ARRAY<INT>) WITH (
           'connector' = 'filesystem', 'format' = 'json', 'path' = 'in', 'on-error' = 'dead-letter');
         CREATE TABLE out (id INT, tags ARRAY<INT>) WITH (
           'connector' = 'filesystem', 'format' = 'json', 'path' = 'out');
         INSERT INTO out SELECT id, tags FROM t;"
    ))
    .file(
        "in/a.json",
        "{\"id\": 1}\r\n{\"id\": 2, \"tags\": [1, \"x\"]}\r\n\r\nnonsense\n{\"tags\": []}\n  {\"id\": 6}\n[7]",
    );
    expect![[r#"
        exit 0
        out: 2 rows
        4 bad records in the dead-letter table bad
    "#]]
    .assert_eq(&job.run());
    expect![[r#"
        {"id":1,"tags":null}
        {"id":6,"tags":null}"#]]
    .assert_eq(&job.rows("out").join("\n"));
    expect![[r#"
        {"error":"in/a.json, line 2, field tags.item: \"x\" is not an INT","line":2,"path":"a.json","raw":"{\"id\": 2, \"tags\": [1, \"x\"]}","source":"t"}
        {"error":"in/a.json, line 4, column 2: not a JSON object: expected ident","line":4,"path":"a.json","raw":"nonsense","source":"t"}
        {"error":"in/a.json, line 5, field id: the field is NULL, but declared NOT NULL","line":5,"path":"a.json","raw":"{\"tags\": []}","source":"t"}
        {"error":"in/a.json, line 7: not a JSON object: invalid type: sequence, expected an object","line":7,"path":"a.json","raw":"[7]","source":"t"}
    "#]].assert_eq(&listed(&letters(&job, "bad")));
}

/// Numbered records, of which some are wrong in one field or another, or as a whole.
struct Numbered {
    text: String,
    good: Vec<String>,
    bad: Vec<(u64, String)>,
}

fn numbered(count: u64, share: u64, record: impl Fn(u64, Option<u64>) -> String) -> Numbered {
    let mut numbered = Numbered {
        text: String::new(),
        good: Vec::new(),
        bad: Vec::new(),
    };
    let mut seed = 7_u64;
    for line in 1..=count {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let wrong = (seed >> 33).is_multiple_of(share).then_some(seed >> 60);
        let record = record(line, wrong);
        numbered.text.push_str(&record);
        numbered.text.push('\n');
        match wrong {
            Some(_) => numbered.bad.push((line, record)),
            None => numbered.good.push(line.to_string()),
        }
    }
    numbered
}

fn csv_record(line: u64, wrong: Option<u64>) -> String {
    match wrong.map(|kind| kind % 4) {
        None => format!("{line},{line}.5,a name of some length"),
        Some(0) => format!("x{line},{line}.5,a name of some length"),
        Some(1) => format!("{line},x{line},a name of some length"),
        Some(2) => format!("{line},{line}.5"),
        Some(_) => format!("{line},{line}.5,\"a\" name"),
    }
}

fn json_record(line: u64, wrong: Option<u64>) -> String {
    match wrong.map(|kind| kind % 3) {
        None => format!(r#"{{"id": {line}, "price": {line}.5, "name": "a name of some length"}}"#),
        Some(0) => format!(r#"{{"id": "x{line}", "price": {line}.5}}"#),
        Some(1) => format!(r#"{{"id": {line}, "price": [], "name": "a name of some length"}}"#),
        Some(_) => format!(r#"{{"id": {line}, "#),
    }
}

/// Every record is a row or a letter, whatever stands around it.
#[test]
fn many_records() {
    for format in ["csv", "json"] {
        let record: fn(u64, Option<u64>) -> String = match format {
            "csv" => csv_record,
            _ => json_record,
        };
        // From all wrong to hardly any.
        for share in [1, 2, 100, 9_000] {
            let numbered = numbered(40_000, share, record);
            let job = Job::new(&format!(
                "{BAD}
                 CREATE TABLE t (id BIGINT, price DOUBLE, name STRING) WITH (
                   'connector' = 'filesystem', 'format' = '{format}', 'path' = 'in',
                   'on-error' = 'dead-letter', 'dead-letter.table' = 'bad');
                 CREATE TABLE out (id BIGINT, price DOUBLE, name STRING) WITH (
                   'connector' = 'filesystem', 'format' = 'csv', 'path' = 'out');
                 INSERT INTO out SELECT * FROM t;"
            ))
            .file("in/data", &numbered.text);
            let told = job.run();
            assert!(told.starts_with("exit 0\n"), "{told}");
            let mut good: Vec<_> = job.rows("out");
            good.iter_mut()
                .for_each(|row| row.truncate(row.find(',').unwrap()));
            good.sort_by_key(|id| id.parse::<u64>().unwrap());
            assert!(good == numbered.good, "{format}, one of {share}");
            let letters = letters(&job, "bad");
            let found = letters.iter().map(|letter| {
                let raw = letter["raw"].as_str().unwrap();
                (letter["line"].as_u64().unwrap(), raw.to_owned())
            });
            assert!(found.eq(numbered.bad), "{format}, one of {share}");
        }
    }
}

/// An INSERT reads its table by itself.
#[test]
fn two_inserts_from_one_table() {
    let job = Job::new(&format!(
        "{BAD}
         CREATE TABLE t (id INT, price DOUBLE) WITH (
           'connector' = 'filesystem', 'format' = 'csv', 'path' = 'in',
           'on-error' = 'dead-letter', 'dead-letter.table' = 'bad');
         CREATE TABLE ids (id INT) WITH ('connector' = 'print', 'print-identifier' = 'id');
         CREATE TABLE prices (price DOUBLE) WITH ('connector' = 'print', 'print-identifier' = 'price');
         EXECUTE STATEMENT SET BEGIN
           INSERT INTO ids SELECT id FROM t;
           INSERT INTO prices SELECT price FROM t;
         END;"
    ))
    .file("in/a.csv", "1,x\ny,2.5\n3\n");
    let told = job.run();
    let (told, rows): (Vec<_>, Vec<_>) = told.lines().partition(|line| !line.contains("+I"));
    // What an INSERT does not read is not wrong for it.
    assert_eq!(rows.len(), 2, "{rows:?}");
    expect![[r#"
        exit 0
        ids: 1 row
        prices: 1 row
        4 bad records in the dead-letter table bad
    "#]]
    .assert_eq(&(told.join("\n") + "\n"));
    expect![[r#"
        {"error":"in/a.csv, line 1, column price (field 2): 'x' is not a DOUBLE","line":1,"path":"a.csv","raw":"1,x","source":"t"}
        {"error":"in/a.csv, line 2, column id (field 1): 'y' is not an INT","line":2,"path":"a.csv","raw":"y,2.5","source":"t"}
        {"error":"in/a.csv, line 3: 1 field where 2 columns are expected","line":3,"path":"a.csv","raw":"3","source":"t"}
        {"error":"in/a.csv, line 3: 1 field where 2 columns are expected","line":3,"path":"a.csv","raw":"3","source":"t"}
    "#]].assert_eq(&listed(&letters(&job, "bad")));
}

#[test]
fn a_job_that_fails_shows_no_letters() {
    let job = Job::new(&format!(
        "{BAD}
         CREATE TABLE t (id INT) WITH (
           'connector' = 'filesystem', 'format' = 'csv', 'path' = 'in.csv',
           'on-error' = 'dead-letter', 'dead-letter.table' = 'bad');
         CREATE TABLE strict (id INT) WITH (
           'connector' = 'filesystem', 'format' = 'csv', 'path' = 'in.csv');
         CREATE TABLE out (id INT) WITH (
           'connector' = 'filesystem', 'format' = 'csv', 'path' = 'out');
         INSERT INTO out SELECT id FROM t UNION ALL SELECT id FROM strict;"
    ))
    .file("in.csv", "1\nx\n");
    expect![[r#"
        exit 1
        error: in.csv, line 2, column id (field 1): 'x' is not an INT

        hint: 'csv.ignore-parse-errors' = 'true' turns such fields into NULL
    "#]]
    .assert_eq(&job.run());
    assert_eq!(job.listing(), ["in.csv", "job.sql"]);
}

/// Where a record ends is not known: that is not an error of one record.
#[test]
fn a_quote_that_is_left_open() {
    let job = Job::new(&format!(
        "{BAD}
         CREATE TABLE t (id INT, name STRING) WITH (
           'connector' = 'filesystem', 'format' = 'csv', 'path' = 'in.csv',
           'on-error' = 'dead-letter', 'dead-letter.table' = 'bad');
         CREATE TABLE out (id INT) WITH ('connector' = 'blackhole');
         INSERT INTO out SELECT id FROM t;"
    ))
    .file("in.csv", "1,one\nx,two\n3,\"three\n4,four\n");
    expect![[r#"
        exit 1
        error: in.csv, line 3: a quote is opened and never closed

        hint: if quotes mean nothing here, set 'csv.disable-quote-character' = 'true'
    "#]]
    .assert_eq(&job.run());
    assert_eq!(job.listing(), ["in.csv", "job.sql"]);
}

const FOLLOW: &str = "
CREATE TABLE lines (id BIGINT, name STRING) WITH (
  'connector' = 'filesystem', 'format' = 'csv', 'path' = 'in', 'source.monitor-interval' = '20 ms',
  'on-error' = 'dead-letter', 'dead-letter.table' = 'bad');
CREATE TABLE copy (id BIGINT, name STRING) WITH (
  'connector' = 'filesystem', 'format' = 'csv', 'path' = 'out');
INSERT INTO copy SELECT id, name FROM lines;
";

/// Waits until the dead-letter table shows as many letters.
fn wait_for_letters(job: &Job, count: usize) -> Vec<Value> {
    for _ in 0..600 {
        if job.path("bad").exists() {
            let found = letters(job, "bad");
            if found.len() >= count {
                return found;
            }
        }
        thread::sleep(Duration::from_millis(50));
    }
    panic!("{:?}", letters(job, "bad"));
}

#[test]
fn no_kill_loses_a_letter_or_shows_one_twice() {
    const LINES: u64 = 20_000;
    let job = Job::new(&every(
        "20 ms",
        &format!("SET 'job.epoch-rows' = '500';{BAD}{FOLLOW}"),
    ));
    let mut job = job.file("in/0.csv", "");
    let mut expected = Vec::new();
    let mut good = 0;
    for round in 1..=6_u64 {
        let numbered = numbered(LINES, 3, |line, wrong| {
            format!(
                "{},{round}",
                match wrong {
                    Some(_) => format!("x{line}"),
                    None => line.to_string(),
                }
            )
        });
        good += numbered.good.len();
        let name = format!("{round}.csv");
        expected.extend(
            numbered
                .bad
                .into_iter()
                .map(|(line, raw)| (name.clone(), line, raw)),
        );
        job = job.file(&format!("in/{name}"), numbered.text);
        let mut child = start(&job);
        thread::sleep(Duration::from_millis(60 + 70 * round));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let child = start(&job);
    let rows = wait_for_rows(&job, |rows| rows.len() >= good);
    assert_eq!(rows.len(), good);
    let found = wait_for_letters(&job, expected.len());
    let output = stop(child);
    assert!(output.status.success(), "{}", job.told(&output));
    let found = found.iter().map(|letter| {
        let text = |name: &str| letter[name].as_str().unwrap().to_owned();
        (text("path"), letter["line"].as_u64().unwrap(), text("raw"))
    });
    assert!(found.eq(expected));
}

/// A folder of nothing but garbage: every checkpoint has the letters before it.
#[test]
fn letters_alone_move_a_job_on() {
    let job = Job::new(&every("20 ms", &format!("{BAD}{FOLLOW}"))).file("in/a.csv", "x\ny\n");
    let child = start(&job);
    wait_for_letters(&job, 2);
    let job = job.file("in/b.csv", "z\n");
    wait_for_letters(&job, 3);
    let told = job.told(&stop(child));
    assert!(
        told.starts_with("exit 0\ncopy: 0 rows\n3 bad records in the dead-letter table bad\n"),
        "{told}"
    );
    // Run again, it finds nothing new.
    let child = start(&job);
    thread::sleep(Duration::from_millis(300));
    assert!(stop(child).status.success());
    assert_eq!(letters(&job, "bad").len(), 3);
}

/// A job that failed goes on from its checkpoint once it has a dead-letter table, and then with it.
#[test]
fn a_dead_letter_table_for_a_job_that_failed() {
    let strict = FOLLOW.replace(
        ",\n  'on-error' = 'dead-letter', 'dead-letter.table' = 'bad'",
        "",
    );
    assert_ne!(strict, FOLLOW);
    let job = Job::new(&every("20 ms", &strict)).file("in/a.csv", "1,one\n");
    let child = start(&job);
    wait_for_rows(&job, |rows| rows.len() == 1);
    let job = job.file("in/b.csv", "2,two\nthree,3\n");
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(1));
    let job = job.file("job.sql", every("20 ms", &format!("{BAD}{FOLLOW}")));
    for _ in 0..2 {
        let child = start(&job);
        let rows = wait_for_rows(&job, |rows| rows.len() == 2);
        assert_eq!(rows, ["1,one", "2,two"]);
        wait_for_letters(&job, 1);
        let told = job.told(&stop(child));
        assert!(
            told.starts_with("exit 0\ngoing on from checkpoint "),
            "{told}"
        );
    }
    expect![[r#"
        {"error":"in/b.csv, line 2, column id (field 1): 'three' is not a BIGINT","line":2,"path":"b.csv","raw":"three,3","source":"lines"}
    "#]]
    .assert_eq(&listed(&letters(&job, "bad")));
    // What the dead-letter table was promised is not forgotten.
    let job = job.file("job.sql", every("20 ms", &strict));
    let told = job.run();
    let (_, why) = told.split_once("job-copy: ").unwrap();
    expect![[r#"
        it writes 'copy', the checkpoint is of a job that writes 'copy', 'bad'

        hint: to start anew remove that folder, or give the job another name with SET 'pipeline.name'
    "#]].assert_eq(why);
}

/// Letters do not wait for the windows of the rows beside them.
#[test]
fn letters_beside_windows() {
    let job = Job::new(&every(
        "20 ms",
        &format!(
            "{BAD}
             CREATE TABLE ticks (ms BIGINT, ts AS TO_TIMESTAMP_MILLIS(ms), WATERMARK FOR ts AS ts) WITH (
               'connector' = 'filesystem', 'format' = 'csv', 'path' = 'in',
               'source.monitor-interval' = '20 ms',
               'on-error' = 'dead-letter', 'dead-letter.table' = 'bad');
             CREATE TABLE counts (we TIMESTAMP(3), n BIGINT) WITH (
               'connector' = 'filesystem', 'format' = 'csv', 'path' = 'out');
             INSERT INTO counts SELECT window_end, COUNT(*)
               FROM TABLE(TUMBLE(TABLE ticks, DESCRIPTOR(ts), INTERVAL '1' SECOND))
               GROUP BY window_start, window_end;"
        ),
    ))
    .file("in/a.csv", "1\nx\n998\n");
    let child = start(&job);
    wait_for_letters(&job, 1);
    assert_eq!(wait_for_rows(&job, |_| true), Vec::<String>::new());
    let job = job.file("in/b.csv", "y\n1500\n");
    wait_for_letters(&job, 2);
    let rows = wait_for_rows(&job, |rows| !rows.is_empty());
    assert_eq!(rows, ["1970-01-01 00:00:01,2"]);
    assert!(stop(child).status.success());
    let lines: Vec<_> = letters(&job, "bad")
        .iter()
        .map(|letter| letter["raw"].clone())
        .collect();
    assert_eq!(lines, ["x", "y"]);
}

/// Runs a job that is refused: a table without end or with one, and a dead-letter table.
fn refused(bad: &str, table: &str, insert: &str, expected: Expect) {
    let job = Job::new(&format!(
        "CREATE TABLE bad ({bad}) WITH ('connector' = 'blackhole');\n\
         CREATE TABLE t (id INT) WITH ({table});\n\
         CREATE TABLE out (id INT) WITH ('connector' = 'blackhole');\n{insert};"
    ))
    .file("in/a.csv", "1\n");
    expected.assert_eq(&job.run());
}

const FILES: &str = "'connector' = 'filesystem', 'format' = 'csv', 'path' = 'in'";
const INSERT: &str = "INSERT INTO out SELECT id FROM t";

#[test]
fn options_that_are_refused() {
    let options = |more: &str, expected: Expect| {
        refused("raw BYTES", &format!("{FILES}, {more}"), INSERT, expected);
    };
    options(
        "'on-error' = 'null'",
        expect![[r#"
        exit 2
        error: table t: option 'on-error' must be 'fail' or 'dead-letter', not 'null'
         --> job.sql:2:14
          |
        2 | CREATE TABLE t (id INT) WITH ('connector' = 'filesystem', 'format' = 'csv', 'path' = 'in', 'on-error…
          |              ^
    "#]],
    );
    options(
        "'on-error' = 'dead-letter'",
        expect![[r#"
        exit 2
        error: table t: 'on-error' = 'dead-letter' needs a table for the letters
         --> job.sql:2:14
          |
        2 | CREATE TABLE t (id INT) WITH ('connector' = 'filesystem', 'format' = 'csv', 'path' = 'in', 'on-error…
          |              ^

        hint: name it with 'dead-letter.table' = '…', or for all tables with SET 'dead-letter.table' = '…'
    "#]],
    );
    options(
        "'dead-letter.table' = 'bad'",
        expect![[r#"
        exit 2
        error: table t: option 'dead-letter.table' is of no use: errors fail the job
         --> job.sql:2:14
          |
        2 | CREATE TABLE t (id INT) WITH ('connector' = 'filesystem', 'format' = 'csv', 'path' = 'in', 'dead-let…
          |              ^

        hint: add 'on-error' = 'dead-letter'
    "#]],
    );
    options(
        "'on-error' = 'dead-letter', 'dead-letter.table' = 'bda'",
        expect![[r#"
            exit 2
            error: the dead-letter table 'bda' of 't' is not there
             --> job.sql:2:14
              |
            2 | CREATE TABLE t (id INT) WITH ('connector' = 'filesystem', 'format' = 'csv', 'path' = 'in', 'on-error…
              |              ^

            hint: did you mean 'bad'?
        "#]],
    );
    options(
        "'on-error' = 'dead-letter', 'dead-letter.table' = 't'",
        expect![[r#"
            exit 2
            error: 't' is the dead-letter table of 't': the same job cannot read it
             --> job.sql:2:14
              |
            2 | CREATE TABLE t (id INT) WITH ('connector' = 'filesystem', 'format' = 'csv', 'path' = 'in', 'on-error…
              |              ^

            hint: read it in a job of its own
        "#]],
    );
    options(
        "'on-error' = 'dead-letter', 'dead-letter.table' = 'bad', 'csv.ignore-parse-errors' = 'TRUE'",
        expect![[r#"
            exit 2
            error: table t: option 'on-error' and 'csv.ignore-parse-errors' exclude each other: what is ignored is no error
             --> job.sql:2:14
              |
            2 | CREATE TABLE t (id INT) WITH ('connector' = 'filesystem', 'format' = 'csv', 'path' = 'in', 'on-error…
              |              ^

            hint: leave out 'csv.ignore-parse-errors' to get such records into the dead-letter table
        "#]],
    );
    let table = |table: &str, expected: Expect| refused("raw BYTES", table, INSERT, expected);
    table(
        "'connector' = 'filesystem', 'format' = 'parquet', 'path' = 'in', \
         'on-error' = 'dead-letter', 'dead-letter.table' = 'bad'",
        expect![[r#"
            exit 2
            error: table t: option 'on-error' cannot be 'dead-letter' with the format parquet
             --> job.sql:2:14
              |
            2 | CREATE TABLE t (id INT) WITH ('connector' = 'filesystem', 'format' = 'parquet', 'path' = 'in', 'on-e…
              |              ^

            hint: a Parquet file has no records of its own that could be wrong: it can be read or not
        "#]],
    );
    // One that reads no format has no bad records.
    let told = Job::new(
        "CREATE TABLE t (id INT) WITH ('connector' = 'datagen', 'on-error' = 'dead-letter');
         SELECT id FROM t;",
    )
    .run();
    let (told, _) = told.split_once("\n --> ").unwrap();
    assert_eq!(
        told,
        "exit 2\nerror: table t: the connector 'datagen' has no option 'on-error'"
    );
}

#[test]
fn columns_that_are_refused() {
    let columns = |columns: &str, expected: Expect| {
        let table = format!("{FILES}, 'on-error' = 'dead-letter', 'dead-letter.table' = 'bad'");
        refused(columns, &table, INSERT, expected);
    };
    columns(
        "raw BYTES, reason STRING",
        expect![[r#"
            exit 2
            error: the dead-letter table 'bad' has a column 'reason', which no letter has
             --> job.sql:1:14
              |
            1 | CREATE TABLE bad (raw BYTES, reason STRING) WITH ('connector' = 'blackhole');
              |              ^^^

            hint: its columns may be source STRING, topic STRING, partition INT, offset BIGINT, timestamp TIMESTAMP_LTZ(3), key BYTES, path STRING, line BIGINT, raw BYTES, function STRING, error STRING, epoch BIGINT
        "#]],
    );
    columns(
        "raw BYTES, pat STRING",
        expect![[r#"
        exit 2
        error: the dead-letter table 'bad' has a column 'pat', which no letter has
         --> job.sql:1:14
          |
        1 | CREATE TABLE bad (raw BYTES, pat STRING) WITH ('connector' = 'blackhole');
          |              ^^^

        hint: did you mean 'path'?
    "#]],
    );
    columns(
        "raw STRING",
        expect![[r#"
        exit 2
        error: the column 'raw' of the dead-letter table 'bad' must be BYTES, not STRING
         --> job.sql:1:14
          |
        1 | CREATE TABLE bad (raw STRING) WITH ('connector' = 'blackhole');
          |              ^^^
    "#]],
    );
}

#[test]
fn statements_that_are_refused() {
    let table = format!("{FILES}, 'on-error' = 'dead-letter', 'dead-letter.table' = 'bad'");
    refused(
        "raw BYTES",
        &table,
        "SELECT id FROM t",
        expect![[r#"
        exit 2
        error: a SELECT writes no table, so the bad records of 't' would be lost
         --> job.sql:4:1
          |
        4 | SELECT id FROM t;
          | ^^^^^^^^^^^^^^^^

        hint: let it fail on them with t /*+ OPTIONS('on-error' = 'fail') */, or write an INSERT
    "#]],
    );
    refused(
        "raw BYTES",
        &table,
        "SELECT id FROM t /*+ OPTIONS('on-error' = 'fail') */",
        expect![[r#"
            exit 0
            +----+
            | id |
            +----+
            |  1 |
            +----+
            1 row in set
        "#]],
    );
    refused(
        "raw BYTES",
        &table,
        "CREATE TABLE ids (id INT) WITH ('connector' = 'datagen', 'number-of-rows' = '1');\n\
         INSERT INTO out SELECT id FROM t /*+ OPTIONS('dead-letter.table' = 'ids') */",
        expect![[r#"
            exit 2
            error: table ids: the connector 'datagen' cannot be written, only read
             --> job.sql:4:14
              |
            4 | CREATE TABLE ids (id INT) WITH ('connector' = 'datagen', 'number-of-rows' = '1');
              |              ^^^

            hint: writable connectors: filesystem, kafka, upsert-kafka, print, blackhole, postgres, jdbc
        "#]],
    );
    // Each time that the job begins again it would read the table anew.
    refused(
        "raw BYTES",
        &table,
        "CREATE TABLE ids (id INT) WITH ('connector' = 'datagen');\n\
         INSERT INTO out SELECT t.id FROM ids JOIN t ON ids.id = t.id",
        expect![[r#"
            exit 2
            error: 't' has an end and is joined with a table without one: it is read anew whenever the job begins again, and so would be its bad records
             --> job.sql:5:1
              |
            5 | INSERT INTO out SELECT t.id FROM ids JOIN t ON ids.id = t.id;
              | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

            hint: leave out its 'on-error' = 'dead-letter'
        "#]],
    );
}

/// A job may not read what its errors write.
#[test]
fn a_dead_letter_table_that_is_read() {
    let job = Job::new(&format!(
        "{BAD}
         CREATE TABLE t (id INT) WITH ({FILES}, 'on-error' = 'dead-letter', 'dead-letter.table' = 'bad');
         CREATE TABLE out (id BIGINT) WITH ('connector' = 'blackhole');
         INSERT INTO out SELECT id FROM t UNION ALL SELECT line FROM bad;"
    ))
    .file("in/a.csv", "1\nx\n")
    .file("bad/old.json", "{}\n");
    expect![[r#"
        exit 2
        error: 'bad' is the dead-letter table of 't': the same job cannot read it
         --> job.sql:2:14
          |
        2 | CREATE TABLE bad (source STRING, topic STRING, `partition` INT, `offset` BIGINT,
          |              ^^^

        hint: read it in a job of its own
    "#]]
    .assert_eq(&job.run());
    // A later statement may.
    let sql = fs::read_to_string(job.path("job.sql")).unwrap();
    let sql = sql.replace(" UNION ALL SELECT line FROM bad", "");
    let job = job.file(
        "job.sql",
        format!("{sql}\nSELECT line, CAST(raw AS STRING) AS raw FROM bad WHERE line > 0;"),
    );
    expect![[r#"
        exit 0
        +------+-----+
        | line | raw |
        +------+-----+
        |    2 | x   |
        +------+-----+
        1 row in set
        out: 1 row
        1 bad record in the dead-letter table bad
    "#]]
    .assert_eq(&job.run());
}
