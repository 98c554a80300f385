//! Duplicate films: found by perceptual hash and correlation.
