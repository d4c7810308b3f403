//! Many messages to the client at a call: one at a time, its clocks and locks cost more than they do.

use std::ffi::CString;
use std::ptr;

use rdkafka::bindings::{
    RD_KAFKA_MSG_F_COPY, rd_kafka_message_t, rd_kafka_produce_batch, rd_kafka_resp_err_t,
    rd_kafka_topic_destroy, rd_kafka_topic_new, rd_kafka_topic_t,
};
use rdkafka::client::{Client, ClientContext};
use rdkafka::error::RDKafkaErrorCode;

use crate::ConnectorError;
use crate::message::Messages;

/// Messages at a call.
const AT_ONCE: usize = 256;

/// The client chooses.
const ANY_PARTITION: i32 = -1;

/// A topic of a client that must outlive it.
pub(super) struct Topic(*mut rd_kafka_topic_t);

// SAFETY: the client may be called on any thread, and on several at once.
unsafe impl Send for Topic {}
// SAFETY: as above.
unsafe impl Sync for Topic {}

impl Drop for Topic {
    fn drop(&mut self) {
        // SAFETY: the reference is ours, and is given back once.
        unsafe { rd_kafka_topic_destroy(self.0) }
    }
}

/// What became of messages.
pub(super) struct HandedOver {
    /// So many of the first.
    pub messages: usize,
    /// Why the next one was not taken, if one was not.
    pub refused: Option<RDKafkaErrorCode>,
}

impl Topic {
    /// The caller drops it before the client.
    pub(super) fn new<C: ClientContext>(
        client: &Client<C>,
        name: &str,
    ) -> Result<Self, ConnectorError> {
        let unusable = || ConnectorError::job(format!("'{name}' is not the name of a topic"));
        let name = CString::new(name).map_err(|_| unusable())?;
        // SAFETY: the client and the name live; what the job says of topics is in the client.
        let topic =
            unsafe { rd_kafka_topic_new(client.native_ptr(), name.as_ptr(), ptr::null_mut()) };
        match topic.is_null() {
            true => Err(unusable()),
            false => Ok(Topic(topic)),
        }
    }

    /// Hands over the messages from number `first` on, until one is not taken. There is a key for each
    /// value, or there are none. `opaque` is told when a message is delivered.
    pub(super) fn send(
        &self,
        partition: Option<i32>,
        keys: &Messages,
        values: &Messages,
        first: usize,
        opaque: usize,
    ) -> HandedOver {
        let part = |part: Option<&[u8]>| match part {
            Some(part) => (part.as_ptr().cast_mut().cast(), part.len()),
            None => (ptr::null_mut(), 0),
        };
        let mut batch: Vec<rd_kafka_message_t> = Vec::with_capacity(AT_ONCE);
        let mut sent = 0;
        while first + sent < values.len() {
            let next = first + sent..values.len().min(first + sent + AT_ONCE);
            batch.clear();
            batch.extend(next.map(|at| {
                let (payload, len) = part(values.get(at));
                let (key, key_len) = part(keys.get(at));
                rd_kafka_message_t {
                    err: rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR,
                    rkt: ptr::null_mut(),
                    partition: 0,
                    payload,
                    len,
                    key,
                    key_len,
                    offset: 0,
                    _private: opaque as *mut _,
                }
            }));
            // SAFETY: the messages point into `keys` and `values`, of which the client makes copies.
            unsafe {
                rd_kafka_produce_batch(
                    self.0,
                    partition.unwrap_or(ANY_PARTITION),
                    RD_KAFKA_MSG_F_COPY,
                    batch.as_mut_ptr(),
                    batch.len() as i32,
                );
            }
            for message in &batch {
                if message.err != rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
                    return HandedOver {
                        messages: sent,
                        refused: Some(message.err.into()),
                    };
                }
                sent += 1;
            }
        }
        HandedOver {
            messages: sent,
            refused: None,
        }
    }
}
