//! Reads and writes floating-point numbers, correctly rounded and shortest.

use super::{eight_digits, load8, right_aligned, trim};

/// What `digits` has to be divided by: a power of ten, negative for a negative number. So the sign costs
/// nothing, also that of a zero.
#[inline(always)]
pub(super) fn divisor(fraction: usize, negative: bool) -> f64 {
    const DIVISORS: [f64; 16] = [
        1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, -1e0, -1e1, -1e2, -1e3, -1e4, -1e5, -1e6, -1e7,
    ];
    DIVISORS[(fraction & 7) | (usize::from(negative) << 3)]
}

/// The number in `data[start..end]`; `None` if it is none. `NaN` and `Infinity` are numbers. Reads up
/// to eight bytes past `end` where `data` has them.
#[inline(always)]
pub(crate) fn parse_f64(data: &[u8], start: usize, end: usize) -> Option<f64> {
    match short_decimal(data, start, end) {
        // Both operands are exact in f64, so the one rounding is the division's.
        Some((digits, fraction, negative)) => Some(f64::from(digits) / divisor(fraction, negative)),
        None => slow(&data[start..end], |text| fast_float2::parse(text).ok()),
    }
}

/// As [`parse_f64`], rounded once to the nearest f32.
#[inline(always)]
pub(crate) fn parse_f32(data: &[u8], start: usize, end: usize) -> Option<f32> {
    match short_decimal(data, start, end) {
        Some((digits, fraction, negative)) if digits < 1 << 24 => {
            Some(digits as f32 / divisor(fraction, negative) as f32)
        }
        _ => slow(&data[start..end], |text| fast_float2::parse(text).ok()),
    }
}

/// Digits, number of them behind the point, and whether it is negative, of a number of up to eight
/// characters.
#[inline(always)]
fn short_decimal(data: &[u8], start: usize, end: usize) -> Option<(u32, usize, bool)> {
    let word = load8(data, start)?;
    // No branch: signs are hard to predict.
    let negative = word as u8 == b'-';
    let sign = usize::from(negative);
    let length = end.wrapping_sub(start).wrapping_sub(sign);
    if !(1..=8 - sign).contains(&length) {
        return None;
    }
    let word = word >> (8 * sign);
    let word = right_aligned(word, length);
    // The lowest byte that is a point gets its high bit set (bits above it may be wrong).
    let differing = word ^ 0x2E2E_2E2E_2E2E_2E2E;
    let points = differing.wrapping_sub(0x0101_0101_0101_0101) & !differing & 0x8080_8080_8080_8080;
    if points == 0 {
        return Some((eight_digits(word)?, 0, negative));
    }
    if length == 1 {
        return None;
    }
    let at = points.trailing_zeros() & !7;
    let before = word & !(u64::MAX << at);
    let after = word & !(u64::MAX >> (56 - at)) & (u64::MAX << at);
    let digits = eight_digits((before << 8) | after | 0x30)?;
    Some((digits, 7 - (at / 8) as usize, negative))
}

#[cold]
#[inline(never)]
fn slow<T: From<f32> + std::ops::Neg<Output = T>>(
    text: &[u8],
    parse: impl Fn(&[u8]) -> Option<T>,
) -> Option<T> {
    let text = trim(text);
    let unsigned = text.strip_prefix(b"+").unwrap_or(text);
    if text.len() - unsigned.len() == 1 && matches!(unsigned.first(), Some(b'+' | b'-')) {
        return None;
    }
    parse(unsigned)
}

/// Writes as Java's `Double.toString`: plain from 0.001 up to 10⁷, else `d.dddE±x`; shortest digits.
pub(crate) fn write_f64(out: &mut Vec<u8>, value: f64) {
    match value.is_finite() {
        true => shortest(out, zmij::Buffer::new().format_finite(value), value.abs()),
        false => not_finite(out, value),
    }
}

/// As [`write_f64`], with the digits that tell an f32 from its neighbours.
pub(crate) fn write_f32(out: &mut Vec<u8>, value: f32) {
    match value.is_finite() {
        true => shortest(
            out,
            zmij::Buffer::new().format_finite(value),
            f64::from(value.abs()),
        ),
        false => not_finite(out, value.into()),
    }
}

/// The text of a DOUBLE, as Java's `Double.toString` gives it.
pub fn double_text(value: f64) -> String {
    text(|out| write_f64(out, value))
}

/// The text of a FLOAT, as Java's `Float.toString` gives it.
pub fn float_text(value: f32) -> String {
    text(|out| write_f32(out, value))
}

fn text(write: impl Fn(&mut Vec<u8>)) -> String {
    let mut out = Vec::new();
    write(&mut out);
    String::from_utf8(out).unwrap_or_default()
}

fn not_finite(out: &mut Vec<u8>, value: f64) {
    out.extend_from_slice(match value {
        value if value.is_nan() => b"NaN",
        value if value > 0.0 => b"Infinity",
        _ => b"-Infinity",
    });
}

