//! The functions behind TUMBLE, HOP and CUMULATE: from a row's time to the ends of its windows, and
//! from an end to the window's bounds.
//!
//! A window is known by its end, in milliseconds since 1970. Times are floored to milliseconds.

use std::sync::Arc;

use chrono::{DateTime, TimeZone};
use datafusion::{
    arrow::{
        array::{
            Array, ArrayRef, AsArray, ListArray, PrimitiveArray, TimestampMillisecondArray,
            TimestampMillisecondBuilder, timezone::Tz,
        },
        buffer::OffsetBuffer,
        compute::{CastOptions, cast_with_options},
        datatypes::{
            ArrowTimestampType, DataType, Field, FieldRef, TimeUnit, TimestampMicrosecondType,
            TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType,
        },
    },
    common::{DataFusionError, Result, internal_err},
    logical_expr::{
        ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
    },
};

use super::{
    super::external,
    tags::{TimeAttribute, WindowEnd},
};
use crate::error::EngineError;

/// How rows are put into windows. All lengths in milliseconds, greater than 0.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Windows {
    Tumble {
        size: i64,
        offset: i64,
    },
    /// `size` is a multiple of `slide`.
    Hop {
        slide: i64,
        size: i64,
        offset: i64,
    },
    /// `size` is a multiple of `step`.
    Cumulate {
        step: i64,
        size: i64,
        offset: i64,
    },
}

/// The start of the interval of this length that holds `time`.
fn floor(time: i64, length: i64, offset: i64) -> i64 {
    time.wrapping_sub(time.wrapping_sub(offset).rem_euclid(length))
}

impl Windows {
    /// Calls `end` with the ends of the windows of `time`, in descending order.
    fn ends(&self, time: i64, mut end: impl FnMut(i64)) {
        match *self {
            Windows::Tumble { size, offset } => end(floor(time, size, offset).wrapping_add(size)),
            Windows::Hop {
                slide,
                size,
                offset,
            } => {
                let last = floor(time, slide, offset).wrapping_add(size);
                (0..size / slide).for_each(|back| end(last.wrapping_sub(back * slide)));
            }
            Windows::Cumulate { step, size, offset } => {
                let start = floor(time, size, offset);
                let first = (time.wrapping_sub(start) / step + 1) * step;
                let steps = (size - first) / step;
                (0..=steps).for_each(|back| end(start.wrapping_add(size - back * step)));
            }
        }
    }

    /// Windows of a row.
    pub(super) fn most(&self) -> i64 {
        match *self {
            Windows::Tumble { .. } => 1,
            Windows::Hop { slide, size, .. } => size / slide,
            Windows::Cumulate { step, size, .. } => size / step,
        }
    }

    fn start(&self, end: i64) -> i64 {
        match *self {
            Windows::Tumble { size, .. } | Windows::Hop { size, .. } => end.wrapping_sub(size),
            Windows::Cumulate { size, offset, .. } => floor(end.wrapping_sub(1), size, offset),
        }
    }
}

/// The times of a column, in milliseconds.
pub(crate) fn milliseconds(array: &dyn Array) -> Result<TimestampMillisecondArray> {
    fn scaled<T: ArrowTimestampType>(
        array: &dyn Array,
        scale: impl Fn(i64) -> i64,
    ) -> TimestampMillisecondArray {
        let times: &PrimitiveArray<T> = array.as_primitive();
        times.unary(scale)
    }
    match array.data_type() {
        DataType::Timestamp(TimeUnit::Second, _) => {
            Ok(scaled::<TimestampSecondType>(array, |time| {
                time.saturating_mul(1000)
            }))
        }
        DataType::Timestamp(TimeUnit::Millisecond, _) => {
            Ok(scaled::<TimestampMillisecondType>(array, |time| time))
        }
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            Ok(scaled::<TimestampMicrosecondType>(array, |time| {
                time.div_euclid(1000)
            }))
        }
        DataType::Timestamp(TimeUnit::Nanosecond, _) => {
            Ok(scaled::<TimestampNanosecondType>(array, |time| {
                time.div_euclid(1_000_000)
            }))
        }
        other => internal_err!("{other} is no time"),
    }
}

/// Says that some of the times of a column are NULL.
pub(super) fn without_time(column: &str, times: &TimestampMillisecondArray) -> DataFusionError {
    external(EngineError::Data {
        message: format!(
            "the time '{column}' is NULL in {} of {} rows of a batch, so they belong to no window",
            times.null_count(),
            times.len()
        ),
        hint: Some(format!("leave such rows out: WHERE `{column}` IS NOT NULL")),
    })
}

