//! TUMBLE, HOP, CUMULATE and SESSION: all columns of their input and, behind them, `window_start`,
//! `window_end` and `window_time`; one row for each window that a row belongs to.

use std::sync::Arc;

use datafusion::{
    arrow::datatypes::{DataType, IntervalMonthDayNano, TimeUnit},
    common::{Column, DFSchema, Result, ScalarValue},
    functions::datetime::expr_fn::to_local_time,
    logical_expr::{
        Expr, Extension, LogicalPlan, LogicalPlanBuilder, ScalarUDF, cast,
        planner::RelationPlannerContext,
    },
    sql::sqlparser::{
        ast::{
            Expr as SqlExpr, FunctionArg, FunctionArgExpr, Query, SetExpr, Spanned, TableFactor,
        },
        tokenizer::Span,
    },
};

use super::{
    super::{
        external_at,
        proctime::with_proctime,
        relations::{descriptor, free_name},
    },
    bounds::{Bound, WindowBound, WindowEnds, Windows},
    session::SessionNode,
    tags::{TimeAttribute, WindowEnd, WindowId},
};
use crate::{
    error::{EngineError, did_you_mean},
    sql::flink_type,
};

/// Windows that a row may belong to.
const MOST_WINDOWS: i64 = 4096;

/// A window function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::planning) enum WindowFunction {
    Tumble,
    Hop,
    Cumulate,
    Session,
}

impl WindowFunction {
    /// By its name in upper case.
    pub(in crate::planning) fn named(name: &str) -> Option<Self> {
        match name {
            "TUMBLE" => Some(WindowFunction::Tumble),
            "HOP" => Some(WindowFunction::Hop),
            "CUMULATE" => Some(WindowFunction::Cumulate),
            "SESSION" => Some(WindowFunction::Session),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            WindowFunction::Tumble => "TUMBLE",
            WindowFunction::Hop => "HOP",
            WindowFunction::Cumulate => "CUMULATE",
            WindowFunction::Session => "SESSION",
        }
    }

    /// The names of its arguments, in order.
    fn arguments(self) -> &'static [&'static str] {
        match self {
            WindowFunction::Tumble => &["DATA", "TIMECOL", "SIZE", "OFFSET"],
            WindowFunction::Hop => &["DATA", "TIMECOL", "SLIDE", "SIZE", "OFFSET"],
            WindowFunction::Cumulate => &["DATA", "TIMECOL", "STEP", "SIZE", "OFFSET"],
            WindowFunction::Session => &["DATA", "TIMECOL", "GAP"],
        }
    }

    fn usage(self) -> &'static str {
        match self {
            WindowFunction::Tumble => {
                "write TUMBLE(TABLE t, DESCRIPTOR(time), INTERVAL '10' MINUTES)"
            }
            WindowFunction::Hop => {
                "write HOP(TABLE t, DESCRIPTOR(time), INTERVAL '5' MINUTES, INTERVAL '10' MINUTES): \
                 the slide, then the size"
            }
            WindowFunction::Cumulate => {
                "write CUMULATE(TABLE t, DESCRIPTOR(time), INTERVAL '2' MINUTES, INTERVAL '10' MINUTES): \
                 the step, then the largest size"
            }
            WindowFunction::Session => {
                "write SESSION(TABLE t PARTITION BY key, DESCRIPTOR(time), INTERVAL '5' MINUTES)"
            }
        }
    }
}

/// The arguments of a call.
struct Call<'a> {
    function: WindowFunction,
    span: Span,
    context: &'a mut dyn RelationPlannerContext,
    input: Option<Box<Query>>,
    /// Of PARTITION BY.
    keys: Vec<SqlExpr>,
    time: Option<(String, Span)>,
    /// Of the last interval.
    interval: Span,
    /// GAP, SLIDE, STEP, SIZE and OFFSET in milliseconds.
    lengths: Vec<(String, i64)>,
}

