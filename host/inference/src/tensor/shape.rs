//! The shape of a tensor, as messages show it.

use std::fmt;

/// Dimensions, −1 where one is free; the first counts rows.
pub(crate) struct Shape<'a>(pub &'a [i64]);

impl fmt::Display for Shape<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[")?;
        for (dimension, size) in self.0.iter().enumerate() {
            let comma = if dimension == 0 { "" } else { ", " };
            match size {
                -1 if dimension == 0 => write!(f, "{comma}N")?,
                -1 => write!(f, "{comma}?")?,
                size => write!(f, "{comma}{size}")?,
            }
        }
        f.write_str("]")
    }
}
