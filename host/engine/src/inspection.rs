//! What a plugin is, without running a job.

use std::fmt;

use serde::Serialize;
use wasmill_plugin::{Arguments, Kind, Plugin, Signature, WasiInterface, escape};

use crate::sql::flink_type;

/// What `wasmill plugin inspect` says of a file. `Display` shows it to people; serialised, it is for
/// programs.
#[derive(Debug, Serialize)]
pub struct PluginReport {
    file: String,
    sha256: String,
    bytes: u64,
    code_bytes: u64,
    data_bytes: u64,
    custom_bytes: u64,
    imports: Vec<Import>,
    producers: Vec<Producer>,
    functions: Vec<Function>,
}

/// An interface that the plugin may call.
#[derive(Debug, Serialize)]
struct Import {
    name: String,
    /// What it can do with it.
    capability: &'static str,
    /// The option of CREATE FUNCTION that gives more.
    grant: Option<&'static str>,
}

#[derive(Debug, Serialize)]
struct Producer {
    role: String,
    name: String,
    version: String,
}

#[derive(Debug, Serialize)]
struct Function {
    name: String,
    /// `scalar` or `table`.
    kind: &'static str,
    description: String,
    /// Types of Flink's; `…` behind the last says that there may be more.
    arguments: Vec<String>,
    /// Of a table function the names and types of its columns. None: it says so when it is opened.
    returns: Option<String>,
    deterministic: bool,
    parameters: Vec<Parameter>,
}

#[derive(Debug, Serialize)]
struct Parameter {
    name: String,
    description: String,
    required: bool,
    default: Option<String>,
}

impl PluginReport {
    /// An object, over several lines.
    pub fn json(&self) -> String {
        // There is nothing in it that JSON cannot hold.
        let text = serde_json::to_string_pretty(self).unwrap_or_default();
        text + "\n"
    }

    pub fn new(plugin: &Plugin) -> Self {
        let contents = plugin.contents();
        PluginReport {
            file: plugin.name().to_owned(),
            sha256: plugin.sha256().to_owned(),
            bytes: contents.bytes,
            code_bytes: contents.code,
            data_bytes: contents.data,
            custom_bytes: contents.custom,
            imports: plugin.imports().iter().map(|name| import(name)).collect(),
            producers: contents
                .producers
                .iter()
                .map(|producer| Producer {
                    role: producer.role.clone(),
                    name: producer.name.clone(),
                    version: producer.version.clone(),
                })
                .collect(),
            functions: plugin.functions().iter().map(function).collect(),
        }
    }
}

fn import(name: &str) -> Import {
    if let Some(wasi) = WasiInterface::imported(name) {
        return Import {
            name: name.to_owned(),
            capability: wasi.capability,
            grant: wasi.grant,
        };
    }
    let interface = name.split('/').nth(1).unwrap_or(name);
    let interface = interface.split('@').next().unwrap_or(interface);
    Import {
        name: name.to_owned(),
        capability: match interface {
            "columns" => "reads its arguments' columns",
            "inference" => "runs the models that 'grant.models' names",
            "log" => "writes lines to the job's log",
            "metrics" => "counts and measures",
            _ => "types only",
        },
        grant: (interface == "inference").then_some("grant.models"),
    }
}

fn function(signature: &Signature) -> Function {
    let mut arguments = Vec::new();
    match &signature.arguments {
        Arguments::Exact(fields) => {
            arguments.extend(fields.iter().map(|field| flink_type(field.data_type())));
        }
        Arguments::Variadic(field) => arguments.push(format!("{}…", flink_type(field.data_type()))),
        Arguments::Any => arguments.push("…".to_owned()),
    }
    let returns = signature.returns.as_ref().map(|columns| {
        let columns = columns.iter().map(|column| match signature.kind {
            Kind::Scalar | Kind::Aggregate => flink_type(column.data_type()),
            Kind::Table | Kind::Process => {
                format!("{} {}", column.name(), flink_type(column.data_type()))
            }
        });
        columns.collect::<Vec<_>>().join(", ")
    });
    Function {
        name: signature.name.clone(),
        kind: signature.kind.name(),
        description: signature.description.clone(),
        arguments,
        returns,
        deterministic: signature.deterministic,
        parameters: signature
            .parameters
            .iter()
            .map(|parameter| Parameter {
                name: parameter.name.clone(),
                description: parameter.description.clone(),
                required: parameter.required,
                default: parameter.default.clone(),
            })
            .collect(),
    }
}

impl fmt::Display for PluginReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.file)?;
        writeln!(f, "  sha256   {}", self.sha256)?;
        writeln!(
            f,
            "  size     {} bytes (code {}, data {}, names and the like {})",
            self.bytes, self.code_bytes, self.data_bytes, self.custom_bytes
        )?;
        for (place, import) in self.imports.iter().enumerate() {
            let head = if place == 0 { "imports" } else { "" };
            writeln!(f, "  {head:7}  {}: {}", import.name, import.capability)?;
        }
        for (place, producer) in self.producers.iter().enumerate() {
            let head = if place == 0 { "made by" } else { "" };
            let (role, name) = (&producer.role, &producer.name);
            writeln!(f, "  {head:7}  {name} {} ({role})", producer.version)?;
        }
        for function in &self.functions {
            writeln!(f, "\n{function}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, name, arguments) = (self.kind, &self.name, self.arguments.join(", "));
        write!(f, "{kind} {name}({arguments}) → ")?;
        match &self.returns {
            None => f.write_str("what it says when it is opened")?,
            Some(columns) if kind == Kind::Table.name() => write!(f, "({columns})")?,
            Some(value) => f.write_str(value)?,
        }
        if !self.deterministic {
            f.write_str(", not deterministic")?;
        }
        if !self.description.is_empty() {
            write!(f, "\n  {}", self.description)?;
        }
        for parameter in &self.parameters {
            let how = match (&parameter.default, parameter.required) {
                (Some(default), _) => format!("'{}' unless it is given", escape(default, 200)),
                (None, true) => "must be given".to_owned(),
                (None, false) => "may be given".to_owned(),
            };
            write!(
                f,
                "\n  '{}' {how}: {}",
                parameter.name, parameter.description
            )?;
        }
        Ok(())
    }
}
