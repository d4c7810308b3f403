//! The first rows of every key, over tables without end: `ROW_NUMBER() OVER (PARTITION BY … ORDER
//! BY …) <= n`, which is deduplication where n is 1.

mod node;
mod top;

pub(in crate::planning) use node::{Emission, RankRule, TopRows};
