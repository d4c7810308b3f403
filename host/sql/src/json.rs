//! Flink's JSON functions, whose arguments have clauses (`RETURNING`, `ON EMPTY`, `KEY k VALUE v`,
//! …): read as calls with the clauses as texts behind the arguments.

use sqlparser::{
    ast::{Expr, Ident, UnaryOperator, Value},
    keywords::Keyword,
    parser::{Parser, ParserError},
    tokenizer::Token,
};

use crate::dialect::{cast_to, function};

/// A call of such a function, if the parser stands before one.
pub(crate) fn json_call(parser: &mut Parser) -> Option<Result<Expr, ParserError>> {
    let Token::Word(word) = &parser.peek_token_ref().token else {
        return None;
    };
    let name = word.value.to_lowercase();
    let read: fn(&mut Parser, Ident) -> Result<Expr, ParserError> = match name.as_str() {
        "json_value" => json_value,
        "json_query" => json_query,
        "json_exists" => json_exists,
        "json_object" => json_object,
        "json_array" => json_array,
        _ => return None,
    };
    if parser.peek_nth_token_ref(1).token != Token::LParen {
        return None;
    }
    let name = Ident::with_span(parser.next_token().span, name);
    parser.next_token();
    Some(read(parser, name))
}

/// `x IS [NOT] JSON [VALUE | SCALAR | ARRAY | OBJECT]`, if that follows `x`.
pub(crate) fn is_json(parser: &mut Parser, expr: &Expr) -> Option<Expr> {
    let is_word = |place: usize, word: &str| {
        let token = &parser.peek_nth_token_ref(place).token;
        matches!(token, Token::Word(found) if found.value.eq_ignore_ascii_case(word))
    };
    let negated = is_word(1, "NOT");
    if !is_word(0, "IS") || !is_word(1 + usize::from(negated), "JSON") {
        return None;
    }
    for _ in 0..2 + usize::from(negated) {
        parser.next_token();
    }
    let kind = ["VALUE", "SCALAR", "ARRAY", "OBJECT"];
    let kind = kind.into_iter().find(|kind| take(parser, kind));
    let kind = text(kind.unwrap_or("VALUE"));
    let call = function(Ident::new("is_json"), vec![expr.clone(), kind]);
    Some(match negated {
        true => Expr::UnaryOp {
            op: UnaryOperator::Not,
            expr: Box::new(call),
        },
        false => call,
    })
}

fn text(text: &str) -> Expr {
    Expr::value(Value::SingleQuotedString(text.to_owned()))
}

/// Reads a word, if it is the next.
fn take(parser: &mut Parser, word: &str) -> bool {
    let token = &parser.peek_token_ref().token;
    let found = matches!(token, Token::Word(found)
        if found.quote_style.is_none() && found.value.eq_ignore_ascii_case(word));
    if found {
        parser.next_token();
    }
    found
}

fn text_and_path(parser: &mut Parser) -> Result<Vec<Expr>, ParserError> {
    let text = parser.parse_expr()?;
    parser.expect_token(&Token::Comma)?;
    Ok(vec![text, parser.parse_expr()?])
}

/// What is done about EMPTY and about ERROR: the clauses, in any number.
fn on_lack(
    parser: &mut Parser,
    mut clause: impl FnMut(&mut Parser) -> Result<Option<Vec<Expr>>, ParserError>,
    otherwise: &[Expr],
) -> Result<Vec<Expr>, ParserError> {
    let (mut empty, mut error) = (otherwise.to_vec(), otherwise.to_vec());
    while let Some(given) = clause(parser)? {
        parser.expect_keyword_is(Keyword::ON)?;
        if take(parser, "EMPTY") {
            empty = given;
        } else if take(parser, "ERROR") {
            error = given;
        } else {
            return parser.expected_ref("EMPTY or ERROR", parser.peek_token_ref());
        }
    }
    parser.expect_token(&Token::RParen)?;
    empty.extend(error);
    Ok(empty)
}

fn json_value(parser: &mut Parser, name: Ident) -> Result<Expr, ParserError> {
    let mut arguments = text_and_path(parser)?;
    let returns = match take(parser, "RETURNING") {
        true => Some(crate::types::parse_type(parser).map_err(|error| error.into_parser_error())?),
        false => None,
    };
    let clause = |parser: &mut Parser| {
        if take(parser, "NULL") {
            return Ok(Some(vec![text("NULL"), Expr::value(Value::Null)]));
        }
        if take(parser, "ERROR") {
            return Ok(Some(vec![text("ERROR"), Expr::value(Value::Null)]));
        }
        if take(parser, "DEFAULT") {
            let default = cast_to(parser.parse_expr()?, "STRING");
            return Ok(Some(vec![text("DEFAULT"), default]));
        }
        Ok(None)
    };
    let otherwise = [text("NULL"), Expr::value(Value::Null)];
    arguments.extend(on_lack(parser, clause, &otherwise)?);
    let call = function(name, arguments);
    Ok(match returns {
        Some(returns) => cast_to(call, &returns.text),
        None => call,
    })
}

