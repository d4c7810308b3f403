//! What the failures of a guest mean: traps, limits, and the errors that it gives itself.

use wasmtime::{FrameInfo, PoolConcurrencyLimitError, Trap, WasmBacktrace};

use crate::account::{Excess, Level, Resource as Counted};
use crate::contract::{GuestError, GuestRowError};
use crate::error::{PluginError, RowError, Size, Sum, escape};
use crate::host::Host;
use crate::lines::{LineTables, Source};
use crate::memory::RefusedMemory;
use crate::state::{Refusal, State, Surroundings};

/// How wasmtime says, in words only, that a call from the guest brings more than may be copied.
const FUEL: &str = "fuel allocated for hostcalls";
/// The same of a guest that holds too many handles, those to its own resources included.
const HANDLES: &str = "store handle limit exceeded";
/// Frames of a guest's backtrace that an error shows.
const SHOWN_FRAMES: usize = 8;

/// What went wrong when wasmtime ended a call.
pub(super) fn fault(
    host: &Host,
    state: &State,
    call: &'static str,
    error: &wasmtime::Error,
) -> PluginError {
    let surroundings = &state.surroundings;
    let who = surroundings.who.clone();
    let log = state.recent_log();
    if error.is::<PoolConcurrencyLimitError>() {
        return PluginError::NoRoom {
            who,
            limit: u64::from(host.config.instances),
        };
    }
    let limits = &surroundings.limits;
    let timeout = |option, limit| PluginError::Timeout {
        who: who.clone(),
        call,
        option,
        limit,
        log: log.clone(),
    };
    match error.downcast_ref::<Refusal>() {
        None | Some(Refusal::Exit(_)) => {}
        Some(Refusal::Time) => return timeout("limit.time", limits.time),
        Some(Refusal::WallTime) => return timeout("limit.wall-time", limits.wall_time),
        Some(Refusal::Sum(excess)) => return no_room(surroundings, call, excess.clone(), log),
        Some(Refusal::NoTimes) => return PluginError::NoTimes { who },
        Some(Refusal::Data(reason)) => {
            return PluginError::BadData {
                who,
                call,
                reason: escape(reason, limits.text_bytes),
                log,
            };
        }
        Some(Refusal::Limit {
            option,
            limit,
            asked,
        }) => {
            return PluginError::Limit {
                who,
                call,
                option,
                limit: limit.as_str().into(),
                asked: asked.as_str().into(),
                log,
            };
        }
    }
    let trap = error.downcast_ref::<Trap>();
    if trap == Some(&Trap::Interrupt) {
        return match state.call.wall_deadline < state.call.deadline {
            true => timeout("limit.wall-time", limits.wall_time),
            false => timeout("limit.time", limits.time),
        };
    }
    let cause = error.root_cause().to_string();
    if trap.is_none() && cause.contains(FUEL) {
        return PluginError::Limit {
            who,
            call,
            option: "limit.result-bytes",
            limit: format!("{} handed to its host", Size(limits.result_bytes)).into(),
            asked: "it handed over more at once".into(),
            log,
        };
    }
    if trap.is_none() && cause.contains(HANDLES) {
        return PluginError::Limit {
            who,
            call,
            option: "limit.handles",
            limit: format!("{} handles", limits.handles).into(),
            asked: "it wants one more".into(),
            log,
        };
    }
    // A guest that is refused memory usually aborts.
    match &state.memory.refused {
        None => {}
        Some(RefusedMemory::Sum(excess)) => {
            return no_room(surroundings, call, excess.clone(), log);
        }
        Some(RefusedMemory::Instance(asked)) => {
            return PluginError::Memory {
                who,
                call,
                limit: surroundings.limits.memory,
                asked: *asked,
                log,
            };
        }
    }
    let reason = match trap {
        Some(Trap::StackOverflow) => "it ran out of stack".to_owned(),
        Some(Trap::UnreachableCodeReached) => "it panicked or aborted".to_owned(),
        Some(trap) => trap.to_string(),
        None => cause,
    };
    let backtrace = error.downcast_ref::<WasmBacktrace>();
    let backtrace = backtrace.map(|backtrace| frames(backtrace, &surroundings.lines));
    PluginError::Trap {
        who,
        call,
        reason: escape(&reason, surroundings.limits.text_bytes),
        backtrace: backtrace.unwrap_or_default(),
        log,
    }
}

