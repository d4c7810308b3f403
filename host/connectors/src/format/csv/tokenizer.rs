//! Finds the fields of a block of records.
//!
//! Two ways to one result. The fast way looks for delimiters and newlines 64 bytes at a time, and is
//! right where nothing but those is special and every record has all its fields; it notices where that
//! does not hold, and the exact way takes over for the block.

use super::CsvOptions;
use super::dialect::Malformed;

/// What is wrong with a record.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Problem {
    Malformed(Malformed),
    /// The record has this many fields.
    Count(usize),
}

/// Text of whole records.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Text<'a> {
    /// The text, and bytes behind it that mean nothing. With 64 of them vector loads stay inside.
    pub(crate) padded: &'a [u8],
    /// Bytes of text.
    pub(crate) length: usize,
}

impl<'a> Text<'a> {
    pub(crate) fn bytes(self) -> &'a [u8] {
        &self.padded[..self.length]
    }
}

/// Fields of consecutive records, and where they are in the text.
#[derive(Debug, Default)]
pub(crate) struct Block {
    /// See [`crate::format::column::Fields`].
    pub(crate) bounds: Vec<u32>,
    pub(crate) rows: usize,
    /// The fields' text, where it is not the text itself.
    pub(crate) rewritten: Vec<u8>,
    pub(crate) is_rewritten: bool,
    pub(crate) short: Vec<(u32, u32)>,
    /// Where each record begins in the text; of the exact way only.
    starts: Vec<u32>,
    /// Records left out.
    pub(crate) skipped: u64,
}

impl Block {
    /// Where in the text a row's record begins.
    pub(crate) fn start(&self, row: usize, width: usize) -> usize {
        match self.is_rewritten {
            true => self.starts[row] as usize,
            false => self.bounds[row * width].wrapping_add(1) as usize,
        }
    }

    /// Fills the block with up to `max_rows` records from the position on, and moves it.
    ///
    /// # Errors
    /// The problem, and where its record begins.
    pub(crate) fn fill(
        &mut self,
        text: Text<'_>,
        position: &mut usize,
        options: &CsvOptions,
        plain: bool,
        width: usize,
        max_rows: usize,
    ) -> Result<(), (Problem, usize)> {
        self.short.clear();
        self.skipped = 0;
        if plain && width > 1 {
            self.is_rewritten = false;
            let delimiter = options.dialect.delimiter;
            if let Some(end) = self.fill_fast(text, *position, delimiter, width, max_rows) {
                *position = end;
                return Ok(());
            }
        }
        self.is_rewritten = true;
        self.fill_exact(text.bytes(), position, options, width, max_rows)
    }

    /// Answers where the next record begins; `None` if the text is not that simple.
    fn fill_fast(
        &mut self,
        text: Text<'_>,
        position: usize,
        delimiter: u8,
        width: usize,
        max_rows: usize,
    ) -> Option<usize> {
        let target = max_rows * width;
        if self.bounds.len() < target + 1 + 64 {
            self.bounds.resize(target + 1 + 64, 0);
        }
        self.bounds[0] = (position as u32).wrapping_sub(1);
        let data = text.padded;
        let text = text.bytes();
        let (mut count, mut newlines) = (1, 0);
        let mut base = position;
        while base < text.len() && count <= target {
            let block: &[u8; 64] = data.get(base..base + 64)?.try_into().ok()?;
            let valid = match text.len() - base {
                left @ 0..64 => (1 << left) - 1,
                _ => u64::MAX,
            };
            let (delimiters, line_ends) = masks(block, delimiter);
            let mut found = (delimiters | line_ends) & valid;
            let slots: &mut [u32; 64] = (&mut self.bounds[count..count + 64]).try_into().ok()?;
            let total = found.count_ones() as usize;
            // Eight at a time, whether there are as many or not: the loop's end is easy to predict, and
            // what is too much is written over.
            for eight in slots.chunks_exact_mut(8) {
                for slot in eight {
                    *slot = (base as u32).wrapping_add(found.trailing_zeros());
                    found &= found.wrapping_sub(1);
                }
                if found == 0 {
                    break;
                }
            }
            let mut line_ends = line_ends & valid;
            count += total;
            if count > target + 1 {
                let last = self.bounds[target] as usize - base;
                line_ends &= u64::MAX >> (63 - last);
            }
            newlines += line_ends.count_ones() as usize;
            base += 64;
        }
        let fields = (count - 1).min(target);
        self.rows = fields / width;
        // Every record's last field ends at a newline, and there are no others.
        let ends = self.bounds[1..=fields].chunks(width);
        let whole = ends.map(|ends| text[ends[ends.len() - 1] as usize] == b'\n');
        let aligned = fields.is_multiple_of(width) && newlines == self.rows;
        (aligned && fields > 0 && whole.fold(true, |all, one| all & one))
            .then(|| self.bounds[fields] as usize + 1)
    }

