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
    expect![[r#""#]].assert_eq(&job.rows("out").join("\n"));
    expect![[r#""#]].assert_eq(&listed(&letters(&job, "bad")));
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
    expect![[r#""#]].assert_eq(&job.rows("out").join("\n"));
    expect![[r#""#]].assert_eq(&listed(&letters(&job, "bad")));
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
    expect![[r#""#]].assert_eq(&(told.join("\n") + "\n"));
    expect![[r#""#]].assert_eq(&listed(&letters(&job, "bad")));
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
    expect![[r#""#]].assert_eq(&job.run());
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
    expect![[r#""#]].assert_eq(&job.run());
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
        expect![[r#""#]].assert_eq(&listed(&wait_for_letters(&job, 1)));
        let told = job.told(&stop(child));
        assert!(
            told.starts_with("exit 0\ngoing on from checkpoint "),
            "{told}"
        );
    }
    // What the dead-letter table was promised is not forgotten.
    let job = job.file("job.sql", every("20 ms", &strict));
    let told = job.run();
    let (_, why) = told.split_once("job-copy: ").unwrap();
    expect![[r#""#]].assert_eq(why);
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
    options("'on-error' = 'null'", expect![[r#""#]]);
    options("'on-error' = 'dead-letter'", expect![[r#""#]]);
    options("'dead-letter.table' = 'bad'", expect![[r#""#]]);
    options(
        "'on-error' = 'dead-letter', 'dead-letter.table' = 'bda'",
        expect![[r#""#]],
    );
    options(
        "'on-error' = 'dead-letter', 'dead-letter.table' = 't'",
        expect![[r#""#]],
    );
    options(
        "'on-error' = 'dead-letter', 'dead-letter.table' = 'bad', 'csv.ignore-parse-errors' = 'TRUE'",
        expect![[r#""#]],
    );
    let table = |table: &str, expected: Expect| refused("raw BYTES", table, INSERT, expected);
    table(
        "'connector' = 'filesystem', 'format' = 'parquet', 'path' = 'in', \
         'on-error' = 'dead-letter', 'dead-letter.table' = 'bad'",
        expect![[r#""#]],
    );
    table(
        "'connector' = 'datagen', 'number-of-rows' = '1', 'on-error' = 'dead-letter'",
        expect![[r#""#]],
    );
}

#[test]
fn columns_that_are_refused() {
    let columns = |columns: &str, expected: Expect| {
        let table = format!("{FILES}, 'on-error' = 'dead-letter', 'dead-letter.table' = 'bad'");
        refused(columns, &table, INSERT, expected);
    };
    columns("raw BYTES, reason STRING", expect![[r#""#]]);
    columns("raw BYTES, pat STRING", expect![[r#""#]]);
    columns("raw STRING", expect![[r#""#]]);
}

#[test]
fn statements_that_are_refused() {
    let table = format!("{FILES}, 'on-error' = 'dead-letter', 'dead-letter.table' = 'bad'");
    refused("raw BYTES", &table, "SELECT id FROM t", expect![[r#""#]]);
    refused(
        "raw BYTES",
        &table,
        "SELECT id FROM t /*+ OPTIONS('on-error' = 'fail') */",
        expect![[r#""#]],
    );
    refused(
        "raw BYTES",
        &table,
        "CREATE TABLE ids (id INT) WITH ('connector' = 'datagen', 'number-of-rows' = '1');\n\
         INSERT INTO out SELECT id FROM t /*+ OPTIONS('dead-letter.table' = 'ids') */",
        expect![[r#""#]],
    );
    // Each time that the job begins again it would read the table anew.
    refused(
        "raw BYTES",
        &table,
        "CREATE TABLE ids (id INT) WITH ('connector' = 'datagen');\n\
         INSERT INTO out SELECT t.id FROM ids JOIN t ON ids.id = t.id",
        expect![[r#""#]],
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
    expect![[r#""#]].assert_eq(&job.run());
    // A later statement may.
    let sql = fs::read_to_string(job.path("job.sql")).unwrap();
    let sql = sql.replace(" UNION ALL SELECT line FROM bad", "");
    let job = job.file(
        "job.sql",
        format!("{sql}\nSELECT line, CAST(raw AS STRING) AS raw FROM bad WHERE line > 0;"),
    );
    expect![[r#""#]].assert_eq(&job.run());
}
