//! `--trace`: what a function logs and how long its calls take, on stderr.

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use wasmill_plugin::{Log, LogLine};

use crate::output::{SharedWriter, lock};

/// Tells on stderr; lines are told with the call that they are of.
pub struct Trace {
    stderr: SharedWriter,
    /// What the guest is called for.
    call: Mutex<String>,
}

impl Trace {
    /// From `open` on.
    pub fn new(stderr: SharedWriter) -> Arc<Self> {
        let call = Mutex::new("open".to_owned());
        Arc::new(Trace { stderr, call })
    }

    /// Times a call of this name.
    pub fn time<T>(&self, name: &str, call: impl FnOnce() -> T) -> T {
        self.call
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .replace_range(.., name);
        let started = Instant::now();
        let given = call();
        self.tell(&format!(
            "{name}: {:.3} ms",
            started.elapsed().as_secs_f64() * 1e3
        ));
        given
    }

    fn tell(&self, line: &str) {
        // A stream cannot tell about its own failure.
        writeln!(lock(&self.stderr), "{line}").ok();
    }
}

/// What a call for these rows is called, counted from 0.
pub fn rows(range: &Range<usize>) -> String {
    format!("rows {} to {}", range.start, range.end.saturating_sub(1))
}

impl Log for Trace {
    fn log(&self, line: LogLine<'_>) {
        let LogLine { level, text, .. } = line;
        let call = self.call.lock().unwrap_or_else(PoisonError::into_inner);
        self.tell(&format!("{call}: {level}: {text}"));
    }
}
