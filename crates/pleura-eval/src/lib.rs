//! What a test set proves: metrics with intervals.
//!
//! [`Predictions`] are a model's answers with the truth beside them; [`evaluate`] turns them into an
//! [`Evaluation`] in which every metric is a [`Measured`]: a value, an interval, the method behind
//! it and the number of films and patients it rests on. [`compare`] pairs two models (or one model
//! before and after something was done to the films) and [`paired_seeds`] pairs runs of two recipes.
//!
//! Definitions follow scikit-learn where it has them; where ours differ, the item says so.
//! Nothing here chooses a threshold: it is given, and must come from validation films.

#![allow(
    clippy::doc_markdown,
    reason = "McNemar and McNeil are people, θ_j is a formula"
)]

mod bayes;
mod beta;
mod bootstrap;
mod compare;
mod confusion;
mod curve;
mod error;
mod evaluation;
mod figures;
mod measured;
mod options;
mod predictions;
mod proportion;
mod random;
mod sample;
mod seeds;
mod table;
mod warning;
mod words;

pub use bayes::{Dirichlets, highest_density_interval};
pub use beta::{beta_quantile, regularised_incomplete_beta, student_t_quantile};
pub use compare::{Comparison, Difference, McNemar, compare, mcnemar};
pub use confusion::Confusion;
pub use curve::{PrPoint, RocPoint, auc, average_precision, pr_curve, roc_curve};
pub use error::Error;
pub use evaluation::{Evaluation, FindingEvaluation, Overall, SourceCount, evaluate};
pub use measured::{Interval, Measured, Method};
pub use options::{Options, Stratify};
pub use predictions::{Kind, Predictions, Truth};
pub use proportion::{clopper_pearson, clopper_pearson_over_patients};
pub use seeds::{PairedSeeds, paired_seeds};
pub use warning::Warning;
