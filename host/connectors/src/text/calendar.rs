//! Reads and writes dates, times and timestamps of the proleptic Gregorian calendar.

use arrow::datatypes::TimeUnit;

use super::trim;

const DAY: i64 = 86_400;

/// How a time of day is spelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Clock {
    /// `2024-05-06 07:08:00.12`: as many digits of a second as there are. Flink's `SQL`.
    Sql,
    /// `2024-05-06T07:08:00.12`. Flink's `ISO-8601`.
    Iso,
    /// `2024-05-06T07:08` or `…:00.120`: Java's `LocalDateTime.toString`.
    Local,
    /// `2024-05-06T07:08:00`, `…:00.120`: Java's `Instant.toString` without its `Z`.
    Instant,
}

pub(crate) fn ticks_per_second(unit: TimeUnit) -> i64 {
    match unit {
        TimeUnit::Second => 1,
        TimeUnit::Millisecond => 1_000,
        TimeUnit::Microsecond => 1_000_000,
        TimeUnit::Nanosecond => 1_000_000_000,
    }
}

/// Days since 1970-01-01 of `YYYY-MM-DD`.
pub(crate) fn parse_date(text: &[u8]) -> Option<i32> {
    let (days, rest) = take_date(trim(text))?;
    (rest.is_empty())
        .then_some(days)
        .and_then(|days| days.try_into().ok())
}

/// Ticks since midnight of `HH:MM[:SS[.fraction]]`; digits finer than a tick are cut off.
pub(crate) fn parse_time(text: &[u8], unit: TimeUnit) -> Option<i64> {
    let (nanos, rest) = take_time(trim(text))?;
    (rest.is_empty()).then_some(nanos / (1_000_000_000 / ticks_per_second(unit)))
}

/// Ticks since 1970-01-01T00:00 of a date and a time with a space or a `T` between them. With `zoned`
/// the text must end in `Z` or an offset (`+02:00`), without it must not.
pub(crate) fn parse_timestamp(text: &[u8], unit: TimeUnit, zoned: bool) -> Option<i64> {
    let (days, rest) = take_date(trim(text))?;
    let rest = match rest {
        [b' ' | b'T', rest @ ..] => rest,
        _ => return None,
    };
    let (nanos, zone) = take_time(rest)?;
    let offset = match (zoned, zone) {
        (false, b"") | (true, b"Z") => 0,
        (true, zone) => take_offset(zone)?,
        _ => return None,
    };
    let seconds = days * DAY + nanos / 1_000_000_000 - offset;
    let ticks = ticks_per_second(unit);
    let fraction = nanos % 1_000_000_000 / (1_000_000_000 / ticks);
    seconds.checked_mul(ticks)?.checked_add(fraction)
}

fn take_number(text: &[u8], digits: usize) -> Option<(i64, &[u8])> {
    let (number, rest) = text.split_at_checked(digits)?;
    let mut value = 0;
    for digit in number {
        if !digit.is_ascii_digit() {
            return None;
        }
        value = value * 10 + i64::from(digit - b'0');
    }
    Some((value, rest))
}

fn take_date(text: &[u8]) -> Option<(i64, &[u8])> {
    let (year, rest) = take_number(text, 4)?;
    let (month, rest) = take_number(rest.strip_prefix(b"-")?, 2)?;
    let (day, rest) = take_number(rest.strip_prefix(b"-")?, 2)?;
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let last = match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    (1..=last)
        .contains(&day)
        .then(|| (days_from_civil(year, month, day), rest))
}

/// Nanoseconds since midnight.
fn take_time(text: &[u8]) -> Option<(i64, &[u8])> {
    let (hour, rest) = take_number(text, 2)?;
    let (minute, mut rest) = take_number(rest.strip_prefix(b":")?, 2)?;
    let (mut second, mut nanos) = (0, 0);
    if let Some(after) = rest.strip_prefix(b":") {
        (second, rest) = take_number(after, 2)?;
        if let Some(after) = rest.strip_prefix(b".") {
            let length = after
                .iter()
                .take_while(|byte| byte.is_ascii_digit())
                .count();
            if !(1..=9).contains(&length) {
                return None;
            }
            (nanos, rest) = take_number(after, length)?;
            nanos *= 10_i64.pow(9 - length as u32);
        }
    }
    let seconds = hour * 3600 + minute * 60 + second;
    (hour < 24 && minute < 60 && second < 60).then_some((seconds * 1_000_000_000 + nanos, rest))
}

/// Seconds east of Greenwich of `+HH:MM`, `-HHMM` or `+HH`.
fn take_offset(text: &[u8]) -> Option<i64> {
    let (sign, rest) = match text {
        [b'+', rest @ ..] => (1, rest),
        [b'-', rest @ ..] => (-1, rest),
        _ => return None,
    };
    let (hours, rest) = take_number(rest, 2)?;
    let (minutes, rest) = match rest {
        [] => (0, rest),
        rest => take_number(rest.strip_prefix(b":").unwrap_or(rest), 2)?,
    };
    (rest.is_empty() && hours <= 18 && minutes < 60).then_some(sign * (hours * 3600 + minutes * 60))
}

/// Howard Hinnant, “chrono-Compatible Low-Level Date Algorithms”, `days_from_civil`.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// Year, month and day; from the same page, `civil_from_days`.
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

