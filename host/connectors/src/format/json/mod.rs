//! JSON objects, as Flink's `json` format reads and writes them.

mod alike;
mod encoder;
mod nested;
mod rows;

use arrow::datatypes::{DataType, Field};

use super::Format;
use super::column::{Rules, column};
use crate::options::Options;
use crate::registry::ConnectorOption;
use crate::text::type_name;
use crate::{ConnectorError, TableDefinition};

pub(crate) use encoder::JsonEncoder;
pub(crate) use rows::JsonRows;

pub(crate) const FORMAT: Format = Format {
    name: "json",
    options: &[
        ConnectorOption::new(
            "json.fail-on-missing-field",
            Some("false"),
            "a field that an object lacks is an error, not NULL",
        ),
        ConnectorOption::new(
            "json.ignore-parse-errors",
            Some("false"),
            "a field that is no value is NULL, and a line or message that is no object is left out",
        ),
        ConnectorOption::new(
            "json.timestamp-format.standard",
            Some("SQL"),
            "SQL (2024-01-31 12:00:00) or ISO-8601 (2024-01-31T12:00:00); both are read",
        ),
        ConnectorOption::new(
            "json.map-null-key.mode",
            Some("FAIL"),
            "FAIL, DROP or LITERAL: what becomes of a NULL key",
        ),
        ConnectorOption::new(
            "json.map-null-key.literal",
            Some("null"),
            "the key that LITERAL writes",
        ),
        ConnectorOption::new(
            "json.encode.decimal-as-plain-number",
            Some("false"),
            "decimals without an exponent",
        ),
        ConnectorOption::new(
            "json.encode.ignore-null-fields",
            Some("false"),
            "fields that are NULL are not written",
        ),
        ConnectorOption::new(
            "json.decode.json-parser.enabled",
            Some("true"),
            "accepted for Flink's sake",
        ),
    ],
};

/// The options of a table in this format.
#[derive(Debug, Clone)]
pub(crate) struct JsonOptions {
    /// What this table's options begin with: see [`Options::spelled`].
    prefix: &'static str,
    pub(crate) fail_on_missing_field: bool,
    pub(crate) ignore_errors: bool,
    pub(crate) iso_timestamps: bool,
    pub(crate) null_key: NullKey,
    pub(crate) plain_decimals: bool,
    pub(crate) ignore_null_fields: bool,
}

/// What becomes of an entry of a MAP whose key is NULL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NullKey {
    Fail,
    Drop,
    Literal(String),
}

impl JsonOptions {
    pub(crate) fn parse(options: &Options<'_>) -> Result<Self, ConnectorError> {
        let fail_on_missing_field = options.flag("json.fail-on-missing-field", false)?;
        let ignore_errors = options.flag("json.ignore-parse-errors", false)?;
        if fail_on_missing_field && ignore_errors {
            return Err(options.invalid(
                "json.fail-on-missing-field",
                &format!(
                    "'false' where '{}' is 'true'",
                    options.spelled("json.ignore-parse-errors")
                ),
            ));
        }
        let standard = options.choice("json.timestamp-format.standard", &["SQL", "ISO-8601"])?;
        let mode = options.choice("json.map-null-key.mode", &["FAIL", "DROP", "LITERAL"])?;
        let literal = options.text("json.map-null-key.literal").unwrap_or("null");
        options.flag("json.decode.json-parser.enabled", true)?;
        Ok(Self {
            prefix: options.prefix(),
            fail_on_missing_field,
            ignore_errors,
            iso_timestamps: standard == Some("ISO-8601"),
            null_key: match mode {
                Some("DROP") => NullKey::Drop,
                Some("LITERAL") => NullKey::Literal(literal.to_owned()),
                _ => NullKey::Fail,
            },
            plain_decimals: options.flag("json.encode.decimal-as-plain-number", false)?,
            ignore_null_fields: options.flag("json.encode.ignore-null-fields", false)?,
        })
    }
}

/// Refuses columns that JSON does not carry.
pub(crate) fn check(definition: &TableDefinition, fields: &[Field]) -> Result<(), ConnectorError> {
    fn carries(kind: &DataType) -> bool {
        match kind {
            DataType::List(item) => carries(item.data_type()),
            DataType::Struct(fields) => fields.iter().all(|field| carries(field.data_type())),
            DataType::Map(entries, _) => match entries.data_type() {
                DataType::Struct(fields) => {
                    fields.len() == 2
                        && *fields[0].data_type() == DataType::Utf8
                        && carries(fields[1].data_type())
                }
                _ => false,
            },
            plain => column(&Field::new("", plain.clone(), true), &Rules::default()).is_some(),
        }
    }
    match fields.iter().find(|field| !carries(field.data_type())) {
        None => Ok(()),
        Some(field) => Err(ConnectorError::job(format!(
            "table {}: column {} is {}, which the format json cannot carry",
            definition.name,
            field.name(),
            type_name(field.data_type())
        ))
        .with_hint(
            matches!(field.data_type(), DataType::Map(..))
                .then(|| "the keys of a MAP must be STRING".to_owned()),
        )),
    }
}
