//! Aggregate functions of plugins; the components are built by `cargo xtask plugins`.

mod refused;
mod rows;
mod streams;

use std::path::Path;

use crate::harness::Folder;

/// What the functions of `statistics.wasm` are called.
const FUNCTIONS: &str = "CREATE FUNCTION wmean AS 'statistics.wasm#weighted_mean' LANGUAGE WASM;
CREATE FUNCTION gmean AS 'statistics.wasm#geometric_mean' LANGUAGE WASM;
CREATE FUNCTION longest AS 'statistics.wasm#longest' LANGUAGE WASM;
CREATE FUNCTION above AS 'statistics.wasm#share_above' LANGUAGE WASM WITH ('limit' = '50');\n";

/// A table of numbers.
const NUMBERS: &str = "CREATE TABLE t (id INT, k INT, v DOUBLE, w DOUBLE, s STRING) WITH (
  'connector' = 'filesystem', 'format' = 'csv', 'path' = 't.csv', 'csv.null-literal' = '-');\n";

/// A folder with the plugin and the table.
fn folder() -> Folder {
    let few = "1,1,1,1,a\n2,1,60,3,abc\n3,2,-,5,ab\n4,2,80,1,-\n5,3,-,-,-\n";
    with_plugin(Folder::new().with("t.csv", few))
}

fn with_plugin(folder: Folder) -> Folder {
    let plugins = "../../target/plugins";
    let file = Path::new(plugins).join("statistics.wasm");
    std::fs::copy(&file, folder.path().join("statistics.wasm"))
        .expect("the plugins are missing: run cargo xtask plugins");
    folder
}

fn run(sql: &str) -> String {
    let output = folder().run(&format!("{FUNCTIONS}{NUMBERS}{sql}"));
    output.unwrap_or_else(|error| panic!("{error}\n{:?}", error.hint()))
}
