//! Refuses what sqlparser reads and the planner would silently leave out.

use std::ops::ControlFlow;

use sqlparser::{
    ast::{Query, SetExpr, Spanned, TableFactor, Visit, Visitor},
    tokenizer::Span,
};

use crate::reader::{Result, SyntaxError};

pub(crate) fn check(query: &Query) -> Result<()> {
    match query.visit(&mut Ignored) {
        ControlFlow::Break(error) => Err(error),
        ControlFlow::Continue(()) => Ok(()),
    }
}

struct Ignored;

impl Visitor for Ignored {
    type Break = SyntaxError;

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<SyntaxError> {
        if !query.locks.is_empty() {
            return refused(
                query.span(),
                "FOR UPDATE",
                "leave it out: nothing is locked",
            );
        }
        if let SetExpr::Select(select) = query.body.as_ref()
            && let Some(into) = &select.into
        {
            let hint = format!("write INSERT INTO {} SELECT …", into.name);
            return refused(into.name.span(), "SELECT … INTO", &hint);
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<SyntaxError> {
        match factor {
            TableFactor::Table {
                sample: Some(_), ..
            } => refused(
                factor.span(),
                "TABLESAMPLE",
                "WHERE random() < 0.1 keeps about a tenth of the rows",
            ),
            _ => ControlFlow::Continue(()),
        }
    }
}

fn refused(span: Span, what: &str, hint: &str) -> ControlFlow<SyntaxError> {
    ControlFlow::Break(
        SyntaxError::new(span, format!("{what} is not supported")).with_hint(hint.to_owned()),
    )
}
