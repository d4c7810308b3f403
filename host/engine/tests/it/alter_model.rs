//! ALTER MODEL while a job runs with the model.

use std::{sync::Arc, time::Duration};

use expect_test::expect;
use wasmill_engine::{EngineError, JobObserver, Session};

use crate::harness::Folder;

/// Gives one number.
fn tree(value: &str) -> String {
    format!(
        "tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\nlabel_index=0\n\
         max_feature_idx=0\nobjective=regression\nfeature_names=x\nfeature_infos=[0:1]\n\n\
         Tree=0\nnum_leaves=1\nnum_cat=0\nleaf_value={value}\n\nend of trees\n"
    )
}

const JOB: &str = "CREATE TABLE clicks (x DOUBLE) WITH (
  'connector' = 'filesystem', 'format' = 'csv', 'path' = 'in', 'source.monitor-interval' = '10 ms');
CREATE TABLE scores (x DOUBLE, score DOUBLE) WITH ('connector' = 'print');
CREATE MODEL churn INPUT (x DOUBLE) OUTPUT (score DOUBLE)
  WITH ('provider' = 'lightgbm', 'path' = 'one.txt');
INSERT INTO scores SELECT * FROM ML_PREDICT(TABLE clicks, MODEL churn, DESCRIPTOR(x));";

async fn alter(session: &Session, sql: &str) -> Result<(), EngineError> {
    session.plan("alter.sql", sql).await.map(drop)
}

#[test]
fn a_running_job_goes_on_with_what_the_model_is_now() {
    let folder = Folder::new()
        .with("one.txt", &tree("10"))
        .with("two.txt", &tree("20"))
        .with("bad.txt", "")
        .with("in/1.csv", "1\n");
    let printed = || String::from_utf8(folder.stdout.lock().unwrap().clone()).unwrap();
    let prints = async |line: &str| {
        while !printed().contains(line) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let session = folder.session(&[]);
        let observer = Arc::new(JobObserver::new());
        let job = async {
            for statement in session.plan("job.sql", JOB).await.unwrap() {
                session.run(statement, &observer).await.unwrap();
            }
        };
        let others = async {
            prints("+I[1.0, 10.0]").await;
            let bad = alter(&session, "ALTER MODEL churn SET ('path' = 'bad.txt');").await;
            let bad = bad.unwrap_err().to_string();
            let bad = bad.replace(&folder.path().display().to_string(), "FOLDER");
            expect![[r#"
                model 'churn': FOLDER/bad.txt: this is not a LightGBM text model
                 --> alter.sql:1:13
                  |
                1 | ALTER MODEL churn SET ('path' = 'bad.txt');
                  |             ^^^^^"#]]
            .assert_eq(&bad);
            folder.put("in/2.csv", "2\n");
            prints("+I[2.0, 10.0]").await;
            alter(&session, "ALTER MODEL churn SET ('path' = 'two.txt');")
                .await
                .unwrap();
            prints("serves from here on").await;
            folder.put("in/3.csv", "3\n");
            prints("+I[3.0, 20.0]").await;
            observer.cancel();
        };
        let both = async { tokio::join!(job, others) };
        let waited = tokio::time::timeout(Duration::from_secs(60), both).await;
        assert!(waited.is_ok(), "{}", printed());
        // What comes after the job is not what it ran with before.
        alter(&session, "ALTER MODEL churn SET ('path' = 'one.txt');")
            .await
            .unwrap();
    });
}
