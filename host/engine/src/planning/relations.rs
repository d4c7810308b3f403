//! The relations that are Flink's: ML_PREDICT, window functions, `TABLE(f(…))` with LATERAL and
//! without, tables with a hint.

use std::sync::Arc;

use datafusion::{
    common::Result,
    logical_expr::{
        LogicalPlan,
        planner::{PlannedRelation, RelationPlanner, RelationPlannerContext, RelationPlanning},
    },
    sql::sqlparser::ast::{
        Expr as SqlExpr, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, ObjectName,
        Spanned, TableAlias, TableFactor, TableFunctionArgs,
    },
};

use super::{
    context::Shared,
    lookup::without_version,
    predict::plan_predict,
    process::{is_process_call, plan_process},
    table_functions::{Nested, TableCall, is_lateral, nested, plan_alone, plan_join},
    windows::{WindowFunction, plan_windows},
};
use crate::sql::split_hinted_name;

/// Plans the relations that are Flink's: ML_PREDICT, `TABLE(f(…))` and tables with a hint.
#[derive(Debug)]
pub(super) struct RelationsPlanner {
    shared: Arc<Shared>,
}

impl RelationsPlanner {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        RelationsPlanner { shared }
    }

    /// Whether the job declares a function of this name.
    fn is_declared(&self, name: &str) -> bool {
        let catalog = self.shared.catalog.read();
        catalog.functions.contains_key(&name.to_lowercase())
    }

    /// A call with nothing on its left.
    fn plan_call(
        &self,
        call: TableCall,
        context: &mut dyn RelationPlannerContext,
    ) -> Result<LogicalPlan> {
        match is_process_call(&self.shared, &call.name) {
            true => plan_process(&self.shared, call, context),
            false => plan_alone(&self.shared, call, context),
        }
    }
}

impl RelationPlanner for RelationsPlanner {
    fn plan_relation(
        &self,
        relation: TableFactor,
        context: &mut dyn RelationPlannerContext,
    ) -> Result<RelationPlanning> {
        let span = relation.span();
        let relation = match without_version(&self.shared, relation)? {
            TableFactor::NestedJoin {
                table_with_joins,
                alias,
            } => match nested(*table_with_joins) {
                Nested::Lateral { left, join } => {
                    let plan = plan_join(&self.shared, *left, *join, context)?;
                    return Ok(planned(plan, alias));
                }
                Nested::Other(joins) => {
                    return Ok(original(TableFactor::NestedJoin {
                        table_with_joins: joins,
                        alias,
                    }));
                }
            },
            // With nothing on its left.
            relation if is_lateral(&relation) => {
                let plan = self.plan_call(TableCall::of(relation, span)?, context)?;
                return Ok(planned(plan, None));
            }
            relation => relation,
        };
        let call = match relation {
            TableFactor::Table {
                name,
                args: Some(args),
                alias,
                ..
            } => Call {
                name,
                arguments: args.args,
                alias,
            },
            TableFactor::Function {
                name, args, alias, ..
            } => Call {
                name,
                arguments: args,
                alias,
            },
            TableFactor::TableFunction {
                expr: SqlExpr::Function(function),
                alias,
            } => Call {
                name: function.name,
                arguments: match function.args {
                    FunctionArguments::List(list) => list.args,
                    _ => vec![],
                },
                alias,
            },
            other => return Ok(original(with_own_name(other))),
        };
        let name = call.name.to_string();
        if name.eq_ignore_ascii_case(ML_PREDICT) {
            let plan = plan_predict(&self.shared, call.arguments, span, context)?;
            return Ok(planned(plan, call.alias));
        }
        if let Some(function) = WindowFunction::named(&name.to_uppercase()) {
            let plan = plan_windows(function, call.arguments, span, context)?;
            return Ok(planned(plan, call.alias));
        }
        let last = call.name.0.last().and_then(|part| part.as_ident());
        match last.filter(|name| self.is_declared(&name.value)) {
            None => Ok(original(call.into_relation())),
            Some(name) => {
                let call = TableCall {
                    name: name.clone(),
                    arguments: call.arguments,
                    alias: call.alias,
                };
                Ok(planned(self.plan_call(call, context)?, None))
            }
        }
    }
}

const ML_PREDICT: &str = "ML_PREDICT";

/// Whether a call of this name in FROM is one of Flink's own.
pub(super) fn is_relation_of_flink(name: &str) -> bool {
    let name = name.to_uppercase();
    name == ML_PREDICT || WindowFunction::named(&name).is_some()
}

fn planned(plan: LogicalPlan, alias: Option<TableAlias>) -> RelationPlanning {
    RelationPlanning::Planned(Box::new(PlannedRelation::new(plan, alias)))
}

fn original(relation: TableFactor) -> RelationPlanning {
    RelationPlanning::Original(Box::new(relation))
}

struct Call {
    name: ObjectName,
    arguments: Vec<FunctionArg>,
    alias: Option<TableAlias>,
}

impl Call {
    fn into_relation(self) -> TableFactor {
        TableFactor::Table {
            name: self.name,
            alias: self.alias,
            args: Some(TableFunctionArgs {
                args: self.arguments,
                settings: None,
            }),
            with_hints: vec![],
            version: None,
            with_ordinality: false,
            partitions: vec![],
            json_path: None,
            sample: None,
            index_hints: vec![],
        }
    }
}

/// A table with a hint is called as it is without.
fn with_own_name(mut relation: TableFactor) -> TableFactor {
    if let TableFactor::Table { name, alias, .. } = &mut relation
        && let Some(ident) = name.0.last().and_then(|part| part.as_ident())
        && alias.is_none()
    {
        let (own, hint) = split_hinted_name(&ident.value);
        if !hint.is_empty() {
            *alias = Some(TableAlias {
                explicit: true,
                name: Ident::with_quote('`', own),
                columns: vec![],
                at: None,
            });
        }
    }
    relation
}

/// The columns of `DESCRIPTOR(column, …)`.
pub(super) fn descriptor(value: SqlExpr) -> Option<Vec<Ident>> {
    let SqlExpr::Function(function) = value else {
        return None;
    };
    if !function.name.to_string().eq_ignore_ascii_case("DESCRIPTOR") {
        return None;
    }
    let FunctionArguments::List(list) = function.args else {
        return None;
    };
    let columns = list.args.into_iter().map(|argument| match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(SqlExpr::Identifier(ident))) => Some(ident),
        FunctionArg::Unnamed(FunctionArgExpr::Expr(SqlExpr::CompoundIdentifier(mut parts))) => {
            parts.pop()
        }
        _ => None,
    });
    columns.collect()
}

/// `x`, or `x0`, `x1`, … where that is taken, as in Flink.
pub(super) fn free_name(taken: &[String], name: &str) -> String {
    if !taken.iter().any(|taken| taken == name) {
        return name.to_owned();
    }
    let mut number = 0;
    loop {
        let candidate = format!("{name}{number}");
        if !taken.contains(&candidate) {
            return candidate;
        }
        number += 1;
    }
}
