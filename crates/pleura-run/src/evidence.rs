//! `evidence/NAME.json`: evaluations that were recorded in a run for its report.

use std::path::PathBuf;

use pleura_eval::{Comparison, Evaluation, SourceComparison};
use serde::{Deserialize, Serialize};

use crate::{
    Error, RunFolder,
    json::{is_missing, read_json, write_json},
};

/// A recorded evaluation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// Its name.
    pub name: String,
    /// Date and time, UTC.
    pub when: String,
    /// The command that made it.
    pub command: String,
    /// The model, in one line.
    pub model: String,
    /// The films, in one line.
    pub films: String,
    /// Limits that the evaluation itself does not contain.
    pub notes: Vec<String>,
    /// The films that probabilities were calibrated on, in one line; `None` if they were not calibrated.
    #[serde(default)]
    pub calibrated: Option<String>,
    /// The evaluation.
    pub evaluation: Evaluation,
    /// Another model on the same films.
    #[serde(default)]
    pub comparison: Option<(String, Comparison)>,
    /// Each external source by itself.
    #[serde(default)]
    pub sources: Option<SourceComparison>,
}

impl Evidence {
    /// Writes `evidence/NAME.json` of a run, and returns its path.
    ///
    /// # Errors
    /// A folder that cannot be written to.
    pub fn write(&self, run: &RunFolder) -> Result<PathBuf, Error> {
        let folder = run.evidence();
        std::fs::create_dir_all(&folder).map_err(Error::file(&folder, "create"))?;
        let path = folder.join(format!("{}.json", self.name));
        write_json(&path, self)?;
        Ok(path)
    }

    /// Reads all evaluations of a run, sorted by name.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn read_all(run: &RunFolder) -> Result<Vec<Self>, Error> {
        let folder = run.evidence();
        let entries = match std::fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if is_missing(&error) => return Ok(Vec::new()),
            Err(error) => return Err(Error::file(&folder, "read")(error)),
        };
        let mut paths = Vec::new();
        for entry in entries {
            let path = entry.map_err(Error::file(&folder, "read"))?.path();
            if path.extension().is_some_and(|extension| extension == "json") {
                paths.push(path);
            }
        }
        paths.sort();
        paths.iter().map(|path| read_json(path)).collect()
    }
}
