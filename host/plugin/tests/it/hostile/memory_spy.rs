//! What `plugins/hostile/memory-spy` tries, and what comes of it.

use arrow::array::AsArray as _;
use arrow::datatypes::Int64Type;

use super::{numbers, open};

/// Memory that another guest has had is empty.
#[test]
pub fn is_stopped() {
    for _ in 0..20 {
        let leaves = open("memory-spy", "attack", "leave").unwrap();
        leaves.call(&[numbers(3)], 3).unwrap_err();
        let looks = open("memory-spy", "attack", "look").unwrap();
        let found = looks.call(&[numbers(3)], 3).unwrap();
        assert_eq!(found.as_primitive::<Int64Type>().value(0), 0);
    }
}
