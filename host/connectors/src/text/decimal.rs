//! Reads and writes exact decimals: an i128 and the number of its digits behind the point.

use super::trim;

/// The decimal in `text`, rounded half up to `scale` digits behind the point; `None` if it is none or
/// needs more than `precision` digits.
pub(crate) fn parse_decimal(text: &[u8], precision: u8, scale: i8) -> Option<i128> {
    let text = trim(text);
    let (negative, text) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    let at = text.iter().position(|byte| matches!(byte, b'e' | b'E'));
    let (number, exponent) = match at {
        Some(at) => {
            let exponent = std::str::from_utf8(&text[at + 1..]).ok()?;
            (&text[..at], exponent.parse::<i32>().ok()?)
        }
        None => (text, 0),
    };
    let point = number.iter().position(|byte| *byte == b'.');
    let whole = point.unwrap_or(number.len());
    let digits = || number.iter().filter(|byte| **byte != b'.');
    if number.len() == usize::from(point.is_some()) || !is_digits(number, point) {
        return None;
    }
    // The value is 0.d₁d₂d₃… × 10^(whole + exponent); of its digits this many are kept.
    let kept = i64::try_from(whole).ok()? + i64::from(exponent) + i64::from(scale);
    let mut value = 0_i128;
    let mut taken = 0_i64;
    for &digit in digits().take(usize::try_from(kept).unwrap_or(0)) {
        value = value.checked_mul(10)?.checked_add((digit - b'0').into())?;
        taken += 1;
    }
    if value != 0 {
        let missing = u32::try_from(kept - taken).ok()?;
        value = value.checked_mul(10_i128.checked_pow(missing)?)?;
    }
    if let Ok(next) = usize::try_from(kept)
        && digits().nth(next).is_some_and(|digit| *digit >= b'5')
    {
        value = value.checked_add(1)?;
    }
    let limit = 10_i128.checked_pow(precision.into())?;
    (value < limit).then_some(if negative { -value } else { value })
}

fn is_digits(number: &[u8], point: Option<usize>) -> bool {
    let mut bytes = number.iter().enumerate();
    bytes.all(|(at, byte)| byte.is_ascii_digit() || point == Some(at))
}

/// The same number with the fewest digits, as Java's `BigDecimal.stripTrailingZeros`.
pub(crate) fn strip_zeros(mut value: i128, mut scale: i8) -> (i128, i8) {
    if value == 0 {
        return (0, 0);
    }
    while value % 10 == 0 && scale > i8::MIN {
        value /= 10;
        scale -= 1;
    }
    (value, scale)
}

/// Writes as Java's `BigDecimal.toPlainString`.
pub(crate) fn write_decimal_plain(out: &mut Vec<u8>, value: i128, scale: i8) {
    let digits = value.unsigned_abs().to_string();
    if value < 0 {
        out.push(b'-');
    }
    let behind = usize::try_from(scale).unwrap_or(0);
    if behind == 0 {
        out.extend_from_slice(digits.as_bytes());
        if value != 0 {
            let zeros = usize::from(scale.unsigned_abs());
            out.resize(out.len() + zeros, b'0');
        }
        return;
    }
    let padded = format!("{digits:0>width$}", width = behind + 1);
    let (whole, fraction) = padded.split_at(padded.len() - behind);
    out.extend_from_slice(whole.as_bytes());
    out.push(b'.');
    out.extend_from_slice(fraction.as_bytes());
}

/// Writes as Java's `BigDecimal.toString`: with an exponent where the scale is negative or the number
/// begins more than six digits behind the point.
pub(crate) fn write_decimal_scientific(out: &mut Vec<u8>, value: i128, scale: i8) {
    let digits = value.unsigned_abs().to_string();
    let exponent = digits.len() as i32 - 1 - i32::from(scale);
    if scale >= 0 && exponent >= -6 {
        write_decimal_plain(out, value, scale);
        return;
    }
    if value < 0 {
        out.push(b'-');
    }
    let (first, rest) = digits.split_at(1);
    out.extend_from_slice(first.as_bytes());
    if !rest.is_empty() {
        out.push(b'.');
        out.extend_from_slice(rest.as_bytes());
    }
    if exponent != 0 {
        out.extend_from_slice(if exponent > 0 { b"E+" } else { b"E" });
        out.extend_from_slice(itoa::Buffer::new().format(exponent).as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_rounded_half_up() {
        let parse = |text: &str| parse_decimal(text.as_bytes(), 10, 2);
        assert_eq!(parse("1"), Some(100));
        assert_eq!(parse("-1.005"), Some(-101));
        assert_eq!(parse("1.004999"), Some(100));
        assert_eq!(parse(".5"), Some(50));
        assert_eq!(parse("5."), Some(500));
        assert_eq!(parse("1e3"), Some(100_000));
        assert_eq!(parse("1e-3"), Some(0));
        assert_eq!(parse("5e-3"), Some(1));
        assert_eq!(parse("0e2147483647"), Some(0));
        assert_eq!(parse("12345678.99"), Some(1_234_567_899));
        assert_eq!(parse("99999999.999"), None);
        for text in [
            "",
            "-",
            ".",
            "1.2.3",
            "abc",
            "1e",
            "1e99999999999",
            "NaN",
            "1e2147483647",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
        let wide = "12345678901234567890123456789012345678";
        assert_eq!(parse_decimal(wide.as_bytes(), 38, 0), wide.parse().ok());
    }

    #[test]
    fn writes_as_java() {
        let plain = |value, scale| {
            let mut out = Vec::new();
            write_decimal_plain(&mut out, value, scale);
            String::from_utf8(out).unwrap()
        };
        let scientific = |value, scale| {
            let mut out = Vec::new();
            write_decimal_scientific(&mut out, value, scale);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(plain(12345, 2), "123.45");
        assert_eq!(plain(-5, 3), "-0.005");
        assert_eq!(plain(1, -5), "100000");
        assert_eq!(plain(0, 2), "0.00");
        assert_eq!(scientific(12345, 2), "123.45");
        assert_eq!(scientific(1, 8), "1E-8");
        assert_eq!(scientific(1, -5), "1E+5");
        assert_eq!(scientific(12, -5), "1.2E+6");
        assert_eq!(scientific(0, 2), "0.00");
    }
}
