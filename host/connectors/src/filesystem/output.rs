//! The bytes of a part file on their way to disk or into an object store.

use std::fs::File;
use std::io::{self, ErrorKind, Write};

use object_store::{MultipartUpload, PutPayload};

use super::location::object_error;
use crate::ConnectorError;

/// Object stores want parts of one size, of at least 5 MiB.
const UPLOAD_PART: usize = 8 << 20;

/// One file that is being written.
pub(crate) struct Output {
    target: Target,
    /// As messages show it.
    shown: String,
    written: u64,
}

enum Target {
    /// `None` while a write has it, and after one that failed.
    Local(Option<File>),
    Upload {
        upload: Box<dyn MultipartUpload>,
        pending: Vec<u8>,
    },
}

impl Output {
    pub(crate) fn local(file: File, shown: String) -> Self {
        Self {
            target: Target::Local(Some(file)),
            shown,
            written: 0,
        }
    }

    pub(crate) fn upload(upload: Box<dyn MultipartUpload>, shown: String) -> Self {
        let pending = Vec::new();
        Self {
            target: Target::Upload { upload, pending },
            shown,
            written: 0,
        }
    }

    /// Bytes taken so far.
    pub(crate) fn written(&self) -> u64 {
        self.written
    }

    /// Writes all of `bytes`; leaves it empty, with its memory.
    pub(crate) async fn write(&mut self, bytes: &mut Vec<u8>) -> Result<(), ConnectorError> {
        let length = bytes.len() as u64;
        match &mut self.target {
            Target::Local(slot) => {
                let mut file = slot.take().ok_or_else(|| closed(&self.shown))?;
                let taken = std::mem::take(bytes);
                let (file, taken, result) = blocking(move || {
                    let result = file.write_all(&taken);
                    (file, taken, result)
                })
                .await?;
                result.map_err(|error| write_error(&self.shown, self.written, &error))?;
                *slot = Some(file);
                *bytes = taken;
                bytes.clear();
            }
            Target::Upload { upload, pending } => {
                pending.append(bytes);
                while pending.len() >= UPLOAD_PART {
                    let rest = pending.split_off(UPLOAD_PART);
                    let part = std::mem::replace(pending, rest);
                    upload
                        .put_part(PutPayload::from(part))
                        .await
                        .map_err(|error| object_error("write", &self.shown, &error))?;
                }
            }
        }
        self.written += length;
        Ok(())
    }

    /// Makes sure that what was written to a local file is on disk.
    pub(crate) async fn sync(&mut self) -> Result<(), ConnectorError> {
        if let Target::Local(slot) = &mut self.target {
            let file = slot.take().ok_or_else(|| closed(&self.shown))?;
            let (file, result) = blocking(move || {
                let result = file.sync_data();
                (file, result)
            })
            .await?;
            result.map_err(|error| write_error(&self.shown, self.written, &error))?;
            *slot = Some(file);
        }
        Ok(())
    }

    /// Makes sure that everything is stored. An upload is left to be completed at the commit.
    pub(crate) async fn finish(self) -> Result<Option<Box<dyn MultipartUpload>>, ConnectorError> {
        match self.target {
            Target::Local(file) => {
                let file = file.ok_or_else(|| closed(&self.shown))?;
                let result = blocking(move || file.sync_all()).await?;
                result
                    .or_else(|error| match error.kind() {
                        // Not a file on a disk: a device, a pipe.
                        ErrorKind::InvalidInput => Ok(()),
                        _ => Err(error),
                    })
                    .map_err(|error| write_error(&self.shown, self.written, &error))?;
                Ok(None)
            }
            Target::Upload {
                mut upload,
                pending,
            } => {
                if !pending.is_empty() {
                    upload
                        .put_part(PutPayload::from(pending))
                        .await
                        .map_err(|error| object_error("write", &self.shown, &error))?;
                }
                Ok(Some(upload))
            }
        }
    }
}

fn closed(shown: &str) -> ConnectorError {
    ConnectorError::bug(format!("{shown} is written to after it failed"))
}

/// Runs what blocks on a thread that may.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, ConnectorError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| ConnectorError::unexpected("a file operation", error))
}

/// The error of a write behind `written` bytes of a file.
pub(crate) fn write_error(shown: &str, written: u64, error: &io::Error) -> ConnectorError {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => ConnectorError::environment(format!(
            "cannot write {shown}: the disk is full ({written} bytes of the file were written)"
        ))
        .with_hint(
            "free space on its disk, or write elsewhere; nothing of this job's output became visible"
                .to_owned(),
        ),
        _ => ConnectorError::io("write", shown, error),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[tokio::test]
    async fn a_full_disk_is_said_to_be_full() {
        let file = File::options().write(true).open("/dev/full").unwrap();
        let mut output = Output::local(file, "out/part-1.csv".to_owned());
        let error = output.write(&mut b"1,2\n".to_vec()).await.unwrap_err();
        expect![[r#"
            cannot write out/part-1.csv: the disk is full (0 bytes of the file were written)
            hint: free space on its disk, or write elsewhere; nothing of this job's output became visible
        "#]]
        .assert_eq(&format!("{error}\nhint: {}\n", error.hint().unwrap()));
    }
}
