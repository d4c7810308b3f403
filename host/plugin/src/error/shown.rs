//! Parts of messages.

use std::fmt::{self, Display};
use std::time::Duration;

use super::RowError;

pub(super) struct Log<'a>(pub &'a [String]);

impl Display for Log<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        block(f, "its last log lines:", self.0)
    }
}

pub(super) struct Backtrace<'a>(pub &'a [String]);

impl Display for Backtrace<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        block(f, "its backtrace:", self.0)
    }
}

fn block(f: &mut fmt::Formatter<'_>, title: &str, lines: &[String]) -> fmt::Result {
    if !lines.is_empty() {
        write!(f, "\n  {title}")?;
    }
    lines.iter().try_for_each(|line| write!(f, "\n    {line}"))
}

pub(super) struct FirstRows<'a>(pub &'a [RowError]);

impl Display for FirstRows<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 3;
        for (index, RowError { row, message }) in self.0.iter().take(SHOWN).enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}row {row}: {message}")?;
        }
        if self.0.len() > SHOWN {
            f.write_str("; …")?;
        }
        Ok(())
    }
}

pub(crate) struct Size(pub usize);

impl Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.0;
        for (unit, shift) in [("GiB", 30), ("MiB", 20), ("KiB", 10)] {
            if bytes >= 1 << shift {
                let tenths = bytes / ((1 << shift) / 10).max(1);
                return if bytes.is_multiple_of(1 << shift) {
                    write!(f, "{} {unit}", bytes >> shift)
                } else {
                    write!(f, "{}.{} {unit}", tenths / 10, tenths % 10)
                };
            }
        }
        write!(f, "{bytes} bytes")
    }
}

pub(crate) struct Seconds(pub Duration);

impl Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0.as_millis();
        if millis.is_multiple_of(1000) {
            write!(f, "{} s", millis / 1000)
        } else {
            write!(f, "{millis} ms")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_times_are_short() {
        assert_eq!(Size(64 << 20).to_string(), "64 MiB");
        assert_eq!(Size(3 << 19).to_string(), "1.5 MiB");
        assert_eq!(Size(12).to_string(), "12 bytes");
        assert_eq!(Seconds(Duration::from_millis(200)).to_string(), "200 ms");
        assert_eq!(Seconds(Duration::from_secs(2)).to_string(), "2 s");
    }
}
