//! Generated streams, and what a query over them prints at different sizes of epochs.

use rand::{RngExt, SeedableRng, rngs::SmallRng};

use crate::harness::Folder;

/// A row of the stream: its time is in milliseconds.
#[derive(Debug, Clone)]
pub struct Row {
    pub key: char,
    pub value: i64,
    pub time: i64,
}

/// Every row comes within five seconds of the one with the latest time before it.
pub fn stream(seed: u64, rows: usize) -> Vec<Row> {
    let mut random = SmallRng::seed_from_u64(seed);
    let mut latest = 1_000_000;
    let row = |_| {
        latest += random.random_range(0..400);
        Row {
            key: random.random_range('a'..='c'),
            value: random.random_range(-9..9),
            time: latest - random.random_range(0..5000),
        }
    };
    (0..rows).map(row).collect()
}

/// Files of so many rows each: an epoch has whole files. Then a row long after all of them, which ends
/// their windows, and another that ends that one's.
pub fn files(rows: &[Row], size: usize) -> Folder {
    let line = |row: &Row| format!("{},{},{}\n", row.key, row.value, row.time);
    let mut folder = Folder::new();
    for (place, part) in rows.chunks(size).enumerate() {
        let lines: String = part.iter().map(line).collect();
        folder = folder.with(&format!("in/{place:04}.csv"), &lines);
    }
    folder.with("in/9999.csv", "z,0,100000000\nz,0,200000000\n")
}

pub const STREAM: &str = "CREATE TABLE s (k STRING, v BIGINT, ms BIGINT,
  ts AS TO_TIMESTAMP_MILLIS(ms), WATERMARK FOR ts AS ts - INTERVAL '5' SECOND) WITH (
  'connector' = 'filesystem', 'format' = 'csv', 'path' = 'in', 'source.monitor-interval' = '10 ms');\n";

pub fn insert(columns: &str, query: &str) -> String {
    format!(
        "{STREAM}CREATE TABLE o ({columns}) WITH ('connector' = 'print');\nINSERT INTO o {query};"
    )
}

/// Rows of a file, rows of a batch and of an epoch, partitions.
pub const SIZES: &[(usize, &str, &str)] = &[
    (2, "1", "1"),
    (9, "7", "2"),
    (150, "64", "1"),
    (9999, "8192", "2"),
];

/// What a query over the rows prints, but for the last rows, at a size of epochs.
pub fn printed(
    rows: &[Row],
    sql: &str,
    (size, batch, partitions): (usize, &str, &str),
) -> Vec<String> {
    printed_in(&files(rows, size), sql, batch, partitions)
}

pub fn printed_in(folder: &Folder, sql: &str, rows: &str, partitions: &str) -> Vec<String> {
    // With two partitions all that waits is left to files.
    let memory = if partitions == "2" { "1 kb" } else { "1 gb" };
    let settings = [
        ("taskmanager.memory.managed.size", memory),
        ("job.batch-rows", rows),
        ("job.epoch-rows", rows),
        ("job.epoch-linger", "1 ms"),
        ("parallelism.default", partitions),
    ];
    let (mut lines, report) = folder.run_until(sql, &settings, |text| text.contains("z"));
    assert_eq!(report.late, 0, "nothing is late");
    lines.retain(|line| !line.contains('z'));
    folder.stdout.lock().unwrap().clear();
    lines
}
