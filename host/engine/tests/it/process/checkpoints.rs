//! State and timers in checkpoints.

use expect_test::expect;

use super::{FUNCTIONS, folder};

/// A job that goes on has what the one before had left, in any number of partitions.
#[test]
fn state_and_timers_go_on() {
    let sql = format!(
        "{FUNCTIONS}SET 'execution.checkpointing.interval' = '10 s';
         SET 'pipeline.name' = 'kept';
         CREATE TABLE s (k STRING, name STRING, at BIGINT, clock STRING,
           ts AS TO_TIMESTAMP_LTZ(at, 3), WATERMARK FOR ts AS ts) WITH (
           'connector' = 'filesystem', 'format' = 'csv', 'path' = 'in',
           'source.monitor-interval' = '10 ms');
         CREATE TABLE o (k STRING, name STRING, at BIGINT, fired BIGINT) WITH ('connector' = 'print');
         INSERT INTO o SELECT k, name, at, fired FROM echo(
           input => TABLE s PARTITION BY k, on_time => DESCRIPTOR(ts));"
    );
    let folder = folder().with(
        "in/a.csv",
        "a,one,1000,event\nb,one,1500,event\na,two,9000,event\nb,three,7000,event\n",
    );
    // The rows' own times are the watermark, so the first timers have fired.
    let run = |partitions: &str, rows: usize| {
        folder.stdout.lock().unwrap().clear();
        let settings = [("parallelism.default", partitions)];
        let (lines, _) =
            folder.run_until(&sql, &settings, |text| text.matches("+I").count() == rows);
        let lines: Vec<_> = lines
            .iter()
            .filter(|line| line.starts_with('+'))
            .cloned()
            .collect();
        lines.join("\n")
    };
    let first = run("1", 4);
    expect![[r#"
        +I[a, one, 1000, 1]
        +I[a, two, 9000, 2]
        +I[b, one, 1500, 1]
        +I[b, three, 7000, 2]"#]]
    .assert_eq(&first);
    folder.put("in/b.csv", "a,late,9500,event\nb,late,9600,event\n");
    expect![[r#"
        +I[a, late, 9500, 3]
        +I[b, late, 9600, 3]"#]]
    .assert_eq(&run("3", 2));
}
