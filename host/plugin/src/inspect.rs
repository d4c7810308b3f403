//! Looks at a plugin's bytes before anything is compiled: what it is, what it imports and exports.

mod footprint;

use wasmparser::{ComponentInstance, Encoding, KnownCustom, Parser, Payload};

use crate::contract::{PACKAGE, VERSION};
use crate::error::{PluginError, escape};
use crate::host::{CORE_INSTANCES, MEMORIES, TABLES};
use crate::imports::{OFFERED, WasiInterface, interface};
use crate::lines::{LineTables, ModuleTables};
use crate::signature::Kind;

use footprint::Footprints;

/// The parts of a component that decide whether it may run.
#[derive(Debug)]
pub(crate) struct Inspected {
    pub imports: Vec<String>,
    pub exports: Vec<String>,
    /// The full names under which it exports functions of a kind; at least one.
    pub functions: Vec<(Kind, String)>,
    pub contents: Contents,
    pub lines: LineTables,
}

/// What a component is made of. Bytes are as they stand in its file.
#[derive(Clone, Debug, Default)]
pub struct Contents {
    pub bytes: u64,
    /// Of its functions' code.
    pub code: u64,
    /// Of the data that its memories begin with.
    pub data: u64,
    /// Of names, debug information and the like.
    pub custom: u64,
    /// As its tools say it, without those that say the same again; at most 100.
    pub producers: Vec<Producer>,
}

/// A language, a tool or an SDK that had part in a component.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Producer {
    /// `language`, `processed-by` or `sdk`.
    pub role: String,
    pub name: String,
    pub version: String,
}

/// The full names of what a component imports and exports.
#[derive(Clone, Debug)]
pub struct Interfaces {
    pub imports: Vec<String>,
    pub exports: Vec<String>,
}

impl Interfaces {
    /// Of a plugin, without compiling or running any of it; other bytes are refused. `name` is what
    /// messages call it.
    pub fn of(name: &str, bytes: &[u8]) -> Result<Self, PluginError> {
        let Inspected {
            imports, exports, ..
        } = inspect(name, bytes)?;
        Ok(Self { imports, exports })
    }
}

impl Contents {
    /// Notes what a custom section says of who made it. What cannot be read says nothing.
    fn add_producers(&mut self, section: KnownCustom<'_>) {
        let KnownCustom::Producers(fields) = section else {
            return;
        };
        for field in fields.into_iter().flatten() {
            for value in field.values.into_iter().flatten() {
                let producer = Producer {
                    role: escape(field.name, NAME_BYTES),
                    name: escape(value.name, NAME_BYTES),
                    version: escape(value.version, NAME_BYTES),
                };
                if self.producers.len() < MOST_PRODUCERS && !self.producers.contains(&producer) {
                    self.producers.push(producer);
                }
            }
        }
    }
}

const MOST_PRODUCERS: usize = 100;

/// Longest name that a message shows.
const NAME_BYTES: usize = 200;
/// Longest reason of a parser's or a compiler's that a message shows: it may quote the component.
pub(crate) const REASON_BYTES: usize = 1_000;

/// How much there may be of something in a component, all its modules and components together. The
/// time to compile follows from these.
#[derive(Debug)]
struct Most {
    what: &'static str,
    limit: u64,
}

const CODE: Most = Most {
    what: "bytes of code",
    limit: 32 << 20,
};
const FUNCTIONS: Most = Most {
    what: "functions",
    limit: 65_536,
};
const FUNCTION_BYTES: Most = Most {
    what: "bytes in one function",
    limit: 512 << 10,
};
/// Compilers keep track of each variable in each block.
const TRACKED: Most = Most {
    what: "bytes of functions times their local variables",
    limit: 1 << 31,
};
const IMPORTS: Most = Most {
    what: "imports",
    limit: 1_000,
};
/// Components may be instantiated within components that are, so that their number is a power: with
/// that of [`NESTED`] as its exponent.
const INSTANCES: Most = Most {
    what: "instances of components",
    limit: 20,
};
/// What there is room for of one guest.
const MODULE_INSTANCES: Most = Most {
    what: "instances of modules",
    limit: CORE_INSTANCES as u64,
};
const GUEST_MEMORIES: Most = Most {
    what: "memories",
    limit: MEMORIES as u64,
};
const GUEST_TABLES: Most = Most {
    what: "tables",
    limit: TABLES as u64,
};
const MODULE_TABLES: Most = Most {
    what: "tables in one module",
    limit: 1,
};
/// It may have more later, as far as there is memory.
const TABLE_ELEMENTS: Most = Most {
    what: "elements in a table from the beginning",
    limit: 20_000,
};
const NAMED: Most = Most {
    what: "modules and components",
    limit: 1_000,
};
const NESTED: Most = Most {
    what: "components within each other",
    limit: 5,
};

