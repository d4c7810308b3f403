//! `wasmill plugin new`: a folder with a first function.

use std::fs;
use std::path::{Path, PathBuf};

use super::arguments::New;
use super::failure::Failure;
use super::language::Language;
use crate::output::Output;

/// Writes the template's files into a folder that is not there yet.
pub fn new(arguments: &New, output: &Output) -> Result<(), Failure> {
    let New { name, lang, sdk } = arguments;
    let mut letters = name.chars();
    let plain = letters
        .next()
        .is_some_and(|letter| letter.is_ascii_lowercase())
        && letters.all(|letter| {
            letter.is_ascii_lowercase() || letter.is_ascii_digit() || "-_".contains(letter)
        });
    if !plain {
        return Err(
            Failure::wrong(format!("`{name}` cannot be a plugin's name"))
                .hint("small letters, digits, `-` and `_`, a letter first: my-functions"),
        );
    }
    let checkout = sdk
        .as_deref()
        .map(|path| checkout(path, *lang))
        .transpose()?;
    let sdk = lang.sdk(checkout.as_deref());
    let folder = Path::new(name);
    fs::create_dir(folder).map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => Failure::wrong(format!("`{name}` is there already"))
            .hint("choose another name, or remove it"),
        _ => Failure::wrong(format!("cannot make the folder `{name}`: {error}")),
    })?;
    for (path, text) in lang.template() {
        let text = text.replace("{{name}}", name).replace("{{sdk}}", &sdk);
        let path = folder.join(path);
        write(&path, &text)
            .map_err(|error| Failure::wrong(format!("cannot write {}: {error}", path.display())))?;
    }
    output.note(&format!(
        "made {name}; next: cd {name} && wasmill plugin build"
    ));
    Ok(())
}

fn write(path: &Path, text: &str) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, text.trim_end().to_owned() + "\n")
}

/// The checkout's absolute path, if it has the language's SDK.
fn checkout(path: &Path, language: Language) -> Result<PathBuf, Failure> {
    let sdk = path.join("sdk").join(language.folder());
    match (path.canonicalize(), sdk.is_dir()) {
        (Ok(path), true) => Ok(path),
        _ => Err(
            Failure::wrong(format!("there is no folder {}", sdk.display()))
                .hint("--sdk names a checkout of https://github.com/wasmill/wasmill"),
        ),
    }
}
