//! What a function is opened with.

use std::fmt::Display;
use std::str::FromStr;

use crate::Error;
use crate::bindings::wasmill::udf::types as wire;
use crate::types::{Field, from_schema};

/// The parameters of `CREATE FUNCTION … WITH`, defaults filled in, and the arguments' types.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OpenContext {
    parameters: Vec<(String, String)>,
    arguments: Vec<Field>,
}

impl OpenContext {
    /// A context as a job would make it: for tests.
    pub fn new(parameters: &[(&str, &str)], arguments: Vec<Field>) -> Self {
        let owned = |(name, value): &(&str, &str)| (name.to_string(), value.to_string());
        Self {
            parameters: parameters.iter().map(owned).collect(),
            arguments,
        }
    }

    pub(crate) fn from_wire(context: wire::OpenContext) -> Self {
        Self {
            arguments: from_schema(&context.arguments),
            parameters: context.parameters,
        }
    }

    /// The arguments of the call, by position.
    pub fn arguments(&self) -> &[Field] {
        &self.arguments
    }

    /// The value of a parameter, if the job or a default gives one.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        let mut parameters = self.parameters.iter();
        let (_, value) = parameters.find(|(known, _)| known == name)?;
        Some(value)
    }

    /// The value of a parameter that must be there.
    pub fn required(&self, name: &str) -> Result<&str, Error> {
        self.parameter(name)
            .ok_or_else(|| Error::invalid(format!("the parameter '{name}' is missing")))
    }

    /// The value of a parameter, parsed.
    pub fn parsed<T>(&self, name: &str) -> Result<Option<T>, Error>
    where
        T: FromStr<Err: Display>,
    {
        let Some(text) = self.parameter(name) else {
            return Ok(None);
        };
        let parsed = text.parse().map_err(|error| {
            Error::invalid(format!(
                "the parameter '{name}' = '{text}' is not right: {error}"
            ))
        })?;
        Ok(Some(parsed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_read_as_what_they_should_be() {
        let context = OpenContext::new(&[("k", "5"), ("p", "x")], vec![]);
        assert_eq!(context.parsed::<u32>("k").unwrap(), Some(5));
        assert_eq!(context.parsed::<u32>("missing").unwrap(), None);
        assert_eq!(context.required("p").unwrap(), "x");
        let Err(Error::Invalid(message)) = context.parsed::<u32>("p") else {
            panic!("'x' is no number");
        };
        assert_eq!(
            message,
            "the parameter 'p' = 'x' is not right: invalid digit found in string"
        );
        let Err(Error::Invalid(message)) = context.required("q") else {
            panic!("there is no 'q'");
        };
        assert_eq!(message, "the parameter 'q' is missing");
    }
}
