//! `weighted_mean(value, weight)`, `geometric_mean(value)`, `longest(text)` and `share_above(value)`:
//! the rows of a group as one value.

#![cfg_attr(test, allow(clippy::unwrap_used))]

use wasmill_sdk::{
    Accumulators, AggregateFunction, Arguments, Batch, Column, DataType, Error, Field, OpenContext,
    Parameter, Signature, aggregate,
};

#[derive(Default)]
struct WeightedMean {
    sum: f64,
    weight: f64,
    rows: i64,
}

/// The mean of values, each as often as its weight says; NULL of none, and where all weights are 0.
#[aggregate]
impl WeightedMean {
    fn update(&mut self, value: f64, weight: f64) {
        self.sum += value * weight;
        self.weight += weight;
        self.rows += 1;
    }

    fn retract(&mut self, value: f64, weight: f64) {
        self.merge(-value * weight, -weight, -1);
    }

    fn state(&self) -> (f64, f64, i64) {
        (self.sum, self.weight, self.rows)
    }

    fn merge(&mut self, sum: f64, weight: f64, rows: i64) {
        self.sum += sum;
        self.weight += weight;
        self.rows += rows;
        // So that nothing is left of rounding.
        if self.rows == 0 {
            *self = Self::default();
        }
    }

    fn evaluate(&self) -> Option<f64> {
        (self.weight != 0.0).then(|| self.sum / self.weight)
    }
}

#[derive(Default)]
struct GeometricMean {
    logarithms: f64,
    rows: i64,
}

/// The n-th root of the product of n values, which are above 0; NULL of none.
#[aggregate]
impl GeometricMean {
    fn update(&mut self, value: f64) -> Result<(), String> {
        if value > 0.0 {
            self.merge(value.ln(), 1);
            return Ok(());
        }
        Err(format!("{value} is not above 0"))
    }

    fn state(&self) -> (f64, i64) {
        (self.logarithms, self.rows)
    }

    fn merge(&mut self, logarithms: f64, rows: i64) {
        self.logarithms += logarithms;
        self.rows += rows;
    }

    fn evaluate(&self) -> Option<f64> {
        (self.rows > 0).then(|| (self.logarithms / self.rows as f64).exp())
    }
}

#[derive(Default)]
struct Longest {
    text: Option<String>,
}

/// The longest text in characters, the first in order of its bytes where several are; NULL of none.
#[aggregate]
impl Longest {
    fn update(&mut self, text: &str) {
        let rank = |text: &str| (text.chars().count(), std::cmp::Reverse(text.to_owned()));
        if self
            .text
            .as_deref()
            .is_none_or(|longest| rank(text) > rank(longest))
        {
            self.text = Some(text.to_owned());
        }
    }

    fn state(&self) -> Option<String> {
        self.text.clone()
    }

    fn merge(&mut self, longest: &str) {
        self.update(longest);
    }

    fn evaluate(&self) -> Option<String> {
        self.text.clone()
    }
}

/// Which part of the values is above a limit.
struct ShareAbove {
    limit: f64,
}

struct Shares {
    limit: f64,
    /// Above, and in all.
    counts: Vec<(i64, i64)>,
}

impl AggregateFunction for ShareAbove {
    type Accumulators = Shares;

    fn signature() -> Signature {
        Signature::new("share_above")
            .description("Which part of the values is above a limit, 0 to 1; NULL of none.")
            .arguments(Arguments::Exact(vec![Field::new(
                "value",
                DataType::Float64,
            )]))
            .returns(Field::new("share_above", DataType::Float64))
            .parameter(Parameter::required("limit", "a number"))
    }

    fn open(context: &OpenContext) -> Result<Self, Error> {
        let limit: f64 = context.parsed("limit")?.unwrap_or_default();
        if limit.is_nan() {
            return Err(Error::invalid("the parameter 'limit' is no number"));
        }
        Ok(Self { limit })
    }

    fn state_fields(&self) -> Vec<Field> {
        let count = |name| Field::new(name, DataType::Int64);
        vec![count("above"), count("all")]
    }

    fn accumulators(&self) -> Shares {
        Shares {
            limit: self.limit,
            counts: Vec::new(),
        }
    }
}

impl Accumulators for Shares {
    fn update(&mut self, rows: &Batch, groups: &[u32], count: u32) -> Result<(), Error> {
        self.counts.resize(count as usize, (0, 0));
        let values = rows.column(0).numbers::<f64>()?;
        for (value, group) in values.iter().zip(groups) {
            if let Some(value) = value {
                let (above, all) = &mut self.counts[*group as usize];
                *above += i64::from(value > self.limit);
                *all += 1;
            }
        }
        Ok(())
    }

    fn merge(&mut self, states: &Batch, groups: &[u32], count: u32) -> Result<(), Error> {
        self.counts.resize(count as usize, (0, 0));
        let counts = |index| states.column(index).numbers::<i64>();
        let (above, all) = (counts(0)?, counts(1)?);
        let states = above.items().iter().zip(all.items());
        for ((more_above, more), group) in states.zip(groups) {
            let (above, all) = &mut self.counts[*group as usize];
            *above += more_above;
            *all += more;
        }
        Ok(())
    }

    fn state(&mut self, count: u32) -> Result<Vec<Column>, Error> {
        let counts = self.counts[..count as usize].iter();
        let (above, all): (Vec<i64>, Vec<i64>) = counts.copied().unzip();
        Ok(vec![Column::from_values(above)?, Column::from_values(all)?])
    }

    fn evaluate(&mut self, count: u32) -> Result<Column, Error> {
        let shares = self.counts[..count as usize].iter();
        Column::from_values(
            shares.map(|(above, all)| (*all > 0).then(|| *above as f64 / *all as f64)),
        )
    }

    fn forget(&mut self, count: u32) {
        self.counts.drain(..count as usize);
    }
}

wasmill_sdk::plugin!(ShareAbove);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mean_is_that_of_the_rows_that_are_left() {
        let mut mean = WeightedMean::default();
        assert_eq!(mean.evaluate(), None);
        mean.update(1.0, 1.0);
        mean.update(4.0, 3.0);
        assert_eq!(mean.evaluate(), Some(3.25));
        mean.retract(1.0, 1.0);
        assert_eq!(mean.evaluate(), Some(4.0));
        mean.retract(4.0, 3.0);
        assert_eq!(mean.evaluate(), None);
    }

    #[test]
    fn a_value_without_a_logarithm_is_told() {
        let mut mean = GeometricMean::default();
        assert_eq!(mean.update(-1.0), Err("-1 is not above 0".to_owned()));
        mean.update(2.0).unwrap();
        mean.update(8.0).unwrap();
        assert!((mean.evaluate().unwrap() - 4.0).abs() < 1e-12);
    }

    #[test]
    fn the_longest_text_is_the_same_in_any_order() {
        let texts = ["ab", "über", "aber", ""];
        for turn in 0..texts.len() {
            let mut longest = Longest::default();
            for place in 0..texts.len() {
                longest.update(texts[(turn + place) % texts.len()]);
            }
            assert_eq!(longest.evaluate().as_deref(), Some("aber"));
        }
    }
}
