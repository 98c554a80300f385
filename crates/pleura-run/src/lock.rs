//! One process writes a run: an advisory lock that the operating system releases when the process ends.

use std::{
    fs::{File, OpenOptions, TryLockError},
    path::Path,
    thread,
    time::Duration,
};

use pleura_core::fs::remove_unfinished;

use crate::{Error, RunFolder};

/// The lock of a run's folder; dropping it releases the lock.
#[derive(Debug)]
pub struct RunLock(#[allow(dead_code, reason = "the lock lives as long as the file is open")] File);

/// Attempts to take the lock, and the pause between two of them: about one second in all.
///
/// A lock belongs to the open file, and a child process holds a copy of every descriptor from fork to exec.
/// Another thread that starts a program therefore keeps a lock alive for moments after it was dropped.
const ATTEMPTS: u32 = 100;
const PAUSE: Duration = Duration::from_millis(10);

impl RunLock {
    /// Takes the lock of a folder that exists, and removes the unfinished files of a killed process.
    ///
    /// # Errors
    /// [`Error::Locked`] if another process, or another thread of this one, holds it for longer than a
    /// second.
    pub fn take(folder: &Path) -> Result<Self, Error> {
        let path = RunFolder::new(folder).lock();
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(Error::file(&path, "open"))?;
        for attempt in 1..=ATTEMPTS {
            match file.try_lock() {
                Ok(()) => {
                    // Folders below with a lock are runs of their own.
                    remove_unfinished(folder, &|below| RunFolder::new(below).lock().exists());
                    return Ok(Self(file));
                }
                Err(TryLockError::WouldBlock) if attempt < ATTEMPTS => thread::sleep(PAUSE),
                Err(TryLockError::WouldBlock) => break,
                Err(TryLockError::Error(source)) => {
                    return Err(Error::file(&path, "lock")(source));
                }
            }
        }
        Err(Error::Locked {
            folder: folder.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_has_one_writer_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let first = RunLock::take(folder.path()).unwrap();
        assert!(matches!(RunLock::take(folder.path()), Err(Error::Locked { .. })));
        drop(first);
        RunLock::take(folder.path()).unwrap();
    }

    #[test]
    fn a_lock_that_is_released_soon_is_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let first = RunLock::take(folder.path()).unwrap();
        thread::scope(|scope| {
            let second = scope.spawn(|| RunLock::take(folder.path()));
            thread::sleep(PAUSE);
            drop(first);
            assert!(second.join().unwrap().is_ok());
        });
    }
}
