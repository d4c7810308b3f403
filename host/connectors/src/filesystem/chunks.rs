//! Hands out text in chunks that end at a record's end, to any number of partitions.
//!
//! Invariant: a partition holds at most two chunks, the one that it decodes and the one that is read
//! meanwhile, so that memory is bounded by the partitions. A partition reads its own file while there
//! are unopened ones, and helps with others' afterwards, so that one large file and many compressed
//! files both keep all partitions busy.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::runtime::Handle;
use tokio::sync::{Mutex as AsyncMutex, Notify, OwnedMutexGuard};
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
    pub(crate) lines: Lines,
    pub(crate) file: Arc<InputFile>,
    /// The columns' names, where the file has a header.
    pub(crate) header: Option<Arc<Vec<String>>>,
}

/// Counts the lines of a text, each once.
pub(crate) struct Lines {
    /// The byte that was last asked for, and the number in the file, from 1, of its line.
    at: usize,
    line: u64,
}

impl Lines {
    fn new(first_line: u64) -> Self {
        Lines {
            at: 0,
            line: first_line,
        }
    }

    /// The number of the line that holds the byte at `position`: no earlier one than before.
    pub(crate) fn number(&mut self, text: &[u8], position: usize) -> u64 {
        self.line += text.get(self.at..position).map_or(0, newlines);
        self.at = position;
        self.line
    }
}

fn newlines(text: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', text).count() as u64
}

/// A file that partitions read in turn.
struct OpenFile {
    path: String,
    /// `None` once it is read.
    reader: Arc<AsyncMutex<Option<FileReader>>>,
    /// Bytes of its text, decompressed, that were handed out.
    handed_out: Arc<AtomicU64>,
}

type Slot = Arc<OpenFile>;

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

/// What a partition gets.
pub(crate) enum Next {
    Chunk(Chunk),
    /// There is none now, but there may be: see [`ChunkQueue::arrival`].
    Later,
    End,
}

/// Whether files are added to a queue.
enum Growth {
    Never,
    Goes,
    Failed(Option<ConnectorError>),
}

/// Where the reading of files stands: what is needed to go on from there.
#[derive(Default, Serialize, Deserialize)]
pub(crate) struct FilePositions {
    /// Files that are read to their ends.
    done: BTreeSet<String>,
    /// Of files that are read in part, the bytes of text, decompressed, before the next record.
    open: BTreeMap<String, u64>,
}

impl Place {
    /// Gives a chunk's memory back, for one of the next.
    pub(crate) fn recycle(&mut self, chunk: Chunk) {
        self.buffer = chunk.data;
    }
}

