//! Hands out text in chunks that end at a record's end, to any number of partitions.
//!
//! Invariant: a partition holds at most two chunks, the one that it decodes and the one that is read
//! meanwhile, so that memory is bounded by the partitions. A partition reads its own file while there
//! are unopened ones, and helps with others' afterwards, so that one large file and many compressed
//! files both keep all partitions busy.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};
use tokio::task::JoinHandle;

use super::input;
use super::location::InputFile;
use crate::{ConnectorError, SourceProgress};

/// Bytes behind a chunk's text that may be read but mean nothing, so that vector loads stay inside.
pub(crate) const PADDING: usize = 64;
/// The longest record.
const MAX_RECORD: usize = 64 << 20;

/// Where the records of a text format end.
pub(crate) trait Records: Send + Sync {
    /// The end of the last whole record of `text`, behind its newline; `text` starts with a record.
    fn last_end(&self, text: &[u8]) -> Option<usize>;

    /// Takes a header from the first chunk of a file: the columns' names and where the data begin.
    fn header(&self, text: &[u8]) -> Result<Option<(Vec<String>, usize)>, String>;
}

/// Whole records of one file.
pub(crate) struct Chunk {
    /// The text, and at least [`PADDING`] bytes behind it.
    pub(crate) data: Vec<u8>,
    /// Bytes of text.
    pub(crate) length: usize,
    /// Where the next record begins.
    pub(crate) position: usize,
    /// The number in the file, from 1, of the line at byte 0.
    first_line: u64,
    pub(crate) file: Arc<InputFile>,
    /// The columns' names, where the file has a header.
    pub(crate) header: Option<Arc<Vec<String>>>,
}

impl Chunk {
    /// The number of the line that holds the byte at `position`.
    pub(crate) fn line(&self, position: usize) -> u64 {
        self.first_line + newlines(&self.data[..position])
    }
}

fn newlines(text: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', text).count() as u64
}

/// A file that partitions read in turn; `None` once it is read.
type Slot = Arc<AsyncMutex<Option<FileReader>>>;

/// A chunk, or none at the file's end, and the memory that was not used for it.
type Reading = JoinHandle<(Result<Option<Chunk>, ConnectorError>, Vec<u8>)>;

/// Where a partition is in a [`ChunkQueue`].
#[derive(Default)]
pub(crate) struct Place {
    /// The file that it last read from.
    slot: Option<Slot>,
    /// The next chunk of that file, on its way.
    ahead: Option<Reading>,
    /// The memory of an old chunk.
    buffer: Vec<u8>,
}

impl Place {
    /// Gives a chunk's memory back, for one of the next.
    pub(crate) fn recycle(&mut self, chunk: Chunk) {
        self.buffer = chunk.data;
    }
}

/// The files of a source, and those that are being read.
pub(crate) struct ChunkQueue {
    files: Mutex<VecDeque<Arc<InputFile>>>,
    open: Mutex<Vec<Slot>>,
    records: Arc<dyn Records>,
    chunk_bytes: usize,
    progress: Arc<SourceProgress>,
}

impl ChunkQueue {
    pub(crate) fn new(
        files: Vec<Arc<InputFile>>,
        records: Arc<dyn Records>,
        chunk_bytes: usize,
        progress: Arc<SourceProgress>,
    ) -> Self {
        Self {
            files: Mutex::new(files.into()),
            open: Mutex::default(),
            records,
            chunk_bytes: chunk_bytes.clamp(1, MAX_RECORD),
            progress,
        }
    }

    /// The next chunk for a partition, while the one behind it is being read already.
    pub(crate) async fn next(&self, place: &mut Place) -> Result<Option<Chunk>, ConnectorError> {
        loop {
            let Some(slot) = place.slot.clone().or_else(|| self.claim()) else {
                return Ok(None);
            };
            place.slot = Some(slot.clone());
            let reading = match place.ahead.take() {
                Some(reading) => reading,
                None => self.read(slot.clone().lock_owned().await, place),
            };
            let (chunk, unused) = reading
                .await
                .map_err(|error| ConnectorError::unexpected("reading a file", error))?;
            if let Some(chunk) = chunk? {
                // Where another partition reads the file just now, there is nothing to be won.
                if let Ok(reader) = slot.try_lock_owned() {
                    place.ahead = Some(self.read(reader, place));
                }
                return Ok(Some(chunk));
            }
            place.buffer = unused;
            self.open.lock().retain(|known| !Arc::ptr_eq(known, &slot));
            place.slot = None;
        }
    }

    /// Reads a file's next chunk on a thread that may block.
    fn read(&self, mut reader: OwnedMutexGuard<Option<FileReader>>, place: &mut Place) -> Reading {
        let size = self.chunk_bytes;
        let mut buffer = std::mem::take(&mut place.buffer);
        tokio::task::spawn_blocking(move || {
            let chunk = match reader.as_mut() {
                Some(open) => open.next_chunk(&mut buffer, size),
                None => Ok(None),
            };
            if !matches!(chunk, Ok(Some(_))) {
                *reader = None;
            }
            (chunk, buffer)
        })
    }

