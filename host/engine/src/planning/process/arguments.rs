//! The arguments of a call: `input => TABLE t PARTITION BY k`, `on_time => DESCRIPTOR(ts)` and the rest.

use datafusion::{
    common::{DataFusionError, Result},
    sql::sqlparser::{
        ast::{
            Expr as SqlExpr, FunctionArg, FunctionArgExpr, Ident, Query, SetExpr, Spanned, Value,
        },
        tokenizer::Span,
    },
};

use crate::{
    error::EngineError,
    planning::{context::Shared, external_at, relations::descriptor},
};

/// The names of a call's arguments, in their order.
const INPUT: &str = "input";
const BROADCAST: &str = "broadcast";
const ON_TIME: &str = "on_time";
const UID: &str = "uid";

/// A table as an argument.
pub(super) struct TableArgument {
    pub query: Box<Query>,
    pub keys: Vec<SqlExpr>,
    pub span: Span,
}

/// The arguments of a call.
pub(super) struct Call<'a> {
    pub shared: &'a Shared,
    pub name: Ident,
    pub input: Option<TableArgument>,
    pub broadcast: Option<TableArgument>,
    pub time: Option<Ident>,
}

impl Call<'_> {
    pub(super) fn wrong(&self, message: &str, span: Span) -> DataFusionError {
        let name = &self.name.value;
        let error = EngineError::job(format!("'{name}': {message}")).with_hint(format!(
            "write {name}(input => TABLE t PARTITION BY k, on_time => DESCRIPTOR(ts))"
        ));
        external_at(error, span)
    }

    pub(super) fn take(&mut self, argument: FunctionArg) -> Result<()> {
        let (name, value) = match argument {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(value)) => (None, value),
            FunctionArg::Named {
                name,
                arg: FunctionArgExpr::Expr(value),
                ..
            } => (Some(name), value),
            other => {
                return Err(self.wrong(&format!("it cannot take {other}"), self.name.span));
            }
        };
        // A table is made of text that is not the job's.
        let span = match (&name, &value) {
            (Some(name), _) => name.span,
            (None, SqlExpr::Subquery(_)) => self.name.span,
            (None, value) if value.span() != Span::empty() => value.span(),
            (None, _) => self.name.span,
        };
        let known = match (&name, &value) {
            (Some(name), _) => name.value.to_lowercase(),
            (None, SqlExpr::Subquery(_)) if self.input.is_none() => INPUT.to_owned(),
            (None, SqlExpr::Subquery(_)) => BROADCAST.to_owned(),
            (None, SqlExpr::Function(_)) => ON_TIME.to_owned(),
            (None, _) => UID.to_owned(),
        };
        match (known.as_str(), value) {
            (INPUT, SqlExpr::Subquery(query)) => self.input = Some(table(query, span)),
            (BROADCAST, SqlExpr::Subquery(query)) => {
                let table = table(query, span);
                if !table.keys.is_empty() {
                    let message = "the broadcast table has no PARTITION BY: each partition gets it";
                    return Err(self.wrong(message, span));
                }
                self.broadcast = Some(table);
            }
            (INPUT | BROADCAST, _) => {
                let message = format!("{known} must be TABLE t or a query in parentheses");
                return Err(self.wrong(&message, span));
            }
            (ON_TIME, value) => match descriptor(value).as_deref() {
                Some([column]) => self.time = Some(column.clone()),
                _ => return Err(self.wrong("on_time must be DESCRIPTOR(column)", span)),
            },
            // Names the call's state in Flink; here its place among the job's queries does.
            (UID, SqlExpr::Value(value)) if is_text(&value.value) => {}
            (UID, _) if name.is_some() => {
                return Err(self.wrong("uid must be a string", span));
            }
            (_, value) => {
                let message = match name {
                    Some(name) => format!("it has no argument '{}'", name.value),
                    None => format!("it cannot take {value}"),
                };
                return Err(self.wrong(&message, span));
            }
        }
        Ok(())
    }
}

fn table(mut query: Box<Query>, span: Span) -> TableArgument {
    let keys = match query.body.as_mut() {
        SetExpr::Select(select) => std::mem::take(&mut select.distribute_by),
        _ => Vec::new(),
    };
    TableArgument { query, keys, span }
}

fn is_text(value: &Value) -> bool {
    matches!(value, Value::SingleQuotedString(_))
}
