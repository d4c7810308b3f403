//! Reads short numbers of JSON without knowing where they end: most numbers of a stream are short.

use super::float::divisor;
use super::integer::Integer;
use super::{load8, spelled_by};

/// A number of up to eight characters with its sign.
struct Short {
    /// Without the point.
    digits: u32,
    /// Digits behind the point.
    fraction: usize,
    negative: bool,
    end: usize,
}

impl Short {
    /// The number at `at`; `None` if it is none by RFC 8259, section 6, if it is longer or has an
    /// exponent. What follows it is not judged.
    #[inline(always)]
    fn at(data: &[u8], at: usize) -> Option<Self> {
        let word = load8(data, at)?;
        // No branch: signs are hard to predict.
        let negative = word as u8 == b'-';
        let sign = usize::from(negative);
        let word = word >> (8 * sign);
        // The high bit of all bytes that are no digits; above the first two of them it may be wrong.
        let value = word ^ 0x3030_3030_3030_3030;
        let others = (value.wrapping_add(0x7676_7676_7676_7676) | value) & 0x8080_8080_8080_8080;
        let whole = others.trailing_zeros() as usize / 8;
        // A zero in front of other digits is none. One branch: whether there is a zero is hard to predict.
        if (whole == 0) | ((whole > 1) & (word as u8 == b'0')) {
            return None;
        }
        let (spelled, length, end) = match word.checked_shr(8 * whole as u32) {
            Some(rest) if rest as u8 == b'.' => {
                let others = others & (others - 1);
                let end = others.trailing_zeros() as usize / 8;
                if end == whole + 1 {
                    return None;
                }
                let before = word & !(u64::MAX << (8 * whole));
                let behind = (word >> 8) & (u64::MAX << (8 * whole));
                (before | behind, end - 1, end)
            }
            _ => (word, whole, whole),
        };
        let next = match sign + end {
            8 => data.get(at + 8).copied().unwrap_or_default(),
            _ => (word >> (8 * end)) as u8,
        };
        if let b'0'..=b'9' | b'.' | b'e' | b'E' = next {
            return None;
        }
        Some(Short {
            digits: spelled_by(spelled << (64 - 8 * length)),
            fraction: length - whole,
            negative,
            end: at + sign + end,
        })
    }
}

/// The number at `at` and where it ends; `None` if another way must be tried.
#[inline(always)]
pub(crate) fn short_f64(data: &[u8], at: usize) -> Option<(f64, usize)> {
    let short = Short::at(data, at)?;
    // Both operands are exact in f64, so the one rounding is the division's.
    let value = f64::from(short.digits) / divisor(short.fraction, short.negative);
    Some((value, short.end))
}

/// As [`short_f64`], rounded once to the nearest f32.
#[inline(always)]
pub(crate) fn short_f32(data: &[u8], at: usize) -> Option<(f32, usize)> {
    let short = Short::at(data, at)?;
    if short.digits >= 1 << 24 {
        return None;
    }
    let value = short.digits as f32 / divisor(short.fraction, short.negative) as f32;
    Some((value, short.end))
}

/// As [`short_f64`], for numbers without a point.
#[inline(always)]
pub(crate) fn short_integer<T: Integer>(data: &[u8], at: usize) -> Option<(T, usize)> {
    let short = Short::at(data, at)?;
    let value = i64::from(short.digits);
    let value = T::from_i64(if short.negative { -value } else { value })?;
    (short.fraction == 0).then_some((value, short.end))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Judged by serde_json: the longest part of the text that is a number.
    fn expected(text: &str) -> Option<(f64, usize)> {
        let ends = (1..=text.len()).rev();
        let mut numbers = ends.filter_map(|end| {
            let number: f64 = serde_json::from_str(text.get(..end)?).ok()?;
            // It reads over white space.
            (!text[..end].ends_with([' ', '\n'])).then_some((number, end))
        });
        numbers.next()
    }

    #[test]
    fn what_is_read_is_the_number_that_is_there() {
        const BYTES: &[u8] = b"0123456789019..--+eE, }\n\x7F";
        let (mut seed, mut read) = (1_u64, 0);
        for _ in 0..2_000_000 {
            let mut random = || {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (seed >> 33) as usize
            };
            let length = random() % 12 + 1;
            let text: Vec<_> = (0..length).map(|_| BYTES[random() % BYTES.len()]).collect();
            let shown = String::from_utf8(text.clone()).unwrap();
            let Some((value, end)) = short_f64(&text, 0) else {
                continue;
            };
            let (number, number_end) = expected(&shown).unwrap();
            assert_eq!(
                (value.to_bits(), end),
                (number.to_bits(), number_end),
                "{shown:?}"
            );
            if let Some((value, _)) = short_f32(&text, 0) {
                let number: f32 = shown[..end].parse().unwrap();
                assert_eq!(value.to_bits(), number.to_bits(), "{shown:?}");
            }
            let integer = short_integer::<i16>(&text, 0).map(|(value, _)| value);
            assert_eq!(integer, shown[..end].parse().ok(), "{shown:?}");
            read += 1;
        }
        assert!(read > 300_000, "{read}");
    }

    #[test]
    fn short_numbers_are_read() {
        for (text, value) in [
            ("0,", 0.0),
            ("-0 ", -0.0),
            ("1234567}", 1_234_567.0),
            ("-12.3456,", -12.3456),
            ("0.00001]", 0.000_01),
            ("0.123456,", 0.123_456),
            ("-0.12345}", -0.123_45),
            ("12345678", 12_345_678.0),
            ("7", 7.0),
        ] {
            let (read, end) = short_f64(text.as_bytes(), 0).unwrap();
            let value: f64 = value;
            assert_eq!(read.to_bits(), value.to_bits(), "{text}");
            assert_eq!(end, text.trim_end_matches([',', ' ', '}', ']']).len());
        }
        let longer = [
            "123456789",
            "-12345678",
            "1234567.5",
            "0.1234567",
            "1e5",
            "1.5E3",
        ];
        let none = ["", "-", "-,", "01", "1.", ".5", "1.5.", "x", "é"];
        for text in longer.iter().chain(&none) {
            assert!(short_f64(text.as_bytes(), 0).is_none(), "{text}");
        }
    }
}
