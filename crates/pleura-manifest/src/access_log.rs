//! The test access log: every use of a test split, with time, user, model and command.
//!
//! If many models are tried on one test set and the best is kept, its test result is too good. So every use
//! of a test split is recorded in a JSON Lines file beside the manifest (`films.csv` has
//! `films.looks.jsonl`), and the report states the number of uses. Manifests of single folds share the log of
//! the manifest they were made from. Lines are only appended, under a file lock.

use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use pleura_core::time::utc_now;
use serde::{Deserialize, Serialize};

use crate::derived::origin_of;
use crate::{Error, Manifest, Split};

/// One use of a test split.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestAccess {
    /// Time in UTC, such as `2026-05-01T09:30:00Z`.
    pub when: String,
    /// The system's user name, or empty.
    pub who: String,
    /// The command.
    pub command: String,
    /// [`Manifest::films_digest`] of the test films ([`tested`]).
    pub test: String,
    /// Number of test films that were predicted.
    pub films: usize,
    /// Digest of the model's weights.
    pub model: String,
    /// Name and version of the software.
    pub software: String,
}

impl TestAccess {
    /// A use of a manifest's test split, now, by the user of this process.
    pub fn now(manifest: &Manifest, films: usize, model: &str, command: &str) -> Self {
        let who = ["USER", "LOGNAME", "USERNAME"];
        Self {
            when: utc_now(),
            who: who
                .iter()
                .find_map(|name| std::env::var(name).ok())
                .unwrap_or_default(),
            command: command.to_owned(),
            test: manifest.films_digest(&tested(manifest)),
            films,
            model: model.to_owned(),
            software: concat!("pleura ", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }

    /// True for the same weights on the same films by the same verb, as in a resumed or repeated run.
    fn repeats(&self, other: &Self) -> bool {
        fn verb(access: &TestAccess) -> &str {
            access.command.split([':', ' ']).next().unwrap_or_default()
        }
        (verb(self), &self.test, &self.model) == (verb(other), &other.test, &other.model)
    }
}

/// The contents of a test access log.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TestAccessLog {
    /// The entries, oldest first.
    pub entries: Vec<TestAccess>,
    /// Numbers of the lines (from 1) that cannot be read.
    pub unreadable: Vec<usize>,
}

/// The rows whose use is logged: the test split, or every row of a manifest without splits.
pub fn tested(manifest: &Manifest) -> Vec<usize> {
    if manifest.rows.iter().all(|row| row.split.is_none()) {
        return (0..manifest.rows.len()).collect();
    }
    manifest.split(Split::Test)
}

/// The log file beside a manifest.
pub fn path(manifest: &Path) -> PathBuf {
    manifest.with_extension("looks.jsonl")
}

/// The log file of a manifest: beside it, or beside the manifest it was made from
/// ([`write_derived`](crate::write_derived)). So the uses of all folds are counted together.
///
/// # Errors
/// A sidecar that cannot be read.
pub fn file_of(manifest: &Path) -> Result<PathBuf, Error> {
    Ok(path(
        &origin_of(manifest)?.unwrap_or_else(|| manifest.to_path_buf()),
    ))
}

/// Appends an entry to a log file.
///
/// # Errors
/// A file that cannot be read or written.
pub fn record(file: &Path, access: &TestAccess) -> Result<(), Error> {
    append(file, access, false)
}

/// Appends an entry, unless the log already has one of this model, these films and this verb (the command's
/// first word).
///
/// # Errors
/// As [`record`].
pub fn record_once(file: &Path, access: &TestAccess) -> Result<(), Error> {
    append(file, access, true)
}

fn append(path: &Path, access: &TestAccess, once: bool) -> Result<(), Error> {
    let mut file = OpenOptions::new()
        .read(true)
        .append(true)
        .create(true)
        .open(path)
        .map_err(Error::io("open the test access log", path))?;
    // Closing the file unlocks it.
    file.lock().map_err(Error::io("lock", path))?;
    let mut text = String::new();
    file.read_to_string(&mut text).map_err(Error::io("read", path))?;
    let log = TestAccessLog::parse(&text);
    if once && log.entries.iter().any(|other| access.repeats(other)) {
        return Ok(());
    }
    let mut line = serde_json::to_string(access).map_err(|source| Error::Json {
        path: path.to_owned(),
        source,
    })?;
    line.push('\n');
    // A full disk may have truncated the last line; the new entry starts on its own line.
    if !text.is_empty() && !text.ends_with('\n') {
        line.insert(0, '\n');
    }
    file.write_all(line.as_bytes())
        .and_then(|()| file.sync_data())
        .map_err(Error::io("write", path))
}

impl TestAccessLog {
    /// Reads a log file. A missing file is an empty log.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn read(path: &Path) -> Result<Self, Error> {
        match std::fs::read_to_string(path) {
            Ok(text) => Ok(Self::parse(&text)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(Error::io("read", path)(error)),
        }
    }

