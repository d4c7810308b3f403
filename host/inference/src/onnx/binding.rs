//! Which columns make a value of the model, and which values make a column.

use arrow::datatypes::{DataType, Field};

use super::signature::{BatchAxis, Kind, MapType, Misfit, Signature, TensorType};
use crate::array::list_item;

/// Which columns make a value, or which column a value makes.
#[derive(Debug, Clone)]
pub(super) struct Binding {
    pub signature: Signature,
    /// Several columns are the columns of a matrix.
    pub columns: Vec<usize>,
    pub layout: Layout,
}

/// How a row's elements lie in a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    /// One value, or one list of all elements; `None` where the data decide how many.
    Flat(Option<usize>),
    /// Lists in lists, as many as a row's part of the tensor has dimensions.
    Nested(usize),
    /// A map.
    Map,
    /// The values of a map, in the order of its keys.
    MapValues,
}

/// Dimensions of a row's part of a tensor; `None` where the rank is not known.
type RowShape<'a> = Option<&'a [i64]>;

impl TensorType {
    /// The dimensions that one row has, or a sentence that says why rows cannot be told apart.
    fn of_a_row(&self, name: &str, axis: BatchAxis) -> Result<&[i64], Misfit> {
        match (axis, self.shape.as_slice()) {
            (BatchAxis::None, shape) => Ok(shape),
            (BatchAxis::First, [_, rest @ ..]) => Ok(rest),
            (BatchAxis::First, []) => Err(Misfit::of_rows(format!(
                "'{name}' has no dimension for rows"
            ))),
        }
    }
}

/// How many elements a row has, `None` where the data decide.
fn width(name: &str, shape: &[i64]) -> Result<Option<usize>, String> {
    let fixed = shape.iter().filter(|size| **size >= 0);
    let product = fixed.copied().try_fold(1_usize, |product, size| {
        product.checked_mul(usize::try_from(size).ok()?)
    });
    let product = product.ok_or_else(|| format!("'{name}' has more elements than can be"))?;
    match shape.iter().filter(|size| **size < 0).count() {
        0 => Ok(Some(product)),
        1 => Ok(None),
        free => Err(format!(
            "'{name}' has {free} free dimensions a row, which one flat list does not tell apart; \
             declare lists in lists"
        )),
    }
}

/// How many lists a type has around its values, and the type of those.
pub(super) fn depth(data_type: &DataType) -> (usize, &DataType) {
    match list_item(data_type) {
        Some(item) => {
            let (depth, value) = depth(item.data_type());
            (depth + 1, value)
        }
        None => (0, data_type),
    }
}

impl Signature {
    /// Binds one column: a value, a list, lists in lists or a map.
    fn bind(
        &self,
        column: usize,
        field: &Field,
        row: impl Fn(&TensorType) -> Result<Option<Vec<i64>>, Misfit>,
    ) -> Result<Binding, Misfit> {
        let layout = match &self.kind {
            Kind::Tensor(tensor) => self.tensor_layout(tensor, field, row(tensor)?.as_deref())?,
            Kind::Sequence(tensor) => self.sequence_layout(tensor, field)?,
            Kind::Map(map) | Kind::Maps(map) => self.map_layout(*map, field)?,
        };
        Ok(Binding {
            signature: self.clone(),
            columns: vec![column],
            layout,
        })
    }

    fn does_not_fit(&self, field: &Field) -> String {
        format!("the column '{}' does not fit {self}", field.name())
    }

