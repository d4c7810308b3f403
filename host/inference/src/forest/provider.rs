//! Models of trees as a job sees them: declared columns in, typed columns out.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Instant;

use arrow::array::{Array, ArrayRef, Float32Array, Float64Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field};

use super::columns::{FeatureColumn, FeatureValues};
use super::options::{Output, PredictOptions};
use crate::array::{list_item, list_of, matrix};
use crate::definition::{ModelFile, show_columns, type_name};
use crate::model::check_columns;
use crate::{InferenceError, Model, ModelDefinition};

/// The options of a `CREATE MODEL` statement for a model of trees.
const TREE_OPTIONS: &[&str] = &["path", "output", "start-iteration", "num-iteration"];

/// Numbers that one call may give: a model file may say that it has as many classes as it has bytes.
const MOST_VALUES: usize = 1 << 28;

/// A parsed model of trees.
pub(crate) trait Forest: Send + Sync + Debug + 'static {
    /// The type that columns of whole numbers are cast to.
    const INTEGERS: DataType = DataType::Float64;

    /// The names of the features, in the order that [`Forest::predict`] takes their columns.
    fn feature_names(&self) -> &[String];

    /// Why the model has no [contributions](Output::Contributions): a sentence that the model starts.
    fn refuses_contributions(&self) -> Option<String>;

    /// How many values [`Forest::predict`] gives for a row.
    fn width(&self, options: PredictOptions) -> usize;

    /// Predicts `rows` rows on the calling thread, and writes them into `out`, row after row.
    fn predict(
        &self,
        columns: &[FeatureColumn<'_>],
        rows: usize,
        out: &mut [f64],
        options: PredictOptions,
    );
}

/// A model of trees that a `CREATE MODEL` statement declares.
#[derive(Debug)]
pub(crate) struct ForestModel<F> {
    name: String,
    version: String,
    inputs: Vec<Field>,
    outputs: Vec<Field>,
    forest: F,
    options: PredictOptions,
}

impl<F: Forest> ForestModel<F> {
    /// Reads the model file by `parse`, and checks that the declared columns fit the model.
    pub fn load(
        definition: &ModelDefinition,
        parse: impl FnOnce(&ModelFile) -> Result<F, InferenceError>,
    ) -> Result<Self, InferenceError> {
        definition.check_options(TREE_OPTIONS)?;
        let options = PredictOptions::parse(definition)?;
        let file = definition.read_file()?;
        let forest = parse(&file)?;
        let model = Self {
            name: definition.name.clone(),
            version: file.version,
            inputs: definition.inputs.clone(),
            outputs: definition.outputs.clone(),
            forest,
            options,
        };
        model.check_inputs()?;
        model.check_outputs()?;
        Ok(model)
    }

    fn check_inputs(&self) -> Result<(), InferenceError> {
        if let [field] = self.inputs.as_slice()
            && let Some(item) = list_item(field.data_type())
        {
            return self.check_numeric(field.name(), item.data_type());
        }
        for field in &self.inputs {
            self.check_numeric(field.name(), field.data_type())?;
        }
        let (declared, features) = (self.inputs.len(), self.forest.feature_names().len());
        if declared != features {
            let message = format!(
                "the model file has {features} features, but {declared} input columns are declared"
            );
            return Err(
                InferenceError::definition(&self.name, message).with_hint(format!(
                    "the model's features are, in this order: {}",
                    shorten(self.forest.feature_names())
                )),
            );
        }
        Ok(())
    }

    fn check_numeric(&self, column: &str, data_type: &DataType) -> Result<(), InferenceError> {
        if data_type.is_numeric() || *data_type == DataType::Boolean {
            return Ok(());
        }
        let message = format!(
            "the input '{column}' is {}, which is not numeric",
            type_name(data_type)
        );
        Err(InferenceError::definition(&self.name, message)
            .with_hint("declare one numeric column for each feature, or one ARRAY<DOUBLE>"))
    }

