//! Versions of a model: which serves, how another takes over, and what keeps one from it.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use arrow::array::{ArrayRef, AsArray, Float64Array, Int64Array, StringArray};
use arrow::datatypes::{DataType, Field, Float64Type};
use expect_test::{Expect, expect};
use wasmill_inference::{
    InferenceError, Model, ModelDefinition, VersionedModel, VersionsInUse, Watch,
};

/// One tree that asks `x <= 0.5`.
fn tree(low: &str, high: &str) -> String {
    format!(
        "tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\nlabel_index=0\n\
         max_feature_idx=0\nobjective=regression\nfeature_names=x\nfeature_infos=[0:1]\n\n\
         Tree=0\nnum_leaves=2\nnum_cat=0\nsplit_feature=0\nthreshold=0.5\ndecision_type=8\n\
         left_child=-1\nright_child=-2\nleaf_value={low} {high}\n\nend of trees\n"
    )
}

/// Writes a file that was changed a while ago, so that it counts as whole.
fn put(folder: &Path, name: &str, text: &str) {
    static PUT: AtomicUsize = AtomicUsize::new(0);
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, text).unwrap();
    // Later than those before it.
    let age = 100_000 - PUT.fetch_add(1, Ordering::Relaxed) as u64;
    let then = SystemTime::now() - Duration::from_secs(age);
    File::options()
        .write(true)
        .open(path)
        .unwrap()
        .set_modified(then)
        .unwrap();
}

fn definition(folder: &Path, options: &[(&str, &str)]) -> ModelDefinition {
    let options = options
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    let column = |name: &str, data_type| Field::new(name, data_type, true);
    let mut definition = ModelDefinition {
        name: "churn".into(),
        provider: "lightgbm".into(),
        options: options.collect(),
        inputs: vec![column("x", DataType::Float64)],
        outputs: vec![column("y", DataType::Float64)],
        base: folder.into(),
    };
    if let Some(name) = definition.options.get("version.column") {
        let version = column(name, DataType::Utf8);
        definition.outputs.insert(0, version);
    }
    definition
}

fn open(folder: &Path, options: &[(&str, &str)]) -> Result<Arc<VersionedModel>, InferenceError> {
    VersionedModel::open(&definition(folder, options))
}

/// The prediction of a row whose feature is 0.
fn ask(model: &VersionedModel) -> f64 {
    let x: ArrayRef = Arc::new(Float64Array::from(vec![0.0]));
    let given = model.predict(&[x], 1, None).unwrap();
    given.last().unwrap().as_primitive::<Float64Type>().value(0)
}

fn shown(folder: &Path, text: &str) -> String {
    text.replace(&folder.display().to_string(), "FOLDER")
}

fn refused(folder: &Path, options: &[(&str, &str)], expected: &Expect) {
    let error = open(folder, options).unwrap_err();
    let hint = error.hint().unwrap_or_default();
    expected.assert_eq(&shown(folder, &format!("{error}\nhint: {hint}")));
}

fn notices(folder: &Path, model: &VersionedModel) -> String {
    shown(folder, &model.take_notices().join("\n"))
}

#[test]
fn the_newest_serves_until_a_newer_one_takes_over() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    put(folder, "churn/9/model.txt", &tree("9", "0"));
    put(folder, "churn/8/model.txt", &tree("8", "0"));
    for path in ["churn/*", "churn/*/model.txt", "churn"] {
        let model = open(folder, &[("path", path)]).unwrap();
        assert_eq!((ask(&model), model.version()), (9.0, "9".to_owned()));
        assert_eq!(model.interval(), Some(Duration::from_secs(10)));
    }
    let model = open(folder, &[("path", "churn/*")]).unwrap();
    model.look();
    assert!(!model.is_ready());
    // Written again, it is the same.
    put(folder, "churn/9/model.txt", &tree("9", "0"));
    model.look();
    assert!(!model.is_ready());
    put(folder, "churn/10/model.txt", &tree("10", "0"));
    model.look();
    // Not before it is said.
    assert_eq!((model.is_ready(), ask(&model)), (true, 9.0));
    assert!(model.take_over());
    assert_eq!((model.is_ready(), ask(&model)), (false, 10.0));
    expect!["model 'churn': version '10' (5377f9cec91e) serves from here on, after version '9' (709481db7692)"].assert_eq(&notices(folder, &model));
    // Going back is removing it.
    fs::remove_dir_all(folder.join("churn/10")).unwrap();
    model.look();
    assert!(model.take_over());
    assert_eq!(ask(&model), 9.0);
}

