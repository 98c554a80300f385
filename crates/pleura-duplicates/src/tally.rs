//! Counting work that many threads do.

use std::sync::{Mutex, PoisonError};

use crate::Progress;

/// Counts what is done and tells, one thread at a time, so that the number never falls.
pub(super) struct Tally<'a> {
    what: &'static str,
    of: usize,
    done: Mutex<usize>,
    progress: Progress<'a>,
}

impl<'a> Tally<'a> {
    pub(super) fn new(what: &'static str, of: usize, progress: Progress<'a>) -> Self {
        Self {
            what,
            of,
            done: Mutex::new(0),
            progress,
        }
    }

    pub(super) fn add(&self, count: usize) {
        let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        *done += count;
        (self.progress)(self.what, *done, self.of);
    }
}
