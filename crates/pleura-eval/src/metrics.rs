//! Metrics of classifiers: confusion matrices, ROC and precision-recall curves, operating points,
//! reliability.

pub(crate) mod confusion;
pub(crate) mod curve;
pub(crate) mod figures;
pub(crate) mod operating;
pub(crate) mod predictive;
pub(crate) mod reliability;
pub(crate) mod sample;
