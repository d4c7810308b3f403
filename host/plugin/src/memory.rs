//! The limiter that sums the memories and tables of one store, and charges its account with them.

use std::sync::Arc;

use wasmtime::ResourceLimiter;

use crate::account::{Account, Excess, Resource};

/// Sums all memories and tables of one store.
pub(crate) struct MemoryLimiter {
    account: Arc<Account>,
    limit: usize,
    used: usize,
    /// The last growth that was refused.
    pub refused: Option<RefusedMemory>,
}

/// Why memory was refused.
#[derive(Debug)]
pub(crate) enum RefusedMemory {
    /// The instance would have had so many bytes in all.
    Instance(usize),
    /// All instances of a level would have had too many.
    Sum(Excess),
}

/// Bytes that a table's element counts as.
const TABLE_ELEMENT: usize = 8;

impl MemoryLimiter {
    pub fn new(limit: usize, account: Arc<Account>) -> Self {
        Self {
            account,
            limit,
            used: 0,
            refused: None,
        }
    }

    /// Bytes that there are.
    pub fn used(&self) -> usize {
        self.used
    }

    fn grow(&mut self, current: usize, desired: usize) -> bool {
        let more = desired.saturating_sub(current);
        let total = self.used.saturating_add(more);
        if total > self.limit {
            self.refused = Some(RefusedMemory::Instance(total));
            return false;
        }
        if let Err(excess) = self.account.charge(Resource::Memory, more as u64) {
            self.refused = Some(RefusedMemory::Sum(excess));
            return false;
        }
        self.used = total;
        true
    }
}

impl Drop for MemoryLimiter {
    fn drop(&mut self) {
        self.account.refund(Resource::Memory, self.used as u64);
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
    use crate::limits::{Budget, Limits};

    #[test]
    fn memories_and_tables_are_summed() {
        let job = Account::host(Budget::unlimited(), 1)
            .tenant("acme", Budget::unlimited())
            .job(Budget {
                memory: 1500,
                ..Budget::of_job()
            });
        let mut limiter = MemoryLimiter::new(1000, job.function(&Limits::default()));
        assert!(limiter.memory_growing(0, 600, None).unwrap());
        assert!(!limiter.memory_growing(0, 600, None).unwrap());
        assert!(matches!(
            limiter.refused,
            Some(RefusedMemory::Instance(1200))
        ));
        assert!(limiter.table_growing(0, 50, None).unwrap());
        assert!(!limiter.table_growing(50, 51, None).unwrap());
        assert!(!limiter.memory_growing(600, usize::MAX, None).unwrap());

        let mut other = MemoryLimiter::new(1000, job.function(&Limits::default()));
        assert!(other.memory_growing(0, 500, None).unwrap());
        assert!(!other.memory_growing(500, 501, None).unwrap());
        let Some(RefusedMemory::Sum(excess)) = &other.refused else {
            panic!("{:?}", other.refused);
        };
        assert_eq!(
            excess.to_string(),
            "all functions of the job together may have 1.4 KiB of memory, and would have 1.4 KiB"
        );
        assert_eq!(job.used().memory, 1500);
        drop(limiter);
        assert_eq!(job.used().memory, 500);
        assert!(other.memory_growing(500, 501, None).unwrap());
    }
}
