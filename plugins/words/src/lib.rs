//! `words(text)`, `ngrams(text)` and `pairs(text)`: a text as rows.

use wasmill_sdk::{
    Arguments, Batch, DataType, Error, Expansion, Field, OpenContext, Parameter, Read, Signature,
    TableFunction, table,
};

/// The words of a text, each with its place, from 1 on. A word is a run of letters and digits.
#[table(columns(word, place))]
fn words(text: &str) -> impl Iterator<Item = (&str, i64)> {
    parts(text).zip(1..)
}

fn parts(text: &str) -> impl Iterator<Item = &str> {
    text.split(|character: char| !character.is_alphanumeric())
        .filter(|word| !word.is_empty())
}

/// The pairs of a text such as `a=1 b=2`. A part without `=` fails its row.
#[table(columns(key, value))]
fn pairs(text: &str) -> Result<Vec<(&str, &str)>, String> {
    let parts = text.split_whitespace();
    let pairs = parts.map(|part| part.split_once('=').ok_or(part));
    pairs
        .collect::<Result<_, _>>()
        .map_err(|part| format!("`{part}` is no pair"))
}

/// Words that stand one behind another.
struct Ngrams {
    n: usize,
    separator: String,
}

/// Longer ones are rarely met twice.
const MOST_WORDS: usize = 100;

impl TableFunction for Ngrams {
    fn signature() -> Signature {
        Signature::new("ngrams")
            .description(
                "All runs of some words of a text, in lower case, each with the place of its first \
                 word.",
            )
            .arguments(Arguments::Exact(vec![Field::new("text", DataType::Utf8)]))
            .columns(vec![
                Field::new("ngram", DataType::Utf8),
                Field::new("place", DataType::Int64),
            ])
            .parameter(Parameter::optional("n", "words in a run, 1 to 100").default("2"))
            .parameter(Parameter::optional("separator", "between its words").default(" "))
    }

    fn open(context: &OpenContext) -> Result<Self, Error> {
        let n = context.parsed("n")?.unwrap_or(2);
        if !(1..=MOST_WORDS).contains(&n) {
            let message = format!("the parameter 'n' is 1 to {MOST_WORDS}, not {n}");
            return Err(Error::invalid(message));
        }
        let separator = context.required("separator")?.to_owned();
        Ok(Self { n, separator })
    }

    fn batch_eval(&mut self, rows: &Batch) -> Result<Expansion, Error> {
        let texts = rows.column(0).bytes()?;
        Expansion::collect(&["ngram", "place"], texts.rows(), |row| {
            let text = texts.is_present(row).then(|| texts.text(row));
            Ok::<_, Error>(self.of(text.unwrap_or_default()))
        })
    }
}

impl Ngrams {
    fn of(&self, text: &str) -> Vec<(String, i64)> {
        let text = text.to_lowercase();
        let words: Vec<&str> = parts(&text).collect();
        let runs = words.windows(self.n).zip(1..);
        runs.map(|(run, place)| (run.join(&self.separator), place))
            .collect()
    }
}

wasmill_sdk::plugin!(Ngrams);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_letters_and_digits() {
        let found: Vec<_> = words(" Grüße, B12 -- x").collect();
        assert_eq!(found, [("Grüße", 1), ("B12", 2), ("x", 3)]);
        assert_eq!(words("..").count(), 0);
    }

    #[test]
    fn a_part_without_a_value_is_told() {
        assert_eq!(pairs(" a=1  b=2=3 "), Ok(vec![("a", "1"), ("b", "2=3")]));
        assert_eq!(pairs("a=1 b"), Err("`b` is no pair".to_owned()));
    }

    #[test]
    fn runs_stand_one_behind_another() {
        let ngrams = Ngrams {
            n: 2,
            separator: "_".to_owned(),
        };
        let expected = [("to_be", 1), ("be_or", 2)].map(|(run, place)| (run.to_owned(), place));
        assert_eq!(ngrams.of("To be, or"), expected);
        assert_eq!(ngrams.of("to"), []);
    }
}
