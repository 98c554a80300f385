//! A study: variants of one training, each with the same seeds on the same folds, compared in pairs.
//!
//! ```text
//! Study --StudyPlan (a recipe a variant, a run a seed, fold and variant)--> Series: runs, equal first stages trained once
//!     -> answers after the first epochs and of the best weights -> paired comparison, verdicts: study.json
//! ```
//!
//! A study's folder is that of a [`Series`](crate::Series) with `study.toml`, what it was begun with, and `study.json`, what it found.

mod file;
mod findings;
mod fold_assignment;
mod plan;
mod settings;
mod verdict;

use std::path::{Path, PathBuf};

pub use self::plan::{PlannedRun, StudyPlan};
use pleura_run::Recipe;

use pleura_train::Error;

/// What is compared with what: a study file, read and checked.
#[derive(Clone, Debug)]
pub struct Study {
    /// What it is called.
    pub name: String,
    /// The seeds that every variant is trained with.
    pub seeds: Vec<u64>,
    /// Whether films are dealt to folds, and how.
    pub folds: Option<Folds>,
    /// The variants, each a whole recipe whose last stage is compared.
    pub variants: Vec<Variant>,
    /// Number of the variant that the others are compared with.
    pub baseline: usize,
    /// Epochs after which they are compared; their best weights always are.
    pub epochs: Vec<usize>,
    /// Whether epochs are compared on test films too.
    pub test_epochs: bool,
    /// The metric that verdicts are about; that of the stage's kind if left out.
    pub primary: Option<String>,
    /// The file it was read from.
    pub(crate) path: PathBuf,
}

/// How films are dealt to folds.
#[derive(Clone, Debug, PartialEq)]
pub struct Folds {
    /// How many to deal; those of the manifest if left out.
    pub count: Option<usize>,
    /// The part of the other folds' films that chooses the epoch.
    pub validation: f64,
    /// Stages that learn from no patient of the folds at all, so that one training of them serves every fold.
    pub once: Vec<String>,
}

/// One variant of the training.
#[derive(Clone, Debug)]
pub struct Variant {
    /// What it is called.
    pub name: String,
    /// What is trained.
    pub recipe: Recipe,
}

impl Study {
    /// Reads and checks a study file. Paths in it are relative to its folder, those of a recipe that it names to that recipe's.
    ///
    /// # Errors
    /// [`Error::Recipe`] with the study file, the key and, where one is known, the line: unknown keys, recipes that cannot be, variants that
    /// cannot be compared.
    pub fn read(path: &Path) -> Result<Self, Error> {
        file::read(path)
    }

    /// The stage of a variant that is compared: its last.
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
