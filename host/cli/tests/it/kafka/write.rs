//! Topics that are written.

use expect_test::expect;

use super::Broker;
use crate::support::Job;

#[test]
fn rows_are_messages() {
    let broker = Broker::shared();
    let topic = broker.topic(1);
    let job = Job::new(&format!(
        "CREATE TABLE topic (id BIGINT, name STRING) {};
         INSERT INTO topic VALUES (1, 'one'), (2, NULL);",
        broker.with(&topic, "'format' = 'json'")
    ));
    expect![[r#"
        exit 0
        topic: 2 rows
    "#]]
    .assert_eq(&job.run());
    assert_eq!(
        broker.values(&topic),
        [r#"{"id":1,"name":"one"}"#, r#"{"id":2,"name":null}"#]
    );
}
