//! What `plugins/hostile/table-bomb` tries, and what comes of it.

use expect_test::expect;
use wasmill_plugin::{Host, HostConfig, Limits};

use super::{edited_bytes, exported_function};
use crate::support::rendered;

/// The attacker with a table that has no maximum, and that its start function grows.
#[test]
pub fn is_stopped() {
    let bytes = edited_bytes("table-bomb", |text| {
        let grow = exported_function(text, "grow_table");
        let export = format!("(export \"grow_table\" (func {grow}))");
        let bomb = "(func $grow
              (loop $again
                (br_if $again
                  (i32.ne (table.grow 0 (ref.null func) (i32.const 1000)) (i32.const -1))))
              unreachable)
            (start $grow)";
        let (before, table) = text.split_once("(table (;0;) ").unwrap();
        let (size, after) = table.split_once(" funcref)").unwrap();
        let (least, _) = size.split_once(' ').unwrap();
        format!("{before}(table (;0;) {least} funcref){after}")
            .replace(&export, &format!("{export} {bomb}"))
    });
    // Room for its memory, and for a few thousand elements of a table.
    let host = Host::new(HostConfig {
        default_limits: Limits {
            memory: (18 << 16) + (64 << 10),
            ..Limits::default()
        },
        ..HostConfig::default()
    });
    let error = host
        .unwrap()
        .load_bytes("table-bomb.wasm", &bytes)
        .unwrap_err();
    expect![[r#"
        error: `table-bomb.wasm` ran over its memory limit of 1.1 MiB in `functions`: it wanted 1.1 MiB

        hint: this is a defect of the plugin: tell its author"#]].assert_eq(&rendered(&error));
}
