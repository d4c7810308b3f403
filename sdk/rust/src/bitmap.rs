//! Bits of rows, as Arrow packs them.

/// One bit a row, least significant bit first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Bitmap {
    bits: Vec<u8>,
}

impl Bitmap {
    /// Bits that Arrow packed.
    pub fn new(bits: Vec<u8>) -> Self {
        Self { bits }
    }

    /// `rows` bits, all 0.
    pub fn zeros(rows: usize) -> Self {
        Self {
            bits: vec![0; rows.div_ceil(8)],
        }
    }

    /// `rows` bits, all 1.
    pub(crate) fn ones(rows: usize) -> Self {
        let mut bits = vec![0xff; rows.div_ceil(8)];
        if let (Some(last), rest @ 1..) = (bits.last_mut(), rows % 8) {
            *last = (1 << rest) - 1;
        }
        Self { bits }
    }

    /// The bit of a row; panics past the end.
    #[inline]
    pub fn get(&self, row: usize) -> bool {
        self.bits[row / 8] & (1 << (row % 8)) != 0
    }

    /// Sets the bit of a row to 1; panics past the end.
    #[inline]
    pub fn set(&mut self, row: usize) {
        self.bits[row / 8] |= 1 << (row % 8);
    }

    /// Appends a bit as the one of `row`, the number of rows before it.
    #[inline]
    pub(crate) fn push(&mut self, row: usize, bit: bool) {
        if row.is_multiple_of(8) {
            self.bits.push(0);
        }
        if bit {
            self.set(row);
        }
    }

    /// Whether every one of the first `rows` bits is 1.
    pub(crate) fn all(&self, rows: usize) -> bool {
        let (whole, rest) = (rows / 8, rows % 8);
        let mask = (1u8 << rest) - 1;
        self.bits[..whole].iter().all(|byte| *byte == 0xff)
            && (rest == 0 || self.bits[whole] & mask == mask)
    }

    /// 1 where both are.
    pub(crate) fn and(mut self, other: &Self) -> Self {
        for (mine, theirs) in self.bits.iter_mut().zip(&other.bits) {
            *mine &= theirs;
        }
        self
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.bits
    }

    pub(crate) fn len_bytes(&self) -> usize {
        self.bits.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_past_the_last_row_do_not_count() {
        let bits = Bitmap::new(vec![0xff, 0b0000_0111]);
        assert!(bits.all(11));
        assert!(!bits.all(12));
        assert!(bits.all(8));
        assert!(bits.all(0));
    }

    #[test]
    fn pushed_bits_come_back() {
        let mut bits = Bitmap::default();
        for row in 0..20 {
            bits.push(row, row % 3 == 0);
        }
        let back: Vec<usize> = (0..20).filter(|row| bits.get(*row)).collect();
        assert_eq!(back, [0, 3, 6, 9, 12, 15, 18]);
        assert_eq!(
            bits.and(&Bitmap::new(vec![0b1000, 0, 0])),
            Bitmap::new(vec![0b1000, 0, 0])
        );
    }
}
