//! `wasi:io`: streams, and waits that end with the call.

use std::sync::Arc;
use std::time::{Duration, Instant};

use wasmtime::StoreContextMut;
use wasmtime::component::{ComponentType, Linker, Lower, Resource};

use super::cli::{self, Output};
use super::filesystem::OpenFile;
use super::http::{Exchange, RequestBody};
use super::{instance, resource};
use crate::error::Size;
use crate::state::{Refusal, State};

type Cx<'a> = StoreContextMut<'a, State>;

/// Bytes that a guest reads or writes at once.
pub(super) const CHUNK: u64 = 64 << 10;

/// `error` of `wasi:io/error`, as a sentence.
pub(super) struct IoError(String);

pub(super) enum InputStream {
    Empty,
    File { file: Arc<OpenFile>, offset: u64 },
    Response(Arc<Exchange>),
}

pub(super) enum OutputStream {
    Console(Output),
    Request(RequestBody),
}

/// What a guest waits for.
#[derive(Clone)]
pub(super) enum Pollable {
    Ready,
    /// Until its monotonic clock shows this.
    Timer(u64),
    /// The head of a response.
    Head(Arc<Exchange>),
    /// More of a response's body, or its end.
    Body(Arc<Exchange>),
}

#[derive(ComponentType, Lower)]
#[component(variant)]
pub(super) enum StreamError {
    #[component(name = "last-operation-failed")]
    Failed(Resource<IoError>),
    #[component(name = "closed")]
    Closed,
}

/// Why a stream gives nothing.
pub(super) enum Ended {
    Closed,
    Failed(String),
}

type StreamResult<T> = Result<T, StreamError>;

fn stream_result<T>(
    state: &mut State,
    result: Result<T, Ended>,
) -> Result<StreamResult<T>, Refusal> {
    Ok(match result {
        Ok(value) => Ok(value),
        Err(Ended::Closed) => Err(StreamError::Closed),
        Err(Ended::Failed(message)) => Err(StreamError::Failed(state.push(IoError(message))?)),
    })
}

impl Pollable {
    fn is_ready(&self, state: &mut State) -> bool {
        match self {
            Self::Ready => true,
            Self::Timer(when) => state.monotonic() >= *when,
            Self::Head(exchange) => exchange.has_head(),
            Self::Body(exchange) => exchange.has_body(),
        }
    }

    fn exchange(&self) -> Option<&Arc<Exchange>> {
        match self {
            Self::Head(exchange) | Self::Body(exchange) => Some(exchange),
            Self::Ready | Self::Timer(_) => None,
        }
    }
}

/// Waits until at least one is ready; gives the indices of those that are.
///
/// Time that the guest sleeps is its own, and counts for `limit.time`; while it waits for the network,
/// only `limit.wall-time` goes on. A guest without a clock does not sleep: its clock goes on instead,
/// unless it waits for the network too.
fn wait(cx: &mut Cx<'_>, pollables: &[Pollable]) -> Result<Vec<u32>, Refusal> {
    let started = Instant::now();
    // For a turn: that is no time of the call's.
    let mut queued = Duration::ZERO;
    let exchange = pollables.iter().find_map(Pollable::exchange).cloned();
    let ready = loop {
        let state = cx.data_mut();
        let seen = exchange.as_ref().map(|exchange| exchange.bell().seen());
        let ready: Vec<u32> = (0..)
            .zip(pollables)
            .filter(|(_, pollable)| pollable.is_ready(state))
            .map(|(index, _)| index)
            .collect();
        if !ready.is_empty() {
            break ready;
        }
        let timer = pollables.iter().filter_map(|pollable| match pollable {
            Pollable::Timer(when) => Some(*when),
            _ => None,
        });
        let timer = timer.min();
        let call = &state.call;
        let (deadline, over) = match &exchange {
            None if call.deadline <= call.wall_deadline => (call.deadline, Refusal::Time),
            _ => (call.wall_deadline, Refusal::WallTime),
        };
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(over);
        }
        let alarm = match (timer, state.has_clock()) {
            (Some(when), true) => {
                Some(Duration::from_nanos(when.saturating_sub(state.monotonic())))
            }
            (Some(when), false) if exchange.is_none() => {
                state.sleep_until(when);
                continue;
            }
            _ => None,
        };
        let most = alarm.map_or(left, |alarm| alarm.min(left));
        queued += state.pause(|| match (&exchange, seen) {
            (Some(exchange), Some(seen)) => exchange.bell().wait(seen, most),
            _ => std::thread::sleep(most),
        });
    };
    if exchange.is_some() {
        let waited = started.elapsed().saturating_sub(queued);
        cx.data_mut().call.put_off_guest(waited);
    }
    Ok(ready)
}

