//! Memory for maps, kept from pass to pass.
//!
//! A pass asks for the same sizes as the one before. The system hands memory out page by page, each with an
//! interrupt. In a virtual machine that took a tenth to a fifth of the time (see the book's page on speed).

use std::collections::BTreeMap;
use std::sync::PoisonError;

use super::sync::{Mutex, MutexGuard};

/// Shorter buffers are left to the allocator.
const SMALLEST: usize = 16 * 1024;
/// A buffer is freed when it was not used while this many others were released: some ten training steps.
const IDLE_LIMIT: u64 = 4096;

/// Released buffers.
pub(super) struct BufferPool(Mutex<Store>);

struct Store {
    /// Buffers released so far.
    clock: u64,
    /// By capacity; each with the clock of its release.
    buffers: BTreeMap<usize, Vec<(u64, Vec<f32>)>>,
}

#[cfg(not(loom))]
static POOL: BufferPool = BufferPool(Mutex::new(Store::new()));

/// [`BufferPool::alloc_uninit`] of the process's pool.
#[cfg(not(loom))]
pub(super) fn alloc_uninit(len: usize) -> Vec<f32> {
    POOL.alloc_uninit(len)
}

/// [`BufferPool::release`] to the process's pool.
#[cfg(not(loom))]
pub(super) fn release(buffer: Vec<f32>) {
    POOL.release(buffer);
}

impl BufferPool {
    /// Returns `len` values that are arbitrary: zeros, or those of an earlier buffer.
    pub(super) fn alloc_uninit(&self, len: usize) -> Vec<f32> {
        if len >= SMALLEST {
            let found = self.store().take(len);
            if let Some(mut buffer) = found {
                buffer.resize(len, 0.0);
                return buffer;
            }
        }
        vec![0.0; len]
    }

    /// Keeps a buffer for a later [`BufferPool::alloc_uninit`].
    pub(super) fn release(&self, buffer: Vec<f32>) {
        if buffer.capacity() >= SMALLEST {
            // Freed outside the lock.
            let _idle = self.store().give(buffer);
        }
    }

    fn store(&self) -> MutexGuard<'_, Store> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store {
    const fn new() -> Self {
        Self {
            clock: 0,
            buffers: BTreeMap::new(),
        }
    }

    /// The smallest buffer of at least this length that is at most a quarter too long.
    fn take(&mut self, len: usize) -> Option<Vec<f32>> {
        let (_, shelf) = self
            .buffers
            .range_mut(len..=len + len / 4)
            .find(|(_, shelf)| !shelf.is_empty())?;
        shelf.pop().map(|(_, buffer)| buffer)
    }

    /// Keeps a buffer; returns those that were idle too long.
    fn give(&mut self, buffer: Vec<f32>) -> Vec<Vec<f32>> {
        self.clock += 1;
        self.buffers
            .entry(buffer.capacity())
            .or_default()
            .push((self.clock, buffer));
        let mut idle = Vec::new();
        if self.clock.is_multiple_of(IDLE_LIMIT / 8) {
            let clock = self.clock;
            for shelf in self.buffers.values_mut() {
                // The buffer released last is taken first, so the one idle longest stands in front.
                let waiting = shelf.partition_point(|(since, _)| since + IDLE_LIMIT < clock);
                idle.extend(shelf.drain(..waiting).map(|(_, buffer)| buffer));
            }
            self.buffers.retain(|_, shelf| !shelf.is_empty());
        }
        idle
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{IDLE_LIMIT, Store};

    #[test]
    fn a_buffer_is_reused_for_its_length_or_a_little_less() {
        let mut store = Store::new();
        store.give(vec![1.0; 1000]);
        assert!(store.take(1001).is_none());
        assert!(store.take(500).is_none());
        assert_eq!(store.take(900).map(|buffer| buffer.capacity()), Some(1000));
        assert!(store.take(1000).is_none());
    }

    #[test]
    fn an_idle_buffer_is_freed() {
        let mut store = Store::new();
        store.give(vec![0.0; 7]);
        let mut freed = 0;
        for _ in 0..2 * IDLE_LIMIT {
            let buffer = store.take(100).unwrap_or_else(|| vec![0.0; 100]);
            freed += store.give(buffer).len();
        }
        assert_eq!(freed, 1);
        assert!(store.take(7).is_none());
        assert!(store.take(100).is_some());
    }
}

/// Explores the interleavings of two threads: `crates/pleura-nn/loom` runs it.
#[cfg(all(test, loom))]
mod model {
    use loom::sync::Arc;
    use loom::thread;

    use super::{BufferPool, Mutex, SMALLEST, Store};

    #[test]
    fn a_buffer_has_one_owner_and_none_is_lost() {
        loom::model(|| {
            let pool = Arc::new(BufferPool(Mutex::new(Store::new())));
            pool.release(vec![0.0; SMALLEST]);
            let other = {
                let pool = Arc::clone(&pool);
                thread::spawn(move || {
                    let buffer = pool.alloc_uninit(SMALLEST);
                    let place = buffer.as_ptr() as usize;
                    (buffer, place)
                })
            };
            let mine = pool.alloc_uninit(SMALLEST);
            let (theirs, place) = other.join().unwrap();
            assert_ne!(mine.as_ptr() as usize, place);
            pool.release(mine);
            pool.release(theirs);
            let kept = |pool: &BufferPool| pool.store().buffers.values().map(Vec::len).sum::<usize>();
            assert_eq!(kept(&pool), 2);
        });
    }

    #[test]
    fn release_and_reuse_race_without_deadlock() {
        loom::model(|| {
            let pool = Arc::new(BufferPool(Mutex::new(Store::new())));
            let other = {
                let pool = Arc::clone(&pool);
                thread::spawn(move || pool.release(pool.alloc_uninit(SMALLEST)))
            };
            pool.release(pool.alloc_uninit(SMALLEST + 1));
            other.join().unwrap();
            let buffers: usize = pool.store().buffers.values().map(Vec::len).sum();
            // One thread may have reused the other's buffer.
            assert!((1..=2).contains(&buffers), "{buffers}");
        });
    }
}
