//! Letters on their way from where they are found to the pipeline that writes them.
//!
//! A pipeline of letters runs beside the others of its statement, in a job without end in every epoch,
//! and ends behind them: so it has all letters of the rows that they have read, no more and no less.

use std::sync::Arc;

use datafusion::arrow::{
    array::{ArrayRef, Int64Array, RecordBatch},
    datatypes::{DataType, Field, Schema},
    error::ArrowError,
};
use futures::{Stream, stream};
use parking_lot::Mutex;
use tokio::sync::mpsc;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::planning::Pipeline;

/// Batches of letters that wait to be written; who finds more waits.
const WAITING: usize = 4;

/// What letters tell of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LetterKind {
    /// Records that cannot be read: dead letters.
    BadRecords,
    /// Rows that came after their time was over.
    LateRows,
    /// Rows that a function gives beside its result.
    SideOutput,
}

/// What the pipelines of a statement find for one table of letters.
#[derive(Debug)]
pub(crate) struct Letters {
    kind: LetterKind,
    round: Mutex<Option<Round>>,
}

/// One execution of the statement's plans.
#[derive(Debug)]
struct Round {
    sender: LetterSender,
    /// Until the pipeline takes it.
    receiver: Option<mpsc::Receiver<RecordBatch>>,
    /// All that find letters have ended.
    over: CancellationToken,
}

/// Takes what one execution finds.
#[derive(Debug, Clone)]
pub(crate) struct LetterSender {
    rows: mpsc::Sender<RecordBatch>,
    /// Which execution it is, from 1.
    epoch: i64,
}

/// The column that says in which epoch a letter was found: it is added on the way.
pub(crate) const EPOCH: &str = "epoch";

impl LetterSender {
    /// Sends letters, with all other columns that those of a kind have; waits for room.
    pub(crate) async fn send(&self, letters: RecordBatch) -> Result<(), ArrowError> {
        let letters = self.with_epoch(&letters)?;
        // Fails where the pipeline of letters has failed, which ends the job.
        self.rows.send(letters).await.ok();
        Ok(())
    }

    fn with_epoch(&self, letters: &RecordBatch) -> Result<RecordBatch, ArrowError> {
        let schema = letters.schema();
        let mut fields: Vec<_> = schema.fields().iter().cloned().collect();
        fields.push(Arc::new(Field::new(EPOCH, DataType::Int64, true)));
        let epoch: ArrayRef = Arc::new(Int64Array::from(vec![self.epoch; letters.num_rows()]));
        let columns = letters.columns().iter().cloned().chain([epoch]).collect();
        RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
    }
}

impl Letters {
    pub(crate) fn new(kind: LetterKind) -> Self {
        Letters {
            kind,
            round: Mutex::new(None),
        }
    }

    pub(crate) fn kind(&self) -> LetterKind {
        self.kind
    }

    /// Begins an execution; what another has left is gone. It ends when the guard is dropped.
    fn begin(&self, epoch: u64) -> DropGuard {
        let (sender, receiver) = mpsc::channel(WAITING);
        let over = CancellationToken::new();
        let guard = over.clone().drop_guard();
        *self.round.lock() = Some(Round {
            sender: LetterSender {
                rows: sender,
                epoch: i64::try_from(epoch).unwrap_or(i64::MAX),
            },
            receiver: Some(receiver),
            over,
        });
        guard
    }

    /// For the execution that has begun.
    pub(crate) fn sender(&self) -> Option<LetterSender> {
        let round = self.round.lock();
        round.as_ref().map(|round| round.sender.clone())
    }

    /// The letters of the execution that has begun, to its end.
    pub(crate) fn receive(&self) -> impl Stream<Item = RecordBatch> + Send + use<> {
        let mut round = self.round.lock();
        let taken = round.as_mut().and_then(|round| {
            let receiver = round.receiver.take()?;
            Some((receiver, round.over.clone()))
        });
        stream::unfold(taken, |taken| async {
            let (mut receiver, over) = taken?;
            let letters = tokio::select! {
                biased;
                letters = receiver.recv() => letters,
                () = over.cancelled() => {
                    receiver.close();
                    receiver.recv().await
                }
            };
            letters.map(|letters| (letters, Some((receiver, over))))
        })
    }
}

/// Begins an execution of these pipelines, in an epoch. All that may find letters hold what it gives; when the last
/// of them has let it go, the pipelines of letters end.
pub(super) fn begin_letters<'a>(
    pipelines: impl Iterator<Item = &'a Pipeline>,
    epoch: u64,
) -> Arc<[DropGuard]> {
    let letters = pipelines.filter_map(|pipeline| pipeline.letters.as_ref());
    letters.map(|letters| letters.begin(epoch)).collect()
}
