//! `wasi:http`: requests to the hosts that are granted. No redirect is followed here: what a guest makes
//! of one is a request of its own, and checked as any other.

mod exchange;
mod fields;
mod request;
mod response;
mod types;

use std::any::Any;
use std::sync::Arc;

use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, Resource};

use super::io::IoError;
use super::{HTTP_HANDLER, absent, instance, resource};
use crate::state::State;
use exchange::Bell;
use fields::Fields;
use request::{OutgoingBody, OutgoingRequest};
use response::IncomingResponse;
use types::ErrorCode;

pub(super) use exchange::{Exchange, RequestBody};

/// What an instance has of requests.
#[derive(Debug, Default)]
pub(super) struct Requests {
    bell: Arc<Bell>,
    /// Cloned for each that is under way.
    running: Arc<()>,
}

/// Bytes that a handle keeps in the host, if it is one of HTTP.
pub(super) fn held_bytes(handle: &dyn Any) -> Option<usize> {
    let fields = handle.downcast_ref::<Fields>().map(Fields::bytes);
    let response = || handle.downcast_ref::<IncomingResponse>();
    let request = || handle.downcast_ref::<OutgoingRequest>();
    let body = || handle.downcast_ref::<OutgoingBody>();
    fields
        .or_else(|| response().map(|response| response.headers.bytes()))
        .or_else(|| request().map(OutgoingRequest::bytes))
        .or_else(|| body().map(|body| body.body.bytes()))
}

/// Handles to what only a server has; there are none.
enum Served {}

/// The part of the contract that is for servers.
const SERVING: &[&str] = &[
    "[method]incoming-request.method",
    "[method]incoming-request.path-with-query",
    "[method]incoming-request.scheme",
    "[method]incoming-request.authority",
    "[method]incoming-request.headers",
    "[method]incoming-request.consume",
    "[static]response-outparam.set",
    "[constructor]outgoing-response",
    "[method]outgoing-response.status-code",
    "[method]outgoing-response.set-status-code",
    "[method]outgoing-response.headers",
    "[method]outgoing-response.body",
];

pub(super) fn add(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    type Cx<'a> = StoreContextMut<'a, State>;
    let name = "wasi:http/types";
    let mut types = instance(linker, name)?;
    for served in ["incoming-request", "response-outparam", "outgoing-response"] {
        resource::<Served>(&mut types, served)?;
    }
    absent(&mut types, name, SERVING)?;
    types.func_wrap("http-error-code", |_: Cx, (_,): (Resource<IoError>,)| {
        Ok((None::<ErrorCode>,))
    })?;
    fields::add(&mut types)?;
    request::add(&mut types)?;
    response::add(&mut types)?;
    request::add_handler(&mut instance(linker, HTTP_HANDLER)?)
}