/// What there is so far of what may not be too much.
#[derive(Default)]
struct Amounts {
    functions: u64,
    tracked: u64,
    imports: u64,
    instances: u64,
    core_instances: u64,
}

/// Reads a component's sections. Nothing is validated, but what is too much to be compiled is refused.
pub(crate) fn inspect(plugin: &str, bytes: &[u8]) -> Result<Inspected, PluginError> {
    let not_a_component = |reason: String| PluginError::NotAComponent {
        plugin: plugin.to_owned(),
        reason: escape(&reason, REASON_BYTES),
    };
    let at_most = |most: &Most, found: u64| match found <= most.limit {
        true => Ok(()),
        false => Err(PluginError::TooMuch {
            plugin: plugin.to_owned(),
            what: most.what,
            found,
            limit: most.limit,
        }),
    };
    if bytes.is_empty() {
        return Err(not_a_component("the file is empty".to_owned()));
    }
    if !bytes.starts_with(b"\0asm") {
        let reason = match std::str::from_utf8(bytes) {
            Ok(text) if text.trim_start().starts_with('(') => {
                "it is WebAssembly text, which must be compiled first"
            }
            Ok(_) => "it is a text file",
            Err(_) => "it does not start with WebAssembly's magic bytes",
        };
        return Err(not_a_component(reason.to_owned()));
    }

    let mut imports = Vec::new();
    let mut exports = Vec::new();
    let mut contents = Contents {
        bytes: bytes.len() as u64,
        ..Contents::default()
    };
    let length = |range: std::ops::Range<usize>| range.len() as u64;
    let mut depth = 0_u64;
    let mut amounts = Amounts::default();
    let mut footprints = Footprints::new(NAMED.limit);
    let mut lines = LineTables::default();
    let mut module = None;
    for payload in Parser::new(0).parse_all(bytes) {
        let payload = payload.map_err(|error| not_a_component(error.to_string()))?;
        let whole = footprints.read(&payload);
        at_most(&NAMED, footprints.named)?;
        if let Some(guest) = whole.map_err(|error| not_a_component(error.to_string()))? {
            at_most(&MODULE_INSTANCES, guest.instances)?;
            at_most(&GUEST_MEMORIES, guest.memories)?;
            at_most(&GUEST_TABLES, guest.tables)?;
        }
        match payload {
            Payload::Version { encoding, .. } => {
                if depth == 0 && encoding == Encoding::Module {
                    return Err(PluginError::CoreModule {
                        plugin: plugin.to_owned(),
                    });
                }
                depth += 1;
                at_most(&NESTED, depth)?;
                module = (encoding == Encoding::Module).then(ModuleTables::default);
            }
            Payload::End(_) => {
                depth = depth.saturating_sub(1);
                if let Some(module) = module.take() {
                    lines.add(module);
                }
            }
            Payload::CodeSectionStart { range, count, .. } => {
                if let Some(module) = &mut module {
                    module.code = range.clone();
                }
                contents.code += length(range);
                amounts.functions += u64::from(count);
                at_most(&CODE, contents.code)?;
                at_most(&FUNCTIONS, amounts.functions)?;
            }
            Payload::CodeSectionEntry(body) => {
                at_most(&FUNCTION_BYTES, length(body.range()))?;
                let locals = body.get_locals_reader();
                let locals = locals.map_err(|error| not_a_component(error.to_string()))?;
                for group in locals {
                    let (locals, _) = group.map_err(|error| not_a_component(error.to_string()))?;
                    let tracked = length(body.range()).saturating_mul(u64::from(locals));
                    amounts.tracked = amounts.tracked.saturating_add(tracked);
                }
                at_most(&TRACKED, amounts.tracked)?;
            }
            Payload::InstanceSection(section) => {
                amounts.core_instances += u64::from(section.count());
                at_most(&MODULE_INSTANCES, amounts.core_instances)?;
            }
            Payload::TableSection(section) => {
                at_most(&MODULE_TABLES, u64::from(section.count()))?;
                for table in section {
                    let table = table.map_err(|error| not_a_component(error.to_string()))?;
                    at_most(&TABLE_ELEMENTS, table.ty.initial)?;
                }
            }
            Payload::ComponentInstanceSection(section) => {
                for instance in section {
                    let instance = instance.map_err(|error| not_a_component(error.to_string()))?;
                    if matches!(instance, ComponentInstance::Instantiate { .. }) {
                        amounts.instances += 1;
                        at_most(&INSTANCES, amounts.instances)?;
                    }
                }
            }
            Payload::DataSection(section) => contents.data += length(section.range()),
            Payload::CustomSection(section) => {
                contents.custom += length(section.range());
                contents.add_producers(section.as_known());
                if let Some(module) = &mut module {
                    module.keep(section.name(), section.data());
                }
            }
            Payload::ComponentImportSection(section) if depth == 1 => {
                amounts.imports += u64::from(section.count());
                at_most(&IMPORTS, amounts.imports)?;
                for import in section {
                    let import = import.map_err(|error| not_a_component(error.to_string()))?;
                    imports.push(import.name.name.to_owned());
                }
            }
            Payload::ComponentExportSection(section) if depth == 1 => {
                for export in section {
                    let export = export.map_err(|error| not_a_component(error.to_string()))?;
                    exports.push(export.name.name.to_owned());
                }
            }
            _ => {}
        }
    }

    let names = || imports.iter().chain(&exports);
    if let Some(wanted) = names().find_map(|name| other_version(name)) {
        let [major, minor, patch] = VERSION;
        return Err(PluginError::OtherContract {
            plugin: plugin.to_owned(),
            wanted: escape(wanted, NAME_BYTES),
            spoken: format!("{major}.{minor}.{patch}"),
            newer: numbers(wanted).is_none_or(|wanted| wanted > VERSION),
        });
    }
    if let Some(import) = imports.iter().find(|import| !is_offered(import)) {
        let package = import
            .split_once('/')
            .map_or(import.as_str(), |(package, _)| package);
        return Err(PluginError::UngrantedImport {
            plugin: plugin.to_owned(),
            import: escape(import, NAME_BYTES),
            capability: escape(package, NAME_BYTES),
        });
    }
    let exported = |kind: Kind| {
        let of_kind = |export: &&String| {
            contract_interface(export).is_some_and(|(name, _)| name == kind.name())
        };
        let export = exports.iter().find(of_kind)?;
        Some((kind, export.clone()))
    };
    let functions: Vec<_> = Kind::ALL.into_iter().filter_map(exported).collect();
    if functions.is_empty() {
        let wanted = Kind::ALL.into_iter();
        return Err(PluginError::MissingExport {
            plugin: plugin.to_owned(),
            exports: wanted
                .map(|kind| format!("`{}`", interface(kind.name())))
                .collect(),
        });
    }
    Ok(Inspected {
        imports,
        exports,
        functions,
        contents,
        lines,
    })
}

