//! Memory for small values by classes of sizes. Rust says the size of what it gives back, so that a
//! block needs no head, and taking or giving one is a few instructions. What is larger comes from the
//! standard library's allocator.
//!
//! A block stays with its class until the instance goes.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::UnsafeCell;
use std::ptr;

/// Of a block that has a class.
const LARGEST: usize = 1 << 10;
const ALIGNMENT: usize = 16;
const CLASSES: usize = 20;
/// What is taken from the standard library's allocator at once.
const CHUNK: usize = 4 << 10;

#[cfg(not(test))]
#[global_allocator]
static ALLOCATOR: SizeClasses = SizeClasses::new();

/// The allocator of a component, which has one thread.
pub(crate) struct SizeClasses {
    /// Of each class, the free blocks: each holds the address of the next.
    free: UnsafeCell<[*mut u8; CLASSES]>,
}

// SAFETY: it is a static of WebAssembly without threads, or a test's own.
unsafe impl Sync for SizeClasses {}

/// Up to 128 bytes in steps of 16, then four steps for each power of two.
#[inline]
fn class(size: usize) -> usize {
    match size {
        0..=128 => size.saturating_sub(1) / ALIGNMENT,
        _ => {
            let last = size - 1;
            let power = last.ilog2() as usize;
            8 + (power - 7) * 4 + ((last >> (power - 2)) & 3)
        }
    }
}

/// The bytes of a class's blocks.
#[inline]
fn block(class: usize) -> usize {
    match class {
        0..8 => (class + 1) * ALIGNMENT,
        _ => (5 + (class & 3)) << ((class - 8) / 4 + 5),
    }
}

#[inline]
fn is_small(layout: Layout) -> bool {
    layout.size() <= LARGEST && layout.align() <= ALIGNMENT
}

impl SizeClasses {
    pub(crate) const fn new() -> Self {
        SizeClasses {
            free: UnsafeCell::new([ptr::null_mut(); CLASSES]),
        }
    }

    /// # Safety
    ///
    /// As for [`GlobalAlloc::alloc`], of a small layout.
    #[cold]
    unsafe fn refill(&self, class: usize) -> *mut u8 {
        let block = block(class);
        let count = (CHUNK / block).max(2);
        let Ok(chunk) = Layout::from_size_align(block * count, ALIGNMENT) else {
            return ptr::null_mut();
        };
        // SAFETY: its size is not 0.
        let chunk = unsafe { System.alloc(chunk) };
        if chunk.is_null() {
            return chunk;
        }
        let mut next = ptr::null_mut();
        for index in (1..count).rev() {
            // SAFETY: within the chunk, and aligned as an address is.
            unsafe {
                let free = chunk.add(index * block);
                free.cast::<*mut u8>().write(next);
                next = free;
            }
        }
        // SAFETY: nobody else is in here.
        unsafe { (*self.free.get())[class] = next };
        chunk
    }
}

// SAFETY: a block is of its class's size, which is at least the layout's, aligned to 16 bytes, and in
// one hand: on the list of free blocks, or with who asked. Anything else is the system's.
unsafe impl GlobalAlloc for SizeClasses {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if !is_small(layout) {
            // SAFETY: as this function's.
            return unsafe { System.alloc(layout) };
        }
        let class = class(layout.size());
        // SAFETY: nobody else is in here, and a free block holds the address of the next.
        unsafe {
            let free = &mut (*self.free.get())[class];
            let block = *free;
            if block.is_null() {
                return self.refill(class);
            }
            *free = block.cast::<*mut u8>().read();
            block
        }
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if !is_small(layout) {
            // SAFETY: as this function's: what is not small came from there.
            return unsafe { System.dealloc(block, layout) };
        }
        // SAFETY: nobody else is in here, and the block is of this class.
        unsafe {
            let free = &mut (*self.free.get())[class(layout.size())];
            block.cast::<*mut u8>().write(*free);
            *free = block;
        }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as this function's.
        unsafe {
            if !is_small(layout) {
                return System.alloc_zeroed(layout);
            }
            let block = self.alloc(layout);
            if !block.is_null() {
                block.write_bytes(0, layout.size());
            }
            block
        }
    }

    unsafe fn realloc(&self, old: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: as this function's, which says that the new layout is one.
        unsafe {
            let new = Layout::from_size_align_unchecked(size, layout.align());
            match (is_small(layout), is_small(new)) {
                (false, false) => return System.realloc(old, layout, size),
                (true, true) if class(layout.size()) == class(size) => return old,
                _ => {}
            }
            let block = self.alloc(new);
            if !block.is_null() {
                block.copy_from_nonoverlapping(old, layout.size().min(size));
                self.dealloc(old, layout);
            }
            block
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_holds_its_sizes() {
        for size in 1..=LARGEST {
            let class = class(size);
            assert!(class < CLASSES, "{size}");
            assert!(block(class) >= size, "{size}");
            assert!(class == 0 || block(class - 1) < size, "{size}");
            assert_eq!(block(class) % ALIGNMENT, 0);
        }
        assert_eq!(block(CLASSES - 1), LARGEST);
    }

    /// Random requests beside what should be in each block.
    #[test]
    fn blocks_keep_what_is_written() {
        let memory = SizeClasses::new();
        let mut seed = 7_u64;
        let mut random = move |below: usize| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (seed >> 33) as usize % below
        };
        let layout = |size| Layout::from_size_align(size, 1 << (size % 5)).unwrap();
        let mut held: Vec<(*mut u8, Layout, u8)> = Vec::new();
        for turn in 0..100_000_u32 {
            let mark = turn as u8;
            match random(4) {
                0 | 1 => {
                    let layout = layout(1 + random(1500));
                    let block = unsafe { memory.alloc(layout) };
                    assert_eq!(block as usize % layout.align(), 0);
                    unsafe { block.write_bytes(mark, layout.size()) };
                    held.push((block, layout, mark));
                }
                2 if !held.is_empty() => {
                    let (block, layout, mark) = held.swap_remove(random(held.len()));
                    let bytes = unsafe { std::slice::from_raw_parts(block, layout.size()) };
                    assert!(bytes.iter().all(|byte| *byte == mark));
                    unsafe { memory.dealloc(block, layout) };
                }
                3 if !held.is_empty() => {
                    let place = random(held.len());
                    let (block, layout, mark) = held[place];
                    let size = 1 + random(1500);
                    let block = unsafe { memory.realloc(block, layout, size) };
                    let kept = layout.size().min(size);
                    let bytes = unsafe { std::slice::from_raw_parts(block, kept) };
                    assert!(bytes.iter().all(|byte| *byte == mark));
                    unsafe { block.write_bytes(mark, size) };
                    let layout = Layout::from_size_align(size, layout.align()).unwrap();
                    held[place] = (block, layout, mark);
                }
                _ => {
                    let layout = layout(1 + random(1500));
                    let block = unsafe { memory.alloc_zeroed(layout) };
                    let bytes = unsafe { std::slice::from_raw_parts(block, layout.size()) };
                    assert!(bytes.iter().all(|byte| *byte == 0));
                    unsafe { memory.dealloc(block, layout) };
                }
            }
        }
        for (block, layout, _) in held {
            unsafe { memory.dealloc(block, layout) };
        }
    }
}
