//! What `plugins/hostile/http-flood` tries, and what comes of it.

use std::time::Duration;

use expect_test::{Expect, expect};
use wasmill_plugin::Authority;

use super::{attacker, numbers, options};
use crate::support::rendered;
use crate::web::Server;

fn check(attack: &str, wall_time: Duration, expected: Expect) {
    let server = Server::start("/");
    let authority = format!("127.0.0.1:{}", server.port);
    let mut options = options("http-flood", &format!("{attack} {authority}"));
    options.grants.http = vec![Authority::parse(&authority).unwrap()];
    options.limits.wall_time = wall_time;
    options.limits.result_bytes = 4 << 20;
    let function = attacker("http-flood").open("attack", options).unwrap();
    let error = rendered(&function.call(&[numbers(3)], 3).unwrap_err());
    expected.assert_eq(&error.replace(&server.port.to_string(), "PORT"));
}

#[test]
pub fn is_stopped() {
    let long = Duration::from_secs(60);
    check(
        "read",
        long,
        expect![[r#"
        error: function attack (http-flood.wasm#attack) ran over its limit of 4 MiB of responses in `batch-eval`: it has read more

        hint: a higher limit can be given with 'limit.result-bytes' in the function's WITH"#]],
    );
    check(
        "many",
        long,
        expect![[r#"
        error: function attack (http-flood.wasm#attack) failed: 16 requests, then ErrorCode::ConnectionLimitReached
          its last log lines:
            warn: refused a request to 127.0.0.1:PORT: 16 are under way"#]],
    );
    check(
        "wait",
        Duration::from_millis(500),
        expect![[r#"
        error: function attack (http-flood.wasm#attack) ran over its wall-time limit of 500 ms in `batch-eval`

        hint: a longer limit can be given with 'limit.wall-time' in the function's WITH"#]],
    );
}
