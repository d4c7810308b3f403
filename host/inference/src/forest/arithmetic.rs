//! What libraries of trees do differently: how they read features, and in which numbers they sum.

use std::fmt::Debug;
use std::ops::AddAssign;

/// LightGBM's `kZeroThreshold`: an input this near to zero is zero.
const ZERO_THRESHOLD: f64 = 1e-35_f32 as f64;

/// What LightGBM sees of an input value: zero in place of what is nearly zero.
#[inline(always)]
fn flush(value: f64) -> f64 {
    if value.abs() <= ZERO_THRESHOLD {
        0.0
    } else {
        value
    }
}

/// How the library that a model comes from computes.
pub(crate) trait Arithmetic: Debug + Send + Sync + 'static {
    /// The numbers that leaves are summed in.
    type Sum: Sum;

    /// What the library sees of a feature that is given as `f64`.
    fn read_double(value: f64) -> f64;

    /// What the library sees of a feature that is given as `f32`.
    fn read_single(value: f32) -> f64;

    /// The bit of a set of categories that a value which was read stands for; `None` where no set can
    /// hold it.
    fn category(value: f64) -> Option<u32>;
}

/// A number that leaves are summed in.
pub(crate) trait Sum:
    Copy + Default + Debug + AddAssign + Into<f64> + Send + Sync + 'static
{
    /// The nearest of these numbers.
    fn round(value: f64) -> Self;
}

impl Sum for f64 {
    #[inline(always)]
    fn round(value: f64) -> Self {
        value
    }
}

impl Sum for f32 {
    #[inline(always)]
    fn round(value: f64) -> Self {
        value as Self
    }
}

/// LightGBM's: all is `f64`, and what is nearly zero is read as zero.
#[derive(Debug)]
pub(crate) struct LightGbm;

impl Arithmetic for LightGbm {
    type Sum = f64;

    #[inline(always)]
    fn read_double(value: f64) -> f64 {
        flush(value)
    }

    #[inline(always)]
    fn read_single(value: f32) -> f64 {
        flush(value.into())
    }

    /// The whole number that a value is cut to.
    #[inline(always)]
    fn category(value: f64) -> Option<u32> {
        // The C++ cast of what does not fit an int gives a negative one, which is in no set.
        (value > -1.0 && value < f64::from(i32::MAX) + 1.0).then_some(value as u32)
    }
}

/// XGBoost's: all is `f32`.
#[derive(Debug)]
pub(crate) struct XgBoost;

impl XgBoost {
    /// The bit of a set that NaN stands for; those of the categories follow.
    pub const MISSING: u32 = 0;

    /// Categories are below this: `f32` has all whole numbers up to it.
    pub const MOST_CATEGORIES: u32 = 1 << 24;
}

impl Arithmetic for XgBoost {
    type Sum = f32;

    #[inline(always)]
    fn read_double(value: f64) -> f64 {
        f64::from(value as f32)
    }

    #[inline(always)]
    fn read_single(value: f32) -> f64 {
        value.into()
    }

    #[inline(always)]
    fn category(value: f64) -> Option<u32> {
        if value.is_nan() {
            return Some(Self::MISSING);
        }
        // What is too large wraps around, and is left out.
        (value >= 0.0 && value < f64::from(Self::MOST_CATEGORIES))
            .then_some((value as u32).wrapping_add(1 + Self::MISSING))
    }
}
