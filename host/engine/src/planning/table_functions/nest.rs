//! FROM with LATERAL TABLE in it, brought into a form in which each stands last in a join of its own:
//! `t, u JOIN v ON …, LATERAL TABLE(f(x)) AS a` is `((t CROSS JOIN u JOIN v ON …) CROSS JOIN LATERAL
//! TABLE(f(x)) AS a)`. So its left side, whose columns it may use, is one relation.

use datafusion::{
    common::Result,
    sql::sqlparser::ast::{
        Expr, FunctionArg, FunctionArgExpr, Join, JoinConstraint, JoinOperator, Spanned,
        TableFactor, TableWithJoins,
    },
};

use crate::{
    error::EngineError,
    planning::{external_at, relations::is_relation_of_flink},
};

/// Of a join in parentheses.
pub(in crate::planning) enum Nested {
    /// It is in that form.
    Lateral {
        left: Box<TableFactor>,
        join: Box<Join>,
    },
    /// This is the same; it may have such joins inside.
    Other(Box<TableWithJoins>),
}

/// Whether it is LATERAL TABLE(f(…)), whatever `f` is, but one of the relations that are Flink's own.
pub(in crate::planning) fn is_lateral(relation: &TableFactor) -> bool {
    let TableFactor::Function {
        lateral: true,
        name,
        args,
        ..
    } = relation
    else {
        return false;
    };
    let [FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Function(function)))] = args.as_slice()
    else {
        return false;
    };
    name.to_string().eq_ignore_ascii_case("TABLE")
        && !is_relation_of_flink(&function.name.to_string())
}

/// Calls that FROM may have: each stands in one pair of parentheses more.
const MOST_CALLS: usize = 50;

/// Brings the whole of FROM into that form.
pub(in crate::planning) fn nest(from: &mut Vec<TableWithJoins>) -> Result<()> {
    let first_too_many = from.iter().flat_map(laterals).nth(MOST_CALLS);
    if let Some(call) = first_too_many {
        let message = format!("more than {MOST_CALLS} LATERAL TABLE in one FROM");
        let error = EngineError::job(message)
            .with_hint("put some of them into a query of their own".to_owned());
        return Err(external_at(error, call.span()));
    }
    let mut done: Vec<TableWithJoins> = Vec::with_capacity(from.len());
    for item in std::mem::take(from) {
        let before = done.len();
        if laterals(&item).next().is_none() {
            done.push(item);
        } else if before == 0 || !item.joins.iter().all(|join| may_move(&join.join_operator)) {
            done.push(folded(item));
        } else {
            // `a, b JOIN c` is `a CROSS JOIN b JOIN c`: so a call in it sees what stands before.
            let mut items = std::mem::take(&mut done).into_iter();
            let first = items.next().map(whole);
            let Some(relation) = first else { continue };
            let others = items.map(whole).chain([item.relation]);
            let joins = others.map(cross_joined).chain(item.joins).collect();
            done.push(folded(TableWithJoins { relation, joins }));
        }
    }
    *from = done;
    Ok(())
}

/// The calls among what is joined.
fn laterals(item: &TableWithJoins) -> impl Iterator<Item = &TableFactor> {
    let joined = item.joins.iter().map(|join| &join.relation);
    let all = std::iter::once(&item.relation).chain(joined);
    all.filter(|relation| is_lateral(relation))
}

/// A join in parentheses.
pub(in crate::planning) fn nested(mut join: TableWithJoins) -> Nested {
    let lateral = join
        .joins
        .iter()
        .position(|join| is_lateral(&join.relation));
    match lateral {
        Some(place) if place + 1 == join.joins.len() => match join.joins.pop() {
            Some(last) => Nested::Lateral {
                left: Box::new(whole(join)),
                join: Box::new(last),
            },
            None => Nested::Other(Box::new(join)),
        },
        Some(_) => Nested::Other(Box::new(folded(join))),
        None => Nested::Other(Box::new(join)),
    }
}

