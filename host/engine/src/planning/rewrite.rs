//! What is changed in a parsed query so that DataFusion plans it as Flink would.
//!
//! - An integer literal that fits is an INT, not a BIGINT: `id + 1` stays an INT. Only operands of
//!   arithmetic, results of CASE, VALUES and items of SELECT are changed: elsewhere a literal's type
//!   shows in no result.
//! - An item of SELECT without a name is called as it is written, or `EXPR$0`, `EXPR$1`, … where that
//!   is long or taken. DataFusion names `CAST(a AS STRING)` like `a`, and refuses both in one query.
//! - Each LATERAL TABLE in FROM stands last in a join of its own.
//! - `TABLE t` is `SELECT * FROM t`, and `FETCH FIRST n ROWS ONLY` is `LIMIT n`.

use std::{collections::BTreeSet, ops::ControlFlow};

use datafusion::{
    common::{DataFusionError, Result},
    sql::sqlparser::ast::{
        BinaryOperator, Expr, Fetch, Ident, LimitClause, ObjectName, Query, Select, SelectItem,
        SetExpr, UnaryOperator, Value, VisitMut, VisitorMut,
    },
};

use super::{calls::FlinkCalls, table_functions::nest};
use crate::sql::{DATA_TYPE, cast_to, select_all};

pub(super) fn rewrite(query: &mut Query) -> Result<()> {
    if let ControlFlow::Break(error) = query.visit(&mut Rewriter) {
        return Err(error);
    }
    let _ = query.visit(&mut FlinkCalls);
    Ok(())
}

struct Rewriter;

impl VisitorMut for Rewriter {
    type Break = DataFusionError;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<DataFusionError> {
        fetch(query);
        match set_expr(&mut query.body) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => ControlFlow::Break(error),
        }
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<DataFusionError> {
        match expr {
            Expr::BinaryOp { left, op, right } if is_arithmetic(op) => {
                integer(left);
                integer(right);
            }
            Expr::Case {
                conditions,
                else_result,
                ..
            } => {
                conditions
                    .iter_mut()
                    .for_each(|when| integer(&mut when.result));
                if let Some(result) = else_result {
                    integer(result);
                }
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

fn set_expr(body: &mut SetExpr) -> Result<()> {
    match body {
        SetExpr::Select(select) => {
            nest(&mut select.from)?;
            select_items(select);
        }
        SetExpr::SetOperation { left, right, .. } => {
            set_expr(left)?;
            set_expr(right)?;
        }
        SetExpr::Values(values) => {
            for row in &mut values.rows {
                row.content.iter_mut().for_each(integer);
            }
        }
        SetExpr::Table(table) => {
            let parts = [table.schema_name.take(), table.table_name.take()];
            let name: Vec<_> = parts.into_iter().flatten().map(Ident::new).collect();
            if let Ok(query) = select_all(ObjectName::from(name)) {
                *body = *query.body;
            }
        }
        _ => {}
    }
    Ok(())
}

/// Longer texts make no name.
const LONGEST_NAME: usize = 40;

fn select_items(select: &mut Select) {
    let mut seen: BTreeSet<String> = select.projection.iter().filter_map(own_name).collect();
    let mut columns = BTreeSet::new();
    for (index, item) in select.projection.iter_mut().enumerate() {
        match item {
            SelectItem::UnnamedExpr(expr) => {
                let text = expr.to_string();
                let name = match expr {
                    Expr::Identifier(_) | Expr::CompoundIdentifier(_)
                        if columns.insert(text.clone()) =>
                    {
                        continue;
                    }
                    // Gives several columns.
                    Expr::Function(function)
                        if function.name.to_string().eq_ignore_ascii_case("unnest") =>
                    {
                        continue;
                    }
                    Expr::Function(_) | Expr::BinaryOp { .. }
                        if text.chars().count() <= LONGEST_NAME
                            && !text.contains(DATA_TYPE)
                            && seen.insert(text.clone()) =>
                    {
                        text
                    }
                    _ => format!("EXPR${index}"),
                };
                integer(expr);
                *item = SelectItem::ExprWithAlias {
                    expr: expr.clone(),
                    alias: Ident::with_quote('`', name),
                };
            }
            SelectItem::ExprWithAlias { expr, .. } => integer(expr),
            _ => {}
        }
    }
}

fn own_name(item: &SelectItem) -> Option<String> {
    match item {
        SelectItem::ExprWithAlias { alias, .. } => Some(alias.value.clone()),
        SelectItem::UnnamedExpr(Expr::Identifier(ident)) => Some(ident.value.clone()),
        SelectItem::UnnamedExpr(Expr::CompoundIdentifier(parts)) => {
            parts.last().map(|ident| ident.value.clone())
        }
        _ => None,
    }
}

fn fetch(query: &mut Query) {
    let plain =
        |fetch: &mut Fetch| (!fetch.percent && !fetch.with_ties).then(|| fetch.quantity.take());
    if !matches!(
        query.limit_clause,
        None | Some(LimitClause::LimitOffset { limit: None, .. })
    ) {
        return;
    }
    let Some(quantity) = query.fetch.as_mut().and_then(plain) else {
        return;
    };
    query.fetch = None;
    let one = || Expr::value(Value::Number("1".to_owned(), false));
    let wanted = Some(quantity.unwrap_or_else(one));
    match &mut query.limit_clause {
        Some(LimitClause::LimitOffset { limit, .. }) => *limit = wanted,
        clause => {
            *clause = Some(LimitClause::LimitOffset {
                limit: wanted,
                offset: None,
                limit_by: vec![],
            });
        }
    }
}

fn is_arithmetic(op: &BinaryOperator) -> bool {
    matches!(
        op,
        BinaryOperator::Plus
            | BinaryOperator::Minus
            | BinaryOperator::Multiply
            | BinaryOperator::Divide
            | BinaryOperator::Modulo
    )
}

fn is_integer(expr: &Expr) -> bool {
    match expr {
        Expr::Value(value) => {
            matches!(&value.value, Value::Number(text, _) if text.parse::<i32>().is_ok())
        }
        Expr::UnaryOp {
            op: UnaryOperator::Minus,
            expr,
        } => is_integer(expr),
        _ => false,
    }
}

pub(super) fn integer(expr: &mut Expr) {
    if is_integer(expr) {
        *expr = cast_to(expr.clone(), "INT");
    }
}
