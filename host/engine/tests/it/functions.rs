//! Every expression of `flink/*.txt` gives what the real Flink gives: see the files' heads.

use std::{fs, path::Path};

use crate::harness::Folder;

/// What our engine says: `TYPE: VALUE`, or `error: …`.
fn ours(folder: &Folder, zone: &str, expression: &str) -> String {
    let sql = format!(
        "SET 'table.local-time-zone' = '{zone}';
         CREATE TABLE out (kind STRING, shown STRING) WITH ('connector' = 'print');
         INSERT INTO out SELECT TYPEOF({expression}), CAST({expression} AS STRING);"
    );
    match folder.run(&sql) {
        Ok(printed) => {
            let row = printed
                .trim_end()
                .split_once("+I[")
                .map_or("", |(_, row)| row);
            let row = row.strip_suffix(']').unwrap_or(row);
            let (kind, value) = split_row(row);
            // `print` writes NULL as `null`.
            let value = if value == "null" { "NULL" } else { value };
            let value = value.replace('\\', "\\\\").replace('\n', "\\n");
            format!("{}: {value}", kind.trim_end_matches(" NOT NULL"))
                .trim_end()
                .to_owned()
        }
        Err(error) => {
            let message = error.to_string();
            format!("error: {}", message.lines().next().unwrap_or_default())
        }
    }
}

/// The type ends at the first comma outside of brackets.
fn split_row(row: &str) -> (&str, &str) {
    let mut depth = 0;
    for (at, letter) in row.char_indices() {
        match letter {
            '<' | '(' => depth += 1,
            '>' | ')' => depth -= 1,
            ',' if depth == 0 => return (&row[..at], row.get(at + 2..).unwrap_or_default()),
            _ => {}
        }
    }
    (row, "")
}

/// Types of one kind count as the same: lengths, precisions, NOT NULL, and the width of whole numbers
/// are not compared.
fn kind(data_type: &str) -> &str {
    let base = data_type.split(['(', '<', ' ']).next().unwrap_or_default();
    match base {
        "CHAR" | "VARCHAR" => "STRING",
        "TINYINT" | "SMALLINT" | "INT" | "BIGINT" => "INTEGER",
        "VARBINARY" | "BINARY" => "BYTES",
        other => other,
    }
}

fn is_same(flink: &str, ours: &str) -> bool {
    if flink == "error" {
        return ours.starts_with("error: ");
    }
    let (Some((flink_type, flink)), Some((our_type, ours))) =
        (flink.split_once(": "), ours.split_once(": "))
    else {
        // An empty text.
        let (flink, ours) = (flink.trim_end_matches(':'), ours.trim_end_matches(':'));
        return kind(flink) == kind(ours);
    };
    let value = match (flink.parse::<f64>(), ours.parse::<f64>()) {
        // The last digit of a logarithm is the machine's.
        (Ok(flink), Ok(ours)) if kind(flink_type) != "STRING" => {
            flink == ours || (flink - ours).abs() <= 1e-14 * flink.abs()
        }
        _ => flink == ours,
    };
    value && kind(flink_type) == kind(our_type)
}

#[test]
fn expressions_give_what_flink_gives() {
    check("functions.txt", "UTC", 500);
}

#[test]
fn times_are_those_of_the_sessions_zone() {
    check("berlin.txt", "Europe/Berlin", 20);
}

fn check(file: &str, zone: &str, least: usize) {
    let folder = Folder::new();
    let path = Path::new("tests/it/flink");
    let path = path.join(file);
    let file = fs::read_to_string(&path).unwrap();
    let (mut checked, mut wrong, mut lines) = (0, Vec::new(), Vec::new());
    for line in file.lines() {
        let Some((expression, answers)) =
            line.split_once(" => ").filter(|_| !line.starts_with('#'))
        else {
            lines.push(line.to_owned());
            continue;
        };
        checked += 1;
        let (flink, differing) = match answers.split_once(" <> ") {
            Some((flink, ours)) => (flink, Some(ours)),
            None => (answers, None),
        };
        let found = ours(&folder, zone, expression);
        let agrees = is_same(flink, &found);
        let expected = match differing {
            Some(differing) => differing == found,
            None => agrees,
        };
        if !expected {
            wrong.push(format!("{expression}\n  Flink {flink}\n  we    {found}"));
        }
        lines.push(match agrees {
            true => format!("{expression} => {flink}"),
            false => format!("{expression} => {flink} <> {found}"),
        });
    }
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        fs::write(&path, lines.join("\n") + "\n").unwrap();
        return;
    }
    assert!(checked >= least, "{checked} expressions in {file}");
    assert!(
        wrong.is_empty(),
        "{} of {checked}:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// Arguments of the wrong kind are errors of the job, and no panics.
#[test]
fn wrong_arguments() {
    let folder = Folder::new();
    for call in [
        "ARRAY_REMOVE(5, 1)",
        "ARRAY_POSITION('a', 1)",
        "ARRAY_CONTAINS(NULL, 1)",
        "ELEMENT(5)",
        "JSON_OBJECT(5 VALUE 1)",
        "`json_object`(5)",
        "`json_array`('Nj', 5, 6) || 5 || JSON(5)",
        "TO_TIMESTAMP_LTZ('2024-01-01', 3)",
        "TO_TIMESTAMP_LTZ(TRUE, 3)",
        "TO_TIMESTAMP_LTZ(5, 7)",
        "FLOOR(5 TO DAY)",
        "TIMESTAMPADD(FORTNIGHT, 1, NOW())",
        "TIMESTAMPDIFF(DAY, 5, NOW())",
        "EXTRACT(YEAR FROM 5)",
        "DATE_FORMAT(NOW(), 'QQ')",
        "SUBSTRING(5, 1)",
        "SIGN('a')",
        "SHA2('a', 255)",
        "ENCODE('a', 'EBCDIC')",
        "CONVERT_TZ('2024-01-01 00:00:00', 'UTC', 'Mars')",
        "JSON_VALUE('{}', 'a')",
        "JSON_VALUE('{}', '$[?(@.a)]')",
        "REGEXP('a', '(?=a)')",
        "RAND_INTEGER(0)",
        "GREATEST(1, ARRAY[1])",
    ] {
        let error = folder.run(&format!("SELECT {call} AS c;")).unwrap_err();
        let text = error.to_string();
        assert!(
            !text.contains("panic") && !text.contains("bug"),
            "{call}: {text}"
        );
    }
}
