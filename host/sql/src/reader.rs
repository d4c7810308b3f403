//! Reads one statement's tokens: sqlparser's parser, with errors that know their place.

use std::collections::BTreeMap;

use sqlparser::{
    ast::{Expr, Query},
    keywords::Keyword,
    parser::{Parser, ParserError},
    tokenizer::{Location as Position, Span, Token, TokenWithSpan, Word},
};

use crate::error::SqlError;
use crate::{
    dialect::FlinkDialect,
    ignored,
    script::{Script, is_word, lower_first},
    statement::{Name, Options},
};

/// Between message and hint where an error of ours travels as one of sqlparser's.
const HINT: char = '\u{1}';

/// What is wrong with a statement's text.
#[derive(Debug, Clone)]
pub(crate) struct SyntaxError {
    message: String,
    hint: Option<String>,
    span: Option<Span>,
}

impl SyntaxError {
    /// What stands behind the last token has no span: the error is at the statement's end.
    pub(crate) fn new(span: Span, message: impl Into<String>) -> Self {
        SyntaxError {
            message: message.into(),
            hint: None,
            span: Some(span).filter(|span| *span != Span::empty()),
        }
    }

    pub(crate) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// sqlparser writes the place at the end of its message.
    pub(crate) fn from_parser(error: ParserError, span: Option<Span>) -> Self {
        let message = match error {
            ParserError::TokenizerError(message) | ParserError::ParserError(message) => message,
            ParserError::RecursionLimitExceeded => "the statement is nested too deeply".to_owned(),
        };
        let (message, position) = match message.rsplit_once(" at Line: ") {
            Some((text, place)) => match place.split_once(", Column: ") {
                Some((line, column)) => {
                    let position = line.parse().ok().zip(column.parse().ok());
                    (text.to_owned(), position)
                }
                None => (message, None),
            },
            None => (message, None),
        };
        if let Some((message, hint)) = message.split_once(HINT) {
            // One of ours that came back.
            let message = message.to_owned();
            let hint = Some(hint.to_owned()).filter(|hint| !hint.is_empty());
            let span = span.or_else(|| position.map(at));
            return SyntaxError {
                message,
                hint,
                span,
            };
        }
        let message = match message.starts_with("No infix parser for token") {
            // What follows is the parser's own.
            true => "this operator is not supported".to_owned(),
            false => message,
        };
        let message = message
            .replacen("Expected: ", "expected ", 1)
            .replace(", found: EOF", ", found the end of the statement")
            .replace(", found: ", ", found ");
        let span = span.or_else(|| position.map(at));
        SyntaxError {
            message: format!("syntax error: {}", lower_first(&message)),
            hint: None,
            span,
        }
    }

    /// For sqlparser's callbacks, which know no other error.
    pub(crate) fn into_parser_error(self) -> ParserError {
        let place = self.span.map(|span| span.start.to_string());
        let (message, hint) = (self.message, self.hint.unwrap_or_default());
        ParserError::ParserError(format!(
            "{message}{HINT}{hint}{}",
            place.unwrap_or_default()
        ))
    }

    /// sqlparser gives a place without a length, at times the place of the token after the one that
    /// it names: widens it to the token that the message names.
    pub(crate) fn snap_to(mut self, tokens: &[TokenWithSpan]) -> Self {
        let Some(place) = self.span.filter(|span| span.start == span.end) else {
            return self;
        };
        let is_significant =
            |token: &&TokenWithSpan| !matches!(token.token, Token::Whitespace(_) | Token::EOF);
        let mut before = tokens
            .iter()
            .filter(is_significant)
            .filter(|token| token.span.start <= place.start)
            .rev()
            .take(2);
        let found = self.message.rsplit_once("found ").map(|(_, found)| found);
        let is_found = |token: &&TokenWithSpan| Some(token.token.to_string().as_str()) == found;
        let here = before
            .next()
            .filter(|token| token.span.start == place.start);
        let token = here
            .filter(is_found)
            .or_else(|| before.find(is_found))
            .or(here);
        if let Some(token) = token {
            self.span = Some(token.span);
        }
        self
    }

    pub(crate) fn or_at(mut self, span: Span) -> Self {
        self.span.get_or_insert(span);
        self
    }

