//! Sharing the tiles of a step among threads that stay awake from step to step.
//!
//! A pass through a DenseNet is some hundred short steps, a few tens of microseconds each where a single film is answered. Putting
//! threads to sleep between them costs more than the steps do, so a pass opens a [`session`]: the pool's other threads wait for
//! its steps in a loop of their own, and take tiles as long as there are any. Which thread computes a tile changes nothing: tiles are
//! cut without regard to the number of threads, and their sums are added in tile order.

use std::cell::{Cell, UnsafeCell};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::ThreadId;

use rayon::prelude::*;

/// Rounds of waiting before a thread offers its core to others.
const PATIENCE: u32 = 4096;

/// One step: what to do with each tile, and how many there are.
#[derive(Clone, Copy)]
struct Step {
    work: *const (dyn Fn(usize) + Sync),
    count: usize,
}

/// The threads of one session.
struct SpinPool {
    leader: ThreadId,
    step: UnsafeCell<Option<Step>>,
    /// Odd while a step is open; each step has a number of its own.
    state: AtomicUsize,
    next: AtomicUsize,
    /// Threads that may be inside the open step.
    inside: AtomicUsize,
    over: AtomicBool,
}

// SAFETY: `step` is written by the leader alone, while `state` is even and nobody is inside; it is read by threads that
// have entered and then found `state` odd. The work that it points to outlives the step (see `SpinPool::run`).
unsafe impl Sync for SpinPool {}

/// What a thread has to do with sessions.
#[derive(Clone, Copy)]
enum Role {
    Outside,
    /// Leads this team, and is between steps.
    Leader(*const SpinPool),
    /// Works on a tile: what it finds to share there it does alone.
    Worker,
}

thread_local! {
    static ROLE: Cell<Role> = const { Cell::new(Role::Outside) };
}

/// Runs `body`, whose steps ([`each`]) the threads of the current pool share.
pub(super) fn session<R>(body: impl FnOnce() -> R) -> R {
    let threads = rayon::current_num_threads();
    if threads == 1 || !matches!(ROLE.get(), Role::Outside) {
        return body();
    }
    let team = SpinPool {
        leader: std::thread::current().id(),
        step: UnsafeCell::new(None),
        state: AtomicUsize::new(0),
        next: AtomicUsize::new(0),
        inside: AtomicUsize::new(0),
        over: AtomicBool::new(false),
    };
    rayon::in_place_scope(|scope| {
        for _ in 1..threads {
            scope.spawn(|_| team.help());
        }
        let _lead = Leading::of(&team);
        body()
    })
}

/// Runs `work` for every tile below `count`, once each, on as many threads as there are.
pub(super) fn each(count: usize, work: impl Fn(usize) + Sync) {
    match ROLE.get() {
        // SAFETY: a leader is inside the session whose team this is.
        Role::Leader(team) if count > 1 => unsafe { &*team }.run(count, &work),
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

/// What `work` makes of every number below `count`, in order.
pub(super) fn collect<T: Default + Send>(count: usize, work: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let mut made: Vec<T> = std::iter::repeat_with(T::default).take(count).collect();
    each_piece(&mut made, 1, |index, place| place[0] = work(index));
    made
}

/// Marks this thread as a team's leader; its end is the session's, also by a panic.
struct Leading<'a>(&'a SpinPool);

impl<'a> Leading<'a> {
    fn of(team: &'a SpinPool) -> Self {
        ROLE.set(Role::Leader(team));
        Self(team)
    }
}

impl Drop for Leading<'_> {
    fn drop(&mut self) {
        ROLE.set(Role::Outside);
        self.0.over.store(true, Ordering::Release);
    }
}

/// A thread's stay inside a step; its end is counted also by a panic.
struct Guard<'a>(&'a SpinPool);

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        self.0.inside.fetch_sub(1, Ordering::Release);
    }
}

/// An open step; its end waits for all who are inside, also by a panic.
struct OpenStep<'a>(&'a SpinPool);

impl Drop for OpenStep<'_> {
    fn drop(&mut self) {
        let team = self.0;
        team.state.fetch_add(1, Ordering::SeqCst);
        let mut patience = Backoff::default();
        while team.inside.load(Ordering::SeqCst) > 0 {
            patience.wait();
        }
        ROLE.set(Role::Leader(team));
    }
}

impl SpinPool {
    fn run(&self, count: usize, work: &(dyn Fn(usize) + Sync)) {
        // SAFETY: the pointer is used inside the step alone, and `OpenStep` ends the step before `work` goes.
        #[allow(clippy::transmute_ptr_to_ptr, reason = "a cast does not change a lifetime")]
        let work = unsafe {
            std::mem::transmute::<*const (dyn Fn(usize) + Sync + '_), *const (dyn Fn(usize) + Sync + 'static)>(
                work,
            )
        };
        // SAFETY: `state` is even and nobody is inside: `OpenStep` waited for that at the end of the last step.
        unsafe { *self.step.get() = Some(Step { work, count }) };
        self.next.store(0, Ordering::Relaxed);
        ROLE.set(Role::Worker);
        self.state.fetch_add(1, Ordering::SeqCst);
        let _open = OpenStep(self);
        self.take_tiles();
    }

    /// Works on the open step until its tiles are handed out.
    fn take_tiles(&self) {
        // SAFETY: the caller is inside the open step (or its leader), so nobody writes.
        let Some(Step { work, count }) = (unsafe { *self.step.get() }) else {
            return;
        };
        loop {
            let tile = self.next.fetch_add(1, Ordering::Relaxed);
            if tile >= count {
                return;
            }
            // SAFETY: the work outlives the step, as `run` sees to.
            (unsafe { &*work })(tile);
        }
    }

    /// Takes part in every step until the session is over.
    fn help(&self) {
        // A leader that waits for something of rayon's may be handed its own helper.
        if std::thread::current().id() == self.leader {
            return;
        }
        let _role = PreviousRole(ROLE.replace(Role::Worker));
        let mut seen = 0;
        let mut patience = Backoff::default();
        while !self.over.load(Ordering::Acquire) {
            let state = self.state.load(Ordering::Acquire);
            if state.is_multiple_of(2) || state == seen {
                patience.wait();
                continue;
            }
            self.inside.fetch_add(1, Ordering::SeqCst);
            let _stay = Guard(self);
            if self.state.load(Ordering::SeqCst) == state {
                self.take_tiles();
                seen = state;
                patience = Backoff::default();
            }
        }
    }
}

/// The role to take up again.
struct PreviousRole(Role);

impl Drop for PreviousRole {
    fn drop(&mut self) {
        ROLE.set(self.0);
    }
}

/// Pending: awake at first, then between the turns of others.
#[derive(Default)]
struct Backoff(u32);

impl Backoff {
    fn wait(&mut self) {
        if self.0 < PATIENCE {
            self.0 += 1;
            std::hint::spin_loop();
        } else {
            std::thread::yield_now();
        }
    }
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
