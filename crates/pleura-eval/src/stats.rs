//! Statistics without films in them: exact and Bayesian intervals, tests of pairs, resampling of patients.

pub(crate) mod bayes;
pub(crate) mod beta;
pub(crate) mod bootstrap;
pub(crate) mod delong;
pub(crate) mod mcnemar;
pub(crate) mod proportion;
pub(crate) mod random;