    pub(crate) fn at(self, script: &Script) -> SqlError {
        let location = self.span.and_then(|span| script.location(span));
        SqlError {
            message: printable(&self.message),
            hint: self.hint,
            location: location.map(Box::new),
        }
    }
}

/// A message that quotes a token, which may be any character.
fn printable(message: &str) -> String {
    let mut printable = String::with_capacity(message.len());
    for character in message.chars() {
        if character.is_control() {
            printable.extend(character.escape_default());
        } else {
            printable.push(character);
        }
    }
    printable
}

fn at((line, column): (u64, u64)) -> Span {
    let start = Position { line, column };
    Span::new(start, start)
}

impl From<ParserError> for SyntaxError {
    fn from(error: ParserError) -> Self {
        SyntaxError::from_parser(error, None)
    }
}

pub(crate) type Result<T> = std::result::Result<T, SyntaxError>;

/// One statement's tokens, and how far they were read.
pub(crate) struct StatementReader<'a> {
    pub parser: Parser<'a>,
    pub script: &'a Script,
    pub warnings: Vec<String>,
    span: Span,
}

impl<'a> StatementReader<'a> {
    pub fn new(script: &'a Script, tokens: Vec<TokenWithSpan>, span: Span) -> Self {
        StatementReader {
            parser: Parser::new(&FlinkDialect).with_tokens_with_locations(tokens),
            script,
            warnings: Vec::new(),
            span,
        }
    }

    /// The place just behind the last token.
    pub fn end(&self) -> Span {
        Span::new(self.span.end, self.span.end)
    }

    pub fn peek(&self) -> TokenWithSpan {
        self.parser.peek_token_ref().clone()
    }

    pub fn peek_span(&self) -> Span {
        let token = self.parser.peek_token_ref();
        if token.token == Token::EOF {
            self.end()
        } else {
            token.span
        }
    }

    /// Where the token that was read last ends.
    pub fn last_end(&self) -> Position {
        self.parser.get_current_token().span.end
    }

    pub fn is_next(&self, word: &str) -> bool {
        is_word(self.parser.peek_token_ref(), word)
    }

    pub fn is_nth(&self, n: usize, word: &str) -> bool {
        is_word(self.parser.peek_nth_token_ref(n), word)
    }

    /// Reads `word` if it is next, in any case.
    pub fn word(&mut self, word: &str) -> bool {
        let found = self.is_next(word);
        if found {
            self.parser.next_token();
        }
        found
    }

    /// Reads all of `words` if they are next.
    pub fn words(&mut self, words: &[&str]) -> bool {
        let found = words
            .iter()
            .enumerate()
            .all(|(n, word)| self.is_nth(n, word));
        if found {
            words.iter().for_each(|_| {
                self.parser.next_token();
            });
        }
        found
    }

    pub fn expect_word(&mut self, word: &str) -> Result<()> {
        if self.word(word) {
            Ok(())
        } else {
            self.expected(word)
        }
    }

    pub fn expect(&mut self, token: &Token) -> Result<()> {
        if self.parser.consume_token(token) {
            Ok(())
        } else {
            self.expected(&format!("'{token}'"))
        }
    }

    pub fn expect_end(&mut self) -> Result<()> {
        if self.parser.peek_token_ref().token == Token::EOF {
            Ok(())
        } else {
            let found = self.peek();
            Err(SyntaxError::new(
                found.span,
                format!(
                    "syntax error: unexpected {} after the statement",
                    found.token
                ),
            )
            .with_hint("statements are separated by ';'"))
        }
    }

    pub fn expected<T>(&self, what: &str) -> Result<T> {
        let found = match self.parser.peek_token_ref() {
            token if token.token == Token::EOF => "the end of the statement".to_owned(),
            token => token.token.to_string(),
        };
        Err(SyntaxError::new(
            self.peek_span(),
            format!("syntax error: expected {what}, found {found}"),
        ))
    }

    pub fn string(&mut self) -> Result<String> {
        match self.parser.peek_token_ref().token {
            Token::SingleQuotedString(_) | Token::UnicodeStringLiteral(_) => {
                Ok(self.parser.parse_literal_string()?)
            }
            _ => self.expected("a string in single quotes"),
        }
    }

