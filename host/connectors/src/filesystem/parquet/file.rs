//! The bytes of a Parquet file, as its reader asks for them.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use object_store::local::LocalFileSystem;
use object_store::path::Path as ObjectPath;
use object_store::{ObjectStore, ObjectStoreExt};
use parquet::arrow::arrow_reader::ArrowReaderOptions;
use parquet::arrow::async_reader::AsyncFileReader;
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader};

use crate::ConnectorError;
use crate::filesystem::location::{InputFile, Place};

/// Bytes at a file's end that are read at once, in the hope that the whole footer is among them.
const FOOTER: usize = 64 << 10;

/// One file, local or not.
#[derive(Debug, Clone)]
pub(super) struct ParquetFile {
    store: Arc<dyn ObjectStore>,
    path: ObjectPath,
    size: u64,
}

impl ParquetFile {
    pub(super) fn new(file: &InputFile) -> std::result::Result<Self, ConnectorError> {
        let (store, path): (Arc<dyn ObjectStore>, _) = match &file.place {
            Place::Object(store, path) => (store.clone(), path.clone()),
            Place::Local(path) => {
                let path = ObjectPath::from_absolute_path(path).map_err(|error| {
                    ConnectorError::environment(format!("cannot read {}: {error}", file.shown))
                })?;
                (Arc::new(LocalFileSystem::new()), path)
            }
        };
        Ok(Self {
            store,
            path,
            size: file.size,
        })
    }

    /// A damaged footer may name any range.
    fn check(&self, range: &Range<u64>) -> Result<()> {
        if range.start <= range.end && range.end <= self.size {
            return Ok(());
        }
        Err(ParquetError::EOF(format!(
            "bytes {} to {} are asked for, the file has {}",
            range.start, range.end, self.size
        )))
    }
}

impl AsyncFileReader for ParquetFile {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, Result<Bytes>> {
        async move {
            self.check(&range)?;
            Ok(self.store.get_range(&self.path, range).await?)
        }
        .boxed()
    }

    fn get_byte_ranges(&mut self, ranges: Vec<Range<u64>>) -> BoxFuture<'_, Result<Vec<Bytes>>> {
        async move {
            for range in &ranges {
                self.check(range)?;
            }
            Ok(self.store.get_ranges(&self.path, &ranges).await?)
        }
        .boxed()
    }

    fn get_metadata<'a>(
        &'a mut self,
        options: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, Result<Arc<ParquetMetaData>>> {
        async move {
            let size = self.size;
            let reader = ParquetMetaDataReader::new()
                .with_arrow_reader_options(options)
                .with_prefetch_hint(Some(FOOTER));
            Ok(Arc::new(reader.load_and_finish(self, size).await?))
        }
        .boxed()
    }
}
