//! Flink's functions that DataFusion writes otherwise: changed in the parsed expression.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, CaseWhen, CeilFloorKind, DataType, DateTimeField, Expr, Function, FunctionArg,
    FunctionArgExpr, FunctionArgumentClause, FunctionArguments, Ident, Interval, NullTreatment,
    ObjectName, UnaryOperator, Value, VisitMut, VisitorMut, helpers::attached_token::AttachedToken,
};

use super::rewrite::integer;
use crate::sql::{cast_to, function};

/// Changes the calls of an expression that stands alone: of a computed column or a watermark.
pub(super) fn of_flink(expr: &Expr) -> Expr {
    let mut expr = expr.clone();
    let _ = expr.visit(&mut FlinkCalls);
    expr
}

/// See the module.
pub(super) struct FlinkCalls;

impl VisitorMut for FlinkCalls {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        whole_numbers(expr);
        if let Some(changed) = changed(expr) {
            *expr = changed;
        }
        ControlFlow::Continue(())
    }
}

/// Integer literals are INTs where the result is of their type.
fn whole_numbers(expr: &mut Expr) {
    const KEEP: [&str; 12] = [
        "ABS", "SIGN", "CEIL", "FLOOR", "TRUNCATE", "GREATEST", "LEAST", "COALESCE", "IFNULL",
        "NULLIF", "TYPEOF", "MAKE_MAP",
    ];
    match expr {
        Expr::Array(array) => array.elem.iter_mut().for_each(integer),
        Expr::Ceil { expr, .. } | Expr::Floor { expr, .. } => integer(expr),
        Expr::Function(call) => {
            let name = call.name.to_string().to_uppercase();
            if let (true, FunctionArguments::List(list)) =
                (KEEP.contains(&name.as_str()), &mut call.args)
            {
                for argument in &mut list.args {
                    if let FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) = argument {
                        integer(expr);
                    }
                }
            }
        }
        _ => {}
    }
}

fn call(name: &str, arguments: Vec<Expr>) -> Expr {
    function(Ident::new(name), arguments)
}

fn text(text: &str) -> Expr {
    Expr::value(Value::SingleQuotedString(text.to_owned()))
}

