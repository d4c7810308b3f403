//! Requests: made by the guest, checked against the grant, and sent.

use std::time::Duration;

use reqwest::{Client, Request};
use url::Url;
use wasmtime::StoreContextMut;
use wasmtime::component::{LinkerInstance, Resource};

use super::super::io::OutputStream;
use super::super::resource;
use super::exchange::{Exchange, RequestBody, Timeouts, cause};
use super::fields::Fields;
use super::response::FutureResponse;
use super::types::{ErrorCode, RequestMethod, Scheme};
use crate::network::Authority;
use crate::state::State;

type Cx<'a> = StoreContextMut<'a, State>;
type Outcome<T> = Result<T, ErrorCode>;
/// `result` of the contract, without a word.
type Done = Result<(), ()>;

/// Requests of an instance that may be under way, each with a connection.
const MOST_RUNNING: usize = 16;
/// Bytes of each part of a request's first line.
const MOST_PART: usize = 8 << 10;

/// `outgoing-request`
pub(super) struct OutgoingRequest {
    method: RequestMethod,
    scheme: Option<Scheme>,
    authority: Option<String>,
    path: Option<String>,
    headers: Fields,
    body: Option<RequestBody>,
}

/// `outgoing-body`
pub(super) struct OutgoingBody {
    pub body: RequestBody,
    written: bool,
}

impl Drop for OutgoingBody {
    fn drop(&mut self) {
        self.body.abandon();
    }
}

impl OutgoingRequest {
    /// What is kept of it, but for its first line.
    pub fn bytes(&self) -> usize {
        let body = self.body.as_ref().map_or(0, RequestBody::bytes);
        self.headers.bytes() + body
    }

    fn new(headers: Fields) -> Self {
        Self {
            method: RequestMethod::Get,
            scheme: None,
            authority: None,
            path: None,
            headers: Fields::immutable(headers.entries().to_vec()),
            body: None,
        }
    }

    /// Where it goes, as it is read by what sends it.
    fn url(&self) -> Outcome<Url> {
        let scheme = match &self.scheme {
            Some(Scheme::Http) => "http",
            None | Some(Scheme::Https) => "https",
            Some(Scheme::Other(_)) => return Err(ErrorCode::HttpRequestUriInvalid),
        };
        let authority = self.authority.as_deref().unwrap_or_default();
        let path = self.path.as_deref().unwrap_or("/");
        let outside = ['/', '\\', '?', '#', '@'];
        if authority.contains(outside) || !path.is_empty() && !path.starts_with(['/', '?']) {
            return Err(ErrorCode::HttpRequestUriInvalid);
        }
        Url::parse(&format!("{scheme}://{authority}{path}"))
            .map_err(|_| ErrorCode::HttpRequestUriInvalid)
    }
}

/// Whether a part of a request's first line is short enough to be kept.
fn fits(part: Option<&String>) -> Done {
    match part {
        Some(part) if part.len() > MOST_PART => Err(()),
        _ => Ok(()),
    }
}

fn handle(
    state: &mut State,
    request: &OutgoingRequest,
    timeouts: Timeouts,
) -> Outcome<FutureResponse> {
    let url = request.url()?;
    let method = request.method.to_method();
    let method = method.ok_or(ErrorCode::HttpRequestMethodInvalid)?;
    let surroundings = state.surroundings.clone();
    let authority = Authority::of(&url).ok_or(ErrorCode::HttpRequestUriInvalid)?;
    if !surroundings.grants.http.contains(&authority) {
        state.denied(&format!(
            "refused a request to {authority}: 'grant.http' does not name it"
        ));
        return Err(ErrorCode::HttpRequestDenied);
    }
    let requests = &state.wasi.http;
    if std::sync::Arc::strong_count(&requests.running) > MOST_RUNNING {
        state.denied(&format!(
            "refused a request to {authority}: {MOST_RUNNING} are under way"
        ));
        return Err(ErrorCode::ConnectionLimitReached);
    }
    let internal = |error: reqwest::Error| ErrorCode::InternalError(Some(cause(&error)));
    let client = surroundings.http.get().map_err(internal)?;
    let exchange = Exchange::new(requests.bell.clone(), requests.running.clone());
    let headers = request.headers.to_map();
    let start = move |exchange: &Exchange, body: Vec<u8>| match build(
        &client, method, url, headers, body,
    ) {
        Ok(request) => exchange.start(client, request, timeouts),
        Err(error) => {
            exchange.fail(ErrorCode::InternalError(Some(cause(&error))).into());
        }
    };
    match &request.body {
        None => start(&exchange, Vec::new()),
        Some(body) => body.send(&exchange, Box::new(start)),
    }
    Ok(FutureResponse(exchange))
}

