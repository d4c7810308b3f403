//! What is wrong with a job file's text, and where.

use std::fmt;

/// The text of a job file is wrong: its author's fault.
///
/// `Display` is the whole message, with the place where one is known; the hint is apart.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}{}", place(location.as_deref()))]
pub struct SqlError {
    pub message: String,
    /// What to do about it, where that is known.
    pub hint: Option<String>,
    pub location: Option<Box<Location>>,
}

/// A place in a job file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    pub file: String,
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
    /// How many characters the caret underlines; at least 1.
    pub length: usize,
    /// The text of the line.
    pub source_line: String,
}

/// Longer lines are shown in part, around the column.
const SHOWN_CHARACTERS: usize = 100;

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = self.line.to_string();
        let margin = " ".repeat(number.len());
        let line: Vec<char> = self
            .source_line
            .chars()
            .map(|character| {
                if character.is_control() {
                    ' '
                } else {
                    character
                }
            })
            .collect();
        let column = (self.column.max(1) - 1).min(line.len());
        let first = if line.len() <= SHOWN_CHARACTERS {
            0
        } else {
            column.saturating_sub(SHOWN_CHARACTERS / 2)
        };
        let last = (first + SHOWN_CHARACTERS).min(line.len());
        let shown: String = line[first..last].iter().collect();
        let before = if first > 0 { "…" } else { "" };
        let after = if last < line.len() { "…" } else { "" };
        let indent = " ".repeat(column - first + before.chars().count());
        let carets = "^".repeat(self.length.clamp(1, (last - column).max(1)));
        writeln!(f, "{margin}--> {}:{}:{}", self.file, self.line, self.column)?;
        writeln!(f, "{margin} |")?;
        writeln!(f, "{number} | {before}{}{after}", shown.trim_end())?;
        write!(f, "{margin} | {indent}{carets}")
    }
}

fn place(location: Option<&Location>) -> String {
    location.map_or_else(String::new, |location| format!("\n{location}"))
}

/// The candidate nearest to `name`, where one is near enough to be meant.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = name.to_lowercase();
    candidates
        .into_iter()
        .map(|candidate| {
            (
                strsim::osa_distance(&lower, &candidate.to_lowercase()),
                candidate,
            )
        })
        .filter(|(distance, candidate)| *distance <= candidate.chars().count().max(3) / 3)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}
