//! Headers of messages: read out of the client, and written.

use std::ffi::{CStr, c_void};
use std::ops::Range;
use std::ptr;
use std::slice;

use rdkafka::bindings::{
    rd_kafka_header_get_all, rd_kafka_headers_t, rd_kafka_message_headers, rd_kafka_resp_err_t,
};

use super::chunk::append;
use super::received::Received;

/// Name and value; ranges are of the chunk's bytes.
pub(super) type Header = (Range<usize>, Option<Range<usize>>);

/// Appends a message's headers. rdkafka's own reading panics at a name that is not UTF-8, which
/// anybody may send.
pub(super) fn read(message: &Received<'_>, bytes: &mut Vec<u8>, headers: &mut Vec<Header>) {
    let mut list: *mut rd_kafka_headers_t = ptr::null_mut();
    // SAFETY: the message lives as long as the borrow; the list belongs to it.
    let found = unsafe { rd_kafka_message_headers(message.native(), &mut list) };
    if found != rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR || list.is_null() {
        return;
    }
    for index in 0.. {
        let mut name = ptr::null();
        let mut value: *const c_void = ptr::null();
        let mut size = 0;
        // SAFETY: the list is the message's; an index behind the last is answered with an error.
        let found =
            unsafe { rd_kafka_header_get_all(list, index, &mut name, &mut value, &mut size) };
        if found != rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR || name.is_null() {
            return;
        }
        // SAFETY: names end with a zero byte, and `value` points to `size` bytes unless it is null;
        // both live as long as the message.
        let (name, value) = unsafe {
            let value = (!value.is_null()).then(|| slice::from_raw_parts(value.cast::<u8>(), size));
            (CStr::from_ptr(name), value)
        };
        let name = append(bytes, name.to_string_lossy().as_bytes());
        headers.push((name, value.map(|value| append(bytes, value))));
    }
}
