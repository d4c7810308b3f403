//! Reads whole numbers.

use super::{eight_digits, load8, right_aligned, trim};

/// An integer type that text can be read as.
pub(crate) trait Integer: Copy {
    fn from_i64(value: i64) -> Option<Self>;
}

macro_rules! integers {
    ($($type:ty),*) => { $(
        impl Integer for $type {
            #[inline(always)]
            fn from_i64(value: i64) -> Option<Self> {
                value.try_into().ok()
            }
        }
    )* };
}
integers!(i8, i16, i32, i64);

/// The integer in `data[start..end]`, as Java's `parseInt` after `trim`; `None` if it is none or does
/// not fit. Reads up to eight bytes past `end` where `data` has them.
#[inline]
pub(crate) fn parse_integer<T: Integer>(data: &[u8], start: usize, end: usize) -> Option<T> {
    let negative = start < end && data[start] == b'-';
    let first = start + usize::from(negative);
    let length = end.wrapping_sub(first);
    if (1..=8).contains(&length)
        && let Some(word) = load8(data, first)
        && let Some(digits) = eight_digits(right_aligned(word, length))
    {
        let value = i64::from(digits);
        return T::from_i64(if negative { -value } else { value });
    }
    slow(trim(&data[start..end])).and_then(T::from_i64)
}

fn slow(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    if digits.is_empty() {
        return None;
    }
    let mut value = 0_i64;
    for &digit in digits {
        if !digit.is_ascii_digit() {
            return None;
        }
        let digit = i64::from(digit - b'0');
        value = value.checked_mul(10)?;
        value = match negative {
            true => value.checked_sub(digit)?,
            false => value.checked_add(digit)?,
        };
    }
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse<T: Integer>(text: &str) -> Option<T> {
        let padded = format!("{text}\t99999999");
        let fast = parse_integer::<T>(padded.as_bytes(), 0, text.len());
        let _ = parse_integer::<T>(text.as_bytes(), 0, text.len());
        fast
    }

    #[test]
    fn reads_what_java_reads() {
        assert_eq!(parse::<i32>("0"), Some(0));
        assert_eq!(parse::<i32>("-2147483648"), Some(i32::MIN));
        assert_eq!(parse::<i32>("2147483648"), None);
        assert_eq!(parse::<i32>(" +17 "), Some(17));
        assert_eq!(parse::<i64>("-9223372036854775808"), Some(i64::MIN));
        assert_eq!(parse::<i64>("9223372036854775808"), None);
        assert_eq!(parse::<i8>("-128"), Some(-128));
        assert_eq!(parse::<i8>("128"), None);
        for text in ["", "-", "+", "1.0", "abc", "1 2", "--1", "1e3", "12345678x"] {
            assert_eq!(parse::<i64>(text), None, "{text}");
        }
    }

    #[test]
    fn agrees_with_rusts_parser() {
        let mut value = 1_i64;
        for step in 0..100_000_i64 {
            value = value
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(step);
            let value = value >> (step % 64);
            assert_eq!(parse::<i64>(&value.to_string()), Some(value));
        }
    }
}
