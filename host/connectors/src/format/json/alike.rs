//! Objects that look like the one before: the same names in the same order, with plain values.
//!
//! Nearly all objects of a stream do. Such a one is read in one walk from left to right, each value where
//! it stands. Whatever is not as expected is not judged here: the object is taken apart by serde_json
//! then, which alone says what is wrong.

use memchr::memchr2;

use super::nested::{Entries, Layout};
use super::rows::Output;
use crate::text::{end_of_digits, load8};

/// How the objects look, and whose their values are.
pub(super) struct Alike {
    entries: Vec<Entry>,
    /// Columns without an entry: NULL.
    absent: Vec<usize>,
}

struct Entry {
    /// What stood before the value of the object learned, from the value before it on: `,"name":`.
    lead: Lead,
    /// The name in its quotes.
    name: Vec<u8>,
    /// The column that has the value, if any does.
    column: Option<usize>,
}

/// Text that is compared a word at once.
struct Lead {
    /// Its first eight bytes, zeros where it is shorter, and which of them count.
    word: u64,
    mask: u64,
    text: Vec<u8>,
}

impl Lead {
    fn new(text: &[u8]) -> Self {
        let counted = text.len().min(8);
        Self {
            word: load8(text, 0).unwrap_or_default(),
            mask: u64::MAX.checked_shr(64 - 8 * counted as u32).unwrap_or(0),
            text: text.to_vec(),
        }
    }

    /// Where it ends, if it stands at `at`.
    #[inline(always)]
    fn behind(&self, text: &[u8], at: usize) -> Option<usize> {
        let behind = at + self.text.len();
        let is_there = load8(text, at)? & self.mask == self.word
            && match self.text.get(8..) {
                None | Some([]) => behind <= text.len(),
                Some(rest) => text.get(at + 8..behind)? == rest,
            };
        is_there.then_some(behind)
    }
}

impl Alike {
    /// Objects like the one that the layout has learned, `object` of these entries, for these many
    /// columns; `None` where a name is spelled with escapes or is there twice, or where a column may not
    /// lack its entry.
    pub(super) fn new(
        layout: &Layout,
        object: &str,
        entries: &Entries<'_>,
        columns: usize,
        absent_is_null: bool,
    ) -> Option<Self> {
        let names = layout.names();
        let mut learned = Vec::with_capacity(names.len());
        let mut end = 0;
        for (place, (name, (_, value))) in names.iter().zip(entries).enumerate() {
            let quoted = serde_json::to_vec(name).ok()?;
            if quoted.len() != name.len() + 2 || names[..place].contains(name) {
                return None;
            }
            // The value is a part of the object.
            let value = value.get();
            let start = (value.as_ptr() as usize).checked_sub(object.as_ptr() as usize)?;
            learned.push(Entry {
                lead: Lead::new(object.as_bytes().get(end..start)?),
                name: quoted,
                column: (0..columns).find(|column| layout.place(*column) == Some(place)),
            });
            end = start + value.len();
        }
        let absent: Vec<_> = (0..columns)
            .filter(|column| layout.place(*column).is_none())
            .collect();
        (absent_is_null || absent.is_empty()).then_some(Self {
            entries: learned,
            absent,
        })
    }

    /// Appends the values of an object that looks like the others; of one that does not, what it leaves
    /// in the columns has to be taken back.
    pub(super) fn push(&self, text: &[u8], columns: &mut [Output]) -> bool {
        self.walk(text, columns) == Some(text.len())
    }

    fn walk(&self, text: &[u8], columns: &mut [Output]) -> Option<usize> {
        let mut at = 0;
        for (place, entry) in self.entries.iter().enumerate() {
            at = match entry.lead.behind(text, at) {
                Some(behind) => behind,
                None => entry.value(text, at, place == 0)?,
            };
            let Some(index) = entry.column else {
                at = Value::at(text, at)?.behind;
                continue;
            };
            let Output { field, column } = columns.get_mut(index)?;
            if let Some(end) = column.push_short(text, at) {
                at = end;
                continue;
            }
            let value = Value::at(text, at)?;
            match value.is_null {
                true => column.push_null(field).ok()?,
                false => column.push_plain(text, value.start, value.end)?,
            }
            at = value.behind;
        }
        for index in &self.absent {
            let Output { field, column } = columns.get_mut(*index)?;
            column.push_null(field).ok()?;
        }
        if self.entries.is_empty() {
            at = expect(text, spaces(text, at), b'{')?;
        }
        Some(spaces(text, expect(text, spaces(text, at), b'}')?))
    }
}

