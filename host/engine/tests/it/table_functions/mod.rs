//! Table functions of plugins in FROM; the components are built by `cargo xtask plugins`.

mod refused;
mod rows;
mod streams;

use std::path::Path;

use crate::harness::Folder;

/// What the functions of `words.wasm` are called.
const FUNCTIONS: &str = "CREATE FUNCTION words AS 'words.wasm#words' LANGUAGE WASM;
CREATE FUNCTION ngrams AS 'words.wasm#ngrams' LANGUAGE WASM WITH ('n' = '2');
CREATE FUNCTION pairs AS 'words.wasm#pairs' LANGUAGE WASM;
CREATE FUNCTION features AS 'text-features.wasm#text_features' LANGUAGE WASM;\n";

/// A table of a few texts, one of them NULL.
const TEXTS: &str = "CREATE TABLE t (id INT, text STRING) WITH (
  'connector' = 'filesystem', 'format' = 'csv', 'path' = 'texts.csv', 'csv.null-literal' = '-');\n";

/// A folder with the plugins, and the texts.
fn folder() -> Folder {
    let folder = Folder::new().with("texts.csv", "1,to be or\n2,-\n3,\"\"\n4,not\n");
    ["words", "text-features", "hostile/giant-expansion"]
        .into_iter()
        .fold(folder, with_plugin)
}

fn with_plugin(folder: Folder, name: &str) -> Folder {
    let plugins = "../../target/plugins";
    let file = Path::new(plugins).join(name).with_extension("wasm");
    let name = file.file_name().unwrap().to_owned();
    std::fs::copy(&file, folder.path().join(name))
        .expect("the plugins are missing: run cargo xtask plugins");
    folder
}

fn run(sql: &str) -> String {
    let output = folder().run(&format!("{FUNCTIONS}{TEXTS}{sql}"));
    output.unwrap_or_else(|error| panic!("{error}\n{:?}", error.hint()))
}
