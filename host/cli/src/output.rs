//! The two streams of the program, and how its own words look on them.

use std::{
    io::{self, IsTerminal, Write},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use indicatif::MultiProgress;
use tracing_subscriber::fmt::MakeWriter;

/// Where a part of the job may write.
pub type SharedWriter = Arc<Mutex<dyn Write + Send>>;

/// A writer of bytes has no state that a panic elsewhere could break.
pub fn lock(writer: &SharedWriter) -> MutexGuard<'_, dyn Write + Send + 'static> {
    writer.lock().unwrap_or_else(PoisonError::into_inner)
}

/// stdout and stderr, shared with a progress bar that stays below what is written.
pub struct Output {
    quiet: bool,
    bars: MultiProgress,
    stdout: SharedWriter,
    stderr: SharedWriter,
}

impl Output {
    /// Also sends what functions log to stderr.
    pub fn new(quiet: bool) -> Self {
        let bars = MultiProgress::new();
        let stdout = io::BufWriter::with_capacity(1 << 16, io::stdout());
        let above = Above {
            bars: bars.clone(),
            hides: io::stdout().is_terminal(),
            out: stdout,
        };
        let stderr = Above {
            bars: bars.clone(),
            hides: true,
            out: io::stderr(),
        };
        let output = Output {
            quiet,
            bars,
            stdout: Arc::new(Mutex::new(above)),
            stderr: Arc::new(Mutex::new(stderr)),
        };
        tracing_subscriber::fmt()
            .with_writer(LogWriter(output.stderr()))
            .with_max_level(tracing::Level::INFO)
            .with_ansi(false)
            .without_time()
            .init();
        output
    }

    pub fn stdout(&self) -> SharedWriter {
        Arc::clone(&self.stdout)
    }

    pub fn stderr(&self) -> SharedWriter {
        Arc::clone(&self.stderr)
    }

    /// Where progress bars are drawn, if anywhere.
    pub fn bars(&self) -> Option<&MultiProgress> {
        (!self.quiet && io::stderr().is_terminal()).then_some(&self.bars)
    }

    /// A line about what was done.
    pub fn note(&self, text: &str) {
        if !self.quiet {
            self.say(text);
        }
    }

    pub fn warning(&self, text: &str) {
        self.say(&format!("warning: {text}"));
    }

    /// `error: MESSAGE`, then a blank line and `hint: …`.
    pub fn error(&self, message: &str, hint: Option<String>) {
        let mut text = format!("error: {message}");
        if let Some(hint) = hint {
            text.push_str(&format!("\n\nhint: {hint}"));
        }
        self.say(&text);
    }

    fn say(&self, text: &str) {
        // What the job printed comes first. Neither stream can tell about its own failure.
        lock(&self.stdout).flush().ok();
        writeln!(lock(&self.stderr), "{}", shown(text)).ok();
    }
}

/// Messages quote data and names, which may hold anything: without what would move the cursor or
/// change the terminal, and with long lines cut.
fn shown(text: &str) -> String {
    const LONGEST_LINE: usize = 2_000;
    let lines = text.lines().map(|line| {
        let mut shown: String = line
            .chars()
            .take(LONGEST_LINE)
            .map(|character| match character {
                '\t' => ' ',
                character if character.is_control() => '␣',
                character => character,
            })
            .collect();
        if line.chars().nth(LONGEST_LINE).is_some() {
            shown.push('…');
        }
        shown
    });
    lines.collect::<Vec<_>>().join("\n")
}

impl Drop for Output {
    fn drop(&mut self) {
        lock(&self.stdout).flush().ok();
    }
}

/// Writes above the progress bars.
struct Above<W> {
    bars: MultiProgress,
    hides: bool,
    out: W,
}

impl<W: Write> Write for Above<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.hides {
            let Above { bars, out, .. } = self;
            bars.suspend(|| out.write(bytes))
        } else {
            self.out.write(bytes)
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.hides {
            let Above { bars, out, .. } = self;
            bars.suspend(|| out.flush())
        } else {
            self.out.flush()
        }
    }
}

/// The log of functions and of the engine.
struct LogWriter(SharedWriter);

impl<'a> MakeWriter<'a> for LogWriter {
    type Writer = LogLine;

    fn make_writer(&'a self) -> LogLine {
        LogLine(Arc::clone(&self.0))
    }
}

struct LogLine(SharedWriter);

impl Write for LogLine {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        lock(&self.0).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        lock(&self.0).flush()
    }
}