    /// A name of one part.
    pub fn identifier(&mut self) -> Result<Name> {
        match &self.parser.peek_token_ref().token {
            Token::Word(_) => {
                let ident = self.parser.parse_identifier()?;
                Ok(Name {
                    text: ident.value,
                    span: ident.span,
                })
            }
            _ => self.expected("a name"),
        }
    }

    /// An object's name; `default_catalog.default_database` before it may be left out.
    pub fn object_name(&mut self) -> Result<Name> {
        let mut parts = vec![self.identifier()?];
        while self.parser.consume_token(&Token::Period) {
            parts.push(self.identifier()?);
        }
        let Some(name) = parts.pop() else {
            return self.expected("a name");
        };
        let known: &[&str] = match parts.len() {
            0 => &[],
            1 => &["default_database"],
            _ => &["default_catalog", "default_database"],
        };
        let same = parts.len() == known.len()
            && parts
                .iter()
                .zip(known)
                .all(|(part, known)| part.text == *known);
        if !same {
            return Err(SyntaxError::new(
                Span::new(parts[0].span.start, name.span.end),
                format!(
                    "there is no catalog or database before '{}' here",
                    name.text
                ),
            )
            .with_hint("there is one catalog: write the name alone"));
        }
        Ok(name)
    }

    pub fn if_exists(&mut self) -> bool {
        self.words(&["IF", "EXISTS"])
    }

    pub fn if_not_exists(&mut self) -> bool {
        self.words(&["IF", "NOT", "EXISTS"])
    }

    pub fn comment(&mut self) -> Result<Option<String>> {
        if self.word("COMMENT") {
            return self.string().map(Some);
        }
        Ok(None)
    }

    /// `('key' = 'value', …)`.
    pub fn options(&mut self) -> Result<Options> {
        self.expect(&Token::LParen)?;
        let mut options = Options {
            values: BTreeMap::new(),
            spans: BTreeMap::new(),
        };
        if self.parser.consume_token(&Token::RParen) {
            return Ok(options);
        }
        loop {
            let span = self.peek_span();
            let key = self.string()?;
            self.expect(&Token::Eq)?;
            let value = self.string()?;
            if let Some(start) = value.find("${")
                && value[start..].contains('}')
            {
                self.warnings.push(format!(
                    "line {}: the value of '{key}' holds '{}', which is not expanded: it is taken as it stands",
                    span.start.line,
                    &value[start..=start + value[start..].find('}').unwrap_or(0)],
                ));
            }
            if options.values.insert(key.clone(), value).is_some() {
                return Err(SyntaxError::new(
                    span,
                    format!("the option '{key}' is given twice"),
                ));
            }
            options.spans.insert(key, span);
            if self.parser.consume_token(&Token::RParen) {
                return Ok(options);
            }
            if !self.parser.consume_token(&Token::Comma) {
                return self.expected("',' or ')'");
            }
        }
    }

    /// `(a, b, …)`.
    pub fn names(&mut self) -> Result<Vec<Name>> {
        self.expect(&Token::LParen)?;
        let mut names = vec![self.identifier()?];
        while self.parser.consume_token(&Token::Comma) {
            names.push(self.identifier()?);
        }
        self.expect(&Token::RParen)?;
        Ok(names)
    }

    /// An expression, and its text as written.
    pub fn expression(&mut self) -> Result<(Expr, String)> {
        let start = self.peek_span().start;
        let expr = self.parser.parse_expr()?;
        let text = self
            .script
            .text(Span::new(start, self.last_end()))
            .to_owned();
        Ok((expr, text))
    }

    /// A query, and its text as written.
    pub fn query(&mut self) -> Result<(Box<Query>, String)> {
        let start = self.peek_span().start;
        let query = self.parser.parse_query()?;
        ignored::check(&query)?;
        let text = self
            .script
            .text(Span::new(start, self.last_end()))
            .to_owned();
        Ok((query, text))
    }

    /// Whether a query starts here.
    pub fn is_query(&self) -> bool {
        match &self.parser.peek_token_ref().token {
            Token::LParen => true,
            Token::Word(Word {
                keyword,
                quote_style: None,
                ..
            }) => matches!(
                keyword,
                Keyword::SELECT | Keyword::WITH | Keyword::VALUES | Keyword::TABLE
            ),
            _ => false,
        }
    }
}
