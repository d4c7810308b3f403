//! The link to the brokers: what the client says of it, and what the user hears.

use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};

use crate::{ConnectorError, SharedWriter};

/// How long a topic may be unknown: brokers that start up do not know them all at once.
pub(super) const GRACE: Duration = Duration::from_secs(10);

/// How long one question to a broker may take before it is asked again.
pub(super) const PATIENCE: Duration = Duration::from_millis(500);

/// What a table's client knows of its brokers.
pub(super) struct Link {
    table: String,
    /// `properties.bootstrap.servers`.
    pub servers: String,
    messages: SharedWriter,
    /// Whether somebody asks the brokers once they seem to be gone: what the client says may be old.
    probed: bool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Whether a broker has ever answered.
    known: bool,
    down: bool,
    /// Whether the client has said that all brokers are gone.
    doubted: bool,
    /// Why a connection failed last.
    reason: String,
    refused: Option<String>,
    /// Since when a topic is said to be unknown.
    unknown_since: Option<Instant>,
}

impl Link {
    pub(super) fn new(table: &str, servers: &str, messages: SharedWriter, probed: bool) -> Self {
        Link {
            table: table.to_owned(),
            servers: servers.to_owned(),
            messages,
            probed,
            state: Mutex::default(),
        }
    }

    /// Takes in what the client says of its connections by itself.
    pub(super) fn hear(&self, error: &KafkaError, reason: &str) {
        let mut state = self.state.lock();
        match error.rdkafka_error_code() {
            Some(Code::Authentication | Code::SaslAuthenticationFailed) => {
                state.refused = Some(shortened(reason));
            }
            // A broker that goes down in the middle of a handshake breaks it, too.
            Some(Code::SSL) if !state.known => state.refused = Some(shortened(reason)),
            Some(Code::AllBrokersDown) if self.probed && state.known => state.doubted = true,
            Some(Code::AllBrokersDown) => self.goes(&mut state),
            Some(code) if is_outage(code) => {
                state.reason = shortened(reason);
                if !state.known {
                    self.goes(&mut state);
                }
            }
            _ => tracing::debug!(table = self.table, "kafka: {error}: {reason}"),
        }
    }

    fn goes(&self, state: &mut State) {
        // The reason follows in a moment, if the client has not given one yet.
        if !state.down && !state.reason.is_empty() {
            state.down = true;
            self.say(&format!(
                "waiting for the Kafka broker at {}: {}\n",
                self.servers, state.reason
            ));
        }
    }

    /// A broker has answered.
    pub(super) fn answers(&self) {
        let mut state = self.state.lock();
        state.known = true;
        state.doubted = false;
        if std::mem::take(&mut state.down) {
            self.say(&format!("the Kafka broker at {} is there\n", self.servers));
        }
    }

    /// The brokers know all topics.
    pub(super) fn topics_are_known(&self) {
        self.state.lock().unknown_since = None;
    }

    /// Whether the brokers are gone, or seem to be.
    pub(super) fn is_doubted(&self) -> bool {
        let state = self.state.lock();
        state.down || state.doubted
    }

    /// No broker has answered.
    pub(super) fn fails(&self) {
        self.goes(&mut self.state.lock());
    }

    pub(super) fn is_down(&self) -> bool {
        self.state.lock().down
    }

    /// The error that a broker's refusal is.
    pub(super) fn check(&self) -> Result<(), ConnectorError> {
        match &self.state.lock().refused {
            None => Ok(()),
            Some(reason) => Err(ConnectorError::environment(format!(
                "table {}: the Kafka broker at {} cannot be talked to: {reason}",
                self.table, self.servers
            ))
            .with_hint(
                "'properties.security.protocol', 'properties.sasl.*' and 'properties.ssl.*' must fit the broker"
                    .to_owned(),
            )),
        }
    }

