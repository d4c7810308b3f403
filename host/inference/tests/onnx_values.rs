//! What columns ONNX models take and give: texts, halves, lists in lists, maps, whole tensors; and
//! what is said where they do not fit.

#![cfg(feature = "onnx")]
#![allow(clippy::unwrap_used, reason = "tests")]

mod oracle;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use arrow::array::{
    ArrayRef, BooleanArray, Float32Array, Float32Builder, Int64Array, ListArray, MapBuilder,
    StringArray, StringBuilder,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Float32Type};
use arrow::util::pretty::pretty_format_columns;
use expect_test::{Expect, expect};
use oracle::run_script;
use wasmill_inference::{InferenceError, Model, ModelDefinition, load};

static MODELS: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("onnx_values");
    std::fs::create_dir_all(&folder).unwrap();
    run_script("onnx_values.py", &folder);
    folder
});

/// A model in the making.
struct Case {
    definition: ModelDefinition,
    columns: Vec<ArrayRef>,
}

fn model(name: &str) -> Case {
    Case {
        definition: ModelDefinition {
            name: "model".into(),
            provider: "onnx".into(),
            options: BTreeMap::from([("path".into(), format!("{name}.onnx"))]),
            inputs: vec![],
            outputs: vec![],
            base: MODELS.clone(),
        },
        columns: vec![],
    }
}

impl Case {
    fn option(mut self, key: &str, value: &str) -> Self {
        self.definition.options.insert(key.into(), value.into());
        self
    }

    fn input(mut self, name: &str, column: ArrayRef) -> Self {
        let field = Field::new(name, column.data_type().clone(), true);
        self.definition.inputs.push(field);
        self.columns.push(column);
        self
    }

    fn output(mut self, name: &str, data_type: DataType) -> Self {
        let field = Field::new(name, data_type, true);
        self.definition.outputs.push(field);
        self
    }

    fn load(&self) -> Result<Arc<dyn Model>, InferenceError> {
        load(&self.definition)
    }

    /// The output columns as a table, or the error.
    fn check(&self, expected: Expect) {
        let rows = self.columns.first().map_or(0, |column| column.len());
        let given = self
            .load()
            .and_then(|model| model.predict(&self.columns, rows, None));
        let text = match given {
            Ok(given) => {
                let mut text = String::new();
                for (field, column) in self.definition.outputs.iter().zip(given) {
                    assert_eq!(column.data_type(), field.data_type());
                    let table = pretty_format_columns(field.name(), &[column]).unwrap();
                    text += &format!("{table}\n");
                }
                text
            }
            Err(error) => render(&error),
        };
        expected.assert_eq(&text);
    }
}

fn render(error: &InferenceError) -> String {
    let hint = error.hint().unwrap_or_default();
    let folder = MODELS.display().to_string();
    format!("error: {error}\n\nhint: {hint}\n").replace(&folder, "FOLDER")
}

fn floats(values: &[f32]) -> ArrayRef {
    Arc::new(Float32Array::from(values.to_vec()))
}

