//! Units of time, on what clocks show.

use chrono::{DateTime, Datelike, Days, Months, NaiveDate, NaiveDateTime, TimeDelta, Timelike};
use datafusion::common::{Result, exec_err};

fn unknown<T>(unit: &str) -> Result<T> {
    exec_err!(
        "there is no unit of time {unit} here; there are YEAR, QUARTER, MONTH, WEEK, DAY, HOUR, \
         MINUTE, SECOND"
    )
}

/// Whether a DATE can have no such part.
pub(super) fn is_of_day(unit: &str) -> bool {
    matches!(
        unit,
        "HOUR" | "MINUTE" | "SECOND" | "MILLISECOND" | "MICROSECOND"
    )
}

/// `EXTRACT`. Sunday is the first day of a week.
pub(super) fn field(unit: &str, time: NaiveDateTime) -> Result<i64> {
    let week = time.iso_week();
    Ok(match unit {
        "YEAR" => i64::from(time.year()),
        "QUARTER" => i64::from(time.quarter()),
        "MONTH" => i64::from(time.month()),
        "WEEK" => i64::from(week.week()),
        "DAY" => i64::from(time.day()),
        "DOY" => i64::from(time.ordinal()),
        "DOW" => i64::from(time.weekday().number_from_sunday()),
        "ISODOW" => i64::from(time.weekday().number_from_monday()),
        "ISOYEAR" => i64::from(week.year()),
        "DECADE" => i64::from(time.year().div_euclid(10)),
        "CENTURY" => i64::from(-(-time.year()).div_euclid(100)),
        "MILLENNIUM" => i64::from(-(-time.year()).div_euclid(1000)),
        "HOUR" => i64::from(time.hour()),
        "MINUTE" => i64::from(time.minute()),
        "SECOND" => i64::from(time.second()),
        "MILLISECOND" => i64::from(time.and_utc().timestamp_subsec_millis()),
        "MICROSECOND" => i64::from(time.and_utc().timestamp_subsec_micros()),
        "NANOSECOND" => i64::from(time.and_utc().timestamp_subsec_nanos()),
        "EPOCH" => time.and_utc().timestamp(),
        other => return unknown(other),
    })
}

pub(super) fn floor(unit: &str, time: NaiveDateTime) -> Result<Option<NaiveDateTime>> {
    let first = |month| NaiveDate::from_ymd_opt(time.year(), month, 1);
    let date = match unit {
        "YEAR" => first(1),
        "QUARTER" => first((time.month() - 1) / 3 * 3 + 1),
        "MONTH" => first(time.month()),
        "WEEK" => {
            let back = u64::from(time.weekday().num_days_from_sunday());
            time.date().checked_sub_days(Days::new(back))
        }
        "DAY" => Some(time.date()),
        _ => None,
    };
    if let Some(date) = date {
        return Ok(date.and_hms_opt(0, 0, 0));
    }
    let unit = match length(unit) {
        Some(length) => length,
        None => return unknown(unit),
    };
    let since = time.and_utc().timestamp_micros();
    let floor = DateTime::from_timestamp_micros(since - since.rem_euclid(unit));
    Ok(floor.map(|floor| floor.naive_utc()))
}

/// In microseconds.
pub(super) fn length(unit: &str) -> Option<i64> {
    Some(match unit {
        "WEEK" => 7 * 86_400_000_000,
        "DAY" => 86_400_000_000,
        "HOUR" => 3_600_000_000,
        "MINUTE" => 60_000_000,
        "SECOND" => 1_000_000,
        "MILLISECOND" => 1_000,
        "MICROSECOND" => 1,
        _ => return None,
    })
}

fn months(unit: &str) -> Option<i64> {
    Some(match unit {
        "YEAR" => 12,
        "QUARTER" => 3,
        "MONTH" => 1,
        _ => return None,
    })
}

/// NULL where no calendar reaches.
pub(super) fn added(unit: &str, count: i64, time: NaiveDateTime) -> Result<Option<NaiveDateTime>> {
    if let Some(months) = months(unit) {
        return Ok(count
            .checked_mul(months)
            .and_then(|months| in_months(time, months)));
    }
    let Some(length) = length(unit) else {
        return unknown(unit);
    };
    let micros = count.checked_mul(length).map(TimeDelta::microseconds);
    Ok(micros.and_then(|micros| time.checked_add_signed(micros)))
}

fn in_months(time: NaiveDateTime, months: i64) -> Option<NaiveDateTime> {
    let count = Months::new(u32::try_from(months.unsigned_abs()).ok()?);
    match months < 0 {
        true => time.checked_sub_months(count),
        false => time.checked_add_months(count),
    }
}

/// Whole units from one time to the other.
pub(super) fn difference(unit: &str, from: NaiveDateTime, to: NaiveDateTime) -> Result<i64> {
    if let Some(unit) = months(unit) {
        let years = i64::from(to.year()) - i64::from(from.year());
        let months = years * 12 + i64::from(to.month()) - i64::from(from.month());
        let reached = in_months(from, months).unwrap_or(to);
        let whole = match months {
            1.. if reached > to => months - 1,
            ..=-1 if reached < to => months + 1,
            _ => months,
        };
        return Ok(whole / unit);
    }
    let Some(length) = length(unit) else {
        return unknown(unit);
    };
    let (from, to) = (
        from.and_utc().timestamp_micros(),
        to.and_utc().timestamp_micros(),
    );
    Ok(to.saturating_sub(from) / length)
}
