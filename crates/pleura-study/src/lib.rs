//! Several trainings that belong together: folds, learning curves, and studies of recipe variants.
//!
//! * [`Series`] runs several trainings. Equal first stages are trained once.
//! * [`CrossValidationPlan`] trains a recipe once for each fold, and evaluates the out-of-fold predictions.
//! * [`LearningCurvePlan`] trains a recipe on parts of its training films.
//! * [`study`] trains variants of a recipe with the same seeds on the same folds, and compares them in pairs.
//!
//! ```no_run
//! use std::path::Path;
//! use pleura_study::{CrossValidationPlan, FoldOptions};
//! use pleura_train::{Options, Recipe, Silent};
//!
//! let recipe = Recipe::read(Path::new("recipe.toml"))?;
//! let folds = FoldOptions { count: Some(5), ..FoldOptions::default() };
//! let plan = CrossValidationPlan::new(&recipe, &folds)?;
//! let out = Path::new("runs/five-folds");
//! plan.series.run(out, &Options::default(), &mut Silent)?;
//! for (stage, found) in plan.evaluate(out)? {
//!     println!("{stage}: {:?}", found.pooled.overall.accuracy.value);
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod cross_validation;
mod learning_curve;
pub mod series;
mod stage_cache;
pub mod study;

pub use cross_validation::{CrossValidationPlan, FoldOptions};
pub use learning_curve::{LearningCurveOptions, LearningCurvePlan};
pub use series::{Member, Series, SeriesSummary};