fn changed(expr: &Expr) -> Option<Expr> {
    match expr {
        Expr::Function(found) => of_function(found),
        Expr::Identifier(name) if name.quote_style.is_none() => {
            let names = ["LOCALTIME", "LOCALTIMESTAMP"];
            let known = names
                .iter()
                .any(|known| name.value.eq_ignore_ascii_case(known));
            known.then(|| call(&name.value, vec![]))
        }
        Expr::Substring {
            expr,
            substring_from: Some(from),
            substring_for,
            ..
        } => {
            let arguments = [Some(expr), Some(from), substring_for.as_ref()];
            let arguments = arguments.into_iter().flatten();
            Some(call(
                "substring",
                arguments.map(|found| (**found).clone()).collect(),
            ))
        }
        Expr::Position { expr, r#in } => {
            Some(call("locate", vec![(**expr).clone(), (**r#in).clone()]))
        }
        Expr::Extract { field, expr, .. } => Some(call(
            "extract",
            vec![text(&field.to_string().to_uppercase()), (**expr).clone()],
        )),
        Expr::Ceil { expr, field } => rounded("ceil_to", expr, field),
        Expr::Floor { expr, field } => rounded("floor_to", expr, field),
        Expr::SimilarTo {
            negated,
            expr,
            pattern,
            escape_char: None,
        } => {
            let similar = call("similar_to", vec![(**expr).clone(), (**pattern).clone()]);
            Some(match negated {
                true => Expr::UnaryOp {
                    op: UnaryOperator::Not,
                    expr: Box::new(similar),
                },
                false => similar,
            })
        }
        // As precise as it is written.
        Expr::TypedString(literal) if matches!(literal.data_type, DataType::Timestamp(None, _)) => {
            let text = literal.value.clone().into_string()?;
            let digits = text.rsplit_once('.').map_or(0, |(_, digits)| digits.len());
            let precision = digits.min(9);
            Some(cast_to(
                Expr::Value(literal.value.clone()),
                &format!("TIMESTAMP({precision})"),
            ))
        }
        Expr::Interval(interval) => of_interval(interval),
        Expr::Cast {
            data_type: DataType::Custom(_, modifiers),
            ..
        } => {
            let (kind, length) = modifiers.first()?.strip_suffix(')')?.split_once('(')?;
            let length = Expr::value(Value::Number(
                length.parse::<u32>().ok()?.to_string(),
                false,
            ));
            match kind {
                "VARCHAR" => Some(call("left", vec![expr.clone(), length])),
                "CHAR" => Some(call("rpad", vec![expr.clone(), length, text(" ")])),
                _ => None,
            }
        }
        _ => None,
    }
}

fn rounded(name: &str, expr: &Expr, kind: &CeilFloorKind) -> Option<Expr> {
    match kind {
        CeilFloorKind::DateTimeField(DateTimeField::NoDateTime) | CeilFloorKind::Scale(_) => None,
        CeilFloorKind::DateTimeField(unit) => Some(call(
            name,
            vec![expr.clone(), text(&unit.to_string().to_uppercase())],
        )),
    }
}

/// The arguments of a plain call.
fn arguments(call: &Function) -> Option<Vec<Expr>> {
    let FunctionArguments::List(list) = &call.args else {
        return None;
    };
    let arguments = list.args.iter().map(|argument| match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr.clone()),
        _ => None,
    });
    arguments.collect()
}

fn renamed(found: &Function, name: &str) -> Function {
    Function {
        name: ObjectName::from(vec![Ident::new(name)]),
        ..found.clone()
    }
}

fn of_function(found: &Function) -> Option<Expr> {
    let name = found.name.to_string().to_uppercase();
    let arguments = arguments(found)?;
    match (name.as_str(), arguments.as_slice()) {
        ("MOD", [left, right]) => {
            let (mut left, mut right) = (left.clone(), right.clone());
            integer(&mut left);
            integer(&mut right);
            let remainder = Expr::BinaryOp {
                left: Box::new(Expr::Nested(Box::new(left))),
                op: BinaryOperator::Modulo,
                right: Box::new(Expr::Nested(Box::new(right))),
            };
            Some(Expr::Nested(Box::new(remainder)))
        }
        ("IF", [condition, yes, no]) => Some(case(condition.clone(), yes.clone(), no.clone())),
        ("CEILING", [_]) => Some(call("ceil", arguments)),
        ("LOG", [_]) => Some(call("ln", arguments)),
        ("YEAR" | "QUARTER" | "MONTH" | "WEEK" | "HOUR" | "MINUTE" | "SECOND", [time]) => {
            Some(call("extract", vec![text(&name), time.clone()]))
        }
        ("DAYOFYEAR", [time]) => Some(call("extract", vec![text("DOY"), time.clone()])),
        ("DAYOFMONTH", [time]) => Some(call("extract", vec![text("DAY"), time.clone()])),
        ("DAYOFWEEK", [time]) => Some(call("extract", vec![text("DOW"), time.clone()])),
        ("TIMESTAMPADD" | "TIMESTAMPDIFF", [Expr::Identifier(unit), from, to]) => {
            let unit = unit.value.to_uppercase();
            let unit = unit.strip_prefix("SQL_TSI_").unwrap_or(&unit);
            Some(call(&name, vec![text(unit), from.clone(), to.clone()]))
        }
        ("LISTAGG", [_] | [_, _]) => {
            let mut renamed = renamed(found, "string_agg");
            if let (FunctionArguments::List(list), 1) = (&mut renamed.args, arguments.len()) {
                let comma = FunctionArgExpr::Expr(text(","));
                list.args.push(FunctionArg::Unnamed(comma));
            }
            Some(Expr::Function(renamed))
        }
        ("FIRST_VALUE" | "LAST_VALUE", [_]) if found.over.is_none() => {
            let mut ignoring = found.clone();
            let FunctionArguments::List(list) = &mut ignoring.args else {
                return None;
            };
            let is_given = |clause: &FunctionArgumentClause| {
                matches!(clause, FunctionArgumentClause::IgnoreOrRespectNulls(_))
            };
            if found.null_treatment.is_some() || list.clauses.iter().any(is_given) {
                return None;
            }
            ignoring.null_treatment = Some(NullTreatment::IgnoreNulls);
            Some(Expr::Function(ignoring))
        }
        ("VARIANCE", [_]) => Some(Expr::Function(renamed(found, "var_samp"))),
        ("PERCENTILE", [_, _]) => Some(Expr::Function(renamed(found, "percentile_cont"))),
        ("MAP_FROM_ARRAYS", [_, _]) => Some(call("map", arguments)),
        ("ARRAY_PREPEND", [array, item]) => {
            let prepended = call("array_prepend", vec![item.clone(), array.clone()]);
            Some(unless_null(&[array], prepended))
        }
        ("ARRAY_APPEND", [array, _]) => Some(unless_null(
            &[array],
            call("array_push_back", arguments.clone()),
        )),
        ("ARRAY_CONCAT", [_, ..]) => {
            let all: Vec<_> = arguments.iter().collect();
            Some(unless_null(&all, call("array_cat", arguments.clone())))
        }
        ("ARRAY_SLICE", [array, from]) => {
            let last = call("cardinality", vec![array.clone()]);
            let last = cast_to(last, "BIGINT");
            Some(call("array_slice", vec![array.clone(), from.clone(), last]))
        }
        ("ARRAY_SORT", [array, rest @ ..]) if !rest.is_empty() => {
            let literal = |expr: &Expr| match expr {
                Expr::Value(value) => match value.value {
                    Value::Boolean(value) => Some(value),
                    _ => None,
                },
                _ => None,
            };
            let ascending = rest.first().map_or(Some(true), literal)?;
            let nulls_first = rest.get(1).map_or(Some(ascending), literal)?;
            let order = text(if ascending { "ASC" } else { "DESC" });
            let nulls = text(if nulls_first {
                "NULLS FIRST"
            } else {
                "NULLS LAST"
            });
            Some(call("array_sort", vec![array.clone(), order, nulls]))
        }
        ("CURRENT_DATABASE", []) => Some(text(crate::catalog::DATABASE)),
        _ => None,
    }
}

fn case(condition: Expr, mut yes: Expr, mut no: Expr) -> Expr {
    integer(&mut yes);
    integer(&mut no);
    Expr::Case {
        case_token: AttachedToken::empty(),
        end_token: AttachedToken::empty(),
        operand: None,
        conditions: vec![CaseWhen {
            condition,
            result: yes,
        }],
        else_result: Some(Box::new(no)),
    }
}

/// The expression; NULL where one of these is.
fn unless_null(these: &[&Expr], expr: Expr) -> Expr {
    let is_null = |expr: &Expr| Expr::IsNull(Box::new(expr.clone()));
    let any = these
        .iter()
        .map(|expr| is_null(expr))
        .reduce(|left, right| Expr::BinaryOp {
            left: Box::new(left),
            op: BinaryOperator::Or,
            right: Box::new(right),
        });
    match any {
        Some(any) => case(any, Expr::value(Value::Null), expr),
        None => expr,
    }
}

/// `INTERVAL '1 02:03:04' DAY TO SECOND`: its parts, each with its unit.
fn of_interval(interval: &Interval) -> Option<Expr> {
    const UNITS: [&str; 6] = ["YEAR", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND"];
    let unit = |field: &DateTimeField| {
        let name = field.to_string().to_uppercase();
        UNITS
            .iter()
            .position(|unit| *unit == name.trim_end_matches('S'))
    };
    let first = unit(interval.leading_field.as_ref()?)?;
    let last = unit(interval.last_field.as_ref()?)?;
    let Expr::Value(value) = interval.value.as_ref() else {
        return None;
    };
    let text = value.clone().into_string()?;
    let (sign, text) = match text.strip_prefix('-') {
        Some(text) => ("-", text),
        None => ("", text.as_str()),
    };
    let parts: Vec<_> = text.split([' ', ':', '-']).collect();
    let units = UNITS.get(first..=last)?;
    if parts.len() != units.len() || parts.iter().any(|part| part.parse::<f64>().is_err()) {
        return None;
    }
    let parts = parts.iter().zip(units);
    let parts: Vec<_> = parts
        .map(|(part, unit)| format!("{sign}{part} {unit}"))
        .collect();
    Some(Expr::Interval(Interval {
        value: Box::new(self::text(&parts.join(" "))),
        leading_field: None,
        leading_precision: None,
        last_field: None,
        fractional_seconds_precision: None,
    }))
}
