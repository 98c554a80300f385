//! Passes whose steps share their tiles among threads that stay awake from step to step.
//!
//! A pass through a DenseNet is some hundred short steps, each a few tens of microseconds where a single film
//! is inferred. Putting threads to sleep between steps costs more than the steps do. So a pass opens a
//! [`session`]: the other threads of the pool spin until the next step ([`SpinPool`]) and take tiles until
//! none remain. Results do not depend on which thread computes a tile: tiles are cut without regard to the
//! number of threads, and their sums are added in tile order.

use std::cell::{Cell, UnsafeCell};

use rayon::prelude::*;

use super::spin_pool::SpinPool;

/// A thread's part in sessions.
#[derive(Clone, Copy)]
enum Role {
    Outside,
    /// Leads this pool, and is between steps.
    Leader(*const SpinPool),
    /// Works on a tile. Steps inside the tile run on this thread alone.
    Worker,
}

thread_local! {
    static ROLE: Cell<Role> = const { Cell::new(Role::Outside) };
}

/// The role to return to, also while a panic unwinds.
struct PreviousRole(Role);

impl PreviousRole {
    fn replaced_by(role: Role) -> Self {
        Self(ROLE.replace(role))
    }
}

impl Drop for PreviousRole {
    fn drop(&mut self) {
        ROLE.set(self.0);
    }
}

/// Runs `body`. The threads of the current pool share its steps ([`each`]).
pub(super) fn session<R>(body: impl FnOnce() -> R) -> R {
    let threads = rayon::current_num_threads();
    if threads == 1 || !matches!(ROLE.get(), Role::Outside) {
        return body();
    }
    let (pool, leader) = (SpinPool::new(), std::thread::current().id());
    rayon::in_place_scope(|scope| {
        for _ in 1..threads {
            scope.spawn(|_| {
                // A leader that waits for something of rayon's may be handed its own helper.
                if std::thread::current().id() != leader {
                    let _outside = PreviousRole::replaced_by(Role::Worker);
                    pool.help();
                }
            });
        }
        let _finish = Finish(&pool);
        let _outside = PreviousRole::replaced_by(Role::Leader(&raw const pool));
        body()
    })
}

/// Ends a session, also while a panic unwinds.
struct Finish<'a>(&'a SpinPool);

impl Drop for Finish<'_> {
    fn drop(&mut self) {
        self.0.finish();
    }
}

/// Runs `work` once for each tile below `count`, on as many threads as there are.
pub(super) fn each(count: usize, work: impl Fn(usize) + Sync) {
    match ROLE.get() {
        Role::Leader(pool) if count > 1 => {
            let _leader = PreviousRole::replaced_by(Role::Worker);
            // SAFETY: a leader is inside the session whose pool this is.
            unsafe { &*pool }.run(count, &work);
        }
        Role::Outside if count > 1 => (0..count).into_par_iter().for_each(&work),
        _ => (0..count).for_each(work),
    }
}

/// Runs `work` on every piece of `values`, `size` long.
pub(super) fn each_piece<T: Send>(values: &mut [T], size: usize, work: impl Fn(usize, &mut [T]) + Sync) {
    let pieces: Vec<Piece<'_, T>> = values
        .chunks_mut(size.max(1))
        .map(|piece| Piece(UnsafeCell::new(piece)))
        .collect();
    each(pieces.len(), |index| {
        // SAFETY: each number is handed out once, so no other thread sees this piece.
        work(index, unsafe { *pieces[index].0.get() });
    });
}

struct Piece<'a, T>(UnsafeCell<&'a mut [T]>);

// SAFETY: a piece is touched by the one thread that was handed its number.
unsafe impl<T: Send> Sync for Piece<'_, T> {}

/// The results of `work` for every number below `count`, in order.
pub(super) fn collect<T: Default + Send>(count: usize, work: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let mut made: Vec<T> = std::iter::repeat_with(T::default).take(count).collect();
    each_piece(&mut made, 1, |index, place| place[0] = work(index));
    made
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::{collect, each, each_piece, session};

    fn pool(threads: usize) -> rayon::ThreadPool {
        rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap()
    }

    #[test]
    fn every_tile_of_every_step_is_done_once() {
        for threads in [1, 2, 5] {
            pool(threads).install(|| {
                session(|| {
                    for step in 0..2000 {
                        let done: Vec<AtomicU32> = std::iter::repeat_with(AtomicU32::default)
                            .take(step % 17)
                            .collect();
                        each(done.len(), |tile| {
                            done[tile].fetch_add(1, Ordering::Relaxed);
                        });
                        assert!(
                            done.iter().all(|done| done.load(Ordering::Relaxed) == 1),
                            "step {step}"
                        );
                    }
                });
            });
        }
    }

    #[test]
    fn steps_inside_tiles_and_sessions_inside_sessions_work() {
        pool(3).install(|| {
            let sums = session(|| {
                collect(8, |outer| {
                    session(|| collect(5, |inner| outer * inner).iter().sum::<usize>())
                })
            });
            assert_eq!(sums, (0..8).map(|outer| outer * 10).collect::<Vec<_>>());
        });
    }

    #[test]
    fn pieces_are_cut_in_order() {
        let mut values = vec![0; 10];
        session(|| each_piece(&mut values, 4, |index, piece| piece.fill(index + 1)));
        assert_eq!(values, [1, 1, 1, 1, 2, 2, 2, 2, 3, 3]);
    }

    #[test]
    fn a_panic_in_a_tile_ends_the_session_and_not_the_process() {
        let caught = std::panic::catch_unwind(|| {
            pool(3).install(|| session(|| each(100, |tile| assert!(tile != 57, "tile 57"))));
        });
        assert!(caught.is_err());
        assert_eq!(pool(3).install(|| session(|| collect(4, |i| i))), [0, 1, 2, 3]);
    }
}