/// All instances of a level together have no room for what one wants.
pub(crate) fn no_room(
    surroundings: &Surroundings,
    call: &'static str,
    excess: Excess,
    log: Vec<String>,
) -> PluginError {
    match (&excess.level, excess.resource) {
        (Level::Function, Counted::Instances) => PluginError::TooManyInstances {
            function: surroundings.function.clone(),
            limit: surroundings.limits.instances,
        },
        (Level::Host, Counted::Instances) => PluginError::NoRoom {
            who: surroundings.who.clone(),
            limit: excess.limit,
        },
        _ => PluginError::Sum {
            who: surroundings.who.clone(),
            call,
            sum: Sum::new(excess),
            log,
        },
    }
}

/// The guest's own frames by their demangled names, and their lines where it says them. What a panic adds
/// on top of them is left out, and Rust's standard library as far as it is known; a function that calls
/// itself is named once.
fn frames(backtrace: &WasmBacktrace, lines: &LineTables) -> Vec<String> {
    const NAME_BYTES: usize = 200;
    const MACHINERY: [&str; 7] = [
        "std::",
        "core::panicking::",
        "alloc::",
        "__rustc::",
        // Go's.
        "runtime.",
        "syscall.",
        "os.Exit",
    ];
    let named = backtrace.frames().iter().map(|frame| {
        let name = match frame.func_name() {
            Some(name) => escape(&format!("{:#}", rustc_demangle::demangle(name)), NAME_BYTES),
            None => format!("function {}", frame.func_index()),
        };
        (name, frame)
    });
    let mut frames: Vec<_> = named
        .filter(|(name, _)| !MACHINERY.iter().any(|module| name.starts_with(module)))
        .filter_map(|(name, frame)| match source(frame, lines) {
            Source::StandardLibrary => None,
            Source::Line(line) => Some(format!("{name} at {line}")),
            Source::Unknown => Some(name),
        })
        .collect();
    frames.dedup();
    if frames.len() > SHOWN_FRAMES {
        frames.truncate(SHOWN_FRAMES);
        frames.push("…".to_owned());
    }
    frames
}

fn source(frame: &FrameInfo, lines: &LineTables) -> Source {
    let (Some(instruction), Some(within)) = (frame.module_offset(), frame.func_offset()) else {
        return Source::Unknown;
    };
    lines.find(instruction, instruction.saturating_sub(within))
}

pub(super) fn refused(state: &State, error: GuestError) -> PluginError {
    let surroundings = &state.surroundings;
    if let Some(model) = &state.denied_model {
        return PluginError::UngrantedModel {
            function: surroundings.function.clone(),
            model: model.clone(),
            granted: surroundings.grants.models.keys().cloned().collect(),
        };
    }
    match error {
        GuestError::Invalid(message) => PluginError::Refused {
            function: surroundings.function.clone(),
            message: escape(&message, surroundings.limits.text_bytes),
            log: state.recent_log(),
        },
        other => guest_error(state, other, 0),
    }
}

/// The first error of each row: so there are no more than rows.
fn first_of_each(errors: &[GuestRowError], of: usize) -> impl Iterator<Item = &GuestRowError> {
    let mut seen = vec![false; of];
    errors.iter().filter(move |error| {
        seen.get_mut(error.row as usize)
            .is_some_and(|seen| !std::mem::replace(seen, true))
    })
}

/// An error that the guest gave itself, for a batch of `of` rows.
pub(super) fn guest_error(state: &State, error: GuestError, of: usize) -> PluginError {
    let surroundings = &state.surroundings;
    let function = surroundings.function.clone();
    let text = |message: &str| escape(message, surroundings.limits.text_bytes);
    match error {
        GuestError::Rows(rows)
            if rows.is_empty() || rows.iter().any(|row| row.row as usize >= of) =>
        {
            state.wrong_result(&match rows.iter().find(|row| row.row as usize >= of) {
                Some(row) => format!("an error for row {} of a batch of {of} rows", row.row),
                None => "an error for no row".to_owned(),
            })
        }
        GuestError::Rows(rows) => PluginError::Rows {
            function,
            rows: first_of_each(&rows, of)
                .map(|row| RowError {
                    row: row.row as usize,
                    message: text(&row.message),
                })
                .collect(),
            of,
        },
        GuestError::Invalid(message) | GuestError::Failed(message) => PluginError::Failed {
            function,
            message: text(&message),
            log: state.recent_log(),
        },
    }
}