    fn parse(text: &str) -> Self {
        let mut log = Self::default();
        for (number, line) in text.lines().enumerate() {
            match serde_json::from_str(line) {
                Ok(access) => log.entries.push(access),
                Err(_) => log.unreadable.push(number + 1),
            }
        }
        log
    }

    /// Entries of the test split with this [`Manifest::films_digest`], oldest first.
    pub fn of_test(&self, test: &str) -> Vec<&TestAccess> {
        self.entries.iter().filter(|access| access.test == test).collect()
    }

    /// Number of different models in some entries.
    pub fn models(entries: &[&TestAccess]) -> usize {
        entries
            .iter()
            .map(|access| access.model.as_str())
            .collect::<BTreeSet<_>>()
            .len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access(model: &str) -> TestAccess {
        TestAccess::now(&Manifest::new("", Vec::new()), 3, model, "evaluate")
    }

    #[test]
    fn entries_add_up_and_damaged_lines_are_counted() {
        let folder = tempfile::tempdir().unwrap();
        let file = path(&folder.path().join("films.csv"));
        assert!(file.ends_with("films.looks.jsonl"));
        assert_eq!(TestAccessLog::read(&file).unwrap(), TestAccessLog::default());
        for model in ["a", "b", "a"] {
            record(&file, &access(model)).unwrap();
        }
        record_once(&file, &access("b")).unwrap();
        record_once(&file, &access("c")).unwrap();
        let log = TestAccessLog::read(&file).unwrap();
        let entries = log.of_test(&access("").test);
        assert_eq!(
            (
                entries.len(),
                TestAccessLog::models(&entries),
                log.unreadable.len()
            ),
            (4, 3, 0)
        );
        assert!(log.of_test("others").is_empty());
        let mut manifest = Manifest::new("", Vec::new());
        manifest.rows = vec![crate::Row::default(); 3];
        assert_eq!(tested(&manifest), [0, 1, 2]);
        manifest.rows[1].split = Some(Split::Test);
        manifest.rows[2].split = Some(Split::Train);
        assert_eq!(tested(&manifest), [1]);

        // A truncated line does not damage the next one.
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, format!("{}\n{{\"when\":", text.trim_end())).unwrap();
        record(&file, &access("d")).unwrap();
        let log = TestAccessLog::read(&file).unwrap();
        assert_eq!((log.entries.len(), log.unreadable), (5, vec![5]));
    }

    #[test]
    fn logs_of_old_versions_with_hash_chains_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("films.looks.jsonl");
        let old = serde_json::json!({
            "when": "2026-05-01T09:30:00Z", "who": "me", "command": "evaluate", "test": "t", "films": 3,
            "model": "m", "software": "pleura 0.1.0", "previous": "0123456789abcdef"
        });
        std::fs::write(&file, format!("{old}\n")).unwrap();
        record(&file, &access("new")).unwrap();
        let log = TestAccessLog::read(&file).unwrap();
        assert_eq!((log.entries.len(), log.unreadable.len()), (2, 0));
        assert_eq!(log.of_test("t")[0].model, "m");
    }

    #[test]
    fn concurrent_entries_are_all_written() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("films.looks.jsonl");
        std::thread::scope(|scope| {
            for thread in 0..8 {
                let file = &file;
                scope.spawn(move || {
                    for number in 0..5 {
                        record(file, &access(&format!("{thread} {number}"))).unwrap();
                    }
                });
            }
        });
        let log = TestAccessLog::read(&file).unwrap();
        assert_eq!((log.entries.len(), log.unreadable.len()), (40, 0));
    }
}