    fn tensor_layout(
        &self,
        tensor: &TensorType,
        field: &Field,
        row: RowShape,
    ) -> Result<Layout, String> {
        let (depth, value) = depth(field.data_type());
        if !tensor.element.fits(value) {
            return Err(self.does_not_fit(field));
        }
        let Some(row) = row else {
            return Ok(match depth {
                0 => Layout::Flat(Some(1)),
                1 => Layout::Flat(None),
                depth => Layout::Nested(depth),
            });
        };
        if depth >= 2 {
            if depth != row.len() {
                return Err(format!(
                    "the column '{}' has lists {depth} deep, but a row of {self} has {} dimensions",
                    field.name(),
                    row.len()
                ));
            }
            return Ok(Layout::Nested(depth));
        }
        if depth == 0 {
            let sizes = row.iter().copied().filter(|size| *size >= 0);
            return match sizes.reduce(i64::saturating_mul) {
                None | Some(1) => Ok(Layout::Flat(Some(1))),
                Some(width) => Err(format!(
                    "the column '{}' has one value a row, but {self} has {width}",
                    field.name()
                )),
            };
        }
        let width = width(&self.name, row)?;
        let DataType::FixedSizeList(_, size) = field.data_type() else {
            return Ok(Layout::Flat(width));
        };
        let size = usize::try_from(*size).unwrap_or(0);
        if width.is_some_and(|width| width != size) {
            return Err(format!(
                "the column '{}' has {size} items a row, but {self}",
                field.name()
            ));
        }
        Ok(Layout::Flat(Some(size)))
    }

    /// A list of tensors, each of them a value or lists.
    fn sequence_layout(&self, tensor: &TensorType, field: &Field) -> Result<Layout, String> {
        let (depth, value) = depth(field.data_type());
        if depth == 0 || !tensor.element.fits(value) {
            return Err(self.does_not_fit(field));
        }
        Ok(Layout::Nested(depth - 1))
    }

    fn map_layout(&self, map: MapType, field: &Field) -> Result<Layout, String> {
        if let DataType::Map(entries, _) = field.data_type()
            && let DataType::Struct(entries) = entries.data_type()
            && let [key, value] = &entries[..]
        {
            return match map.key.fits(key.data_type()) && map.value.fits(value.data_type()) {
                true => Ok(Layout::Map),
                false => Err(self.does_not_fit(field)),
            };
        }
        match list_item(field.data_type()) {
            Some(item) if map.value.fits(item.data_type()) => Ok(Layout::MapValues),
            _ => Err(self.does_not_fit(field)),
        }
    }
}

/// How many rows a call of the model takes: `None` for any number of them.
///
/// # Errors
/// A sentence, when the inputs say several numbers, or none that is possible.
pub(super) fn rows_of_a_call(
    inputs: &[Signature],
    outputs: &[Binding],
) -> Result<Option<usize>, Misfit> {
    let mut rows: Option<(usize, &str)> = None;
    for input in inputs {
        let Some(first) = input.tensor().and_then(|tensor| tensor.shape.first()) else {
            continue;
        };
        let Ok(first) = usize::try_from(*first) else {
            continue;
        };
        match rows {
            _ if first == 0 => {
                return Err(Misfit::of_rows(format!(
                    "'{}' is fixed to no rows",
                    input.name
                )));
            }
            Some((other, name)) if other != first => {
                return Err(Misfit::of_rows(format!(
                    "'{name}' is fixed to {other} rows and '{}' to {first}, so that their first \
                     dimensions are not those of rows",
                    input.name
                )));
            }
            _ => rows = Some((first, &input.name)),
        }
    }
    let rows = rows.map(|(rows, _)| rows);
    for output in outputs {
        let tensor = output.signature.tensor();
        let first = tensor.and_then(|tensor| tensor.shape.first());
        let given = first.and_then(|first| usize::try_from(*first).ok());
        if let Some(given) = given
            && Some(given) != rows
        {
            let name = &output.signature.name;
            return Err(Misfit::of_rows(match rows {
                None => format!(
                    "'{name}' is fixed to {given} rows, whatever number comes in; export the model \
                     with a free first dimension"
                ),
                Some(rows) => {
                    format!("'{name}' is fixed to {given} rows, but the inputs to {rows}")
                }
            }));
        }
    }
    Ok(rows)
}