/// The files of a source, and those that are being read. Whoever locks several of these does so in this
/// order.
pub(crate) struct ChunkQueue {
    open: Mutex<Vec<Slot>>,
    files: Mutex<VecDeque<Arc<InputFile>>>,
    /// Of files that are opened later, the bytes that are passed over.
    skips: Mutex<BTreeMap<String, u64>>,
    done: Mutex<BTreeSet<String>>,
    growth: Mutex<Growth>,
    grown: Notify,
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
            open: Mutex::default(),
            files: Mutex::new(files.into()),
            skips: Mutex::default(),
            done: Mutex::default(),
            growth: Mutex::new(Growth::Never),
            grown: Notify::new(),
            records,
            chunk_bytes: chunk_bytes.clamp(1, MAX_RECORD),
            progress,
        }
    }

    /// Goes on where an earlier reading stood: passes over what it read.
    pub(crate) fn resume(&self, positions: FilePositions) {
        let mut files = self.files.lock();
        files.retain(|file| !positions.done.contains(&file.path));
        *self.skips.lock() = positions.open;
        *self.done.lock() = positions.done;
    }

    /// Where the reading stands, while no partition holds a chunk.
    pub(crate) fn positions(&self) -> FilePositions {
        let open = self.open.lock();
        let read = open.iter().map(|file| {
            let handed_out = file.handed_out.load(Ordering::Acquire);
            (file.path.clone(), handed_out)
        });
        let mut positions = FilePositions {
            done: self.done.lock().clone(),
            open: self.skips.lock().clone(),
        };
        positions.open.extend(read.filter(|(_, bytes)| *bytes > 0));
        positions
    }

    /// From now on a partition that finds no file is to wait.
    pub(crate) fn grow(&self) {
        *self.growth.lock() = Growth::Goes;
    }

    /// Adds those of a folder's files that are not known yet.
    pub(crate) fn add(&self, found: Vec<Arc<InputFile>>) {
        let open = self.open.lock();
        let mut files = self.files.lock();
        let done = self.done.lock();
        let known = |file: &InputFile| {
            done.contains(&file.path)
                || open.iter().any(|open| open.path == file.path)
                || files.iter().any(|waiting| waiting.path == file.path)
        };
        let new: Vec<_> = found.into_iter().filter(|file| !known(file)).collect();
        if !new.is_empty() {
            files.extend(new);
            self.grown.notify_waiters();
        }
    }

    /// The partitions fail with what keeps files from being added.
    pub(crate) fn fail(&self, error: ConnectorError) {
        *self.growth.lock() = Growth::Failed(Some(error));
        self.grown.notify_waiters();
    }

    /// Waits until there is a reason to ask for a chunk again.
    pub(crate) async fn arrival(&self) {
        let mut grown = std::pin::pin!(self.grown.notified());
        grown.as_mut().enable();
        if self.files.lock().is_empty() && matches!(*self.growth.lock(), Growth::Goes) {
            grown.await;
        }
    }

    /// The next chunk for a partition, while the one behind it is being read already. A call that is
    /// dropped loses nothing.
    pub(crate) async fn next(&self, place: &mut Place) -> Result<Next, ConnectorError> {
        loop {
            let slot = match &place.slot {
                Some(slot) => slot.clone(),
                None => match self.claim() {
                    Some(slot) => place.slot.insert(slot).clone(),
                    None => {
                        return match &mut *self.growth.lock() {
                            Growth::Never => Ok(Next::End),
                            Growth::Goes => Ok(Next::Later),
                            Growth::Failed(error) => error.take().map_or(Ok(Next::End), Err),
                        };
                    }
                },
            };
            if place.ahead.is_none() {
                let reader = slot.reader.clone().lock_owned().await;
                place.ahead = Some(self.read(reader, place));
            }
            if let Some(chunk) = self.ahead(place).await? {
                // Where another partition reads the file just now, there is nothing to be won.
                if let Ok(reader) = slot.reader.clone().try_lock_owned() {
                    place.ahead = Some(self.read(reader, place));
                }
                return Ok(Next::Chunk(chunk));
            }
        }
    }

    /// The chunk that is on its way to a partition, if there is one.
    pub(crate) async fn ahead(&self, place: &mut Place) -> Result<Option<Chunk>, ConnectorError> {
        let Some(reading) = &mut place.ahead else {
            return Ok(None);
        };
        let (chunk, unused) = reading
            .await
            .map_err(|error| ConnectorError::unexpected("reading a file", error))?;
        place.ahead = None;
        if let Some(chunk) = chunk? {
            return Ok(Some(chunk));
        }
        place.buffer = unused;
        if let Some(slot) = place.slot.take() {
            let mut open = self.open.lock();
            self.done.lock().insert(slot.path.clone());
            open.retain(|known| !Arc::ptr_eq(known, &slot));
        }
        Ok(None)
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
                let path = file.path.clone();
                let handed_out = Arc::new(AtomicU64::new(0));
                let reader = FileReader {
                    reader: None,
                    skip: self.skips.lock().remove(&path).unwrap_or(0),
                    offset: 0,
                    handed_out: handed_out.clone(),
                    file,
                    runtime: Handle::current(),
                    progress: self.progress.clone(),
                    records: self.records.clone(),
                    carry: Vec::new(),
                    line: 1,
                    header: None,
                    ended: false,
                };
                handed_out.store(reader.skip, Ordering::Release);
                let slot = Arc::new(OpenFile {
                    path,
                    reader: Arc::new(AsyncMutex::new(Some(reader))),
                    handed_out,
                });
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

struct FileReader {
    reader: Option<Box<dyn Read + Send>>,
    /// Bytes of text at the start that an earlier reading gave.
    skip: u64,
    /// Bytes of text before the next chunk.
    offset: u64,
    handed_out: Arc<AtomicU64>,
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
    /// The next chunk behind what is passed over.
    fn next_chunk(
        &mut self,
        buffer: &mut Vec<u8>,
        size: usize,
    ) -> Result<Option<Chunk>, ConnectorError> {
        while let Some(mut chunk) = self.read_chunk(buffer, size)? {
            let start = self.offset;
            self.offset += chunk.length as u64;
            if self.offset <= self.skip {
                *buffer = chunk.data;
                continue;
            }
            if start < self.skip {
                chunk.position = chunk.position.max((self.skip - start) as usize);
            }
            self.handed_out.store(self.offset, Ordering::Release);
            return Ok(Some(chunk));
        }
        if self.offset < self.skip {
            return Err(ConnectorError::data(format!(
                "{}: the checkpoint stands behind {} bytes of its text, but it has only {}",
                self.file.shown, self.skip, self.offset
            ))
            .with_hint("a file must not change while a job reads it".to_owned()));
        }
        Ok(None)
    }

    fn read_chunk(
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
            lines: Lines::new(first_line),
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
