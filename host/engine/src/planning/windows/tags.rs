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

/// What a column says of the time of its rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum TimeAttribute {
    /// Rows come more or less in its order, a watermark says how far.
    Rowtime,
    /// When the row is worked on: whoever needs it looks at the machine's clock.
    Proctime,
    /// The `window_time` of windows over processing time: rows come in its order, as the machine's clock
    /// goes on.
    WindowProctime,
}

impl TimeAttribute {
    const ALL: [Self; 3] = [Self::Rowtime, Self::Proctime, Self::WindowProctime];

    fn name(self) -> &'static str {
        match self {
            TimeAttribute::Rowtime => "rowtime",
            TimeAttribute::Proctime => "proctime",
            TimeAttribute::WindowProctime => "window-proctime",
        }
    }

    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|found| found.name() == name)
    }

    /// What the field of such a column says.
    pub(crate) fn metadata(self) -> FieldMetadata {
        FieldMetadata::from(HashMap::from([(TIME.to_owned(), self.name().to_owned())]))
    }

    /// What a column says; in another type it is no longer of processing time.
    pub(crate) fn of(field: &Field) -> Option<Self> {
        let found = Self::named(field.metadata().get(TIME)?)?;
        let is_instant = matches!(
            field.data_type(),
            DataType::Timestamp(TimeUnit::Millisecond, Some(_))
        );
        (is_instant || !found.is_processing_time()).then_some(found)
    }

    /// Whether the machine's clock says how far time has come.
    pub(crate) fn is_processing_time(self) -> bool {
        self != TimeAttribute::Rowtime
    }
}

pub(crate) fn is_rowtime(field: &Field) -> bool {
    TimeAttribute::of(field) == Some(TimeAttribute::Rowtime)
}

pub(crate) fn is_processing_time(field: &Field) -> bool {
    TimeAttribute::of(field).is_some_and(TimeAttribute::is_processing_time)
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
    /// What the windows are over; none if it is a column like any other.
    pub time: Option<TimeAttribute>,
    /// Where windows are those of a zone's clocks: the zone.
    pub zone: Option<String>,
}

impl WindowEnd {
    /// Whether the machine's clock says when the windows are over.
    pub(crate) fn is_of_processing_time(&self) -> bool {
        self.time.is_some_and(TimeAttribute::is_processing_time)
    }

    pub(super) fn metadata(&self) -> HashMap<String, String> {
        let kind = self.time.map_or("column", TimeAttribute::name);
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
            time: TimeAttribute::named(kind),
            zone: zone.map(str::to_owned),
        })
    }
}
