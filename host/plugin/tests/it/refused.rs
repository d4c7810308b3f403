//! Plugins that are refused when they are loaded or opened, each with the whole text.

use std::path::Path;

use arrow::datatypes::DataType;
use expect_test::{Expect, expect};
use wasmill_plugin::OpenOptions;

use crate::support::{fields, host, plugin, plugin_path, rendered};

fn check(bytes: &[u8], expected: Expect) {
    let error = host().load_bytes("plugin.wasm", bytes).unwrap_err();
    expected.assert_eq(&rendered(&error));
}

/// A good plugin with its text edited.
fn edited(from: &str, to: &str) -> Vec<u8> {
    let bytes = std::fs::read(plugin_path("haversine")).unwrap();
    let text = wasmprinter::print_bytes(bytes).unwrap();
    let edited = text.replace(from, to);
    assert_ne!(text, edited);
    wat::parse_str(edited).unwrap()
}

/// A good plugin that imports one more interface.
fn importing(import: &str) -> Vec<u8> {
    let bytes = std::fs::read(plugin_path("haversine")).unwrap();
    let text = wasmprinter::print_bytes(bytes).unwrap();
    let (body, _) = text.rsplit_once(')').unwrap();
    wat::parse_str(format!("{body} (import \"{import}\" (instance)))")).unwrap()
}