#[test]
fn files_are_versions_too_and_one_file_may_change() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    put(folder, "churn-1.9.txt", &tree("1", "0"));
    put(folder, "churn-1.10.txt", &tree("2", "0"));
    put(folder, "other-3.txt", &tree("3", "0"));
    let model = open(folder, &[("path", "churn-*.txt")]).unwrap();
    assert_eq!((ask(&model), model.version()), (2.0, "1.10".to_owned()));

    let path = ("path", "churn-1.9.txt");
    let fixed = open(folder, &[path]).unwrap();
    let followed = open(folder, &[path, ("reload.interval", "100 ms")]).unwrap();
    assert_eq!(fixed.interval(), None);
    assert_eq!(followed.interval(), Some(Duration::from_millis(100)));
    put(folder, "churn-1.9.txt", &tree("4", "0"));
    followed.look();
    assert!(followed.take_over());
    assert_eq!((ask(&fixed), ask(&followed)), (1.0, 4.0));
    expect!["model 'churn': version db31937cfa6e serves from here on, after version 854bc843f7a5"]
        .assert_eq(&notices(folder, &followed));
}

#[test]
fn a_bad_version_leaves_the_old_one_serving_and_says_so_once() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    put(folder, "churn/1.txt", &tree("1", "0"));
    let model = open(folder, &[("path", "churn/*")]).unwrap();
    put(folder, "churn/2.txt", "tree\nversion=v4\n");
    for _ in 0..2 {
        model.look();
    }
    expect!["model 'churn': FOLDER/churn/2.txt: the model is damaged: the line 'max_feature_idx=…' is missing; version '1' (854bc843f7a5) goes on"].assert_eq(&notices(folder, &model));
    assert!(!model.take_over());
    assert_eq!(ask(&model), 1.0);
    // As the model of another table would be.
    put(
        folder,
        "churn/2.txt",
        &tree("2", "0").replace("max_feature_idx=0", "max_feature_idx=1"),
    );
    model.look();
    expect!["model 'churn': FOLDER/churn/2.txt, line 8: the model is damaged: 'feature_names' has 1 values instead of 2; version '1' (854bc843f7a5) goes on"].assert_eq(&notices(folder, &model));
    put(folder, "churn/2.txt", &tree("2", "0"));
    model.look();
    assert!(model.take_over());
    assert_eq!(ask(&model), 2.0);
    // At the start there is no old one.
    put(folder, "churn/3.txt", "");
    model.take_notices();
    let model = open(folder, &[("path", "churn/*")]).unwrap();
    assert_eq!(ask(&model), 2.0);
    expect!["model 'churn': FOLDER/churn/3.txt: this is not a LightGBM text model; version '2' (ff060e15bdf0) serves instead"].assert_eq(&notices(folder, &model));
}

#[test]
fn a_file_that_is_being_written_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    put(folder, "churn/1.txt", &tree("1", "0"));
    let model = open(folder, &[("path", "churn/*")]).unwrap();
    fs::write(folder.join("churn/2.txt"), "tree\n").unwrap();
    model.look();
    expect![""].assert_eq(&notices(folder, &model));
    assert!(!model.is_ready());
}

