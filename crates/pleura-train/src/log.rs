//! Files that only grow: the log, the timings, the events. A checkpoint holds their lengths, and a resumed
//! run cuts them there.

use std::{
    fs::{File, OpenOptions},
    io::{Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
};

use serde::Serialize;

use crate::error::Error;

/// A file that is appended to.
#[derive(Debug)]
pub(crate) struct AppendLog {
    path: PathBuf,
    file: File,
    length: u64,
}

impl AppendLog {
    /// Opens `path`, cut to its first `length` bytes.
    ///
    /// # Errors
    /// [`pleura_run::Error::Damaged`] if the file is shorter. A checkpoint is written after the log is
    /// synced, so another program cut it.
    pub(crate) fn open(path: PathBuf, length: u64) -> Result<Self, Error> {
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&path)
            .map_err(pleura_run::Error::file(&path, "open"))?;
        let found = file
            .metadata()
            .map_err(pleura_run::Error::file(&path, "read"))?
            .len();
        if found < length {
            let problem = format!(
                "has {found} bytes, but the checkpoint was written at {length}; the file was cut or replaced"
            );
            return Err(pleura_run::Error::Damaged { path, problem }.into());
        }
        file.set_len(length)
            .map_err(pleura_run::Error::file(&path, "cut"))?;
        file.seek(SeekFrom::Start(length))
            .map_err(pleura_run::Error::file(&path, "read"))?;
        Ok(Self { path, file, length })
    }

    /// Appends bytes in one write.
    pub(crate) fn append(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.file
            .write_all(bytes)
            .map_err(pleura_run::Error::file(&self.path, "write"))?;
        self.length += bytes.len() as u64;
        Ok(())
    }

    /// Appends one JSON object as a line.
    pub(crate) fn line(&mut self, value: &impl Serialize) -> Result<(), Error> {
        let mut bytes = serde_json::to_vec(value).map_err(|error| pleura_run::Error::Damaged {
            path: self.path.clone(),
            problem: error.to_string(),
        })?;
        bytes.push(b'\n');
        self.append(&bytes)
    }

    /// Makes the file survive a power cut, and returns its length.
    pub(crate) fn sync(&self) -> Result<u64, Error> {
        self.file
            .sync_data()
            .map_err(pleura_run::Error::file(&self.path, "sync"))?;
        Ok(self.length)
    }
}

/// Deletes unfinished files of a killed run.
pub(crate) fn sweep(folder: &Path) -> Result<(), Error> {
    for entry in std::fs::read_dir(folder).map_err(pleura_run::Error::file(folder, "read"))? {
        let entry = entry.map_err(pleura_run::Error::file(folder, "read"))?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        // pleura-eval names an unfinished table like the second.
        if name.starts_with(pleura_core::fs::TEMPORARY_PREFIX) || name.contains(".csv.partial-") {
            std::fs::remove_file(entry.path()).map_err(pleura_run::Error::file(entry.path(), "remove"))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_cut_where_the_checkpoint_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.jsonl");
        let mut log = AppendLog::open(path.clone(), 0).unwrap();
        log.line(&serde_json::json!({"step": 0})).unwrap();
        let length = log.sync().unwrap();
        log.line(&serde_json::json!({"step": 1})).unwrap();
        log.append(b"{\"half a li").unwrap();
        drop(log);
        let mut log = AppendLog::open(path.clone(), length).unwrap();
        log.line(&serde_json::json!({"step": 7})).unwrap();
        assert_eq!(
            std::fs::read_to_string(&path).unwrap(),
            "{\"step\":0}\n{\"step\":7}\n"
        );
        assert!(
            AppendLog::open(path, 1000)
                .unwrap_err()
                .to_string()
                .contains("1000")
        );
    }
}