#[test]
fn a_file_that_is_missing() {
    let error = host()
        .load("missing.wasm", Path::new("no/such/missing.wasm"))
        .unwrap_err();
    expect![[r#"
        error: cannot read the plugin `no/such/missing.wasm`: No such file or directory (os error 2)

        hint: paths in a job are relative to the job's file; was the plugin built?"#]]
    .assert_eq(&rendered(&error));
}

#[test]
fn what_is_not_a_component() {
    check(
        b"",
        expect![[r#"
        error: `plugin.wasm` is not a WebAssembly component: the file is empty

        hint: a plugin is a `.wasm` file built as a component, for example with the Rust SDK"#]],
    );
    check(
        b"#!/bin/sh\necho hello\n",
        expect![[r#"
        error: `plugin.wasm` is not a WebAssembly component: it is a text file

        hint: a plugin is a `.wasm` file built as a component, for example with the Rust SDK"#]],
    );
    check(
        b"(component)",
        expect![[r#"
        error: `plugin.wasm` is not a WebAssembly component: it is WebAssembly text, which must be compiled first

        hint: a plugin is a `.wasm` file built as a component, for example with the Rust SDK"#]],
    );
    check(
        &[0xff, 0xd8, 0xff],
        expect![[r#"
        error: `plugin.wasm` is not a WebAssembly component: it does not start with WebAssembly's magic bytes

        hint: a plugin is a `.wasm` file built as a component, for example with the Rust SDK"#]],
    );
    check(
        b"\0asm",
        expect![[r#"
        error: `plugin.wasm` is not a WebAssembly component: unexpected end-of-file (at offset 0x4)

        hint: a plugin is a `.wasm` file built as a component, for example with the Rust SDK"#]],
    );
}

#[test]
fn a_core_module() {
    check(
        &wat::parse_str("(module)").unwrap(),
        expect![[r#"
        error: `plugin.wasm` is a core WebAssembly module, not a component

        hint: turn it into a component: `wasm-tools component new module.wasm -o plugin.wasm`"#]],
    );
}

#[test]
fn a_component_without_functions() {
    check(
        &wat::parse_str("(component)").unwrap(),
        expect![[r#"
            error: `plugin.wasm` exports neither `wasmill:udf/scalar@0.2.0` nor `wasmill:udf/table@0.2.0` nor `wasmill:udf/aggregate@0.2.0` nor `wasmill:udf/process@0.2.0`, so it has no functions

            hint: build it for the world `wasmill:udf/plugin`, or for that of one kind of function"#]],
    );
}

#[test]
fn a_damaged_component() {
    // The head and the first byte of a section, whatever the compiler made of the rest.
    let bytes = std::fs::read(plugin_path("haversine")).unwrap();
    check(
        &bytes[..9],
        expect![[r#"
        error: `plugin.wasm` is not a WebAssembly component: unexpected end-of-file (at offset 0x9)

        hint: a plugin is a `.wasm` file built as a component, for example with the Rust SDK"#]],
    );
}

#[test]
fn a_newer_contract() {
    check(
        &edited("wasmill:udf/scalar@0.2.0", "wasmill:udf/scalar@0.3.0"),
        expect![[r#"
        error: `plugin.wasm` wants the contract wasmill:udf@0.3.0; this wasmill speaks wasmill:udf@0.2.0

        hint: use a newer wasmill, or build the plugin with an older SDK"#]],
    );
    check(
        &edited("wasmill:udf/scalar@0.2.0", "wasmill:udf/scalar@0.1.0"),
        expect![[r#"
        error: `plugin.wasm` wants the contract wasmill:udf@0.1.0; this wasmill speaks wasmill:udf@0.2.0

        hint: build the plugin again with the SDK of this wasmill"#]],
    );
}

#[test]
fn capabilities_that_nobody_granted() {
    check(
        &importing("wasi:filesystem/types@0.3.0"),
        expect![[r#"
        error: `plugin.wasm` imports `wasi:filesystem/types@0.3.0`, which is not granted

        hint: of WASI 0.2 there are cli, clocks, filesystem, http (requests), io, random and sockets"#]],
    );
    check(
        &importing("wasi:http/incoming-handler@0.2.3"),
        expect![[r#"
        error: `plugin.wasm` imports `wasi:http/incoming-handler@0.2.3`, which is not granted

        hint: of WASI 0.2 there are cli, clocks, filesystem, http (requests), io, random and sockets"#]],
    );
    check(
        &importing("acme:bank/money@1.0.0"),
        expect![[r#"
        error: `plugin.wasm` imports `acme:bank/money@1.0.0`, which is not granted

        hint: a plugin may import the interfaces of wasmill:udf and of WASI 0.2 only"#]],
    );
    check(
        &importing("wasmill:udf/secrets@0.2.0"),
        expect![[r#"
        error: `plugin.wasm` imports `wasmill:udf/secrets@0.2.0`, which is not granted

        hint: a plugin may import the interfaces of wasmill:udf and of WASI 0.2 only"#]],
    );
}

/// Whoever imports them may do nothing with them, until a job grants it.
#[test]
fn wasi_is_not_refused() {
    for import in [
        "wasi:filesystem/types@0.2.3",
        "wasi:http/outgoing-handler@0.2.0",
        "wasi:sockets/tcp@0.2.12",
    ] {
        let plugin = host()
            .load_bytes("plugin.wasm", &importing(import))
            .unwrap();
        assert!(plugin.imports().iter().any(|known| known == import));
    }
}

#[test]
fn an_interface_that_is_not_the_contracts() {
    check(
        &edited("batch-eval", "batch-evil"),
        expect![[r#"
        error: `plugin.wasm` does not fit the contract: no function `[method]scalar-function.batch-eval` in `wasmill:udf/scalar@0.2.0`

        hint: this is a defect of the plugin: tell its author"#]],
    );
}

fn open(function: &str, types: &[DataType], parameters: &[(&str, &str)], expected: Expect) {
    let mut options = OpenOptions::new("f", fields(types));
    for (name, value) in parameters {
        options
            .parameters
            .insert((*name).to_owned(), (*value).to_owned());
    }
    let path = if function == "haversine" || function == "haversin" {
        "haversine"
    } else {
        "predict"
    };
    let error = plugin(path).open(function, options).unwrap_err();
    expected.assert_eq(&rendered(&error));
}

#[test]
fn an_unknown_function() {
    open(
        "haversin",
        &[],
        &[],
        expect![[r#"
        error: `haversine.wasm` has no function `haversin`

        hint: did you mean `haversine`?"#]],
    );
    open(
        "sum",
        &[],
        &[],
        expect![[r#"
        error: `predict.wasm` has no function `sum`

        hint: it offers `predict`"#]],
    );
}

#[test]
fn wrong_arguments() {
    open(
        "haversine",
        &[DataType::Float64, DataType::Utf8],
        &[],
        expect![[r#"
        error: function f (haversine.wasm#haversine) takes (Float64, Float64, Float64, Float64), not (Float64, Utf8)

        hint: CAST the arguments to the types that the function takes"#]],
    );
    let models = [("model", "m")];
    open(
        "predict",
        &[DataType::Utf8View],
        &models,
        expect![[r#"
        error: function f (predict.wasm#predict) cannot take an argument of type Utf8View (`c0`)

        hint: CAST it to a type that plugins know"#]],
    );
}

#[test]
fn wrong_parameters() {
    open(
        "predict",
        &[],
        &[],
        expect![[r#"
        error: function f (predict.wasm#predict) needs the parameter `model`: the model's name in the job

        hint: add 'model' = '…' to the function's WITH"#]],
    );
    open(
        "predict",
        &[],
        &[("modell", "m")],
        expect![[r#"
        error: function f (predict.wasm#predict) has no parameter `modell`

        hint: did you mean `model`?"#]],
    );
    open(
        "haversine",
        &vec![DataType::Float64; 4],
        &[("radius", "1")],
        expect![[r#"
            error: function f (haversine.wasm#haversine) has no parameter `radius`

            hint: it has none"#]],
    );
}
