//! `predict(feature, …)`: a model's output. The features stay in the host.

use wasmill_sdk::{
    Batch, Column, Error, Field, Model, OpenContext, Parameter, ScalarFunction, Signature,
};

struct Predict {
    model: Model,
    /// which of the model's columns
    output: u32,
    returns: Field,
}

impl ScalarFunction for Predict {
    fn signature() -> Signature {
        Signature::new("predict")
            .description("A column of a model's predictions; the arguments are its features.")
            .parameter(Parameter::required("model", "the model's name in the job"))
            .parameter(Parameter::optional(
                "output",
                "the predicted column's name; by default the model's first",
            ))
    }

    fn open(context: &OpenContext) -> Result<Self, Error> {
        let name = context.required("model")?;
        let model = Model::open(name)?;
        let (expected, found) = (model.inputs().len(), context.arguments().len());
        if expected != found {
            return Err(Error::invalid(format!(
                "the model '{name}' takes {expected} features, `predict` is called with {found}"
            )));
        }
        let mut outputs = model.outputs();
        let output = match context.parameter("output") {
            None => 0,
            Some(wanted) => position(&outputs, wanted, name)?,
        };
        if outputs.is_empty() {
            return Err(Error::invalid(format!("the model '{name}' has no output")));
        }
        let returns = outputs.swap_remove(output);
        Ok(Self {
            model,
            output: output as u32,
            returns,
        })
    }

    fn returns(&self) -> Result<Field, Error> {
        Ok(self.returns.clone())
    }

    fn batch_eval(&mut self, rows: &Batch) -> Result<Column, Error> {
        Ok(self.model.predict(rows)?.column(self.output))
    }
}

fn position(outputs: &[Field], wanted: &str, model: &str) -> Result<usize, Error> {
    let position = outputs.iter().position(|field| field.name == wanted);
    position.ok_or_else(|| {
        let names: Vec<_> = outputs.iter().map(|field| field.name.as_str()).collect();
        Error::invalid(format!(
            "the model '{model}' has no output '{wanted}'; it has: {}",
            names.join(", ")
        ))
    })
}

wasmill_sdk::plugin!(Predict);
