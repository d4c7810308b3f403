//! Decision trees: their form in memory and their evaluation, block after block or row by row.
//!
//! Terms: a *tree* has *nodes*, each of which sends a row to its left or right child, and *leaves*.
//! A *lane* has one byte for each row of a block.

mod arithmetic;
mod blocks;
mod bytes;
mod categories;
mod columns;
mod contributions;
mod format_error;
mod masks;
mod options;
mod provider;
mod ranks;
mod rows;
mod tree;
mod trees;
mod vectors;

pub(crate) use arithmetic::{LightGbm, XgBoost};
pub use columns::{FeatureColumn, FeatureValues};
pub use format_error::FormatError;
pub use options::{Output, PredictOptions};

pub(crate) use contributions::refuse as refuse_contributions;
pub(crate) use provider::{Forest, ForestModel};
pub(crate) use tree::{Child, Counts, Linear, Missing, Node, Split, Tree};
pub(crate) use trees::{Trees, Wanted};