/// Plans a call.
pub(in crate::planning) fn plan_windows(
    function: WindowFunction,
    given: Vec<FunctionArg>,
    span: Span,
    context: &mut dyn RelationPlannerContext,
) -> Result<LogicalPlan> {
    let mut call = Call {
        function,
        span,
        context,
        input: None,
        keys: Vec::new(),
        interval: span,
        time: None,
        lengths: Vec::new(),
    };
    for (place, argument) in given.into_iter().enumerate() {
        call.take(place, argument)?;
    }
    call.plan()
}

impl Call<'_> {
    fn wrong(&self, message: String, span: Span) -> datafusion::common::DataFusionError {
        let hint = self.function.usage().to_owned();
        external_at(EngineError::job(message).with_hint(hint), span)
    }

    fn take(&mut self, place: usize, argument: FunctionArg) -> Result<()> {
        let names = self.function.arguments();
        let function = self.function.name();
        let (name, value) = match argument {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(value)) => match names.get(place) {
                Some(name) => ((*name).to_owned(), value),
                None => {
                    let message = format!("{function} takes at most {} arguments", names.len());
                    return Err(self.wrong(message, value.span()));
                }
            },
            FunctionArg::Named {
                name,
                arg: FunctionArgExpr::Expr(value),
                ..
            } => (name.value.to_uppercase(), value),
            other => {
                return Err(self.wrong(format!("{function} cannot take {other}"), self.span));
            }
        };
        let span = match value.span() {
            span if span == Span::empty() => self.span,
            span => span,
        };
        match (name.as_str(), value) {
            ("DATA", SqlExpr::Subquery(mut query)) => {
                if let SetExpr::Select(select) = query.body.as_mut() {
                    self.keys = std::mem::take(&mut select.distribute_by);
                }
                if !self.keys.is_empty() && self.function != WindowFunction::Session {
                    let message = format!("{function} takes no PARTITION BY");
                    return Err(self.wrong(message, span));
                }
                self.input = Some(query);
            }
            ("DATA", _) => {
                let message =
                    format!("the input of {function} must be TABLE t or a query in parentheses");
                return Err(self.wrong(message, span));
            }
            ("TIMECOL", value) => {
                let columns = descriptor(value);
                let Some([column]) = columns.as_deref() else {
                    let message = format!("the time of {function} must be DESCRIPTOR(column)");
                    return Err(self.wrong(message, span));
                };
                self.time = Some((column.value.clone(), column.span));
            }
            (name, value) if names.contains(&name) => {
                let length = self.length(name, value, span)?;
                self.interval = span;
                self.lengths.push((name.to_owned(), length));
            }
            (name, _) => {
                return Err(self.wrong(format!("{function} has no argument '{name}'"), span));
            }
        }
        Ok(())
    }

    /// An interval in milliseconds.
    fn length(&mut self, name: &str, value: SqlExpr, span: Span) -> Result<i64> {
        let text = value.to_string();
        let planned = self.context.sql_to_expr(value, &DFSchema::empty())?;
        let length = match planned {
            Expr::Literal(ScalarValue::IntervalMonthDayNano(Some(interval)), _) => {
                milliseconds(interval)
            }
            _ => None,
        };
        match length {
            Some(length) if length > 0 || name == "OFFSET" => Ok(length),
            _ => Err(self.wrong(
                format!(
                    "the {} of {} must be an interval of whole milliseconds, not {text}",
                    name.to_lowercase(),
                    self.function.name()
                ),
                span,
            )),
        }
    }

    fn get(&self, name: &str) -> Result<i64> {
        let found = self.lengths.iter().find(|(found, _)| found == name);
        found.map(|(_, length)| *length).ok_or_else(|| {
            let name = name.to_lowercase();
            self.wrong(format!("{} has no {name}", self.function.name()), self.span)
        })
    }

    /// None of a session.
    fn windows(&self) -> Result<Option<Windows>> {
        if self.function == WindowFunction::Session {
            return Ok(None);
        }
        let offset = self.get("OFFSET").unwrap_or(0);
        let size = self.get("SIZE")?;
        let windows = match self.function {
            WindowFunction::Tumble => Windows::Tumble { size, offset },
            WindowFunction::Hop => Windows::Hop {
                slide: self.get("SLIDE")?,
                size,
                offset,
            },
            WindowFunction::Cumulate => Windows::Cumulate {
                step: self.get("STEP")?,
                size,
                offset,
            },
            WindowFunction::Session => return Ok(None),
        };
        let part = match windows {
            Windows::Tumble { .. } => return Ok(Some(windows)),
            Windows::Hop { slide, .. } => slide,
            Windows::Cumulate { step, .. } => step,
        };
        let name = self.function.name();
        if size % part != 0 {
            let message = format!(
                "the size of {name} must be a whole multiple of its {}",
                self.function.arguments()[2].to_lowercase()
            );
            return Err(self.wrong(message, self.interval));
        }
        if windows.most() > MOST_WINDOWS {
            let message = format!(
                "{name} puts each row into {} windows, more than {MOST_WINDOWS}",
                windows.most()
            );
            return Err(self.wrong(message, self.interval));
        }
        Ok(Some(windows))
    }

    fn plan(mut self) -> Result<LogicalPlan> {
        let name = self.function.name();
        let windows = self.windows()?;
        let Some((time, time_span)) = self.time.take() else {
            return Err(self.wrong(format!("{name} has no DESCRIPTOR(column)"), self.span));
        };
        let Some(subquery) = self.input.take() else {
            return Err(self.wrong(format!("{name} has no input"), self.span));
        };
        let input = self.context.plan(TableFactor::Derived {
            lateral: false,
            subquery,
            alias: None,
            sample: None,
        })?;
        let schema = input.schema();
        let found = schema.iter().find(|(_, field)| *field.name() == time);
        let Some((qualifier, field)) = found else {
            let names: Vec<_> = schema.fields().iter().map(|f| f.name().clone()).collect();
            let error = EngineError::job(format!("the input of {name} has no column '{time}'"))
                .with_hint(did_you_mean(&time, &names, "its columns are"));
            return Err(external_at(error, time_span));
        };
        let zone = match field.data_type() {
            DataType::Timestamp(_, zone) => zone.as_ref().map(ToString::to_string),
            other => {
                let message = format!(
                    "the windows of {name} are over a TIMESTAMP, but '{time}' is {}",
                    flink_type(other)
                );
                return Err(self.wrong(message, time_span));
            }
        };
        let end = WindowEnd {
            id: WindowId::next(),
            time: TimeAttribute::of(field),
            zone,
        };
        let column = Column::new(qualifier.cloned(), field.name());
        let keys = std::mem::take(&mut self.keys).into_iter();
        let keys = keys.map(|key| self.context.sql_to_expr(key, input.schema()));
        let keys = keys.collect::<Result<Vec<_>>>()?;
        let input = match end.time {
            Some(TimeAttribute::Proctime) => with_proctime(input, &column)?,
            _ => input,
        };
        let column = Expr::Column(column);
        match windows {
            Some(windows) => with_bounds(input, column, &time, windows, &end),
            None => with_sessions(input, (column, time), keys, self.get("GAP")?, &end),
        }
    }
}

