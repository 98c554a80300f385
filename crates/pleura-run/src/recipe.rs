//! A recipe: what to train, stage by stage, as a TOML file.
//!
//! The same types hold what a person typed and what it came to mean: reading fills in the defaults, `pleura_train::Plan`
//! fills in what only the data can say (findings, groups), and a run writes the result in full as its own
//! `recipe.toml`, which is again a recipe and means the same.

mod answers;
mod check;
mod difference;
mod isnet;
mod lineage;
mod locate;
mod optimisation;
mod stage;

use std::path::{Path, PathBuf};

use pleura_film::Preparation;
use pleura_nn::{architecture::Architecture, weights::Normalisation};
use serde::{Deserialize, Serialize};

pub use self::{
    answers::Answers,
    check::check,
    difference::{Change, between, difference, is_file},
    isnet::{Isnet, Maps},
    locate::{Step, line_at},
    optimisation::{
        ALL_BUT_HEAD, Decay, Freeze, Groups, HEAD, LearningRate, OptimiserRecipe, ScheduleRecipe, WarmUp,
    },
    stage::{
        Keep, KeepRule, Monitor, NormChoice, Stage, StageKind, Start, Uncertain, Weighting, WeightingWord,
    },
};
use crate::error::Error;

/// What to train: one architecture, one way to prepare films, and the stages of the transfer in order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// Source of every random number of the run; 0 to 2⁶³ − 1.
    #[serde(default)]
    pub seed: u64,
    /// A name ([`pleura_nn::architecture::NAMES`]), or a table that describes an architecture of one's own.
    pub architecture: ArchitectureChoice,
    /// Grey levels to network input. Default: that of the weights the first stage starts from; `unit` from a random start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub normalisation: Option<NormalisationChoice>,
    /// From a decoded film to the square the network sees.
    #[serde(default)]
    pub preparation: Preparation,
    /// How metrics on the test split are computed at the end of each stage.
    #[serde(default)]
    pub evaluation: EvaluationChoice,
    /// The stages, in the order in which they are trained.
    #[serde(rename = "stage", default)]
    pub stages: Vec<Stage>,
    /// Where the recipe was read.
    #[serde(skip)]
    origin: Origin,
}

/// Where a recipe came from: for messages, and because its paths are relative to its folder.
#[derive(Clone, Debug, Default, PartialEq)]
struct Origin {
    path: PathBuf,
    text: String,
}

/// A published architecture by its name, or a description of another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "expected \"densenet121\", \"densenet161\", \"densenet169\", \"densenet201\", \"small\", or a table with name, \
                 stem, growth, bottleneck and blocks"
)]
pub enum ArchitectureChoice {
    /// One of [`pleura_nn::architecture::NAMES`].
    Name(String),
    /// All numbers spelt out.
    Description(Architecture),
}

/// From grey levels in [0, 1] to what the network reads.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "expected \"unit\", \"imagenet\", or a table with mean and std of three numbers each"
)]
pub enum NormalisationChoice {
    /// One of the usual two, by name.
    Named(NamedNormalisation),
    /// All numbers spelt out.
    Described(Normalisation),
}

/// The usual ways to normalise.
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

/// How the test split is judged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EvaluationChoice {
    /// Resamples of the patients for the bootstrap intervals.
    pub bootstrap: usize,
    /// Probability that an interval should cover.
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
    /// [`Error::Recipe`] with file and line: unknown keys, wrong types, and values that contradict each other or the
    /// architecture, with what is allowed.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let text = std::fs::read_to_string(path).map_err(Error::file(path, "read"))?;
        Self::parse(&text, path)
    }

    /// As [`Recipe::read`], from the text of a recipe; `path` is for messages and for relative paths.
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

    /// A recipe from a table that something else was made into; messages name `path`.
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

    /// The architecture the recipe names or describes.
    ///
    /// # Errors
    /// An unknown name, with the names there are.
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

    /// `relative` as seen from the recipe's folder.
    pub fn resolve_path(&self, relative: &Path) -> PathBuf {
        match self.origin.path.parent() {
            Some(folder) => folder.join(relative),
            None => relative.to_owned(),
        }
    }

    /// An error about the entry at `at`, with its line where the recipe's text has one.
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
