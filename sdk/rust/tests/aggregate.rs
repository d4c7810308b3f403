//! What `#[aggregate]` makes of types.
#![allow(clippy::unwrap_used, reason = "tests")]

use expect_test::expect;
use wasmill_sdk::{AggregateFunction, Arguments, Field, aggregate};

#[derive(Default)]
struct WeightedMean {
    sum: f64,
    weight: f64,
}

/// The mean of values,
/// each with its weight.
#[aggregate]
impl WeightedMean {
    fn update(&mut self, value: f64, weight: Option<f64>) {
        self.merge(value * weight.unwrap_or(1.0), weight.unwrap_or(1.0));
    }

    fn retract(&mut self, value: f64, weight: Option<f64>) {
        self.merge(-value * weight.unwrap_or(1.0), -weight.unwrap_or(1.0));
    }

    fn state(&self) -> (f64, f64) {
        (self.sum, self.weight)
    }

    fn merge(&mut self, sum: f64, weight: f64) {
        self.sum += sum;
        self.weight += weight;
    }

    fn evaluate(&self) -> Option<f64> {
        (self.weight != 0.0).then(|| self.sum / self.weight)
    }
}

#[derive(Default)]
struct Texts {
    all: Vec<String>,
}

#[aggregate(name = "texts_of", description = "All texts.", volatile)]
impl Texts {
    fn update(&mut self, text: &str) -> Result<(), String> {
        self.all.push(text.to_owned());
        Ok(())
    }

    fn state(&self) -> Vec<String> {
        self.all.clone()
    }

    fn merge(&mut self, texts: Vec<String>) {
        self.all.extend(texts);
    }

    fn evaluate(&self) -> Vec<String> {
        self.all.clone()
    }
}

fn shown<F: AggregateFunction + Default>() -> String {
    let (signature, function) = (F::signature(), F::default());
    let types = |fields: &[Field]| {
        let fields = fields.iter();
        let fields = fields.map(|field| format!("{} {:?}", field.name, field.data_type));
        fields.collect::<Vec<_>>().join(", ")
    };
    let Arguments::Exact(arguments) = &signature.arguments else {
        panic!("a typed function has exact arguments");
    };
    format!(
        "{}({}) → {}, state ({}), retracts {}, deterministic {}, '{}'",
        signature.name,
        types(arguments),
        types(&signature.returns.clone().unwrap()),
        types(&AggregateFunction::state_fields(&function)),
        AggregateFunction::retracts(&function),
        signature.deterministic,
        signature.description
    )
}

#[test]
fn a_signature_is_what_the_methods_say() {
    let signatures = [shown::<WeightedMean>(), shown::<Texts>()];
    expect![[r#"
        weighted_mean(value Float64, weight Float64) → weighted_mean Float64, state (sum Float64, weight Float64), retracts true, deterministic true, 'The mean of values, each with its weight.'
        texts_of(text Utf8) → texts_of List(Field { name: "item", data_type: Utf8, nullable: true }), state (texts List(Field { name: "item", data_type: Utf8, nullable: true })), retracts false, deterministic false, 'All texts.'"#]].assert_eq(&signatures.join("\n"));
}

#[test]
fn the_methods_keep_working() {
    let mut mean = WeightedMean::default();
    mean.update(1.0, Some(3.0));
    mean.update(5.0, None);
    assert_eq!(mean.evaluate(), Some(2.0));
    mean.retract(5.0, None);
    assert_eq!(mean.evaluate(), Some(1.0));
}