fn build(
    client: &Client,
    method: reqwest::Method,
    url: Url,
    headers: reqwest::header::HeaderMap,
    body: Vec<u8>,
) -> Result<Request, reqwest::Error> {
    let request = client.request(method, url).headers(headers);
    match body.is_empty() {
        true => request.build(),
        false => request.body(body).build(),
    }
}

pub(super) fn add(types: &mut LinkerInstance<'_, State>) -> wasmtime::Result<()> {
    add_request(types)?;
    add_options(types)?;
    add_body(types)
}

fn add_request(types: &mut LinkerInstance<'_, State>) -> wasmtime::Result<()> {
    type This = (Resource<OutgoingRequest>,);
    resource::<OutgoingRequest>(types, "outgoing-request")?;
    types.func_wrap(
        "[constructor]outgoing-request",
        |mut cx: Cx, (headers,): (Resource<Fields>,)| {
            let state = cx.data_mut();
            let headers = state.take(headers)?;
            Ok((state.push(OutgoingRequest::new(headers))?,))
        },
    )?;
    types.func_wrap(
        "[method]outgoing-request.body",
        |mut cx: Cx, (this,): This| {
            let state = cx.data_mut();
            let request = state.get_mut(&this)?;
            if request.body.is_some() {
                return Ok((Err(()),));
            }
            let body = RequestBody::default();
            request.body = Some(body.clone());
            let written = false;
            Ok((Ok(state.push(OutgoingBody { body, written })?),))
        },
    )?;
    types.func_wrap(
        "[method]outgoing-request.method",
        |cx: Cx, (this,): This| Ok((cx.data().get(&this)?.method.clone(),)),
    )?;
    types.func_wrap(
        "[method]outgoing-request.set-method",
        |mut cx: Cx, (this, method): (Resource<OutgoingRequest>, RequestMethod)| {
            let other = match &method {
                RequestMethod::Other(name) => Some(name),
                _ => None,
            };
            let valid = fits(other).is_ok() && method.to_method().is_some();
            if valid {
                cx.data_mut().get_mut(&this)?.method = method;
            }
            Ok((valid.then_some(()).ok_or(()),))
        },
    )?;
    types.func_wrap(
        "[method]outgoing-request.scheme",
        |cx: Cx, (this,): This| Ok((cx.data().get(&this)?.scheme.clone(),)),
    )?;
    types.func_wrap(
        "[method]outgoing-request.set-scheme",
        |mut cx: Cx, (this, scheme): (Resource<OutgoingRequest>, Option<Scheme>)| {
            let other = match &scheme {
                Some(Scheme::Other(name)) => Some(name),
                _ => None,
            };
            let fits = fits(other);
            if fits.is_ok() {
                cx.data_mut().get_mut(&this)?.scheme = scheme;
            }
            Ok((fits,))
        },
    )?;
    types.func_wrap(
        "[method]outgoing-request.authority",
        |cx: Cx, (this,): This| Ok((cx.data().get(&this)?.authority.clone(),)),
    )?;
    types.func_wrap(
        "[method]outgoing-request.set-authority",
        |mut cx: Cx, (this, authority): (Resource<OutgoingRequest>, Option<String>)| {
            let fits = fits(authority.as_ref());
            if fits.is_ok() {
                cx.data_mut().get_mut(&this)?.authority = authority;
            }
            Ok((fits,))
        },
    )?;
    types.func_wrap(
        "[method]outgoing-request.path-with-query",
        |cx: Cx, (this,): This| Ok((cx.data().get(&this)?.path.clone(),)),
    )?;
    types.func_wrap(
        "[method]outgoing-request.set-path-with-query",
        |mut cx: Cx, (this, path): (Resource<OutgoingRequest>, Option<String>)| {
            let fits = fits(path.as_ref());
            if fits.is_ok() {
                cx.data_mut().get_mut(&this)?.path = path;
            }
            Ok((fits,))
        },
    )?;
    types.func_wrap(
        "[method]outgoing-request.headers",
        |mut cx: Cx, (this,): This| {
            let state = cx.data_mut();
            let headers = state.get(&this)?.headers.clone();
            state.take_in(headers.bytes())?;
            Ok((state.push(headers)?,))
        },
    )
}

