//! Statistics: exact and Bayesian intervals, paired tests, bootstrap samples of patients.

pub(crate) mod bayes;
pub(crate) mod beta;
pub(crate) mod bootstrap;
pub(crate) mod delong;
pub(crate) mod mcnemar;
pub(crate) mod proportion;
pub(crate) mod random;
