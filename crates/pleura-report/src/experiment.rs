//! The results of experiments on a run: JSON files in its `experiments` folder, for the report.

use std::path::{Path, PathBuf};

use pleura_eval::{Estimate, PairedSeeds};
use pleura_run::RunFolder;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::error::Error;
use crate::files;

/// Training with and without output neuron keeping, with everything else equal, for several seeds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeepingExperiment {
    /// A sentence about the setting: data, network, kept neurons.
    pub setting: String,
    /// The metric, such as `validation accuracy`; in [0, 1].
    pub metric: String,
    /// One entry per seed and arm.
    pub runs: Vec<KeepingRun>,
    /// The mean paired difference (with keeping minus without) after chosen epochs.
    pub differences: Vec<EpochDifference>,
}

/// One training of the comparison.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeepingRun {
    /// The seed, shared by one run of each arm.
    pub seed: u64,
    /// True if output neurons were kept.
    pub kept: bool,
    /// The metric after each epoch; the first entry is epoch 0, before the first step.
    pub by_epoch: Vec<f64>,
}

/// A paired difference after one epoch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EpochDifference {
    /// The number of epochs; 0 is before the first step.
    pub epoch: usize,
    /// With keeping minus without, per seed.
    pub paired: PairedSeeds,
}

/// Accuracy on the same films with burned-in text shown and covered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TextExperiment {
    /// A sentence about the setting: films, detection and covering of the text.
    pub setting: String,
    /// Accuracy under each condition, the unchanged films first.
    pub conditions: Vec<TextCondition>,
    /// The share of the absolute relevance on text, if masks of the text exist.
    #[serde(
        default,
        rename = "relevance_on_words",
        skip_serializing_if = "Option::is_none"
    )]
    pub relevance_on_text: Option<f64>,
    /// The share of the films' area covered by text.
    #[serde(default, rename = "area_of_words", skip_serializing_if = "Option::is_none")]
    pub area_of_text: Option<f64>,
}

/// One way of showing the films.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TextCondition {
    /// Its name, such as `as they are`, `text covered`, `random patches of equal area covered`.
    pub name: String,
    /// The accuracy.
    pub accuracy: Estimate,
    /// This accuracy minus that of the first condition, paired by film.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<Estimate>,
}

/// Folder of a run that holds its experiments.
const KEEPING: &str = "keeping.json";
const WORDS: &str = "words.json";

impl KeepingExperiment {
    /// Writes `experiments/keeping.json` of a run atomically. Returns its path.
    pub fn write(&self, run: &Path) -> Result<PathBuf, Error> {
        write(run, KEEPING, self)
    }

    /// Reads `experiments/keeping.json` of a run, if it exists.
    pub fn read(run: &Path) -> Result<Option<Self>, Error> {
        read(run, KEEPING)
    }

    /// The number of seeds with both arms.
    pub fn pairs(&self) -> usize {
        let with = |kept| self.runs.iter().filter(move |r| r.kept == kept).map(|r| r.seed);
        let seeds: std::collections::BTreeSet<u64> = with(true).collect();
        with(false)
            .collect::<std::collections::BTreeSet<u64>>()
            .intersection(&seeds)
            .count()
    }
}

impl TextExperiment {
    /// Writes `experiments/words.json` of a run atomically. Returns its path.
    pub fn write(&self, run: &Path) -> Result<PathBuf, Error> {
        write(run, WORDS, self)
    }

    /// Reads `experiments/words.json` of a run, if it exists.
    pub fn read(run: &Path) -> Result<Option<Self>, Error> {
        read(run, WORDS)
    }
}

fn write<T: Serialize>(run: &Path, name: &str, value: &T) -> Result<PathBuf, Error> {
    let path = RunFolder::new(run).experiments().join(name);
    files::write_json(&path, value)?;
    Ok(path)
}

fn read<T: DeserializeOwned>(run: &Path, name: &str) -> Result<Option<T>, Error> {
    files::json_if_there(&RunFolder::new(run).experiments().join(name))
}
