//! Separated values, as Flink's `csv` format reads and writes them.

mod dialect;
mod encoder;
mod rows;
mod tokenizer;

use arrow::datatypes::Field;

use super::Format;
use super::column::{Rules, column};
use crate::options::{Options, unescape};
use crate::registry::ConnectorOption;
use crate::text::type_name;
use crate::{ConnectorError, TableDefinition};

pub(crate) use dialect::Dialect;
pub(crate) use encoder::CsvEncoder;
pub(crate) use rows::CsvRows;
pub(crate) use tokenizer::Text;

pub(crate) const FORMAT: Format = Format {
    name: "csv",
    options: &[
        ConnectorOption::new(
            "csv.field-delimiter",
            Some(","),
            "one character; \\t is a tab",
        ),
        ConnectorOption::new(
            "csv.header",
            Some("false"),
            "the first line of a file names the columns (not an option of Flink's)",
        ),
        ConnectorOption::new("csv.quote-character", Some("\""), "encloses fields"),
        ConnectorOption::new(
            "csv.disable-quote-character",
            Some("false"),
            "quotes are characters like any other",
        ),
        ConnectorOption::new(
            "csv.escape-character",
            None,
            "takes the meaning from the next character",
        ),
        ConnectorOption::new(
            "csv.allow-comments",
            Some("false"),
            "lines that start with # are skipped",
        ),
        ConnectorOption::new(
            "csv.ignore-parse-errors",
            Some("false"),
            "a field that is no value is NULL, and a row with too many fields is left out",
        ),
        ConnectorOption::new(
            "csv.array-element-delimiter",
            Some(";"),
            "between the items of an ARRAY",
        ),
        ConnectorOption::new("csv.null-literal", None, "the text that stands for NULL"),
        ConnectorOption::new(
            "csv.trim-spaces",
            Some("false"),
            "blanks around an unquoted field do not count",
        ),
        ConnectorOption::new(
            "csv.ignore-trailing-unmappable",
            Some("false"),
            "fields behind the last column are skipped",
        ),
        ConnectorOption::new(
            "csv.allow-trailing-comma",
            Some("true"),
            "an empty field behind the last column is skipped",
        ),
        ConnectorOption::new(
            "csv.fail-on-missing-columns",
            Some("false"),
            "with csv.ignore-parse-errors: a row with too few fields is left out, not filled with NULL",
        ),
        ConnectorOption::new(
            "csv.empty-string-as-null",
            Some("false"),
            "an empty STRING is NULL",
        ),
        ConnectorOption::new(
            "csv.write-bigdecimal-in-scientific-notation",
            Some("true"),
            "100000 is written as 1E+5",
        ),
    ],
};

/// The options of a table in this format.
#[derive(Debug, Clone)]
pub(crate) struct CsvOptions {
    /// What this table's options begin with: see [`Options::spelled`].
    prefix: &'static str,
    pub(crate) dialect: Dialect,
    pub(crate) rules: Rules,
    pub(crate) ignore_trailing_unmappable: bool,
    pub(crate) allow_trailing_comma: bool,
    pub(crate) fail_on_missing_columns: bool,
    pub(crate) scientific: bool,
}

impl CsvOptions {
    pub(crate) fn parse(options: &Options<'_>) -> Result<Self, ConnectorError> {
        let quote = match options.flag("csv.disable-quote-character", false)? {
            true => None,
            false => Some(options.character("csv.quote-character")?.unwrap_or(b'"')),
        };
        let dialect = Dialect {
            delimiter: options.character("csv.field-delimiter")?.unwrap_or(b','),
            quote,
            escape: options.character("csv.escape-character")?,
            comments: options.flag("csv.allow-comments", false)?,
            trim: options.flag("csv.trim-spaces", false)?,
            header: options.flag("csv.header", false)?,
        };
        for (key, character) in [
            ("csv.quote-character", dialect.quote),
            ("csv.escape-character", dialect.escape),
        ] {
            if character == Some(dialect.delimiter) {
                return Err(options.invalid(key, "another character than the field delimiter"));
            }
        }
        let item_delimiter = unescape(options.text("csv.array-element-delimiter").unwrap_or(";"));
        if item_delimiter.is_empty() {
            return Err(options.invalid("csv.array-element-delimiter", "at least one character"));
        }
        Ok(Self {
            prefix: options.prefix(),
            dialect,
            rules: Rules {
                null_literal: options
                    .text("csv.null-literal")
                    .map(|literal| literal.as_bytes().to_vec()),
                empty_string_as_null: options.flag("csv.empty-string-as-null", false)?,
                ignore_errors: options.flag("csv.ignore-parse-errors", false)?,
                item_delimiter: item_delimiter.into_bytes(),
            },
            ignore_trailing_unmappable: options.flag("csv.ignore-trailing-unmappable", false)?,
            allow_trailing_comma: options.flag("csv.allow-trailing-comma", true)?,
            fail_on_missing_columns: options.flag("csv.fail-on-missing-columns", false)?,
            scientific: options.flag("csv.write-bigdecimal-in-scientific-notation", true)?,
        })
    }
}

/// Refuses columns that plain text does not carry.
pub(crate) fn check(
    definition: &TableDefinition,
    fields: &[Field],
    rules: &Rules,
) -> Result<(), ConnectorError> {
    match fields.iter().find(|field| column(field, rules).is_none()) {
        None => Ok(()),
        Some(field) => Err(ConnectorError::job(format!(
            "table {}: column {} is {}, which the format csv cannot carry",
            definition.name,
            field.name(),
            type_name(field.data_type())
        ))
        .with_hint("other formats, such as json, carry nested types".to_owned())),
    }
}
