//! `wasmill plugin inspect`, and plugins and models that are pinned by their bytes.

use std::fs;

use expect_test::expect;
use serde_json::Value;

use crate::support::{Job, sha256};

fn inspect(job: &Job, arguments: &[&str]) -> String {
    let arguments = [&["plugin", "inspect"], arguments].concat();
    job.told(&job.command_of(&arguments).output().unwrap())
}

#[test]
fn what_a_plugin_is() {
    let job = Job::new("").plugin("predict");
    let file = job.path("predict.wasm");
    let size = format!(
        "  size     {} bytes (code ",
        fs::metadata(&file).unwrap().len()
    );
    let made = |line: &&str| !(line.ends_with("(language)") || line.ends_with("(processed-by)"));
    let told = inspect(&job, &["predict.wasm"]);
    assert!(told.contains("\n  made by  Rust  (language)\n"), "{told}");
    assert!(told.contains(&size), "{told}");
    // What depends on the tools that made it.
    let shown: Vec<_> = told
        .lines()
        .filter(made)
        .map(|line| match line.starts_with(&size) {
            true => "  size     [SIZES]".to_owned(),
            false => line.replace(&sha256(&file), "[SHA256]"),
        })
        .collect();
    expect![[r#"
        exit 0
        predict.wasm
          sha256   [SHA256]
          size     [SIZES]
          imports  wasmill:udf/columns@0.2.0: reads its arguments' columns
                   wasmill:udf/state@0.2.0: types only
                   wasmill:udf/inference@0.2.0: runs the models that 'grant.models' names
                   wasmill:udf/log@0.2.0: writes lines to the job's log
                   wasmill:udf/types@0.2.0: types only

        scalar predict(…) → what it says when it is opened
          A column of a model's predictions; the arguments are its features.
          'model' must be given: the model's name in the job
          'output' may be given: the predicted column's name; by default the model's first"#]]
    .assert_eq(&shown.join("\n"));
}

/// Each interface of WASI with what it can do and what gives it more.
#[test]
fn what_a_plugin_imports_of_wasi() {
    let job = Job::new("").plugin("hostile/wasi-env");
    let told = inspect(&job, &["wasi-env.wasm"]);
    let lines = told.lines().map(str::trim);
    let wasi: Vec<_> = lines.filter(|line| line.starts_with("wasi:")).collect();
    expect![[r#"
                   wasi:cli/environment@0.2.12: has the variables that 'grant.env' names
                   wasi:cli/exit@0.2.12: ends the call with an error
                   wasi:io/error@0.2.12: types only
                   wasi:io/streams@0.2.12: reads, writes and waits within the call's limits
                   wasi:cli/stdin@0.2.12: nothing comes
                   wasi:random/random@0.2.12: the same numbers in every run, unless 'grant.random' is given
                   wasi:random/insecure-seed@0.2.12: the same numbers in every run, unless 'grant.random' is given"#]].assert_eq(&wasi.join("\n"));
    let told = inspect(&job, &["--json", "wasi-env.wasm"]);
    let report: Value = serde_json::from_str(&told[told.find('{').unwrap()..]).unwrap();
    let imports = report["imports"].as_array().unwrap();
    let granted = imports.iter().filter(|import| !import["grant"].is_null());
    let granted: Vec<_> = granted
        .map(|import| import["grant"].as_str().unwrap())
        .collect();
    expect!["grant.env, grant.random, grant.random"].assert_eq(&granted.join(", "));
}

#[test]
fn what_a_plugin_is_as_json() {
    let job = Job::new("").plugin("text-features");
    let output = job
        .command_of(&["plugin", "inspect", "--json", "text-features.wasm"])
        .output()
        .unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let file = job.path("text-features.wasm");
    assert_eq!(report["sha256"], sha256(&file));
    assert_eq!(report["bytes"], fs::metadata(&file).unwrap().len());
    let parts = ["code_bytes", "data_bytes", "custom_bytes"];
    let parts = parts.map(|part| report[part].as_u64().unwrap());
    assert!(parts.iter().sum::<u64>() <= report["bytes"].as_u64().unwrap());
    assert!(parts[0] > 0, "{report}");
    expect![[r#"
        [
          {
            "arguments": [
              "STRING"
            ],
            "description": "Eight numbers about a text: characters, words, characters a word; then the shares of its characters that are upper case, digits, punctuation and symbols, white space, not ASCII. Shares are 0 to 1; all is 0 for an empty text.",
            "deterministic": true,
            "kind": "scalar",
            "name": "text_features",
            "parameters": [],
            "returns": "ARRAY<FLOAT>"
          }
        ]"#]].assert_eq(&serde_json::to_string_pretty(&report["functions"]).unwrap());
}

#[test]
fn what_kinds_of_function_a_plugin_has() {
    let job = Job::new("").plugin("words");
    let told = inspect(&job, &["words.wasm"]);
    let functions = told.lines().filter(|line| line.contains(" → "));
    expect![[r#"
        table ngrams(STRING) → (ngram STRING, place BIGINT)
        table pairs(STRING) → (key STRING, value STRING)
        table words(STRING) → (word STRING, place BIGINT)"#]]
    .assert_eq(&functions.collect::<Vec<_>>().join("\n"));
}

#[test]
fn files_that_are_no_plugins() {
    let job = Job::new("")
        .file("a.wasm", "select")
        .file("b.wasm", "\0asm\x01\0\0\0");
    let told = ["a.wasm", "b.wasm", "c.wasm"].map(|file| inspect(&job, &[file]));
    expect![[r#"
        exit 2
        error: `a.wasm` is not a WebAssembly component: it is a text file

        hint: a plugin is a `.wasm` file built as a component, for example with the Rust SDK
        exit 2
        error: `b.wasm` is a core WebAssembly module, not a component

        hint: turn it into a component: `wasm-tools component new module.wasm -o plugin.wasm`
        exit 2
        error: cannot read the plugin `c.wasm`: No such file or directory (os error 2)

        hint: was the plugin built? `wasmill plugin build` does it
    "#]]
    .assert_eq(&told.concat());
}

#[test]
fn a_plugin_of_other_bytes() {
    let job = |pin: &str| {
        Job::new(&format!(
            "CREATE FUNCTION haversine AS 'haversine.wasm#haversine' LANGUAGE WASM
  WITH ('sha256' = '{pin}');
SELECT haversine(x, x, x, x) AS d FROM (VALUES (CAST(1 AS DOUBLE))) AS t (x);"
        ))
        .plugin("haversine")
    };
    let own = sha256(&job("").path("haversine.wasm"));
    let other = own.replace(['0', '1', '2', '3', '4', '5', '6', '7'], "8");
    let told = [other, own.to_uppercase()].map(|pin| job(&pin).run().replace(&pin, "[PIN]"));
    expect![[r#"
        exit 2
        error: `haversine.wasm` has the sha256 [SHA256], not the one that the job wants
         --> job.sql:1:30
          |
        1 | CREATE FUNCTION haversine AS 'haversine.wasm#haversine' LANGUAGE WASM
          |                              ^^^^^^^^^^^^^^^^^^^^^^^^^^

        hint: the file is another one; `wasmill plugin inspect` shows what it is, and if that is meant, write its sha256 into the job
        exit 0
        +-----+
        |   d |
        +-----+
        | 0.0 |
        +-----+
        1 row in set
    "#]].assert_eq(&told.concat().replace(&own, "[SHA256]"));
}

#[test]
fn a_model_of_other_bytes() {
    let job = |pin: &str| {
        Job::new(&format!(
            "CREATE MODEL m INPUT (x DOUBLE) OUTPUT (y DOUBLE) WITH (
  'provider' = 'lightgbm', 'path' = 'model.txt', 'sha256' = '{pin}');
CREATE FUNCTION predict AS 'predict.wasm#predict' LANGUAGE WASM
  WITH ('model' = 'm', 'grant.models' = 'm');"
        ))
        .plugin("predict")
        .model()
    };
    let own = sha256(&job("").path("model.txt"));
    // Of the right file the columns are wrong.
    let told = ["0000", &own].map(|pin| job(pin).run());
    expect![[r#"
        exit 2
        error: model 'm': ./model.txt: the model file's sha256 is [SHA256], not the one that the job wants
         --> job.sql:1:14
          |
        1 | CREATE MODEL m INPUT (x DOUBLE) OUTPUT (y DOUBLE) WITH (
          |              ^

        hint: the file is another one; if that is meant, write its sha256 into the job
        exit 2
        error: model 'm': the model file has 30 features, but 1 input columns are declared
         --> job.sql:1:14
          |
        1 | CREATE MODEL m INPUT (x DOUBLE) OUTPUT (y DOUBLE) WITH (
          |              ^

        hint: the model's features are, in this order: mean_radius, mean_texture, mean_perimeter, mean_area, mean_smoothness, mean_compactness, mean_concavity, mean_concave_points, mean_symmetry, mean_fractal_dimension, radius_error, texture_error, perimeter_error, area_error, smoothness_error, compactness_error, concavity_error, concave_points_error, symmetry_error, fractal_dimension_error, worst_radius, worst_texture, worst_perimeter, worst_area, worst_smoothness, worst_compactness, worst_concavity, worst_concave_points, worst_symmetry, worst_fractal_dimension
    "#]].assert_eq(&told.concat().replace(&own, "[SHA256]"));
}