fn two(out: &mut Vec<u8>, number: i64) {
    out.push(b'0' + (number / 10) as u8);
    out.push(b'0' + (number % 10) as u8);
}

/// `days` since 1970-01-01, as Java's `LocalDate.toString`.
pub(crate) fn write_date(out: &mut Vec<u8>, days: i64) {
    let (year, month, day) = civil_from_days(days);
    match year {
        0..=9999 => {
            two(out, year / 100);
            two(out, year % 100);
        }
        year if year < 0 => out.extend_from_slice(format!("-{:04}", -year).as_bytes()),
        year => out.extend_from_slice(format!("+{year}").as_bytes()),
    }
    out.push(b'-');
    two(out, month);
    out.push(b'-');
    two(out, day);
}

/// `nanos` since midnight.
pub(crate) fn write_time(out: &mut Vec<u8>, nanos: i64, clock: Clock) {
    let nanos = nanos.rem_euclid(DAY * 1_000_000_000);
    let seconds = nanos / 1_000_000_000;
    let fraction = nanos % 1_000_000_000;
    two(out, seconds / 3600);
    out.push(b':');
    two(out, seconds / 60 % 60);
    if clock == Clock::Local && seconds % 60 == 0 && fraction == 0 {
        return;
    }
    out.push(b':');
    two(out, seconds % 60);
    if fraction == 0 {
        return;
    }
    let digits = format!(".{fraction:09}");
    let needed = digits.trim_end_matches('0').len();
    let length = match clock {
        Clock::Sql | Clock::Iso => needed,
        Clock::Local | Clock::Instant => (needed - 1).div_ceil(3) * 3 + 1,
    };
    out.extend_from_slice(&digits.as_bytes()[..length]);
}

/// `ticks` since 1970-01-01T00:00.
pub(crate) fn write_timestamp(out: &mut Vec<u8>, ticks: i64, unit: TimeUnit, clock: Clock) {
    let rate = ticks_per_second(unit);
    let per_day = DAY * rate;
    write_date(out, ticks.div_euclid(per_day));
    out.push(if clock == Clock::Sql { b' ' } else { b'T' });
    let of_day = ticks.rem_euclid(per_day) * (1_000_000_000 / rate);
    write_time(out, of_day, clock);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timestamp(text: &str) -> Option<i64> {
        parse_timestamp(text.as_bytes(), TimeUnit::Millisecond, false)
    }

    fn written(ticks: i64, clock: Clock) -> String {
        let mut out = Vec::new();
        write_timestamp(&mut out, ticks, TimeUnit::Millisecond, clock);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn dates_agree_with_chrono() {
        let epoch = chrono::NaiveDate::from_ymd_opt(1970, 1, 1).unwrap();
        for days in (-719_000..2_900_000).step_by(17) {
            let date = epoch + chrono::TimeDelta::days(days);
            let mut out = Vec::new();
            write_date(&mut out, days);
            assert_eq!(String::from_utf8(out).unwrap(), date.to_string());
            assert_eq!(parse_date(date.to_string().as_bytes()), Some(days as i32));
        }
        for text in [
            "2023-02-29",
            "2023-13-01",
            "2023-00-01",
            "2023-1-1",
            "23-01-01",
            "",
        ] {
            assert_eq!(parse_date(text.as_bytes()), None, "{text}");
        }
        assert!(parse_date(b"2024-02-29").is_some());
    }

    #[test]
    fn timestamps_are_flinks() {
        assert_eq!(timestamp("1970-01-01 00:00:01.5"), Some(1500));
        assert_eq!(timestamp("1969-12-31T23:59:59.999999"), Some(-1));
        assert_eq!(timestamp("2024-01-01"), None);
        assert_eq!(timestamp("2024-01-01 25:00:00"), None);
        assert_eq!(timestamp("2024-01-01 00:00:00Z"), None);
        let instant = |text: &str| parse_timestamp(text.as_bytes(), TimeUnit::Second, true);
        assert_eq!(instant("1970-01-01 02:00:00+02:00"), Some(0));
        assert_eq!(instant("1970-01-01T00:00:07Z"), Some(7));
        assert_eq!(instant("1970-01-01T00:00:07"), None);
        let nanos = parse_timestamp(b"9999-01-01 00:00:00", TimeUnit::Nanosecond, false);
        assert_eq!(nanos, None);
        assert_eq!(written(1_500, Clock::Sql), "1970-01-01 00:00:01.5");
        assert_eq!(written(1_500, Clock::Local), "1970-01-01T00:00:01.500");
        assert_eq!(written(60_000, Clock::Local), "1970-01-01T00:01");
        assert_eq!(written(60_000, Clock::Instant), "1970-01-01T00:01:00");
        assert_eq!(written(-1, Clock::Iso), "1969-12-31T23:59:59.999");
        assert_eq!(
            written(i64::MAX, Clock::Sql),
            "+292278994-08-17 07:12:55.807"
        );
    }

    #[test]
    fn times_are_of_a_day() {
        let time = |text: &str| parse_time(text.as_bytes(), TimeUnit::Microsecond);
        assert_eq!(time("00:00:01"), Some(1_000_000));
        assert_eq!(time("23:59"), Some(86_340_000_000));
        assert_eq!(time("24:00:00"), None);
        assert_eq!(time("00:00:00."), None);
    }
}
