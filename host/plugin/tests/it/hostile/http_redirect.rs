//! What `plugins/hostile/http-redirect` tries, and what comes of it.

use expect_test::expect;
use wasmill_plugin::Authority;

use super::{attacker, numbers, options};
use crate::support::rendered;
use crate::web::Server;

/// The host follows no redirect, and a guest that does is checked again.
#[test]
pub fn is_stopped() {
    let forbidden = Server::start("/");
    let granted = Server::start(&format!("http://127.0.0.1:{}/there", forbidden.port));
    let authority = format!("127.0.0.1:{}", granted.port);
    let mut options = options("http-redirect", &authority);
    options.grants.http = vec![Authority::parse(&authority).unwrap()];
    let function = attacker("http-redirect").open("attack", options).unwrap();
    let error = rendered(&function.call(&[numbers(3)], 3).unwrap_err());
    let error = error.replace(&forbidden.port.to_string(), "FORBIDDEN");
    expect![[r#"
        error: function attack (http-redirect.wasm#attack) failed: 302 to http://127.0.0.1:FORBIDDEN/there: ErrorCode::HttpRequestDenied
          its last log lines:
            warn: refused a request to 127.0.0.1:FORBIDDEN: 'grant.http' does not name it"#]].assert_eq(&error);
    assert_eq!((granted.asked(), forbidden.asked()), (1, 0));
}