fn texts(values: &[&str]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

fn lists(rows: &[&[f32]]) -> ArrayRef {
    let rows = rows.iter().map(|row| Some(row.iter().copied().map(Some)));
    Arc::new(ListArray::from_iter_primitive::<Float32Type, _, _>(rows))
}

/// Lists of lists, each inner list of such a length.
fn matrices(rows: &[&[&[f32]]]) -> ArrayRef {
    let inner: Vec<&[f32]> = rows.iter().flat_map(|row| row.iter().copied()).collect();
    let items = lists(&inner);
    let item = Arc::new(Field::new_list_field(items.data_type().clone(), true));
    let offsets = arrow::buffer::OffsetBuffer::from_lengths(rows.iter().map(|row| row.len()));
    Arc::new(ListArray::new(item, offsets, items, None))
}

fn list_of(item: DataType) -> DataType {
    DataType::new_list(item, true)
}

fn map_of(key: DataType, value: DataType) -> DataType {
    let fields = vec![
        Field::new("key", key, false),
        Field::new("value", value, true),
    ];
    let entries = Field::new("entries", DataType::Struct(fields.into()), false);
    DataType::Map(Arc::new(entries), false)
}

fn zipmap(labels: &str) -> Case {
    model(&format!("zipmap_{labels}"))
        .input("a", floats(&[0.5, 0.0]))
        .input("b", floats(&[0.25, 1.0]))
        .input("c", floats(&[0.25, 0.0]))
}

#[test]
fn zipmap_gives_a_map() {
    zipmap("integers")
        .output("label", DataType::Int64)
        .output("probabilities", map_of(DataType::Int64, DataType::Float32))
        .check(expect![[r#"
            +-------+
            | label |
            +-------+
            | 0     |
            | 1     |
            +-------+
            +-----------------------------+
            | probabilities               |
            +-----------------------------+
            | {1: 0.25, 2: 0.25, 10: 0.5} |
            | {1: 0.0, 2: 1.0, 10: 0.0}   |
            +-----------------------------+
        "#]]);
    zipmap("strings")
        .output("probabilities", map_of(DataType::Utf8, DataType::Float64))
        .check(expect![[r#"
            +-----------------------------------+
            | probabilities                     |
            +-----------------------------------+
            | {maybe: 0.25, no: 0.5, yes: 0.25} |
            | {maybe: 0.0, no: 0.0, yes: 1.0}   |
            +-----------------------------------+
        "#]]);
}

#[test]
fn zipmap_gives_a_list_in_the_order_of_the_keys() {
    zipmap("integers")
        .output("probabilities", list_of(DataType::Float32))
        .check(expect![[r#"
            +-------------------+
            | probabilities     |
            +-------------------+
            | [0.25, 0.25, 0.5] |
            | [0.0, 1.0, 0.0]   |
            +-------------------+
        "#]]);
    zipmap("strings")
        .output(
            "probabilities",
            DataType::new_fixed_size_list(DataType::Float32, 3, true),
        )
        .check(expect![[r#"
            +-------------------+
            | probabilities     |
            +-------------------+
            | [0.25, 0.5, 0.25] |
            | [0.0, 0.0, 1.0]   |
            +-------------------+
        "#]]);
}

#[test]
fn a_map_that_does_not_fit_is_refused() {
    zipmap("strings")
        .output("probabilities", map_of(DataType::Int64, DataType::Float32))
        .check(expect![[r#"
            error: model 'model': the column 'probabilities' does not fit probabilities sequence(map(string, float))

            hint: the model is (x float[N, 3]) -> (label int64[N], probabilities sequence(map(string, float))); declared is (a FLOAT, b FLOAT, c FLOAT) -> (probabilities MAP<BIGINT, FLOAT>)
        "#]]);
    zipmap("strings")
        .output(
            "probabilities",
            DataType::new_fixed_size_list(DataType::Float32, 2, true),
        )
        .check(expect![[r#"
            error: model 'model': 'probabilities': lists of 3 items came instead of 2

            hint: declare the output columns with types that hold what the model gives
        "#]]);
    zipmap("integers")
        .output("probabilities", DataType::Float32)
        .check(expect![[r#"
            error: model 'model': the column 'probabilities' does not fit probabilities sequence(map(int64, float))

            hint: the model is (x float[N, 3]) -> (label int64[N], probabilities sequence(map(int64, float))); declared is (a FLOAT, b FLOAT, c FLOAT) -> (probabilities FLOAT)
        "#]]);
}

#[test]
fn a_map_goes_into_dict_vectorizer() {
    let mut builder = MapBuilder::new(None, StringBuilder::new(), Float32Builder::new());
    for (keys, value) in [(&["b", "a"][..], 1.5), (&["c", "unknown"], 2.5), (&[], 0.0)] {
        for key in keys {
            builder.keys().append_value(key);
            builder.values().append_value(value);
        }
        builder.append(true).unwrap();
    }
    let words: ArrayRef = Arc::new(builder.finish());
    let words = cast(&words, &map_of(DataType::Utf8, DataType::Float32)).unwrap();
    let case = |words: &ArrayRef| {
        model("dict_vectorizer")
            .input("words", Arc::clone(words))
            .output("y", list_of(DataType::Float32))
    };
    case(&words).option("batch-axis", "none").check(expect![[r#"
        +-----------------+
        | y               |
        +-----------------+
        | [1.5, 1.5, 0.0] |
        | [0.0, 0.0, 2.5] |
        | [0.0, 0.0, 0.0] |
        +-----------------+
    "#]]);
    case(&words).check(expect![[r#"
        error: model 'model': words map(string, float) has no dimension for rows

        hint: with 'batch-axis' = 'none' the model gets and gives whole tensors, one row a call; the model is (words map(string, float)) -> (y float[1, 3]); declared is (words MAP<STRING, FLOAT>) -> (y ARRAY<FLOAT>)
    "#]]);
}

#[test]
fn columns_of_texts_make_a_matrix() {
    model("strings")
        .input("first", texts(&["red", "blue"]))
        .input("second", texts(&["green", "mauve"]))
        .output("y", list_of(DataType::Int32))
        .check(expect![[r#"
            +---------+
            | y       |
            +---------+
            | [1, 2]  |
            | [3, -1] |
            +---------+
        "#]]);
}

#[test]
fn a_text_with_a_nul_is_refused() {
    model("text")
        .input("x", texts(&["good", "b\0d"]))
        .output("y", DataType::Utf8)
        .check(expect![[r#"
            error: model 'model': the column 'x': row 1 has a text with a NUL, which ONNX Runtime does not take

            hint: 
        "#]]);
}

const ELEMENTS: [&str; 13] = [
    "float16", "bfloat16", "float", "double", "int8", "int16", "int32", "int64", "uint8", "uint16",
    "uint32", "uint64", "bool",
];

/// All elements, from a column of numbers, into a column of a type.
fn elements(data_type: &DataType) -> Case {
    let numbers: ArrayRef = Arc::new(Int64Array::from(vec![0, 1, 100]));
    let flags: ArrayRef = Arc::new(BooleanArray::from(vec![false, true, true]));
    ELEMENTS.iter().fold(model("elements"), |case, name| {
        let column = if *name == "bool" { &flags } else { &numbers };
        case.input(name, Arc::clone(column))
            .output(&format!("{name}_out"), data_type.clone())
    })
}

#[test]
fn every_element_comes_from_numbers_and_becomes_numbers() {
    for data_type in [
        DataType::Int64,
        DataType::Float64,
        DataType::Int8,
        DataType::UInt64,
        DataType::Float16,
    ] {
        let case = elements(&data_type);
        let expected = cast(&case.columns[0], &data_type).unwrap();
        let flags = cast(&case.columns[12], &data_type).unwrap();
        let given = case
            .load()
            .unwrap()
            .predict(&case.columns, 3, None)
            .unwrap();
        for (name, given) in ELEMENTS.iter().zip(given) {
            let expected = if *name == "bool" { &flags } else { &expected };
            assert_eq!(given.as_ref(), expected.as_ref(), "{name} as {data_type}");
        }
    }
}

#[test]
fn a_number_that_the_tensor_or_the_column_cannot_say_is_refused() {
    let mut case = elements(&DataType::Int64);
    case.columns[8] = Arc::new(Int64Array::from(vec![0, 255, 256]));
    case.check(expect![[r#"
        error: model 'model': the column 'uint8': Cast error: Can't cast value 256 to type UInt8

        hint: 
    "#]]);
    let mut case = elements(&DataType::Int64);
    case.columns[11] = Arc::new(arrow::array::UInt64Array::from(vec![0, 1, u64::MAX]));
    case.check(expect![[r#"
        error: model 'model': the column 'uint64_out': Cast error: Can't cast value 18446744073709551615 to type Int64

        hint: declare the output columns with types that hold what the model gives
    "#]]);
}

#[test]
fn lists_in_lists_have_two_free_dimensions() {
    let case = |rows: &[&[&[f32]]]| {
        model("matrices")
            .input("x", matrices(rows))
            .output("y", list_of(list_of(DataType::Float32)))
            .output("sum", DataType::Float64)
    };
    case(&[
        &[&[1.0, 2.0, 3.0], &[4.0, 5.0, 6.0]],
        &[&[0.0, 0.0, 1.0], &[0.5, 0.0, 0.0]],
    ])
    .check(expect![[r#"
        +--------------------------------------+
        | y                                    |
        +--------------------------------------+
        | [[1.0, 4.0], [2.0, 5.0], [3.0, 6.0]] |
        | [[0.0, 0.5], [0.0, 0.0], [1.0, 0.0]] |
        +--------------------------------------+
        +------+
        | sum  |
        +------+
        | 21.0 |
        | 1.5  |
        +------+
    "#]]);
    case(&[&[&[1.0, 2.0], &[3.0, 4.0]], &[&[5.0, 6.0], &[7.0]]]).check(expect![[r#"
        error: model 'model': the column 'x': row 1 has a list of 1 items instead of 2

        hint: 
    "#]]);
    case(&[&[&[1.0], &[3.0]], &[&[5.0]]]).check(expect![[r#"
        error: model 'model': the column 'x': row 1 has a list of 1 items instead of 2

        hint: 
    "#]]);
}

#[test]
fn lists_of_another_depth_are_refused() {
    model("matrices")
        .input("x", lists(&[&[1.0, 2.0]]))
        .output("sum", DataType::Float64)
        .check(expect![[r#"
            error: model 'model': 'x' has 2 free dimensions a row, which one flat list does not tell apart; declare lists in lists

            hint: the model is (x float[N, ?, ?]) -> (y float[N, ?, ?], sum float[N]); declared is (x ARRAY<FLOAT>) -> (sum DOUBLE)
        "#]]);
    model("matrices")
        .input("x", matrices(&[&[&[1.0]]]))
        .output("y", list_of(list_of(list_of(DataType::Float32))))
        .check(expect![[r#"
            error: model 'model': the column 'y' has lists 3 deep, but a row of y float[N, ?, ?] has 2 dimensions

            hint: the model is (x float[N, ?, ?]) -> (y float[N, ?, ?], sum float[N]); declared is (x ARRAY<ARRAY<FLOAT>>) -> (y ARRAY<ARRAY<ARRAY<FLOAT>>>)
        "#]]);
}

#[test]
fn a_model_of_a_fixed_number_of_rows_gets_as_many() {
    let case = |rows: usize| {
        model(&format!("rows{rows}"))
            .input("a", floats(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]))
            .input("b", floats(&[0.0, 10.0, 20.0, 30.0, 40.0, 50.0]))
            .output("y", DataType::Float32)
    };
    case(1).check(expect![[r#"
        +------+
        | y    |
        +------+
        | 1.0  |
        | 12.0 |
        | 23.0 |
        | 34.0 |
        | 45.0 |
        | 56.0 |
        +------+
    "#]]);
    case(4).check(expect![[r#"
        +------+
        | y    |
        +------+
        | 1.0  |
        | 12.0 |
        | 23.0 |
        | 34.0 |
        | 45.0 |
        | 56.0 |
        +------+
    "#]]);
    case(1 << 40).check(expect![[r#"
        error: model 'model': a call of 1099511627776 rows, to which the model is fixed, is more than its memory.limit of 2048 MiB

        hint: 
    "#]]);
    let mut text_in_row_5 = case(4);
    text_in_row_5.columns[1] = texts(&["1", "2", "3", "4", "5", "six"]);
    text_in_row_5.check(expect![[r#"
        error: model 'model': in the rows from 4 on: the column 'b': Cast error: Cannot cast string 'six' to value of Float32 type

        hint: 
    "#]]);
}

#[test]
fn a_deadline_is_one_of_all_calls() {
    let case = model("rows1")
        .input("a", floats(&[1.0, 2.0]))
        .input("b", floats(&[1.0, 2.0]))
        .output("y", DataType::Float32);
    let model = case.load().unwrap();
    let error = model.predict(&case.columns, 2, Some(Instant::now()));
    assert!(matches!(error, Err(InferenceError::Limit { .. })));
    let later = Instant::now() + Duration::from_secs(60);
    model.predict(&case.columns, 2, Some(later)).unwrap();
}

#[test]
fn dimensions_that_count_no_rows_are_refused() {
    model("rows_of_two_minds")
        .input("a", floats(&[1.0]))
        .input("b", floats(&[1.0]))
        .output("y", DataType::Float32)
        .check(expect![[r#"
            error: model 'model': 'a' is fixed to 3 rows and 'b' to 1, so that their first dimensions are not those of rows

            hint: with 'batch-axis' = 'none' the model gets and gives whole tensors, one row a call; the model is (a float[3, 1], b float[1, 1]) -> (y float[3, 1]); declared is (a FLOAT, b FLOAT) -> (y FLOAT)
        "#]]);
    let x = || floats(&[1.0, 2.0]);
    model("one_for_all")
        .input("x", x())
        .output("y", DataType::Float32)
        .check(expect![[r#"
            error: model 'model': 'y' is fixed to 1 rows, whatever number comes in; export the model with a free first dimension

            hint: with 'batch-axis' = 'none' the model gets and gives whole tensors, one row a call; the model is (x float[N]) -> (y float[1]); declared is (x FLOAT) -> (y FLOAT)
        "#]]);
    model("twice")
        .input("x", x())
        .output("y", DataType::Float32)
        .check(expect![[r#"
            error: model 'model': the model gave 'y' the shape [4] for 2 rows

            hint: each output must have one value for each row; with 'batch-axis' = 'none' the model gets and gives whole tensors, one row a call
        "#]]);
    model("whole")
        .input("x", x())
        .output("sum", DataType::Float32)
        .check(expect![[r#"
            error: model 'model': the model gave 'sum' the shape [] for 2 rows

            hint: each output must have one value for each row; with 'batch-axis' = 'none' the model gets and gives whole tensors, one row a call
        "#]]);
}

#[test]
fn whole_tensors_are_of_one_row() {
    let x = lists(&[&[1.0, 3.0, 2.0], &[], &[7.0]]);
    let whole = |name: &str| {
        model(name)
            .option("batch-axis", "none")
            .input("x", Arc::clone(&x))
    };
    whole("whole")
        .output("sum", DataType::Float32)
        .output("sorted", list_of(DataType::Float32))
        .check(expect![[r#"
            +-----+
            | sum |
            +-----+
            | 6.0 |
            | 0.0 |
            | 7.0 |
            +-----+
            +-----------------+
            | sorted          |
            +-----------------+
            | [3.0, 2.0, 1.0] |
            | []              |
            | [7.0]           |
            +-----------------+
        "#]]);
    whole("twice")
        .output("y", list_of(DataType::Float32))
        .check(expect![[r#"
            +--------------------------------+
            | y                              |
            +--------------------------------+
            | [1.0, 3.0, 2.0, 1.0, 3.0, 2.0] |
            | []                             |
            | [7.0, 7.0]                     |
            +--------------------------------+
        "#]]);
    whole("sequence")
        .output("parts", list_of(list_of(DataType::Float32)))
        .check(expect![[r#"
            +---------------------+
            | parts               |
            +---------------------+
            | [[1.0, 3.0], [2.0]] |
            | []                  |
            | [[7.0]]             |
            +---------------------+
        "#]]);
    whole("sequence")
        .output("parts", list_of(DataType::Float32))
        .check(expect![[r#"
            error: model 'model': 'parts': the model gave a tensor of the shape [2], and the column has lists 0 deep for it

            hint: declare the output columns with types that hold what the model gives
        "#]]);
}

#[test]
fn options_that_are_wrong_are_refused() {
    let case = |key: &str, value: &str| {
        let case = model("twice")
            .input("x", floats(&[1.0]))
            .output("y", DataType::Float32);
        render(&case.option(key, value).load().unwrap_err())
    };
    let texts = [
        case("intra-op-thread", "2"),
        case("intra-op-threads", "0"),
        case("intra-op-threads", "two"),
        case("inter-op-threads", "1000000"),
        case("execution-mode", "paralel"),
        case("graph-optimization-level", "fast"),
        case("deterministic-compute", "yes"),
        case("batch-axis", "1"),
        case("execution-provider", "gpu"),
        case("device-id", "-1"),
    ];
    expect![[r#"
        error: model 'model': unknown option 'intra-op-thread' of the provider 'onnx'

        hint: did you mean 'intra-op-threads'?
        error: model 'model': the option 'intra-op-threads' must be between 1 and 1024, not 0

        hint: one thread is the one that calls the model
        error: model 'model': the option 'intra-op-threads' must be a whole number, not 'two'

        hint: 
        error: model 'model': the option 'inter-op-threads' must be between 1 and 1024, not 1000000

        hint: one thread is the one that calls the model
        error: model 'model': the option 'execution-mode' cannot be 'paralel'

        hint: did you mean 'parallel'?
        error: model 'model': the option 'graph-optimization-level' cannot be 'fast'

        hint: known: disable-all, basic, extended, layout, all
        error: model 'model': the option 'deterministic-compute' cannot be 'yes'

        hint: known: true, false
        error: model 'model': the option 'batch-axis' cannot be '1'

        hint: did you mean '0'?
        error: model 'model': the option 'execution-provider' cannot be 'gpu'

        hint: did you mean 'cpu'?
        error: model 'model': the option 'device-id' must be a whole number, not '-1'

        hint: 
    "#]]
    .assert_eq(&texts.concat());
}

#[test]
fn options_of_the_session_change_no_answer() {
    let case = |options: &[(&str, &str)]| {
        let case = model("matrices")
            .input("x", matrices(&[&[&[1.5, 2.0], &[4.0, 5.0]]]))
            .output("sum", DataType::Float32);
        let case = options
            .iter()
            .fold(case, |case, (key, value)| case.option(key, value));
        let given = case
            .load()
            .unwrap()
            .predict(&case.columns, 1, None)
            .unwrap();
        assert_eq!(
            given[0].as_ref(),
            &Float32Array::from(vec![12.5]),
            "{options:?}"
        );
    };
    for level in ["disable-all", "basic", "extended", "layout", "all"] {
        case(&[("graph-optimization-level", level)]);
    }
    case(&[
        ("execution-mode", "parallel"),
        ("inter-op-threads", "2"),
        ("intra-op-threads", "2"),
    ]);
    case(&[
        ("execution-mode", "sequential"),
        ("execution-provider", "cpu"),
        ("device-id", "0"),
    ]);
    case(&[
        ("deterministic-compute", "true"),
        ("enable-mem-pattern", "false"),
    ]);
    case(&[
        ("set-denormal-as-zero", "true"),
        ("disable-cpu-ep-fallback", "false"),
    ]);
}

#[test]
fn cuda_is_missed_with_a_hint() {
    model("twice")
        .option("execution-provider", "cuda")
        .input("x", floats(&[1.0]))
        .output("y", DataType::Float32)
        .check(expect![[r#"
            error: model 'model': 'execution-provider' = 'cuda' needs an ONNX Runtime that was built with CUDA, and the one on this machine was not

            hint: install it: `pip install onnxruntime-gpu`, then set ORT_DYLIB_PATH to the file onnxruntime/capi/libonnxruntime.so.* of that package; or leave 'execution-provider' out
        "#]]);
}

/// What a session's own threads allocate is the session's.
#[test]
fn memory_of_all_threads_is_counted() {
    model("branches")
        .option("memory.limit", "96 mb")
        .option("execution-mode", "parallel")
        .option("inter-op-threads", "4")
        .input("x", floats(&[1.0]))
        .output("y", DataType::Float32)
        .load()
        .map(|model| {
            let error = model.predict(&[floats(&[1.0])], 1, None).unwrap_err();
            assert!(matches!(error, InferenceError::Limit { .. }), "{error}");
        })
        .unwrap();
}

#[test]
fn a_weight_above_the_memory_limit_is_refused() {
    model("weights")
        .option("memory.limit", "8 mb")
        .input("x", floats(&[1.0]))
        .output("y", DataType::Float32)
        .check(expect![[r#"
            error: model 'model' ran over its memory limit of 8 MiB: it wanted 16 MiB

            hint: a higher limit can be given with 'memory.limit' in the model's WITH
        "#]]);
}

#[test]
fn damaged_files_are_refused() {
    let bytes = std::fs::read(MODELS.join("weights.onnx")).unwrap();
    for length in [0, 1, 100, bytes.len() / 2, bytes.len() - 1] {
        let name = format!("cut{length}");
        std::fs::write(MODELS.join(format!("{name}.onnx")), &bytes[..length]).unwrap();
        let case = model(&name)
            .input("x", floats(&[1.0]))
            .output("y", DataType::Float32);
        let error = case.load().unwrap_err();
        assert!(
            matches!(error, InferenceError::File { .. }),
            "{length}: {error}"
        );
    }
}
