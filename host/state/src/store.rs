//! Keeps account of a job's chunks: what is in memory, what is written, and where.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fs, io,
    path::{Path, PathBuf},
    sync::{
        Arc, Weak,
        atomic::{AtomicU64, Ordering},
    },
};

use arrow::{
    array::{Array, ArrayRef, MutableArrayData, RecordBatch, RecordBatchOptions, make_array},
    datatypes::SchemaRef,
    error::ArrowError,
};
use parking_lot::Mutex;
use tokio::task::{JoinHandle, spawn_blocking};

use crate::{
    chunk::{Account, Chunk, Rows},
    segment::Segment,
};

/// Bytes of a column that are too few to count.
const SMALL: usize = 256;

/// Bytes that a checkpoint may have to write itself.
const LITTLE: usize = 1 << 20;

/// How often what is new is written before a checkpoint, which then writes what has come since.
const ROUNDS: u32 = 3;

/// So many bytes that no segment has are written while epochs run, before a checkpoint wants them.
const AHEAD: usize = 16 << 20;

const EXTENSION: &str = "arrow";

/// The chunks of one job, and the segments that they are written to.
///
/// Without a folder (neither [`open_beside`](Self::open_beside) nor [`open_scratch`](Self::open_scratch))
/// nothing is written, and all chunks stay in memory. What concerns files runs on tokio's blocking
/// threads; the caller waits only where a method says so.
#[derive(Debug)]
pub struct StateStore {
    /// Bytes that may be in memory.
    memory: usize,
    account: Arc<Account>,
    books: Mutex<Books>,
}

#[derive(Debug, Default)]
struct Books {
    /// All chunks that are in memory, and some that are not.
    chunks: Vec<Weak<Rows>>,
    files: Option<Arc<Files>>,
    /// Writes what it can while epochs run.
    writing: Option<JoinHandle<io::Result<()>>>,
    /// How often that was begun for the checkpoint to come.
    rounds: u32,
}

/// The files of one run.
#[derive(Debug)]
struct Files {
    folder: PathBuf,
    /// What is unwritten is written ahead of a checkpoint once it is so many bytes.
    ahead: usize,
    /// What their names begin with.
    prefix: String,
    next: AtomicU64,
    segments: Mutex<Vec<Arc<Segment>>>,
    /// What the checkpoints need that are kept.
    wanted: Mutex<BTreeMap<u64, BTreeSet<String>>>,
}

/// Makes the chunks of one node, all of the same columns.
#[derive(Debug, Clone)]
pub struct Keeper {
    store: Arc<StateStore>,
    schema: SchemaRef,
}

impl Keeper {
    /// Chunks that `store` keeps account of, of the columns of `schema`.
    pub fn new(store: &Arc<StateStore>, schema: SchemaRef) -> Self {
        Keeper {
            store: Arc::clone(store),
            schema,
        }
    }

    /// Of each chunk.
    pub fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    /// A chunk of these rows, in memory. `needed` says when they are needed again, in any unit: what
    /// has a higher one leaves memory first. Fails if the columns' types are not the schema's.
    pub fn chunk(&self, batch: RecordBatch, needed: i64) -> Result<Chunk, ArrowError> {
        // Fields may differ in what they say about themselves.
        let rows = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        let (_, columns, _) = batch.into_parts();
        let schema = Arc::clone(&self.schema);
        let columns: Result<_, _> = columns.iter().map(compact).collect();
        let batch = RecordBatch::try_new_with_options(schema, columns?, &rows)?;
        let rows = Arc::new(Rows::new(batch, needed, Arc::clone(&self.store.account)));
        self.store.books.lock().add(&rows);
        Ok(Chunk(rows))
    }
}

/// The column itself, or a copy if most of its memory is of no use: what is held is held long.
fn compact(column: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    let data = column.to_data();
    match data.get_slice_memory_size() {
        Ok(size) if column.get_array_memory_size() > 2 * size + SMALL => {
            let mut copy = MutableArrayData::new(vec![&data], true, data.len());
            copy.try_extend(0, 0, data.len())?;
            Ok(make_array(copy.freeze()))
        }
        _ => Ok(Arc::clone(column)),
    }
}

impl Books {
    fn add(&mut self, rows: &Arc<Rows>) {
        // Half of them are gone, or it is worth a look.
        if self.chunks.len() == self.chunks.capacity() {
            self.chunks.retain(|chunk| chunk.strong_count() > 0);
            let wanted = self.chunks.len().max(64);
            self.chunks.reserve(wanted);
        }
        self.chunks.push(Arc::downgrade(rows));
    }

    fn chunks(&self) -> impl Iterator<Item = Arc<Rows>> {
        self.chunks.iter().filter_map(Weak::upgrade)
    }

