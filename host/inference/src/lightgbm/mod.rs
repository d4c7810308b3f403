//! LightGBM's text models, read and evaluated without LightGBM.
//!
//! A [`Forest`] is a parsed model. It predicts the very `f64` that `Booster.predict` of Python's
//! LightGBM 4 gives: thresholds stay `f64`, leaves are summed in tree order, and the output
//! transforms use the `exp` and `log1p` of the same C library.
//!
//! Terms: a *tree* has *nodes*, each of which sends a row to its left or right child, and *leaves*.
//! A tree's leaves are numbered as in the file (a child `c < 0` is the leaf `!c`); an *exit* is a
//! leaf's place in the tree from left to right.

mod forest;
mod objective;
mod provider;
mod text;
mod tree;

pub use crate::forest::{FeatureColumn, FeatureValues, FormatError, Output, PredictOptions};
pub use forest::Forest;

pub(crate) use provider::load;
