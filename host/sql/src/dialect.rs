//! What sqlparser must know to read Flink's queries.

use std::any::TypeId;

use sqlparser::{
    ast::{
        Array, CastKind, DataType, Expr, Function, FunctionArg, FunctionArgExpr,
        FunctionArgumentList, FunctionArguments, Ident, ObjectName, Query, SetExpr, TableFactor,
        TableWithJoins,
    },
    dialect::{Dialect, GenericDialect, Precedence},
    keywords::{Keyword, RESERVED_FOR_IDENTIFIER},
    parser::{Parser, ParserError},
    tokenizer::{Token, Word},
};

use crate::{
    json::{is_json, json_call},
    types::parse_type,
};

/// Flink's SQL dialect: names between backticks, `MAP[…]`, `TABLE t` and `MODEL m` as arguments,
/// Flink's types in `CAST`.
#[derive(Debug)]
pub struct FlinkDialect;

/// The custom type under which a Flink type reaches the planner; its one modifier is the type.
pub const DATA_TYPE: &str = "__flink_type";
/// The function under which the argument `MODEL m` reaches the planner; its one argument is the name.
pub const MODEL_ARGUMENT: &str = "__model";

impl Dialect for FlinkDialect {
    fn dialect(&self) -> TypeId {
        TypeId::of::<GenericDialect>()
    }

    fn is_delimited_identifier_start(&self, character: char) -> bool {
        character == '`'
    }

    fn identifier_quote_style(&self, _identifier: &str) -> Option<char> {
        Some('`')
    }

    fn is_identifier_start(&self, character: char) -> bool {
        character.is_alphabetic() || character == '_' || character == '$'
    }

    fn is_identifier_part(&self, character: char) -> bool {
        character.is_alphanumeric() || character == '_' || character == '$'
    }

    /// After an error in `CEIL(…)` and the like sqlparser reads the same again as a call of a function
    /// with that name, which for such calls within each other doubles with each one. These words are
    /// reserved in Flink too.
    fn is_reserved_for_identifier(&self, keyword: Keyword) -> bool {
        RESERVED_FOR_IDENTIFIER.contains(&keyword)
            || matches!(
                keyword,
                Keyword::ARRAY
                    | Keyword::CASE
                    | Keyword::CEIL
                    | Keyword::CONVERT
                    | Keyword::CURRENT_DATE
                    | Keyword::CURRENT_TIME
                    | Keyword::CURRENT_TIMESTAMP
                    | Keyword::EXTRACT
                    | Keyword::FLOOR
                    | Keyword::LOCALTIME
                    | Keyword::LOCALTIMESTAMP
                    | Keyword::NOT
                    | Keyword::OVERLAY
                    | Keyword::SAFE_CAST
                    | Keyword::SUBSTR
                    | Keyword::SUBSTRING
            )
    }

    fn supports_table_versioning(&self) -> bool {
        true
    }

    fn supports_unicode_string_literal(&self) -> bool {
        true
    }

    fn supports_filter_during_aggregation(&self) -> bool {
        true
    }

    fn supports_group_by_expr(&self) -> bool {
        true
    }

    fn supports_window_clause_named_window_reference(&self) -> bool {
        true
    }

    fn supports_window_function_null_treatment_arg(&self) -> bool {
        true
    }

    fn supports_subquery_as_function_arg(&self) -> bool {
        true
    }

    fn supports_select_wildcard_except(&self) -> bool {
        true
    }

    fn supports_nested_comments(&self) -> bool {
        false
    }

    fn parse_prefix(&self, parser: &mut Parser) -> Option<Result<Expr, ParserError>> {
        let Token::Word(word) = &parser.peek_token_ref().token else {
            return None;
        };
        if word.quote_style.is_some() {
            return None;
        }
        let next = parser.peek_nth_token_ref(1).token.clone();
        let name_follows = matches!(next, Token::Word(_));
        match word.keyword {
            Keyword::TABLE if name_follows => Some(table_argument(parser)),
            Keyword::MAP if next == Token::LBracket => Some(map_literal(parser)),
            Keyword::POSITION if next == Token::LParen => Some(position(parser)),
            Keyword::CAST if next == Token::LParen => Some(cast(parser, CastKind::Cast)),
            Keyword::TRY_CAST if next == Token::LParen => Some(cast(parser, CastKind::TryCast)),
            _ if word.value.eq_ignore_ascii_case("MODEL") && is_name(&next) => {
                Some(model_argument(parser))
            }
            _ => json_call(parser),
        }
    }

    fn parse_infix(
        &self,
        parser: &mut Parser,
        expr: &Expr,
        _precedence: u8,
    ) -> Option<Result<Expr, ParserError>> {
        is_json(parser, expr).map(Ok)
    }
}

/// Whether `MODEL` before this token names a model; `MODEL AS x` and `MODEL IS NULL` read a column.
fn is_name(next: &Token) -> bool {
    const FOLLOW_A_COLUMN: &[Keyword] = &[
        Keyword::AND,
        Keyword::AS,
        Keyword::ASC,
        Keyword::BETWEEN,
        Keyword::DESC,
        Keyword::ELSE,
        Keyword::END,
        Keyword::FROM,
        Keyword::GROUP,
        Keyword::HAVING,
        Keyword::IN,
        Keyword::IS,
        Keyword::LIKE,
        Keyword::LIMIT,
        Keyword::NOT,
        Keyword::OR,
        Keyword::ORDER,
        Keyword::THEN,
        Keyword::UNION,
        Keyword::WHEN,
        Keyword::WHERE,
    ];
    match next {
        Token::Word(Word {
            keyword,
            quote_style,
            ..
        }) => quote_style.is_some() || !FOLLOW_A_COLUMN.contains(keyword),
        _ => false,
    }
}

