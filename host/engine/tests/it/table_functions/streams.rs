//! Table functions over tables without end.

use expect_test::expect;

use super::{FUNCTIONS, folder, with_plugin};
use crate::{
    stream::{SIZES, files, printed_in, stream},
    windows::{aggregate, by_definition},
};

const VIEW: &str = "CREATE VIEW twice AS
  SELECT ts, v, w.word AS k FROM s, LATERAL TABLE(words(k || ' ' || k)) AS w(word, place);\n";

/// Time attributes go through a call, and windows over it have all of its rows.
#[test]
fn windows_over_a_call_are_the_same_at_any_size_of_epochs() {
    let windows = (900..1300).step_by(10).map(|start| (start, start + 10));
    let sql = aggregate("TUMBLE(TABLE twice, DESCRIPTOR(ts), INTERVAL '10' SECONDS)");
    let (tables, sink) = sql.split_once("CREATE TABLE o").unwrap();
    let sql = format!("{FUNCTIONS}{tables}{VIEW}CREATE TABLE o{sink}");
    for (seed, &(size, batch, partitions)) in (0..).zip(SIZES) {
        let rows = stream(seed, 1000);
        let folder = ["words", "text-features"]
            .into_iter()
            .fold(files(&rows, size), with_plugin);
        let doubled: Vec<_> = rows
            .iter()
            .flat_map(|row| [row.clone(), row.clone()])
            .collect();
        let expected = by_definition(&doubled, windows.clone());
        assert!(expected.len() > 20, "the stream fills windows");
        let printed = printed_in(&folder, &sql, batch, partitions);
        assert_eq!(printed, expected, "{size}");
    }
}

/// What is printed of a topic that goes on.
#[test]
fn a_job_without_end_gives_rows_as_they_come() {
    let sql = format!(
        "{FUNCTIONS}CREATE TABLE s (id INT, text STRING) WITH (
           'connector' = 'filesystem', 'format' = 'csv', 'path' = 'in',
           'source.monitor-interval' = '10 ms');
         CREATE TABLE o (id INT, word STRING, ngram STRING) WITH ('connector' = 'print');
         INSERT INTO o SELECT id, word, ngram FROM s
           LEFT JOIN LATERAL TABLE(ngrams(text)) AS n(ngram, p) ON TRUE,
           LATERAL TABLE(words('a b')) WHERE id > 0;"
    );
    let folder = folder().with("in/a.csv", "1,to be or\n0,no\n2,end\n");
    let (lines, _) = folder.run_until(&sql, &[], |text| text.matches("[2").count() == 2);
    expect![[r#"
        +I[1, a, be or]
        +I[1, a, to be]
        +I[1, b, be or]
        +I[1, b, to be]
        +I[2, a, null]
        +I[2, b, null]"#]]
    .assert_eq(&lines.join("\n"));
}
