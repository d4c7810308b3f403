//! The grammar of CSV: where a record ends, and which fields it has.

use memchr::memchr;

/// What is special in the text.
#[derive(Debug, Clone)]
pub(crate) struct Dialect {
    pub(crate) delimiter: u8,
    /// Encloses a field that it begins; doubled inside one it stands for itself.
    pub(crate) quote: Option<u8>,
    /// The next character stands for itself.
    pub(crate) escape: Option<u8>,
    /// Lines that begin with `#` do not count.
    pub(crate) comments: bool,
    /// Spaces and tabs around unquoted fields do not count.
    pub(crate) trim: bool,
    /// The first record names the columns.
    pub(crate) header: bool,
}

/// What is wrong with a record's quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Malformed {
    OpenQuote,
    TextBehindQuote,
}

impl Malformed {
    pub(crate) fn message(self) -> &'static str {
        match self {
            Self::OpenQuote => "a quote is opened and never closed",
            Self::TextBehindQuote => "there is text between a closing quote and the next delimiter",
        }
    }
}

impl Dialect {
    /// Whether no record of `text` needs more than splitting at delimiters and newlines.
    pub(crate) fn is_plain(&self, text: &[u8]) -> bool {
        let absent = |byte| memchr(byte, text).is_none();
        !self.trim
            && absent(b'\r')
            && self.quote.is_none_or(absent)
            && self.escape.is_none_or(absent)
            && (!self.comments || absent(b'#'))
    }

    /// The end of the record at `start`, behind its newline.
    pub(crate) fn record_end(&self, text: &[u8], start: usize) -> Option<usize> {
        let newline = start + memchr(b'\n', &text[start..])?;
        let line = &text[start..newline];
        let special = |byte: Option<u8>| byte.is_some_and(|byte| memchr(byte, line).is_some());
        if self.is_comment(line) || !(special(self.quote) || special(self.escape)) {
            return Some(newline + 1);
        }
        let mut at = start;
        loop {
            at = self.skip_field(text, at)?;
            match text[at] {
                b'\n' => return Some(at + 1),
                _ => at += 1,
            }
        }
    }

    pub(crate) fn is_comment(&self, line: &[u8]) -> bool {
        self.comments && line.first() == Some(&b'#')
    }

    /// The delimiter or newline behind the field at `at`.
    fn skip_field(&self, text: &[u8], at: usize) -> Option<usize> {
        let mut at = self.skip_blanks(text, at);
        if self.quote.is_some() && text.get(at).copied() == self.quote {
            at += 1;
            loop {
                let byte = *text.get(at)?;
                if Some(byte) == self.escape && self.escape != self.quote {
                    at += 2;
                } else if Some(byte) == self.quote {
                    at += 1;
                    if text.get(at).copied() != self.quote {
                        break;
                    }
                    at += 1;
                } else {
                    at += 1;
                }
            }
        }
        loop {
            let byte = *text.get(at)?;
            if byte == b'\n' || byte == self.delimiter {
                return Some(at);
            }
            at += if Some(byte) == self.escape && self.escape != self.quote {
                2
            } else {
                1
            };
        }
    }

    fn skip_blanks(&self, text: &[u8], at: usize) -> usize {
        let blanks = text[at.min(text.len())..].iter();
        let is_blank = |byte: &&u8| matches!(**byte, b' ' | b'\t') && **byte != self.delimiter;
        match self.trim {
            true => at + blanks.take_while(is_blank).count(),
            false => at,
        }
    }

    /// Appends the value of the field at `at` to `out`; answers where the field ends: at a delimiter
    /// or a newline (or at the end of `text`).
    pub(crate) fn read_field(
        &self,
        text: &[u8],
        at: usize,
        out: &mut Vec<u8>,
    ) -> Result<usize, Malformed> {
        let mut at = self.skip_blanks(text, at);
        if self.quote.is_some() && text.get(at).copied() == self.quote {
            return self.read_quoted(text, at + 1, out);
        }
        let from = out.len();
        let mut kept = from;
        while at < text.len() && text[at] != b'\n' && text[at] != self.delimiter {
            if Some(text[at]) == self.escape && self.escape != self.quote && at + 1 < text.len() {
                at += 1;
                kept = out.len() + 1;
            }
            out.push(text[at]);
            at += 1;
        }
        let line_ends = text.get(at) == Some(&b'\n');
        if line_ends && out.len() > kept && out.last() == Some(&b'\r') {
            out.pop();
        }
        if self.trim {
            while out.len() > kept && matches!(out.last(), Some(b' ' | b'\t')) {
                out.pop();
            }
        }
        Ok(at)
    }

    fn read_quoted(
        &self,
        text: &[u8],
        mut at: usize,
        out: &mut Vec<u8>,
    ) -> Result<usize, Malformed> {
        loop {
            let Some(&byte) = text.get(at) else {
                return Err(Malformed::OpenQuote);
            };
            at += 1;
            if Some(byte) == self.escape && self.escape != self.quote {
                out.push(*text.get(at).ok_or(Malformed::OpenQuote)?);
                at += 1;
            } else if Some(byte) == self.quote {
                if text.get(at).copied() != self.quote {
                    break;
                }
                out.push(byte);
                at += 1;
            } else {
                out.push(byte);
            }
        }
        while let Some(&byte) = text.get(at) {
            match byte {
                b'\n' => return Ok(at),
                byte if byte == self.delimiter => return Ok(at),
                b' ' | b'\t' | b'\r' => at += 1,
                _ => return Err(Malformed::TextBehindQuote),
            }
        }
        Ok(at)
    }
}
