//! Decimals as PostgreSQL sends them: digits of base 10,000 around the decimal point.

/// Decimal digits of one digit of PostgreSQL's.
const GROUP: u32 = 4;
const BASE: u128 = 10_000;
/// Groups of the 39 digits that an `i128` has at most, split by a point.
const MOST: usize = 12;

const POSITIVE: i16 = 0;
const NEGATIVE: i16 = 0x4000;

/// Appends `unscaled` / 10^`scale`, of at most 38 digits behind the point.
pub(super) fn write_numeric(unscaled: i128, scale: i8, out: &mut Vec<u8>) {
    let scale = u32::from(scale.unsigned_abs());
    let magnitude = unscaled.unsigned_abs();
    let unit = 10u128.pow(scale);
    let (mut whole, mut fraction) = (magnitude / unit, magnitude % unit);
    // From the last to the first.
    let mut groups = [0i16; MOST];
    let mut count = 0;
    let mut push = |group: u128| {
        // Less than 10,000.
        groups[count] = group as i16;
        count += 1;
    };
    // The last group of the fraction may lack digits; zeros stand for them.
    let last = scale % GROUP;
    if last > 0 {
        let unit = 10u128.pow(last);
        push(fraction % unit * 10u128.pow(GROUP - last));
        fraction /= unit;
    }
    for _ in 0..scale / GROUP {
        push(fraction % BASE);
        fraction /= BASE;
    }
    let mut weight = -1i16;
    while whole > 0 {
        push(whole % BASE);
        whole /= BASE;
        weight += 1;
    }
    let sign = if unscaled < 0 { NEGATIVE } else { POSITIVE };
    // At most 12, and at most 128.
    for part in [count as i16, weight, sign, scale as i16] {
        out.extend_from_slice(&part.to_be_bytes());
    }
    for group in groups[..count].iter().rev() {
        out.extend_from_slice(&group.to_be_bytes());
    }
}
