//! A function of texts.

use std::{error::Error, path::Path, sync::Arc};

use arrow::{
    array::{Array, ArrayRef, AsArray, StringArray, StringBuilder},
    datatypes::{DataType, Field},
};
use wasmill_plugin::{Host, OpenOptions};

use super::{BATCHES, ROWS, line, print};
use crate::{Arguments, border::paired};

/// Texts of so many bytes.
const LENGTHS: [usize; 5] = [8, 32, 64, 128, 256];

pub(super) fn run(
    arguments: &Arguments,
    host: &Arc<Host>,
    root: &Path,
) -> Result<(), Box<dyn Error>> {
    let plugin = host.load("bench", &root.join("target/plugins/bench-functions.wasm"))?;
    let fields = vec![Arc::new(Field::new("text", DataType::Utf8, true))];
    let function = plugin.open("shout", OpenOptions::new("shout", fields))?;
    let mut lines = Vec::new();
    for length in LENGTHS {
        let batches: Vec<_> = (0..BATCHES).map(|seed| texts(seed, length)).collect();
        let first = std::slice::from_ref(&batches[0]);
        if native(&batches[0])?.as_ref() != function.call(first, ROWS)?.as_ref() {
            return Err("the component and the native function disagree".into());
        }
        let (mut of_native, mut of_wasm) = (batches.iter().cycle(), batches.iter().cycle());
        let times = paired(
            arguments.runs,
            || {
                of_native
                    .next()
                    .map_or(Ok(()), |texts| native(texts).map(drop))
            },
            || match of_wasm.next() {
                Some(texts) => function.call(std::slice::from_ref(texts), ROWS).map(drop),
                None => Ok(()),
            },
        )?;
        lines.push(line("in capital letters", format!("{length} bytes"), times));
    }
    print(
        "Texts: 8,192 in capital letters, limits on, 64 batches in turn",
        "a text",
        &lines,
    );
    Ok(())
}

fn texts(seed: usize, length: usize) -> ArrayRef {
    let letters = b"the quick brown fox jumps over the lazy dog; ";
    let text = |row: usize| -> String {
        let letters = letters
            .iter()
            .cycle()
            .skip((row * 7 + seed) % letters.len());
        letters
            .take(length)
            .map(|letter| char::from(*letter))
            .collect()
    };
    Arc::new(StringArray::from_iter_values((0..ROWS).map(text)))
}

/// The same in Rust, a text at once.
fn native(texts: &ArrayRef) -> Result<ArrayRef, wasmill_plugin::PluginError> {
    let texts = texts.as_string::<i32>();
    let mut shouted = StringBuilder::with_capacity(texts.len(), texts.values().len());
    for text in texts {
        shouted.append_option(text.map(str::to_ascii_uppercase));
    }
    Ok(Arc::new(shouted.finish()))
}
