//! Core modules to components of the contract.

use std::path::Path;
use std::sync::LazyLock;

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::{PackageId, Resolve, SourceMap};

macro_rules! contract {
    ($($file:literal),+) => {
        &[$(($file, include_str!(concat!("../../../../wit/", $file)))),+]
    };
}

const CONTRACT: &[(&str, &str)] = contract!(
    "aggregate.wit",
    "columns.wit",
    "inference.wit",
    "log.wit",
    "metrics.wit",
    "process.wit",
    "scalar.wit",
    "state.wit",
    "table.wit",
    "types.wit",
    "world.wit"
);

/// What a module imports of WASI's first preview is another module's.
const PREVIEW1: &str = "wasi_snapshot_preview1";

/// Tells in a module's section what it imports and exports: a world of the contract.
pub fn embed(module: &mut Vec<u8>, world: &str) -> Result<(), String> {
    static PARSED: LazyLock<Result<(Resolve, PackageId), String>> = LazyLock::new(parse);
    let (resolve, package) = PARSED.as_ref().map_err(Clone::clone)?;
    resolve
        .select_world(&[*package], Some(world))
        .and_then(|world| {
            embed_component_metadata(module, resolve, world, StringEncoding::UTF8, false)
        })
        .map_err(|error| told(&error))
}

fn parse() -> Result<(Resolve, PackageId), String> {
    let mut sources = SourceMap::new();
    for (file, text) in CONTRACT {
        sources.push_str(file, *text);
    }
    let parsed = sources.parse().map_err(|(_, error)| error.to_string())?;
    let mut resolve = Resolve::new();
    let package = resolve
        .push_group(parsed)
        .map_err(|error| error.to_string())?;
    Ok((resolve, package))
}

/// On one line.
fn told(error: &impl std::fmt::Display) -> String {
    let text = format!("{error:#}");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Writes the contract's files into a folder.
pub fn write_contract(folder: &Path) -> std::io::Result<()> {
    let mut files = CONTRACT.iter();
    files.try_for_each(|(file, text)| std::fs::write(folder.join(file), text))
}

/// A component of a module that tells what it is, and of an adapter for what it imports of WASI.
pub fn component(module: &[u8], adapter: Option<&[u8]>) -> Result<Vec<u8>, String> {
    let mut encoder = ComponentEncoder::default();
    encoder.validate(true);
    let adapted = match adapter {
        Some(adapter) => encoder.adapter(PREVIEW1, adapter).map(drop),
        None => Ok(()),
    };
    adapted
        .and_then(|()| encoder.module(module)?.encode())
        .map_err(|error| told(&error))
}
