//! `wasmill plugin test FILE --conformance`.

use expect_test::expect;

use crate::support::Job;

fn conformance(plugin: &str) -> String {
    let job = Job::new("").plugin(plugin);
    let file = format!("{plugin}.wasm");
    let arguments = ["plugin", "test", &file, "--conformance"];
    job.told(&job.command_of(&arguments).output().unwrap())
}

#[test]
fn the_rust_sdk_conforms() {
    expect![[r#""#]].assert_eq(&conformance("conformance"));
}

/// What is missing is told case by case, and what is there is compared.
#[test]
fn a_component_that_is_no_conformance_component() {
    let told = conformance("words");
    let some = told.lines().filter(|line| {
        let ends = ["passed, 61 failed", "exit 1"];
        line.contains("words: ")
            || line.contains("add: sums")
            || line.contains("subtract")
            || line.contains("(invalid)")
            || ends.iter().any(|end| line.contains(end))
    });
    let told: Vec<_> = some.collect();
    expect![[r#""#]].assert_eq(&told.join("\n"));
}