/// All columns of a plan, each under a name of its own, and the names.
fn own_columns(input: &LogicalPlan) -> (Vec<Expr>, Vec<String>) {
    let mut names: Vec<String> = Vec::new();
    let mut columns = Vec::new();
    for (qualifier, field) in input.schema().iter() {
        let name = free_name(&names, field.name());
        let column = Expr::Column(Column::new(qualifier.cloned(), field.name()));
        columns.push(match name == *field.name() {
            true => column,
            false => column.alias(&name),
        });
        names.push(name);
    }
    (columns, names)
}

/// Adds the three columns of sessions to `input`.
fn with_sessions(
    input: LogicalPlan,
    time: (Expr, String),
    keys: Vec<Expr>,
    gap: i64,
    end: &WindowEnd,
) -> Result<LogicalPlan> {
    let (columns, mut names) = own_columns(&input);
    let width = columns.len();
    let start_name = free_name(&names, "session start");
    let end_name = free_name(&names, "session end");
    let bounds = [start_name.as_str(), end_name.as_str()];
    let node = SessionNode::new(input, time, keys, gap, end.clone(), bounds)?;
    let plan = LogicalPlan::Extension(Extension {
        node: Arc::new(node),
    });
    let own = plan.schema().columns().into_iter().take(width);
    let own = own
        .zip(&names)
        .map(|(column, name)| match column.name == *name {
            true => Expr::Column(column),
            false => Expr::Column(column).alias(name),
        });
    let mut columns: Vec<_> = own.collect();
    // Sessions are in UTC; their bounds are shown by the clocks of the zone.
    let local = |name: &str| {
        let utc = Expr::Column(Column::new_unqualified(name));
        let in_zone = |expr: Expr, zone: &str| {
            cast(
                expr,
                DataType::Timestamp(TimeUnit::Millisecond, Some(zone.into())),
            )
        };
        match end.zone.as_deref() {
            None | Some("UTC") => utc,
            Some(zone) => to_local_time(vec![in_zone(in_zone(utc, "UTC"), zone)]),
        }
    };
    let start = free_name(&names, "window_start");
    columns.push(local(&start_name).alias(&start));
    names.push(start);
    for (bound, name) in [(Bound::End, "window_end"), (Bound::Time, "window_time")] {
        let function = ScalarUDF::new_from_impl(WindowBound::new(bound, None, end.clone()));
        let name = free_name(&names, name);
        columns.push(function.call(vec![local(&end_name)]).alias(&name));
        names.push(name);
    }
    LogicalPlanBuilder::from(plan).project(columns)?.build()
}

