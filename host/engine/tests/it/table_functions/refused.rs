//! What is refused when a job is planned, with the whole text.

use expect_test::expect;

use super::{FUNCTIONS, TEXTS, folder};

fn refusals(queries: &[&str]) -> String {
    let told = queries
        .iter()
        .map(|query| folder().error(&format!("{FUNCTIONS}{TEXTS}{query};")));
    told.collect::<Vec<_>>().join("\n")
}

#[test]
fn functions_of_another_kind() {
    expect![[r#"
        error: 'words' is a table function: it gives rows, not a value
         --> job.sql:7:8
          |
        7 | SELECT words(text) FROM t;
          |        ^^^^^

        hint: write FROM t, LATERAL TABLE(words(…))

        error: 'words' is a table function: it gives rows, not a value
         --> job.sql:7:36
          |
        7 | SELECT id FROM t WHERE CARDINALITY(Words(text)) > 1;
          |                                    ^^^^^

        hint: write FROM t, LATERAL TABLE(words(…))

        error: 'features' is a scalar function: it gives a value, not rows
         --> job.sql:7:32
          |
        7 | SELECT * FROM t, LATERAL TABLE(features(text));
          |                                ^^^^^^^^

        hint: call it as an expression: SELECT features(…) FROM …

        error: 'UPPER' is a scalar function: it gives a value, not rows
         --> job.sql:7:32
          |
        7 | SELECT * FROM t, LATERAL TABLE(UPPER(text));
          |                                ^^^^^

        hint: call it as an expression: SELECT UPPER(…) FROM …

        error: 'features' is a scalar function: it gives a value, not rows
         --> job.sql:7:21
          |
        7 | SELECT * FROM TABLE(features('a'));
          |                     ^^^^^^^^

        hint: call it as an expression: SELECT features(…) FROM …

        error: 'SUM' is an aggregate function: it gives a value for many rows
         --> job.sql:7:32
          |
        7 | SELECT * FROM t, LATERAL TABLE(SUM(id));
          |                                ^^^

        hint: call it as an expression: SELECT SUM(…) FROM …
    "#]]
    .assert_eq(&refusals(&[
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
    expect![[r#"
        error: there is no function 'word'
         --> job.sql:7:32
          |
        7 | SELECT * FROM t, LATERAL TABLE(word(text));
          |                                ^^^^

        hint: did you mean 'words'?

        error: there is no function 'word'
         --> job.sql:7:1
          |
        7 | SELECT * FROM TABLE(word('a'));
          | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

        hint: did you mean 'words'?

        error: there is no function 'unheard_of'
         --> job.sql:7:32
          |
        7 | SELECT * FROM t, LATERAL TABLE(unheard_of(text));
          |                                ^^^^^^^^^^

        hint: CREATE FUNCTION unheard_of AS 'path.wasm#unheard_of' LANGUAGE WASM declares it
    "#]]
    .assert_eq(&refusals(&[
        "SELECT * FROM t, LATERAL TABLE(word(text))",
        "SELECT * FROM TABLE(word('a'))",
        "SELECT * FROM t, LATERAL TABLE(unheard_of(text))",
    ]));
}

#[test]
fn names_and_arguments() {
    expect![[r#"
        error: 'words' gives 2 columns, AS w(…) names 1
         --> job.sql:7:32
          |
        7 | SELECT * FROM t, LATERAL TABLE(words(text)) AS w(word);
          |                                ^^^^^

        hint: its columns are word, place

        error: 'words' gives 2 columns, AS w(…) names 3
         --> job.sql:7:21
          |
        7 | SELECT * FROM TABLE(words('a')) AS w(a, b, c);
          |                     ^^^^^

        hint: its columns are word, place

        error: two columns are called 'a'
         --> job.sql:7:1
          |
        7 | SELECT * FROM t, LATERAL TABLE(words(text)) AS w(a, a);
          | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

        hint: give one of them another name with AS

        error: two columns are called 'word'
         --> job.sql:7:1
          |
        7 | SELECT word FROM t, LATERAL TABLE(words(text)), LATERAL TABLE(words(text));
          | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

        hint: give one of them another name with AS

        error: there is no column 'txt'
         --> job.sql:7:38
          |
        7 | SELECT * FROM t, LATERAL TABLE(words(txt));
          |                                      ^^^

        hint: did you mean 'text'?

        error: the argument text of 'words' has a column, and only LATERAL TABLE has those of what stands on its left
         --> job.sql:7:21
          |
        7 | SELECT * FROM TABLE(words(text));
          |                     ^^^^^

        hint: write FROM t, LATERAL TABLE(words(text))

        error: the argument text of 'words' has a column, and only LATERAL TABLE has those of what stands on its left
         --> job.sql:7:24
          |
        7 | SELECT * FROM t, TABLE(words(text));
          |                        ^^^^^

        hint: write FROM t, LATERAL TABLE(words(text))

        error: the argument text of 'words' has a column, and only LATERAL TABLE has those of what stands on its left
         --> job.sql:7:29
          |
        7 | SELECT * FROM LATERAL TABLE(words(text)), t;
          |                             ^^^^^

        hint: write FROM t, LATERAL TABLE(words(text))

        error: words(text STRING) takes 1 argument, the call has 0
         --> job.sql:7:32
          |
        7 | SELECT * FROM t, LATERAL TABLE(words());
          |                                ^^^^^

        error: words: argument 1 (text) is STRING, the call passes INT
         --> job.sql:7:32
          |
        7 | SELECT * FROM t, LATERAL TABLE(words(id));
          |                                ^^^^^

        hint: write CAST(… AS STRING) if that is what you mean

        error: 'words' takes its arguments by their place
         --> job.sql:7:32
          |
        7 | SELECT * FROM t, LATERAL TABLE(words(text => text));
          |                                ^^^^^
    "#]].assert_eq(&refusals(&[
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
    expect![[r#"
        error: a LEFT JOIN with LATERAL TABLE can only be ON TRUE
         --> job.sql:7:35
          |
        7 | SELECT * FROM t LEFT JOIN LATERAL TABLE(words(text)) AS w ON w.place > 1;
          |                                   ^^^^^^^^^^^^^^^^^^^^^^^

        hint: filter the rows in a query around it, or in the function

        error: LATERAL TABLE can only be joined by CROSS JOIN, JOIN or LEFT JOIN: each of its rows belongs to one on the left
         --> job.sql:7:36
          |
        7 | SELECT * FROM t RIGHT JOIN LATERAL TABLE(words(text)) ON TRUE;
          |                                    ^^^^^^^^^^^^^^^^

        error: LATERAL TABLE can only be joined by CROSS JOIN, JOIN or LEFT JOIN: each of its rows belongs to one on the left
         --> job.sql:7:35
          |
        7 | SELECT * FROM t FULL JOIN LATERAL TABLE(words(text)) ON TRUE;
          |                                   ^^^^^^^^^^^^^^^^

        error: a join with LATERAL TABLE can have ON, but not USING or NATURAL
         --> job.sql:7:30
          |
        7 | SELECT * FROM t JOIN LATERAL TABLE(words(text)) USING (id);
          |                              ^^^^^^^^^^^^^^^^

        error: a join with LATERAL TABLE can have ON, but not USING or NATURAL
         --> job.sql:7:38
          |
        7 | SELECT * FROM t NATURAL JOIN LATERAL TABLE(words(text));
          |                                      ^^^^^^^^^^^^^^^^
    "#]].assert_eq(&refusals(&[
        "SELECT * FROM t LEFT JOIN LATERAL TABLE(words(text)) AS w ON w.place > 1",
        "SELECT * FROM t RIGHT JOIN LATERAL TABLE(words(text)) ON TRUE",
        "SELECT * FROM t FULL JOIN LATERAL TABLE(words(text)) ON TRUE",
        "SELECT * FROM t JOIN LATERAL TABLE(words(text)) USING (id)",
        "SELECT * FROM t NATURAL JOIN LATERAL TABLE(words(text))",
    ]));
}

#[test]
fn lateral_on_anything_else() {
    expect![[r#"
        error: there is no function 'tumble'
         --> job.sql:7:32
          |
        7 | SELECT * FROM t, LATERAL TABLE(TUMBLE(TABLE t, DESCRIPTOR(id), INTERVAL '1' DAY));
          |                                ^^^^^^

        hint: CREATE FUNCTION tumble AS 'path.wasm#tumble' LANGUAGE WASM declares it

        error: this SQL is not supported: Physical plan does not support logical expression OuterReferenceColumn(Field { name: "text", data_type: Utf8, nullable: true }, Column { relation: Some(Bare { table: "t" }), name: "text" })
         --> job.sql:7:1
          |
        7 | SELECT * FROM t, LATERAL words(text);
          | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

        error: there is no function 'TABLE'
         --> job.sql:7:1
          |
        7 | SELECT * FROM t, LATERAL TABLE(text);
          | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

        hint: CREATE FUNCTION TABLE AS 'path.wasm#TABLE' LANGUAGE WASM declares it
    "#]].assert_eq(&refusals(&[
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
    expect![[r#"
        error: more than 50 LATERAL TABLE in one FROM
        hint: put some of them into a query of their own"#]]
    .assert_eq(&told.join("\n"));
}

#[test]
fn parameters() {
    let of = |with: &str| {
        let sql = format!("CREATE FUNCTION f AS 'words.wasm#ngrams' LANGUAGE WASM WITH ({with});");
        folder().error(&sql)
    };
    let told = [of("'n' = '0'"), of("'n' = 'two'"), of("'m' = '2'")];
    expect![[r#"
        error: function f (words.wasm#ngrams) refuses to open: the parameter 'n' is 1 to 100, not 0
         --> job.sql:1:17
          |
        1 | CREATE FUNCTION f AS 'words.wasm#ngrams' LANGUAGE WASM WITH ('n' = '0');
          |                 ^

        error: function f (words.wasm#ngrams) refuses to open: the parameter 'n' = 'two' is not right: invalid digit found in string
         --> job.sql:1:17
          |
        1 | CREATE FUNCTION f AS 'words.wasm#ngrams' LANGUAGE WASM WITH ('n' = 'two');
          |                 ^

        error: the function 'f' has no parameter 'm'
         --> job.sql:1:62
          |
        1 | CREATE FUNCTION f AS 'words.wasm#ngrams' LANGUAGE WASM WITH ('m' = '2');
          |                                                              ^^^

        hint: did you mean 'n'?
    "#]].assert_eq(&told.join("\n"));
}
