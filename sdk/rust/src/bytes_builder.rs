//! Columns of strings and of byte strings, out of what a function returns.

use std::borrow::Cow;
use std::mem::MaybeUninit;

use crate::result::{Build, Built, ResultValue, WithRoom};
use crate::{DataType, Error, Values};

/// Gathers strings, or byte strings.
pub struct BytesBuilder {
    /// From 0: where each value begins, and where the last one ends.
    offsets: Vec<i32>,
    bytes: Vec<u8>,
}

impl Default for BytesBuilder {
    fn default() -> Self {
        Self::with_room(0)
    }
}

impl WithRoom for BytesBuilder {
    fn with_room(rows: usize) -> Self {
        let mut offsets = Vec::with_capacity(rows + 1);
        offsets.push(0);
        Self {
            offsets,
            bytes: Vec::new(),
        }
    }
}

/// Bytes for which room is made at once, without knowing more than one value.
const FIRST_ROOM: usize = 16 << 10;

impl BytesBuilder {
    #[inline]
    fn add(&mut self, value: &[u8]) {
        if self.bytes.capacity() - self.bytes.len() < value.len() {
            self.make_room(value.len());
        }
        append(&mut self.bytes, value);
        self.end_row();
    }

    #[inline]
    fn end_row(&mut self) {
        // Too many bytes are told at the end.
        self.offsets.push(self.bytes.len() as i32);
    }

    /// For all rows, if they are as long as those so far; for four times of these at most.
    #[cold]
    fn make_room(&mut self, next: usize) {
        let (known, rows) = (self.offsets.len(), self.offsets.capacity());
        let so_far = self.bytes.len() + next;
        let all = so_far as u64 * rows.saturating_sub(1).max(known) as u64 / known as u64;
        let most = so_far.saturating_mul(4).max(FIRST_ROOM);
        let all = usize::try_from(all).unwrap_or(usize::MAX).min(most);
        self.bytes
            .reserve(all.saturating_sub(self.bytes.len()).max(next));
    }

    fn rows(&self) -> usize {
        self.offsets.len() - 1
    }

    fn finish(self) -> Result<(Values, Vec<Built>), Error> {
        if i32::try_from(self.bytes.len()).is_err() {
            return Err(Error::failed(
                "the result of one batch has over 2 GiB of bytes",
            ));
        }
        Ok((Values::Bytes((self.offsets, self.bytes)), Vec::new()))
    }
}

/// As `extend_from_slice`, for which there must be room; a few bytes are copied without a call, which
/// WebAssembly's `memory.copy` is.
#[inline]
fn append(bytes: &mut Vec<u8>, value: &[u8]) {
    match value.len() {
        0 => {}
        1..4 => bytes.extend(value.iter().copied()),
        4..8 => append_ends::<4>(bytes, value),
        8..16 => append_ends::<8>(bytes, value),
        16..=32 => append_ends::<16>(bytes, value),
        _ => bytes.extend_from_slice(value),
    }
}

/// The first and the last `N` bytes of `N` to `2 * N`.
#[inline]
fn append_ends<const N: usize>(bytes: &mut Vec<u8>, value: &[u8]) {
    let length = bytes.len() + value.len();
    let room = bytes.spare_capacity_mut().get_mut(..value.len());
    let (Some(room), Some(first), Some(last)) = (room, value.first_chunk(), value.last_chunk())
    else {
        return bytes.extend_from_slice(value);
    };
    let (first, last): (&[u8; N], &[u8; N]) = (first, last);
    if let Some(room) = room.first_chunk_mut() {
        *room = first.map(MaybeUninit::new);
    }
    if let Some(room) = room.last_chunk_mut() {
        *room = last.map(MaybeUninit::new);
    }
    // SAFETY: at most 2 * N bytes of which the first N and the last N have been written.
    unsafe { bytes.set_len(length) };
}

macro_rules! bytes {
    ($($type:ty => $data_type:expr, $bytes:expr;)*) => {$(
        impl ResultValue for $type {
            type Builder = BytesBuilder;

            fn data_type() -> DataType {
                $data_type
            }
        }

        impl Build<$type> for BytesBuilder {
            #[inline]
            fn push(&mut self, value: $type) {
                let bytes: for<'a> fn(&'a $type) -> &'a [u8] = $bytes;
                self.add(bytes(&value));
            }

            #[inline]
            fn push_null(&mut self) {
                self.end_row();
            }

            fn rows(&self) -> usize {
                self.rows()
            }

            fn finish(self) -> Result<(Values, Vec<Built>), Error> {
                self.finish()
            }
        }
    )*};
}

bytes! {
    &str => DataType::Utf8, |text| text.as_bytes();
    String => DataType::Utf8, |text| text.as_bytes();
    Cow<'_, str> => DataType::Utf8, |text| text.as_bytes();
    &[u8] => DataType::Binary, |bytes| bytes;
    Vec<u8> => DataType::Binary, |bytes| bytes;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_all_lengths_follow_one_another() {
        let text: String = ('a'..='z').cycle().take(100).collect();
        let mut builder = BytesBuilder::with_room(5);
        let mut expected = (vec![0], String::new());
        for length in 0..=text.len() {
            Build::push(&mut builder, &text[..length]);
            expected.1.push_str(&text[..length]);
            expected.0.push(expected.1.len() as i32);
        }
        let Ok((Values::Bytes((offsets, bytes)), _)) = builder.finish() else {
            panic!("no bytes");
        };
        assert_eq!((offsets, bytes), (expected.0, expected.1.into_bytes()));
    }

    #[test]
    fn room_is_made_for_all_rows_but_not_after_one_long_value() {
        let mut builder = BytesBuilder::with_room(10_000);
        builder.add(&[b'x'; 1_000]);
        assert_eq!(builder.bytes.capacity(), FIRST_ROOM);
        for _ in 1..10_000 {
            builder.add(&[b'x'; 1_000]);
        }
        let capacity = builder.bytes.capacity();
        assert!((10_000_000..10_100_000).contains(&capacity), "{capacity}");
    }
}