/// Adds the three columns to `input`.
fn with_bounds(
    input: LogicalPlan,
    time: Expr,
    name: &str,
    windows: Windows,
    end: &WindowEnd,
) -> Result<LogicalPlan> {
    let (mut kept, mut names) = own_columns(&input);
    let local = match end.zone.as_deref() {
        None | Some("UTC") => time,
        Some(_) => to_local_time(vec![time]),
    };
    let several = windows.most() > 1;
    let ends = ScalarUDF::new_from_impl(WindowEnds::new(windows.clone(), name));
    let place = free_name(&names, "window end");
    let width = kept.len();
    kept.push(ends.call(vec![local]).alias(&place));
    let mut plan = LogicalPlanBuilder::from(input).project(kept)?;
    if several {
        plan = plan.unnest_column(Column::new_unqualified(&place))?;
    }
    let plan = plan.build()?;
    let columns = plan.schema().columns().into_iter().take(width);
    let mut columns: Vec<Expr> = columns.map(Expr::Column).collect();
    for (bound, name) in [
        (Bound::Start, "window_start"),
        (Bound::End, "window_end"),
        (Bound::Time, "window_time"),
    ] {
        let windows = (bound == Bound::Start).then(|| windows.clone());
        let function = ScalarUDF::new_from_impl(WindowBound::new(bound, windows, end.clone()));
        let name = free_name(&names, name);
        let of = Expr::Column(Column::new_unqualified(&place));
        columns.push(function.call(vec![of]).alias(&name));
        names.push(name);
    }
    LogicalPlanBuilder::from(plan).project(columns)?.build()
}

fn milliseconds(interval: IntervalMonthDayNano) -> Option<i64> {
    let nanos = i64::from(interval.days)
        .checked_mul(86_400_000_000_000)?
        .checked_add(interval.nanoseconds)?;
    (interval.months == 0 && nanos % 1_000_000 == 0).then_some(nanos / 1_000_000)
}
