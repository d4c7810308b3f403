//! Joins by an interval of time in plans that are executed epoch by epoch.

use std::sync::Arc;

use datafusion::{
    arrow::datatypes::DataType,
    common::{JoinSide, JoinType, ScalarValue},
    logical_expr::Operator,
    physical_expr::{
        PhysicalExpr,
        expressions::{BinaryExpr, CastExpr, Column, Literal},
        split_conjunction,
    },
    physical_plan::joins::{HashJoinExec, utils::JoinFilter},
};

use super::{Node, Obstacle, Planner, Rows, part, whole};
use crate::planning::{
    intervals::{IntervalJoin, Wait, Waiting},
    windows::is_rowtime,
};

const BOUNDS: &str = "bound the times of both, which must have a WATERMARK: … ON a.id = b.id AND b.ts \
                      BETWEEN a.ts - INTERVAL '5' MINUTE AND a.ts + INTERVAL '1' MINUTE; or join \
                      windows of both, ON a.id = b.id AND a.window_end = b.window_end";

impl Planner {
    /// A join whose condition bounds how far apart the times of the two rows are.
    pub(super) fn interval_join(&self, join: &HashJoinExec) -> Result<(Node, Rows), Obstacle> {
        let Some(bounds) = Bounds::of(join) else {
            return Err(part("a join of two tables without end", BOUNDS));
        };
        let (left_outer, right_outer) = match join.join_type() {
            JoinType::Inner => (false, false),
            JoinType::Left => (true, false),
            JoinType::Right => (false, true),
            JoinType::Full => (true, true),
            _ => {
                return Err(part(
                    "EXISTS or IN by an interval of time",
                    "write a JOIN with the same condition",
                ));
            }
        };
        let (left, left_rows) = self.final_rows(join.left())?;
        let (right, right_rows) = self.final_rows(join.right())?;
        let (Rows::Flowing { level, .. }, Rows::Flowing { level: other, .. }) =
            (left_rows, right_rows)
        else {
            return Err(part("a join of aggregations", BOUNDS));
        };
        if level != other {
            return Err(part(
                "a join of windows with rows of none",
                "join the tables themselves, or windows with windows",
            ));
        }
        let time = || (level, Arc::clone(&self.clock));
        let store = &self.store;
        // A row on the left meets rows from `earliest` before it to `latest` behind it.
        let wait = |partners: i64, outer: bool, other_outer: bool| Wait {
            partners,
            held: match other_outer {
                // Until no row of the other side can be asked whether it had a partner.
                true => partners.max(bounds.latest.saturating_sub(bounds.earliest)),
                false => partners,
            },
            outer,
            // A pair of rows one of which is late may not be given any more; then neither side can tell
            // from what the other holds whether a row had a partner.
            late: (outer && other_outer).then(|| Arc::clone(&self.late)),
        };
        let of_left = wait(bounds.latest, left_outer, right_outer);
        let of_right = wait(-bounds.earliest, right_outer, left_outer);
        let left = Waiting::new(left, bounds.left, of_left, time(), store);
        let right = Waiting::new(right, bounds.right, of_right, time(), store);
        // What is joined may be as old as the older of the two.
        let behind = bounds.latest.max(-bounds.earliest).max(0);
        self.clock.hold_back(level + 1, behind);
        let over = join.builder().build()?;
        let joined = IntervalJoin::new(over, left, right);
        Ok((Arc::new(joined), whole(level, [])))
    }
}

/// How far the time on the right is from the one on the left, in milliseconds.
struct Bounds {
    left: Arc<dyn PhysicalExpr>,
    right: Arc<dyn PhysicalExpr>,
    earliest: i64,
    latest: i64,
}

impl Bounds {
    fn of(join: &HashJoinExec) -> Option<Self> {
        let (mut earliest, mut latest) = (None::<(i64, Times)>, None::<(i64, Times)>);
        let filter = join.filter().into_iter();
        let compared = filter.flat_map(|filter| {
            let conditions = split_conjunction(filter.expression()).into_iter();
            conditions.filter_map(|condition| difference(condition, filter, join))
        });
        for (times, least, most) in compared.chain(equal_times(join)) {
            if let Some(least) = least
                && earliest.as_ref().is_none_or(|(found, _)| least > *found)
            {
                earliest = Some((least, times.clone()));
            }
            if let Some(most) = most
                && latest.as_ref().is_none_or(|(found, _)| most < *found)
            {
                latest = Some((most, times));
            }
        }
        let ((earliest, times), (latest, also)) = (earliest?, latest?);
        if times != also {
            return None;
        }
        let column = |plan: &Node, index: usize| -> Option<Arc<dyn PhysicalExpr>> {
            let schema = plan.schema();
            let name = schema.fields().get(index)?.name();
            Some(Arc::new(Column::new(name, index)))
        };
        Some(Bounds {
            left: column(join.left(), times.left)?,
            right: column(join.right(), times.right)?,
            earliest,
            latest,
        })
    }
}

