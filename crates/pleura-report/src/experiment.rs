//! Experiments on top of a run: what they found, as files in the run's `experiments` folder.
//!
//! Whoever carries an experiment out fills one of these and calls its `write`; the report reads it back.

use std::path::{Path, PathBuf};

use pleura_eval::{Estimate, PairedSeeds};
use pleura_run::RunFolder;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::error::Error;
use crate::files;

/// Training with and without output neuron keeping, everything else equal, seed by seed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeepingExperiment {
    /// What was compared, in a sentence: data, network, what was kept.
    pub setting: String,
    /// What was measured after each epoch, such as `validation accuracy`; in [0, 1].
    pub metric: String,
    /// One entry a seed and arm.
    pub runs: Vec<KeepingRun>,
    /// Mean paired difference (with keeping minus without) after chosen epochs.
    pub differences: Vec<EpochDifference>,
}

/// One training of the comparison.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeepingRun {
    /// Its seed: one of each arm has it.
    pub seed: u64,
    /// Whether output neurons were kept.
    pub kept: bool,
    /// The metric before the first step and then after each epoch: the first entry is epoch 0.
    pub by_epoch: Vec<f64>,
}

/// A paired difference after one epoch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EpochDifference {
    /// After so many epochs; 0 is before the first step.
    pub epoch: usize,
    /// With keeping minus without, seed by seed.
    pub paired: PairedSeeds,
}

/// The same films with their words covered: does the answer hang on the words?
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WordsExperiment {
    /// What was done, in a sentence: which films, how words were found and covered.
    pub setting: String,
    /// Accuracy under each condition, the untouched films first.
    pub conditions: Vec<WordsCondition>,
    /// Share of all absolute relevance that lies on words, where masks of the words exist.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relevance_on_words: Option<f64>,
    /// Share of the films' area that the words cover.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub area_of_words: Option<f64>,
}

/// One way in which the films were shown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WordsCondition {
    /// Such as `as they are`, `words covered`, `random patches of equal area covered`.
    pub name: String,
    /// Share of right answers.
    pub accuracy: Estimate,
    /// This accuracy minus that of the first condition, film by film.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<Estimate>,
}

/// Folder of a run that holds its experiments.
const KEEPING: &str = "keeping.json";
const WORDS: &str = "words.json";

impl KeepingExperiment {
    /// Writes `experiments/keeping.json` of a run, whole or not at all, and returns its path.
    pub fn write(&self, run: &Path) -> Result<PathBuf, Error> {
        write(run, KEEPING, self)
    }

    /// Reads `experiments/keeping.json` of a run, if it is there.
    pub fn read(run: &Path) -> Result<Option<Self>, Error> {
        read(run, KEEPING)
    }

    /// Number of different seeds with both arms.
    pub fn pairs(&self) -> usize {
        let with = |kept| self.runs.iter().filter(move |r| r.kept == kept).map(|r| r.seed);
        let seeds: std::collections::BTreeSet<u64> = with(true).collect();
        with(false)
            .collect::<std::collections::BTreeSet<u64>>()
            .intersection(&seeds)
            .count()
    }
}

impl WordsExperiment {
    /// Writes `experiments/words.json` of a run, whole or not at all, and returns its path.
    pub fn write(&self, run: &Path) -> Result<PathBuf, Error> {
        write(run, WORDS, self)
    }

    /// Reads `experiments/words.json` of a run, if it is there.
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