/// `text` is Rust's spelling of the number; `value` its magnitude.
fn shortest(out: &mut Vec<u8>, text: &str, value: f64) {
    if value == 0.0 || ((1e-3..1e7).contains(&value) && !text.contains('e')) {
        out.extend_from_slice(text.as_bytes());
        return;
    }
    let (number, exponent) = text.split_once('e').unwrap_or((text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    let (sign, number) = match number.strip_prefix('-') {
        Some(number) => ("-", number),
        None => ("", number),
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let all = [whole, fraction].concat();
    let leading = all.len() - all.trim_start_matches('0').len();
    let mut digits = all.trim_matches('0').to_owned();
    let exponent = exponent + whole.len() as i32 - 1 - leading as i32;
    out.extend_from_slice(sign.as_bytes());
    if (1e-3..1e7).contains(&value) {
        plain(out, &digits, exponent);
        return;
    }
    let mut exponent = exponent;
    // Java takes the nearest number of two digits where one digit would do; it differs among the
    // smallest only.
    if digits.len() == 1 && value < 1e-300 {
        let two = format!("{value:.1e}");
        if let Some((number, power)) = two.split_once('e')
            && two.parse() == Ok(value)
        {
            digits = number.replace('.', "");
            exponent = power.parse().unwrap_or(exponent);
        }
    }
    let (first, rest) = digits.split_at(digits.len().min(1));
    let rest = rest.trim_end_matches('0');
    out.extend_from_slice(first.as_bytes());
    out.push(b'.');
    out.extend_from_slice(if rest.is_empty() { "0" } else { rest }.as_bytes());
    out.push(b'E');
    out.extend_from_slice(itoa::Buffer::new().format(exponent).as_bytes());
}

/// `digits` with the point behind the digit number `exponent` (from 0).
fn plain(out: &mut Vec<u8>, digits: &str, exponent: i32) {
    let before = usize::try_from(exponent + 1).unwrap_or(0);
    match before {
        0 => {
            out.extend_from_slice(b"0.");
            out.resize(out.len() + (-1 - exponent) as usize, b'0');
            out.extend_from_slice(digits.as_bytes());
        }
        before if before >= digits.len() => {
            out.extend_from_slice(digits.as_bytes());
            out.resize(out.len() + before - digits.len(), b'0');
            out.extend_from_slice(b".0");
        }
        before => {
            out.extend_from_slice(&digits.as_bytes()[..before]);
            out.push(b'.');
            out.extend_from_slice(&digits.as_bytes()[before..]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Option<f64> {
        let padded = format!("{text}\t1.5-9999");
        let value = parse_f64(padded.as_bytes(), 0, text.len());
        let bare = parse_f64(text.as_bytes(), 0, text.len());
        assert_eq!(value.map(f64::to_bits), bare.map(f64::to_bits), "{text}");
        value
    }

    fn written(value: f64) -> String {
        let mut out = Vec::new();
        write_f64(&mut out, value);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn every_short_decimal_agrees_with_rusts_parser() {
        for digits in 0..=9_999_u32 {
            for point in 0..=4 {
                for sign in ["", "-"] {
                    let mut text = format!("{digits:04}");
                    text.insert(point, '.');
                    let text = format!("{sign}{text}");
                    let expected: f64 = text.parse().unwrap();
                    assert_eq!(
                        parse(&text).unwrap().to_bits(),
                        expected.to_bits(),
                        "{text}"
                    );
                }
            }
        }
        let mut seed = 1_u64;
        for _ in 0..200_000 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let digits = (seed >> 33) % 10_u64.pow((seed >> 20) as u32 % 9 + 1);
            let scale = ((seed >> 10) % 10) as i32;
            let text = format!("{:.*}", scale as usize, digits as f64 / 10_f64.powi(scale));
            let expected: f64 = text.parse().unwrap();
            assert_eq!(
                parse(&text).unwrap().to_bits(),
                expected.to_bits(),
                "{text}"
            );
            let value = f64::from_bits(seed ^ (seed << 17));
            if value.is_finite() {
                assert_eq!(
                    parse(&value.to_string()).unwrap().to_bits(),
                    value.to_bits()
                );
                assert_eq!(parse(&written(value)).unwrap().to_bits(), value.to_bits());
                let text = (value as f32).to_string();
                let read = parse_f32(text.as_bytes(), 0, text.len()).unwrap();
                assert_eq!(read.to_bits(), (value as f32).to_bits());
            }
        }
    }

    #[test]
    fn only_numbers_are_numbers() {
        for text in [
            "", ".", "-", "-.", "1.2.3", "abc", "1,5", "1 2", "+-1", "++1", "0x10", "--1", "1.-2",
            "..", "1..",
        ] {
            assert_eq!(parse(text), None, "{text:?}");
        }
        assert_eq!(parse("1."), Some(1.0));
        assert_eq!(parse(".5"), Some(0.5));
        assert_eq!(parse(" +1.5 "), Some(1.5));
        assert_eq!(parse("-0.0").unwrap().to_bits(), (-0.0_f64).to_bits());
        assert!(parse("NaN").unwrap().is_nan());
        assert_eq!(parse("-Infinity"), Some(f64::NEG_INFINITY));
    }

    #[test]
    fn writes_as_java() {
        for (value, expected) in [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (1.0, "1.0"),
            (0.001, "0.001"),
            (0.000_999, "9.99E-4"),
            (9_999_999.0, "9999999.0"),
            (1e7, "1.0E7"),
            (12_345_678.9, "1.23456789E7"),
            (100.0, "100.0"),
            (-1.5, "-1.5"),
            (0.1 + 0.2, "0.30000000000000004"),
            (f64::MAX, "1.7976931348623157E308"),
            (5e-324, "4.9E-324"),
            (1e21, "1.0E21"),
            (123_456_789_012_345_680.0, "1.2345678901234568E17"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "-Infinity"),
        ] {
            assert_eq!(written(value), expected);
        }
        let mut out = Vec::new();
        write_f32(&mut out, 0.1);
        out.push(b' ');
        write_f32(&mut out, 1e10);
        assert_eq!(String::from_utf8(out).unwrap(), "0.1 1.0E10");
    }
}