/// `wasmill:udf/scalar@0.2.0` → (`scalar`, `0.2.0`)
fn contract_interface(name: &str) -> Option<(&str, &str)> {
    name.strip_prefix(PACKAGE)?
        .strip_prefix('/')?
        .split_once('@')
}

/// The version that a name of our package wants, if it is not one that we speak: below 1.0 a minor
/// version breaks, and a patch adds.
fn other_version(name: &str) -> Option<&str> {
    let (_, wanted) = contract_interface(name)?;
    let speaks =
        numbers(wanted).is_some_and(|wanted| wanted[..2] == VERSION[..2] && wanted <= VERSION);
    (!speaks).then_some(wanted)
}

fn numbers(version: &str) -> Option<[u64; 3]> {
    let mut parts = version.split('.').map(|part| part.parse().ok());
    let numbers = [parts.next()??, parts.next()??, parts.next()??];
    parts.next().is_none().then_some(numbers)
}

fn is_offered(import: &str) -> bool {
    WasiInterface::imported(import).is_some()
        || contract_interface(import).is_some_and(|(name, _)| OFFERED.contains(&name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_spoken_up_to_its_minor() {
        assert_eq!(other_version("wasmill:udf/scalar@0.2.0"), None);
        assert_eq!(other_version("wasmill:udf/scalar@0.2.1"), Some("0.2.1"));
        assert_eq!(other_version("wasmill:udf/scalar@0.1.0"), Some("0.1.0"));
        assert_eq!(other_version("wasmill:udf/table@0.3.0"), Some("0.3.0"));
        assert_eq!(other_version("wasmill:udf/scalar@1.1.0"), Some("1.1.0"));
        assert_eq!(other_version("wasmill:udf/scalar@x"), Some("x"));
        assert_eq!(other_version("wasi:http/types@0.2.3"), None);
    }
}