    fn unwritten(&self) -> Vec<Arc<Rows>> {
        self.chunks().filter(|rows| !rows.is_written()).collect()
    }
}

impl StateStore {
    /// `memory`: the bytes of state that may be in memory.
    pub fn new(memory: usize) -> Self {
        StateStore {
            memory,
            account: Arc::default(),
            books: Mutex::default(),
        }
    }

    /// Begins anew with the segments in a folder, which is made if need be: those that checkpoints
    /// need (`wanted`, by the checkpoints' numbers). All others are removed. New ones are named after
    /// `writer`. Fails if the folder cannot be read or written.
    pub async fn open_beside(
        &self,
        folder: &Path,
        writer: &str,
        wanted: BTreeMap<u64, BTreeSet<String>>,
    ) -> io::Result<()> {
        self.open(folder, writer, wanted, AHEAD).await
    }

    /// Begins anew, for a job without checkpoints: writes only what does not fit into memory. Removes
    /// the segments in the folder. Fails if it cannot be read or written.
    pub async fn open_scratch(&self, folder: &Path) -> io::Result<()> {
        self.open(folder, "state", BTreeMap::new(), usize::MAX)
            .await
    }

    async fn open(
        &self,
        folder: &Path,
        writer: &str,
        wanted: BTreeMap<u64, BTreeSet<String>>,
        ahead: usize,
    ) -> io::Result<()> {
        // Of the run before; whether it could be written matters no more.
        self.finish_writing().await.ok();
        fs::create_dir_all(folder)?;
        // No name is given twice.
        let before = self.books.lock().files.take();
        let mut next = before.map_or(0, |files| files.next.load(Ordering::Relaxed));
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            let number = name
                .strip_suffix(EXTENSION)
                .and_then(|name| name.strip_suffix('.'));
            let number = number.and_then(|name| name.rsplit('-').next());
            let Some(number) = number.and_then(|number| number.parse::<u64>().ok()) else {
                continue;
            };
            next = next.max(number.saturating_add(1));
            if !wanted.values().any(|names| names.contains(name.as_ref())) {
                fs::remove_file(entry.path())?;
            }
        }
        self.books.lock().files = Some(Arc::new(Files {
            folder: folder.to_owned(),
            ahead,
            prefix: writer.to_owned(),
            next: AtomicU64::new(next),
            segments: Mutex::default(),
            wanted: Mutex::new(wanted),
        }));
        Ok(())
    }

    /// Between two epochs: writes while the next ones run, and makes room in memory. Waits for the disk
    /// only where more is in memory than may be, and much of that is in no segment. Fails if a segment
    /// cannot be written.
    pub async fn relieve(&self) -> io::Result<()> {
        if self.is_behind() {
            self.finish_writing().await?;
            self.begin_writing(Files::write_and_tidy);
        }
        if self.is_full() {
            // Most of it is written by then, and what is left can wait.
            if self.unwritten() > self.memory / 4 {
                self.write_all().await?;
            }
            self.make_room();
            // No checkpoint may come that would do it.
            let files = self.books.lock().files.clone();
            files.map_or(Ok(()), |files| files.clean(BTreeSet::new()))?;
        }
        Ok(())
    }

    /// Before a checkpoint, between two epochs: whether it will have little to write. Otherwise what is
    /// new is written while the next epochs run; asked a few times, it says yes in any case. Fails if a
    /// segment cannot be written.
    pub async fn is_ready(&self) -> io::Result<bool> {
        if self.is_writing() {
            return Ok(false);
        }
        self.finish_writing().await?;
        let files = self.books.lock().files.clone();
        let little = self.unwritten() <= LITTLE && !files.is_some_and(|files| files.is_sparse());
        let rounds = {
            let rounds = &mut self.books.lock().rounds;
            *rounds = if little || *rounds >= ROUNDS {
                0
            } else {
                *rounds + 1
            };
            *rounds
        };
        if rounds > 0 {
            self.begin_writing(Files::write_and_tidy);
        }
        Ok(rounds == 0)
    }

    fn is_writing(&self) -> bool {
        let books = self.books.lock();
        let writing = books.writing.as_ref();
        writing.is_some_and(|writing| !writing.is_finished())
    }

    /// Has all chunks in segments, on disk (synced): then [`places`](crate::places) knows them all. Fails
    /// if a segment cannot be written.
    pub async fn write_all(&self) -> io::Result<()> {
        self.finish_writing().await?;
        self.begin_writing(Files::write_chunks);
        self.finish_writing().await
    }

    /// A checkpoint is kept that names these segments, and those before `oldest` are not. Removes the
    /// segments that nothing needs; fails if that cannot be done.
    pub fn retain(&self, checkpoint: u64, names: BTreeSet<String>, oldest: u64) -> io::Result<()> {
        let files = self.books.lock().files.clone();
        let Some(files) = files else {
            return Ok(());
        };
        let mut wanted = files.wanted.lock();
        wanted.insert(checkpoint, names);
        let kept = wanted.split_off(&oldest);
        let dropped = std::mem::replace(&mut *wanted, kept);
        drop(wanted);
        files.clean(dropped.into_values().flatten().collect())
    }

    /// Bytes of chunks in memory.
    pub(crate) fn in_memory(&self) -> usize {
        self.account.in_memory.load(Ordering::Relaxed)
    }

    /// Bytes of chunks that no segment has.
    fn unwritten(&self) -> usize {
        self.account.unwritten.load(Ordering::Relaxed)
    }

    /// Whether more is in memory than may be.
    pub fn is_full(&self) -> bool {
        self.in_memory() > self.memory
    }

    /// Leaves chunks to their files, those first that are needed last.
    fn make_room(&self) {
        let mut chunks: Vec<_> = self.books.lock().chunks().collect();
        chunks.retain(|rows| rows.is_written() && rows.is_in_memory());
        // Of those that are needed at one time the oldest goes first: young ones may be put together.
        chunks.reverse();
        chunks.sort_by_key(|rows| rows.needed);
        // Room for more than the next rows.
        let enough = self.memory / 4 * 3;
        while self.in_memory() > enough
            && let Some(rows) = chunks.pop()
        {
            rows.forget();
        }
    }

    /// Whether there is much to write, and nobody writes.
    fn is_behind(&self) -> bool {
        let books = self.books.lock();
        let ahead = books.files.as_ref().map_or(usize::MAX, |files| files.ahead);
        drop(books);
        self.unwritten() >= ahead && !self.is_writing()
    }

    fn begin_writing(&self, write: fn(&Files, Vec<Arc<Rows>>) -> io::Result<()>) {
        let mut books = self.books.lock();
        let Some(files) = books.files.clone() else {
            return;
        };
        let unwritten = books.unwritten();
        books.writing = Some(spawn_blocking(move || write(&files, unwritten)));
    }

    /// Waits for what is written while epochs run. Fails as that did.
    pub async fn finish_writing(&self) -> io::Result<()> {
        let writing = self.books.lock().writing.take();
        match writing {
            Some(writing) => writing.await.map_err(io::Error::other)?,
            None => Ok(()),
        }
    }
}