/// Finds the columns of each input.
pub(super) fn bind_inputs(
    inputs: &[Signature],
    fields: &[Field],
    axis: BatchAxis,
) -> Result<Vec<Binding>, Misfit> {
    if let [input] = inputs
        && let Some(tensor) = input.tensor()
        && let Some(binding) = bind_features(input, tensor, fields, axis)?
    {
        return Ok(vec![binding]);
    }
    if inputs.len() != fields.len() {
        let (taken, declared) = (inputs.len(), fields.len());
        return Err(Misfit::from(format!(
            "the model takes {taken} tensors, but {declared} input columns are declared"
        )));
    }
    let by_name = |input: &Signature| fields.iter().position(|field| *field.name() == input.name);
    let named: Option<Vec<usize>> = inputs.iter().map(by_name).collect();
    let columns = named.unwrap_or_else(|| (0..fields.len()).collect());
    inputs
        .iter()
        .zip(columns)
        .map(|(input, column)| {
            if matches!(input.kind, Kind::Maps(_)) {
                return Err(Misfit::from(format!(
                    "{input} is a sequence of maps, which no column makes"
                )));
            }
            let needs_none = matches!(input.kind, Kind::Sequence(_) | Kind::Map(_));
            if needs_none && axis == BatchAxis::First {
                return Err(Misfit::of_rows(format!(
                    "{input} has no dimension for rows"
                )));
            }
            input.bind(column, &fields[column], |tensor| {
                let row = tensor.of_a_row(&input.name, axis)?;
                // The runtime does not tell a scalar from a tensor of any rank.
                Ok((!tensor.shape.is_empty()).then(|| row.to_vec()))
            })
        })
        .collect()
}

/// The columns of a matrix, one a feature.
fn bind_features(
    input: &Signature,
    tensor: &TensorType,
    fields: &[Field],
    axis: BatchAxis,
) -> Result<Option<Binding>, Misfit> {
    let scalars = fields
        .iter()
        .all(|field| list_item(field.data_type()).is_none());
    let row = match tensor.of_a_row(&input.name, axis) {
        Ok(row) if !row.is_empty() && scalars => row,
        _ => return Ok(None),
    };
    let width = width(&input.name, row)?.unwrap_or(fields.len());
    if width != fields.len() {
        let declared = fields.len();
        return Err(Misfit::from(format!(
            "the model takes {width} features, but {declared} input columns are declared"
        )));
    }
    let does_not_fit = |field: &&Field| !tensor.element.fits(field.data_type());
    if let Some(field) = fields.iter().find(does_not_fit) {
        return Err(input.does_not_fit(field).into());
    }
    Ok(Some(Binding {
        signature: input.clone(),
        columns: (0..fields.len()).collect(),
        layout: Layout::Flat(Some(width)),
    }))
}

/// Finds the value of each output column: by name, or by position where not all names are known.
///
/// `outputs` are the model's; those that no column can carry are sentences that say so.
pub(super) fn bind_outputs(
    outputs: &[Result<Signature, String>],
    names: &[String],
    fields: &[Field],
    axis: BatchAxis,
) -> Result<Vec<Binding>, Misfit> {
    let by_name = |field: &Field| names.iter().position(|name| name == field.name());
    let named: Option<Vec<usize>> = fields.iter().map(by_name).collect();
    let chosen = named.unwrap_or_else(|| (0..fields.len()).collect());
    if fields.len() > outputs.len() {
        let (given, declared) = (outputs.len(), fields.len());
        return Err(Misfit::from(format!(
            "the model gives {given} tensors, but {declared} output columns are declared"
        )));
    }
    let bind = |(column, (output, field)): (usize, (usize, &Field))| {
        let output = outputs[output].as_ref().map_err(Clone::clone)?;
        if matches!(output.kind, Kind::Sequence(_) | Kind::Map(_)) && axis == BatchAxis::First {
            return Err(Misfit::of_rows(format!(
                "{output} has no dimension for rows"
            )));
        }
        output.bind(column, field, |tensor| match tensor.shape.as_slice() {
            [] => Ok(None),
            _ => Ok(Some(tensor.of_a_row(&output.name, axis)?.to_vec())),
        })
    };
    chosen
        .into_iter()
        .zip(fields)
        .enumerate()
        .map(bind)
        .collect()
}
