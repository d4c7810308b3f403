//! Tables of changes: `upsert-kafka` that is read.

use std::collections::BTreeMap;

use expect_test::expect;
use serde_json::{Value, json};

use super::{Broker, shown, start, wait_for};
use crate::{postgres::server::Database, support::Job};

const COLUMNS: &str =
    "id BIGINT, name STRING NOT NULL, total BIGINT, PRIMARY KEY (id) NOT ENFORCED";

const PARTITIONS: u64 = 3;

/// What a key has at the end.
type Model = BTreeMap<u64, (String, u64)>;

/// Messages that change a few keys many times, and what is left by then. A key stays in its partition.
fn changes(seed: u64, count: u64, model: &mut Model) -> Vec<Value> {
    let mut state = seed;
    let mut next = |below: u64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 33) % below
    };
    let message = |_| {
        let (id, total, is_gone) = (next(200), next(1000), next(4) == 0);
        let name = format!("name {}", next(50));
        let value = match is_gone {
            true => {
                model.remove(&id);
                Value::Null
            }
            false => {
                let value = json!({ "id": id, "name": name, "total": total }).to_string();
                model.insert(id, (name, total));
                value.into()
            }
        };
        let key = json!({ "id": id }).to_string();
        json!({ "key": key, "value": value, "partition": id % PARTITIONS })
    };
    (0..count).map(message).collect()
}

fn with(broker: &Broker, topic: &str, options: &str) -> String {
    let formats = format!("'key.format' = 'json', 'value.format' = 'json'{options}");
    let with = broker.with(topic, &formats);
    with.replace("'kafka'", "'upsert-kafka'")
}

const BOUNDED: &str = ", 'scan.bounded.mode' = 'latest-offset'";