#[test]
fn golden_rows_must_come_out() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    put(folder, "churn/1/model.txt", &tree("1", "5"));
    put(
        folder,
        "churn/1/golden.csv",
        "y,x,why\n1,0.25,low\n5,0.75,high\n",
    );
    let options = [
        ("path", "churn/*/model.txt"),
        ("golden.path", "churn/*/golden.csv"),
        ("golden.tolerance", "0.01"),
    ];
    let model = open(folder, &options).unwrap();
    put(folder, "churn/2/model.txt", &tree("2", "5.005"));
    put(folder, "churn/2/golden.csv", "x,y\n0.25,2\n0.75,6\n");
    model.look();
    expect!["model 'churn': FOLDER/churn/2/golden.csv: golden row 2: 'y' is 5.005, expected is 6.0, 0.995 apart; version '1' (287bb0dbb407) goes on"].assert_eq(&notices(folder, &model));
    assert!(!model.is_ready());
    put(folder, "churn/3/model.txt", &tree("3", "5"));
    model.look();
    expect!["model 'churn': FOLDER/churn/3/golden.csv: the golden rows cannot be read: Io error: No such file or directory (os error 2); version '1' (287bb0dbb407) goes on"].assert_eq(&notices(folder, &model));
    put(folder, "churn/4/model.txt", &tree("4", "5.005"));
    put(folder, "churn/4/golden.csv", "x,y\n0.25,4\n0.75,5\n,5\n");
    model.look();
    expect![""].assert_eq(&notices(folder, &model));
    assert!(model.take_over());
    assert_eq!(ask(&model), 4.0);
    // One file for all versions, of JSON lines.
    put(
        folder,
        "golden.json",
        "{\"x\": 0.25, \"y\": 4}\n{\"x\": 0.75}\n",
    );
    let options = [options[0], ("golden.path", "golden.json")];
    let all = [options.as_slice(), &[("version", "4")]].concat();
    refused(
        folder,
        &all,
        &expect![[r#"
        model 'churn': FOLDER/golden.json: golden row 2: 'y' is 5.005, expected is 
        hint: 'golden.tolerance' says how far they may lie apart"#]],
    );
}

#[test]
fn which_version_serves_is_up_to_the_job() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    put(folder, "churn/1.txt", &tree("1", "0"));
    put(folder, "churn/2.txt", &tree("2", "0"));
    let path = ("path", "churn/*");
    let named = open(folder, &[path, ("version", "1")]).unwrap();
    let pinned = open(folder, &[path, ("version", "pinned")]).unwrap();
    assert_eq!((ask(&named), ask(&pinned)), (1.0, 2.0));
    put(folder, "churn/3.txt", &tree("3", "0"));
    for model in [named, pinned] {
        assert_eq!(model.interval(), None);
        model.look();
        assert!(!model.is_ready());
    }
    refused(
        folder,
        &[path, ("version", "4")],
        &expect![[r#"
            model 'churn': FOLDER/churn: there is no version '4'
            hint: did you mean '1'?"#]],
    );
    refused(
        folder,
        &[("path", "churn/1.txt"), ("version", "1")],
        &expect![[r#"
        model 'churn': 'version' is of a folder with versions, and 'path' names one file
        hint: 'path' = 'models/churn/*' has a version in each file or folder there"#]],
    );
    refused(
        folder,
        &[("path", "nowhere/*")],
        &expect![[r#"
            model 'churn': FOLDER/nowhere: the folder of versions does not exist
            hint: a relative 'path' starts from the folder of the job file"#]],
    );
    fs::create_dir(folder.join("empty")).unwrap();
    refused(
        folder,
        &[("path", "empty/*")],
        &expect![[r#"
            model 'churn': FOLDER/empty: there is no version in the folder
            hint: a version is a model file there, or a folder with one: 'models/churn/1/model.txt'"#]],
    );
    refused(
        folder,
        &[("path", "*/*")],
        &expect![[r#"
        model 'churn': 'path' = '*/*': one '*' may stand for the version
        hint: "#]],
    );
    put(folder, "two/1/a.txt", &tree("1", "0"));
    put(folder, "two/1/b.txt", &tree("1", "0"));
    refused(
        folder,
        &[("path", "two/*")],
        &expect![[r#"
        model 'churn': FOLDER/two/1: there is not exactly one file *.txt in it
        hint: name the file of each version behind the '*': 'path' = 'models/churn/*/model.txt'"#]],
    );
    refused(
        folder,
        &[path, ("canary.version", "latest"), ("canary.share", "0.5")],
        &expect![[r#"
        model 'churn': 'canary.version' = 'latest' is the version that serves already
        hint: name the one that serves: 'version' = '…'"#]],
    );
    refused(
        folder,
        &[path, ("canary.version", "1")],
        &expect![[r#"
        model 'churn': 'canary.version' needs 'canary.share'
        hint: 'canary.share' = '0.05' is one row of 20"#]],
    );
    refused(
        folder,
        &[path, ("canary.version", "1"), ("canary.share", "2")],
        &expect![[r#"
        model 'churn': the option 'canary.share' must be a number from 0 to 1, not '2'
        hint: "#]],
    );
    refused(
        folder,
        &[path, ("canary.share", "0.5")],
        &expect![[r#"
        model 'churn': 'canary.share' needs 'canary.version'
        hint: "#]],
    );
    refused(
        folder,
        &[path, ("versio", "1")],
        &expect![[r#"
            model 'churn': unknown option 'versio' of the provider 'lightgbm'
            hint: did you mean 'version'?"#]],
    );
    let mut column = definition(folder, &[path, ("version.column", "v")]);
    column.outputs[0] = Field::new("v", DataType::Int64, true);
    let error = VersionedModel::open(&column).unwrap_err();
    expect!["model 'churn': the output 'v' holds the version, so it must be STRING, not BIGINT"]
        .assert_eq(&error.to_string());
}

#[test]
fn a_canary_gets_its_share_of_the_keys() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    put(folder, "churn/1.txt", &tree("1", "-1"));
    put(folder, "churn/2.txt", &tree("2", "-2"));
    let rows = 20_000;
    let users: ArrayRef = Arc::new(StringArray::from_iter_values(
        (0..rows).map(|row| format!("user {}", row % 5000)),
    ));
    let x: ArrayRef = Arc::new(Float64Array::from_iter_values(
        (0..rows).map(|row| f64::from(row % 2)),
    ));
    let with = |share: &str| {
        let options = [
            ("path", "churn/*"),
            ("version", "1"),
            ("version.column", "v"),
            ("canary.version", "latest"),
            ("canary.share", share),
            ("canary.key", "user"),
        ];
        let model = open(folder, &options).unwrap();
        assert_eq!(model.canary_key().as_deref(), Some("user"));
        let given = model
            .predict_by(std::slice::from_ref(&x), Some(&users), rows as usize, None)
            .unwrap();
        let versions = given[0].as_string::<i32>();
        let predictions = given[1].as_primitive::<Float64Type>();
        let mut canaries = Vec::new();
        for row in 0..rows as usize {
            let number: f64 = versions.value(row).parse().unwrap();
            let sign = if row % 2 == 0 { 1.0 } else { -1.0 };
            assert_eq!(predictions.value(row), number * sign, "row {row}");
            canaries.push(number == 2.0);
            // A key has one version.
            assert_eq!(canaries[row % 5000], canaries[row], "row {row}");
        }
        canaries
    };
    let (few, more) = (with("0.1"), with("0.3"));
    let count = |rows: &[bool]| rows.iter().filter(|row| **row).count();
    assert!((1700..2300).contains(&count(&few)), "{}", count(&few));
    assert!((5500..6500).contains(&count(&more)), "{}", count(&more));
    // Those of a smaller share stay.
    assert!(few.iter().zip(&more).all(|(few, more)| !few || *more));
    assert_eq!((count(&with("0")), count(&with("1"))), (0, rows as usize));
}

#[test]
fn a_shadow_is_compared_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    put(folder, "churn/1.txt", &tree("1", "3"));
    put(folder, "churn/2.txt", &tree("1", "3.5"));
    let options = [
        ("path", "churn/*"),
        ("version", "1"),
        ("shadow.version", "latest"),
    ];
    let model = open(folder, &options).unwrap();
    let x: ArrayRef = Arc::new(Float64Array::from(vec![0.0, 1.0, 0.0, 1.0]));
    for _ in 0..2 {
        let given = model.predict(std::slice::from_ref(&x), 4, None).unwrap();
        let given = given[0].as_primitive::<Float64Type>();
        assert_eq!(given.values(), &[1.0, 3.0, 1.0, 3.0]);
    }
    expect!["model 'churn': version '2' (240b49158706) in the shadow of version '1' (7b13d6d83457): 8 rows compared, 4 differ, 0.25 apart in the mean and 0.5 at most"].assert_eq(&model.difference_notice().unwrap());
    // A newer shadow begins at zero.
    put(folder, "churn/3.txt", &tree("1", "3"));
    model.look();
    assert!(model.take_over());
    expect!["model 'churn': version '2' (240b49158706) in the shadow of version '1' (7b13d6d83457): 8 rows compared, 4 differ, 0.25 apart in the mean and 0.5 at most"].assert_eq(&notices(folder, &model));
    model.predict(&[x], 4, None).unwrap();
    expect!["model 'churn': version '3' (7b13d6d83457) in the shadow of version '1' (7b13d6d83457): 4 rows compared, 0 differ, 0.0 apart in the mean and 0.0 at most"].assert_eq(&model.difference_notice().unwrap());
}

#[test]
fn a_replay_uses_the_versions_of_the_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    put(folder, "churn/1.txt", &tree("1", "0"));
    let options = [("path", "churn/*")];
    let then = open(folder, &options).unwrap().versions();
    expect![[r#"VersionsInUse { serving: VersionId { name: Some("1"), id: "854bc843f7a5" }, canary: None }"#]].assert_eq(&format!("{then:?}"));
    put(folder, "churn/2.txt", &tree("2", "0"));
    let model = open(folder, &options).unwrap();
    assert_eq!(ask(&model), 2.0);
    model.go_back_to(&then).unwrap();
    assert_eq!((ask(&model), model.versions()), (1.0, then.clone()));
    model.look();
    assert!(model.take_over());
    assert_eq!(ask(&model), 2.0);
    // Who names one has it.
    let named = open(folder, &[options[0], ("version", "2")]).unwrap();
    named.go_back_to(&then).unwrap();
    assert_eq!(ask(&named), 2.0);
    // It is another file now, or gone.
    put(folder, "churn/1.txt", &tree("1.5", "0"));
    let lost = |expected: &Expect| {
        let error = model.go_back_to(&then).unwrap_err();
        let hint = error.hint().unwrap();
        expected.assert_eq(&shown(folder, &format!("{error}\nhint: {hint}")));
        assert_eq!(ask(&model), 2.0);
    };
    lost(&expect![[r#"
        model 'churn': FOLDER/churn/1.txt: the checkpoint is of version '1' (854bc843f7a5), and this is version '1' (dbb9e193ccc4)
        hint: bring back the one of the checkpoint, so that rows are predicted again as they were; or go on with another: 'version' = '…'"#]]);
    fs::remove_file(folder.join("churn/1.txt")).unwrap();
    lost(&expect![[r#"
        model 'churn': FOLDER/churn: the checkpoint is of version '1' (854bc843f7a5), which is no longer there
        hint: bring back the one of the checkpoint, so that rows are predicted again as they were; or go on with another: 'version' = '…'"#]]);
}

#[test]
fn the_version_of_a_checkpoint_survives_its_text() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    put(folder, "churn/1.txt", &tree("1", "0"));
    put(folder, "churn/2.txt", &tree("2", "0"));
    let options = [
        ("path", "churn/*"),
        ("version", "1"),
        ("canary.version", "2"),
        ("canary.share", "1"),
    ];
    let versions = open(folder, &options).unwrap().versions();
    let text = serde_json::to_string(&versions).unwrap();
    expect![[r#"{"name":"1","id":"854bc843f7a5","canary":{"name":"2","id":"ff060e15bdf0"}}"#]]
        .assert_eq(&text);
    let read: VersionsInUse = serde_json::from_str(&text).unwrap();
    assert_eq!(read, versions);
}

#[test]
fn a_definition_changes_while_calls_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    put(folder, "churn/1.txt", &tree("1", "0"));
    put(folder, "churn/2.txt", &tree("2", "0"));
    put(folder, "churn/3.txt", "");
    let path = ("path", "churn/*");
    let told = Arc::new(AtomicUsize::new(0));
    let model = open(folder, &[path, ("version", "1")]).unwrap();
    let count = Arc::clone(&told);
    model.tell(Some(Arc::new(move |_: &VersionedModel| {
        count.fetch_add(1, Ordering::Relaxed);
    })));
    let altered = |version| definition(folder, &[path, ("version", version)]);
    model.alter(&altered("2")).unwrap();
    assert_eq!((ask(&model), told.load(Ordering::Relaxed)), (1.0, 1));
    assert!(model.take_over());
    assert_eq!(ask(&model), 2.0);
    let error = model.alter(&altered("3")).unwrap_err();
    expect!["model 'churn': FOLDER/churn/3.txt: this is not a LightGBM text model"]
        .assert_eq(&shown(folder, &error.to_string()));
    assert!(!model.is_ready());
    let mut other = altered("1");
    other.outputs[0] = Field::new("z", DataType::Float64, true);
    expect!["model 'churn': the outputs cannot change while a job runs with it"]
        .assert_eq(&model.alter(&other).unwrap_err().to_string());
    assert_eq!(ask(&model), 2.0);
}

#[test]
fn a_watch_finds_a_new_version_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    put(folder, "churn/1.txt", &tree("1", "0"));
    let options = [("path", "churn/*"), ("reload.interval", "20 ms")];
    let model = open(folder, &options).unwrap();
    // As a server does it.
    model.tell(Some(Arc::new(|model: &VersionedModel| {
        model.take_over();
    })));
    let watch = Watch::begin(&model).unwrap();
    put(folder, "churn/2.txt", &tree("2", "0"));
    let begun = SystemTime::now();
    while ask(&model) == 1.0 && begun.elapsed().unwrap() < Duration::from_secs(20) {
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(ask(&model), 2.0);
    drop(watch);
}

#[test]
fn servers_have_versions_of_their_own() {
    let mut remote = definition(Path::new("."), &[("version", "2")]);
    remote.provider = "open-inference".into();
    remote.options = BTreeMap::from([("version".to_owned(), "latest".to_owned())]);
    let error = VersionedModel::open(&remote).unwrap_err();
    expect!["model 'churn': the provider 'open-inference' has no option 'version': which version serves is up to its server"].assert_eq(&error.to_string());
    // An input may be the key of a canary.
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    put(folder, "churn/1.txt", &tree("1", "1"));
    put(folder, "churn/2.txt", &tree("2", "2"));
    let mut keyed = definition(
        folder,
        &[
            ("path", "churn/*"),
            ("version", "1"),
            ("canary.version", "2"),
            ("canary.share", "0.5"),
            ("canary.key", "x"),
        ],
    );
    keyed.inputs = vec![Field::new("x", DataType::Int64, true)];
    let keyed = VersionedModel::open(&keyed).unwrap();
    let x: ArrayRef = Arc::new(Int64Array::from_iter_values(0..1000));
    let given = keyed.predict(&[x], 1000, None).unwrap();
    let given = given[0].as_primitive::<Float64Type>();
    let canaries = given.values().iter().filter(|y| **y == 2.0).count();
    assert!((400..600).contains(&canaries), "{canaries}");
}
