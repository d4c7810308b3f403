//! Flink's types: read from SQL, and written for an Arrow type.
//!
//! A type's precision picks Arrow's unit: `TIMESTAMP(0)` is seconds, `(1..3)` milliseconds, `(4..6)`
//! microseconds, `(7..9)` nanoseconds. `CHAR(n)` and `VARCHAR(n)` are strings of any length.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Fields, IntervalUnit, TimeUnit};
use sqlparser::{
    dialect::Dialect,
    parser::Parser,
    tokenizer::{Span, Token, TokenWithSpan, Tokenizer, Word},
};

use crate::error::nearest;
use crate::{
    dialect::FlinkDialect,
    reader::{Result, SyntaxError},
    script::is_word,
    statement::DeclaredType,
};

const NAMES: &[&str] = &[
    "ARRAY",
    "BIGINT",
    "BINARY",
    "BOOLEAN",
    "BYTES",
    "CHAR",
    "DATE",
    "DECIMAL",
    "DOUBLE",
    "FLOAT",
    "INT",
    "INTEGER",
    "INTERVAL",
    "MAP",
    "NUMERIC",
    "ROW",
    "SMALLINT",
    "STRING",
    "TIME",
    "TIMESTAMP",
    "TIMESTAMP_LTZ",
    "TINYINT",
    "VARBINARY",
    "VARCHAR",
];

/// The type of which `text` is the whole.
pub fn parse_type_text(text: &str) -> Option<DeclaredType> {
    let dialect: &dyn Dialect = &FlinkDialect;
    let tokens = Tokenizer::new(dialect, text)
        .tokenize_with_location()
        .ok()?;
    let mut parser = Parser::new(dialect).with_tokens_with_locations(split_shifts(tokens));
    let declared = parse_type(&mut parser).ok()?;
    (parser.peek_token_ref().token == Token::EOF).then_some(declared)
}

/// Flink has no operator `>>`: it always closes two types.
pub(crate) fn split_shifts(tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    let mut split = Vec::with_capacity(tokens.len());
    for token in tokens {
        if token.token == Token::ShiftRight {
            split.push(TokenWithSpan::new(Token::Gt, token.span));
            split.push(TokenWithSpan::new(Token::Gt, token.span));
        } else {
            split.push(token);
        }
    }
    split
}

/// Types inside each other: what follows a type down recurses.
const DEEPEST: usize = 32;

/// A type, with `NOT NULL` or `NULL` behind it.
pub(crate) fn parse_type(parser: &mut Parser) -> Result<DeclaredType> {
    nested(parser, 0)
}

fn nested(parser: &mut Parser, mut depth: usize) -> Result<DeclaredType> {
    let span = parser.peek_token_ref().span;
    let check = |depth: usize| match depth {
        0..=DEEPEST => Ok(()),
        _ => Err(SyntaxError::new(
            span,
            format!("syntax error: more than {DEEPEST} types inside each other"),
        )),
    };
    check(depth)?;
    let (mut data_type, mut text) = parse_base(parser, depth)?;
    let mut nullable = nullability(parser)?;
    while word(parser, "ARRAY") {
        depth += 1;
        check(depth)?;
        (data_type, text) = array(data_type, nullable, &text);
        nullable = nullability(parser)?;
    }
    Ok(DeclaredType {
        data_type,
        nullable,
        text,
    })
}

fn nullability(parser: &mut Parser) -> Result<bool> {
    if is_word(parser.peek_token_ref(), "NOT") && is_word(parser.peek_nth_token_ref(1), "NULL") {
        parser.next_token();
        parser.next_token();
        return Ok(false);
    }
    word(parser, "NULL");
    Ok(true)
}

fn array(item: DataType, nullable: bool, text: &str) -> (DataType, String) {
    let list = DataType::List(Arc::new(Field::new_list_field(item, nullable)));
    (list, format!("ARRAY<{}>", with_nullability(text, nullable)))
}

fn with_nullability(text: &str, nullable: bool) -> String {
    if nullable {
        text.to_owned()
    } else {
        format!("{text} NOT NULL")
    }
}