fn json_query(parser: &mut Parser, name: Ident) -> Result<Expr, ParserError> {
    let mut arguments = text_and_path(parser)?;
    let mut wrapper = "WITHOUT";
    if take(parser, "WITH") {
        wrapper = match take(parser, "CONDITIONAL") {
            true => "CONDITIONAL",
            false => {
                take(parser, "UNCONDITIONAL");
                "UNCONDITIONAL"
            }
        };
        take(parser, "ARRAY");
        parser.expect_keyword_is(Keyword::WRAPPER)?;
    } else if take(parser, "WITHOUT") {
        take(parser, "ARRAY");
        parser.expect_keyword_is(Keyword::WRAPPER)?;
    }
    arguments.push(text(wrapper));
    let clause = |parser: &mut Parser| {
        if take(parser, "NULL") {
            return Ok(Some(vec![text("NULL")]));
        }
        if take(parser, "ERROR") {
            return Ok(Some(vec![text("ERROR")]));
        }
        if take(parser, "EMPTY") {
            let kind = match take(parser, "ARRAY") {
                true => "EMPTY ARRAY",
                false => {
                    parser.expect_keyword_is(Keyword::OBJECT)?;
                    "EMPTY OBJECT"
                }
            };
            return Ok(Some(vec![text(kind)]));
        }
        Ok(None)
    };
    arguments.extend(on_lack(parser, clause, &[text("NULL")])?);
    Ok(function(name, arguments))
}

fn json_exists(parser: &mut Parser, name: Ident) -> Result<Expr, ParserError> {
    let mut arguments = text_and_path(parser)?;
    let given = ["TRUE", "FALSE", "UNKNOWN", "ERROR"];
    if let Some(given) = given.into_iter().find(|given| take(parser, given)) {
        parser.expect_keywords(&[Keyword::ON, Keyword::ERROR])?;
        arguments.push(text(given));
    }
    parser.expect_token(&Token::RParen)?;
    Ok(function(name, arguments))
}

/// `NULL ON NULL` or `ABSENT ON NULL`, and the closing parenthesis: whether a NULL is left out.
fn on_null(parser: &mut Parser, otherwise: bool) -> Result<bool, ParserError> {
    let mut absent = otherwise;
    for (word, given) in [("NULL", false), ("ABSENT", true)] {
        if take(parser, word) {
            parser.expect_keywords(&[Keyword::ON, Keyword::NULL])?;
            absent = given;
        }
    }
    parser.expect_token(&Token::RParen)?;
    Ok(absent)
}

/// Whether `NULL ON NULL`, `ABSENT ON NULL` or the end is next.
fn at_end(parser: &Parser) -> bool {
    let word = |place: usize, word: &str| {
        let token = &parser.peek_nth_token_ref(place).token;
        matches!(token, Token::Word(found) if found.value.eq_ignore_ascii_case(word))
    };
    parser.peek_token_ref().token == Token::RParen
        || (word(1, "ON") && (word(0, "NULL") || word(0, "ABSENT")))
}

/// `j` of a value that is JSON already, `v` of any other.
fn kind(value: &Expr) -> char {
    let constructors = ["json_object", "json_array", "json"];
    match value {
        Expr::Function(call) => {
            let name = call.name.to_string();
            match constructors
                .iter()
                .any(|found| name.eq_ignore_ascii_case(found))
            {
                true => 'j',
                false => 'v',
            }
        }
        _ => 'v',
    }
}

fn json_object(parser: &mut Parser, name: Ident) -> Result<Expr, ParserError> {
    let (mut kinds, mut arguments) = (String::new(), Vec::new());
    while !at_end(parser) {
        if !arguments.is_empty() {
            parser.expect_token(&Token::Comma)?;
        }
        let next = &parser.peek_nth_token_ref(1).token;
        if !matches!(next, Token::Word(word) if word.value.eq_ignore_ascii_case("VALUE")) {
            take(parser, "KEY");
        }
        arguments.push(parser.parse_expr()?);
        if !take(parser, "VALUE") {
            parser.expect_token(&Token::Colon)?;
        }
        let value = parser.parse_expr()?;
        kinds.push(kind(&value));
        arguments.push(value);
    }
    let absent = on_null(parser, false)?;
    kinds.insert(0, if absent { 'A' } else { 'N' });
    arguments.insert(0, text(&kinds));
    Ok(function(name, arguments))
}

fn json_array(parser: &mut Parser, name: Ident) -> Result<Expr, ParserError> {
    let (mut kinds, mut arguments) = (String::new(), Vec::new());
    while !at_end(parser) {
        if !arguments.is_empty() {
            parser.expect_token(&Token::Comma)?;
        }
        let value = parser.parse_expr()?;
        kinds.push(kind(&value));
        arguments.push(value);
    }
    let absent = on_null(parser, true)?;
    kinds.insert(0, if absent { 'A' } else { 'N' });
    arguments.insert(0, text(&kinds));
    Ok(function(name, arguments))
}
