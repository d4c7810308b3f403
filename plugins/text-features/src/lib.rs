//! `text_features(text)`: a text as a list of numbers, for a model.

use std::sync::LazyLock;

use wasmill_sdk::scalar;

/// Eight numbers about a text: characters, words, characters a word; then the shares of its
/// characters that are upper case, digits, punctuation and symbols, white space, not ASCII.
/// Shares are 0 to 1; all is 0 for an empty text.
#[scalar]
fn text_features(text: &str) -> Vec<f32> {
    let mut counts = Counts::default();
    let ascii = &*ASCII;
    for character in text.chars() {
        counts.add(character, ascii);
    }
    let share = |part: u32| ratio(part, counts.characters);
    vec![
        counts.characters as f32,
        counts.words as f32,
        ratio(counts.characters - counts.spaces, counts.words),
        share(counts.upper_case),
        share(counts.digits),
        share(counts.punctuation),
        share(counts.spaces),
        share(counts.not_ascii),
    ]
}

/// A word is a run without white space.
#[derive(Default)]
struct Counts {
    characters: u32,
    words: u32,
    upper_case: u32,
    digits: u32,
    punctuation: u32,
    spaces: u32,
    not_ascii: u32,
    in_word: bool,
}

impl Counts {
    fn add(&mut self, character: char, ascii: &[Kind; 128]) {
        let Kind {
            space,
            digit,
            upper_case,
            punctuation,
        } = match ascii.get(character as usize) {
            Some(kind) => *kind,
            None => Kind::of(character),
        };
        self.characters += 1;
        self.words += u32::from(!space && !self.in_word);
        self.upper_case += u32::from(upper_case);
        self.digits += u32::from(digit);
        self.punctuation += u32::from(punctuation);
        self.spaces += u32::from(space);
        self.not_ascii += u32::from(!character.is_ascii());
        self.in_word = !space;
    }
}

/// Unicode's properties of a character.
#[derive(Clone, Copy)]
struct Kind {
    space: bool,
    digit: bool,
    upper_case: bool,
    punctuation: bool,
}

impl Kind {
    fn of(character: char) -> Self {
        let space = character.is_whitespace();
        let digit = character.is_numeric();
        Self {
            space,
            digit,
            upper_case: character.is_uppercase(),
            punctuation: !space && !digit && !character.is_alphabetic(),
        }
    }
}

/// Looked up once: most texts are mostly ASCII.
static ASCII: LazyLock<[Kind; 128]> =
    LazyLock::new(|| std::array::from_fn(|code| Kind::of(code as u8 as char)));

fn ratio(part: u32, whole: u32) -> f32 {
    if whole == 0 {
        0.0
    } else {
        part as f32 / whole as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_by_hand() {
        assert_eq!(
            text_features("Grüße, B12 has 7"),
            [
                16.0,
                4.0,
                13.0 / 4.0,
                2.0 / 16.0,
                3.0 / 16.0,
                1.0 / 16.0,
                3.0 / 16.0,
                2.0 / 16.0
            ]
        );
    }

    #[test]
    fn nothing_has_no_shares() {
        assert_eq!(text_features(""), [0.0; 8]);
        assert_eq!(
            text_features("  "),
            [2.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0]
        );
    }
}
