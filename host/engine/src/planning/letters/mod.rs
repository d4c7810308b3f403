//! Rows that a job puts beside its results, into tables for them: records that cannot be read, rows on
//! which functions fail, and rows that come too late.

mod dead;
mod failed;
mod late;
mod place;
mod table;

pub(crate) use dead::{check_finds_no_letters, check_letters_once, deliver, letter_pipelines};
pub(super) use dead::{dead_letter_table, scans};
pub(super) use failed::FailedRows;
pub(crate) use late::{Latecomers, late_pipeline};
