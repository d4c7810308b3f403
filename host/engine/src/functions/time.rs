//! Flink's functions of dates and times.

use std::sync::Arc;

use chrono::{DateTime, NaiveDateTime, Offset, TimeDelta, TimeZone, Timelike, Utc};
use datafusion::{
    arrow::{
        array::{
            Array, ArrayRef, AsArray, Date32Array, Time32SecondArray, TimestampMicrosecondArray,
            timezone::Tz,
        },
        compute::cast,
        datatypes::{
            DataType, Float64Type, Int32Type, Int64Type, TimeUnit, TimestampMicrosecondType,
            TimestampMillisecondType,
        },
    },
    common::{Result, exec_err, plan_err},
};

use super::{
    format::{Format, parse_usual},
    function::{Function, Parameter::*, ReadOnce, Rows, gives},
    units::{added, difference, field, floor, is_of_day, length},
};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("now", &[], gives::instant, now).volatile(),
    Function::new("current_timestamp", &[], gives::instant, now).volatile(),
    Function::new("current_row_timestamp", &[], gives::instant, now).volatile(),
    Function::new("localtimestamp", &[], gives::timestamp, |rows| {
        let now = local(Utc::now().naive_utc(), &zone(rows)?);
        rows.to_numbers::<TimestampMillisecondType>(|_| Ok(Some(now.and_utc().timestamp_millis())))
    })
    .volatile(),
    Function::new("current_date", &[], date, |rows| {
        let today = days(local(Utc::now().naive_utc(), &zone(rows)?));
        Ok(Arc::new(Date32Array::from(vec![today; rows.count])))
    })
    .volatile(),
    Function::new("current_time", &[], time_of_day, now_of_day).volatile(),
    Function::new("localtime", &[], time_of_day, now_of_day).volatile(),
    Function::new(
        "unix_timestamp",
        &[Text, Text],
        gives::bigint,
        unix_timestamp,
    )
    .required(0)
    .volatile(),
    Function::new("from_unixtime", &[Long, Text], gives::text, |rows| {
        let zone = zone(rows)?;
        let mut formats = ReadOnce::new(Format::new);
        rows.to_texts(|row| {
            let pattern = if rows.given() > 1 {
                rows.text(1, row)
            } else {
                USUAL
            };
            match DateTime::from_timestamp(rows.long(0, row), 0) {
                Some(time) => formats
                    .get(pattern)?
                    .show(local(time.naive_utc(), &zone))
                    .map(Some),
                None => Ok(None),
            }
        })
    })
    .required(1),
    Function::new("to_date", &[Text, Text], date, |rows| {
        let mut formats = ReadOnce::new(Format::new);
        let days = (0..rows.count).map(|row| match rows.is_null(row) {
            true => Ok(None),
            false => Ok(parsed(rows, row, &mut formats)?.map(days)),
        });
        Ok(Arc::new(days.collect::<Result<Date32Array>>()?))
    })
    .required(1),
    Function::new("to_timestamp", &[Text, Text], gives::timestamp, |rows| {
        let mut formats = ReadOnce::new(Format::new);
        rows.to_numbers::<TimestampMillisecondType>(|row| {
            let time = parsed(rows, row, &mut formats)?;
            Ok(time.map(|time| time.and_utc().timestamp_millis()))
        })
    })
    .required(1),
    Function::new(
        "to_timestamp_ltz",
        &[Any, Any, Text],
        gives::instant,
        to_timestamp_ltz,
    )
    .required(1),
    Function::new("date_format", &[Time, Text], gives::text, |rows| {
        let times = times(rows, 0)?;
        let mut formats = ReadOnce::new(Format::new);
        rows.to_texts(|row| match clock(&times, row) {
            Some(time) => formats.get(rows.text(1, row))?.show(time).map(Some),
            None => Ok(None),
        })
    }),
    Function::new("convert_tz", &[Text, Text, Text], gives::text, |rows| {
        let mut formats = ReadOnce::new(Format::new);
        rows.to_texts(|row| {
            let Some(time) = parse_usual(rows.text(0, row)) else {
                return Ok(None);
            };
            let instant = instant(time, &named(rows.text(1, row))?);
            let shown = local(instant, &named(rows.text(2, row))?);
            formats.get(USUAL)?.show(shown).map(Some)
        })
    }),
    Function::new("extract", &[Text, Time], gives::bigint, |rows| {
        let times = times(rows, 1)?;
        rows.to_numbers::<Int64Type>(|row| match clock(&times, row) {
            Some(time) => field(rows.text(0, row), time).map(Some),
            None => Ok(None),
        })
    }),
    Function::new("floor_to", &[Any, Text], a_time, |rows| {
        on_clock(rows, 0, |time, row| floor(rows.text(1, row), time))
    }),
    Function::new("ceil_to", &[Any, Text], a_time, |rows| {
        on_clock(rows, 0, |time, row| {
            let unit = rows.text(1, row);
            match floor(unit, time)? {
                Some(floor) if floor < time => added(unit, 1, floor),
                same => Ok(same),
            }
        })
    }),
    Function::new(
        "timestampadd",
        &[Text, Long, Any],
        |given, _| a_time(given.get(2..).unwrap_or_default(), None),
        |rows| {
            let add = |time, row| {
                let unit = rows.text(0, row);
                if rows.returns == DataType::Date32 && is_of_day(unit) {
                    return exec_err!(
                        "TIMESTAMPADD of {unit} to a DATE gives no DATE: CAST it AS TIMESTAMP(3)"
                    );
                }
                added(unit, rows.long(1, row), time)
            };
            match is_length(rows) && is_instant(&rows.returns) {
                true => on_times(rows, &in_utc(rows.array(2))?, None, add),
                false => on_clock(rows, 2, add),
            }
        },
    ),
    Function::new("timestampdiff", &[Text, Time, Time], gives::int, |rows| {
        let is_instant = |argument: usize| is_instant(rows.array(argument).data_type());
        let (from, to) = match is_length(rows) && is_instant(1) && is_instant(2) {
            true => (
                clocks(&in_utc(rows.array(1))?)?,
                clocks(&in_utc(rows.array(2))?)?,
            ),
            false => (times(rows, 1)?, times(rows, 2)?),
        };
        rows.to_numbers::<Int32Type>(|row| match (clock(&from, row), clock(&to, row)) {
            (Some(from), Some(to)) => {
                let difference = difference(rows.text(0, row), from, to)?;
                Ok(i32::try_from(difference).ok())
            }
            _ => Ok(None),
        })
    }),
];