impl Entry {
    /// Where its value begins, whatever white space there is from `at` on.
    #[cold]
    fn value(&self, text: &[u8], at: usize, is_first: bool) -> Option<usize> {
        let opens = if is_first { b'{' } else { b',' };
        let at = spaces(text, expect(text, spaces(text, at), opens)?);
        let behind = at + self.name.len();
        if *text.get(at..behind)? != *self.name {
            return None;
        }
        Some(spaces(text, expect(text, spaces(text, behind), b':')?))
    }
}

/// Behind `byte`, if it is there.
#[inline(always)]
fn expect(text: &[u8], at: usize, byte: u8) -> Option<usize> {
    (*text.get(at)? == byte).then_some(at + 1)
}

/// Behind the white space.
#[inline(always)]
fn spaces(text: &[u8], mut at: usize) -> usize {
    while matches!(text.get(at), Some(b' ' | b'\n' | b'\r' | b'\t')) {
        at += 1;
    }
    at
}

/// A plain value.
struct Value {
    is_null: bool,
    /// A string's content, anything else as it is spelled.
    start: usize,
    end: usize,
    /// Where the text goes on.
    behind: usize,
}

impl Value {
    /// `None` for lists, objects, strings with escapes, and what is no JSON.
    #[inline]
    fn at(text: &[u8], at: usize) -> Option<Self> {
        let spelled = |end: usize| Self {
            is_null: false,
            start: at,
            end,
            behind: end,
        };
        match *text.get(at)? {
            b'"' => {
                let start = at + 1;
                let rest = text.get(start..)?;
                let length = memchr2(b'"', b'\\', rest)?;
                let content = rest.get(..length)?;
                let plain = rest[length] == b'"'
                    && content.iter().all(|byte| *byte >= b' ')
                    && std::str::from_utf8(content).is_ok();
                plain.then_some(Self {
                    is_null: false,
                    start,
                    end: start + length,
                    behind: start + length + 1,
                })
            }
            b'-' | b'0'..=b'9' => number_end(text, at).map(spelled),
            b't' => literal(text, at, b"true").map(spelled),
            b'f' => literal(text, at, b"false").map(spelled),
            b'n' => literal(text, at, b"null").map(|end| Self {
                is_null: true,
                ..spelled(end)
            }),
            _ => None,
        }
    }
}

fn literal(text: &[u8], at: usize, literal: &[u8]) -> Option<usize> {
    let end = at + literal.len();
    (text.get(at..end)? == literal).then_some(end)
}

