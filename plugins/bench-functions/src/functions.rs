//! The functions themselves, which the benches compile for the host too.

/// `2.5 x + 1.25`
pub fn axpb(x: f64) -> f64 {
    2.5 * x + 1.25
}

/// Euclid's algorithm.
pub fn gcd(a: i32, b: i32) -> i32 {
    let (mut a, mut b) = (a.unsigned_abs(), b.unsigned_abs());
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a.cast_signed()
}
