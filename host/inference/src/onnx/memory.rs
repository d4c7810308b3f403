//! How much memory a session may take: what it allocates for tensors is counted, and refused above
//! its limit.
//!
//! ONNX Runtime has one allocator for all sessions of a process: this one. Whose budget an allocation
//! is of says the thread that makes it ([`Budget::charge`]): a session computes on the thread that
//! calls it, and on threads of its own ([`BudgetThreads`]).
//!
//! ONNX Runtime takes no null from an allocator, it expects an exception of C++'s. Rust cannot throw
//! one, so the runtime's own allocator is asked for more than there is, and throws it.

use std::cell::Cell;
use std::ffi::c_void;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};

use ort::AsPointer as _;
use ort::environment::{Environment, ThreadManager};
use ort::sys::{OrtAllocator, OrtAllocatorType, OrtMemType, OrtMemoryInfo};
use parking_lot::Mutex;

/// What one session has allocated, and may.
#[derive(Debug)]
pub(super) struct Budget {
    limit: usize,
    used: AtomicUsize,
    /// Bytes that were in the way when something was refused; 0 if nothing was.
    refused: AtomicUsize,
    spare: Mutex<Spare>,
}

/// Memory that the session gave back, for its next call: to ask the system for it again, and to have
/// it cleared, takes as long as a small model. It counts as the session's.
#[derive(Debug, Default)]
struct Spare {
    /// The oldest first.
    blocks: Vec<Block>,
    bytes: usize,
}

/// A piece of memory from its head on.
#[derive(Debug, Clone, Copy)]
struct Block {
    start: *mut c_void,
    bytes: usize,
    free: Free,
    inner: *mut OrtAllocator,
}

// SAFETY: the memory is nobody else's, and the runtime's own allocator may be called from any thread.
unsafe impl Send for Block {}

impl Block {
    fn free(self) {
        // SAFETY: it comes from this allocator, and is freed once: who has it has taken it out.
        unsafe { (self.free)(self.inner, self.start) }
    }
}

/// What is smaller is fast to come by.
const SMALLEST_SPARE: usize = 16 << 10;
const MOST_SPARE: usize = 64 << 20;
const MOST_SPARE_BLOCKS: usize = 64;

impl Spare {
    /// One that is large enough, and not more than twice as large; of several that fit as well the
    /// one that was used last, which may be in the processor's cache.
    fn take(&mut self, bytes: usize) -> Option<Block> {
        let fits = |block: &Block| bytes <= block.bytes && block.bytes / 2 <= bytes;
        let candidates = self.blocks.iter().enumerate().rev();
        let candidates = candidates.filter(|(_, block)| fits(block));
        let (place, _) = candidates.min_by_key(|(_, block)| block.bytes)?;
        let block = self.blocks.remove(place);
        self.bytes -= block.bytes;
        Some(block)
    }

    /// Keeps a block, and gives back those that are too many.
    fn keep(&mut self, block: Block) -> Vec<Block> {
        self.blocks.push(block);
        self.bytes += block.bytes;
        let mut too_many = Vec::new();
        while self.bytes > MOST_SPARE || self.blocks.len() > MOST_SPARE_BLOCKS {
            let oldest = self.blocks.remove(0);
            self.bytes -= oldest.bytes;
            too_many.push(oldest);
        }
        too_many
    }
}

impl Drop for Budget {
    fn drop(&mut self) {
        for block in self.spare.get_mut().blocks.drain(..) {
            block.free();
        }
    }
}

thread_local! {
    static CHARGED: Cell<*const Budget> = const { Cell::new(ptr::null()) };
}

impl Budget {
    /// Of `limit` bytes, of which `held` are taken already.
    pub fn new(limit: usize, held: usize) -> Arc<Self> {
        Arc::new(Self {
            limit,
            used: AtomicUsize::new(held),
            refused: AtomicUsize::new(0),
            spare: Mutex::default(),
        })
    }

    pub fn limit(&self) -> usize {
        self.limit
    }

