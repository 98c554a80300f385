//! The scores of all heatmaps: a table of each, and means over films with intervals.

use std::path::{Path, PathBuf};

use pleura_audit::burned_in_text::Mean;
use pleura_explain::score::{Better, Table, about};

use super::explainer::Explainer;
use super::write;
use crate::Error;
use crate::output::explain::Scores;

/// Bootstrap samples of intervals.
const DRAWS: usize = 2000;
/// Level of intervals.
pub(crate) const LEVEL: f64 = 0.95;

/// The means of one measure.
#[derive(Clone, Debug)]
pub struct MeasureMeans {
    /// The measure and its variant, such as `flipping.gain`.
    pub key: String,
    /// Its description.
    pub words: String,
    /// The direction of better values.
    pub better: Better,
    /// For each method on which it is defined, the mean over films.
    pub methods: Vec<(String, Mean)>,
}

/// The files of scores.
#[derive(Clone, Debug)]
pub struct ScoreFiles {
    /// Each heatmap's scores.
    pub csv: PathBuf,
    /// The means.
    pub json: PathBuf,
}

impl Explainer<'_> {
    /// The means of all measures in a table of scores; `None` if nothing is measured.
    pub fn mean_scores(&self, table: &Table) -> Option<Vec<MeasureMeans>> {
        let seed = self.scorer.as_ref()?.settings().seed;
        let methods = table.methods();
        let keys = table.keys().into_iter();
        Some(
            keys.map(|key| {
                let of = |&method: &&str| {
                    let mean = Mean::of(&table.values(method, key), LEVEL, DRAWS, seed)?;
                    Some((method.to_owned(), mean))
                };
                let about = about(key);
                MeasureMeans {
                    key: key.to_owned(),
                    words: about.words,
                    better: about.better,
                    methods: methods.iter().filter_map(of).collect(),
                }
            })
            .collect(),
        )
    }

    /// Writes `scores.csv` and `scores.json` into a folder.
    ///
    /// # Errors
    /// [`Error::File`], [`Error::Explain`].
    pub fn write_scores(
        &self,
        table: &Table,
        means: &[MeasureMeans],
        folder: &Path,
    ) -> Result<(Scores, ScoreFiles), Error> {
        let files = ScoreFiles {
            csv: folder.join("scores.csv"),
            json: folder.join("scores.json"),
        };
        write(&files.csv, &table.csv()?)?;
        let settings = self.scorer.as_ref().map(|scorer| scorer.settings().clone());
        let document = Scores::of(self, means, &settings.unwrap_or_default(), &files.csv);
        let mut text = serde_json::to_string_pretty(&document)?;
        text.push('\n');
        write(&files.json, text.as_bytes())?;
        Ok((document, files))
    }
}
