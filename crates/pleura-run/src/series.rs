//! `series.json`: the runs of a series.

use serde::{Deserialize, Serialize};

use crate::{Error, SeriesFolder, json::read_json_if_exists};

/// The inputs that a series began with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeriesRecord {
    /// The kind of series, such as `folds`.
    pub kind: String,
    /// Names of the runs, which are their folders' names.
    pub runs: Vec<String>,
}

impl SeriesFolder {
    /// Reads `series.json`; `None` if the series has not begun.
    ///
    /// # Errors
    /// A file that this program did not write.
    pub fn read_record(&self) -> Result<Option<SeriesRecord>, Error> {
        read_json_if_exists(&self.record())
    }
}
