//! The bytes of a file: from disk or an object store, decompressed by the name's ending.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::sync::Arc;

use bytes::{Buf, Bytes};
use flate2::bufread::MultiGzDecoder;
use futures::StreamExt;
use futures::stream::BoxStream;
use object_store::ObjectStoreExt;
use tokio::runtime::Handle;

use super::location::{InputFile, Place, object_error};
use crate::{ConnectorError, SourceProgress};

/// Opens a file for reading; blocks.
///
/// Must not run on a thread that drives `runtime`'s tasks: an object store's bytes are waited for.
pub(crate) fn open(
    file: &InputFile,
    progress: Arc<SourceProgress>,
    runtime: &Handle,
) -> Result<Box<dyn Read + Send>, ConnectorError> {
    let stored: Box<dyn Read + Send> = match &file.place {
        Place::Local(path) => Box::new(
            File::open(path).map_err(|error| ConnectorError::io("read", &file.shown, &error))?,
        ),
        Place::Object(store, path) => {
            let result = runtime
                .block_on(store.get(path))
                .map_err(|error| object_error("read", &file.shown, &error))?;
            Box::new(ObjectReader {
                stream: result.into_stream(),
                current: Bytes::new(),
                runtime: runtime.clone(),
            })
        }
    };
    let counted = Counted {
        inner: stored,
        progress,
    };
    Ok(match file.name.rsplit_once('.').map(|(_, ending)| ending) {
        Some("gz") => Box::new(MultiGzDecoder::new(BufReader::with_capacity(
            1 << 16,
            counted,
        ))),
        Some("zst") => {
            let decoder = zstd::stream::read::Decoder::new(counted)
                .map_err(|error| ConnectorError::io("read", &file.shown, &error))?;
            Box::new(decoder)
        }
        _ => Box::new(counted),
    })
}

/// What a file's first bytes say that it is, where text is expected, and what to do.
pub(crate) fn not_text(start: &[u8]) -> Option<(&'static str, &'static str)> {
    const RENAME: &str = "the name's ending decides: .gz for gzip, .zst for zstd";
    const KINDS: &[(&[u8], &str, &str)] = &[
        (b"\x1f\x8b", "compressed with gzip", RENAME),
        (b"\x28\xb5\x2f\xfd", "compressed with zstd", RENAME),
        (
            b"BZh91AY&SY",
            "compressed with bzip2",
            "gzip and zstd are supported",
        ),
        (
            b"\xfd7zXZ\0",
            "compressed with xz",
            "gzip and zstd are supported",
        ),
        (
            b"PK\x03\x04",
            "a zip archive",
            "unpack it, or compress with gzip or zstd",
        ),
        (b"PAR1\x15", "a Parquet file", "set 'format' = 'parquet'"),
        (
            b"\xff\xfe",
            "UTF-16 text",
            "convert it to UTF-8, for example with iconv",
        ),
        (
            b"\xfe\xff",
            "UTF-16 text",
            "convert it to UTF-8, for example with iconv",
        ),
    ];
    KINDS
        .iter()
        .find(|(magic, ..)| start.starts_with(magic))
        .map(|(_, kind, hint)| (*kind, *hint))
}

/// Whether the name has a compression's ending.
pub(crate) fn is_compressed(name: &str) -> bool {
    name.ends_with(".gz") || name.ends_with(".zst")
}

struct Counted<R> {
    inner: R,
    progress: Arc<SourceProgress>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.progress.add_bytes(read as u64);
        Ok(read)
    }
}

struct ObjectReader {
    stream: BoxStream<'static, object_store::Result<Bytes>>,
    current: Bytes,
    runtime: Handle,
}

impl Read for ObjectReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.current.is_empty() {
            match self.runtime.block_on(self.stream.next()) {
                Some(bytes) => self.current = bytes.map_err(io::Error::other)?,
                None => return Ok(0),
            }
        }
        let length = buffer.len().min(self.current.len());
        self.current.copy_to_slice(&mut buffer[..length]);
        Ok(length)
    }
}