fn whole(argument: &ColumnarValue, rows: usize) -> Result<ArrayRef> {
    argument.clone().into_array(rows)
}

/// `window_ends(time)`: the ends of a row's windows, as a list where there may be several.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct WindowEnds {
    windows: Windows,
    /// The column of the times, for messages.
    column: String,
    signature: Signature,
}

impl WindowEnds {
    pub(super) fn new(windows: Windows, column: &str) -> Self {
        WindowEnds {
            windows,
            column: column.to_owned(),
            signature: Signature::any(1, Volatility::Immutable),
        }
    }
}

fn end_type() -> DataType {
    DataType::Timestamp(TimeUnit::Millisecond, None)
}

impl ScalarUDFImpl for WindowEnds {
    fn name(&self) -> &str {
        "window_ends"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(match self.windows.most() {
            1 => end_type(),
            _ => DataType::List(Arc::new(Field::new_list_field(end_type(), false))),
        })
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let data_type = self.return_type(&[])?;
        let _ = args;
        Ok(Arc::new(Field::new(self.name(), data_type, false)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [argument] = args.args.as_slice() else {
            return internal_err!("window_ends of {} arguments", args.args.len());
        };
        let times = milliseconds(&whole(argument, args.number_rows)?)?;
        if times.null_count() > 0 {
            return Err(without_time(&self.column, &times));
        }
        if self.windows.most() == 1 {
            let ends: TimestampMillisecondArray = times.unary(|time| {
                let mut only = time;
                self.windows.ends(time, |end| only = end);
                only
            });
            return Ok(ColumnarValue::Array(Arc::new(ends)));
        }
        let mut ends = TimestampMillisecondBuilder::new();
        let mut lengths = Vec::with_capacity(times.len());
        for time in times.values() {
            let mut length = 0;
            self.windows.ends(*time, |end| {
                ends.append_value(end);
                length += 1;
            });
            lengths.push(length);
        }
        let lists = ListArray::try_new(
            Arc::new(Field::new_list_field(end_type(), false)),
            OffsetBuffer::from_lengths(lengths),
            Arc::new(ends.finish()),
            None,
        )?;
        Ok(ColumnarValue::Array(Arc::new(lists)))
    }
}

/// A column that a window function adds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Bound {
    Start,
    End,
    /// The last millisecond that belongs to it: a time attribute.
    Time,
}

/// `window_start(end)`, `window_end(end)`, `window_time(end)`.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct WindowBound {
    bound: Bound,
    windows: Option<Windows>,
    end: WindowEnd,
    signature: Signature,
}

impl WindowBound {
    /// `windows` is what a start is computed from.
    pub(super) fn new(bound: Bound, windows: Option<Windows>, end: WindowEnd) -> Self {
        WindowBound {
            bound,
            windows,
            end,
            signature: Signature::any(1, Volatility::Immutable),
        }
    }
}

