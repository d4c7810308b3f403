//! Numbers and texts, one behind another. Every read takes up at least a byte, or fails.

/// What is left of a section. `None` is its end, or a number that is too large.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bytes<'a>(pub &'a [u8]);

impl<'a> Bytes<'a> {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    /// The next bytes, as a section of their own.
    pub fn split(&mut self, count: u64) -> Option<Self> {
        Some(Self(self.take(usize::try_from(count).ok()?)?))
    }

    /// A part that says its length first: the part, and how many bytes its offsets have.
    pub fn part(&mut self) -> Option<(Self, usize)> {
        match self.number(4)? {
            0xffff_ffff => {
                let length = self.number(8)?;
                Some((self.split(length)?, 8))
            }
            length => Some((self.split(length)?, 4)),
        }
    }

    pub fn u8(&mut self) -> Option<u8> {
        Some(self.take(1)?[0])
    }

    /// Little-endian, of 1 to 8 bytes.
    pub fn number(&mut self, count: usize) -> Option<u64> {
        let mut bytes = [0; 8];
        bytes.get_mut(..count)?.copy_from_slice(self.take(count)?);
        Some(u64::from_le_bytes(bytes))
    }

    /// LEB128.
    pub fn unsigned(&mut self) -> Option<u64> {
        let (mut number, mut shift) = (0, 0);
        loop {
            let byte = self.u8()?;
            number |= u64::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
            if byte & 0x80 == 0 {
                return Some(number);
            }
            shift += 7;
        }
    }

    /// LEB128.
    pub fn signed(&mut self) -> Option<i64> {
        let (mut number, mut shift) = (0_i64, 0);
        loop {
            let byte = self.u8()?;
            number |= i64::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
            shift += 7;
            if byte & 0x80 == 0 {
                let negative = byte & 0x40 != 0 && shift < 64;
                return Some(if negative {
                    number | (-1 << shift)
                } else {
                    number
                });
            }
        }
    }

    /// Up to a byte 0, which is taken up too.
    pub fn text(&mut self) -> Option<&'a [u8]> {
        let end = self.0.iter().position(|byte| *byte == 0)?;
        let text = self.take(end)?;
        self.u8()?;
        Some(text)
    }
}
