//! Sine, cosine and arcsine without a branch, so that a loop over rows becomes vector instructions.
//!
//! Reductions and polynomials are SLEEF's, of its functions with 3.5 units in the last place:
//! N. Shibata, F. Petrogalli, "SLEEF: A Portable Vectorized Library of C Standard Mathematical
//! Functions", IEEE Transactions on Parallel and Distributed Systems 31 (6), 2020.

use std::f64::consts::{FRAC_1_PI, FRAC_PI_2};

/// π in parts, the first ones short enough for an exact product with a whole number below 2²⁵.
const PI_PARTS: [f64; 3] = [
    3.141_592_621_803_283_7,
    3.178_650_942_459_171_3e-8,
    1.224_646_786_410_718_9e-16,
];

/// Beyond this many radians the reduction is no longer exact: the result is NaN.
const LIMIT: f64 = 1e6;

/// Added to a number, it leaves the nearest whole number in the last bits.
const ROUND: f64 = 6_755_399_441_055_744.0;

/// x in radians, up to a million.
pub fn sine(x: f64) -> f64 {
    let turns = x * FRAC_1_PI + ROUND;
    let odd = turns.to_bits() << 63;
    signed(half_wave(x, turns - ROUND), odd)
}

/// x in radians, up to a million.
pub fn cosine(x: f64) -> f64 {
    let turns = (x * FRAC_1_PI - 0.5) + ROUND;
    let even = !turns.to_bits() << 63;
    signed(half_wave(x, turns - ROUND + 0.5), even)
}

/// x from 0 to 1.
pub fn arcsine(x: f64) -> f64 {
    const POLYNOMIAL: [f64; 12] = [
        0.031_615_876_506_539_346,
        -0.015_819_182_433_299_966,
        0.019_290_454_772_679_107,
        0.006_606_077_476_277_171,
        0.012_153_605_255_773_773,
        0.013_887_151_845_016_092,
        0.017_359_569_912_236_146,
        0.022_371_761_819_320_483,
        0.030_381_959_280_381_322,
        0.044_642_856_813_771_024,
        0.075_000_000_003_785_82,
        0.166_666_666_666_649_75,
    ];
    let low = x < 0.5;
    let square = if low { x * x } else { (1.0 - x) * 0.5 };
    let root = if low { x } else { square.sqrt() };
    let sum = root + root * square * horner(&POLYNOMIAL, square);
    if low { sum } else { FRAC_PI_2 - 2.0 * sum }
}

/// sin(x − turns·π) for a difference of at most π/2.
fn half_wave(x: f64, turns: f64) -> f64 {
    const POLYNOMIAL: [f64; 9] = [
        -7.972_559_550_090_379e-18,
        2.810_099_727_108_632e-15,
        -7.647_122_191_181_588e-13,
        1.605_904_306_056_645e-10,
        -2.505_210_837_635_020_5e-8,
        2.755_731_922_391_987_5e-6,
        -0.000_198_412_698_412_696_16,
        0.008_333_333_333_333_33,
        -0.166_666_666_666_666_66,
    ];
    let reduced = PI_PARTS.iter().fold(x, |rest, part| rest - turns * part);
    let square = reduced * reduced;
    let sine = reduced + square * (reduced * horner(&POLYNOMIAL, square));
    if x.abs() <= LIMIT { sine } else { f64::NAN }
}

fn horner<const N: usize>(coefficients: &[f64; N], x: f64) -> f64 {
    coefficients
        .iter()
        .fold(0.0, |sum, coefficient| sum * x + coefficient)
}

fn signed(magnitude: f64, sign: u64) -> f64 {
    f64::from_bits(magnitude.to_bits() ^ sign)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Against the system's own functions.
    #[test]
    fn equal_to_the_system_within_a_few_units_in_the_last_place() {
        for step in -200_000..=200_000 {
            let x = f64::from(step) * 1.234_567e-4;
            assert!(
                (sine(x) - x.sin()).abs() <= 4e-16 * x.sin().abs().max(1e-2),
                "sin {x}"
            );
            assert!(
                (cosine(x) - x.cos()).abs() <= 4e-16 * x.cos().abs().max(1e-2),
                "cos {x}"
            );
        }
        for step in 0..=100_000 {
            let x = f64::from(step) / 100_000.0;
            assert!(
                (arcsine(x) - x.asin()).abs() <= 8e-16 * x.asin(),
                "asin {x}"
            );
        }
    }

    #[test]
    fn tiny_angles_keep_their_digits() {
        for exponent in 1..300 {
            let x = 10f64.powi(-exponent);
            assert!((sine(x) - x.sin()).abs() <= 4e-16 * x, "sin {x}");
            assert!((arcsine(x) - x.asin()).abs() <= 8e-16 * x, "asin {x}");
        }
    }

    #[test]
    fn what_is_no_angle_is_nan() {
        for x in [f64::NAN, f64::INFINITY, -1e7, 1e300] {
            assert!(sine(x).is_nan() && cosine(x).is_nan(), "{x}");
        }
        assert!(arcsine(f64::NAN).is_nan());
    }
}