    fn fill_exact(
        &mut self,
        text: &[u8],
        position: &mut usize,
        options: &CsvOptions,
        width: usize,
        max_rows: usize,
    ) -> Result<(), (Problem, usize)> {
        self.bounds.clear();
        self.starts.clear();
        self.rewritten.clear();
        self.rows = 0;
        self.bounds.push(u32::MAX);
        let dialect = &options.dialect;
        while self.rows < max_rows && *position < text.len() {
            let start = *position;
            let blank = match &text[start..] {
                [b'\n', ..] => Some(start + 1),
                [b'\r', b'\n', ..] => Some(start + 2),
                [b'#', ..] if dialect.comments => dialect.record_end(text, start),
                _ => None,
            };
            if let Some(end) = blank {
                *position = end;
                continue;
            }
            match self.read_record(text, start, options, width) {
                Ok((end, kept)) => {
                    *position = end;
                    if kept {
                        self.starts.push(start as u32);
                        self.rows += 1;
                    } else {
                        self.forget(width);
                    }
                }
                Err(problem) if options.rules.ignore_errors => {
                    self.forget(width);
                    *position = match problem {
                        // The rest of the text belongs to the open quote: go on behind its line.
                        Problem::Malformed(_) => memchr::memchr(b'\n', &text[start..])
                            .map_or(text.len(), |at| start + at + 1),
                        Problem::Count(_) => dialect.record_end(text, start).unwrap_or(text.len()),
                    };
                }
                Err(problem) => return Err((problem, start)),
            }
        }
        Ok(())
    }

    /// Takes back what a record that does not count has left.
    fn forget(&mut self, width: usize) {
        self.skipped += 1;
        self.bounds.truncate(self.rows * width + 1);
        let end = self.bounds[self.rows * width].wrapping_add(1);
        self.rewritten.truncate(end as usize);
        if self
            .short
            .last()
            .is_some_and(|(row, _)| *row as usize == self.rows)
        {
            self.short.pop();
        }
    }

    /// Appends a record's fields; answers where the next begins, and whether this one counts.
    fn read_record(
        &mut self,
        text: &[u8],
        start: usize,
        options: &CsvOptions,
        width: usize,
    ) -> Result<(usize, bool), Problem> {
        let dialect = &options.dialect;
        let mut at = start;
        let mut count = 0;
        let mut kept = self.rewritten.len();
        let mut extra_is_text = false;
        loop {
            let from = self.rewritten.len();
            at = dialect
                .read_field(text, at, &mut self.rewritten)
                .map_err(Problem::Malformed)?;
            count += 1;
            if count <= width {
                self.bounds.push(self.rewritten.len() as u32);
                self.rewritten.push(b'\n');
                kept = self.rewritten.len();
            } else {
                extra_is_text |= count > width + 1 || self.rewritten.len() > from;
                self.rewritten.truncate(kept);
            }
            if at >= text.len() || text[at] == b'\n' {
                break;
            }
            at += 1;
        }
        let end = (at + 1).min(text.len());
        if count > width {
            let tolerated = options.ignore_trailing_unmappable
                || width == 0
                || (options.allow_trailing_comma && !extra_is_text);
            if !tolerated {
                return Err(Problem::Count(count));
            }
        } else if count < width {
            if !options.rules.ignore_errors {
                return Err(Problem::Count(count));
            }
            if options.fail_on_missing_columns {
                return Ok((end, false));
            }
            self.short.push((self.rows as u32, count as u32));
            for _ in count..width {
                self.bounds.push(self.rewritten.len() as u32);
                self.rewritten.push(b'\n');
            }
        }
        Ok((end, true))
    }
}

/// One bit a byte: the delimiters, and the newlines.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn masks(block: &[u8; 64], delimiter: u8) -> (u64, u64) {
    use std::arch::x86_64::{
        __m128i, _mm_cmpeq_epi8, _mm_loadu_si128, _mm_movemask_epi8, _mm_set1_epi8,
    };
    let (mut delimiters, mut newlines) = (0, 0);
    for part in 0..4 {
        // SAFETY: SSE2 is part of x86-64, and 16 bytes from 16 × `part` are inside the block.
        let (one, other) = unsafe {
            let bytes = _mm_loadu_si128(block.as_ptr().add(16 * part).cast::<__m128i>());
            (
                _mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_set1_epi8(delimiter as i8))),
                _mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_set1_epi8(b'\n' as i8))),
            )
        };
        delimiters |= u64::from(one as u16) << (16 * part);
        newlines |= u64::from(other as u16) << (16 * part);
    }
    (delimiters, newlines)
}

/// One bit a byte: the delimiters, and the newlines.
#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
fn masks(block: &[u8; 64], delimiter: u8) -> (u64, u64) {
    portable_masks(block, delimiter)
}

#[cfg(any(test, not(target_arch = "x86_64")))]
fn portable_masks(block: &[u8; 64], delimiter: u8) -> (u64, u64) {
    let (mut delimiters, mut newlines) = (0, 0);
    for (at, byte) in block.iter().enumerate() {
        delimiters |= u64::from(*byte == delimiter) << at;
        newlines |= u64::from(*byte == b'\n') << at;
    }
    (delimiters, newlines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_of_both_ways_agree() {
        let mut seed = 7_u64;
        for _ in 0..1000 {
            let mut block = [0; 64];
            for byte in &mut block {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                *byte = b"a,\n\x8a"[(seed >> 40) as usize % 4];
            }
            assert_eq!(masks(&block, b','), portable_masks(&block, b','));
        }
    }
}
