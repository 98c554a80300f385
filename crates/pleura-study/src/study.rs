//! A study: variants of one training, each with the same seeds on the same folds, compared in pairs.
//!
//! ```text
//! Study --StudyPlan (a recipe for each variant, a run for each seed, fold and variant)--> Series
//!     -> predictions after the first epochs and of the best weights -> paired comparison -> study.json
//! ```
//!
//! The folder of a study is that of a [`Series`](crate::Series) with two more files: `study.toml`, its
//! inputs, and `study.json`, its findings.

mod file;
mod findings;
mod fold_assignment;
mod leave_out;
mod plan;
mod settings;
mod verdict;

use std::path::{Path, PathBuf};

pub use self::plan::{PlannedRun, StudyPlan};
use pleura_run::Recipe;

use pleura_train::Error;

/// A study file, read and checked.
#[derive(Clone, Debug)]
pub struct Study {
    /// Its name.
    pub name: String,
    /// The seeds that every variant is trained with.
    pub seeds: Vec<u64>,
    /// The assignment of films to folds, if any.
    pub folds: Option<Folds>,
    /// The values to leave out in turn, in place of folds.
    pub leave_out: Option<LeaveOutChoice>,
    /// The variants. Each is a whole recipe whose last stage is compared.
    pub variants: Vec<Variant>,
    /// Number of the variant that the others are compared with.
    pub baseline: usize,
    /// Epochs after which variants are compared. The best weights are always compared.
    pub epochs: Vec<usize>,
    /// True if epochs are compared on test films too.
    pub test_epochs: bool,
    /// The metric of the verdicts. Default: that of the stage's kind.
    pub primary: Option<String>,
    /// The file it was read from.
    pub(crate) path: PathBuf,
}

/// The assignment of films to folds.
#[derive(Clone, Debug, PartialEq)]
pub struct Folds {
    /// Number of folds to assign. Default: the folds of the manifest.
    pub count: Option<usize>,
    /// Share of the other folds' films that selects the epoch.
    pub validation: f64,
    /// Stages that are trained once for all folds, without any patient of the folds.
    pub once: Vec<String>,
}

/// Leave-one-out: the films of each value of an attribute are tested by trainings without them.
#[derive(Clone, Debug, PartialEq)]
pub struct LeaveOutChoice {
    /// The attribute ([`pleura_manifest::Manifest::attribute`]).
    pub attribute: String,
    /// The values. Empty: all of the compared films.
    pub values: Vec<String>,
    /// Share of the other films that selects the epoch.
    pub validation: f64,
}

/// One variant of the training.
#[derive(Clone, Debug)]
pub struct Variant {
    /// Its name.
    pub name: String,
    /// The recipe.
    pub recipe: Recipe,
}

impl Study {
    /// Reads and checks a study file. Its paths are relative to its folder, and those of a recipe to that
    /// recipe's folder.
    ///
    /// # Errors
    /// [`pleura_run::Error::Recipe`] with the study file, the key and, if known, the line: unknown keys,
    /// impossible recipes, variants that cannot be compared.
    pub fn read(path: &Path) -> Result<Self, Error> {
        file::read(path)
    }

    /// Leaves out each value of an attribute in turn, whatever the study file says about it.
    ///
    /// # Errors
    /// A study with folds.
    pub fn leave_out_each(mut self, attribute: &str) -> Result<Self, Error> {
        if self.folds.is_some() {
            return Err(self.problem("folds", "excludes leave-one-out; remove one of them"));
        }
        let validation = self.leave_out.as_ref().map(|choice| choice.validation);
        self.leave_out = Some(LeaveOutChoice {
            attribute: attribute.to_owned(),
            values: Vec::new(),
            validation: validation.unwrap_or(pleura_manifest::folds::VALIDATION),
        });
        Ok(self)
    }

    /// The stage of a variant that is compared: the last.
    pub(crate) fn stage(variant: &Variant) -> &pleura_run::recipe::Stage {
        &variant.recipe.stages[variant.recipe.stages.len() - 1]
    }

    fn problem(&self, key: &str, problem: impl Into<String>) -> Error {
        Error::Run(pleura_run::Error::Recipe {
            path: self.path.clone(),
            line: None,
            key: key.to_owned(),
            problem: problem.into(),
        })
    }
}

#[cfg(test)]
mod tests;
