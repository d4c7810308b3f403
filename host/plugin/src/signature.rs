//! What a plugin says of its functions, checked.

use std::collections::HashSet;

use arrow::datatypes::{FieldRef, Fields};

use crate::contract::{
    GuestArguments, GuestSideOutput, GuestSignature, GuestSlot, Schema, SlotKind,
};
use crate::error::{escape, is_plain};
use crate::process::{SideOutput, Slot};
use crate::types::from_schema;

/// What a function makes of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// One value of each.
    Scalar,
    /// Any number of rows of each.
    Table,
    /// One value of all rows of a group.
    Aggregate,
    /// Any number of rows of those of a key, at once or later.
    Process,
}

impl Kind {
    pub const ALL: [Kind; 4] = [Kind::Scalar, Kind::Table, Kind::Aggregate, Kind::Process];

    /// As its interface in the contract is called: `scalar`.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Scalar => "scalar",
            Kind::Table => "table",
            Kind::Aggregate => "aggregate",
            Kind::Process => "process",
        }
    }

    /// Whether its result is one value, not rows.
    pub fn gives_values(self) -> bool {
        matches!(self, Kind::Scalar | Kind::Aggregate)
    }
}

/// One function that a plugin offers.
#[derive(Clone, Debug, PartialEq)]
pub struct Signature {
    /// The name after the `#` of `AS 'plugin.wasm#name'`.
    pub name: String,
    pub kind: Kind,
    pub description: String,
    pub arguments: Arguments,
    /// The columns of its result: of a scalar or aggregate function one. `None`: decided when it is
    /// opened.
    pub returns: Option<Fields>,
    /// The same arguments give the same result.
    pub deterministic: bool,
    pub parameters: Vec<Parameter>,
}

/// The arguments that a function takes.
#[derive(Clone, Debug, PartialEq)]
pub enum Arguments {
    /// These, in this order.
    Exact(Fields),
    /// At least one, all of this type.
    Variadic(FieldRef),
    /// Decided when it is opened.
    Any,
}

/// One parameter of a function, given in `CREATE FUNCTION … WITH`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    pub name: String,
    pub description: String,
    pub required: bool,
    pub default: Option<String>,
}

/// Functions that a plugin may offer, and parameters that a function may have.
const MAX_NAMES: usize = 1_000;
const NAME_BYTES: usize = 200;
/// Of a field: it may be that of a column of the job.
const FIELD_NAME_BYTES: usize = 4 << 10;
const DESCRIPTION_BYTES: usize = 4 << 10;

/// What it offers of each kind. An error says what is wrong with the guest's description of itself.
pub(crate) fn signatures(
    guest: Vec<(Kind, Vec<GuestSignature>)>,
) -> Result<Vec<Signature>, String> {
    let count: usize = guest.iter().map(|(_, signatures)| signatures.len()).sum();
    if count > MAX_NAMES {
        return Err(format!("it names more than {MAX_NAMES} functions"));
    }
    let mut names = HashSet::new();
    let signatures = guest.into_iter().flat_map(|(kind, signatures)| {
        let signatures = signatures.into_iter();
        signatures.map(move |signature| (kind, signature))
    });
    signatures
        .map(|(kind, signature)| {
            let name = checked_name("function", &signature.name, &mut names)?;
            checked(kind, signature).map_err(|reason| format!("function `{name}`: {reason}"))
        })
        .collect()
}

fn checked(kind: Kind, guest: GuestSignature) -> Result<Signature, String> {
    if guest.parameters.len() > MAX_NAMES {
        return Err(format!("it has more than {MAX_NAMES} parameters"));
    }
    let mut names = HashSet::new();
    let parameters = guest
        .parameters
        .into_iter()
        .map(|parameter| {
            Ok(Parameter {
                name: checked_name("parameter", &parameter.name, &mut names)?,
                description: escape(&parameter.description, DESCRIPTION_BYTES),
                required: parameter.required,
                default: parameter.default,
            })
        })
        .collect::<Result<_, String>>()?;
    let arguments = match &guest.arguments {
        GuestArguments::Exact(schema) if kind == Kind::Process => {
            Arguments::Exact(distinct("arguments", declared(schema)?)?)
        }
        GuestArguments::Exact(schema) => Arguments::Exact(declared(schema)?),
        GuestArguments::Variadic(_) if kind == Kind::Process => {
            return Err("it takes any number of arguments, and not columns of a table".to_owned());
        }
        GuestArguments::Variadic(schema) => Arguments::Variadic(single("variadic", schema)?),
        GuestArguments::Any => Arguments::Any,
    };
    let returns = match &guest.returns {
        Some(schema) => Some(columns(kind, schema)?),
        None => None,
    };
    Ok(Signature {
        name: guest.name,
        kind,
        description: escape(&guest.description, DESCRIPTION_BYTES),
        arguments,
        returns,
        deterministic: guest.deterministic,
        parameters,
    })
}