const USUAL: &str = "yyyy-MM-dd HH:mm:ss";

fn date(_: &[DataType], _: Option<&str>) -> Result<DataType> {
    Ok(DataType::Date32)
}

fn time_of_day(_: &[DataType], _: Option<&str>) -> Result<DataType> {
    Ok(DataType::Time32(TimeUnit::Second))
}

/// The type of the first argument, which must be DATE or TIMESTAMP.
fn a_time(given: &[DataType], zone: Option<&str>) -> Result<DataType> {
    match given.first() {
        Some(DataType::Timestamp(..) | DataType::Date32) => gives::first(given, zone),
        Some(DataType::Null) => gives::timestamp(given, zone),
        _ => plan_err!("the argument must be a DATE or a TIMESTAMP"),
    }
}

/// `Europe/Berlin`, `+02:00`, `GMT+02:00`.
fn named(zone: &str) -> Result<Tz> {
    let name = match zone
        .strip_prefix("GMT")
        .or_else(|| zone.strip_prefix("UTC"))
    {
        Some(offset) if offset.starts_with(['+', '-']) => offset,
        _ => zone,
    };
    match name.parse() {
        Ok(zone) => Ok(zone),
        Err(_) => exec_err!("there is no time zone '{zone}'"),
    }
}

fn zone(rows: &Rows) -> Result<Tz> {
    named(rows.zone.as_deref().unwrap_or("UTC"))
}

/// What the clocks of a zone show at an instant.
fn local(instant: NaiveDateTime, zone: &Tz) -> NaiveDateTime {
    let offset = zone.offset_from_utc_datetime(&instant).fix();
    instant.checked_add_offset(offset).unwrap_or(instant)
}

