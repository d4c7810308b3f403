//! A script: its text, its statements and the places in it.

use sqlparser::tokenizer::{
    Location as Position, Span, Token, TokenWithSpan, Tokenizer, Whitespace, Word,
};

use crate::error::{Location, SqlError};
use crate::{
    chains,
    dialect::FlinkDialect,
    hints,
    reader::{StatementReader, SyntaxError},
    statement::{ParsedStatement, Statement},
    types::split_shifts,
};

/// A job file's name and text.
#[derive(Debug)]
pub struct Script {
    name: String,
    text: String,
    /// Byte offsets of the lines' starts.
    lines: Vec<usize>,
}

impl Script {
    pub fn new(name: &str, text: &str) -> Self {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text).to_owned();
        let lines = std::iter::once(0)
            .chain(text.match_indices('\n').map(|(offset, _)| offset + 1))
            .collect();
        Script {
            name: name.to_owned(),
            text,
            lines,
        }
    }

    /// The file's name without its ending.
    pub fn stem(&self) -> &str {
        let stem = std::path::Path::new(&self.name).file_stem();
        stem.and_then(std::ffi::OsStr::to_str).unwrap_or("job")
    }

    /// What an error message shows of `span`; nothing for an empty span.
    pub fn location(&self, span: Span) -> Option<Location> {
        let line = usize::try_from(span.start.line).ok()?.checked_sub(1)?;
        let source_line = self.line(line)?;
        // What ends a line is not shown, however many characters it is.
        let behind = source_line.chars().count() + 1;
        let column = usize::try_from(span.start.column).ok()?.clamp(1, behind);
        let length = if span.end.line == span.start.line {
            usize::try_from(span.end.column)
                .ok()?
                .saturating_sub(column)
        } else {
            behind - column
        };
        Some(Location {
            file: self.name.clone(),
            line: line + 1,
            column,
            length: length.clamp(1, (behind - column).max(1)),
            source_line: source_line.to_owned(),
        })
    }

    fn line(&self, line: usize) -> Option<&str> {
        let start = *self.lines.get(line)?;
        let end = self
            .lines
            .get(line + 1)
            .map_or(self.text.len(), |next| next - 1);
        self.text
            .get(start..end)
            .map(|text| text.trim_end_matches('\r'))
    }

    fn offset(&self, position: Position) -> Option<usize> {
        let line = usize::try_from(position.line).ok()?.checked_sub(1)?;
        let start = *self.lines.get(line)?;
        let column = usize::try_from(position.column).ok()?.saturating_sub(1);
        let rest = self.text.get(start..)?;
        Some(
            rest.char_indices()
                .nth(column)
                .map_or(self.text.len(), |(offset, _)| start + offset),
        )
    }

    /// The text that `span` covers, as the author wrote it.
    pub fn text(&self, span: Span) -> &str {
        self.offset(span.start)
            .zip(self.offset(span.end))
            .and_then(|(start, end)| self.text.get(start..end))
            .unwrap_or_default()
            .trim()
    }
}

/// All statements of a script, in order, and warnings about them.
pub fn parse(script: &Script) -> Result<(Vec<ParsedStatement>, Vec<String>), SqlError> {
    let mut warnings = Vec::new();
    let tokens = tokens(script)?;
    let tokens = hints::fold(tokens, &mut warnings).map_err(|error| error.at(script))?;
    let mut statements = Vec::new();
    let mut pieces = split(tokens).into_iter();
    while let Some(piece) = pieces.next() {
        let statement = match statement_set(&piece) {
            None => parse_one(script, piece, &mut warnings)?,
            Some(SetStart { explain, first }) => {
                let span = covering(&piece);
                let mut inserts = Vec::new();
                let mut next = Some(piece[first..].to_vec());
                loop {
                    let Some(piece) = next.take().or_else(|| pieces.next()) else {
                        return Err(SyntaxError::new(
                            span,
                            "syntax error: the statement set has no END",
                        )
                        .with_hint("a statement set is EXECUTE STATEMENT SET BEGIN INSERT …; INSERT …; END;")
                        .at(script));
                    };
                    if is_words(&piece, &["END"]) {
                        break;
                    }
                    if significant(&piece).next().is_none() {
                        continue;
                    }
                    let parsed = parse_one(script, piece, &mut warnings)?;
                    match parsed.statement {
                        Statement::Insert(insert) => inserts.push((insert, parsed.span)),
                        _ => {
                            return Err(SyntaxError::new(
                                parsed.span,
                                "syntax error: a statement set may hold INSERT statements only",
                            )
                            .at(script));
                        }
                    }
                }
                if inserts.is_empty() {
                    return Err(
                        SyntaxError::new(span, "syntax error: the statement set is empty")
                            .at(script),
                    );
                }
                let statement = Statement::Inserts(inserts);
                ParsedStatement {
                    statement: if explain {
                        Statement::Explain(Box::new(statement))
                    } else {
                        statement
                    },
                    span,
                }
            }
        };
        statements.push(statement);
    }
    Ok((statements, warnings))
}