fn checked_name(what: &str, name: &str, names: &mut HashSet<String>) -> Result<String, String> {
    let plain = !name.is_empty()
        && name.len() <= NAME_BYTES
        && name
            .chars()
            .all(|character| character.is_alphanumeric() || "_-.".contains(character))
        && is_plain(name);
    if !plain {
        return Err(format!(
            "`{}` is not a {what}'s name",
            escape(name, NAME_BYTES)
        ));
    }
    if !names.insert(name.to_owned()) {
        return Err(format!("it names the {what} `{name}` twice"));
    }
    Ok(name.to_owned())
}

/// The columns of a schema that people will see, in plans and tables: so its names can be shown.
fn declared(schema: &Schema) -> Result<Fields, String> {
    let unfit = |name: &&str| name.len() > FIELD_NAME_BYTES || !is_plain(name);
    let names = schema.fields.iter().map(|field| field.name.as_str());
    match names.enumerate().find(|(_, name)| unfit(name)) {
        Some((index, name)) => Err(format!(
            "field {index}: `{}` is not a field's name",
            escape(name, NAME_BYTES)
        )),
        None => from_schema(schema),
    }
}

/// The columns of what a function of this kind `returns`.
pub(crate) fn columns(kind: Kind, schema: &Schema) -> Result<Fields, String> {
    const RETURNS: &str = "returns";
    match kind {
        Kind::Scalar | Kind::Aggregate => Ok(vec![single(RETURNS, schema)?].into()),
        Kind::Table | Kind::Process => named(RETURNS, schema),
    }
}

/// The columns of a process function's broadcast table.
pub(crate) fn broadcast_columns(schema: &Schema) -> Result<Fields, String> {
    named("broadcast", schema)
}

/// What a process function keeps of each key.
pub(crate) fn slots(guest: Vec<GuestSlot>) -> Result<Vec<Slot>, String> {
    at_most("slots", guest.len())?;
    let mut names = HashSet::new();
    let slots = guest.into_iter().map(|slot| {
        let name = checked_name("slot", &slot.name, &mut names)?;
        let columns =
            declared(&slot.columns).map_err(|reason| format!("slot `{name}`: {reason}"))?;
        let wanted = match slot.kind {
            SlotKind::Value | SlotKind::List => 1,
            SlotKind::Map => 2,
        };
        if columns.len() != wanted {
            let found = columns.len();
            return Err(format!("slot `{name}` has {found} columns, not {wanted}"));
        }
        let columns = columns.iter().map(|column| {
            let column = column.as_ref().clone();
            column.with_nullable(true)
        });
        Ok(Slot::new(name, slot.kind, columns.collect(), slot.ttl))
    });
    slots.collect()
}

/// The rows that a process function gives beside its result.
pub(crate) fn side_outputs(guest: Vec<GuestSideOutput>) -> Result<Vec<SideOutput>, String> {
    at_most("side outputs", guest.len())?;
    let mut names = HashSet::new();
    let outputs = guest.into_iter().map(|output| {
        let name = checked_name("side output", &output.name, &mut names)?;
        let columns = named("side-outputs", &output.columns)?;
        Ok(SideOutput { name, columns })
    });
    outputs.collect()
}

fn at_most(what: &str, count: usize) -> Result<(), String> {
    match count <= MAX_NAMES {
        true => Ok(()),
        false => Err(format!("it names more than {MAX_NAMES} {what}")),
    }
}

/// The columns of an aggregate function's `state`.
pub(crate) fn state_columns(schema: &Schema) -> Result<Fields, String> {
    named("state", schema)
}

/// The columns of a schema, at least one, each with a name of its own.
fn named(what: &str, schema: &Schema) -> Result<Fields, String> {
    let fields = declared(schema)?;
    if fields.is_empty() {
        return Err(format!("`{what}` is a schema of no column"));
    }
    distinct(what, fields)
}

/// The same columns, if each has a name of its own.
fn distinct(what: &str, fields: Fields) -> Result<Fields, String> {
    let mut names = HashSet::new();
    for field in &fields {
        if field.name().is_empty() {
            return Err(format!("a column of `{what}` has no name"));
        }
        if !names.insert(field.name()) {
            let name = field.name();
            return Err(format!("two columns of `{what}` are called `{name}`"));
        }
    }
    Ok(fields)
}

/// The column of a schema of one column.
fn single(what: &str, schema: &Schema) -> Result<FieldRef, String> {
    let fields = declared(schema)?;
    match fields.as_ref() {
        [field] => Ok(field.clone()),
        fields => Err(format!(
            "`{what}` is a schema of {} columns, not of one",
            fields.len()
        )),
    }
}
