//! Synthetic frontal films with known truth, for demonstration and tests.
//!
//! A phantom is drawn the way a film is made: path lengths through tissue, lung and bone are accumulated in body
//! coordinates (centimetres), attenuated, scattered, counted as quanta and developed. Findings change those paths, so
//! their look follows from where they lie. Every phantom carries the word `PHANTOM` at the same place.

mod anatomy;
mod canvas;
mod curve;
mod exposure;
mod film;
mod finding;
mod layout;
mod lesion;
mod lettering;
mod seed;
mod skeleton;
mod thorax;
mod vessels;

pub use film::{FilmSpec, Rendered, View, hospitals, render};
pub use finding::{Finding, TARGET, intermediate};
