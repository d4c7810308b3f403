//! Every example runs, and says what its README shows. Predictions equal Python's.

use std::{fs, path::Path, process::Command};

use expect_test::expect;

use crate::support::{plugin, python, root, rows_in};

/// A copy of the example whose sinks are its own, with the plugins' place kept.
pub fn example(name: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir_in(root().join("target")).unwrap();
    let here = folder.path().join("examples").join(name);
    copy(&root().join("examples").join(name), &here);
    let plugins = folder.path().join("target");
    fs::create_dir_all(&plugins).unwrap();
    plugin("predict");
    std::os::unix::fs::symlink(root().join("target/plugins"), plugins.join("plugins")).unwrap();
    folder
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            // What running it by hand leaves behind.
            let left = ["out", "higgs", ".wasmill"];
            if !left.iter().any(|name| entry.file_name() == *name) {
                copy(&entry.path(), &target);
            }
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn run(folder: &Path, job: &str) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_wasmill"))
        .args(["run", "--quiet"])
        .arg(folder.join(job))
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{job}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

pub fn run_python(folder: &Path, arguments: &[&str]) -> String {
    let output = python()
        .current_dir(folder)
        .args(arguments)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn lightgbm_batch_equals_python_to_the_last_bit() {
    let folder = example("lightgbm-batch");
    let here = folder.path().join("examples/lightgbm-batch");
    expect![[r#"
        +--------+---------+--------------+
        | benign | tumours | judged_right |
        +--------+---------+--------------+
        |      0 |      64 |           61 |
        |      1 |     107 |          105 |
        +--------+---------+--------------+
        2 rows in set
    "#]]
    .assert_eq(&run(&here, "job.sql"));

    let expected = run_python(
        &here,
        &[
            "-c",
            "
import lightgbm, polars
table = polars.read_csv('data/test.csv')
model = lightgbm.Booster(model_file='model.txt')
for label, p in zip(table['benign'], model.predict(table.drop('benign').to_numpy())):
    print(label, float(p).hex())
",
        ],
    );
    let rows = rows_in(&here.join("out"));
    assert_eq!(rows.len(), 171);
    assert_eq!(rows.len(), expected.lines().count());
    for (ours, theirs) in rows.iter().zip(expected.lines()) {
        let (label, prediction) = ours.split_once(',').unwrap();
        let prediction: f64 = prediction.parse().unwrap();
        assert_eq!(format!("{label} {}", hex(prediction)), theirs);
    }
}

/// Python's `float.hex`, for numbers from 2^-1022 up.
fn hex(value: f64) -> String {
    let bits = value.to_bits();
    let sign = if value.is_sign_negative() { "-" } else { "" };
    let exponent = ((bits >> 52) & 0x7ff) as i64 - 1023;
    format!("{sign}0x1.{:013x}p{exponent:+}", bits & ((1 << 52) - 1))
}

#[test]
fn higgs_shape_through_both_ways_equals_python() {
    let folder = example("lightgbm-batch");
    let here = folder.path().join("examples/lightgbm-batch");
    run_python(
        &here,
        &[
            "generate.py",
            "--rows",
            "20000",
            "--out",
            "higgs",
            "--train",
        ],
    );
    let sql = fs::read_to_string(here.join("higgs.sql")).unwrap();
    run(&here, "higgs.sql");
    let component = rows_in(&here.join("out"));

    let features: Vec<_> = (1..=28).map(|n| format!("f{n}")).collect();
    let insert = sql.find("INSERT").unwrap();
    let ml_predict = format!(
        "{}INSERT OVERWRITE sink SELECT label, prediction FROM ML_PREDICT(TABLE source, MODEL higgs, DESCRIPTOR({}));",
        &sql[..insert],
        features.join(", ")
    );
    fs::write(here.join("ml_predict.sql"), ml_predict).unwrap();
    run(&here, "ml_predict.sql");
    let builtin = rows_in(&here.join("out"));

    let expected = run_python(
        &here,
        &[
            "-c",
            "
import lightgbm, polars
table = polars.read_csv('higgs/data/test.tsv', separator='\\t', has_header=False)
label = table.columns[0]
model = lightgbm.Booster(model_file='higgs/model.txt')
for y, p in zip(table[label], model.predict(table.drop(label).to_numpy())):
    print(f'{y},{float(p)!r}')
",
        ],
    );
    let sorted = |rows: Vec<(i32, u64)>| {
        let mut rows = rows;
        rows.sort_unstable();
        rows
    };
    let bits = |line: &str| {
        let (label, prediction) = line.split_once(',').unwrap();
        (
            label.parse::<i32>().unwrap(),
            prediction.parse::<f64>().unwrap().to_bits(),
        )
    };
    let expected = sorted(expected.lines().map(bits).collect());
    assert_eq!(expected.len(), 20_000);
    assert!(sorted(component.iter().map(|line| bits(line)).collect()) == expected);
    assert!(sorted(builtin.iter().map(|line| bits(line)).collect()) == expected);
}

#[test]
fn onnx_digits_reads_what_onnxruntime_reads() {
    let folder = example("onnx-digits");
    let here = folder.path().join("examples/onnx-digits");
    run_python(&here, &["train.py"]);
    let printed = run(&here, "job.sql");
    assert!(printed.contains("| label |"), "{printed}");
    let expected = run_python(
        &here,
        &[
            "-c",
            "
import json, numpy, onnxruntime
session = onnxruntime.InferenceSession('model.onnx')
for line in open('data/digits.json'):
    row = json.loads(line)
    digit = session.run(['digit'], {'pixels': numpy.array([row['pixels']], numpy.float32)})[0][0]
    if digit != row['label']:
        print(f\"{row['id']},{row['label']},{digit}\")
",
        ],
    );
    let rows = rows_in(&here.join("out"));
    assert_eq!(rows[0], "id,label,digit");
    let mut expected: Vec<_> = expected.lines().collect();
    let mut ours: Vec<_> = rows[1..].iter().map(String::as_str).collect();
    expected.sort_unstable();
    ours.sort_unstable();
    assert!(!ours.is_empty());
    assert_eq!(ours, expected);
}

#[test]
fn geofence() {
    let folder = example("geofence");
    plugin("geofence");
    plugin("haversine");
    expect![[r#"
        +I[Brandenburger Tor, true, 0]
        +I[Alexanderplatz, true, 2488]
        +I[Tempelhofer Feld, true, 4876]
        +I[Checkpoint Charlie, true, 1302]
        +I[Schloss Charlottenburg, true, 5571]
        +I[Olympiastadion, false, 9360]
        +I[Flughafen BER, false, 18687]
        +I[Müggelsee, false, 20233]
        +I[East Side Gallery, true, 4380]
        +I[Wannsee, false, 17025]
        +I[Gesundbrunnen, true, 3664]
        +I[Treptower Park, false, 6947]
        +I[Unknown, no position, null, null]
    "#]]
    .assert_eq(&run(&folder.path().join("examples/geofence"), "job.sql"));
}

#[test]
fn without_sdk() {
    let folder = example("without-sdk");
    plugin("without-sdk");
    expect![[r#"
        +I[Welcome, Ada!, 7, 3.5]
        +I[Welcome, Grüße 🌾!, null, 3.5]
        +I[Welcome, !, 11, null]
        +I[Welcome, Bo!, 9223372036854775807, null]
    "#]]
    .assert_eq(&run(&folder.path().join("examples/without-sdk"), "job.sql"));
}

#[test]
fn ngrams() {
    let folder = example("ngrams");
    plugin("words");
    expect![[r#"
        +I[buy again, 3, 2.6666666666666665]
        +I[very well, 3, 4.0]
        +I[not buy, 2, 1.5]
        +I[the battery, 2, 3.0]
        +I[works very, 2, 4.0]
        +I[would not, 2, 1.5]
    "#]]
    .assert_eq(&run(&folder.path().join("examples/ngrams"), "job.sql"));
}

#[test]
fn shop_visits() {
    let folder = example("shop-visits");
    plugin("sessions");
    plugin("statistics");
    let printed = run(&folder.path().join("examples/shop-visits"), "job.sql");
    let mut lines: Vec<_> = printed.lines().collect();
    lines.sort_unstable();
    expect![[r#"
        +I[ann, 2, 4, 390]
        +I[bob, 2, 4, 719]
        +I[cara, 2, 2, 0]
        dear> +I[ann, books, 61.0, 1.0, 2026-03-01T09:04:10]
        dear> +I[bob, books, 70.0, 10.0, 2026-03-01T09:31]
        dear> +I[bob, garden, 210.0, 10.0, 2026-03-01T09:33]
        spent> +I[ann, 19.71]
        spent> +I[bob, 49.24]
        spent> +I[cara, 15.0]
        without limit> +I[cara, music, 15.0]
        without limit> +I[cara, music, 15.0]"#]]
    .assert_eq(&lines.join("\n"));
}
