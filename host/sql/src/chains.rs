//! Refuses chains of operators that are too long: `a OR b OR c …` is a tree as deep as it has
//! operators, and whatever walks it recurses.

use sqlparser::{
    keywords::Keyword,
    tokenizer::{Token, TokenWithSpan},
};

use crate::reader::SyntaxError;

/// Operators of one expression, or queries of one UNION. The program gives its threads a stack that
/// is large enough for so many.
const LONGEST: usize = 2000;
/// Parentheses and CASEs within each other. sqlparser allows 50 of most, but counts none in a type.
const DEEPEST: usize = 500;

/// Operators at one level of parentheses or CASE.
#[derive(Default)]
struct Level {
    operators: usize,
    unions: usize,
}

pub(crate) fn check(tokens: &[TokenWithSpan]) -> Result<(), SyntaxError> {
    let mut levels = vec![Level::default()];
    let mut after_distinct = false;
    for token in tokens {
        match &token.token {
            Token::LParen | Token::LBracket => levels.push(Level::default()),
            Token::RParen | Token::RBracket if levels.len() > 1 => {
                levels.pop();
            }
            Token::Word(word) if word.keyword == Keyword::CASE => levels.push(Level::default()),
            Token::Word(word) if word.keyword == Keyword::END && levels.len() > 1 => {
                levels.pop();
            }
            _ => {}
        }
        if levels.len() > DEEPEST {
            return Err(SyntaxError::new(
                token.span,
                "syntax error: the statement is nested too deeply",
            ));
        }
        let Some(level) = levels.last_mut() else {
            continue;
        };
        match &token.token {
            Token::Comma => level.operators = 0,
            Token::Word(word) => match word.keyword {
                Keyword::UNION | Keyword::INTERSECT | Keyword::EXCEPT => level.unions += 1,
                // `a IS DISTINCT FROM b` goes on.
                Keyword::FROM if after_distinct => level.operators += 1,
                Keyword::SELECT
                | Keyword::FROM
                | Keyword::WHERE
                | Keyword::WHEN
                | Keyword::THEN
                | Keyword::ELSE => level.operators = 0,
                keyword if OPERATORS.contains(&keyword) => level.operators += 1,
                _ => {}
            },
            token if is_operator(token) => level.operators += 1,
            _ => {}
        }
        match &token.token {
            Token::Whitespace(_) => {}
            Token::Word(word) => after_distinct = word.keyword == Keyword::DISTINCT,
            _ => after_distinct = false,
        }
        if level.operators > LONGEST || level.unions > LONGEST {
            return Err(SyntaxError::new(
                token.span,
                format!("syntax error: more than {LONGEST} operators in a row"),
            )
            .with_hint("write IN (…) for many values, VALUES or a table for many rows"));
        }
    }
    Ok(())
}

/// Words that make an expression or a table one deeper.
const OPERATORS: &[Keyword] = &[
    Keyword::AND,
    Keyword::AT,
    Keyword::BETWEEN,
    Keyword::COLLATE,
    Keyword::DIV,
    Keyword::ILIKE,
    Keyword::IN,
    Keyword::INTERVAL,
    Keyword::IS,
    Keyword::JOIN,
    Keyword::LIKE,
    Keyword::MATCH_RECOGNIZE,
    Keyword::MEMBER,
    Keyword::NOT,
    Keyword::OPERATOR,
    Keyword::OR,
    Keyword::OVERLAPS,
    Keyword::PIVOT,
    Keyword::PRIOR,
    Keyword::REGEXP,
    Keyword::RLIKE,
    Keyword::SIMILAR,
    Keyword::UNPIVOT,
    Keyword::XOR,
];

/// All marks but those that stand around operands, and between them.
fn is_operator(token: &Token) -> bool {
    !matches!(
        token,
        Token::Word(_)
            | Token::Number(..)
            | Token::Char(_)
            | Token::SingleQuotedString(_)
            | Token::NationalStringLiteral(_)
            | Token::EscapedStringLiteral(_)
            | Token::UnicodeStringLiteral(_)
            | Token::HexStringLiteral(_)
            | Token::Whitespace(_)
            | Token::Comma
            | Token::SemiColon
            | Token::LParen
            | Token::RParen
            | Token::LBracket
            | Token::RBracket
            | Token::LBrace
            | Token::RBrace
            | Token::EOF
    )
}