fn read(state: &mut State, stream: &Resource<InputStream>, length: u64) -> Read {
    let length = length.min(CHUNK) as usize;
    match state.get_mut(stream)? {
        InputStream::Empty => Ok(Err(Ended::Closed)),
        InputStream::File { file, offset } => Ok(file.read_on(offset, length)),
        InputStream::Response(exchange) => {
            let taken = exchange.take(length);
            if let Ok(bytes) = &taken {
                fetched(state, bytes.len())?;
            }
            Ok(taken)
        }
    }
}

type Read = Result<Result<Vec<u8>, Ended>, Refusal>;

/// Counts bytes that come from the network.
fn fetched(state: &mut State, bytes: usize) -> Result<(), Refusal> {
    let limit = state.surroundings.limits.result_bytes;
    state.call.bytes_fetched = state.call.bytes_fetched.saturating_add(bytes);
    if state.call.bytes_fetched > limit {
        return Err(Refusal::Limit {
            option: "limit.result-bytes",
            limit: format!("{} of responses", Size(limit)),
            asked: "it has read more".to_owned(),
        });
    }
    Ok(())
}

fn blocking_read(cx: &mut Cx<'_>, stream: &Resource<InputStream>, length: u64) -> Read {
    if let InputStream::Response(exchange) = cx.data().get(stream)?
        && length > 0
    {
        let body = Pollable::Body(exchange.clone());
        wait(cx, &[body])?;
    }
    read(cx.data_mut(), stream, length)
}

fn write(state: &mut State, stream: &Resource<OutputStream>, bytes: &[u8]) -> Written {
    match state.get(stream)? {
        OutputStream::Console(output) => {
            let output = *output;
            cli::write(state, output, bytes);
            Ok(Ok(()))
        }
        OutputStream::Request(body) => {
            let body = body.clone();
            state.take_in(bytes.len())?;
            let limit = state.surroundings.limits.result_bytes;
            Ok(body.write(bytes, limit))
        }
    }
}

type Written = Result<Result<(), Ended>, Refusal>;

fn write_zeroes(state: &mut State, stream: &Resource<OutputStream>, length: u64) -> Written {
    if length > CHUNK {
        let reason = format!("{length} zeroes written at once, of at most {CHUNK}");
        return Err(Refusal::Data(reason));
    }
    write(state, stream, &vec![0; length as usize])
}

fn splice(
    cx: &mut Cx<'_>,
    to: &Resource<OutputStream>,
    from: &Resource<InputStream>,
    length: u64,
    blocking: bool,
) -> Result<Result<u64, Ended>, Refusal> {
    let bytes = match blocking {
        true => blocking_read(cx, from, length)?,
        false => read(cx.data_mut(), from, length)?,
    };
    let bytes = match bytes {
        Ok(bytes) => bytes,
        Err(ended) => return Ok(Err(ended)),
    };
    let written = write(cx.data_mut(), to, &bytes)?;
    Ok(written.map(|()| bytes.len() as u64))
}

pub(super) fn add(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    let mut error = instance(linker, "wasi:io/error")?;
    resource::<IoError>(&mut error, "error")?;
    error.func_wrap(
        "[method]error.to-debug-string",
        |cx: Cx, (error,): (Resource<IoError>,)| Ok((cx.data().get(&error)?.0.clone(),)),
    )?;
    add_poll(linker)?;
    add_input(linker)?;
    add_output(linker)
}

fn add_poll(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    let mut poll = instance(linker, "wasi:io/poll")?;
    resource::<Pollable>(&mut poll, "pollable")?;
    poll.func_wrap(
        "[method]pollable.ready",
        |mut cx: Cx, (pollable,): (Resource<Pollable>,)| {
            let state = cx.data_mut();
            let pollable = state.get(&pollable)?.clone();
            Ok((pollable.is_ready(state),))
        },
    )?;
    poll.func_wrap(
        "[method]pollable.block",
        |mut cx: Cx, (pollable,): (Resource<Pollable>,)| {
            let pollable = cx.data().get(&pollable)?.clone();
            wait(&mut cx, &[pollable])?;
            Ok(())
        },
    )?;
    poll.func_wrap(
        "poll",
        |mut cx: Cx, (pollables,): (Vec<Resource<Pollable>>,)| {
            let state = cx.data();
            let pollables: Vec<_> = pollables
                .iter()
                .map(|pollable| Ok(state.get(pollable)?.clone()))
                .collect::<Result<_, Refusal>>()?;
            if pollables.is_empty() {
                return Err(Refusal::Data("a poll of nothing".to_owned()).into());
            }
            Ok((wait(&mut cx, &pollables)?,))
        },
    )
}

