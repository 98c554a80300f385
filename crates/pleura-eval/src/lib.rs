//! Metrics of classifiers with confidence intervals, comparisons of models, and calibration.
//!
//! [`Predictions`] hold a model's answers and the true labels. [`evaluate`] turns them into an
//! [`Evaluation`], in which every metric is an [`Estimate`]: a value, an interval, the interval's method, and
//! the number of films and patients. [`compare`] compares two models on the same films, [`paired_seeds`]
//! compares runs of two recipes, and [`paired_means`] compares them film by film.
//!
//! Definitions follow scikit-learn where it has them; each item says where ours differ. Thresholds must come
//! from validation films: [`calibration`] fits them there, with temperatures.
//!
//! ```
//! use pleura_eval::{Options, Predictions, Truth, evaluate};
//! let predictions = Predictions::from_logits(
//!     vec!["pneumonia".into(), "normal".into()],
//!     vec!["a.png".into(), "b.png".into()],
//!     vec!["p1".into(), "p2".into()],
//!     vec![String::new(), String::new()],
//!     Truth::Exclusive(vec![Some(0), Some(1)]),
//!     &[2.0, -1.0, 0.5, 0.0],
//! )?;
//! let evaluation = evaluate(&predictions, &Options::default())?;
//! assert_eq!(evaluation.overall.accuracy.value, Some(0.5));
//! # Ok::<(), pleura_eval::Error>(())
//! ```

#![allow(
    clippy::doc_markdown,
    reason = "McNemar and McNeil are people, θ_j is a formula"
)]

pub mod calibration;
mod compare;
mod error;
mod estimate;
mod evaluation;
mod mean;
mod metrics;
mod options;
mod predictions;
mod segmentation;
mod stats;
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
pub use mean::Mean;
pub use metrics::confusion::Confusion;
pub use metrics::curve::{PrPoint, RocPoint, auc, average_precision, pr_curve, roc_curve};
pub use metrics::operating::OperatingPoint;
pub use metrics::predictive::{PredictiveValues, negative_predictive_value, positive_predictive_value};
pub use metrics::reliability::{
    Bins, Reliability, ReliabilityBin, expected_calibration_error, reliability_curve,
};
pub use options::{Options, Stratify};
pub use pleura_core::Task;
pub use predictions::{Predictions, Truth};
pub use segmentation::{FilmOverlap, Overlap, SourceOverlap};
pub use stats::bayes::{Dirichlets, highest_density_interval};
pub use stats::beta::{beta_quantile, regularised_incomplete_beta, student_t_quantile};
pub use stats::delong::{AreaDifference, DeLong, delong, delong_over_patients};
pub use stats::mcnemar::{McNemar, mcnemar, mcnemar_over_patients};
pub use stats::proportion::{clopper_pearson, clopper_pearson_over_patients};
pub use text::warning::Warning;