#[test]
fn a_table_that_ends_holds_the_last_row_of_each_key() {
    let broker = Broker::shared();
    let topic = broker.topic(PARTITIONS as u32);
    let mut model = Model::new();
    broker.produce(&topic, &changes(1, 5000, &mut model));
    let job = Job::new(&format!(
        "SET 'job.batch-rows' = '100';
         CREATE TABLE users ({COLUMNS}) {};
         CREATE TABLE out (id BIGINT, name STRING, total BIGINT) WITH (
           'connector' = 'filesystem', 'format' = 'json', 'path' = 'out');
         CREATE TABLE totals (name STRING, users BIGINT, total BIGINT) WITH (
           'connector' = 'filesystem', 'format' = 'json', 'path' = 'totals');
         CREATE TABLE names (name STRING) WITH (
           'connector' = 'filesystem', 'format' = 'json', 'path' = 'names');
         INSERT INTO out SELECT * FROM users;
         INSERT INTO totals SELECT name, COUNT(*), SUM(total) FROM users GROUP BY name;
         INSERT INTO names SELECT name FROM users WHERE total < 500;",
        with(broker, &topic, BOUNDED)
    ));
    let told = job.run();
    assert!(told.starts_with("exit 0\n"), "{told}");
    let sorted = |mut rows: Vec<String>| {
        rows.sort();
        rows
    };
    let all = model
        .iter()
        .map(|(id, (name, total))| json!({ "id": id, "name": name, "total": total }).to_string());
    assert_eq!(shown(&job, "out"), sorted(all.collect()));
    let mut totals: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for (name, total) in model.values() {
        let (users, sum) = totals.entry(name).or_default();
        *users += 1;
        *sum += total;
    }
    let totals = totals.iter().map(|(name, (users, total))| {
        format!(r#"{{"name":"{name}","users":{users},"total":{total}}}"#)
    });
    assert_eq!(shown(&job, "totals"), sorted(totals.collect()));
    let names = model.values().filter(|(_, total)| *total < 500);
    let names = names.map(|(name, _)| json!({ "name": name }).to_string());
    assert_eq!(shown(&job, "names"), sorted(names.collect()));
}

/// What a topic holds in the end: the value of each key.
fn last_values(broker: &Broker, topic: &str) -> BTreeMap<String, String> {
    let mut last = BTreeMap::new();
    for message in broker.messages(topic) {
        let key = message["key"].as_str().unwrap().to_owned();
        match message["value"].as_str() {
            Some(value) => last.insert(key, value.to_owned()),
            None => last.remove(&key),
        };
    }
    last
}

/// Filtered and computed changes reach a topic and a table through kills; a row that no longer passes
/// the filter is gone there too.
#[test]
fn changes_reach_sinks_that_replace_rows() {
    let broker = Broker::shared();
    let (topic, copy) = (broker.topic(PARTITIONS as u32), broker.topic(2));
    let database = Database::new();
    database
        .rows("CREATE TABLE t (id bigint PRIMARY KEY, half double precision, name text NOT NULL)");
    let select =
        "SELECT id, total / CAST(2 AS DOUBLE) AS half, UPPER(name) FROM users WHERE total < 500";
    let key = "PRIMARY KEY (id) NOT ENFORCED";
    let job = Job::new(&format!(
        "SET 'execution.checkpointing.interval' = '20 ms';
         SET 'job.batch-rows' = '300';
         CREATE TABLE users ({COLUMNS}) {};
         CREATE TABLE copy (id BIGINT, half DOUBLE, name STRING NOT NULL, {key}) {};
         CREATE TABLE t (id BIGINT, half DOUBLE, name STRING NOT NULL, {key}) {};
         EXECUTE STATEMENT SET BEGIN
           INSERT INTO copy {select};
           INSERT INTO t {select};
         END;",
        with(broker, &topic, ""),
        with(broker, &copy, ", 'value.fields-include' = 'EXCEPT_KEY'"),
        database.with("t", ", 'sink.delivery-guarantee' = 'exactly-once'")
    ));
    let mut model = Model::new();
    let mut child = start(&job);
    for round in 0..6 {
        broker.produce(&topic, &changes(round, 3000, &mut model));
        // What it has written by now differs from run to run.
        std::thread::sleep(std::time::Duration::from_millis(100 * round));
        child.kill();
        child = start(&job);
    }
    let passing = || model.iter().filter(|(_, (_, total))| *total < 500);
    let half = |total: u64| total as f64 / 2.0;
    let rows = passing()
        .map(|(id, (name, total))| format!("{id}|{}|{}\n", half(*total), name.to_uppercase()));
    let rows: String = rows.collect();
    wait_for(
        || database.rows("SELECT id, half, name FROM t ORDER BY id"),
        |found| *found == rows,
    );
    let values = passing().map(|(id, (name, total))| {
        let value = format!(
            r#"{{"half":{:?},"name":"{}"}}"#,
            half(*total),
            name.to_uppercase()
        );
        (json!({ "id": id }).to_string(), value)
    });
    let values: BTreeMap<_, _> = values.collect();
    wait_for(|| last_values(broker, &copy), |found| *found == values);
    assert!(child.stop().status.success());
}

/// A table that is joined is read again as it changes.
#[test]
fn a_joined_table_changes() {
    let broker = Broker::shared();
    let (users, clicks) = (broker.topic(1), broker.topic(1));
    let user = |name: Value| json!({ "key": "{\"id\":7}", "value": name });
    let named = |name: &str| {
        user(
            json!({ "id": 7, "name": name, "total": 1 })
                .to_string()
                .into(),
        )
    };
    broker.produce(&users, &[named("Ann"), named("Bob")]);
    let reload = ", 'lookup.cache' = 'FULL', \
                  'lookup.full-cache.periodic-reload.interval' = '20 ms'";
    let job = Job::new(&format!(
        "SET 'execution.checkpointing.interval' = '20 ms';
         CREATE TABLE users ({COLUMNS}) {};
         CREATE TABLE clicks (id BIGINT, proctime AS PROCTIME()) {};
         CREATE TABLE out (id BIGINT, name STRING) WITH (
           'connector' = 'filesystem', 'format' = 'json', 'path' = 'out');
         INSERT INTO out SELECT c.id, u.name FROM clicks AS c
           LEFT JOIN users FOR SYSTEM_TIME AS OF c.proctime AS u ON u.id = c.id;",
        with(broker, &users, &format!("{BOUNDED}{reload}")),
        broker.with(&clicks, super::EARLIEST)
    ));
    let child = start(&job);
    let click = || broker.send(&clicks, 0, &["{\"id\":7}"]);
    let sees = |wanted: &str| {
        wait_for(
            || {
                click();
                shown(&job, "out")
            },
            |rows| rows.iter().any(|row| row == wanted),
        )
    };
    sees(r#"{"id":7,"name":"Bob"}"#);
    broker.produce(&users, &[named("Cid")]);
    sees(r#"{"id":7,"name":"Cid"}"#);
    broker.produce(&users, &[user(Value::Null)]);
    let rows = sees(r#"{"id":7,"name":null}"#);
    assert!(!rows.iter().any(|row| row.contains("Ann")), "{rows:?}");
    assert!(child.stop().status.success());
}

/// A function's broadcast table of changes has the last row of each key, also after a kill.
#[test]
fn a_broadcast_table_of_changes() {
    let broker = Broker::shared();
    let (limits, amounts) = (broker.topic(1), broker.topic(1));
    let limit = |name: &str, most: Option<u64>| {
        let value = most.map(|most| json!({ "name": name, "most": most }).to_string());
        json!({ "key": json!({ "name": name }).to_string(), "value": value })
    };
    let first = [("x", 1 << 40), ("y", 0), ("z", 0), ("x", 5)];
    let first = first.map(|(name, most)| limit(name, Some(most)));
    broker.produce(&limits, &first);
    let job = Job::new(&format!(
        "SET 'execution.checkpointing.interval' = '20 ms';
         CREATE FUNCTION above AS 'conformance.wasm#broadcast_limit' LANGUAGE WASM;
         CREATE TABLE limits (name STRING, most BIGINT, PRIMARY KEY (name) NOT ENFORCED) {};
         CREATE TABLE amounts (k STRING, name STRING, `value` BIGINT) {};
         CREATE TABLE out (name STRING, `value` BIGINT, number BIGINT) WITH (
           'connector' = 'filesystem', 'format' = 'json', 'path' = 'out');
         INSERT INTO out SELECT name, `value`, number FROM
           above(input => TABLE amounts PARTITION BY k, broadcast => TABLE limits);",
        with(broker, &limits, ""),
        broker.with(&amounts, super::EARLIEST)
    ))
    .plugin("conformance");
    let mut number = 10;
    // Which of x and y are above their limits, z behind them being so. A row that comes before the
    // limits are there gives nothing.
    let mut above = || {
        number += 1;
        let row = |name| json!({ "k": "a", "name": name, "value": number }).to_string();
        let rows = ["x", "y", "z"].map(row);
        broker.send(&amounts, 0, &rows.each_ref().map(String::as_str));
        for _ in 0..100 {
            let rows = shown(&job, "out");
            let is_shown = |name: &&str| {
                let row = format!(r#"{{"name":"{name}","value":{number},"#);
                rows.iter().any(|shown| shown.starts_with(&row))
            };
            if is_shown(&"z") {
                return ["x", "y"].into_iter().filter(is_shown).collect();
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        String::new()
    };
    let child = start(&job);
    wait_for(&mut above, |names| names == "xy");
    broker.produce(&limits, &[limit("y", None)]);
    wait_for(&mut above, |names| names == "x");
    child.kill();
    let child = start(&job);
    wait_for(&mut above, |names| !names.is_empty());
    assert_eq!(above(), "x");
    broker.produce(&limits, &[limit("y", Some(0)), limit("x", Some(1 << 40))]);
    wait_for(&mut above, |names| names == "y");
    assert!(child.stop().status.success());
}

#[test]
fn what_cannot_be_done_with_changes() {
    let broker = Broker::shared();
    let topic = broker.topic(1);
    broker.produce(&topic, &[json!({ "key": "{\"id\":7}", "value": null })]);
    let mut told = String::new();
    for (sink, query) in [
        ("'connector' = 'print'", "SELECT id, name FROM users"),
        (
            "'connector' = 'print'",
            "SELECT id, name FROM users LIMIT 1",
        ),
        ("upsert", "SELECT MIN(id), name FROM users GROUP BY name"),
        ("upsert", "SELECT total, name FROM users"),
        (
            "upsert",
            "SELECT total, name FROM users UNION ALL SELECT id, name FROM users",
        ),
        (
            "upsert",
            "SELECT a.id, b.name FROM users AS a JOIN users AS b ON a.id = b.total",
        ),
    ] {
        let sink = match sink {
            "upsert" => with(broker, &topic, ""),
            sink => format!("WITH ({sink})"),
        };
        let job = Job::new(&format!(
            "CREATE TABLE users ({COLUMNS}) {};
CREATE TABLE out (id BIGINT, name STRING, PRIMARY KEY (id) NOT ENFORCED) {sink};
INSERT INTO out {query};",
            with(broker, &topic, "")
        ));
        told += &format!("{query}\n{}\n", broker.hide(&job.run(), &topic));
    }
    expect![[r#"
        SELECT id, name FROM users
        exit 2
        error: the query into 'out' is over tables without end and has a table of changes without end, for which they would have to end
         --> job.sql:3:1
          |
        3 | INSERT INTO out SELECT id, name FROM users;
          | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

        hint: give the sink the same PRIMARY KEY (…) NOT ENFORCED, and a connector that replaces rows: 'upsert-kafka' or 'postgres'; or let the table end with 'scan.bounded.mode' = 'latest-offset'

        SELECT id, name FROM users LIMIT 1
        exit 2
        error: this query needs all rows of a table that never ends, so it would never give a result: it has a table of changes
         --> job.sql:3:1
          |
        3 | INSERT INTO out SELECT id, name FROM users LIMIT 1;
          | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

        hint: over an unbounded table write projections and filters; a datagen table ends with 'number-of-rows'

        SELECT MIN(id), name FROM users GROUP BY name
        exit 2
        error: the query into 'out' is over tables without end and has an aggregation of a table of changes without end, for which they would have to end
         --> job.sql:3:1
          |
        3 | INSERT INTO out SELECT MIN(id), name FROM users GROUP BY name;
          | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

        hint: give the sink the same PRIMARY KEY (…) NOT ENFORCED, and a connector that replaces rows: 'upsert-kafka' or 'postgres'; or let the table end with 'scan.bounded.mode' = 'latest-offset'

        SELECT total, name FROM users
        exit 2
        error: the query into 'out' is over tables without end and has a table of changes whose PRIMARY KEY is left out, for which they would have to end
         --> job.sql:3:1
          |
        3 | INSERT INTO out SELECT total, name FROM users;
          | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

        hint: select these columns as they are, with nothing above them but other columns of the row

        SELECT total, name FROM users UNION ALL SELECT id, name FROM users
        exit 2
        error: the query into 'out' is over tables without end and has a table of changes whose PRIMARY KEY is left out, for which they would have to end
         --> job.sql:3:1
          |
        3 | INSERT INTO out SELECT total, name FROM users UNION ALL SELECT id, name FROM users;
          | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

        hint: select these columns as they are, with nothing above them but other columns of the row

        SELECT a.id, b.name FROM users AS a JOIN users AS b ON a.id = b.total
        exit 2
        error: the query into 'out' is over tables without end and has a join of two tables without end, for which they would have to end
         --> job.sql:3:1
          |
        3 | INSERT INTO out SELECT a.id, b.name FROM users AS a JOIN users AS b ON a.id = b.total;
          | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

        hint: bound the times of both, which must have a WATERMARK: … ON a.id = b.id AND b.ts BETWEEN a.ts - INTERVAL '5' MINUTE AND a.ts + INTERVAL '1' MINUTE; or join windows of both, ON a.id = b.id AND a.window_end = b.window_end

    "#]].assert_eq(&told);
}

#[test]
fn messages_that_are_no_changes() {
    let broker = Broker::shared();
    let topic = broker.topic(1);
    let value = json!({ "id": 1, "name": "Ann", "total": 1 }).to_string();
    broker.produce(
        &topic,
        &[
            json!({ "key": "{\"id\":1}", "value": value }),
            json!({ "value": value }),
            json!({ "key": "{\"id\":2}", "value": "{\"name\":null}" }),
            json!({ "key": "{\"id\":", "value": null }),
            json!({ "key": "{\"id\":1}", "value": "nothing" }),
        ],
    );
    let job = Job::new(&format!(
        "CREATE TABLE users ({COLUMNS}) {};
         CREATE TABLE letters (`offset` BIGINT, error STRING) WITH ('connector' = 'filesystem', 'format' = 'csv', 'path' = 'letters');
         CREATE TABLE out (id BIGINT, name STRING, total BIGINT) WITH ('connector' = 'print');
         INSERT INTO out SELECT * FROM users;",
        with(
            broker,
            &topic,
            &format!("{BOUNDED}, 'on-error' = 'dead-letter', 'dead-letter.table' = 'letters'")
        )
    ));
    let told = broker.hide(&job.run(), &topic);
    let letters = broker.hide(&shown(&job, "letters").join("\n"), &topic);
    expect![[r#"
        exit 0
        +I[1, Ann, 1]
        out: 1 row
        4 bad records in the dead-letter table letters

        1,"topic '[TOPIC]', partition 0, offset 1: column id is NOT NULL, but has no value"
        2,"topic '[TOPIC]', partition 0, offset 2, field name: the field is NULL, but declared NOT NULL"
        3,"topic '[TOPIC]', partition 0, offset 3, key, column 6: not a JSON object: EOF while parsing a value"
        4,"topic '[TOPIC]', partition 0, offset 4, column 2: not a JSON object: expected ident""#]].assert_eq(&format!("{told}\n{letters}"));
}

#[test]
fn a_table_of_changes_has_a_primary_key() {
    let broker = Broker::shared();
    let job = Job::new(&format!(
        "CREATE TABLE users (id BIGINT) {};
CREATE TABLE out WITH ('connector' = 'print') AS SELECT * FROM users;",
        with(broker, "users", "")
    ));
    expect![[r#"
        exit 2
        error: table users: the connector 'upsert-kafka' needs a PRIMARY KEY
         --> job.sql:1:14
          |
        1 | CREATE TABLE users (id BIGINT) WITH ('connector' = 'upsert-kafka', 'topic' = 'users', 'properties.bo…
          |              ^^^^^

        hint: for example PRIMARY KEY (id) NOT ENFORCED
    "#]].assert_eq(&job.run());
}
