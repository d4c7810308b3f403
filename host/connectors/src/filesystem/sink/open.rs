//! Parts of text that stay open from one checkpoint to the next, so that a job of many checkpoints does
//! not write as many files.

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use parking_lot::Mutex;

use super::writer::Part;

/// Parts that stay open at a time; more are closed at a checkpoint.
const MOST: usize = 128;

/// When a part is closed at the latest, at a checkpoint.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rolling {
    /// After its first row.
    pub interval: Duration,
    /// After its last row.
    pub inactivity: Duration,
}

/// The partition of the job that writes a part, and the folder in the sink's that it is in.
pub(super) type PartPlace = (usize, String);

/// The open parts of a sink.
pub(super) struct OpenParts {
    /// None where parts are closed at every checkpoint.
    rolling: Option<Rolling>,
    parts: Mutex<HashMap<PartPlace, Part>>,
}

impl fmt::Debug for OpenParts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenParts")
            .field("rolling", &self.rolling)
            .finish_non_exhaustive()
    }
}

impl OpenParts {
    pub(super) fn new(rolling: Option<Rolling>) -> Self {
        OpenParts {
            rolling,
            parts: Mutex::default(),
        }
    }

    /// Whether parts may stay open at all.
    pub(super) fn are_kept(&self) -> bool {
        self.rolling.is_some()
    }

    /// The open part of a place, to write on.
    pub(super) fn take(&self, place: &PartPlace) -> Option<Part> {
        self.parts.lock().remove(place)
    }

    pub(super) fn put(&self, place: PartPlace, part: Part) {
        self.parts.lock().insert(place, part);
    }

    /// All parts that nobody writes to.
    pub(super) fn take_all(&self) -> Vec<(PartPlace, Part)> {
        self.parts.lock().drain().collect()
    }

    /// Whether a part must be closed at this checkpoint, `open` others being open.
    pub(super) fn is_over(&self, part: &Part, open: usize) -> bool {
        let over = |rolling: Rolling| {
            part.begun.elapsed() >= rolling.interval || part.touched.elapsed() >= rolling.inactivity
        };
        open >= MOST || self.rolling.is_none_or(over)
    }

    /// Whether a part must be closed.
    pub(super) fn is_due(&self) -> bool {
        self.parts.lock().values().any(|part| self.is_over(part, 0))
    }
}