    fn check_outputs(&self) -> Result<(), InferenceError> {
        if self.options.output == Output::Contributions
            && let Some(message) = self.forest.refuses_contributions()
        {
            let message = format!("the model {message}");
            return Err(InferenceError::definition(&self.name, message)
                .with_hint("use another 'output': prediction, raw-score, leaf-index"));
        }
        let (predicted, options) = self.parts();
        let width = self.forest.width(options);
        let fits = match (options.output, predicted) {
            (Output::LeafIndex, [field]) => {
                list_item(field.data_type()).is_some_and(|item| item.data_type().is_integer())
                    && fits_list(field.data_type(), width)
            }
            (Output::LeafIndex, _) => false,
            (Output::Contributions, [field]) => is_list_of_floats(field, width),
            (Output::Contributions, _) => false,
            (_, [field]) if list_item(field.data_type()).is_some() => {
                is_list_of_floats(field, width)
            }
            (_, fields) => fields.len() == width && fields.iter().all(is_float),
        };
        let contributions = self.forest.width(self.options);
        let fits = fits
            && match &self.outputs[predicted.len()..] {
                [last] => is_list_of_floats(last, contributions),
                _ => true,
            };
        if fits {
            return Ok(());
        }
        let (what, hint) = match self.options.output {
            Output::LeafIndex => (
                format!("{width} leaf indices"),
                "OUTPUT (leaves ARRAY<INT>)".to_owned(),
            ),
            Output::Contributions => (
                format!("{contributions} contributions"),
                "OUTPUT (contributions ARRAY<DOUBLE>), or OUTPUT (prediction DOUBLE, contributions \
                 ARRAY<DOUBLE>)"
                    .to_owned(),
            ),
            _ if width == 1 => (
                "one number".to_owned(),
                "OUTPUT (prediction DOUBLE)".to_owned(),
            ),
            _ => (
                format!("{width} numbers, one a class,"),
                format!("{width} DOUBLE columns, or OUTPUT (probabilities ARRAY<DOUBLE>)"),
            ),
        };
        let message = format!(
            "the model gives {what} a row, but the declared output is ({})",
            show_columns(&self.outputs)
        );
        Err(InferenceError::definition(&self.name, message).with_hint(format!("declare {hint}")))
    }

    /// The declared outputs that come first, and what is computed for them: all, but that contributions
    /// may stand behind the prediction.
    fn parts(&self) -> (&[Field], PredictOptions) {
        match self.outputs.as_slice() {
            [predicted @ .., _]
                if self.options.output == Output::Contributions && !predicted.is_empty() =>
            {
                let options = PredictOptions {
                    output: Output::Prediction,
                    ..self.options
                };
                (predicted, options)
            }
            all => (all, self.options),
        }
    }

    /// The columns of features as they are, or cast where they are not floating-point numbers.
    fn to_features<'a>(
        &self,
        columns: &'a [ArrayRef],
        cast_columns: &'a mut Vec<ArrayRef>,
    ) -> Result<Vec<FeatureColumn<'a>>, InferenceError> {
        for column in columns {
            if !column.data_type().is_floating() || *column.data_type() == DataType::Float16 {
                let to = if column.data_type().is_integer() {
                    F::INTEGERS
                } else {
                    DataType::Float64
                };
                let column = cast(column, &to)
                    .map_err(|error| InferenceError::data(&self.name, error.to_string()))?;
                cast_columns.push(column);
            }
        }
        let mut cast_columns = cast_columns.iter();
        let mut features = Vec::with_capacity(columns.len());
        for column in columns {
            let feature = feature(column).or_else(|| cast_columns.next().and_then(feature));
            features.extend(feature);
        }
        Ok(features)
    }

    fn predict_features(
        &self,
        columns: &[FeatureColumn<'_>],
        rows: usize,
        deadline: Option<Instant>,
    ) -> Result<Vec<ArrayRef>, InferenceError> {
        let (predicted, options) = self.parts();
        let mut outputs = self.to_outputs(
            predicted,
            self.values(columns, rows, options, deadline)?,
            rows,
        )?;
        if let [last] = &self.outputs[predicted.len()..] {
            let contributions = self.values(columns, rows, self.options, deadline)?;
            outputs.extend(self.to_outputs(std::slice::from_ref(last), contributions, rows)?);
        }
        Ok(outputs)
    }

    /// What the forest gives for all rows, row after row.
    fn values(
        &self,
        columns: &[FeatureColumn<'_>],
        rows: usize,
        options: PredictOptions,
        deadline: Option<Instant>,
    ) -> Result<Vec<f64>, InferenceError> {
        let width = self.forest.width(options);
        let values = rows
            .checked_mul(width)
            .filter(|values| *values <= MOST_VALUES);
        let Some(values) = values else {
            return Err(InferenceError::Limit {
                model: self.name.clone(),
                message: format!(
                    "gives {width} numbers a row, which are more than {MOST_VALUES} for {rows} rows"
                ),
                hint: "check 'num_class' and the number of trees in the model file".into(),
            });
        };
        let mut out = vec![0.0; values];
        // So many that the deadline is looked at every few milliseconds.
        let step = match options.output {
            Output::Contributions => 16,
            _ => 8192,
        };
        for (first, out) in (0..rows)
            .step_by(step)
            .zip(out.chunks_mut((step * width).max(1)))
        {
            if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
                return Err(InferenceError::deadline(&self.name));
            }
            let rows = step.min(rows - first);
            if first == 0 {
                self.forest.predict(columns, rows, out, options);
            } else {
                let columns: Vec<_> = columns.iter().map(|column| column.skip(first)).collect();
                self.forest.predict(&columns, rows, out, options);
            }
        }
        Ok(out)
    }

    fn to_outputs(
        &self,
        outputs: &[Field],
        predictions: Vec<f64>,
        rows: usize,
    ) -> Result<Vec<ArrayRef>, InferenceError> {
        let width = predictions.len().checked_div(rows).unwrap_or(outputs.len());
        let failed = |message: String| InferenceError::Runtime {
            model: self.name.clone(),
            message,
        };
        if let [field] = outputs
            && list_item(field.data_type()).is_some()
        {
            let values: ArrayRef = Arc::new(Float64Array::from(predictions));
            return Ok(vec![
                list_of(field.data_type(), &values, rows, width).map_err(failed)?,
            ]);
        }
        let columns = match width {
            1 => vec![predictions],
            _ => (0..width)
                .map(|class| {
                    predictions
                        .iter()
                        .skip(class)
                        .step_by(width)
                        .copied()
                        .collect()
                })
                .collect(),
        };
        let typed = |(field, values): (&Field, Vec<f64>)| {
            let values = Float64Array::from(values);
            match field.data_type() {
                DataType::Float64 => Ok(Arc::new(values) as ArrayRef),
                other => cast(&values, other).map_err(|error| failed(error.to_string())),
            }
        };
        outputs.iter().zip(columns).map(typed).collect()
    }
}

