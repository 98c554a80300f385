//! Synthetic films with known truth (phantoms) and fractal images.
