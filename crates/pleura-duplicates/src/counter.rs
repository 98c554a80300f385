//! Progress of work that many threads do.

use std::sync::{Mutex, PoisonError};

use pleura_core::Progress;

/// Counts finished steps. It reports from one thread at a time, so that the reported number never falls.
pub(crate) struct Counter<'a> {
    task: &'static str,
    total: usize,
    done: Mutex<usize>,
    progress: &'a dyn Progress,
}

impl<'a> Counter<'a> {
    pub(crate) fn new(task: &'static str, total: usize, progress: &'a dyn Progress) -> Self {
        Self {
            task,
            total,
            done: Mutex::new(0),
            progress,
        }
    }

    pub(crate) fn add(&self, count: usize) {
        let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        *done += count;
        self.progress.report(self.task, *done, self.total);
    }
}