fn parse_base(parser: &mut Parser, depth: usize) -> Result<(DataType, String)> {
    let token = parser.next_token();
    let Token::Word(Word { value, .. }) = &token.token else {
        return Err(expected("a type", &token.token, token.span));
    };
    let name = value.to_uppercase();
    let simple = |data_type: DataType| Ok((data_type, name.clone()));
    match name.as_str() {
        "BOOLEAN" => simple(DataType::Boolean),
        "TINYINT" => simple(DataType::Int8),
        "SMALLINT" => simple(DataType::Int16),
        "INT" | "INTEGER" => Ok((DataType::Int32, "INT".into())),
        "BIGINT" => simple(DataType::Int64),
        "FLOAT" => simple(DataType::Float32),
        "DOUBLE" => {
            word(parser, "PRECISION");
            simple(DataType::Float64)
        }
        "DEC" | "DECIMAL" | "NUMERIC" => decimal(parser, token.span),
        "STRING" => simple(DataType::Utf8),
        "CHAR" | "VARCHAR" => {
            let length = numbers(parser, 1)?;
            Ok((DataType::Utf8, with_numbers(&name, &length)))
        }
        "BYTES" => simple(DataType::Binary),
        "BINARY" | "VARBINARY" => {
            let length = numbers(parser, 1)?;
            Ok((DataType::Binary, with_numbers(&name, &length)))
        }
        "DATE" => simple(DataType::Date32),
        "TIME" => {
            let (precision, unit) = precision(parser, 0)?;
            words(parser, &["WITHOUT", "TIME", "ZONE"]);
            Ok((time(unit), format!("TIME({precision})")))
        }
        "TIMESTAMP" => {
            let (precision, unit) = precision(parser, 6)?;
            if words(parser, &["WITH", "LOCAL", "TIME", "ZONE"]) {
                return Ok((instant(unit), format!("TIMESTAMP_LTZ({precision})")));
            }
            if words(parser, &["WITH", "TIME", "ZONE"]) {
                return Err(SyntaxError::new(
                    token.span,
                    "the type TIMESTAMP WITH TIME ZONE is not supported, as in Flink",
                )
                .with_hint("use TIMESTAMP_LTZ, an instant in UTC"));
            }
            words(parser, &["WITHOUT", "TIME", "ZONE"]);
            Ok((
                DataType::Timestamp(unit, None),
                format!("TIMESTAMP({precision})"),
            ))
        }
        "TIMESTAMP_LTZ" => {
            let (precision, unit) = precision(parser, 6)?;
            Ok((instant(unit), format!("TIMESTAMP_LTZ({precision})")))
        }
        "INTERVAL" => interval(parser),
        "ARRAY" => {
            open(parser, "ARRAY")?;
            let item = nested(parser, depth + 1)?;
            close(parser)?;
            Ok(array(item.data_type, item.nullable, &item.text))
        }
        "MAP" => {
            open(parser, "MAP")?;
            let key = nested(parser, depth + 1)?;
            comma(parser)?;
            let value = nested(parser, depth + 1)?;
            close(parser)?;
            let text = format!(
                "MAP<{}, {}>",
                with_nullability(&key.text, key.nullable),
                with_nullability(&value.text, value.nullable)
            );
            Ok((map(key.data_type, value), text))
        }
        "ROW" => row(parser, depth),
        "MULTISET" | "RAW" | "STRUCTURED" | "VARIANT" => Err(SyntaxError::new(
            token.span,
            format!("the type {name} is not supported"),
        )
        .with_hint("use ARRAY, MAP or ROW")),
        _ => {
            let error = SyntaxError::new(token.span, format!("there is no type '{value}'"));
            Err(
                match (name.as_str(), nearest(&name, NAMES.iter().copied())) {
                    ("TEXT", _) => error.with_hint("use STRING"),
                    ("REAL", _) => error.with_hint("use FLOAT or DOUBLE"),
                    ("BLOB" | "BYTEA", _) => error.with_hint("use BYTES"),
                    ("DATETIME", _) => error.with_hint("use TIMESTAMP"),
                    (_, Some(near)) => error.with_hint(format!("did you mean {near}?")),
                    (_, None) => error,
                },
            )
        }
    }
}

fn decimal(parser: &mut Parser, span: Span) -> Result<(DataType, String)> {
    let numbers = numbers(parser, 2)?;
    let precision = numbers.first().copied().unwrap_or(10);
    let scale = numbers.get(1).copied().unwrap_or(0);
    match (u8::try_from(precision), i8::try_from(scale)) {
        (Ok(precision @ 1..=38), Ok(scale)) if scale as u8 <= precision => Ok((
            DataType::Decimal128(precision, scale),
            format!("DECIMAL({precision}, {scale})"),
        )),
        _ => Err(
            SyntaxError::new(span, format!("DECIMAL({precision}, {scale}) is not a type"))
                .with_hint("the precision is 1 to 38, the scale 0 to the precision"),
        ),
    }
}

