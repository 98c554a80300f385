//! A recipe: the stages of a training, as a TOML file.
//!
//! A recipe as typed and a recipe in full have the same types. Reading fills in the defaults.
//! `pleura_train::Plan` fills in the entries that follow from the data (findings, groups). A run writes the
//! result as its own `recipe.toml`, which reads back to the same training.

mod check;
mod difference;
mod epoch_predictions;
mod isnet;
mod lineage;
mod locate;
mod optimisation;
mod sampling;
mod stage;

use std::path::{Path, PathBuf};

use pleura_film::Preparation;
use pleura_nn::{architecture::Architecture, weights::Normalisation};
use serde::{Deserialize, Serialize};

pub use self::{
    check::check,
    difference::{Change, between, difference, is_file},
    epoch_predictions::EpochPredictions,
    isnet::{Isnet, Maps},
    locate::{Step, line_at},
    optimisation::{
        ALL_BUT_HEAD, Decay, Freeze, Groups, HEAD, LearningRate, OptimiserRecipe, ScheduleRecipe, WarmUp,
    },
    sampling::Sampling,
    stage::{Keep, KeepRule, Monitor, NormChoice, Stage, Start, Uncertain, Weighting, WeightingWord},
};
use crate::error::Error;

/// A training: one architecture, one preparation of the films, and the stages in order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// Seed of every random number of the run; 0 to 2⁶³ − 1.
    #[serde(default)]
    pub seed: u64,
    /// A name ([`pleura_nn::architecture::NAMES`]), or a table that describes another architecture.
    pub architecture: ArchitectureChoice,
    /// The normalisation of grey levels. Default: that of the weights that the first stage starts from;
    /// `unit` from a random start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub normalisation: Option<NormalisationChoice>,
    /// The preparation of a decoded film for the network.
    #[serde(default)]
    pub preparation: Preparation,
    /// Options of the evaluation on the test split at the end of each stage.
    #[serde(default)]
    pub evaluation: EvaluationChoice,
    /// The stages, in the order of training.
    #[serde(rename = "stage", default)]
    pub stages: Vec<Stage>,
    /// The file it was read from.
    #[serde(skip)]
    origin: Origin,
}

/// The file of a recipe: for messages, and because its paths are relative to its folder.
#[derive(Clone, Debug, Default, PartialEq)]
struct Origin {
    path: PathBuf,
    text: String,
}

/// The name of a published architecture, or a description of another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "expected \"densenet121\", \"densenet161\", \"densenet169\", \"densenet201\", \"small\", or a table with name, \
                 stem, growth, bottleneck and blocks"
)]
pub enum ArchitectureChoice {
    /// One of [`pleura_nn::architecture::NAMES`].
    Name(String),
    /// All numbers of an architecture.
    Description(Architecture),
}

/// The normalisation of grey levels in [0, 1] for the network.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "expected \"unit\", \"imagenet\", or a table with mean and std of three numbers each"
)]
pub enum NormalisationChoice {
    /// One of the two usual normalisations, by name.
    Named(NamedNormalisation),
    /// All numbers of a normalisation.
    Described(Normalisation),
}

/// The usual normalisations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NamedNormalisation {
    /// Grey levels as they are: mean 0, standard deviation 1.
    Unit,
    /// `ImageNet`'s mean and standard deviation per channel, as torchvision's and CheXNet's weights expect.
    ImageNet,
}

impl From<NormalisationChoice> for Normalisation {
    fn from(choice: NormalisationChoice) -> Self {
        match choice {
            NormalisationChoice::Named(NamedNormalisation::Unit) => Self::NONE,
            NormalisationChoice::Named(NamedNormalisation::ImageNet) => Self::IMAGENET,
            NormalisationChoice::Described(normalisation) => normalisation,
        }
    }
}

impl From<Normalisation> for NormalisationChoice {
    fn from(normalisation: Normalisation) -> Self {
        if normalisation == Normalisation::NONE {
            Self::Named(NamedNormalisation::Unit)
        } else if normalisation == Normalisation::IMAGENET {
            Self::Named(NamedNormalisation::ImageNet)
        } else {
            Self::Described(normalisation)
        }
    }
}

/// Options of the evaluation on the test split.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EvaluationChoice {
    /// Resamples of the patients for the bootstrap intervals.
    pub bootstrap: usize,
    /// Probability that an interval covers the true value.
    pub level: f64,
}

impl Default for EvaluationChoice {
    fn default() -> Self {
        Self {
            bootstrap: 2000,
            level: 0.95,
        }
    }
}

impl Recipe {
    /// Reads and checks a recipe file. Paths in it are relative to its folder.
    ///
    /// # Errors
    /// [`Error::Recipe`] with file and line: unknown keys, wrong types, and values that contradict each
    /// other or the architecture, with what is allowed.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let text = std::fs::read_to_string(path).map_err(Error::file(path, "read"))?;
        Self::parse(&text, path)
    }

    /// Reads a recipe from text, like [`Recipe::read`]. `path` is for messages and for relative paths.
    pub fn parse(text: &str, path: &Path) -> Result<Self, Error> {
        let mut recipe: Self = toml::from_str(text).map_err(|error| Error::Recipe {
            path: path.to_owned(),
            line: error.span().map(|span| locate::line_at(text, span.start)),
            key: String::new(),
            problem: error.message().replace('\n', " "),
        })?;
        recipe.origin = Origin {
            path: path.to_owned(),
            text: text.to_owned(),
        };
        check(&recipe)?;
        Ok(recipe)
    }

    /// Reads a recipe from a table. Messages name `path`.
    ///
    /// # Errors
    /// As [`Recipe::read`], without a line.
    pub fn from_table(table: toml::Table, path: &Path) -> Result<Self, Error> {
        let mut recipe: Self = table.try_into().map_err(|error: toml::de::Error| Error::Recipe {
            path: path.to_owned(),
            line: None,
            key: String::new(),
            problem: error.message().replace('\n', " "),
        })?;
        path.clone_into(&mut recipe.origin.path);
        check(&recipe)?;
        Ok(recipe)
    }

    /// The architecture that the recipe names or describes.
    ///
    /// # Errors
    /// An unknown name; the message lists the known names.
    pub fn architecture(&self) -> Result<Architecture, Error> {
        match &self.architecture {
            ArchitectureChoice::Name(name) => Architecture::by_name(name)
                .map_err(|error| self.problem(&["architecture".into()], error.to_string())),
            ArchitectureChoice::Description(architecture) => Ok(architecture.clone()),
        }
    }

    /// The recipe as a TOML file that reads back to the same recipe.
    pub fn to_toml(&self) -> Result<String, Error> {
        toml::to_string_pretty(self).map_err(|error| self.problem(&[], error.to_string()))
    }

    /// `relative`, which is relative to the recipe's folder, as a path.
    pub fn resolve_path(&self, relative: &Path) -> PathBuf {
        match self.origin.path.parent() {
            Some(folder) => folder.join(relative),
            None => relative.to_owned(),
        }
    }

    /// An error about the entry at `at`, with its line if the recipe's text has one.
    pub fn problem(&self, at: &[locate::Step<'_>], problem: impl Into<String>) -> Error {
        Error::Recipe {
            path: self.origin.path.clone(),
            line: locate::line_of(&self.origin.text, at),
            key: locate::key(&self.origin.text, at),
            problem: problem.into(),
        }
    }
}

#[cfg(test)]
mod tests;