fn add_options(types: &mut LinkerInstance<'_, State>) -> wasmtime::Result<()> {
    type Get = fn(&mut Timeouts) -> &mut Option<Duration>;
    resource::<Timeouts>(types, "request-options")?;
    types.func_wrap("[constructor]request-options", |mut cx: Cx, ()| {
        Ok((cx.data_mut().push(Timeouts::default())?,))
    })?;
    let options: [(&str, Get); 3] = [
        ("connect-timeout", |timeouts| &mut timeouts.connect),
        ("first-byte-timeout", |timeouts| &mut timeouts.first_byte),
        ("between-bytes-timeout", |timeouts| {
            &mut timeouts.between_bytes
        }),
    ];
    for (name, timeout) in options {
        types.func_wrap(
            &format!("[method]request-options.{name}"),
            move |mut cx: Cx, (this,): (Resource<Timeouts>,)| {
                let duration = *timeout(cx.data_mut().get_mut(&this)?);
                let nanoseconds = |time: Duration| u64::try_from(time.as_nanos());
                Ok((duration.map(|time| nanoseconds(time).unwrap_or(u64::MAX)),))
            },
        )?;
        types.func_wrap(
            &format!("[method]request-options.set-{name}"),
            move |mut cx: Cx, (this, duration): (Resource<Timeouts>, Option<u64>)| {
                *timeout(cx.data_mut().get_mut(&this)?) = duration.map(Duration::from_nanos);
                Ok((Done::Ok(()),))
            },
        )?;
    }
    Ok(())
}

fn add_body(types: &mut LinkerInstance<'_, State>) -> wasmtime::Result<()> {
    resource::<OutgoingBody>(types, "outgoing-body")?;
    types.func_wrap(
        "[method]outgoing-body.write",
        |mut cx: Cx, (this,): (Resource<OutgoingBody>,)| {
            let state = cx.data_mut();
            let body = state.get_mut(&this)?;
            if std::mem::replace(&mut body.written, true) {
                return Ok((Err(()),));
            }
            let stream = OutputStream::Request(body.body.clone());
            Ok((Ok(state.push(stream)?),))
        },
    )?;
    // Trailers are not sent.
    types.func_wrap(
        "[static]outgoing-body.finish",
        |mut cx: Cx, (this, trailers): (Resource<OutgoingBody>, Option<Resource<Fields>>)| {
            let state = cx.data_mut();
            if let Some(trailers) = trailers {
                drop(state.take(trailers)?);
            }
            state.take(this)?.body.finish();
            Ok((Outcome::Ok(()),))
        },
    )
}

pub(super) fn add_handler(handler: &mut LinkerInstance<'_, State>) -> wasmtime::Result<()> {
    handler.func_wrap(
        "handle",
        |mut cx: Cx,
         (request, options): (Resource<OutgoingRequest>, Option<Resource<Timeouts>>)| {
            let state = cx.data_mut();
            let request = state.take(request)?;
            let timeouts = match options {
                Some(options) => state.take(options)?,
                None => Timeouts::default(),
            };
            let future = match handle(state, &request, timeouts) {
                Ok(future) => Ok(state.push(future)?),
                Err(code) => Err(code),
            };
            wasmtime::Result::Ok((future,))
        },
    )
}
