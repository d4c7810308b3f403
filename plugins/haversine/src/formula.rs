//! The haversine formula: R. W. Sinnott, "Virtues of the Haversine", Sky and Telescope 68 (2),
//! 1984, p. 159.

use super::trigonometry::{arcsine, cosine, sine};

/// The mean radius of the Earth in metres: R1 of the IUGG.
const EARTH_RADIUS: f64 = 6_371_008.8;

/// Degrees in, metres out. Inlined: only in the loop over the rows can it become vector
/// instructions.
#[inline(always)]
pub fn haversine(lat1: f64, lon1: f64, lat2: f64, lon2: f64) -> f64 {
    let (latitude1, latitude2) = (lat1.to_radians(), lat2.to_radians());
    let sine_latitude = sine((latitude2 - latitude1) / 2.0);
    let sine_longitude = sine((lon2 - lon1).to_radians() / 2.0);
    let haversine = sine_latitude * sine_latitude
        + cosine(latitude1) * cosine(latitude2) * sine_longitude * sine_longitude;
    let root = haversine.sqrt();
    // Rounding can carry opposite places past 1; NaN stays.
    let root = if root > 1.0 { 1.0 } else { root };
    2.0 * EARTH_RADIUS * arcsine(root)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Arcs whose length is known exactly.
    #[test]
    fn quarters_of_great_circles() {
        let near = |actual: f64, expected: f64| (actual - expected).abs() < 1e-6;
        let quarter = EARTH_RADIUS * std::f64::consts::FRAC_PI_2;
        assert!(near(haversine(0.0, 0.0, 90.0, 123.0), quarter));
        assert!(near(haversine(0.0, 10.0, 0.0, 100.0), quarter));
        assert!(near(haversine(-90.0, 0.0, 90.0, 77.0), 2.0 * quarter));
        assert!(near(haversine(0.0, -179.5, 0.0, 179.5), quarter / 90.0));
        assert_eq!(haversine(52.5, 13.4, 52.5, 13.4), 0.0);
    }

    /// Against the formula with the system's own functions.
    #[test]
    fn equal_to_the_plain_formula_within_a_trillionth() {
        let plain = |lat1: f64, lon1: f64, lat2: f64, lon2: f64| {
            let (a, b) = (lat1.to_radians(), lat2.to_radians());
            let (u, v) = (
                ((b - a) / 2.0).sin(),
                ((lon2 - lon1).to_radians() / 2.0).sin(),
            );
            let h = u * u + a.cos() * b.cos() * v * v;
            2.0 * EARTH_RADIUS * h.sqrt().min(1.0).asin()
        };
        for row in 0..100_000 {
            let at = |factor: f64, span: f64| (f64::from(row) * factor) % (2.0 * span) - span;
            let (lat1, lon1) = (at(0.731, 90.0), at(1.377, 180.0));
            let far = (at(0.911, 90.0), at(2.113, 180.0));
            let close = (lat1 + at(1e-7, 1e-3), lon1 + at(3e-7, 1e-3));
            for (lat2, lon2) in [far, close] {
                let expected = plain(lat1, lon1, lat2, lon2);
                let actual = haversine(lat1, lon1, lat2, lon2);
                assert!(
                    (actual - expected).abs() <= 1e-12 * expected.max(1e-3),
                    "{lat1} {lon1} {lat2} {lon2}: {actual}, not {expected}"
                );
            }
        }
    }

    #[test]
    fn what_is_no_place_has_no_distance() {
        assert!(haversine(f64::NAN, 0.0, 0.0, 0.0).is_nan());
        assert!(haversine(0.0, f64::INFINITY, 0.0, 0.0).is_nan());
    }
}
