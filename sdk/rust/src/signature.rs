//! What a function offers, as the host shows it and checks a job against it.

use crate::bindings::wasmill::udf::types as wire;
use crate::types::{Field, to_schema};

/// A function's name, arguments, result and parameters.
#[derive(Clone, Debug, PartialEq)]
pub struct Signature {
    pub name: String,
    pub description: String,
    pub arguments: Arguments,
    /// the columns of the result, of a scalar function one; none = decided in
    /// [`open`](crate::ScalarFunction::open)
    pub returns: Option<Vec<Field>>,
    /// the same arguments give the same result
    pub deterministic: bool,
    pub parameters: Vec<Parameter>,
}

/// Which columns a function takes.
#[derive(Clone, Debug, PartialEq)]
pub enum Arguments {
    /// these, in this order; a job's are cast to them where SQL allows
    Exact(Vec<Field>),
    /// any number of one type, at least one
    Variadic(Field),
    /// decided in [`open`](crate::ScalarFunction::open)
    Any,
}

/// An option of `CREATE FUNCTION … WITH` that the function declares.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    pub name: String,
    pub description: String,
    pub required: bool,
    pub default: Option<String>,
}

impl Signature {
    /// A deterministic function of any arguments, whose result is decided in `open`.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            description: String::new(),
            arguments: Arguments::Any,
            returns: None,
            deterministic: true,
            parameters: Vec::new(),
        }
    }

    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.description = description.into();
        self
    }

    pub fn arguments(mut self, arguments: Arguments) -> Self {
        self.arguments = arguments;
        self
    }

    /// The result of a scalar function.
    pub fn returns(mut self, returns: Field) -> Self {
        self.returns = Some(vec![returns]);
        self
    }

    /// The result of a table function.
    pub fn columns(mut self, columns: Vec<Field>) -> Self {
        self.returns = Some(columns);
        self
    }

    /// The same arguments may give another result: no call may be left out or repeated.
    pub fn volatile(mut self) -> Self {
        self.deterministic = false;
        self
    }

    pub fn parameter(mut self, parameter: Parameter) -> Self {
        self.parameters.push(parameter);
        self
    }

    pub(crate) fn wire(self) -> wire::Signature {
        wire::Signature {
            name: self.name,
            description: self.description,
            arguments: match self.arguments {
                Arguments::Exact(fields) => wire::Arguments::Exact(to_schema(&fields)),
                Arguments::Variadic(field) => wire::Arguments::Variadic(to_schema(&[field])),
                Arguments::Any => wire::Arguments::Any,
            },
            returns: self.returns.map(|columns| to_schema(&columns)),
            deterministic: self.deterministic,
            parameters: self.parameters.into_iter().map(Parameter::wire).collect(),
        }
    }
}

impl Parameter {
    /// A job has to name it.
    pub fn required(name: impl Into<String>, description: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            description: description.into(),
            required: true,
            default: None,
        }
    }

    /// A job may leave it out.
    pub fn optional(name: impl Into<String>, description: impl Into<String>) -> Self {
        Self {
            required: false,
            ..Self::required(name, description)
        }
    }

    /// What it is where a job leaves it out.
    pub fn default(mut self, value: impl Into<String>) -> Self {
        self.required = false;
        self.default = Some(value.into());
        self
    }

    fn wire(self) -> wire::Parameter {
        wire::Parameter {
            name: self.name,
            description: self.description,
            required: self.required,
            default: self.default,
        }
    }
}