/// When the clocks of a zone show this; what they skip counts from before.
fn instant(local: NaiveDateTime, zone: &Tz) -> NaiveDateTime {
    match zone.from_local_datetime(&local).earliest() {
        Some(found) => found.naive_utc(),
        None => {
            let before = local
                .checked_sub_signed(TimeDelta::days(1))
                .unwrap_or(local);
            let offset = zone.offset_from_utc_datetime(&before).fix();
            local.checked_sub_offset(offset).unwrap_or(local)
        }
    }
}

fn days(time: NaiveDateTime) -> i32 {
    time.date().to_epoch_days()
}

fn now(rows: &Rows) -> Result<ArrayRef> {
    let now = Utc::now().timestamp_millis();
    rows.to_numbers::<TimestampMillisecondType>(|_| Ok(Some(now)))
}

fn now_of_day(rows: &Rows) -> Result<ArrayRef> {
    let now = local(Utc::now().naive_utc(), &zone(rows)?);
    let seconds = i32::try_from(now.num_seconds_from_midnight()).unwrap_or(0);
    Ok(Arc::new(Time32SecondArray::from(vec![seconds; rows.count])))
}

fn unix_timestamp(rows: &Rows) -> Result<ArrayRef> {
    if rows.given() == 0 {
        let now = Utc::now().timestamp();
        return rows.to_numbers::<Int64Type>(|_| Ok(Some(now)));
    }
    let zone = zone(rows)?;
    let mut formats = ReadOnce::new(Format::new);
    rows.to_numbers::<Int64Type>(|row| {
        let pattern = if rows.given() > 1 {
            rows.text(1, row)
        } else {
            USUAL
        };
        let found = formats.get(pattern)?.parse_beginning(rows.text(0, row));
        Ok(Some(match found {
            Some((time, Some(offset))) => time.and_utc().timestamp() - i64::from(offset),
            Some((time, None)) => match zone.from_local_datetime(&time).latest() {
                // Of an hour that comes twice, the second.
                Some(found) => found.timestamp(),
                None => instant(time, &zone).and_utc().timestamp(),
            },
            // Flink's answer to what is no time.
            None => i64::MIN,
        }))
    })
}

/// The time of the first argument, as the second says.
fn parsed(
    rows: &Rows,
    row: usize,
    formats: &mut ReadOnce<Format>,
) -> Result<Option<NaiveDateTime>> {
    let text = rows.text(0, row);
    if rows.given() < 2 {
        return Ok(parse_usual(text));
    }
    let format = formats.get(rows.text(1, row))?;
    Ok(format.parse(text).or_else(|| parse_usual(text)))
}

fn to_timestamp_ltz(rows: &Rows) -> Result<ArrayRef> {
    let array = rows.array(0);
    if *array.data_type() == DataType::Utf8 {
        if rows.given() > 1 && *rows.array(1).data_type() != DataType::Utf8 {
            return exec_err!("TO_TIMESTAMP_LTZ of a text takes its pattern, no precision");
        }
        let mut formats = ReadOnce::new(Format::new);
        let utc = named("UTC")?;
        return rows.to_numbers::<TimestampMillisecondType>(|row| {
            let zone = match rows.given() {
                3 => named(rows.text(2, row))?,
                _ => utc,
            };
            let time = parsed(rows, row, &mut formats)?;
            Ok(time.map(|time| instant(time, &zone).and_utc().timestamp_millis()))
        });
    }
    let numbers = match array.data_type() {
        kind if kind.is_numeric() || *kind == DataType::Null => cast(array, &DataType::Float64)?,
        _ => return exec_err!("TO_TIMESTAMP_LTZ takes a number or a text"),
    };
    let whole = cast(array, &DataType::Int64)?;
    let is_whole = array.data_type().is_integer();
    let precisions = match rows.given() {
        1 => None,
        _ => Some(cast(rows.array(1), &DataType::Int64)?),
    };
    rows.to_numbers::<TimestampMillisecondType>(|row| {
        let precision = precisions.as_ref();
        let precision = precision.map_or(3, |found| found.as_primitive::<Int64Type>().value(row));
        let factor = match precision {
            0 => 1000,
            3 => 1,
            other => {
                return exec_err!(
                    "the precision of TO_TIMESTAMP_LTZ is 0 (seconds) or 3 (milliseconds), not {other}"
                );
            }
        };
        Ok(match is_whole {
            true => whole.as_primitive::<Int64Type>().value(row).checked_mul(factor),
            false => {
                let number = numbers.as_primitive::<Float64Type>().value(row);
                Some((number * factor as f64) as i64)
            }
        })
    })
}

