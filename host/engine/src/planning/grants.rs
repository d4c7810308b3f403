//! Grants of functions: what CREATE FUNCTION gives to one of them.

use std::{collections::BTreeMap, env, io::ErrorKind, sync::Arc};

use wasmill_plugin::{Authority, GrantedFolder, Grants, Model};

use super::context::Shared;
use crate::{
    catalog::HostedModel,
    error::EngineError,
    sql::{Options, Script},
};

/// The grants among a function's options; nothing where none is written.
pub(super) fn function_grants(
    shared: &Shared,
    options: &Options,
    script: &Script,
) -> Result<Grants, EngineError> {
    let at = |key: &str, error: EngineError| {
        error.at(|| options.span(key).and_then(|span| script.location(span)))
    };
    if let Some(allowed) = &shared.allowed_grants {
        let written = options.values.keys().find(|key| {
            let grant = key.strip_prefix("grant.");
            grant.is_some_and(|grant| !allowed.iter().any(|allowed| allowed == grant))
        });
        if let Some(key) = written {
            let error = EngineError::job(format!("this host does not allow '{key}'")).with_hint(
                "whoever runs it says what jobs may grant: `wasmill run --allow-grant`".to_owned(),
            );
            return Err(at(key, error));
        }
    }
    let names = |key: &'static str| names(options, key);
    let flag = |key: &'static str| match options.values.get(key).map(String::as_str) {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(other) => Err(at(
            key,
            EngineError::job(format!("'{key}' cannot be '{other}'"))
                .with_hint("it is 'true' or 'false'".to_owned()),
        )),
    };
    Ok(Grants {
        models: names("grant.models")
            .map(|name| {
                let declared = shared.catalog.read().model(name);
                let declared = declared.map_err(|error| at("grant.models", error))?;
                let model = HostedModel::new(declared.load(shared)?);
                Ok((name.to_owned(), Arc::new(model) as Arc<dyn Model>))
            })
            .collect::<Result<_, EngineError>>()?,
        http: names("grant.http")
            .map(authority)
            .collect::<Result<_, _>>()
            .map_err(|error| at("grant.http", error))?,
        env: names("grant.env")
            .map(variable)
            .collect::<Result<BTreeMap<_, _>, _>>()
            .map_err(|error| at("grant.env", error))?,
        clock: flag("grant.clock")?,
        random: flag("grant.random")?,
        folders: folders(shared, names("grant.dir")).map_err(|error| at("grant.dir", error))?,
    })
}

/// What stands between the commas.
fn names<'a>(options: &'a Options, key: &str) -> impl Iterator<Item = &'a str> + use<'a> {
    let list = options.values.get(key).map_or("", String::as_str);
    list.split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty())
}

fn authority(text: &str) -> Result<Authority, EngineError> {
    Authority::parse(text).ok_or_else(|| {
        EngineError::job(format!("'{text}' is not a host and a port")).with_hint(
            "write an exact name or address and the port: 'grant.http' = 'api.example.com:443'"
                .to_owned(),
        )
    })
}

fn variable(name: &str) -> Result<(String, String), EngineError> {
    let value = env::var(name).map_err(|error| {
        let what = match error {
            env::VarError::NotPresent => "is not set where this job is planned",
            env::VarError::NotUnicode(_) => "is not UTF-8 text",
        };
        EngineError::job(format!("the environment variable '{name}' {what}")).with_hint(
            "'grant.env' names variables; their values come from the host's environment".to_owned(),
        )
    })?;
    Ok((name.to_owned(), value))
}

/// `data`, which the guest sees as `/`, or pairs: `/in=data, /more=other/data`.
fn folders<'a>(
    shared: &Shared,
    written: impl Iterator<Item = &'a str>,
) -> Result<Vec<GrantedFolder>, EngineError> {
    let mut folders: Vec<GrantedFolder> = Vec::new();
    for text in written {
        let (guest, host) = text.split_once('=').unwrap_or(("/", text));
        let (guest, host) = (guest.trim(), host.trim());
        let wrong = |message: String| {
            EngineError::job(message).with_hint(
                "write one folder, or where the function sees each: 'grant.dir' = '/in=data, \
                 /more=other/data'"
                    .to_owned(),
            )
        };
        if !guest.starts_with('/') {
            return Err(wrong(format!("'{guest}' does not begin with '/'")));
        }
        if folders.iter().any(|folder| folder.guest() == guest) {
            return Err(wrong(format!("two folders are granted as '{guest}'")));
        }
        let folder =
            GrantedFolder::open(guest, host, &shared.connectors.base).map_err(|error| {
                let message = format!("the folder '{host}' cannot be granted: {error}");
                match error.kind() {
                    ErrorKind::NotFound | ErrorKind::NotADirectory => EngineError::job(message)
                        .with_hint("paths in a job are relative to the job's file".to_owned()),
                    _ => EngineError::Environment {
                        message,
                        hint: None,
                    },
                }
            })?;
        folders.push(folder);
    }
    Ok(folders)
}
