//! One process a run: an advisory lock that the system drops when the process ends, however it ends.

use std::{
    fs::{File, OpenOptions, TryLockError},
    path::Path,
};

use crate::error::Error;

/// Held as long as a process trains in a run's folder.
#[derive(Debug)]
pub(crate) struct RunLock(#[allow(dead_code, reason = "the lock lives as long as the file is open")] File);

impl RunLock {
    /// Takes the lock of a run.
    ///
    /// # Errors
    /// [`Error::Locked`] where another process, or another part of this one, holds it.
    pub(crate) fn take(out: &Path) -> Result<Self, Error> {
        let path = out.join("lock");
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(Error::file(&path, "open"))?;
        match file.try_lock() {
            Ok(()) => Ok(Self(file)),
            Err(TryLockError::WouldBlock) => Err(Error::Locked { out: out.to_owned() }),
            Err(TryLockError::Error(source)) => Err(Error::file(path, "lock")(source)),
        }
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
}