/// The end of the number that begins at `at`; `None` if it is none by RFC 8259, section 6.
#[inline]
fn number_end(text: &[u8], at: usize) -> Option<usize> {
    let digits = |at: usize| {
        let end = end_of_digits(text, at);
        (end > at).then_some(end)
    };
    let at = at + usize::from(text.get(at) == Some(&b'-'));
    let mut end = match text.get(at)? {
        b'0' => at + 1,
        _ => digits(at)?,
    };
    if text.get(end) == Some(&b'.') {
        end = digits(end + 1)?;
    }
    if let Some(b'e' | b'E') = text.get(end) {
        end += 1;
        end += usize::from(matches!(text.get(end), Some(b'+' | b'-')));
        end = digits(end)?;
    }
    Some(end)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Array, ArrayRef};
    use arrow::datatypes::{DataType, Field, TimeUnit};

    use super::super::rows::JsonRows;
    use super::super::{JsonOptions, NullKey};

    const OBJECT: &str =
        r#"{"i":-120,"d": -0.5e1,"s":"täxt","no":"x","b":true,"n":null,"t":"2024-05-06 07:08:09"}"#;

    fn rows(ignore_errors: bool) -> JsonRows {
        let declared = [
            Field::new("i", DataType::Int32, false),
            Field::new("d", DataType::Float64, true),
            Field::new("s", DataType::Utf8, true),
            Field::new("b", DataType::Boolean, true),
            Field::new("n", DataType::Int64, true),
            Field::new("t", DataType::Timestamp(TimeUnit::Millisecond, None), true),
            Field::new("absent", DataType::Utf8, true),
        ];
        let options = JsonOptions {
            prefix: "",
            fail_on_missing_field: false,
            ignore_errors,
            iso_timestamps: false,
            null_key: NullKey::Fail,
            plain_decimals: false,
            ignore_null_fields: false,
        };
        let wanted = [0, 1, 2, 3, 4, 5, 6];
        JsonRows::new(Arc::new(options), &declared, &wanted, Arc::default()).unwrap()
    }

    struct Random(u64);

    impl Random {
        fn below(&mut self, end: usize) -> usize {
            self.0 = self
                .0
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 33) as usize % end
        }
    }

    /// The object with a few bytes changed, most of them to ones that mean something in JSON.
    fn mutated(random: &mut Random) -> Vec<u8> {
        const BYTES: &[u8] = b"{}[]\",:\\ \t\n00123456789..eE+-truefalsn\x01\xC3\xA4x";
        let mut text = OBJECT.as_bytes().to_vec();
        for _ in 0..=random.below(3) {
            let at = random.below(text.len());
            let byte = BYTES[random.below(BYTES.len())];
            match random.below(4) {
                0 => drop(text.remove(at)),
                1 => text.insert(at, byte),
                2 => text[at] = byte,
                _ => {
                    let end = (at + random.below(12)).min(text.len());
                    let piece = text[at..end].to_vec();
                    let to = random.below(text.len());
                    text.splice(to..to, piece);
                }
            }
        }
        text
    }

    /// What a reader says of an object, and the values that it has then.
    fn told(rows: &mut JsonRows, text: &[u8]) -> (String, Vec<ArrayRef>) {
        let told = match rows.push(text) {
            Ok(pushed) => pushed.to_string(),
            Err(wrong) => format!("{wrong:?}"),
        };
        (told, rows.finish().unwrap())
    }

    #[test]
    fn an_object_like_the_others_is_read_as_one_alone() {
        let mut random = Random(7);
        for ignore_errors in [false, true] {
            let (mut alike, mut wrong) = (0, 0);
            let mut reader = rows(ignore_errors);
            for _ in 0..3 {
                assert!(reader.push(OBJECT.as_bytes()).unwrap());
            }
            reader.finish().unwrap();
            for _ in 0..60_000 {
                let text = mutated(&mut random);
                let shown = String::from_utf8_lossy(&text);
                let expected = told(&mut rows(ignore_errors), &text);
                // Whatever came before, the reader knows the object by then.
                for _ in 0..2 {
                    assert!(reader.push(OBJECT.as_bytes()).unwrap());
                }
                assert!(reader.push_alike(OBJECT.as_bytes()));
                reader.finish().unwrap();
                if reader.push_alike(&text) {
                    assert_eq!(expected.0, "true", "{shown}");
                    assert_eq!(reader.finish().unwrap(), expected.1, "{shown}");
                    alike += 1;
                } else {
                    wrong += u32::from(expected.0.contains("Wrong"));
                    assert_eq!(told(&mut reader, &text), expected, "{shown}");
                }
            }
            assert!(alike > 1_000, "{alike}");
            assert!(ignore_errors || wrong > 5_000, "{wrong}");
        }
    }

    #[test]
    fn names_that_come_twice_or_are_missing_are_no_pattern() {
        for text in [
            r#"{"i":1,"i":2}"#,
            r#"{"i":1,"s":[1]}"#,
            r#"{"i":1,"\u0073":"x","a\"b":1}"#,
        ] {
            let mut reader = rows(false);
            for _ in 0..4 {
                assert!(reader.push(text.as_bytes()).unwrap());
            }
            assert!(!reader.push_alike(text.as_bytes()), "{text}");
            assert_eq!(reader.finish().unwrap()[0].len(), 4);
        }
    }
}