    /// Runs `work`, whose allocations on this thread are of this budget.
    pub fn charge<T>(self: &Arc<Self>, work: impl FnOnce() -> T) -> T {
        struct Before(*const Budget);
        impl Drop for Before {
            fn drop(&mut self) {
                CHARGED.set(self.0);
            }
        }
        let _before = Before(CHARGED.replace(Arc::as_ptr(self)));
        work()
    }

    /// Bytes that the session would have come to, had the last one been allowed that was refused.
    pub fn take_refused(&self) -> Option<usize> {
        Some(self.refused.swap(0, Ordering::Relaxed)).filter(|bytes| *bytes > 0)
    }

    fn take_spare(&self, bytes: usize) -> Option<Block> {
        if bytes < SMALLEST_SPARE {
            return None;
        }
        self.spare.lock().take(bytes)
    }

    fn give(&self, block: Block) {
        let freed = if block.bytes < SMALLEST_SPARE {
            vec![block]
        } else {
            self.spare.lock().keep(block)
        };
        self.free(freed);
    }

    fn free(&self, blocks: Vec<Block>) {
        for block in blocks {
            self.used.fetch_sub(block.bytes, Ordering::Relaxed);
            block.free();
        }
    }

    fn take(&self, bytes: usize) -> bool {
        if self.try_take(bytes) {
            return true;
        }
        let spare = std::mem::take(&mut *self.spare.lock());
        self.free(spare.blocks);
        if self.try_take(bytes) {
            return true;
        }
        let total = self.used.load(Ordering::Relaxed).saturating_add(bytes);
        self.refused.store(total, Ordering::Relaxed);
        false
    }

    fn try_take(&self, bytes: usize) -> bool {
        let used = self.used.fetch_add(bytes, Ordering::Relaxed);
        let total = used.saturating_add(bytes);
        if total <= self.limit {
            return true;
        }
        self.used.fetch_sub(bytes, Ordering::Relaxed);
        false
    }
}

/// Makes the threads of one session, which allocate from its budget.
pub(super) struct BudgetThreads(Arc<Budget>);

impl BudgetThreads {
    pub fn new(budget: &Arc<Budget>) -> Self {
        Self(Arc::clone(budget))
    }
}

impl ThreadManager for BudgetThreads {
    type Thread = JoinHandle<()>;

    fn create(&self, work: impl FnOnce() + Send + 'static) -> ort::Result<Self::Thread> {
        let budget = Arc::clone(&self.0);
        thread::Builder::new()
            .name("onnx-session".to_owned())
            .spawn(move || budget.charge(work))
            .map_err(|error| ort::Error::new(error.to_string()))
    }

    fn join(thread: Self::Thread) -> ort::Result<()> {
        let failed = |_| ort::Error::new("a thread of a session has panicked");
        thread.join().map_err(failed)
    }
}

/// Makes all sessions that ask for it ('session.use_env_allocators') count what they allocate.
pub(super) fn register(environment: &Environment) -> Result<(), String> {
    let api = ort::api();
    let message = |error: ort::Error| error.to_string();
    let mut info = ptr::null_mut();
    let mut inner = ptr::null_mut();
    // SAFETY: the pointers are those of places for the results, which are set if there is no error.
    unsafe {
        let status = (api.CreateCpuMemoryInfo)(
            OrtAllocatorType::OrtDeviceAllocator,
            OrtMemType::OrtMemTypeDefault,
            &raw mut info,
        );
        ort::Error::result_from_status(status).map_err(message)?;
        let status = (api.GetAllocatorWithDefaultOptions)(&raw mut inner);
        ort::Error::result_from_status(status).map_err(message)?;
    }
    // SAFETY: `inner` is the runtime's own allocator, whose functions are all there. That its `Alloc`
    // may throw is what its C++ does, though the bindings' type does not say so.
    let (allocate, free) = unsafe {
        let (Some(allocate), Some(free)) = ((*inner).Alloc, (*inner).Free) else {
            return Err("the default allocator has no functions".to_owned());
        };
        let allocate = std::mem::transmute::<
            unsafe extern "system" fn(*mut OrtAllocator, usize) -> *mut c_void,
            Allocate,
        >(allocate);
        (allocate, free)
    };
    // SAFETY: every field may be none.
    let mut head = unsafe { OrtAllocator::default() };
    // SAFETY: the runtime calls them from C++, where an exception may come out of them.
    unsafe {
        head.Alloc = Some(std::mem::transmute::<
            Allocate,
            unsafe extern "system" fn(*mut OrtAllocator, usize) -> *mut c_void,
        >(counted_allocate));
        head.Reserve = Some(std::mem::transmute::<
            Allocate,
            unsafe extern "system" fn(*const OrtAllocator, usize) -> *mut c_void,
        >(counted_allocate));
    }
    head.Free = Some(counted_free);
    head.Info = Some(memory_info);
    // The runtime keeps it as long as the process lives.
    let counting = Box::leak(Box::new(Counting {
        head,
        inner,
        allocate,
        free,
        info,
    }));
    // SAFETY: both live for ever. The runtime does not write to the environment here that others
    // read: this is before its first session.
    unsafe {
        let status = (api.RegisterAllocator)(environment.ptr().cast_mut(), &raw mut counting.head);
        ort::Error::result_from_status(status).map_err(message)
    }
}