fn interval(parser: &mut Parser) -> Result<(DataType, String)> {
    const UNITS: &[&str] = &["YEAR", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND"];
    let mut text = "INTERVAL".to_owned();
    let mut unit = |parser: &mut Parser| -> Result<usize> {
        let token = parser.next_token();
        let Some(index) = UNITS.iter().position(|unit| is_word(&token, unit)) else {
            return Err(expected("a unit of time", &token.token, token.span));
        };
        text.push(' ');
        text.push_str(&with_numbers(UNITS[index], &numbers(parser, 1)?));
        Ok(index)
    };
    let first = unit(parser)?;
    let mut has_end = false;
    if word(parser, "TO") {
        has_end = true;
        unit(parser)?;
    }
    let unit = if first < 2 {
        IntervalUnit::YearMonth
    } else {
        IntervalUnit::MonthDayNano
    };
    if has_end && let Some(space) = text.rfind(' ') {
        text.insert_str(space, " TO");
    }
    Ok((DataType::Interval(unit), text))
}

/// `ROW<name TYPE ['comment'], …>` or with parentheses; fields without names are f0, f1, ….
fn row(parser: &mut Parser, depth: usize) -> Result<(DataType, String)> {
    let parenthesis = parser.consume_token(&Token::LParen);
    if !parenthesis {
        open(parser, "ROW")?;
    }
    let mut fields = Vec::new();
    let mut texts = Vec::new();
    loop {
        // `INT ARRAY` is a type without a name, `x ARRAY<INT>` has one.
        let second = parser.peek_nth_token_ref(1);
        let named = matches!(second.token, Token::Word(_))
            && !is_word(second, "NOT")
            && !is_word(second, "PRECISION")
            && (!is_word(second, "ARRAY") || parser.peek_nth_token_ref(2).token == Token::Lt);
        let name = if named {
            parser.parse_identifier()?.value
        } else {
            format!("f{}", fields.len())
        };
        let declared = nested(parser, depth + 1)?;
        if matches!(parser.peek_token_ref().token, Token::SingleQuotedString(_)) {
            parser.next_token();
        }
        texts.push(format!(
            "{} {}",
            quoted(&name),
            with_nullability(&declared.text, declared.nullable)
        ));
        fields.push(Field::new(name, declared.data_type, declared.nullable));
        if !parser.consume_token(&Token::Comma) {
            break;
        }
    }
    if parenthesis {
        parser.expect_token(&Token::RParen)?;
    } else {
        close(parser)?;
    }
    Ok((
        DataType::Struct(Fields::from(fields)),
        format!("ROW<{}>", texts.join(", ")),
    ))
}

/// A field's name as it is written, whatever it holds.
fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

fn map(key: DataType, value: DeclaredType) -> DataType {
    let entries = Fields::from(vec![
        Field::new("key", key, false),
        Field::new("value", value.data_type, value.nullable),
    ]);
    DataType::Map(
        Arc::new(Field::new("entries", DataType::Struct(entries), false)),
        false,
    )
}

fn instant(unit: TimeUnit) -> DataType {
    DataType::Timestamp(unit, Some("UTC".into()))
}

fn time(unit: TimeUnit) -> DataType {
    match unit {
        TimeUnit::Second | TimeUnit::Millisecond => DataType::Time32(unit),
        TimeUnit::Microsecond | TimeUnit::Nanosecond => DataType::Time64(unit),
    }
}

fn precision(parser: &mut Parser, default: u64) -> Result<(u64, TimeUnit)> {
    let span = parser.peek_token_ref().span;
    let precision = numbers(parser, 1)?.first().copied().unwrap_or(default);
    let unit = match precision {
        0 => TimeUnit::Second,
        1..=3 => TimeUnit::Millisecond,
        4..=6 => TimeUnit::Microsecond,
        7..=9 => TimeUnit::Nanosecond,
        _ => {
            return Err(SyntaxError::new(
                span,
                format!("a precision of {precision} digits is not possible"),
            )
            .with_hint("the precision of a time is 0 to 9"));
        }
    };
    Ok((precision, unit))
}

/// `(n)`, `(n, m)` or nothing.
fn numbers(parser: &mut Parser, most: usize) -> Result<Vec<u64>> {
    if !parser.consume_token(&Token::LParen) {
        return Ok(vec![]);
    }
    let mut numbers = vec![parser.parse_literal_uint()?];
    while numbers.len() < most && parser.consume_token(&Token::Comma) {
        numbers.push(parser.parse_literal_uint()?);
    }
    parser.expect_token(&Token::RParen)?;
    Ok(numbers)
}

fn with_numbers(name: &str, numbers: &[u64]) -> String {
    match numbers {
        [] => name.to_owned(),
        numbers => {
            let numbers: Vec<_> = numbers.iter().map(u64::to_string).collect();
            format!("{name}({})", numbers.join(", "))
        }
    }
}

fn word(parser: &mut Parser, text: &str) -> bool {
    words(parser, &[text])
}

fn words(parser: &mut Parser, words: &[&str]) -> bool {
    let found = words
        .iter()
        .enumerate()
        .all(|(n, word)| is_word(parser.peek_nth_token_ref(n), word));
    if found {
        words.iter().for_each(|_| {
            parser.next_token();
        });
    }
    found
}

fn open(parser: &mut Parser, name: &str) -> Result<()> {
    if parser.consume_token(&Token::Lt) {
        return Ok(());
    }
    let token = parser.peek_token_ref();
    Err(expected(
        &format!("'<' after {name}"),
        &token.token,
        token.span,
    ))
}

fn comma(parser: &mut Parser) -> Result<()> {
    Ok(parser.expect_token(&Token::Comma).map(|_| ())?)
}

fn close(parser: &mut Parser) -> Result<()> {
    let token = parser.peek_token_ref().clone();
    if token.token == Token::Gt {
        parser.next_token();
        return Ok(());
    }
    Err(expected("'>'", &token.token, token.span))
}

fn expected(what: &str, found: &Token, span: Span) -> SyntaxError {
    let found = match found {
        Token::EOF => "the end of the statement".to_owned(),
        token => token.to_string(),
    };
    let message = format!("syntax error: expected {what}, found {found}");
    SyntaxError::new(span, message)
}

/// Flink's name of an Arrow type.
pub fn flink_type(data_type: &DataType) -> String {
    let digits = |unit: &TimeUnit| match unit {
        TimeUnit::Second => 0,
        TimeUnit::Millisecond => 3,
        TimeUnit::Microsecond => 6,
        TimeUnit::Nanosecond => 9,
    };
    let item =
        |field: &Field| with_nullability(&flink_type(field.data_type()), field.is_nullable());
    match data_type {
        DataType::Null => "NULL".into(),
        DataType::Boolean => "BOOLEAN".into(),
        DataType::Int8 => "TINYINT".into(),
        DataType::Int16 => "SMALLINT".into(),
        DataType::Int32 => "INT".into(),
        DataType::Int64 => "BIGINT".into(),
        DataType::UInt8 => "TINYINT UNSIGNED".into(),
        DataType::UInt16 => "SMALLINT UNSIGNED".into(),
        DataType::UInt32 => "INT UNSIGNED".into(),
        DataType::UInt64 => "BIGINT UNSIGNED".into(),
        DataType::Float16 | DataType::Float32 => "FLOAT".into(),
        DataType::Float64 => "DOUBLE".into(),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "STRING".into(),
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => "BYTES".into(),
        DataType::FixedSizeBinary(length) => format!("BINARY({length})"),
        DataType::Decimal32(precision, scale)
        | DataType::Decimal64(precision, scale)
        | DataType::Decimal128(precision, scale)
        | DataType::Decimal256(precision, scale) => format!("DECIMAL({precision}, {scale})"),
        DataType::Date32 | DataType::Date64 => "DATE".into(),
        DataType::Time32(unit) | DataType::Time64(unit) => format!("TIME({})", digits(unit)),
        DataType::Timestamp(unit, None) => format!("TIMESTAMP({})", digits(unit)),
        DataType::Timestamp(unit, Some(_)) => format!("TIMESTAMP_LTZ({})", digits(unit)),
        DataType::Interval(IntervalUnit::YearMonth) => "INTERVAL YEAR TO MONTH".into(),
        DataType::Interval(_) | DataType::Duration(_) => "INTERVAL DAY TO SECOND".into(),
        DataType::List(field)
        | DataType::LargeList(field)
        | DataType::ListView(field)
        | DataType::LargeListView(field)
        | DataType::FixedSizeList(field, _) => format!("ARRAY<{}>", item(field)),
        DataType::Struct(fields) => {
            let fields: Vec<_> = fields
                .iter()
                .map(|field| format!("{} {}", quoted(field.name()), item(field)))
                .collect();
            format!("ROW<{}>", fields.join(", "))
        }
        DataType::Map(entries, _) => match entries.data_type() {
            DataType::Struct(fields) if fields.len() == 2 => format!(
                "MAP<{}, {}>",
                flink_type(fields[0].data_type()),
                item(&fields[1])
            ),
            _ => "MAP".into(),
        },
        DataType::Dictionary(_, value) => flink_type(value),
        other => other.to_string().to_uppercase(),
    }
}
