//! How far a job is: a bar on a terminal, one line at its end.

use std::{sync::Arc, time::Duration};

use indicatif::{HumanCount, HumanDuration, ProgressBar, ProgressStyle};
use rustix::termios::tcgetwinsize;
use tokio::task::JoinHandle;
use wasmill_engine::{JobObserver, JobReport, SinkReport};

use crate::output::Output;

const REDRAW: Duration = Duration::from_millis(100);
/// Columns that a bar with its texts fits in: a line that wraps cannot be taken back.
const WIDE: u16 = 80;

/// A bar that follows one statement.
pub struct Progress {
    drawing: Option<(ProgressBar, JoinHandle<()>)>,
}

impl Progress {
    /// Draws nothing where stderr is no terminal, or for a statement that moves no rows.
    pub fn start(output: &Output, observer: &Arc<JobObserver>, is_job: bool) -> Self {
        let Some(bars) = output.bars().filter(|_| is_job) else {
            return Progress { drawing: None };
        };
        let bar = bars.add(ProgressBar::no_length());
        let observer = Arc::clone(observer);
        let before = (observer.rows_read(), observer.bytes_read());
        let drawn = bar.clone();
        let task = tokio::spawn(async move {
            // A job that ends at once needs no bar.
            loop {
                tokio::time::sleep(REDRAW).await;
                draw(&drawn, &observer, before);
            }
        });
        Progress {
            drawing: Some((bar, task)),
        }
    }

    /// Takes the bar away.
    pub async fn stop(self) {
        if let Some((bar, task)) = self.drawing {
            task.abort();
            task.await.ok();
            bar.finish_and_clear();
        }
    }
}

/// The terminal's width; some do not know theirs.
fn columns() -> u16 {
    tcgetwinsize(std::io::stderr())
        .ok()
        .map(|size| size.ws_col)
        .filter(|columns| *columns > 0)
        .unwrap_or(WIDE)
}

fn draw(bar: &ProgressBar, observer: &JobObserver, before: (u64, u64)) {
    let rows = observer.rows_read() - before.0;
    let seconds = bar.elapsed().as_secs_f64();
    let rate = HumanCount((rows as f64 / seconds) as u64);
    let message = format!("{} rows, {rate} rows/s", HumanCount(rows));
    // By bytes where the sources know theirs, else by rows.
    let known = observer
        .total_bytes()
        .map(|total| {
            (
                observer.bytes_read() - before.1,
                total.saturating_sub(before.1),
            )
        })
        .or_else(|| Some((rows, observer.total_rows()?.saturating_sub(before.0))));
    let is_wide = columns() >= WIDE;
    let template = match known {
        Some(_) if is_wide => "{bar:30} {percent:>3} %  {msg}, {eta} left",
        Some(_) => "{percent:>3} %  {msg}",
        None => "{spinner} {msg}",
    };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    if let Some((done, total)) = known {
        bar.set_length(total);
        bar.set_position(done.min(total));
    }
    bar.set_message(message);
}

/// `sink: 1,000,000 rows in 1.20 s (833,333 rows/s)`, one line a sink.
pub fn summary(report: &JobReport, took: Duration) -> String {
    let time = match took {
        took if took < Duration::from_secs(100) => format!("{:.2} s", took.as_secs_f64()),
        took => HumanDuration(took).to_string(),
    };
    let line = |sink: &SinkReport| {
        let rate = (sink.rows as f64 / took.as_secs_f64().max(1e-9)) as u64;
        let plural = if sink.rows == 1 { "" } else { "s" };
        format!(
            "{}: {} row{plural} in {time} ({} rows/s)",
            sink.table,
            HumanCount(sink.rows),
            HumanCount(rate)
        )
    };
    let mut lines: Vec<_> = report.sinks.iter().map(line).collect();
    if report.ignored > 0 {
        let what = if report.ignored == 1 {
            "value or row"
        } else {
            "values or rows"
        };
        lines.push(format!("{} bad {what} ignored", HumanCount(report.ignored)));
    }
    if report.nulls > 0 {
        let rows = if report.nulls == 1 { "row" } else { "rows" };
        lines.push(format!(
            "functions failed on {} {rows} and gave NULL",
            HumanCount(report.nulls)
        ));
    }
    for SinkReport { table, rows } in &report.dead_letters {
        let records = if *rows == 1 { "record" } else { "records" };
        lines.push(format!(
            "{} bad {records} in the dead-letter table {table}",
            HumanCount(*rows)
        ));
    }
    if report.late > 0 {
        let (rows, their) = match report.late {
            1 => ("row", "its"),
            _ => ("rows", "their"),
        };
        let table = report.late_table.as_ref();
        let table = table.map_or(String::new(), |table| format!(", now in the table {table}"));
        lines.push(format!(
            "{} {rows} left out that came after {their} window was over{table}",
            HumanCount(report.late)
        ));
    }
    if let Some(stopped) = &report.stopped {
        lines.push(match stopped.checkpoint {
            Some(checkpoint) => {
                format!("stopped behind checkpoint {checkpoint}; run again, the job goes on there")
            }
            None => "stopped; what it read is in its sinks".to_owned(),
        });
    }
    lines.join("\n")
}
