//! Text of guests, made fit to be shown.

use std::fmt::Write as _;

/// A guest's text made fit for a terminal: control characters, marks that turn the direction of
/// writing and characters that nobody sees are escaped, and what is longer than `limit` bytes is cut.
pub fn escape(text: &str, limit: usize) -> String {
    let mut escaped = String::with_capacity(text.len().min(limit));
    for (index, character) in text.char_indices() {
        if index >= limit {
            escaped.push('…');
            break;
        }
        match character {
            '\n' => escaped.push_str("\\n"),
            '\t' => escaped.push_str("\\t"),
            control if control.is_control() => {
                let _ = write!(escaped, "\\x{:02x}", u32::from(control));
            }
            unseen if is_unseen(unseen) => escaped.extend(unseen.escape_unicode()),
            plain => escaped.push(plain),
        }
    }
    escaped
}

/// Whether a text is shown as it is, and wholly.
pub(crate) fn is_plain(text: &str) -> bool {
    !text
        .chars()
        .any(|character| character.is_control() || is_unseen(character))
}

/// Characters that take no room, look like a space, or turn the direction of writing.
fn is_unseen(character: char) -> bool {
    matches!(
        character,
        '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}'
            | '\u{1160}'
            | '\u{17b4}'
            | '\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{2800}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guests_text_cannot_speak_to_the_terminal() {
        assert_eq!(
            escape("\x1b[31mred\u{202e}\r\n\u{7f}é", 100),
            "\\x1b[31mred\\u{202e}\\x0d\\n\\x7fé"
        );
        assert_eq!(escape("ééé", 3), "éé…");
        assert_eq!(
            escape("a\u{200b}b\u{feff}\u{3164}\u{e0041}", 100),
            "a\\u{200b}b\\u{feff}\\u{3164}\\u{e0041}"
        );
        assert!(is_plain("naïve 数 🙂") && !is_plain("a\u{2066}b"));
    }
}