/// Times of both sides, and what the right one less the left one is at least and at most.
type Difference = (Times, Option<i64>, Option<i64>);

/// Where a join is on equal times.
fn equal_times(join: &HashJoinExec) -> Option<Difference> {
    let time = |plan: &Node, expr: &Arc<dyn PhysicalExpr>| {
        let column = (expr.as_ref() as &dyn std::any::Any).downcast_ref::<Column>()?;
        let schema = plan.schema();
        let field = schema.fields().get(column.index())?;
        is_rowtime(field).then_some(column.index())
    };
    let mut times = join.on().iter().filter_map(|(left, right)| {
        Some(Times {
            left: time(join.left(), left)?,
            right: time(join.right(), right)?,
        })
    });
    Some((times.next()?, Some(0), Some(0)))
}

/// The columns of the two times, on their sides.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Times {
    left: usize,
    right: usize,
}

/// What a comparison of two times says of the right one less the left one: at least, at most.
fn difference(
    condition: &Arc<dyn PhysicalExpr>,
    filter: &JoinFilter,
    join: &HashJoinExec,
) -> Option<Difference> {
    let any = condition.as_ref() as &dyn std::any::Any;
    let compared = any.downcast_ref::<BinaryExpr>()?;
    let one = shifted(compared.left(), filter, join)?;
    let other = shifted(compared.right(), filter, join)?;
    // one + shift ⋚ other + shift
    let (left, right, operator) = match (one.side, other.side) {
        (JoinSide::Left, JoinSide::Right) => (one, other, *compared.op()),
        (JoinSide::Right, JoinSide::Left) => (other, one, compared.op().swap()?),
        _ => return None,
    };
    // left ⋚ right: the difference is at most, or at least, the shifts'. A millisecond more does no
    // harm, for every pair of rows is compared as it is written.
    let between = left.shift.checked_sub(right.shift)?;
    let (least, most) = (between.saturating_sub(1), between.saturating_add(1));
    let (least, most) = match operator {
        Operator::Lt | Operator::LtEq => (Some(least), None),
        Operator::Gt | Operator::GtEq => (None, Some(most)),
        Operator::Eq => (Some(least), Some(most)),
        _ => return None,
    };
    let times = Times {
        left: left.column,
        right: right.column,
    };
    Some((times, least, most))
}

/// A time attribute and milliseconds that are added to it.
struct Shifted {
    side: JoinSide,
    column: usize,
    shift: i64,
}

fn shifted(
    expr: &Arc<dyn PhysicalExpr>,
    filter: &JoinFilter,
    join: &HashJoinExec,
) -> Option<Shifted> {
    let any = expr.as_ref() as &dyn std::any::Any;
    if let Some(cast) = any.downcast_ref::<CastExpr>() {
        let zone = |data_type: &DataType| match data_type {
            DataType::Timestamp(_, zone) => Some(zone.clone()),
            _ => None,
        };
        // Another zone would be another time.
        let from = zone(&cast.expr().data_type(filter.schema()).ok()?)?;
        let same = zone(cast.cast_type())? == from;
        return same.then(|| shifted(cast.expr(), filter, join)).flatten();
    }
    if let Some(column) = any.downcast_ref::<Column>() {
        let place = filter.column_indices().get(column.index())?;
        let plan = match place.side {
            JoinSide::Left => join.left(),
            JoinSide::Right => join.right(),
            JoinSide::None => return None,
        };
        let schema = plan.schema();
        let field = schema.fields().get(place.index)?;
        return is_rowtime(field).then_some(Shifted {
            side: place.side,
            column: place.index,
            shift: 0,
        });
    }
    let sum = any.downcast_ref::<BinaryExpr>()?;
    let (time, interval, sign) = match (sum.op(), interval(sum.left()), interval(sum.right())) {
        (Operator::Plus, None, Some(interval)) => (sum.left(), interval, 1),
        (Operator::Plus, Some(interval), None) => (sum.right(), interval, 1),
        (Operator::Minus, None, Some(interval)) => (sum.left(), interval, -1),
        _ => return None,
    };
    let found = shifted(time, filter, join)?;
    Some(Shifted {
        shift: found.shift.checked_add(interval.checked_mul(sign)?)?,
        ..found
    })
}

/// An interval of a fixed length, in milliseconds.
fn interval(expr: &Arc<dyn PhysicalExpr>) -> Option<i64> {
    const DAY: i64 = 24 * 60 * 60 * 1000;
    let any = expr.as_ref() as &dyn std::any::Any;
    match any.downcast_ref::<Literal>()?.value() {
        ScalarValue::IntervalMonthDayNano(Some(interval)) if interval.months == 0 => {
            let days = i64::from(interval.days).checked_mul(DAY)?;
            days.checked_add(interval.nanoseconds / 1_000_000)
        }
        ScalarValue::IntervalDayTime(Some(interval)) => {
            let days = i64::from(interval.days).checked_mul(DAY)?;
            days.checked_add(i64::from(interval.milliseconds))
        }
        ScalarValue::DurationMillisecond(length) => *length,
        _ => None,
    }
}
