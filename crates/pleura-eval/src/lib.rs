//! What a test set proves: metrics with intervals.
//!
//! [`Predictions`] are a model's answers with the truth beside them; [`evaluate`] turns them into an
//! [`Evaluation`] in which every metric is a [`Estimate`]: a value, an interval, the method behind
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

pub mod calibration;
mod compare;
mod error;
mod estimate;
mod evaluation;
mod metrics;
mod options;
mod predictions;
mod stats;
pub mod study;
mod table;
mod text;

pub use calibration::Calibration;
pub use compare::paired::{PairedMean, SimultaneousIntervals, bonferroni_level, paired_means};
pub use compare::pooled::{
    CrossValidation, LearningCurve, LearningCurvePoint, MeanMetric, cross_validate, mean, pool,
};
pub use compare::seeds::{PairedSeeds, paired_seeds};
pub use compare::sources::{ExternalSource, SourceComparison, SourceDrop, by_source, square_and_add};
pub use compare::{AucTest, Comparison, Difference, FindingTest, compare, compare_at};
pub use error::Error;
pub use estimate::{Estimate, Interval, Method};
pub use evaluation::{Evaluation, FindingEvaluation, Overall, SourceCount, evaluate};
pub use metrics::confusion::Confusion;
pub use metrics::curve::{PrPoint, RocPoint, auc, average_precision, pr_curve, roc_curve};
pub use metrics::operating::OperatingPoint;
pub use metrics::predictive::{PredictiveValues, negative_predictive_value, positive_predictive_value};
pub use metrics::reliability::{
    Bins, Reliability, ReliabilityBin, expected_calibration_error, reliability_curve,
};
pub use options::{Options, Stratify};
pub use predictions::{Kind, Predictions, Truth};
pub use stats::bayes::{Dirichlets, highest_density_interval};
pub use stats::beta::{beta_quantile, regularised_incomplete_beta, student_t_quantile};
pub use stats::delong::{AreaDifference, DeLong, delong, delong_over_patients};
pub use stats::mcnemar::{McNemar, mcnemar, mcnemar_over_patients};
pub use stats::proportion::{clopper_pearson, clopper_pearson_over_patients};
pub use text::warning::Warning;
