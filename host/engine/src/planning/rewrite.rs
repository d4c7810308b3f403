//! What is changed in a parsed query so that DataFusion plans it as Flink would.
//!
//! - An integer literal that fits is an INT, not a BIGINT: `id + 1` stays an INT. Only operands of
//!   arithmetic, results of CASE, VALUES and items of SELECT are changed: elsewhere a literal's type
//!   shows in no result.
//! - Two items of SELECT with the same text get different names: `INSERT INTO t SELECT a, a …`.

use std::{collections::BTreeSet, ops::ControlFlow};

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, CastKind, DataType, Expr, Ident, ObjectName, Query, Select, SelectItem,
    SetExpr, UnaryOperator, Value, VisitMut, VisitorMut,
};

use crate::sql::DATA_TYPE;

pub(super) fn rewrite(query: &mut Query) {
    let _ = query.visit(&mut Rewriter);
}

struct Rewriter;

impl VisitorMut for Rewriter {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        set_expr(&mut query.body);
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
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

fn set_expr(body: &mut SetExpr) {
    match body {
        SetExpr::Select(select) => select_items(select),
        SetExpr::SetOperation { left, right, .. } => {
            set_expr(left);
            set_expr(right);
        }
        SetExpr::Values(values) => {
            for row in &mut values.rows {
                row.content.iter_mut().for_each(integer);
            }
        }
        _ => {}
    }
}

fn select_items(select: &mut Select) {
    let mut seen = BTreeSet::new();
    for (index, item) in select.projection.iter_mut().enumerate() {
        match item {
            SelectItem::UnnamedExpr(expr) => {
                let text = expr.to_string();
                let is_literal = is_integer(expr);
                integer(expr);
                if !seen.insert(text) || is_literal {
                    *item = SelectItem::ExprWithAlias {
                        expr: expr.clone(),
                        alias: Ident::new(format!("EXPR${index}")),
                    };
                }
            }
            SelectItem::ExprWithAlias { expr, alias } => {
                seen.insert(alias.value.clone());
                integer(expr);
            }
            _ => {}
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

fn integer(expr: &mut Expr) {
    if is_integer(expr) {
        *expr = Expr::Cast {
            kind: CastKind::Cast,
            expr: Box::new(expr.clone()),
            data_type: DataType::Custom(
                ObjectName::from(vec![Ident::new(DATA_TYPE)]),
                vec!["INT".to_owned()],
            ),
            array: false,
            format: None,
        };
    }
}
