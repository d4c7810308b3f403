//! What a column has to do with time, as metadata of its field: it goes with the column through
//! projections, unions and groupings.

use std::{
    collections::HashMap,
    sync::atomic::{AtomicU64, Ordering},
};

use datafusion::{
    arrow::datatypes::{DataType, Field, TimeUnit},
    common::metadata::FieldMetadata,
};

const TIME: &str = "wasmill.time";
const WINDOW: &str = "wasmill.window";

/// The metadata of a time attribute: rows come more or less in its order, a watermark says how far.
pub(crate) fn time_attribute() -> FieldMetadata {
    FieldMetadata::from(HashMap::from([(TIME.to_owned(), "rowtime".to_owned())]))
}

pub(crate) fn is_time_attribute(field: &Field) -> bool {
    field
        .metadata()
        .get(TIME)
        .is_some_and(|kind| kind == "rowtime")
}

/// The metadata of a column that says when its row is worked on.
pub(crate) fn processing_time() -> HashMap<String, String> {
    HashMap::from([(TIME.to_owned(), "proctime".to_owned())])
}

pub(crate) fn is_processing_time(field: &Field) -> bool {
    field
        .metadata()
        .get(TIME)
        .is_some_and(|kind| kind == "proctime")
}

/// One call of a window function in a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct WindowId(u64);

impl WindowId {
    pub(super) fn next() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        WindowId(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// Marks a column as the ends of windows.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct WindowEnd {
    pub id: WindowId,
    /// Whether the windows are over a time attribute.
    pub of_time_attribute: bool,
    /// Where windows are those of a zone's clocks: the zone.
    pub zone: Option<String>,
}

impl WindowEnd {
    pub(super) fn metadata(&self) -> HashMap<String, String> {
        let kind = if self.of_time_attribute {
            "rowtime"
        } else {
            "column"
        };
        let zone = self.zone.as_deref().unwrap_or_default();
        let text = format!("{} {kind} {zone}", self.id.0);
        HashMap::from([(WINDOW.to_owned(), text)])
    }

    /// What a column of TIMESTAMP(3) says of itself.
    pub(crate) fn of(field: &Field) -> Option<Self> {
        if *field.data_type() != DataType::Timestamp(TimeUnit::Millisecond, None) {
            return None;
        }
        let mut words = field.metadata().get(WINDOW)?.splitn(3, ' ');
        let id = words.next()?.parse().ok()?;
        let kind = words.next()?;
        let zone = words.next().filter(|zone| !zone.is_empty());
        Some(WindowEnd {
            id: WindowId(id),
            of_time_attribute: kind == "rowtime",
            zone: zone.map(str::to_owned),
        })
    }
}
