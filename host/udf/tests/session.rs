//! WASM functions in a plain DataFusion session, beside DataFusion's own evaluation.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::{
    path::PathBuf,
    sync::{Arc, atomic::Ordering},
};

use arrow::util::pretty::pretty_format_batches;
use datafusion::{
    error::DataFusionError,
    prelude::{SessionConfig, SessionContext},
};
use expect_test::expect;
use tokio_util::sync::CancellationToken;
use wasmill_plugin::{Host, HostConfig, Plugin};
use wasmill_udf::{FunctionOptions, OnError, Stop, UdfError, scalar_udf};

fn plugin(name: &str) -> Arc<Plugin> {
    let file = PathBuf::from("../../target/plugins").join(format!("{name}.wasm"));
    assert!(
        file.exists(),
        "{} is missing: run cargo xtask plugins",
        file.display()
    );
    let host = Host::new(HostConfig::default()).unwrap();
    host.load(name, &file).unwrap()
}

fn session() -> SessionContext {
    let context = SessionContext::new();
    let bench = plugin("bench-functions");
    for name in ["axpb", "gcd", "noop"] {
        let function = scalar_udf(Arc::clone(&bench), name, FunctionOptions::named(name));
        context.register_udf(function.unwrap());
    }
    let features = plugin("text-features");
    let function = scalar_udf(
        features,
        "text_features",
        FunctionOptions::named("text_features"),
    );
    context.register_udf(function.unwrap());
    context
}

async fn rows(sql: &str) -> Result<String, DataFusionError> {
    let batches = session().sql(sql).await?.collect().await?;
    Ok(pretty_format_batches(&batches)?.to_string())
}