impl Files {
    /// Removes the segments, and those of these names, that no chunk and no checkpoint needs.
    fn clean(&self, mut useless: BTreeSet<String>) -> io::Result<()> {
        let wanted = self.wanted.lock();
        let mut segments = self.segments.lock();
        useless.extend(segments.iter().map(|segment| segment.name().to_owned()));
        useless.retain(|name| {
            let mut of_name = segments.iter().filter(|segment| segment.name() == name);
            let held = of_name.any(|segment| segment.is_held());
            !held && !wanted.values().any(|names| names.contains(name))
        });
        segments.retain(|segment| !useless.contains(segment.name()));
        for name in useless {
            match fs::remove_file(self.folder.join(name)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    fn is_sparse(&self) -> bool {
        self.segments
            .lock()
            .iter()
            .any(|segment| segment.is_sparse())
    }

    /// Writes chunks, and those of segments that are mostly of no use.
    fn write_and_tidy(&self, mut chunks: Vec<Arc<Rows>>) -> io::Result<()> {
        let sparse = self.segments.lock().clone();
        let sparse = sparse.iter().filter(|segment| segment.is_sparse());
        chunks.extend(sparse.flat_map(|segment| segment.chunks()));
        self.write_chunks(chunks)
    }

    fn write_chunks(&self, chunks: Vec<Arc<Rows>>) -> io::Result<()> {
        let mut by_schema: HashMap<*const arrow::datatypes::Schema, Vec<Arc<Rows>>> =
            HashMap::new();
        for rows in chunks {
            by_schema
                .entry(Arc::as_ptr(&rows.schema))
                .or_default()
                .push(rows);
        }
        for chunks in by_schema.into_values() {
            self.write_segment(&chunks)?;
        }
        Ok(())
    }

    fn write_segment(&self, chunks: &[Arc<Rows>]) -> io::Result<()> {
        let Some(first) = chunks.first() else {
            return Ok(());
        };
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let name = format!("{}-{number}.{EXTENSION}", self.prefix);
        let segment = Arc::new(Segment::new(&self.folder, name));
        let batches = chunks.iter().map(|rows| rows.load());
        let batches = batches.collect::<io::Result<Vec<_>>>()?;
        if let Err(error) = segment.write(&first.schema, &batches) {
            fs::remove_file(segment.path()).ok();
            return Err(error);
        }
        for (index, rows) in (0..).zip(chunks) {
            rows.written(&segment, index);
        }
        self.segments.lock().push(segment);
        Ok(())
    }
}
