//! What is refused when a job is planned, with the whole text.

use expect_test::expect;

use super::{FUNCTIONS, TEXTS, folder};

fn refusals(queries: &[&str]) -> String {
    let lines = format!("{FUNCTIONS}{TEXTS}").lines().count();
    let told = queries.iter().map(|query| {
        let error = folder().error(&format!("{FUNCTIONS}{TEXTS}{query};"));
        // The place in the query itself.
        error.replace(&format!("job.sql:{}:", lines + 1), "job.sql:")
    });
    told.collect::<Vec<_>>().join("\n")
}

#[test]
fn functions_of_another_kind() {
    expect![[r#""#]].assert_eq(&refusals(&[
        "SELECT words(text) FROM t",
        "SELECT id FROM t WHERE CARDINALITY(Words(text)) > 1",
        "SELECT * FROM t, LATERAL TABLE(features(text))",
        "SELECT * FROM t, LATERAL TABLE(UPPER(text))",
        "SELECT * FROM TABLE(features('a'))",
        "SELECT * FROM t, LATERAL TABLE(SUM(id))",
    ]));
}

#[test]
fn functions_that_are_not_there() {
    expect![[r#""#]].assert_eq(&refusals(&[
        "SELECT * FROM t, LATERAL TABLE(word(text))",
        "SELECT * FROM TABLE(word('a'))",
        "SELECT * FROM t, LATERAL TABLE(unheard_of(text))",
    ]));
}

#[test]
fn names_and_arguments() {
    expect![[r#""#]].assert_eq(&refusals(&[
        "SELECT * FROM t, LATERAL TABLE(words(text)) AS w(word)",
        "SELECT * FROM TABLE(words('a')) AS w(a, b, c)",
        "SELECT * FROM t, LATERAL TABLE(words(text)) AS w(a, a)",
        "SELECT word FROM t, LATERAL TABLE(words(text)), LATERAL TABLE(words(text))",
        "SELECT * FROM t, LATERAL TABLE(words(txt))",
        "SELECT * FROM TABLE(words(text))",
        "SELECT * FROM t, TABLE(words(text))",
        "SELECT * FROM LATERAL TABLE(words(text)), t",
        "SELECT * FROM t, LATERAL TABLE(words())",
        "SELECT * FROM t, LATERAL TABLE(words(id))",
        "SELECT * FROM t, LATERAL TABLE(words(text => text))",
    ]));
}

#[test]
fn joins_of_another_kind() {
    expect![[r#""#]].assert_eq(&refusals(&[
        "SELECT * FROM t LEFT JOIN LATERAL TABLE(words(text)) AS w ON w.place > 1",
        "SELECT * FROM t RIGHT JOIN LATERAL TABLE(words(text)) ON TRUE",
        "SELECT * FROM t FULL JOIN LATERAL TABLE(words(text)) ON TRUE",
        "SELECT * FROM t JOIN LATERAL TABLE(words(text)) USING (id)",
        "SELECT * FROM t NATURAL JOIN LATERAL TABLE(words(text))",
    ]));
}

#[test]
fn lateral_on_anything_else() {
    expect![[r#""#]].assert_eq(&refusals(&[
        "SELECT * FROM t, LATERAL TABLE(TUMBLE(TABLE t, DESCRIPTOR(id), INTERVAL '1' DAY))",
        "SELECT * FROM t, LATERAL words(text)",
        "SELECT * FROM t, LATERAL TABLE(text)",
    ]));
}

#[test]
fn too_many_in_one_from() {
    let calls = ", LATERAL TABLE(words(text))".repeat(100_000);
    let error = folder().error(&format!("{FUNCTIONS}{TEXTS}SELECT 1 FROM t{calls};"));
    let told: Vec<_> = error.lines().filter(|line| line.contains(": ")).collect();
    expect![[r#""#]].assert_eq(&told.join("\n"));
}

#[test]
fn parameters() {
    let of = |with: &str| {
        let sql = format!("CREATE FUNCTION f AS 'words.wasm#ngrams' LANGUAGE WASM WITH ({with});");
        folder().error(&sql)
    };
    let told = [of("'n' = '0'"), of("'n' = 'two'"), of("'m' = '2'")];
    expect![[r#""#]].assert_eq(&told.join("\n"));
}