    /// Judges an error of a call or of the reading: `Ok` if it is to be tried again.
    pub(super) fn weigh(&self, error: &KafkaError) -> Result<(), ConnectorError> {
        self.check()?;
        let Some(code) = error.rdkafka_error_code() else {
            return Err(self.failed(error));
        };
        match code {
            code if is_outage(code) || is_passing(code) => {
                tracing::debug!(table = self.table, "kafka: {error}");
                Ok(())
            }
            Code::UnknownTopic | Code::UnknownTopicOrPartition | Code::UnknownPartition => {
                let since = *self
                    .state
                    .lock()
                    .unknown_since
                    .get_or_insert_with(Instant::now);
                match since.elapsed() > GRACE {
                    true => Err(self.failed(error)),
                    false => Ok(()),
                }
            }
            _ => Err(self.failed(error)),
        }
    }

    /// A topic that the brokers do not know, still or any more.
    pub(super) fn unknown_topic(&self, topic: &str) -> Result<(), ConnectorError> {
        let since = *self
            .state
            .lock()
            .unknown_since
            .get_or_insert_with(Instant::now);
        if since.elapsed() <= GRACE {
            return Ok(());
        }
        Err(ConnectorError::environment(format!(
            "table {}: there is no topic '{topic}' at the Kafka broker {}",
            self.table, self.servers
        ))
        .with_hint(format!(
            "create it first: kafka-topics.sh --create --topic {topic}"
        )))
    }

    pub(super) fn failed(&self, error: &KafkaError) -> ConnectorError {
        let hint = match error.rdkafka_error_code() {
            Some(Code::TopicAuthorizationFailed) => {
                Some("the broker's ACLs must allow the user to use the topic")
            }
            Some(Code::GroupAuthorizationFailed) => Some(
                "the broker's ACLs must allow the user to use the group: 'properties.group.id'",
            ),
            Some(Code::NotImplemented) => {
                Some("the messages may be compressed with zstd, which this build cannot read")
            }
            _ => None,
        };
        let reason = error
            .rdkafka_error_code()
            .map_or_else(|| error.to_string(), words);
        ConnectorError::environment(format!(
            "table {}: the Kafka broker at {}: {reason}",
            self.table, self.servers
        ))
        .with_hint(hint.map(str::to_owned))
    }

    fn say(&self, message: &str) {
        if let Ok(mut messages) = self.messages.lock() {
            // Who does not listen need not be told.
            messages.write_all(message.as_bytes()).ok();
        }
    }
}

/// No broker can be reached, or the one that counts cannot.
fn is_outage(code: Code) -> bool {
    matches!(
        code,
        Code::AllBrokersDown
            | Code::BrokerDestroy
            | Code::BrokerTransportFailure
            | Code::NodeUpdate
            | Code::OperationTimedOut
            | Code::Resolve
            | Code::WaitCache
            | Code::WaitingForCoordinator
    )
}

/// What brokers answer while they start, stop or hand partitions over.
fn is_passing(code: Code) -> bool {
    matches!(
        code,
        Code::BrokerNotAvailable
            | Code::CoordinatorLoadInProgress
            | Code::CoordinatorNotAvailable
            | Code::FencedLeaderEpoch
            | Code::IllegalGeneration
            | Code::KafkaStorageError
            | Code::LeaderNotAvailable
            | Code::ListenerNotFound
            | Code::NetworkException
            | Code::NotCoordinator
            | Code::NotLeaderForPartition
            | Code::OffsetNotAvailable
            | Code::RebalanceInProgress
            | Code::ReplicaNotAvailable
            | Code::RequestTimedOut
            | Code::UnknownLeaderEpoch
            | Code::UnknownMemberId
            | Code::UnstableOffsetCommit
    )
}

/// `localhost:9092/bootstrap: Connect to ipv4#127.0.0.1:9092 failed: Connection refused (after 0ms …)`
/// without what changes from time to time.
fn shortened(reason: &str) -> String {
    let reason = reason.split(" (after ").next().unwrap_or(reason);
    let reason = reason
        .split_once(" failed: ")
        .map_or(reason, |(_, why)| why);
    reason.trim().to_owned()
}

/// librdkafka's words for a code: `Broker: Unknown topic or partition`.
pub(super) fn words(code: Code) -> String {
    let text = code.to_string();
    let words = text
        .split_once(" (")
        .and_then(|(_, words)| words.strip_suffix(')'));
    words.unwrap_or(&text).to_owned()
}
