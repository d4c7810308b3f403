//! Components as bytes: too large, too many, too deep, damaged. Each loads or is refused, and none
//! takes long.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array};
use arrow::datatypes::DataType;
use expect_test::{Expect, expect};
use wasmill_plugin::{OpenOptions, PluginError};

use crate::support::{fields, host, plugin_path, rendered};

fn read(plugin: &str) -> Vec<u8> {
    std::fs::read(plugin_path(plugin)).unwrap()
}

fn check(component: &str, expected: Expect) {
    check_bytes(&wat::parse_str(component).unwrap(), expected);
}

fn check_bytes(bytes: &[u8], expected: Expect) {
    let error = host().load_bytes("plugin.wasm", bytes).unwrap_err();
    expected.assert_eq(&rendered(&error));
}

/// A good plugin with more in it.
fn with(more: &str) -> Vec<u8> {
    let text = wasmprinter::print_bytes(read("haversine")).unwrap();
    let (body, _) = text.rsplit_once(')').unwrap();
    wat::parse_str(format!("{body} {more})")).unwrap()
}

/// A component that is refused for what is in it before anybody asks for its exports.
fn module(content: &str) -> String {
    format!("(component (core module {content}))")
}

#[test]
fn a_hundred_thousand_functions() {
    check(
        &module(&"(func)".repeat(100_000)),
        expect![[r#"
            error: `plugin.wasm` has 100000 functions, of at most 65536

            hint: build it without what it does not use, or as several plugins"#]],
    );
}

#[test]
fn functions_that_are_too_long() {
    let body = "nop ".repeat(600 << 10);
    check(
        &module(&format!("(func {body})")),
        expect![[r#"
            error: `plugin.wasm` has 614402 bytes in one function, of at most 524288

            hint: build it without what it does not use, or as several plugins"#]],
    );
    let body = "nop ".repeat(500 << 10);
    let locals = "i32 ".repeat(20_000);
    check(
        &module(&format!("(func (local {locals}) {body})")),
        expect![[r#"
            error: `plugin.wasm` has 10240120000 bytes of functions times their local variables, of at most 2147483648

            hint: build it without what it does not use, or as several plugins"#]],
    );
    check(
        &module(&format!("(func {body})").repeat(70)),
        expect![[r#"
        error: `plugin.wasm` has 35840351 bytes of code, of at most 33554432

        hint: build it without what it does not use, or as several plugins"#]],
    );
}

/// A function near to what may be, with much to keep track of: the compiler comes to its end.
#[test]
fn a_long_function_compiles() {
    let block = |local: u32| {
        let from = local + 1;
        format!("(br_if 0 (local.get {local})) (local.set {local} (local.get {from}))")
    };
    let body: String = (0..40_000).map(|number| block(number % 400)).collect();
    let locals = "i32 ".repeat(401);
    let bytes = with(&format!(
        "(core module (func (local {locals}) (loop {body})))"
    ));
    host().load_bytes("plugin.wasm", &bytes).unwrap();
}

#[test]
fn ten_thousand_imports() {
    let imports: String = (0..10_000)
        .map(|number| format!("(import \"i{number}\" (func))"))
        .collect();
    check(
        &format!("(component {imports})"),
        expect![[r#"
        error: `plugin.wasm` has 1001 imports, of at most 1000

        hint: build it without what it does not use, or as several plugins"#]],
    );
    let imports: String = (0..10_000)
        .map(|number| format!("(import \"m\" \"i{number}\" (func))"))
        .collect();
    check(
        &module(&imports),
        expect![[r#"
            error: `plugin.wasm` exports neither `wasmill:udf/scalar@0.2.0` nor `wasmill:udf/table@0.2.0` nor `wasmill:udf/aggregate@0.2.0` nor `wasmill:udf/process@0.2.0`, so it has no functions

            hint: build it for the world `wasmill:udf/plugin`, or for that of one kind of function"#]],
    );
}

#[test]
fn an_import_that_speaks_to_the_terminal() {
    // The name of an import of a plugin is changed in its bytes.
    let mut bytes = wat::parse_str("(component (import \"plain-name\" (func)))").unwrap();
    let name = bytes
        .windows(10)
        .position(|bytes| bytes == b"plain-name")
        .unwrap();
    bytes[name..name + 10].copy_from_slice(b"\x1b[2J\x1b[31m\n");
    check_bytes(
        &bytes,
        expect![[r#"
            error: `plugin.wasm` imports `\x1b[2J\x1b[31m\n`, which is not granted

            hint: a plugin may import the interfaces of wasmill:udf and of WASI 0.2 only"#]],
    );
}

#[test]
fn components_within_each_other() {
    let head = b"\0asm\x0d\0\x01\0";
    let mut component = head.to_vec();
    for _ in 0..1000 {
        component = [head.to_vec(), section(4, &[&component])].concat();
    }
    check_bytes(
        &component,
        expect![[r#"
        error: `plugin.wasm` has 6 components within each other, of at most 5

        hint: build it without what it does not use, or as several plugins"#]],
    );
    let modules = "(core instance (instantiate $m))".repeat(101);
    check(
        &format!("(component (core module $m) {modules})"),
        expect![[r#"
            error: `plugin.wasm` has 101 instances of modules, of at most 100

            hint: build it without what it does not use, or as several plugins"#]],
    );
    let instances = "(instance (instantiate $c))".repeat(21);
    check(
        &format!("(component (component $c) {instances})"),
        expect![[r#"
            error: `plugin.wasm` has 21 instances of components, of at most 20

            hint: build it without what it does not use, or as several plugins"#]],
    );
}

/// A good plugin has a memory and two tables.
#[test]
fn more_than_a_guest_has_room_for() {
    let module = "(core module $m (memory 1) (table 1 funcref))";
    let again = |count: usize, text: &str| text.repeat(count);
    let instance = "(core instance (instantiate $m))";
    let refused = |more: &str, expected: Expect| check_bytes(&with(more), expected);
    host()
        .load_bytes("plugin.wasm", &with(&format!("{module} {instance}")))
        .unwrap();
    refused(
        &format!("{module} {}", again(2, instance)),
        expect![[r#"
        error: `plugin.wasm` has 3 memories, of at most 2

        hint: build it without what it does not use, or as several plugins"#]],
    );
    refused(
        &format!("(core module $m (table 1 funcref)) {}", again(3, instance)),
        expect![[r#"
            error: `plugin.wasm` has 5 tables, of at most 4

            hint: build it without what it does not use, or as several plugins"#]],
    );
    // As often as the component around it.
    let inner = |more: &str| format!("(component $c {module} {instance} {more})");
    refused(
        &format!("{} {}", inner(""), again(2, "(instance (instantiate $c))")),
        expect![[r#"
            error: `plugin.wasm` has 3 memories, of at most 2

            hint: build it without what it does not use, or as several plugins"#]],
    );
    refused(
        &format!(
            "(component $c (core module $m) {}) {}",
            again(40, instance),
            again(3, "(instance (instantiate $c))")
        ),
        expect![[r#"
            error: `plugin.wasm` has 123 instances of modules, of at most 100

            hint: build it without what it does not use, or as several plugins"#]],
    );
    // By another name.
    refused(
        &format!(
            "{module} (component $c (alias outer 1 $m (core module $n))
               (core instance (instantiate $n)) (core instance (instantiate $n)))
             (instance (instantiate $c))"
        ),
        expect![[r#"
            error: `plugin.wasm` has 3 memories, of at most 2

            hint: build it without what it does not use, or as several plugins"#]],
    );
    refused(
        &format!(
            "(component $c {module} {instance} {instance})
             (component $d (alias outer 1 $c (component $e)) (instance (instantiate $e)))
             (export $f \"x\" (component $d)) (instance (instantiate $f))"
        ),
        expect![[r#"
            error: `plugin.wasm` has 3 memories, of at most 2

            hint: build it without what it does not use, or as several plugins"#]],
    );
    refused(
        "(core module (table 1 funcref) (table 1 funcref))",
        expect![[r#"
            error: `plugin.wasm` has 2 tables in one module, of at most 1

            hint: build it without what it does not use, or as several plugins"#]],
    );
    refused(
        "(core module (table 20001 funcref))",
        expect![[r#"
        error: `plugin.wasm` has 20001 elements in a table from the beginning, of at most 20000

        hint: build it without what it does not use, or as several plugins"#]],
    );
    refused(
        &again(1_001, "(core module)"),
        expect![[r#"
        error: `plugin.wasm` has 1001 modules and components, of at most 1000

        hint: build it without what it does not use, or as several plugins"#]],
    );
    // What is not instantiated takes no room.
    host()
        .load_bytes("plugin.wasm", &with(&again(10, "(core module (memory 1))")))
        .unwrap();
}

#[test]
fn memories_without_measure() {
    let mut told = String::new();
    check_bytes(
        &with("(core module $m (memory 65536)) (core instance (instantiate $m))"),
        expect![[r#"
            error: `plugin.wasm` ran over its memory limit of 256 MiB in `functions`: it wanted 4.0 GiB

            hint: this is a defect of the plugin: tell its author"#]],
    );
    let instances = "(core instance (instantiate $m))".repeat(20);
    check_bytes(
        &with(&format!("(core module $m (memory 4096)) {instances}")),
        expect![[r#"
            error: `plugin.wasm` has 21 memories, of at most 2

            hint: build it without what it does not use, or as several plugins"#]],
    );
    for module in ["(memory 1) (memory 1)", "(memory i64 1)"] {
        let bytes = with(&format!(
            "(core module $m {module}) (core instance (instantiate $m))"
        ));
        let error = host().load_bytes("plugin.wasm", &bytes).unwrap_err();
        let error = error.to_string();
        told += error.split(" (at offset").next().unwrap();
        told += "\n";
    }
    expect![[r#"
        `plugin.wasm` has 3 memories, of at most 2
        `plugin.wasm` is not a WebAssembly component: failed to parse WebAssembly module: memory64 must be enabled for 64-bit memories
    "#]].assert_eq(&told);
}

#[test]
fn start_functions_that_trap() {
    check_bytes(
        &with("(core module $m (func unreachable) (start 0)) (core instance (instantiate $m))"),
        expect![[r#"
            error: `plugin.wasm` trapped in `functions`: it panicked or aborted
              its backtrace:
                function 0

            hint: this is a defect of the plugin: tell its author"#]],
    );
    check_bytes(
        &with(
            "(core module $m (memory 1) (data (i32.const 65536) \"x\")) (core instance (instantiate $m))",
        ),
        expect![[r#"
            error: `plugin.wasm` trapped in `functions`: wasm trap: out of bounds memory access

            hint: this is a defect of the plugin: tell its author"#]],
    );
}

/// `section` of a component, with its head.
fn section(id: u8, parts: &[&[u8]]) -> Vec<u8> {
    let mut section = vec![id];
    section.extend(leb(parts.iter().map(|part| part.len()).sum()));
    section.extend(parts.concat());
    section
}

fn leb(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

/// What nobody uses costs room in a file, and else nothing.
#[test]
fn two_hundred_megabytes() {
    let filling = vec![0x55; 200 << 20];
    let mut bytes = read("haversine");
    bytes.extend(section(0, &[b"\x04junk", &filling]));
    let plugin = host().load_bytes("plugin.wasm", &bytes).unwrap();
    assert!(plugin.contents().custom > 200 << 20);
    drop(plugin);

    let data = [b"\x01\x01".to_vec(), leb(filling.len()), filling].concat();
    let module = [b"\0asm\x01\0\0\0".to_vec(), section(11, &[&data])].concat();
    let mut bytes = read("haversine");
    bytes.extend(section(1, &[&module]));
    let plugin = host().load_bytes("plugin.wasm", &bytes).unwrap();
    assert!(plugin.contents().data > 200 << 20);
    drop(plugin);

    check_bytes(
        &vec![0; (256 << 20) + 1],
        expect!["error: `plugin.wasm` is too large: 268435457 bytes, of at most 268435456"],
    );
}

/// Opens what still loads: never a panic, never without an end.
fn survive(plugin: &str, bytes: &[u8]) -> bool {
    match host().load_bytes("damaged.wasm", bytes) {
        Ok(loaded) => {
            let Some(signature) = loaded.functions().first() else {
                return true;
            };
            let name = signature.name.clone();
            let options = OpenOptions::new("f", fields(&vec![DataType::Float64; 4]));
            if let Err(error) = loaded.open(&name, options) {
                assert!(!rendered(&error).is_empty());
            }
            true
        }
        Err(error) => {
            let foreign = matches!(error, PluginError::Engine(_) | PluginError::Read { .. });
            assert!(!foreign, "{plugin}: {error}");
            assert!(!rendered(&error).contains('\x1b'));
            false
        }
    }
}

#[test]
fn flipped_bits() {
    let mut state = 7_u64;
    let mut random = move |below: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    for plugin in ["haversine", "text-features"] {
        let bytes = read(plugin);
        let mut refused = 0;
        for turn in 0..1000 {
            let mut flipped = bytes.clone();
            // The first kilobytes hold types, imports and the module's head.
            let end = if turn % 2 == 0 { 4 << 10 } else { bytes.len() };
            for _ in 0..=random(24) {
                flipped[random(end)] ^= 1 << random(8);
            }
            refused += usize::from(!survive(plugin, &flipped));
        }
        assert!(refused > 500, "{plugin}: only {refused} are refused");
    }
}

/// Behind the last export there may be sections of names: what ends before one of them is whole.
#[test]
fn cut_off() {
    for plugin in ["haversine", "predict"] {
        let bytes = read(plugin);
        let lengths = (0..bytes.len()).step_by(1000);
        let all = lengths.len();
        let mut refused = 0;
        for length in lengths {
            let cut = &bytes[..length];
            let loads = survive(plugin, cut);
            let mut sections = wasmparser::Parser::new(0).parse_all(cut);
            assert!(
                !loads || sections.all(|section| section.is_ok()),
                "{plugin} loads with {length} of {} bytes",
                bytes.len()
            );
            refused += usize::from(!loads);
        }
        assert!(refused + 3 >= all, "{plugin}: {refused} of {all}");
    }
}

/// Fuzzing grows from components that load, or it does not reach what is behind the parser.
#[test]
fn the_seed_of_the_fuzz_target_is_opened_and_called() {
    let seed = Path::new("../../fuzz/corpus/component/same.wat");
    let component = wat::parse_file(seed).unwrap();
    let plugin = host().load_bytes("same.wasm", &component).unwrap();
    let options = OpenOptions::new("same", fields(&[DataType::Int64]));
    let function = plugin.open("same", options).unwrap();
    for values in [vec![1, 2, 3], vec![7]] {
        let column: ArrayRef = Arc::new(Int64Array::from(values.clone()));
        let result = function
            .call(std::slice::from_ref(&column), values.len())
            .unwrap();
        assert_eq!(&result, &column);
    }
}
