//! Process functions of plugins in FROM; the components are built by `cargo xtask plugins`.

mod checkpoints;
mod errors;
mod refused;
mod rows;
mod streams;

use std::path::Path;

use crate::harness::Folder;

/// Some functions of `sessions.wasm` and `conformance.wasm`.
const FUNCTIONS: &str = "CREATE FUNCTION total AS 'sessions.wasm#running_total' LANGUAGE WASM;
CREATE FUNCTION sessions AS 'sessions.wasm#user_sessions' LANGUAGE WASM WITH ('gap' = '1000');
CREATE FUNCTION echo AS 'conformance.wasm#timer_echo' LANGUAGE WASM;
CREATE FUNCTION sums AS 'conformance.wasm#keyed_sum' LANGUAGE WASM;
CREATE FUNCTION lists AS 'conformance.wasm#keyed_list' LANGUAGE WASM;
CREATE FUNCTION maps AS 'conformance.wasm#keyed_map' LANGUAGE WASM;\n";

fn with_plugins(folder: Folder) -> Folder {
    let plugins = Path::new("../../target/plugins");
    for name in [
        "sessions",
        "conformance",
        "hostile/timer-loop",
        "hostile/state-flood",
    ] {
        let file = plugins.join(name).with_extension("wasm");
        let to = folder.path().join(file.file_name().unwrap());
        std::fs::copy(&file, to).expect("the plugins are missing: run cargo xtask plugins");
    }
    folder
}

/// A folder with the plugins.
fn folder() -> Folder {
    with_plugins(Folder::new())
}

fn run_in(folder: &Folder, sql: &str) -> String {
    let output = folder.run(&format!("{FUNCTIONS}{sql}"));
    output.unwrap_or_else(|error| panic!("{error}\n{:?}", error.hint()))
}

fn run(sql: &str) -> String {
    run_in(&folder(), sql)
}
