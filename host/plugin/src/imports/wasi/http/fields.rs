//! `fields` of `wasi:http/types`: the headers of requests and responses.

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use wasmtime::StoreContextMut;
use wasmtime::component::{LinkerInstance, Resource};

use super::super::resource;
use super::types::HeaderError;
use crate::state::{Refusal, State};

type Cx<'a> = StoreContextMut<'a, State>;
type Outcome<T> = Result<T, HeaderError>;

/// Bytes of the names and values of one request's headers.
const MOST_BYTES: usize = 64 << 10;

/// They are the connection's or the host's own.
const FORBIDDEN: &[&str] = &[
    "connection",
    "content-length",
    "expect",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// `fields`, each name in lower case.
#[derive(Clone, Debug, Default)]
pub(super) struct Fields {
    entries: Vec<(String, Vec<u8>)>,
    immutable: bool,
}

impl Fields {
    /// Those of a request or a response, which do not change any more.
    pub fn immutable(entries: Vec<(String, Vec<u8>)>) -> Self {
        Self {
            entries,
            immutable: true,
        }
    }

    pub fn entries(&self) -> &[(String, Vec<u8>)] {
        &self.entries
    }

    pub fn to_map(&self) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in &self.entries {
            // They were checked when they were set.
            if let (Ok(name), Ok(value)) = (
                HeaderName::from_bytes(name.as_bytes()),
                HeaderValue::from_bytes(value),
            ) {
                map.append(name, value);
            }
        }
        map
    }

    /// Of the names and values.
    pub fn bytes(&self) -> usize {
        let sizes = self.entries.iter();
        sizes.map(|(name, value)| name.len() + value.len()).sum()
    }

    fn may_change(&self) -> Outcome<()> {
        match self.immutable {
            true => Err(HeaderError::Immutable),
            false => Ok(()),
        }
    }

    fn append(&mut self, name: &str, value: Vec<u8>) -> Outcome<()> {
        self.may_change()?;
        let name = name.to_ascii_lowercase();
        if FORBIDDEN.contains(&name.as_str()) {
            return Err(HeaderError::Forbidden);
        }
        let valid = HeaderName::from_bytes(name.as_bytes()).is_ok()
            && HeaderValue::from_bytes(&value).is_ok();
        if !valid || self.bytes() + name.len() + value.len() > MOST_BYTES {
            return Err(HeaderError::InvalidSyntax);
        }
        self.entries.push((name, value));
        Ok(())
    }

    fn remove(&mut self, name: &str) -> Outcome<()> {
        self.may_change()?;
        self.entries
            .retain(|(entry, _)| !entry.eq_ignore_ascii_case(name));
        Ok(())
    }

    fn get(&self, name: &str) -> Vec<Vec<u8>> {
        let entries = self.entries.iter();
        entries
            .filter(|(entry, _)| entry.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.clone())
            .collect()
    }
}

fn from_list(entries: Vec<(String, Vec<u8>)>) -> Outcome<Fields> {
    let mut fields = Fields::default();
    for (name, value) in entries {
        fields.append(&name, value)?;
    }
    Ok(fields)
}

/// Counts what is handed in.
fn take_in<'a>(
    state: &mut State,
    name: &str,
    values: impl IntoIterator<Item = &'a Vec<u8>>,
) -> Result<(), Refusal> {
    let values: usize = values.into_iter().map(Vec::len).sum();
    state.take_in(name.len() + values)
}

pub(super) fn add(types: &mut LinkerInstance<'_, State>) -> wasmtime::Result<()> {
    type This = (Resource<Fields>,);
    type Named = (Resource<Fields>, String);
    resource::<Fields>(types, "fields")?;
    types.func_wrap("[constructor]fields", |mut cx: Cx, ()| {
        Ok((cx.data_mut().push(Fields::default())?,))
    })?;
    types.func_wrap(
        "[static]fields.from-list",
        |mut cx: Cx, (entries,): (Vec<(String, Vec<u8>)>,)| {
            let state = cx.data_mut();
            for (name, value) in &entries {
                take_in(state, name, [value])?;
            }
            let fields = match from_list(entries) {
                Ok(fields) => Ok(state.push(fields)?),
                Err(error) => Err(error),
            };
            Ok((fields,))
        },
    )?;
    types.func_wrap("[method]fields.get", |cx: Cx, (this, name): Named| {
        Ok((cx.data().get(&this)?.get(&name),))
    })?;
    types.func_wrap("[method]fields.has", |cx: Cx, (this, name): Named| {
        Ok((!cx.data().get(&this)?.get(&name).is_empty(),))
    })?;
    types.func_wrap(
        "[method]fields.set",
        |mut cx: Cx, (this, name, values): (Resource<Fields>, String, Vec<Vec<u8>>)| {
            let state = cx.data_mut();
            take_in(state, &name, &values)?;
            let fields = state.get_mut(&this)?;
            let mut changed = fields.clone();
            let set = changed.remove(&name).and_then(|()| {
                let mut values = values.into_iter();
                values.try_for_each(|value| changed.append(&name, value))
            });
            if set.is_ok() {
                *fields = changed;
            }
            Ok((set,))
        },
    )?;
    types.func_wrap(
        "[method]fields.delete",
        |mut cx: Cx, (this, name): Named| Ok((cx.data_mut().get_mut(&this)?.remove(&name),)),
    )?;
    types.func_wrap(
        "[method]fields.append",
        |mut cx: Cx, (this, name, value): (Resource<Fields>, String, Vec<u8>)| {
            let state = cx.data_mut();
            take_in(state, &name, [&value])?;
            Ok((state.get_mut(&this)?.append(&name, value),))
        },
    )?;
    types.func_wrap("[method]fields.entries", |cx: Cx, (this,): This| {
        Ok((cx.data().get(&this)?.entries().to_vec(),))
    })?;
    types.func_wrap("[method]fields.clone", |mut cx: Cx, (this,): This| {
        let state = cx.data_mut();
        let mut fields = state.get(&this)?.clone();
        fields.immutable = false;
        state.take_in(fields.bytes())?;
        Ok((state.push(fields)?,))
    })
}
