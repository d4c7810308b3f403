//! `wasi:cli`: the granted variables, no arguments, no input, and output that is the function's log.

use std::borrow::Cow;

use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, LinkerInstance, Resource, ResourceType};

use super::instance;
use super::io::{InputStream, OutputStream};
use crate::grants::Level;
use crate::state::{Refusal, State};

type Cx<'a> = StoreContextMut<'a, State>;

/// Where a guest's output comes from.
#[derive(Clone, Copy, Debug)]
pub(super) enum Output {
    Stdout,
    Stderr,
}

impl Output {
    const fn level(self) -> Level {
        match self {
            Self::Stdout => Level::Info,
            Self::Stderr => Level::Warn,
        }
    }
}

/// Lines that have not ended yet.
#[derive(Debug, Default)]
pub(super) struct Console {
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

impl Console {
    fn line(&mut self, output: Output) -> &mut Vec<u8> {
        match output {
            Output::Stdout => &mut self.stdout,
            Output::Stderr => &mut self.stderr,
        }
    }

    pub fn open_lines(&self) -> impl Iterator<Item = (Level, Cow<'_, str>)> {
        let lines = [
            (Output::Stdout, &self.stdout),
            (Output::Stderr, &self.stderr),
        ];
        lines
            .into_iter()
            .filter(|(_, line)| !line.is_empty())
            .map(|(output, line)| (output.level(), String::from_utf8_lossy(line)))
    }
}

/// Puts what a guest writes into its log, line by line.
pub(super) fn write(state: &mut State, output: Output, bytes: &[u8]) {
    let mut pieces = bytes.split(|byte| *byte == b'\n').peekable();
    while let Some(piece) = pieces.next() {
        let most = state.surroundings.limits.text_bytes;
        let line = state.wasi.console.line(output);
        // One byte more than is shown, so that the log says that it was cut.
        let room = most.saturating_add(1).saturating_sub(line.len());
        line.extend_from_slice(&piece[..piece.len().min(room)]);
        if pieces.peek().is_some() {
            end_line(state, output);
        }
    }
}

fn end_line(state: &mut State, output: Output) {
    let line = std::mem::take(state.wasi.console.line(output));
    state.log(output.level(), &String::from_utf8_lossy(&line));
}

pub(super) fn end_lines(state: &mut State) {
    for output in [Output::Stdout, Output::Stderr] {
        if !state.wasi.console.line(output).is_empty() {
            end_line(state, output);
        }
    }
}

/// There is no terminal, so there are no handles to one.
enum Terminal {}

pub(super) fn add(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    let mut environment = instance(linker, "wasi:cli/environment")?;
    environment.func_wrap("get-environment", |cx: Cx, ()| {
        let variables = &cx.data().surroundings.grants.env;
        let variables = variables.iter();
        let variables: Vec<_> = variables
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        Ok((variables,))
    })?;
    environment.func_wrap("get-arguments", |_: Cx, ()| Ok((Vec::<String>::new(),)))?;
    environment.func_wrap("initial-cwd", |_: Cx, ()| Ok((None::<String>,)))?;

    let mut exit = instance(linker, "wasi:cli/exit")?;
    exit.func_wrap("exit", |_: Cx, (status,): (Result<(), ()>,)| {
        Err::<(), _>(Refusal::Exit(u8::from(status.is_err())).into())
    })?;
    exit.func_wrap("exit-with-code", |_: Cx, (code,): (u8,)| {
        Err::<(), _>(Refusal::Exit(code).into())
    })?;

    instance(linker, "wasi:cli/stdin")?.func_wrap("get-stdin", |mut cx: Cx, ()| {
        Ok((cx.data_mut().push(InputStream::Empty)?,))
    })?;
    instance(linker, "wasi:cli/stdout")?.func_wrap("get-stdout", |mut cx: Cx, ()| {
        let stdout = OutputStream::Console(Output::Stdout);
        Ok((cx.data_mut().push(stdout)?,))
    })?;
    instance(linker, "wasi:cli/stderr")?.func_wrap("get-stderr", |mut cx: Cx, ()| {
        let stderr = OutputStream::Console(Output::Stderr);
        Ok((cx.data_mut().push(stderr)?,))
    })?;

    for name in ["terminal-input", "terminal-output"] {
        let mut terminal = instance(linker, &format!("wasi:cli/{name}"))?;
        terminal.resource(name, ResourceType::host::<Terminal>(), |_, _| Ok(()))?;
    }
    for name in ["stdin", "stdout", "stderr"] {
        let mut terminal = instance(linker, &format!("wasi:cli/terminal-{name}"))?;
        no_terminal(&mut terminal, &format!("get-terminal-{name}"))?;
    }
    Ok(())
}

fn no_terminal(linker: &mut LinkerInstance<'_, State>, name: &str) -> wasmtime::Result<()> {
    linker.func_wrap(name, |_: Cx, ()| Ok((None::<Resource<Terminal>>,)))
}