/// `TABLE t [PARTITION BY (k, …)]` as an argument: a subquery of the whole table, the keys in its
/// DISTRIBUTE BY.
fn table_argument(parser: &mut Parser) -> Result<Expr, ParserError> {
    parser.expect_keyword_is(Keyword::TABLE)?;
    let name = parser.parse_object_name(true)?;
    let mut query = select_all(name)?;
    if parser.parse_keywords(&[Keyword::PARTITION, Keyword::BY]) {
        let keys = match parser.consume_token(&Token::LParen) {
            true => {
                let keys = parser.parse_comma_separated(Parser::parse_expr)?;
                parser.expect_token(&Token::RParen)?;
                keys
            }
            false => vec![parser.parse_expr()?],
        };
        if let SetExpr::Select(select) = query.body.as_mut() {
            select.distribute_by = keys;
        }
    }
    Ok(Expr::Subquery(query))
}

/// `SELECT * FROM name`, built from a parsed one so that it follows sqlparser's many fields.
pub fn select_all(name: ObjectName) -> Result<Box<Query>, ParserError> {
    let relation = TableFactor::Table {
        name,
        alias: None,
        args: None,
        with_hints: vec![],
        version: None,
        with_ordinality: false,
        partitions: vec![],
        json_path: None,
        sample: None,
        index_hints: vec![],
    };
    let mut query: Box<Query> = Parser::new(&FlinkDialect)
        .try_with_sql("SELECT * FROM t")?
        .parse_query()?;
    if let SetExpr::Select(select) = query.body.as_mut() {
        select.from = vec![TableWithJoins {
            relation,
            joins: vec![],
        }];
    }
    Ok(query)
}

fn model_argument(parser: &mut Parser) -> Result<Expr, ParserError> {
    parser.next_token();
    let name = parser.parse_object_name(false)?;
    let parts = name
        .0
        .iter()
        .filter_map(|part| part.as_ident().cloned())
        .collect();
    Ok(function(
        Ident::new(MODEL_ARGUMENT),
        vec![Expr::CompoundIdentifier(parts)],
    ))
}

/// `MAP['k', v, …]`: Flink's map literal, as DataFusion's `make_map(k, v, …)`.
fn map_literal(parser: &mut Parser) -> Result<Expr, ParserError> {
    let word = parser.next_token();
    parser.expect_token(&Token::LBracket)?;
    let items = if parser.peek_token_ref().token == Token::RBracket {
        vec![]
    } else {
        parser.parse_comma_separated(Parser::parse_expr)?
    };
    parser.expect_token(&Token::RBracket)?;
    if items.is_empty() {
        let none = || {
            Expr::Array(Array {
                elem: vec![],
                named: true,
            })
        };
        return Ok(function(
            Ident::with_span(word.span, "map"),
            vec![none(), none()],
        ));
    }
    Ok(function(Ident::with_span(word.span, "make_map"), items))
}

/// `POSITION(a IN b)`. sqlparser reads what it cannot read so once more, as a call.
fn position(parser: &mut Parser) -> Result<Expr, ParserError> {
    parser.next_token();
    parser.expect_token(&Token::LParen)?;
    let above_in = FlinkDialect.prec_value(Precedence::Between);
    let expr = Box::new(parser.parse_subexpr(above_in)?);
    parser.expect_keyword_is(Keyword::IN)?;
    let r#in = Box::new(parser.parse_expr()?);
    parser.expect_token(&Token::RParen)?;
    Ok(Expr::Position { expr, r#in })
}

fn cast(parser: &mut Parser, kind: CastKind) -> Result<Expr, ParserError> {
    parser.next_token();
    parser.expect_token(&Token::LParen)?;
    let expr = parser.parse_expr()?;
    parser.expect_keyword_is(Keyword::AS)?;
    let declared = parse_type(parser).map_err(|error| error.into_parser_error())?;
    parser.expect_token(&Token::RParen)?;
    Ok(cast_as(kind, expr, declared.text))
}

/// `CAST(expr AS a type of Flink's)`.
pub fn cast_to(expr: Expr, flink_type: &str) -> Expr {
    cast_as(CastKind::Cast, expr, flink_type.to_owned())
}

fn cast_as(kind: CastKind, expr: Expr, flink_type: String) -> Expr {
    Expr::Cast {
        kind,
        expr: Box::new(expr),
        data_type: DataType::Custom(
            ObjectName::from(vec![Ident::new(DATA_TYPE)]),
            vec![flink_type],
        ),
        array: false,
        format: None,
    }
}

/// A call.
pub fn function(name: Ident, arguments: Vec<Expr>) -> Expr {
    Expr::Function(Function {
        name: ObjectName::from(vec![name]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(FunctionArgumentList {
            duplicate_treatment: None,
            args: arguments
                .into_iter()
                .map(|argument| FunctionArg::Unnamed(FunctionArgExpr::Expr(argument)))
                .collect(),
            clauses: vec![],
        }),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: vec![],
    })
}
