//! `haversine(lat1, lon1, lat2, lon2)`: the distance between two places on Earth.

mod formula;
mod trigonometry;

use wasmill_sdk::scalar;

/// Great-circle distance between two places, in metres; latitudes and longitudes are in degrees.
#[scalar]
fn haversine(lat1: f64, lon1: f64, lat2: f64, lon2: f64) -> f64 {
    formula::haversine(lat1, lon1, lat2, lon2)
}
