//! Values as text: how CSV, JSON and `print` read and write Flink's types.

mod calendar;
mod decimal;
mod float;
mod integer;
mod names;
mod short;
mod value;

pub(crate) use calendar::{Clock, parse_date, parse_time, parse_timestamp};
pub(crate) use decimal::parse_decimal;
pub use float::{double_text, float_text};
pub(crate) use float::{parse_f32, parse_f64};
pub(crate) use integer::{Integer, parse_integer};
pub(crate) use names::{a_type, type_name};
pub(crate) use short::{short_f32, short_f64, short_integer};
pub(crate) use value::{BytesStyle, DecimalStyle, Plain, Style};

/// Bytes without leading and trailing characters up to the space, as Java's `String.trim`.
pub(crate) fn trim(text: &[u8]) -> &[u8] {
    let mut text = text;
    while let [first, rest @ ..] = text
        && *first <= b' '
    {
        text = rest;
    }
    while let [rest @ .., last] = text
        && *last <= b' '
    {
        text = rest;
    }
    text
}

/// The eight bytes from `start`, the first in the lowest byte, and zeros behind the end of `data`.
#[inline(always)]
pub(crate) fn load8(data: &[u8], start: usize) -> Option<u64> {
    match data.get(start..start + 8) {
        Some(bytes) => bytes.try_into().ok().map(u64::from_le_bytes),
        None => load_last(data, start),
    }
}

/// As [`load8`], near the end of `data`.
fn load_last(data: &[u8], start: usize) -> Option<u64> {
    let last = data.get(start..)?;
    // What was just copied into a word cannot be loaded as one at once.
    if let Some((_, bytes)) = data.split_last_chunk::<8>() {
        let missing = 8 * (8 - last.len() as u32);
        return Some(u64::from_le_bytes(*bytes).checked_shr(missing).unwrap_or(0));
    }
    let mut bytes = [0; 8];
    bytes.get_mut(..last.len())?.copy_from_slice(last);
    Some(u64::from_le_bytes(bytes))
}

/// Where the ASCII digits that begin at `at` end.
#[inline]
pub(crate) fn end_of_digits(data: &[u8], mut at: usize) -> usize {
    const ZEROS: u64 = 0x3030_3030_3030_3030;
    const HIGH: u64 = 0xF0F0_F0F0_F0F0_F0F0;
    while let Some(word) = load8(data, at) {
        // A sum that is too large spoils the bytes behind, which do not count.
        let carried = word.wrapping_add(0x0606_0606_0606_0606);
        let other = ((word & HIGH) ^ ZEROS) | ((carried & HIGH) ^ ZEROS);
        if other != 0 {
            return at + other.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    at
}

/// The number that eight ASCII digits spell, the first in the lowest byte; `None` if one is no digit.
#[inline(always)]
fn eight_digits(word: u64) -> Option<u32> {
    const ZEROS: u64 = 0x3030_3030_3030_3030;
    let high = word & 0xF0F0_F0F0_F0F0_F0F0;
    let carried = word.wrapping_add(0x0606_0606_0606_0606) & 0xF0F0_F0F0_F0F0_F0F0;
    if high != ZEROS || carried != ZEROS {
        return None;
    }
    Some(spelled_by(word))
}

/// The number that eight bytes spell, the first in the lowest byte: ASCII digits, or zeros.
#[inline(always)]
fn spelled_by(word: u64) -> u32 {
    let digits = word & 0x0F0F_0F0F_0F0F_0F0F;
    let pairs = (digits.wrapping_mul(2561) >> 8) & 0x00FF_00FF_00FF_00FF;
    let fours = (pairs.wrapping_mul(6_553_601) >> 16) & 0x0000_FFFF_0000_FFFF;
    (fours.wrapping_mul(42_949_672_960_001) >> 32) as u32
}

/// Eight bytes of which the first `length` (1 to 8) count, moved to the end behind ASCII zeros.
#[inline(always)]
fn right_aligned(word: u64, length: usize) -> u64 {
    let shift = 8 * (8 - length as u32);
    (word << shift) | (0x3030_3030_3030_3030 & !(u64::MAX << shift))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_end_at_the_first_other_byte() {
        for length in 0..=20 {
            for other in (0..=u8::MAX).filter(|byte| !byte.is_ascii_digit()) {
                let mut text = vec![b'9'; length];
                assert_eq!(end_of_digits(&text, 0), length);
                text.extend([other, b'0', other]);
                assert_eq!(end_of_digits(&text, 0), length, "{other}");
            }
        }
        assert_eq!(end_of_digits(b"12", 2), 2);
    }
}