fn parse_one(
    script: &Script,
    piece: Vec<TokenWithSpan>,
    warnings: &mut Vec<String>,
) -> Result<ParsedStatement, SqlError> {
    let span = covering(&piece);
    chains::check(&piece).map_err(|error| error.at(script))?;
    let mut reader = StatementReader::new(script, piece.clone(), span);
    let statement = reader.statement().and_then(|statement| {
        reader.expect_end()?;
        Ok(statement)
    });
    warnings.append(&mut reader.warnings);
    match statement {
        Ok(statement) => Ok(ParsedStatement { statement, span }),
        Err(error) => Err(error.or_at(reader.end()).snap_to(&piece).at(script)),
    }
}

fn tokens(script: &Script) -> Result<Vec<TokenWithSpan>, SqlError> {
    let tokens = Tokenizer::new(&FlinkDialect, &script.text)
        .tokenize_with_location()
        .map_err(|error| {
            let start = error.location;
            let end = Position {
                line: start.line,
                column: start.column + 1,
            };
            SyntaxError::new(
                Span::new(start, end),
                format!("syntax error: {}", lower_first(&error.message)),
            )
            .at(script)
        })?;
    if let Some(quoted) = tokens
        .iter()
        .find(|token| matches!(token.token, Token::DoubleQuotedString(_)))
    {
        return Err(SyntaxError::new(
            quoted.span,
            format!("syntax error: {} is in double quotes", quoted.token),
        )
        .with_hint("a string is written 'text', a name `name`")
        .at(script));
    }
    Ok(split_shifts(tokens))
}

/// `Expected: x, found: y` reads better in the middle of a sentence in lower case.
pub fn lower_first(message: &str) -> String {
    // A name keeps its letters: `LIMIT must be …`.
    let word = message.split(|character: char| !character.is_alphanumeric());
    let mut rest = word.take(1).flat_map(str::chars).skip(1);
    if !rest.all(char::is_lowercase) {
        return message.to_owned();
    }
    let mut characters = message.chars();
    match characters.next() {
        Some(first) => first.to_lowercase().chain(characters).collect(),
        None => String::new(),
    }
}

/// The tokens between semicolons; empty pieces are left out.
fn split(tokens: Vec<TokenWithSpan>) -> Vec<Vec<TokenWithSpan>> {
    let mut pieces = vec![Vec::new()];
    for token in tokens {
        if token.token == Token::SemiColon {
            pieces.push(Vec::new());
        } else if let Some(piece) = pieces.last_mut() {
            piece.push(token);
        }
    }
    pieces.retain(|piece| significant(piece).next().is_some());
    pieces
}

fn significant(piece: &[TokenWithSpan]) -> impl Iterator<Item = (usize, &TokenWithSpan)> {
    piece
        .iter()
        .enumerate()
        .filter(|(_, token)| !matches!(token.token, Token::Whitespace(_) | Token::EOF))
}

/// From the first to the last token that is not white space.
fn covering(piece: &[TokenWithSpan]) -> Span {
    let mut tokens = significant(piece).map(|(_, token)| token.span);
    let Some(first) = tokens.next() else {
        return Span::empty();
    };
    Span::new(first.start, tokens.last().unwrap_or(first).end)
}

struct SetStart {
    explain: bool,
    /// The index of the first token inside the set.
    first: usize,
}

fn statement_set(piece: &[TokenWithSpan]) -> Option<SetStart> {
    const STARTS: &[(&[&str], bool)] = &[
        (&["EXECUTE", "STATEMENT", "SET", "BEGIN"], false),
        (&["BEGIN", "STATEMENT", "SET"], false),
        (&["EXPLAIN", "STATEMENT", "SET", "BEGIN"], true),
        (
            &["EXPLAIN", "PLAN", "FOR", "STATEMENT", "SET", "BEGIN"],
            true,
        ),
    ];
    STARTS.iter().find_map(|(words, explain)| {
        let tokens: Vec<_> = significant(piece).take(words.len()).collect();
        let last = tokens.last()?.0;
        (tokens.len() == words.len()
            && tokens
                .iter()
                .zip(*words)
                .all(|((_, token), word)| is_word(token, word)))
        .then_some(SetStart {
            explain: *explain,
            first: last + 1,
        })
    })
}

fn is_words(piece: &[TokenWithSpan], words: &[&str]) -> bool {
    let tokens: Vec<_> = significant(piece).collect();
    tokens.len() == words.len()
        && tokens
            .iter()
            .zip(words)
            .all(|((_, token), word)| is_word(token, word))
}

pub(crate) fn is_word(token: &TokenWithSpan, text: &str) -> bool {
    matches!(&token.token, Token::Word(Word { value, quote_style: None, .. })
        if value.eq_ignore_ascii_case(text))
}

pub(crate) fn is_comment_hint(token: &Token) -> Option<&str> {
    match token {
        Token::Whitespace(Whitespace::MultiLineComment(text)) => text.strip_prefix('+'),
        _ => None,
    }
}
