//! What `plugins/hostile/stdout-flood` tries, and what comes of it.

use expect_test::expect;

use super::attacked;

#[test]
pub fn is_stopped() {
    expect![[r#"
        error: function attack (stdout-flood.wasm#attack) ran over its time limit of 200 ms in `batch-eval`
          its last log lines:
            info: once \x1b[31mmore
            info: once \x1b[31mmore
            info: once \x1b[31mmore
            info: once \x1b[31mmore
            info: once \x1b[31mmore
            info: once \x1b[31mmore
            info: once \x1b[31mmore
            info: once \x1b[31mmore
            (what it logged after that was dropped)

        hint: a longer limit can be given with 'limit.time' in the function's WITH"#]].assert_eq(&attacked("stdout-flood", "attack", "lines"));
    expect![[r#"
        error: function attack (stdout-flood.wasm#attack) failed: it has written
          its last log lines:
            info: 
            info: 
            warn: �� half a line, and é\x0d\u{202e} the rest"#]]
    .assert_eq(&attacked("stdout-flood", "attack", "bytes"));
}

/// One line without an end is cut like any other.
#[test]
fn of_one_line_is_stopped() {
    let error = attacked("stdout-flood", "attack", "line");
    expect![[r#"
        error: function attack (stdout-flood.wasm#attack) ran over its time limit of 200 ms in `batch-eval`
          its last log lines:
            warn: 4096 a…

        hint: a longer limit can be given with 'limit.time' in the function's WITH"#]].assert_eq(&error.replace(&"a".repeat(4096), "4096 a"));
}
