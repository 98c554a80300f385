//! Threads that share the tiles of one short step after another, and spin between steps.
//!
//! The protocol alone: [`super::session`] runs it on rayon's threads, and `crates/pleura-nn/loom` checks it
//! with loom.

use super::sync::{AtomicBool, AtomicUsize, Ordering, UnsafeCell, spin_loop, store_load_fence, yield_now};

/// Rounds of spinning before a thread yields its core.
const SPIN_LIMIT: u32 = 4096;

/// The work of each tile, and the number of tiles.
#[derive(Clone, Copy)]
struct Step {
    work: *const (dyn Fn(usize) + Sync),
    count: usize,
}

/// One leader, which opens steps, and helpers, which take part in them.
pub(super) struct SpinPool {
    step: UnsafeCell<Option<Step>>,
    /// Odd while a step is open. Each step has its own number.
    state: AtomicUsize,
    /// The next tile of the open step.
    next: AtomicUsize,
    /// Helpers that may be inside the open step.
    inside: AtomicUsize,
    over: AtomicBool,
}

// SAFETY: only the leader writes `step`, while `state` is even and no helper is inside. Helpers read it after
// they entered and then found `state` odd. The work behind the pointer outlives the step (see
// `SpinPool::run`).
unsafe impl Sync for SpinPool {}

/// Counts a helper that is inside a step, also while a panic unwinds.
struct Guard<'a>(&'a SpinPool);

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        self.0.inside.fetch_sub(1, Ordering::Release);
    }
}

/// An open step. Its end waits for all helpers inside, also while a panic unwinds.
struct OpenStep<'a>(&'a SpinPool);

impl Drop for OpenStep<'_> {
    fn drop(&mut self) {
        self.0.state.fetch_add(1, Ordering::SeqCst);
        store_load_fence();
        let mut backoff = Backoff::default();
        while self.0.inside.load(Ordering::SeqCst) > 0 {
            backoff.wait();
        }
    }
}

impl SpinPool {
    pub(super) fn new() -> Self {
        Self {
            step: UnsafeCell::new(None),
            state: AtomicUsize::new(0),
            next: AtomicUsize::new(0),
            inside: AtomicUsize::new(0),
            over: AtomicBool::new(false),
        }
    }

    /// Runs `work` once for each tile below `count`. Only the leader calls it, and not inside a step.
    pub(super) fn run(&self, count: usize, work: &(dyn Fn(usize) + Sync)) {
        // SAFETY: the pointer is used inside the step alone, and `OpenStep` ends the step before `work` goes.
        #[allow(clippy::transmute_ptr_to_ptr, reason = "a cast does not change a lifetime")]
        let work = unsafe {
            std::mem::transmute::<*const (dyn Fn(usize) + Sync + '_), *const (dyn Fn(usize) + Sync + 'static)>(
                work,
            )
        };
        self.step.with_mut(|step| {
            // SAFETY: `state` is even and no helper is inside: `OpenStep` waited for that at the end of the
            // last step.
            unsafe { *step = Some(Step { work, count }) };
        });
        self.next.store(0, Ordering::Relaxed);
        self.state.fetch_add(1, Ordering::SeqCst);
        let _open = OpenStep(self);
        self.take_tiles();
    }

    /// Works on the open step until its tiles are handed out.
    fn take_tiles(&self) {
        // SAFETY: the caller is inside the open step (or its leader), so no thread writes.
        let Some(Step { work, count }) = self.step.with(|step| unsafe { *step }) else {
            return;
        };
        loop {
            let tile = self.next.fetch_add(1, Ordering::Relaxed);
            if tile >= count {
                return;
            }
            // SAFETY: the work outlives the step: `run` ends the step before it returns.
            (unsafe { &*work })(tile);
        }
    }

    /// Takes part in every step until [`SpinPool::finish`].
    pub(super) fn help(&self) {
        let mut seen = 0;
        let mut backoff = Backoff::default();
        while !self.over.load(Ordering::Acquire) {
            let state = self.state.load(Ordering::Acquire);
            if state.is_multiple_of(2) || state == seen {
                backoff.wait();
                continue;
            }
            self.inside.fetch_add(1, Ordering::SeqCst);
            store_load_fence();
            let _inside = Guard(self);
            if self.state.load(Ordering::SeqCst) == state {
                self.take_tiles();
                seen = state;
                backoff = Backoff::default();
            }
        }
    }

    /// Sends the helpers away.
    pub(super) fn finish(&self) {
        self.over.store(true, Ordering::Release);
    }
}

/// Waiting: first spins, then yields.
#[derive(Default)]
struct Backoff(u32);

impl Backoff {
    fn wait(&mut self) {
        if self.0 < SPIN_LIMIT {
            self.0 += 1;
            spin_loop();
        } else {
            yield_now();
        }
    }
}

/// Explores the interleavings of a leader and helpers: `crates/pleura-nn/loom` runs it.
#[cfg(all(test, loom))]
mod model {
    use loom::cell::UnsafeCell;
    use loom::model::Builder;
    use loom::sync::Arc;
    use loom::thread;

    use super::SpinPool;

    /// Cells that tiles write without a lock. loom fails where two threads touch one at the same time, and
    /// where the leader reads a write that need not have reached it.
    struct Tiles(Vec<UnsafeCell<usize>>);

    // SAFETY: loom checks every access.
    unsafe impl Sync for Tiles {}

    impl Tiles {
        fn new(count: usize) -> Self {
            Self((0..count).map(|_| UnsafeCell::new(0)).collect())
        }

        fn work(&self, tile: usize) {
            // SAFETY: loom checks that no other thread touches the cell.
            self.0[tile].with_mut(|count| unsafe { *count += 1 });
        }

        fn counts(&self) -> Vec<usize> {
            // SAFETY: loom checks that no other thread touches the cells.
            self.0
                .iter()
                .map(|tile| tile.with(|count| unsafe { *count }))
                .collect()
        }
    }

    struct Shared(SpinPool);

    // SAFETY: `SpinPool` is `Sync`; its pointer is used by `run` alone.
    unsafe impl Send for Shared {}

    /// Steps of `counts` tiles, each run once, by a leader and helpers.
    fn check(helpers: usize, counts: &'static [usize], preemptions: usize) {
        let mut builder = Builder::new();
        builder.preemption_bound = Some(preemptions);
        builder.check(move || {
            let pool = Arc::new(Shared(SpinPool::new()));
            let helpers: Vec<_> = (0..helpers)
                .map(|_| {
                    let pool = Arc::clone(&pool);
                    thread::spawn(move || pool.0.help())
                })
                .collect();
            for &count in counts {
                // On the leader's stack: the step must be over before it goes.
                let tiles = Tiles::new(count);
                pool.0.run(count, &|tile| tiles.work(tile));
                assert_eq!(tiles.counts(), vec![1; count]);
            }
            pool.0.finish();
            for helper in helpers {
                helper.join().unwrap();
            }
        });
    }

    #[test]
    fn every_tile_runs_once_before_its_step_returns() {
        check(1, &[2, 2], 3);
    }

    #[test]
    fn two_helpers_share_a_step() {
        check(2, &[2], 1);
    }

    #[test]
    fn a_late_helper_misses_short_steps() {
        check(1, &[1, 1, 1], 3);
    }
}
