//! ENCODE and DECODE: texts as bytes in a character set.

use datafusion::common::{Result, exec_err};

use super::function::{Function, Parameter::*, gives};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("encode", &[Text, Text], gives::bytes, |rows| {
        rows.to_bytes(|row| {
            let text = rows.text(0, row);
            let narrow = |last: char| {
                let letters = text.chars();
                letters
                    .map(|letter| if letter <= last { letter as u8 } else { b'?' })
                    .collect()
            };
            let wide = |bytes: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(bytes);
            Ok(Some(match charset(rows.text(1, row))? {
                Charset::Ascii => narrow('\u{7f}'),
                Charset::Latin1 => narrow('\u{ff}'),
                Charset::Utf8 => text.as_bytes().to_vec(),
                Charset::Utf16Le => wide(u16::to_le_bytes).collect(),
                Charset::Utf16Be => wide(u16::to_be_bytes).collect(),
                // With a mark of the order of bytes.
                Charset::Utf16 => [0xfe, 0xff]
                    .into_iter()
                    .chain(wide(u16::to_be_bytes))
                    .collect(),
            }))
        })
    }),
    Function::new("decode", &[Bytes, Text], gives::text, |rows| {
        rows.to_texts(|row| {
            let bytes = rows.bytes(0).value(row);
            let wide = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
                let units = bytes.chunks(2).map(|pair| match pair {
                    [first, second] => unit([*first, *second]),
                    _ => 0xfffd,
                });
                String::from_utf16_lossy(&units.collect::<Vec<_>>())
            };
            Ok(Some(match charset(rows.text(1, row))? {
                Charset::Ascii => {
                    let letters = bytes.iter();
                    let letters = letters.map(|byte| {
                        if byte.is_ascii() {
                            char::from(*byte)
                        } else {
                            '\u{fffd}'
                        }
                    });
                    letters.collect()
                }
                Charset::Latin1 => bytes.iter().map(|byte| char::from(*byte)).collect(),
                Charset::Utf8 => String::from_utf8_lossy(bytes).into_owned(),
                Charset::Utf16Le => wide(bytes, u16::from_le_bytes),
                Charset::Utf16Be => wide(bytes, u16::from_be_bytes),
                Charset::Utf16 => match bytes {
                    [0xff, 0xfe, rest @ ..] => wide(rest, u16::from_le_bytes),
                    [0xfe, 0xff, rest @ ..] => wide(rest, u16::from_be_bytes),
                    rest => wide(rest, u16::from_be_bytes),
                },
            }))
        })
    }),
];

enum Charset {
    Ascii,
    Latin1,
    Utf8,
    Utf16,
    Utf16Be,
    Utf16Le,
}

fn charset(name: &str) -> Result<Charset> {
    Ok(match name.to_uppercase().as_str() {
        "US-ASCII" => Charset::Ascii,
        "ISO-8859-1" => Charset::Latin1,
        "UTF-8" => Charset::Utf8,
        "UTF-16" => Charset::Utf16,
        "UTF-16BE" => Charset::Utf16Be,
        "UTF-16LE" => Charset::Utf16Le,
        _ => {
            return exec_err!(
                "there is no character set '{name}' here; there are US-ASCII, ISO-8859-1, UTF-8, \
                 UTF-16, UTF-16BE and UTF-16LE"
            );
        }
    })
}
