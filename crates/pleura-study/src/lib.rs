//! Several trainings: cross-validation, learning curves and studies of recipe variants.
