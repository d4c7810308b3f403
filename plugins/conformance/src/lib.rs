//! The functions of `sdk/conformance`, which a component of any language has.

mod keyed;

use wasmill_sdk::{
    Arguments, Batch, Column, DataType, Error, Field, Model, OpenContext, Parameter,
    ScalarFunction, Signature, aggregate, scalar, table,
};

/// The sum of two whole numbers.
#[scalar]
fn add(a: i64, b: i64) -> Result<i64, String> {
    a.checked_add(b)
        .ok_or_else(|| format!("{a} + {b} is out of range"))
}

/// The parts of a text between spaces, each with its place, from 1 on.
#[table(columns(word, place))]
fn words(text: &str) -> impl Iterator<Item = (&str, i64)> {
    text.split(' ').filter(|word| !word.is_empty()).zip(1..)
}

#[derive(Default)]
struct Mean {
    sum: f64,
    count: i64,
}

/// The mean of the values that are not NULL.
#[aggregate]
impl Mean {
    fn update(&mut self, value: f64) {
        self.sum += value;
        self.count += 1;
    }

    fn retract(&mut self, value: f64) {
        self.sum -= value;
        self.count -= 1;
    }

    fn state(&self) -> (f64, i64) {
        (self.sum, self.count)
    }

    fn merge(&mut self, sum: f64, count: i64) {
        self.sum += sum;
        self.count += count;
    }

    fn evaluate(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum / self.count as f64)
    }
}

/// A function with a parameter.
struct Greet {
    greeting: String,
}

impl ScalarFunction for Greet {
    fn signature() -> Signature {
        Signature::new("greet")
            .description("A greeting for a name.")
            .arguments(Arguments::Exact(vec![Field::new("name", DataType::Utf8)]))
            .returns(Field::new("greet", DataType::Utf8))
            .parameter(Parameter::optional("greeting", "before the name").default("Hello"))
    }

    fn open(context: &OpenContext) -> Result<Self, Error> {
        match context.required("greeting")? {
            "" => Err(Error::invalid("the parameter 'greeting' is empty")),
            greeting => Ok(Self {
                greeting: greeting.to_owned(),
            }),
        }
    }

    fn batch_eval(&mut self, rows: &Batch) -> Result<Column, Error> {
        rows.map(|(name,): (String,)| format!("{}, {name}!", self.greeting))
    }
}

/// A function of any type.
struct Echo {
    returns: Field,
}

impl ScalarFunction for Echo {
    fn signature() -> Signature {
        Signature::new("echo").description("The same values, read and made anew.")
    }

    fn open(context: &OpenContext) -> Result<Self, Error> {
        match context.arguments() {
            [argument] => Ok(Self {
                returns: argument.clone(),
            }),
            _ => Err(Error::invalid("echo takes one argument")),
        }
    }

    fn returns(&self) -> Result<Field, Error> {
        Ok(self.returns.clone())
    }

    fn batch_eval(&mut self, rows: &Batch) -> Result<Column, Error> {
        Ok(copy(&rows.column(0), &self.returns.data_type))
    }
}

fn copy(column: &Column, data_type: &DataType) -> Column {
    let fields = match data_type {
        DataType::List(item) | DataType::FixedSizeList(item, _) => std::slice::from_ref(&**item),
        DataType::Struct(fields) => fields,
        _ => &[],
    };
    let children = fields.iter().zip(0..);
    let children = children.map(|(field, place)| copy(&column.child(place), &field.data_type));
    Column::new(&column.data_type(), &column.read(), children.collect())
}

/// A function with a model.
struct Score {
    model: Model,
}

impl ScalarFunction for Score {
    fn signature() -> Signature {
        Signature::new("score")
            .description("A model's first output. The features stay in the host.")
            .arguments(Arguments::Variadic(Field::new(
                "feature",
                DataType::Float64,
            )))
            .returns(Field::new("score", DataType::Float64))
            .parameter(Parameter::required("model", "the model's name in the job"))
    }

    fn open(context: &OpenContext) -> Result<Self, Error> {
        let model = Model::open(context.required("model")?)?;
        Ok(Self { model })
    }

    fn batch_eval(&mut self, rows: &Batch) -> Result<Column, Error> {
        Ok(self.model.predict(rows)?.column(0))
    }
}

wasmill_sdk::plugin!(Greet, Echo, Score);
