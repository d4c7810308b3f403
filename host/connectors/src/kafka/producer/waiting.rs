//! Waiting for deliveries.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::producer::Producer as _;

use super::transactions::{HUNG, blocking};
use super::{Deliveries, Producer};
use crate::ConnectorError;
use crate::kafka::link::PATIENCE;

/// How often it is asked whether all messages are delivered.
const DELIVERY: Duration = Duration::from_millis(1);

impl Producer {
    /// Waits until all messages are delivered.
    pub(in crate::kafka) async fn flush(&self) -> Result<(), ConnectorError> {
        // Without a time to wait: the client would spend it 100 ms at a time on events that its own
        // thread takes.
        self.until(|| self.client.flush(Duration::ZERO)).await
    }

    /// Waits until the messages are delivered that were sent before; others may be sent meanwhile.
    pub(in crate::kafka) async fn delivered(&self) -> Result<(), ConnectorError> {
        let _waits = self.waits.lock().await;
        let heard = self.heard();
        let over = |of: usize| match heard.are_over(of) {
            true => Ok(()),
            false => Err(KafkaError::Flush(RDKafkaErrorCode::OperationTimedOut)),
        };
        let before = heard.now.load(Ordering::Acquire);
        // Of a wait that was given up.
        self.until(|| over(before + 1)).await?;
        heard.now.store((before + 1) % 2, Ordering::Release);
        self.until(|| over(before)).await
    }

    async fn until(&self, is_over: impl Fn() -> KafkaResult<()>) -> Result<(), ConnectorError> {
        let mut patient_until = Instant::now() + PATIENCE;
        let mut progress = Progress::new(self.heard());
        loop {
            let over = is_over();
            self.check()?;
            match over {
                Ok(()) => return Ok(()),
                Err(error) => {
                    let timed_out = RDKafkaErrorCode::OperationTimedOut;
                    let waits = error.rdkafka_error_code() == Some(timed_out);
                    if !waits || Instant::now() >= patient_until {
                        self.heard().link.weigh(&error)?;
                        patient_until = Instant::now() + PATIENCE;
                    }
                }
            }
            tokio::time::sleep(DELIVERY).await;
            self.look_for_life(&mut progress).await?;
        }
    }

    /// Fails where nothing has been delivered for long. A broker that is away may be waited for; where
    /// it answers, the client gets one more chance.
    pub(super) async fn look_for_life(
        &self,
        progress: &mut Progress,
    ) -> Result<(), ConnectorError> {
        if progress.stands_still(self.heard()) <= self.hangs_after {
            return Ok(());
        }
        let (client, topic) = (Arc::clone(&self.client), self.topic.clone());
        let asked = blocking(move || client.client().fetch_metadata(Some(&topic), PATIENCE));
        let answer = tokio::time::timeout(HUNG, asked).await;
        let is_there = matches!(answer, Ok(Ok(Ok(_))));
        if is_there && progress.is_doubted {
            return Err(ConnectorError::environment(format!(
                "the Kafka client does not deliver its messages for the topic '{}', though the broker answers",
                self.topic
            ))
            .with_hint("run the job again, it goes on behind what can be seen".to_owned()));
        }
        *progress = Progress::new(self.heard());
        progress.is_doubted = is_there;
        Ok(())
    }
}

/// How many messages are on their way, and since when it is so many.
pub(super) struct Progress {
    under_way: usize,
    since: Instant,
    /// The broker answered a whole time ago, and nothing has been delivered since.
    is_doubted: bool,
}

impl Progress {
    pub(super) fn new(heard: &Deliveries) -> Self {
        Progress {
            under_way: heard.messages_under_way(),
            since: Instant::now(),
            is_doubted: false,
        }
    }

    /// For how long nothing has been delivered.
    fn stands_still(&mut self, heard: &Deliveries) -> Duration {
        if heard.messages_under_way() != self.under_way {
            *self = Progress::new(heard);
        }
        self.since.elapsed()
    }
}