impl ScalarUDFImpl for WindowBound {
    fn name(&self) -> &str {
        match self.bound {
            Bound::Start => "window_start",
            Bound::End => "window_end",
            Bound::Time => "window_time",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(match (self.bound, &self.end.zone) {
            (Bound::Time, Some(zone)) => {
                DataType::Timestamp(TimeUnit::Millisecond, Some(zone.as_str().into()))
            }
            _ => end_type(),
        })
    }

    fn return_field_from_args(&self, _: ReturnFieldArgs) -> Result<FieldRef> {
        let field = Field::new(self.name(), self.return_type(&[])?, false);
        Ok(Arc::new(match self.bound {
            Bound::Start => field,
            Bound::End => field.with_metadata(self.end.metadata()),
            Bound::Time => match self.end.time {
                Some(TimeAttribute::Rowtime) => {
                    field.with_metadata(TimeAttribute::Rowtime.metadata().to_hashmap())
                }
                Some(_) => {
                    field.with_metadata(TimeAttribute::WindowProctime.metadata().to_hashmap())
                }
                None => field,
            },
        }))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [argument] = args.args.as_slice() else {
            return internal_err!("{} of {} arguments", self.name(), args.args.len());
        };
        let ends = whole(argument, args.number_rows)?;
        let ends: &TimestampMillisecondArray = ends.as_primitive();
        let bounds: TimestampMillisecondArray = match (self.bound, &self.windows) {
            (Bound::Start, Some(windows)) => ends.unary(|end| windows.start(end)),
            (Bound::Start, None) => return internal_err!("the start of unknown windows"),
            (Bound::End, _) => ends.clone(),
            (Bound::Time, _) => ends.unary(|end| end.wrapping_sub(1)),
        };
        let bounds: ArrayRef = match (self.bound, &self.end.zone) {
            (Bound::Time, Some(zone)) => {
                Arc::new(in_utc(&bounds, zone)?.with_timezone(zone.as_str()))
            }
            _ => Arc::new(bounds),
        };
        Ok(ColumnarValue::Array(bounds))
    }
}

/// Times of a zone's clocks as milliseconds since 1970 in UTC. Of the two moments at which clocks that are
/// put back show a time it is the second; a time that they skip is counted on from the one before.
pub(super) fn in_utc(
    local: &TimestampMillisecondArray,
    zone: &str,
) -> Result<TimestampMillisecondArray> {
    let zoned = DataType::Timestamp(TimeUnit::Millisecond, Some(zone.into()));
    let cast = cast_with_options(local, &zoned, &CastOptions::default())?;
    let cast: &TimestampMillisecondArray = cast.as_primitive();
    let zone: Tz = zone.parse()?;
    let utc = cast.iter().zip(local.iter()).map(|(utc, local)| {
        let local = local?;
        Some(utc.or_else(|| latest(local, &zone)).unwrap_or(local))
    });
    Ok(utc.collect())
}

fn latest(local: i64, zone: &Tz) -> Option<i64> {
    let shown = |local: i64| {
        let local = DateTime::from_timestamp_millis(local)?.naive_utc();
        let latest = zone.from_local_datetime(&local).latest()?;
        Some(latest.timestamp_millis())
    };
    shown(local).or_else(|| shown(local.checked_add(3_600_000)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(windows: &Windows, time: i64) -> Vec<(i64, i64)> {
        let mut found = Vec::new();
        windows.ends(time, |end| found.push((windows.start(end), end)));
        found
    }

    #[test]
    fn no_window_ends_before_its_last_row_when_clocks_are_set() {
        let at = |text: &str| {
            let time: DateTime<chrono::Utc> = text.parse().unwrap();
            time.timestamp_millis()
        };
        for (zone, local, utc) in [
            (
                "America/New_York",
                "2026-11-01T00:30:00Z",
                "2026-11-01T04:30:00Z",
            ),
            (
                "America/New_York",
                "2026-11-01T01:30:00Z",
                "2026-11-01T06:30:00Z",
            ),
            (
                "America/New_York",
                "2026-03-08T02:30:00Z",
                "2026-03-08T07:30:00Z",
            ),
            (
                "Europe/Berlin",
                "2026-10-25T02:30:00Z",
                "2026-10-25T01:30:00Z",
            ),
            (
                "Europe/Berlin",
                "2026-03-29T02:30:00Z",
                "2026-03-29T01:30:00Z",
            ),
        ] {
            let found = in_utc(&vec![at(local)].into(), zone).unwrap();
            assert_eq!(found.values(), &[at(utc)], "{zone} {local}");
        }
    }

    #[test]
    fn windows_hold_their_rows() {
        let tumble = Windows::Tumble {
            size: 10,
            offset: 0,
        };
        assert_eq!(of(&tumble, 0), [(0, 10)]);
        assert_eq!(of(&tumble, 9), [(0, 10)]);
        assert_eq!(of(&tumble, -1), [(-10, 0)]);
        let shifted = Windows::Tumble {
            size: 10,
            offset: 3,
        };
        assert_eq!(of(&shifted, 2), [(-7, 3)]);
        let hop = Windows::Hop {
            slide: 5,
            size: 10,
            offset: 0,
        };
        assert_eq!(of(&hop, 7), [(5, 15), (0, 10)]);
        assert_eq!(of(&hop, -1), [(-5, 5), (-10, 0)]);
        let cumulate = Windows::Cumulate {
            step: 5,
            size: 15,
            offset: 0,
        };
        assert_eq!(of(&cumulate, 0), [(0, 15), (0, 10), (0, 5)]);
        assert_eq!(of(&cumulate, 12), [(0, 15)]);
        assert_eq!(of(&cumulate, -1), [(-15, 0)]);
    }
}
