//! Looks at a test split, each written down: who looked when, with which model, by which command.
//!
//! A test set that many models have been tried on is no longer one: whoever keeps the best of them has chosen by it. So every look is a
//! line of JSON in a file beside the manifest (`films.csv` has `films.looks.jsonl`; copies that folds are trained with have none of their
//! own), and the report says how many there were. Lines are only ever appended, under a lock of the system, and each holds the digest of
//! the line before, so that one that was altered or taken out from among them is noticed. Whoever deletes the file, or its end, is not: this
//! is for people who want to know, not against those who cheat.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use pleura_core::{sha256, time};
use serde::{Deserialize, Serialize};

use crate::derived::origin_of;
use crate::{Error, Manifest, Split};

/// One look.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Look {
    /// When: UTC, such as `2026-05-01T09:30:00Z`.
    pub when: String,
    /// Who: the name that the system knows the user by, or nothing.
    pub who: String,
    /// The command, or what else looked.
    pub command: String,
    /// [`Manifest::films_digest`] of the films that test: [`tested`].
    pub test: String,
    /// Films of it that were answered.
    pub films: usize,
    /// Digest of the weights that answered.
    pub model: String,
    /// Name and version of the software.
    pub software: String,
    /// SHA-256 of the line before; nothing in the first.
    #[serde(default)]
    pub previous: String,
}

impl Look {
    /// A look from now, by whoever runs this process, at the test split of a manifest.
    pub fn now(manifest: &Manifest, films: usize, model: &str, command: &str) -> Self {
        let who = ["USER", "LOGNAME", "USERNAME"];
        Self {
            when: time::utc_now(),
            who: who
                .iter()
                .find_map(|name| std::env::var(name).ok())
                .unwrap_or_default(),
            command: command.to_owned(),
            test: manifest.films_digest(&tested(manifest)),
            films,
            model: model.to_owned(),
            software: concat!("pleura ", env!("CARGO_PKG_VERSION")).to_owned(),
            previous: String::new(),
        }
    }

    /// Whether it shows nothing new: the same weights on the same films by the same verb, as where a run is resumed or done again.
    fn again(&self, other: &Self) -> bool {
        fn verb(look: &Look) -> &str {
            look.command.split([':', ' ']).next().unwrap_or_default()
        }
        (verb(self), &self.test, &self.model) == (verb(other), &other.test, &other.model)
    }
}

/// The looks that a file holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Looks {
    /// From the first to the last.
    pub looks: Vec<Look>,
    /// The lines (from 1) that do not follow from the one before, or cannot be read.
    pub altered: Vec<usize>,
}

/// The rows that a look counts for: the test split; where no film has a split, every film, as of a set from elsewhere.
pub fn tested(manifest: &Manifest) -> Vec<usize> {
    if manifest.rows.iter().all(|row| row.split.is_none()) {
        return (0..manifest.rows.len()).collect();
    }
    manifest.split(Split::Test)
}

/// The file of looks beside a manifest.
pub fn path(manifest: &Path) -> PathBuf {
    manifest.with_extension("looks.jsonl")
}

/// Where the looks at a manifest's test split are kept: beside it; of a copy with other splits, such as a fold
/// ([`write_derived`](crate::write_derived)), beside the manifest that it was made of, so that the looks at all copies are counted together.
///
/// # Errors
/// A sidecar that cannot be read.
pub fn file_of(manifest: &Path) -> Result<PathBuf, Error> {
    Ok(path(
        &origin_of(manifest)?.unwrap_or_else(|| manifest.to_path_buf()),
    ))
}

/// Appends a look to a file of looks.
///
/// # Errors
/// What the system says against it.
pub fn record(file: &Path, look: &Look) -> Result<(), Error> {
    append(file, look, false)
}

/// The same, unless the file holds a look of this model at these films by a command of the same verb (its first word) already.
///
/// # Errors
/// As [`record`].
pub fn record_once(file: &Path, look: &Look) -> Result<(), Error> {
    append(file, look, true)
}

fn append(path: &Path, look: &Look, once: bool) -> Result<(), Error> {
    let mut file = OpenOptions::new()
        .read(true)
        .append(true)
        .create(true)
        .open(path)
        .map_err(Error::io("log a look at the test split", path))?;
    // Let go of when the file is closed, however this ends.
    file.lock().map_err(Error::io("lock", path))?;
    let text = text(&mut file, path)?;
    if once && Looks::parse(&text).looks.iter().any(|other| look.again(other)) {
        return Ok(());
    }
    let last = text.lines().last().map(|line| sha256::hex(line.as_bytes()));
    let look = Look {
        previous: last.unwrap_or_default(),
        ..look.clone()
    };
    let mut line = serde_json::to_string(&look).map_err(|source| Error::Json {
        path: path.to_owned(),
        source,
    })?;
    line.push('\n');
    // A line that a full disk cut short must not swallow the next one.
    if !text.is_empty() && !text.ends_with('\n') {
        line.insert(0, '\n');
    }
    file.write_all(line.as_bytes())
        .and_then(|()| file.sync_data())
        .map_err(Error::io("write", path))
}