type Free = unsafe extern "system" fn(*mut OrtAllocator, *mut c_void);
type Allocate = unsafe extern "C-unwind" fn(*mut OrtAllocator, usize) -> *mut c_void;

/// An allocator of the runtime's that counts, over its own one.
#[repr(C)]
struct Counting {
    /// First, so that a pointer to it is one to all of this.
    head: OrtAllocator,
    inner: *mut OrtAllocator,
    allocate: Allocate,
    free: Free,
    info: *const OrtMemoryInfo,
}

/// What stands before each piece of memory.
#[repr(C, align(64))]
struct Head {
    bytes: usize,
    /// A counted reference, or null.
    budget: *const Budget,
}

/// The runtime wants its memory aligned to 64 bytes.
const HEAD: usize = size_of::<Head>();

unsafe extern "C-unwind" fn counted_allocate(this: *mut OrtAllocator, bytes: usize) -> *mut c_void {
    // SAFETY: `this` is the head of a `Counting` that lives for ever. Where the inner allocator throws,
    // nothing here has a destructor. What it gives is as long as asked, and aligned to 64 bytes. A
    // budget that is charged lives as long as it is charged.
    unsafe {
        let counting = &*this.cast::<Counting>();
        let budget = CHARGED.get();
        let Some(all) = bytes.checked_add(HEAD) else {
            return (counting.allocate)(counting.inner, isize::MAX.unsigned_abs());
        };
        let spare = if budget.is_null() {
            None
        } else {
            (*budget).take_spare(all)
        };
        let (start, bytes) = match spare {
            Some(block) => (block.start, block.bytes),
            None => {
                if !budget.is_null() && !(*budget).take(all) {
                    return (counting.allocate)(counting.inner, isize::MAX.unsigned_abs());
                }
                ((counting.allocate)(counting.inner, all), all)
            }
        };
        if start.is_null() {
            return start;
        }
        if !budget.is_null() {
            Arc::increment_strong_count(budget);
        }
        start.cast::<Head>().write(Head { bytes, budget });
        start.add(HEAD)
    }
}

unsafe extern "system" fn counted_free(this: *mut OrtAllocator, memory: *mut c_void) {
    if memory.is_null() {
        return;
    }
    // SAFETY: `this` is the head of a `Counting`, and `memory` comes from `counted_allocate`, which
    // counted a reference to the budget.
    unsafe {
        let counting = &*this.cast::<Counting>();
        let start = memory.sub(HEAD);
        let Head { bytes, budget } = start.cast::<Head>().read();
        let block = Block {
            start,
            bytes,
            free: counting.free,
            inner: counting.inner,
        };
        if budget.is_null() {
            block.free();
        } else {
            Arc::from_raw(budget).give(block);
        }
    }
}

unsafe extern "system" fn memory_info(this: *const OrtAllocator) -> *const OrtMemoryInfo {
    // SAFETY: `this` is the head of a `Counting`.
    unsafe { (*this.cast::<Counting>()).info }
}