/// Each LATERAL TABLE with all that stands on its left in parentheses.
fn folded(item: TableWithJoins) -> TableWithJoins {
    let mut folded = TableWithJoins {
        relation: item.relation,
        joins: Vec::new(),
    };
    for join in item.joins {
        let lateral = is_lateral(&join.relation);
        folded.joins.push(join);
        if lateral {
            folded = TableWithJoins {
                relation: in_parentheses(folded),
                joins: Vec::new(),
            };
        }
    }
    folded
}

/// Joins that mean the same where more tables stand on their left.
fn may_move(operator: &JoinOperator) -> bool {
    match operator {
        JoinOperator::Join(on)
        | JoinOperator::Inner(on)
        | JoinOperator::Left(on)
        | JoinOperator::LeftOuter(on) => {
            matches!(on, JoinConstraint::On(_) | JoinConstraint::None)
        }
        JoinOperator::CrossJoin(_) => true,
        _ => false,
    }
}

fn cross_joined(relation: TableFactor) -> Join {
    Join {
        relation,
        global: false,
        join_operator: JoinOperator::CrossJoin(JoinConstraint::None),
    }
}

/// A relation, in parentheses if it is one of several.
fn whole(item: TableWithJoins) -> TableFactor {
    match item.joins.is_empty() {
        true => item.relation,
        false => in_parentheses(item),
    }
}

fn in_parentheses(item: TableWithJoins) -> TableFactor {
    TableFactor::NestedJoin {
        table_with_joins: Box::new(item),
        alias: None,
    }
}

#[cfg(test)]
mod tests {
    use datafusion::sql::sqlparser::{
        ast::{SetExpr, Statement},
        dialect::GenericDialect,
        parser::Parser,
    };
    use expect_test::expect;

    use super::*;

    fn nested_text(from: &str) -> String {
        let sql = format!("SELECT * FROM {from}");
        let mut statements = Parser::parse_sql(&GenericDialect, &sql).unwrap();
        let Some(Statement::Query(mut query)) = statements.pop() else {
            panic!("{sql}");
        };
        let SetExpr::Select(select) = query.body.as_mut() else {
            panic!("{sql}");
        };
        nest(&mut select.from).unwrap();
        let from: Vec<_> = select.from.iter().map(ToString::to_string).collect();
        from.join(", ")
    }

    #[test]
    fn each_call_stands_last_in_a_join_of_its_own() {
        let texts = [
            "t, u",
            "t, LATERAL TABLE(f(x)) AS a",
            "t, u JOIN v ON u.x = v.x, LATERAL TABLE(f(x)), w",
            "t CROSS JOIN LATERAL TABLE(f(x)) LEFT JOIN LATERAL TABLE(g(y)) ON TRUE JOIN u ON TRUE",
            "t, LATERAL TABLE(f(x)) AS a JOIN u ON a.y = u.y",
            "t, u RIGHT JOIN v ON TRUE CROSS JOIN LATERAL TABLE(f(x))",
            "LATERAL TABLE(f('x'))",
            "t, LATERAL TABLE(TUMBLE(x))",
        ];
        expect![[r#"
            t, u
            (t CROSS JOIN LATERAL TABLE(f(x)) AS a)
            (t CROSS JOIN (u JOIN v ON u.x = v.x) CROSS JOIN LATERAL TABLE(f(x))), w
            ((t CROSS JOIN LATERAL TABLE(f(x))) LEFT JOIN LATERAL TABLE(g(y)) ON true) JOIN u ON true
            (t CROSS JOIN LATERAL TABLE(f(x)) AS a) JOIN u ON a.y = u.y
            t, (u RIGHT JOIN v ON true CROSS JOIN LATERAL TABLE(f(x)))
            LATERAL TABLE(f('x'))
            t, LATERAL TABLE(TUMBLE(x))"#]]
        .assert_eq(&texts.map(nested_text).join("\n"));
    }
}
