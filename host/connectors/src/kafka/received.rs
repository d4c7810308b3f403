//! Messages out of the client. One at a time, its locks and clocks cost more than the messages; so
//! those of partitions that are read by themselves are gathered, and taken many at a call.

use std::ffi::{CStr, CString};
use std::ptr;
use std::slice;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::Timestamp;
use rdkafka::bindings::{
    rd_kafka_consume_batch_queue, rd_kafka_message_destroy, rd_kafka_message_t,
    rd_kafka_message_timestamp, rd_kafka_queue_destroy, rd_kafka_queue_forward,
    rd_kafka_queue_get_consumer, rd_kafka_queue_get_partition, rd_kafka_queue_length,
    rd_kafka_queue_new, rd_kafka_queue_t, rd_kafka_resp_err_t, rd_kafka_timestamp_type_t,
    rd_kafka_topic_name,
};
use rdkafka::consumer::Consumer;
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::message::BorrowedMessage;

use super::consumer::Client;

/// Messages that are taken at a call.
const AT_ONCE: usize = 128;

/// A message that the client has given.
pub(super) struct Received<'a>(&'a rd_kafka_message_t);

impl<'a> Received<'a> {
    pub(super) fn of(message: &'a BorrowedMessage<'_>) -> Self {
        // SAFETY: the message lives as long as the borrow, and nobody changes it.
        Received(unsafe { &*message.ptr() })
    }

    pub(super) fn native(&self) -> *const rd_kafka_message_t {
        self.0
    }

    pub(super) fn topic(&self) -> &'a [u8] {
        // SAFETY: the topic's name lives as long as the message, and ends with a zero byte.
        unsafe { CStr::from_ptr(rd_kafka_topic_name(self.0.rkt)) }.to_bytes()
    }

    pub(super) fn partition(&self) -> i32 {
        self.0.partition
    }

    pub(super) fn offset(&self) -> i64 {
        self.0.offset
    }

    pub(super) fn timestamp(&self) -> Timestamp {
        use rd_kafka_timestamp_type_t as kind;
        let mut found = kind::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
        // SAFETY: both pointers are to what lives here.
        let millis = unsafe { rd_kafka_message_timestamp(self.0, &mut found) };
        match found {
            _ if millis == -1 => Timestamp::NotAvailable,
            kind::RD_KAFKA_TIMESTAMP_CREATE_TIME => Timestamp::CreateTime(millis),
            kind::RD_KAFKA_TIMESTAMP_LOG_APPEND_TIME => Timestamp::LogAppendTime(millis),
            _ => Timestamp::NotAvailable,
        }
    }

    pub(super) fn key(&self) -> Option<&'a [u8]> {
        let key = self.0.key.cast::<u8>();
        // SAFETY: it points to so many bytes of the message, unless it is null.
        (!key.is_null()).then(|| unsafe { slice::from_raw_parts(key, self.0.key_len) })
    }

    pub(super) fn value(&self) -> Option<&'a [u8]> {
        let value = self.0.payload.cast::<u8>();
        // SAFETY: as that of the key.
        (!value.is_null()).then(|| unsafe { slice::from_raw_parts(value, self.0.len) })
    }
}

/// A message out of an [`Inbox`], or what the client says instead. Given back to the client when it is
/// dropped.
pub(super) struct Taken(*mut rd_kafka_message_t);

impl Taken {
    pub(super) fn message(&self) -> KafkaResult<Received<'_>> {
        // SAFETY: it is a message of the client's until it is dropped.
        let message = unsafe { &*self.0 };
        match message.err {
            rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR => Ok(Received(message)),
            rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR__PARTITION_EOF => {
                Err(KafkaError::PartitionEOF(message.partition))
            }
            error => Err(KafkaError::MessageConsumption(error.into())),
        }
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        // SAFETY: the client gave the message away, and it is given back once.
        unsafe { rd_kafka_message_destroy(self.0) }
    }
}

/// A queue of the client, until it is dropped.
struct Queue(*mut rd_kafka_queue_t);

impl Drop for Queue {
    fn drop(&mut self) {
        // SAFETY: the reference to the queue is ours, and is given back once.
        unsafe { rd_kafka_queue_destroy(self.0) }
    }
}

/// Where the messages of partitions are gathered.
pub(super) struct Inbox {
    /// Taken out of the queue, the next one last.
    taken: Vec<Taken>,
    queue: Queue,
    /// Where the messages of all other partitions are, and what the client says.
    clients: Queue,
    /// Whether messages of any partition come to `queue`.
    is_used: bool,
    // Behind the queues, which must be gone before it is.
    client: Arc<Client>,
}

impl Inbox {
    pub(super) fn new(client: &Arc<Client>) -> Self {
        let native = client.client().native_ptr();
        // SAFETY: the client lives longer than the queues, see the order of the fields.
        let (queue, clients) = unsafe {
            (
                Queue(rd_kafka_queue_new(native)),
                Queue(rd_kafka_queue_get_consumer(native)),
            )
        };
        Inbox {
            taken: Vec::with_capacity(AT_ONCE),
            queue,
            clients,
            is_used: false,
            client: Arc::clone(client),
        }
    }

    /// Whether messages come here at all.
    pub(super) fn is_used(&self) -> bool {
        self.is_used
    }

    /// The messages of the partition that one came from come here from now on. One comes from the
    /// client's own queue again when the client has begun anew with a partition.
    pub(super) fn gather(&mut self, message: &Received<'_>) {
        self.is_used = true;
        let Ok(topic) = CString::new(message.topic()) else {
            return;
        };
        // SAFETY: the client, the name and our queue live; the reference to the partition's queue is
        // given back by `Queue`.
        unsafe {
            let native = self.client.client().native_ptr();
            let partitions =
                rd_kafka_queue_get_partition(native, topic.as_ptr(), message.partition());
            if !partitions.is_null() {
                let partitions = Queue(partitions);
                rd_kafka_queue_forward(partitions.0, self.queue.0);
            }
        }
    }

    /// Whether the next message can be had at once, so that the client need not be asked first.
    pub(super) fn has_taken(&self) -> bool {
        !self.taken.is_empty()
    }

    /// The next message, if one comes in time. Those that the client's own queue has are older, and
    /// come first.
    pub(super) fn next(&mut self, wait: Duration) -> Option<Taken> {
        if self.taken.is_empty() {
            // SAFETY: the queue lives as long as `self`.
            if unsafe { rd_kafka_queue_length(self.clients.0) } > 0 {
                return None;
            }
            self.fetch(AT_ONCE, Duration::ZERO);
            // A call that waits comes back when it has so many as it asks for.
            if self.taken.is_empty() && !wait.is_zero() {
                self.fetch(1, wait);
            }
            self.taken.reverse();
        }
        self.taken.pop()
    }

    fn fetch(&mut self, at_most: usize, wait: Duration) {
        let mut found = [ptr::null_mut(); AT_ONCE];
        let wait = i32::try_from(wait.as_millis()).unwrap_or(i32::MAX);
        // SAFETY: there is room for as many pointers as are asked for.
        let count = unsafe {
            let size = at_most.min(found.len());
            rd_kafka_consume_batch_queue(self.queue.0, wait, found.as_mut_ptr(), size)
        };
        // It is negative where nothing can be had.
        let found = found.into_iter().take(count.max(0) as usize);
        self.taken.extend(found.map(Taken));
    }
}
