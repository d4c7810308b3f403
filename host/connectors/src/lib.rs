//! Sources and sinks of jobs: where rows come from, and where they go.
//!
//! A table's `WITH` options name a connector; [`source`] and [`sink`] check the options and build it.
//! Everything in between speaks Arrow record batches. Option keys have the meaning that Apache Flink
//! gives them, so that a job file runs on both.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod blackhole;
mod caught;
mod datagen;
mod dead_letter;
mod error;
mod filesystem;
mod format;
#[cfg(feature = "kafka")]
mod kafka;
#[cfg(feature = "kafka")]
mod message;
mod object_folder;
mod options;
mod postgres;
mod print;
mod registry;
mod sink;
mod source;
mod table;
mod text;

pub use caught::panics_are_caught;
pub use dead_letter::{DeadLetter, Place};
pub use error::ConnectorError;
pub use format::{Format, formats};
pub use object_folder::ObjectFolder;
pub use registry::{Connector, ConnectorOption, connectors, sink, source};
pub use sink::{Committable, Sink, SinkTransaction, SinkWriter};
pub use source::{
    BatchStream, Position, Positions, Source, SourceProgress, SourceReader, SourceRows,
    SourceStatistics, SplitId, SplitRun, Subscription,
};
pub use table::{ConnectorContext, SharedWriter, TableColumn, TableDefinition};
pub use text::{double_text, float_text};