/// What the clocks of the session's time zone show at the times of an argument.
fn times(rows: &Rows, argument: usize) -> Result<TimestampMicrosecondArray> {
    clocks(rows.array(argument))
}

fn clocks(array: &ArrayRef) -> Result<TimestampMicrosecondArray> {
    match array.data_type() {
        DataType::Utf8 => {
            let times = array.as_string::<i32>().iter().map(|text| {
                text.and_then(parse_usual)
                    .map(|time| time.and_utc().timestamp_micros())
            });
            Ok(times.collect())
        }
        DataType::Timestamp(_, Some(zone)) => {
            let zone = named(zone)?;
            let instants = cast(
                array,
                &DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            )?;
            let instants = instants.as_primitive::<TimestampMicrosecondType>();
            Ok(instants.unary_opt(|instant| {
                let instant = DateTime::from_timestamp_micros(instant)?;
                Some(
                    local(instant.naive_utc(), &zone)
                        .and_utc()
                        .timestamp_micros(),
                )
            }))
        }
        DataType::Time32(_) | DataType::Time64(_) => {
            let times = cast(array, &DataType::Time64(TimeUnit::Microsecond))?;
            let times = cast(&times, &DataType::Int64)?;
            Ok(times.as_primitive::<Int64Type>().reinterpret_cast())
        }
        _ => {
            let times = cast(array, &DataType::Timestamp(TimeUnit::Microsecond, None))?;
            Ok(times.as_primitive().clone())
        }
    }
}

fn clock(times: &TimestampMicrosecondArray, row: usize) -> Option<NaiveDateTime> {
    let time = times.is_valid(row).then(|| times.value(row))?;
    Some(DateTime::from_timestamp_micros(time)?.naive_utc())
}

fn is_instant(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Timestamp(_, Some(_)))
}

fn in_utc(instants: &ArrayRef) -> Result<ArrayRef> {
    let utc = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    Ok(cast(instants, &utc)?)
}

/// Whether the unit in the first argument is always as long: a day is 24 hours, whatever the clocks of
/// a zone do.
fn is_length(rows: &Rows) -> bool {
    rows.count > 0 && !rows.texts(0).is_null(0) && length(rows.text(0, 0)).is_some()
}

/// Applies a function to what clocks show; the result is of the argument's type.
fn on_clock(
    rows: &Rows,
    argument: usize,
    function: impl Fn(NaiveDateTime, usize) -> Result<Option<NaiveDateTime>>,
) -> Result<ArrayRef> {
    let zone = match &rows.returns {
        DataType::Timestamp(_, Some(zone)) => Some(named(zone)?),
        _ => None,
    };
    on_times(rows, rows.array(argument), zone, function)
}

/// Applies a function to these times as clocks show them; the zone is that of the clocks, where the
/// results are instants.
fn on_times(
    rows: &Rows,
    times: &ArrayRef,
    zone: Option<Tz>,
    function: impl Fn(NaiveDateTime, usize) -> Result<Option<NaiveDateTime>>,
) -> Result<ArrayRef> {
    let times = clocks(times)?;
    let results = (0..rows.count).map(|row| {
        let Some(time) = clock(&times, row).filter(|_| !rows.is_null(row)) else {
            return Ok(None);
        };
        let result = function(time, row)?;
        Ok(result.map(|time| {
            let time = zone.as_ref().map_or(time, |zone| instant(time, zone));
            time.and_utc().timestamp_micros()
        }))
    });
    let results = results.collect::<Result<TimestampMicrosecondArray>>()?;
    let results = match &rows.returns {
        DataType::Timestamp(_, Some(zone)) => results.with_timezone(Arc::clone(zone)),
        _ => results,
    };
    Ok(cast(&results, &rows.returns)?)
}
