//! Files of chunks.

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
    sync::{
        Arc, Weak,
        atomic::{AtomicUsize, Ordering},
    },
};

use arrow::{
    array::RecordBatch,
    datatypes::{DataType, SchemaRef},
    error::ArrowError,
    ipc::{reader::FileReader, writer::FileWriter},
};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use crate::chunk::Rows;

/// Where chunks of one segment are written: what a checkpoint notes of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The file's name in the folder of segments.
    pub segment: String,
    /// Their numbers among the file's record batches.
    pub batches: Vec<u32>,
}

/// A file of chunks in Arrow's IPC format, one record batch a chunk. It does not change.
#[derive(Debug)]
pub(crate) struct Segment {
    path: PathBuf,
    name: String,
    chunks: Mutex<Vec<Weak<Rows>>>,
    /// Bytes of all its chunks, and of those that are still held.
    written: AtomicUsize,
    held: AtomicUsize,
}

impl Segment {
    pub(crate) fn new(folder: &Path, name: String) -> Self {
        Segment {
            path: folder.join(&name),
            name,
            chunks: Mutex::default(),
            written: AtomicUsize::new(0),
            held: AtomicUsize::new(0),
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn add(&self, rows: &Arc<Rows>) {
        self.chunks.lock().push(Arc::downgrade(rows));
        self.written.fetch_add(rows.bytes, Ordering::Relaxed);
        self.held.fetch_add(rows.bytes, Ordering::Relaxed);
    }

    /// A chunk of so many bytes is no longer held, or elsewhere.
    pub(crate) fn leave(&self, bytes: usize) {
        self.held.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Whether more than half of it is of no use.
    pub(crate) fn is_sparse(&self) -> bool {
        let held = self.held.load(Ordering::Relaxed);
        held > 0 && held < self.written.load(Ordering::Relaxed) / 2
    }

    pub(crate) fn is_held(&self) -> bool {
        self.held.load(Ordering::Relaxed) > 0
    }

    pub(crate) fn chunks(&self) -> Vec<Arc<Rows>> {
        self.chunks
            .lock()
            .iter()
            .filter_map(Weak::upgrade)
            .collect()
    }

    /// Writes batches to a file that is not there yet, and has them on disk.
    pub(crate) fn write(&self, schema: &SchemaRef, batches: &[RecordBatch]) -> io::Result<()> {
        let file = File::create_new(&self.path)?;
        let written = || -> Result<File, ArrowError> {
            let mut writer = FileWriter::try_new_buffered(file, schema)?;
            for batch in batches {
                writer.write(batch)?;
            }
            writer.finish()?;
            let file = writer.into_inner()?.into_inner();
            file.map_err(|error| error.into_error().into())
        };
        written().map_err(io_error)?.sync_all()
    }

    pub(crate) fn read(&self, index: u32) -> io::Result<RecordBatch> {
        let read = open(&self.path).and_then(|mut reader| read_at(&mut reader, index));
        read.map_err(|error| {
            let path = self.path.display();
            io::Error::new(error.kind(), format!("state in {path}: {error}"))
        })
    }
}

fn open(path: &Path) -> io::Result<FileReader<io::BufReader<File>>> {
    FileReader::try_new_buffered(File::open(path)?, None).map_err(io_error)
}

fn read_at(reader: &mut FileReader<io::BufReader<File>>, index: u32) -> io::Result<RecordBatch> {
    let short = || io::Error::other(format!("there is no batch {index}"));
    if index as usize >= reader.num_batches() {
        return Err(short());
    }
    reader.set_index(index as usize).map_err(io_error)?;
    let batch = reader.next().ok_or_else(short)?;
    batch.map_err(io_error)
}

/// The batches at a place in a segment of `folder`, read one by one. Fails if the file cannot be read
/// as a segment, or if its columns are of other types than those of `schema`.
pub fn read_batches<'a>(
    folder: &Path,
    place: &'a Place,
    schema: &SchemaRef,
) -> io::Result<impl Iterator<Item = io::Result<RecordBatch>> + use<'a>> {
    let mut reader = open(&folder.join(&place.segment))?;
    let types = |schema: &SchemaRef| -> Vec<DataType> {
        let fields = schema.fields().iter();
        fields.map(|field| field.data_type().clone()).collect()
    };
    if types(&reader.schema()) != types(schema) {
        return Err(io::Error::other("its columns are of other types"));
    }
    let batches = place.batches.iter();
    Ok(batches.map(move |index| read_at(&mut reader, *index)))
}

fn io_error(error: ArrowError) -> io::Error {
    match error {
        ArrowError::IoError(_, error) => error,
        error => io::Error::other(error),
    }
}
