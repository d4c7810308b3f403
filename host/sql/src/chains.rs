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

/// Operators at one level of parentheses or CASE.
#[derive(Default)]
struct Level {
    operators: usize,
    unions: usize,
}

pub(crate) fn check(tokens: &[TokenWithSpan]) -> Result<(), SyntaxError> {
    let mut levels = vec![Level::default()];
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
        let Some(level) = levels.last_mut() else {
            continue;
        };
        match &token.token {
            Token::Comma => level.operators = 0,
            Token::Word(word) => match word.keyword {
                Keyword::UNION | Keyword::INTERSECT | Keyword::EXCEPT => level.unions += 1,
                Keyword::SELECT
                | Keyword::FROM
                | Keyword::WHERE
                | Keyword::WHEN
                | Keyword::THEN
                | Keyword::ELSE => level.operators = 0,
                Keyword::AND
                | Keyword::OR
                | Keyword::NOT
                | Keyword::IS
                | Keyword::LIKE
                | Keyword::JOIN => level.operators += 1,
                _ => {}
            },
            Token::Plus
            | Token::Minus
            | Token::Mul
            | Token::Div
            | Token::Mod
            | Token::StringConcat
            | Token::Eq
            | Token::Neq
            | Token::Lt
            | Token::LtEq
            | Token::Gt
            | Token::GtEq
            | Token::DoubleColon
            | Token::Period => level.operators += 1,
            _ => {}
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