#[tokio::test]
async fn equals_datafusions_own_evaluation() {
    let sql = "SELECT COUNT(*) AS rows,
            SUM(CASE WHEN axpb(x) = 2.5 * x + 1.25 THEN 1 ELSE 0 END) AS lines,
            SUM(CASE WHEN gcd(a, b) = df_gcd THEN 1 ELSE 0 END) AS divisors
        FROM (SELECT CAST(value AS DOUBLE) / 7 AS x, CAST(value AS INT) AS a,
                     CAST(value * 31 % 1009 AS INT) AS b, gcd(value, value * 31 % 1009) AS df_gcd
              FROM generate_series(1, 20000))";
    // DataFusion has a gcd of its own; ours goes by another name here.
    let context = SessionContext::new();
    let bench = plugin("bench-functions");
    for name in ["axpb", "gcd"] {
        let sql_name = if name == "gcd" { "wasm_gcd" } else { name };
        let options = FunctionOptions::named(sql_name);
        context.register_udf(scalar_udf(Arc::clone(&bench), name, options).unwrap());
    }
    let sql = sql.replace("gcd(a, b)", "wasm_gcd(a, b)");
    let batches = context.sql(&sql).await.unwrap().collect().await.unwrap();
    expect![[r#"
        +-------+-------+----------+
        | rows  | lines | divisors |
        +-------+-------+----------+
        | 20000 | 20000 | 20000    |
        +-------+-------+----------+"#]]
    .assert_eq(&pretty_format_batches(&batches).unwrap().to_string());
}

#[tokio::test]
async fn nulls_literals_and_casts() {
    let sql =
        "SELECT axpb(x) AS y, gcd(12, 18) AS literals, gcd(CAST(12 AS SMALLINT), 18) AS casts,
                  axpb(NULL) AS nothing, noop(x) AS same
        FROM (VALUES (1), (NULL), (3)) AS t (x) ORDER BY x";
    expect![[r#"
        +------+----------+-------+---------+------+
        | y    | literals | casts | nothing | same |
        +------+----------+-------+---------+------+
        | 3.75 | 6        | 6     |         | 1    |
        | 8.75 | 6        | 6     |         | 3    |
        |      | 6        | 6     |         |      |
        +------+----------+-------+---------+------+"#]]
    .assert_eq(&rows(sql).await.unwrap());
}

#[tokio::test]
async fn strings_in_lists_out() {
    let sql =
        "SELECT text, array_length(text_features(text)) AS n, text_features(text)[1] AS characters
        FROM (VALUES ('Grüße, 7 WORLDS!'), (''), (NULL)) AS t (text)";
    expect![[r#"
        +------------------+---+------------+
        | text             | n | characters |
        +------------------+---+------------+
        | Grüße, 7 WORLDS! | 8 | 16.0       |
        |                  | 8 | 0.0        |
        |                  |   |            |
        +------------------+---+------------+"#]]
    .assert_eq(&rows(sql).await.unwrap());
}

#[tokio::test]
async fn a_wrong_call_is_an_error_of_its_own_type() {
    let error = rows("SELECT axpb('one')").await.unwrap_err();
    let DataFusionError::External(error) = error.find_root() else {
        panic!("{error}");
    };
    let error: &UdfError = error.downcast_ref().unwrap();
    expect!["axpb: argument 1 (x) is Float64, the call passes Utf8"].assert_eq(&error.to_string());
}

/// `poison` hands back its argument, but for the number 13.
async fn poisoned(kind: &str, on_error: OnError) -> Result<(String, u64), DataFusionError> {
    let mut options = FunctionOptions::named("poison");
    options.on_error = on_error;
    options
        .parameters
        .insert("attack".to_owned(), format!("{kind} 13"));
    let failed = Arc::clone(&options.failed);
    let context = SessionContext::new();
    context.register_udf(scalar_udf(plugin("hostile/poison"), "poison", options).unwrap());
    let query = "SELECT x, poison(x) AS y FROM (VALUES (12), (13), (NULL), (13), (14)) AS t(x)";
    let rows = context.sql(query).await?.collect().await?;
    let shown = pretty_format_batches(&rows)?.to_string();
    Ok((shown, failed.load(Ordering::Relaxed)))
}

#[tokio::test]
async fn null_where_a_function_fails() {
    for kind in ["rows", "failed", "trap"] {
        let (shown, failed) = poisoned(kind, OnError::Null).await.unwrap();
        expect![[r#"
            +----+----+
            | x  | y  |
            +----+----+
            | 12 | 12 |
            | 13 |    |
            |    |    |
            | 13 |    |
            | 14 | 14 |
            +----+----+"#]]
        .assert_eq(&shown);
        assert_eq!(failed, 2);
    }
}

/// Who cannot leave rows out fails on them.
#[tokio::test]
async fn rows_that_nobody_leaves_out() {
    let error = poisoned("rows", OnError::DeadLetter).await.unwrap_err();
    let DataFusionError::External(error) = error.find_root() else {
        panic!("{error}");
    };
    let error = error.downcast_ref::<UdfError>().unwrap();
    assert!(matches!(error, UdfError::Rows { function, .. } if function == "poison"));
    assert_eq!(
        error.to_string(),
        "function poison (hostile/poison#poison) failed on 2 of 5 rows: row 1: 13 is poison; row 3: \
         13 is poison"
    );
}

/// Not even NULL comes of a query that was stopped.
#[tokio::test]
async fn a_query_that_is_stopped_calls_no_function() {
    for on_error in [OnError::Fail, OnError::Null, OnError::DeadLetter] {
        let mut options = FunctionOptions::named("poison");
        options.on_error = on_error;
        options
            .parameters
            .insert("attack".to_owned(), "rows 13".to_owned());
        let stop = Stop::default();
        let mut config = SessionConfig::new();
        config.options_mut().extensions.insert(stop.clone());
        let context = SessionContext::new_with_config(config);
        context.register_udf(scalar_udf(plugin("hostile/poison"), "poison", options).unwrap());
        let query = "SELECT poison(x) AS y FROM (VALUES (12), (14)) AS t(x)";
        let cancellation = CancellationToken::new();
        stop.follow(cancellation.clone());
        let rows = context.sql(query).await.unwrap().collect().await.unwrap();
        assert_eq!(rows.iter().map(|batch| batch.num_rows()).sum::<usize>(), 2);

        let frame = context.sql(query).await.unwrap();
        cancellation.cancel();
        let error = frame.collect().await.unwrap_err();
        let DataFusionError::External(error) = error.find_root() else {
            panic!("{error}");
        };
        let error = error.downcast_ref::<UdfError>().unwrap();
        expect!["function poison was not called: its query was stopped"]
            .assert_eq(&error.to_string());
    }
}