    /// An unopened file, or else one that another partition reads.
    fn claim(&self) -> Option<Slot> {
        let mut open = self.open.lock();
        match self.files.lock().pop_front() {
            Some(file) => {
                let reader = FileReader {
                    reader: None,
                    file,
                    runtime: Handle::current(),
                    progress: self.progress.clone(),
                    records: self.records.clone(),
                    carry: Vec::new(),
                    line: 1,
                    header: None,
                    ended: false,
                };
                let slot = Arc::new(AsyncMutex::new(Some(reader)));
                open.push(slot.clone());
                Some(slot)
            }
            None => {
                // The next helper goes to another file.
                let count = open.len();
                open.rotate_left(1.min(count));
                open.first().cloned()
            }
        }
    }
}

pub(crate) struct FileReader {
    reader: Option<Box<dyn Read + Send>>,
    file: Arc<InputFile>,
    runtime: Handle,
    progress: Arc<SourceProgress>,
    records: Arc<dyn Records>,
    /// The beginning of a record whose end is not read yet.
    carry: Vec<u8>,
    line: u64,
    header: Option<Arc<Vec<String>>>,
    ended: bool,
}

impl FileReader {
    fn next_chunk(
        &mut self,
        buffer: &mut Vec<u8>,
        size: usize,
    ) -> Result<Option<Chunk>, ConnectorError> {
        let first = self.reader.is_none();
        if first {
            let progress = self.progress.clone();
            self.reader = Some(input::open(&self.file, progress, &self.runtime)?);
        }
        let mut data = std::mem::take(buffer);
        let mut length = self.carry.len();
        let mut size = size.max(length + length / 2);
        if data.len() < size + PADDING {
            data.resize(size + PADDING, 0);
        }
        data[..length].copy_from_slice(&self.carry);
        self.carry.clear();
        let end = loop {
            length = self.fill(&mut data, length, size)?;
            if first && let Some((kind, hint)) = input::not_text(&data[..length]) {
                let shown = &self.file.shown;
                let message = format!("{shown}: this is {kind}, where UTF-8 text is expected");
                return Err(ConnectorError::data(message).with_hint(hint.to_owned()));
            }
            if first && self.line == 1 && data[..length].starts_with(b"\xEF\xBB\xBF") {
                data.copy_within(3..length, 0);
                length -= 3;
            }
            if self.ended {
                if length > 0 && data[length - 1] != b'\n' {
                    if data.len() < length + 1 + PADDING {
                        data.resize(length + 1 + PADDING, 0);
                    }
                    data[length] = b'\n';
                    length += 1;
                }
                break length;
            }
            if let Some(end) = self.records.last_end(&data[..length]) {
                break end;
            }
            if size >= MAX_RECORD {
                return Err(ConnectorError::data(format!(
                    "{}, line {}: the record is longer than {} MiB",
                    self.file.shown,
                    self.line,
                    MAX_RECORD >> 20
                ))
                .with_hint("is a quote left open there, or is this no text file?".to_owned()));
            }
            size = (size * 2).min(MAX_RECORD);
            data.resize(size + PADDING, 0);
        };
        if end == 0 {
            *buffer = data;
            return Ok(None);
        }
        self.carry.extend_from_slice(&data[end..length]);
        let first_line = self.line;
        self.line += newlines(&data[..end]);
        let mut position = 0;
        if first {
            let header = self.records.header(&data[..end]).map_err(|problem| {
                ConnectorError::data(format!("{}, line 1: {problem}", self.file.shown))
            })?;
            if let Some((names, data_start)) = header {
                self.header = Some(Arc::new(names));
                position = data_start;
            }
        }
        Ok(Some(Chunk {
            data,
            length: end,
            position,
            first_line,
            file: self.file.clone(),
            header: self.header.clone(),
        }))
    }

    /// Reads until `data` holds `size` bytes of text or the file ends; answers how many it holds.
    fn fill(
        &mut self,
        data: &mut [u8],
        mut length: usize,
        size: usize,
    ) -> Result<usize, ConnectorError> {
        let Some(reader) = &mut self.reader else {
            return Ok(length);
        };
        while length < size && !self.ended {
            match reader.read(&mut data[length..size]) {
                Ok(0) => self.ended = true,
                Ok(read) => length += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.damaged(&error)),
            }
        }
        Ok(length)
    }

    fn damaged(&self, error: &io::Error) -> ConnectorError {
        let compressed = input::is_compressed(&self.file.name);
        match error.kind() {
            io::ErrorKind::InvalidInput
            | io::ErrorKind::InvalidData
            | io::ErrorKind::UnexpectedEof
            | io::ErrorKind::Other
                if compressed =>
            {
                ConnectorError::data(format!(
                    "{}: the compressed data are damaged behind line {}: {error}",
                    self.file.shown, self.line
                ))
                .with_hint("is the file complete, and of the kind that its ending says?".to_owned())
            }
            _ => ConnectorError::io("read", &self.file.shown, error),
        }
    }
}
