//! What a test set proves: metrics with intervals.
//!
//! [`Predictions`] are a model's answers with the truth beside them; [`evaluate`] turns them into an
//! [`Evaluation`] in which every metric is a [`Measured`]: a value, an interval, the method behind
//! it and the number of films and patients it rests on. [`compare`] pairs two models (or one model
//! before and after something was done to the films), [`paired_seeds`] pairs runs of two recipes, and [`paired_means`] pairs them with
//! their films; a [`study`] says in words what that shows.
//!
//! Definitions follow scikit-learn where it has them; where ours differ, the item says so.
//! A threshold is given, and must come from validation films: [`calibration`] fits it there, with temperatures.

#![allow(
    clippy::doc_markdown,
    reason = "McNemar and McNeil are people, θ_j is a formula"
)]

mod bayes;
mod beta;
mod bootstrap;
pub mod calibration;
mod compare;
mod confusion;
mod curve;
mod delong;
mod error;
mod evaluation;
mod figures;
mod files;
mod mcnemar;
mod measured;
mod models;
mod operating;
mod options;
mod paired;
mod predictions;
mod predictive;
mod proportion;
mod random;
mod reliability;
mod sample;
mod seeds;
mod several;
mod sources;
pub mod study;
mod table;
mod warning;
mod words;

pub use bayes::{Dirichlets, highest_density_interval};
pub use beta::{beta_quantile, regularised_incomplete_beta, student_t_quantile};
pub use calibration::Calibration;
pub use compare::{AucTest, Comparison, Difference, FindingTest, compare, compare_at};
pub use confusion::Confusion;
pub use curve::{PrPoint, RocPoint, auc, average_precision, pr_curve, roc_curve};
pub use delong::{AreaDifference, DeLong, delong, delong_over_patients};
pub use error::Error;
pub use evaluation::{Evaluation, FindingEvaluation, Overall, SourceCount, evaluate};
pub use mcnemar::{McNemar, mcnemar, mcnemar_over_patients};
pub use measured::{Interval, Measured, Method};
pub use operating::OperatingPoint;
pub use options::{Options, Stratify};
pub use paired::{PairedMean, Together, level_of_each, paired_means};
pub use predictions::{Kind, Predictions, Truth};
pub use predictive::{PredictiveValues, negative_predictive_value, positive_predictive_value};
pub use proportion::{clopper_pearson, clopper_pearson_over_patients};
pub use reliability::{Bins, Reliability, ReliabilityBin, expected_calibration_error, reliability_curve};
pub use seeds::{PairedSeeds, paired_seeds};
pub use several::{CrossValidation, LearningCurve, MeanMetric, Rung, cross_validate, mean, pool};
pub use sources::{ExternalSource, SourceComparison, SourceDrop, by_source, square_and_add};
pub use warning::Warning;
