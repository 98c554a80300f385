//! Progress of long work.

/// Receives progress of long work, and may ask it to stop. Both methods may be called from any thread.
///
/// A closure `Fn(&str, usize, usize)` is a `Progress` that never stops the work.
///
/// ```
/// use pleura_core::Progress;
///
/// fn sum(numbers: &[u64], progress: &dyn Progress) -> Option<u64> {
///     let mut sum = 0;
///     for (done, number) in numbers.iter().enumerate() {
///         if progress.cancelled() {
///             return None;
///         }
///         sum += number;
///         progress.report("numbers added", done + 1, numbers.len());
///     }
///     Some(sum)
/// }
///
/// let print = |task: &str, done: usize, total: usize| println!("{task}: {done} of {total}");
/// assert_eq!(sum(&[1, 2, 3], &print), Some(6));
/// ```
pub trait Progress: Sync {
    /// `done` of `total` steps of `task` are finished. `task` reads well before a number: `films read`.
    fn report(&self, task: &str, done: usize, total: usize);

    /// True if the work should stop as soon as it can.
    fn cancelled(&self) -> bool {
        false
    }
}

impl<F: Fn(&str, usize, usize) + Sync> Progress for F {
    fn report(&self, task: &str, done: usize, total: usize) {
        self(task, done, total);
    }
}

/// Progress that nobody watches.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Progress for Silent {
    fn report(&self, _: &str, _: usize, _: usize) {}
}