fn add_input(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    type Length = (Resource<InputStream>, u64);
    let mut streams = instance(linker, "wasi:io/streams")?;
    resource::<InputStream>(&mut streams, "input-stream")?;
    streams.func_wrap(
        "[method]input-stream.read",
        |mut cx: Cx, (stream, length): Length| {
            let state = cx.data_mut();
            let read = read(state, &stream, length)?;
            Ok((stream_result(state, read)?,))
        },
    )?;
    streams.func_wrap(
        "[method]input-stream.blocking-read",
        |mut cx: Cx, (stream, length): Length| {
            let read = blocking_read(&mut cx, &stream, length)?;
            Ok((stream_result(cx.data_mut(), read)?,))
        },
    )?;
    streams.func_wrap(
        "[method]input-stream.skip",
        |mut cx: Cx, (stream, length): Length| {
            let state = cx.data_mut();
            let read = read(state, &stream, length)?;
            let skipped = read.map(|bytes| bytes.len() as u64);
            Ok((stream_result(state, skipped)?,))
        },
    )?;
    streams.func_wrap(
        "[method]input-stream.blocking-skip",
        |mut cx: Cx, (stream, length): Length| {
            let read = blocking_read(&mut cx, &stream, length)?;
            let skipped = read.map(|bytes| bytes.len() as u64);
            Ok((stream_result(cx.data_mut(), skipped)?,))
        },
    )?;
    streams.func_wrap(
        "[method]input-stream.subscribe",
        |mut cx: Cx, (stream,): (Resource<InputStream>,)| {
            let state = cx.data_mut();
            let pollable = match state.get(&stream)? {
                InputStream::Response(exchange) => Pollable::Body(exchange.clone()),
                InputStream::Empty | InputStream::File { .. } => Pollable::Ready,
            };
            Ok((state.push(pollable)?,))
        },
    )
}

fn add_output(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    type Stream = (Resource<OutputStream>,);
    let mut streams = instance(linker, "wasi:io/streams")?;
    resource::<OutputStream>(&mut streams, "output-stream")?;
    streams.func_wrap(
        "[method]output-stream.check-write",
        |cx: Cx, (stream,): Stream| {
            cx.data().get(&stream)?;
            Ok((StreamResult::Ok(CHUNK),))
        },
    )?;
    streams.func_wrap(
        "[method]output-stream.subscribe",
        |mut cx: Cx, (stream,): Stream| {
            let state = cx.data_mut();
            state.get(&stream)?;
            Ok((state.push(Pollable::Ready)?,))
        },
    )?;
    for name in ["write", "blocking-write-and-flush"] {
        streams.func_wrap(
            &format!("[method]output-stream.{name}"),
            |mut cx: Cx, (stream, bytes): (Resource<OutputStream>, Vec<u8>)| {
                let state = cx.data_mut();
                let written = write(state, &stream, &bytes)?;
                Ok((stream_result(state, written)?,))
            },
        )?;
    }
    for name in ["write-zeroes", "blocking-write-zeroes-and-flush"] {
        streams.func_wrap(
            &format!("[method]output-stream.{name}"),
            |mut cx: Cx, (stream, length): (Resource<OutputStream>, u64)| {
                let state = cx.data_mut();
                let written = write_zeroes(state, &stream, length)?;
                Ok((stream_result(state, written)?,))
            },
        )?;
    }
    for name in ["flush", "blocking-flush"] {
        streams.func_wrap(
            &format!("[method]output-stream.{name}"),
            |cx: Cx, (stream,): Stream| {
                cx.data().get(&stream)?;
                Ok((StreamResult::Ok(()),))
            },
        )?;
    }
    for (name, blocking) in [("splice", false), ("blocking-splice", true)] {
        type Splice = (Resource<OutputStream>, Resource<InputStream>, u64);
        streams.func_wrap(
            &format!("[method]output-stream.{name}"),
            move |mut cx: Cx, (to, from, length): Splice| {
                let spliced = splice(&mut cx, &to, &from, length, blocking)?;
                Ok((stream_result(cx.data_mut(), spliced)?,))
            },
        )?;
    }
    Ok(())
}