fn text(file: &mut File, path: &Path) -> Result<String, Error> {
    let mut text = String::new();
    file.read_to_string(&mut text).map_err(Error::io("read", path))?;
    Ok(text)
}

impl Looks {
    /// Reads a file of looks; there are none where there is no file.
    ///
    /// # Errors
    /// What the system says, other than that there is no file.
    pub fn read(path: &Path) -> Result<Self, Error> {
        match std::fs::read_to_string(path) {
            Ok(text) => Ok(Self::parse(&text)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(Error::io("read", path)(error)),
        }
    }

    fn parse(text: &str) -> Self {
        let mut found = Self::default();
        let mut previous = String::new();
        for (number, line) in text.lines().enumerate() {
            match serde_json::from_str::<Look>(line) {
                Ok(look) => {
                    if look.previous != previous {
                        found.altered.push(number + 1);
                    }
                    found.looks.push(look);
                }
                Err(_) => found.altered.push(number + 1),
            }
            previous = sha256::hex(line.as_bytes());
        }
        found
    }

    /// Looks at the test split of these films ([`Manifest::films_digest`]), from the first to the last.
    pub fn at(&self, test: &str) -> Vec<&Look> {
        self.looks.iter().filter(|look| look.test == test).collect()
    }

    /// How many different models they were by.
    pub fn models(looks: &[&Look]) -> usize {
        looks
            .iter()
            .map(|look| look.model.as_str())
            .collect::<BTreeSet<_>>()
            .len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(model: &str) -> Look {
        Look::now(&Manifest::new("", Vec::new()), 3, model, "evaluate")
    }

    #[test]
    fn looks_add_up_and_say_when_they_were_altered() {
        let folder = tempfile::tempdir().unwrap();
        let file = path(&folder.path().join("films.csv"));
        assert!(file.ends_with("films.looks.jsonl"));
        assert_eq!(Looks::read(&file).unwrap(), Looks::default());
        for model in ["a", "b", "a"] {
            record(&file, &look(model)).unwrap();
        }
        record_once(&file, &look("b")).unwrap();
        record_once(&file, &look("c")).unwrap();
        let found = Looks::read(&file).unwrap();
        let at = found.at(&look("").test);
        assert_eq!((at.len(), Looks::models(&at), found.altered.len()), (4, 3, 0));
        let mut manifest = Manifest::new("", Vec::new());
        manifest.rows = vec![crate::Row::default(); 3];
        assert_eq!(tested(&manifest), [0, 1, 2]);
        manifest.rows[1].split = Some(Split::Test);
        manifest.rows[2].split = Some(Split::Train);
        assert_eq!(tested(&manifest), [1]);
        assert!(found.at("others").is_empty());

        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, text.replacen("\"model\":\"b\"", "\"model\":\"a\"", 1)).unwrap();
        assert_eq!(
            Looks::read(&file).unwrap().altered,
            [3],
            "what follows an altered line does not fit"
        );
        let without: Vec<&str> = text
            .lines()
            .enumerate()
            .filter(|line| line.0 != 1)
            .map(|line| line.1)
            .collect();
        std::fs::write(&file, without.join("\n")).unwrap();
        assert_eq!(Looks::read(&file).unwrap().altered, [2]);
        // A line that was cut short stays one line.
        std::fs::write(&file, format!("{}\n{{\"when\":", text.trim_end())).unwrap();
        record(&file, &look("d")).unwrap();
        let found = Looks::read(&file).unwrap();
        assert_eq!((found.looks.len(), found.altered), (5, vec![5]));
    }

    #[test]
    fn looks_of_many_at_once_are_all_written() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("films.looks.jsonl");
        std::thread::scope(|scope| {
            for thread in 0..8 {
                let file = &file;
                scope.spawn(move || {
                    for number in 0..5 {
                        record(file, &look(&format!("{thread} {number}"))).unwrap();
                    }
                });
            }
        });
        let found = Looks::read(&file).unwrap();
        assert_eq!((found.looks.len(), found.altered.len()), (40, 0));
    }
}
