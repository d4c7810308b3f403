//! Java's patterns of dates and times (`yyyy-MM-dd HH:mm`), by way of chrono's.

use std::fmt::Write;

use chrono::{
    NaiveDateTime,
    format::{Item, Numeric, Pad, Parsed, StrftimeItems, parse, parse_and_remainder},
};
use datafusion::common::{Result, exec_err};

/// A pattern that was read.
pub(super) struct Format {
    items: Vec<Item<'static>>,
    /// Whether every number has as many digits as its pattern has letters.
    fixed: bool,
}

impl Format {
    pub(super) fn new(pattern: &str) -> Result<Self> {
        let mut format = Format {
            items: Vec::new(),
            fixed: true,
        };
        let mut rest = pattern.chars().peekable();
        while let Some(letter) = rest.next() {
            let mut literal = String::new();
            match letter {
                '\'' => {
                    // Two quotes are one, inside of quotes and outside.
                    loop {
                        match rest.next() {
                            Some('\'') if rest.next_if_eq(&'\'').is_some() => literal.push('\''),
                            Some('\'') => break,
                            Some(other) => literal.push(other),
                            None => return wrong(pattern, "a quote is not closed"),
                        }
                    }
                    if literal.is_empty() {
                        literal.push('\'');
                    }
                }
                'a'..='z' | 'A'..='Z' => {
                    let mut count = 1;
                    while rest.next_if_eq(&letter).is_some() {
                        count += 1;
                    }
                    format.push(letter, count, pattern)?;
                    continue;
                }
                other => literal.push(other),
            }
            format.items.push(Item::OwnedLiteral(literal.into()));
        }
        Ok(format)
    }

    fn push(&mut self, letter: char, count: usize, pattern: &str) -> Result<()> {
        let pad = if count > 1 { Pad::Zero } else { Pad::None };
        let numeric = match (letter, count) {
            ('y' | 'u', 2) => Some(Numeric::YearMod100),
            ('y' | 'u', _) => Some(Numeric::Year),
            ('M' | 'L', 1 | 2) => Some(Numeric::Month),
            ('d', 1 | 2) => Some(Numeric::Day),
            ('D', 1..=3) => Some(Numeric::Ordinal),
            ('H', 1 | 2) => Some(Numeric::Hour),
            ('h', 1 | 2) => Some(Numeric::Hour12),
            ('m', 1 | 2) => Some(Numeric::Minute),
            ('s', 1 | 2) => Some(Numeric::Second),
            _ => None,
        };
        if let Some(numeric) = numeric {
            self.fixed &= count > 1;
            self.items.push(Item::Numeric(numeric, pad));
            return Ok(());
        }
        let items = match (letter, count) {
            ('M' | 'L', 3) => "%b",
            ('M' | 'L', 4) => "%B",
            ('E', 1..=3) => "%a",
            ('E', 4) => "%A",
            ('a', 1) => "%p",
            ('S', 3) => "%3f",
            ('S', 6) => "%6f",
            ('S', 9) => "%9f",
            ('X', 1 | 2) => "%#z",
            ('X', 3) => "%:z",
            ('Z', 1..=3) => "%z",
            _ => {
                let letters = letter.to_string().repeat(count);
                return wrong(pattern, &format!("'{letters}' is not supported"));
            }
        };
        self.fixed &= !matches!(letter, 'X' | 'Z');
        self.items.extend(StrftimeItems::new(items));
        Ok(())
    }

    /// The time as the pattern says; an error where it asks for a time zone.
    pub(super) fn show(&self, time: NaiveDateTime) -> Result<String> {
        let mut text = String::new();
        match write!(text, "{}", time.format_with_items(self.items.iter())) {
            Ok(()) => Ok(text),
            Err(_) => exec_err!("the pattern shows a time zone, which the time does not have"),
        }
    }

    /// The time of a text that is all as the pattern says. What it does not name is that of
    /// 1970-01-01 00:00:00.
    pub(super) fn parse(&self, text: &str) -> Option<NaiveDateTime> {
        let mut parsed = Parsed::new();
        parse(&mut parsed, text, self.items.iter()).ok()?;
        let time = time_of(parsed)?;
        (!self.fixed || self.show(time).ok()? == text).then_some(time)
    }

    /// The time, and its distance from UTC in seconds if the text has one; more may follow.
    pub(super) fn parse_beginning(&self, text: &str) -> Option<(NaiveDateTime, Option<i32>)> {
        let mut parsed = Parsed::new();
        parse_and_remainder(&mut parsed, text, self.items.iter()).ok()?;
        let offset = parsed.offset();
        Some((time_of(parsed)?, offset))
    }
}

fn time_of(mut parsed: Parsed) -> Option<NaiveDateTime> {
    if parsed.second() == Some(60) {
        return None;
    }
    if parsed.year().is_none() && parsed.year_mod_100().is_none() {
        parsed.set_year(1970).ok()?;
    }
    if parsed.ordinal().is_none() {
        if parsed.month().is_none() {
            parsed.set_month(1).ok()?;
        }
        if parsed.day().is_none() {
            parsed.set_day(1).ok()?;
        }
    }
    if parsed.hour_mod_12().is_none() {
        parsed.set_hour(0).ok()?;
    }
    if parsed.minute().is_none() {
        parsed.set_minute(0).ok()?;
    }
    if parsed.second().is_none() {
        parsed.set_second(0).ok()?;
    }
    Some(
        parsed
            .to_naive_date()
            .ok()?
            .and_time(parsed.to_naive_time().ok()?),
    )
}

fn wrong<T>(pattern: &str, why: &str) -> Result<T> {
    exec_err!("the pattern '{pattern}' of a date cannot be used: {why}")
}

/// `2024-02-29` and `2024-02-29 12:34:56[.789]`; months, days and the rest may have one digit.
pub(super) fn parse_usual(text: &str) -> Option<NaiveDateTime> {
    if !text.starts_with(|first: char| first.is_ascii_digit()) {
        return None;
    }
    let format = match text.contains(' ') {
        true => "%Y-%m-%d %H:%M:%S%.f",
        false => "%Y-%m-%d",
    };
    let mut parsed = Parsed::new();
    parse(&mut parsed, text, StrftimeItems::new(format)).ok()?;
    time_of(parsed)
}
