//! Table hints: `t /*+ OPTIONS('k' = 'v') */` reads `t` with other options.
//!
//! sqlparser takes a hint for a comment, so it is folded into the table's name before the query is
//! parsed, behind characters that no name can hold, and taken out again by [`split_hinted_name`].

use std::collections::BTreeMap;

use sqlparser::{
    dialect::Dialect,
    keywords::Keyword,
    parser::Parser,
    tokenizer::{Span, Token, TokenWithSpan},
};

use crate::{
    dialect::FlinkDialect,
    reader::SyntaxError,
    script::{is_comment_hint, is_word},
};

const START: char = '\u{1}';
const KEY_END: char = '\u{2}';
const VALUE_END: char = '\u{3}';

/// The table's own name and the options of its hint.
pub fn split_hinted_name(name: &str) -> (&str, BTreeMap<String, String>) {
    let Some((name, options)) = name.split_once(START) else {
        return (name, BTreeMap::new());
    };
    let options = options
        .split_terminator(VALUE_END)
        .filter_map(|option| option.split_once(KEY_END))
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect();
    (name, options)
}

/// Moves each `/*+ OPTIONS(…) */` into the name before it. Other hints are for an optimiser that
/// is not here: they change no result, and are left out.
pub(crate) fn fold(
    tokens: Vec<TokenWithSpan>,
    warnings: &mut Vec<String>,
) -> Result<Vec<TokenWithSpan>, SyntaxError> {
    let mut folded: Vec<TokenWithSpan> = Vec::with_capacity(tokens.len());
    for token in tokens {
        let Some(hint) = is_comment_hint(&token.token) else {
            folded.push(token);
            continue;
        };
        let Some(options) = options(hint, token.span)? else {
            warnings.push(format!(
                "line {}: the hint /*+{hint}*/ has no effect",
                token.span.start.line
            ));
            continue;
        };
        let before = folded
            .iter_mut()
            .rev()
            .find(|token| !matches!(token.token, Token::Whitespace(_)));
        let Some(TokenWithSpan {
            token: Token::Word(word),
            ..
        }) = before
        else {
            return Err(SyntaxError::new(
                token.span,
                "syntax error: a hint with OPTIONS must follow a table's name",
            ));
        };
        word.value.push(START);
        for (key, value) in options {
            word.value.push_str(&key);
            word.value.push(KEY_END);
            word.value.push_str(&value);
            word.value.push(VALUE_END);
        }
        word.quote_style = Some('`');
        word.keyword = Keyword::NoKeyword;
    }
    Ok(folded)
}

/// The pairs of `OPTIONS('k' = 'v', …)`; `None` for another hint.
fn options(hint: &str, span: Span) -> Result<Option<Vec<(String, String)>>, SyntaxError> {
    let dialect: &dyn Dialect = &FlinkDialect;
    let mut parser = Parser::new(dialect)
        .try_with_sql(hint)
        .map_err(|error| SyntaxError::new(span, format!("syntax error in a hint: {error}")))?;
    if !is_word(&parser.next_token(), "OPTIONS") {
        return Ok(None);
    }
    let mut pairs = || {
        parser.expect_token(&Token::LParen)?;
        let pairs = parser.parse_comma_separated(|parser| {
            let key = parser.parse_literal_string()?;
            parser.expect_token(&Token::Eq)?;
            Ok((key, parser.parse_literal_string()?))
        })?;
        parser.expect_token(&Token::RParen)?;
        Ok(pairs)
    };
    pairs()
        .map(Some)
        .map_err(|error| SyntaxError::from_parser(error, Some(span)))
}
