//! Responses: awaited, and read as far as the guest takes them.

use std::sync::Arc;

use wasmtime::StoreContextMut;
use wasmtime::component::{LinkerInstance, Resource};

use super::super::io::{InputStream, Pollable};
use super::super::resource;
use super::exchange::Exchange;
use super::fields::Fields;
use super::types::ErrorCode;
use crate::state::{Refusal, State};

type Cx<'a> = StoreContextMut<'a, State>;
/// What is given only once.
type Once<T> = Result<T, ()>;

/// `future-incoming-response`
pub(super) struct FutureResponse(pub Arc<Exchange>);

/// `incoming-response`
pub(super) struct IncomingResponse {
    status: u16,
    pub headers: Fields,
    body: Option<Arc<Exchange>>,
}

/// `incoming-body`
struct IncomingBody(Option<Arc<Exchange>>);

/// `future-trailers`: there are none, which is told once.
struct FutureTrailers {
    told: bool,
}

type Got = Option<Once<Result<Resource<IncomingResponse>, ErrorCode>>>;

fn get(state: &mut State, future: &Resource<FutureResponse>) -> Result<Got, Refusal> {
    let FutureResponse(exchange) = state.get(future)?;
    let exchange = exchange.clone();
    Ok(match exchange.take_head() {
        None => None,
        Some(None) => Some(Err(())),
        Some(Some(Ok(head))) => {
            let response = IncomingResponse {
                status: head.status,
                headers: Fields::immutable(head.headers),
                body: Some(exchange),
            };
            Some(Ok(Ok(state.push(response)?)))
        }
        Some(Some(Err(failure))) => {
            if let Some(line) = &failure.refused {
                state.denied(line);
            }
            Some(Ok(Err(failure.code)))
        }
    })
}

pub(super) fn add(types: &mut LinkerInstance<'_, State>) -> wasmtime::Result<()> {
    type Future = (Resource<FutureResponse>,);
    resource::<FutureResponse>(types, "future-incoming-response")?;
    types.func_wrap(
        "[method]future-incoming-response.subscribe",
        |mut cx: Cx, (this,): Future| {
            let state = cx.data_mut();
            let head = Pollable::Head(state.get(&this)?.0.clone());
            Ok((state.push(head)?,))
        },
    )?;
    types.func_wrap(
        "[method]future-incoming-response.get",
        |mut cx: Cx, (this,): Future| Ok((get(cx.data_mut(), &this)?,)),
    )?;
    add_response(types)?;
    add_body(types)
}

fn add_response(types: &mut LinkerInstance<'_, State>) -> wasmtime::Result<()> {
    type This = (Resource<IncomingResponse>,);
    resource::<IncomingResponse>(types, "incoming-response")?;
    types.func_wrap(
        "[method]incoming-response.status",
        |cx: Cx, (this,): This| Ok((cx.data().get(&this)?.status,)),
    )?;
    types.func_wrap(
        "[method]incoming-response.headers",
        |mut cx: Cx, (this,): This| {
            let state = cx.data_mut();
            let headers = state.get(&this)?.headers.clone();
            state.take_in(headers.bytes())?;
            Ok((state.push(headers)?,))
        },
    )?;
    types.func_wrap(
        "[method]incoming-response.consume",
        |mut cx: Cx, (this,): This| {
            let state = cx.data_mut();
            let body = match state.get_mut(&this)?.body.take() {
                Some(exchange) => Once::Ok(state.push(IncomingBody(Some(exchange)))?),
                None => Err(()),
            };
            Ok((body,))
        },
    )
}

fn add_body(types: &mut LinkerInstance<'_, State>) -> wasmtime::Result<()> {
    resource::<IncomingBody>(types, "incoming-body")?;
    resource::<FutureTrailers>(types, "future-trailers")?;
    types.func_wrap(
        "[method]incoming-body.stream",
        |mut cx: Cx, (this,): (Resource<IncomingBody>,)| {
            let state = cx.data_mut();
            let stream = match state.get_mut(&this)?.0.take() {
                Some(exchange) => Once::Ok(state.push(InputStream::Response(exchange))?),
                None => Err(()),
            };
            Ok((stream,))
        },
    )?;
    types.func_wrap(
        "[static]incoming-body.finish",
        |mut cx: Cx, (this,): (Resource<IncomingBody>,)| {
            let state = cx.data_mut();
            drop(state.take(this)?);
            Ok((state.push(FutureTrailers { told: false })?,))
        },
    )?;
    types.func_wrap(
        "[method]future-trailers.subscribe",
        |mut cx: Cx, (this,): (Resource<FutureTrailers>,)| {
            let state = cx.data_mut();
            state.get(&this)?;
            Ok((state.push(Pollable::Ready)?,))
        },
    )?;
    types.func_wrap(
        "[method]future-trailers.get",
        |mut cx: Cx, (this,): (Resource<FutureTrailers>,)| {
            type Trailers = Result<Option<Resource<Fields>>, ErrorCode>;
            let trailers = cx.data_mut().get_mut(&this)?;
            let told = std::mem::replace(&mut trailers.told, true);
            let got: Once<Trailers> = if told { Err(()) } else { Ok(Ok(None)) };
            Ok((Some(got),))
        },
    )
}
