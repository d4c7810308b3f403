//! How much a function may use, and the limiter that sums its memory.

use std::time::Duration;

use wasmtime::ResourceLimiter;

/// What one function may use. Each instance has these limits to itself; one that runs over a limit
/// fails its call and is thrown away.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Bytes of all linear memories and tables of an instance together (a table's element counts
    /// as 8 bytes). Default: 256 MiB.
    pub memory: usize,
    /// Wall-clock time of one call of the guest, `open` included; time that a model takes inside
    /// the call does not count. Checked every [`Limits::TICK`]. Default: 10 s.
    pub time: Duration,
    /// Bytes that one call may hand to the host: results, intermediate columns, messages.
    /// Default: 256 MiB.
    pub result_bytes: usize,
    /// Handles to columns, batches and models that an instance may hold at once. Default: 65,536.
    pub handles: usize,
    /// Lines that one call may log, the rest are dropped and counted. Default: 100.
    pub log_lines: usize,
    /// Bytes of a log line, an error message or a name, the rest is cut. Default: 4 KiB.
    pub text_bytes: usize,
    /// Different metrics that an instance may name, the rest are dropped. Default: 100.
    pub metrics: usize,
}

impl Limits {
    /// How exactly the time limit is held.
    pub const TICK: Duration = Duration::from_millis(5);

    pub(crate) fn ticks(time: Duration) -> u64 {
        let ticks = time.as_nanos().div_ceil(Self::TICK.as_nanos());
        // The current tick may end at once.
        u64::try_from(ticks)
            .unwrap_or(u64::MAX >> 1)
            .min(u64::MAX >> 1)
            + 1
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory: 256 << 20,
            time: Duration::from_secs(10),
            result_bytes: 256 << 20,
            handles: 65_536,
            log_lines: 100,
            text_bytes: 4 << 10,
            metrics: 100,
        }
    }
}

/// Sums all memories and tables of one store.
#[derive(Debug)]
pub(crate) struct MemoryLimiter {
    limit: usize,
    used: usize,
    /// Total bytes that would have been in use after a growth that was refused.
    pub refused: Option<usize>,
}

/// Bytes that a table's element counts as.
const TABLE_ELEMENT: usize = 8;

impl MemoryLimiter {
    pub fn new(limit: usize) -> Self {
        Self {
            limit,
            used: 0,
            refused: None,
        }
    }

    fn grow(&mut self, current: usize, desired: usize) -> bool {
        let total = self.used.saturating_add(desired.saturating_sub(current));
        let allowed = total <= self.limit;
        if allowed {
            self.used = total;
        } else {
            self.refused = Some(total);
        }
        allowed
    }
}

impl ResourceLimiter for MemoryLimiter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        // A growth past the module's own maximum fails anyway.
        Ok(maximum.is_none_or(|maximum| desired <= maximum) && self.grow(current, desired))
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(maximum.is_none_or(|maximum| desired <= maximum)
            && self.grow(
                current.saturating_mul(TABLE_ELEMENT),
                desired.saturating_mul(TABLE_ELEMENT),
            ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memories_and_tables_are_summed() {
        let mut limiter = MemoryLimiter::new(1000);
        assert!(limiter.memory_growing(0, 600, None).unwrap());
        assert!(!limiter.memory_growing(0, 600, None).unwrap());
        assert_eq!(limiter.refused, Some(1200));
        assert!(limiter.table_growing(0, 50, None).unwrap());
        assert!(!limiter.table_growing(50, 51, None).unwrap());
        assert!(!limiter.memory_growing(600, usize::MAX, None).unwrap());
    }
}
