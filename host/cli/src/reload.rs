//! SIGHUP: the job file is read again, and its models are what it says of them now.

use std::{
    fs::{self, File},
    path::PathBuf,
    sync::Arc,
};

use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    task::spawn_blocking,
};
use wasmill_engine::Session;

use crate::{output::Output, run::read_job};

/// SIGHUP, caught since this was made.
pub struct Hangups {
    signal: Signal,
    /// Whether the signal may mean that the terminal is gone, which ends a program. Not where the program
    /// was started to outlive its terminal.
    ends_with_terminal: bool,
}

impl Hangups {
    pub fn catch() -> Option<Self> {
        let ends_with_terminal = has_terminal() && !is_ignored();
        let signal = signal(SignalKind::hangup()).ok()?;
        Some(Hangups {
            signal,
            ends_with_terminal,
        })
    }

    /// Reads the job file again whenever the signal comes. Ends when the terminal is gone.
    pub async fn follow(mut self, session: Arc<Session>, job: PathBuf, output: &Output) {
        while self.signal.recv().await.is_some() {
            if self.ends_with_terminal && !has_terminal() {
                return;
            }
            let Some(text) = read_job(&job, output) else {
                continue;
            };
            let name = job.display().to_string();
            let reloading = {
                let (session, name) = (Arc::clone(&session), name.clone());
                // Loads models.
                spawn_blocking(move || session.reload_models(&name, &text))
            };
            let Ok(reloaded) = reloading.await else {
                // The panic was printed.
                continue;
            };
            let changes = reloaded.unwrap_or_else(|error| vec![Err(error)]);
            if changes.is_empty() {
                output.note(&format!(
                    "{name} was read again; no model that runs is declared otherwise"
                ));
            }
            for change in changes {
                match change {
                    Ok(model) => output.note(&format!("model '{model}' is what {name} says now")),
                    Err(error) => {
                        output.error(&error.to_string(), error.hint());
                        output.note("it goes on with what it had");
                    }
                }
            }
        }
    }
}

fn has_terminal() -> bool {
    File::open("/dev/tty").is_ok()
}

/// Whether whoever started the program had it ignore the signal, as `nohup` does.
fn is_ignored() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    // Of signal 1.
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .is_some_and(|mask| mask & 1 == 1)
}
