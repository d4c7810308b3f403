//! Rows that a job puts beside its results, into tables for them: records that cannot be read, and rows
//! that come too late.

mod dead;
mod late;
mod table;

pub(super) use dead::dead_letter_table;
pub(crate) use dead::{check_finds_no_letters, check_letters_once, deliver, letter_pipelines};
pub(crate) use late::{Latecomers, late_pipeline};