impl<F: Forest> Model for ForestModel<F> {
    fn inputs(&self) -> &[Field] {
        &self.inputs
    }

    fn outputs(&self) -> &[Field] {
        &self.outputs
    }

    fn version(&self) -> String {
        self.version.clone()
    }

    fn predict(
        &self,
        columns: &[ArrayRef],
        rows: usize,
        deadline: Option<Instant>,
    ) -> Result<Vec<ArrayRef>, InferenceError> {
        check_columns(&self.name, &self.inputs, columns, rows)?;
        let features = self.forest.feature_names().len();
        let mut cast_columns = Vec::new();
        match columns {
            [column] if list_item(column.data_type()).is_some() => {
                let matrix = matrix(column, features).map_err(|message| {
                    let message = format!("the column '{}': {message}", self.inputs[0].name());
                    InferenceError::data(&self.name, message)
                })?;
                let matrix = [matrix];
                let values = self.to_features(&matrix, &mut cast_columns)?;
                let columns: Vec<_> = values
                    .iter()
                    .flat_map(|values| (0..features).map(|first| values.of_matrix(first, features)))
                    .collect();
                self.predict_features(&columns, rows, deadline)
            }
            _ => {
                let columns = self.to_features(columns, &mut cast_columns)?;
                self.predict_features(&columns, rows, deadline)
            }
        }
    }
}

/// A column of floating-point numbers.
fn feature(column: &ArrayRef) -> Option<FeatureColumn<'_>> {
    let column = column.as_any();
    if let Some(column) = column.downcast_ref::<Float64Array>() {
        let values = FeatureValues::F64(column.values());
        return Some(FeatureColumn::new(values, column.nulls()));
    }
    let column = column.downcast_ref::<Float32Array>()?;
    let values = FeatureValues::F32(column.values());
    Some(FeatureColumn::new(values, column.nulls()))
}

fn is_float(field: &Field) -> bool {
    matches!(field.data_type(), DataType::Float64 | DataType::Float32)
}

fn is_list_of_floats(field: &Field, width: usize) -> bool {
    list_item(field.data_type()).is_some_and(|item| item.data_type().is_floating())
        && fits_list(field.data_type(), width)
}

fn fits_list(data_type: &DataType, width: usize) -> bool {
    match data_type {
        DataType::FixedSizeList(_, size) => usize::try_from(*size) == Ok(width),
        _ => true,
    }
}

fn shorten(names: &[String]) -> String {
    const SHOWN: usize = 40;
    let mut text = names
        .iter()
        .take(SHOWN)
        .cloned()
        .collect::<Vec<_>>()
        .join(", ");
    if names.len() > SHOWN {
        text.push_str(", …");
    }
    text
}
