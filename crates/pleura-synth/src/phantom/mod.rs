//! Synthetic frontal films with known truth, for demonstration and tests.
//!
//! A phantom is drawn the way a film is made: path lengths through tissue, lung and bone are accumulated in body
//! coordinates (centimetres), attenuated, scattered, counted as quanta and developed. Findings change those paths, so
//! their look follows from where they lie. Every phantom carries the word `PHANTOM` at the same place.
//!
//! [`write()`] makes a whole set with its manifest and masks, [`plan`] says what it would draw, [`render`] draws one film.
//! Three sets go with the three stages of the twice transfer, see [`PhantomSet`].

mod anatomy;
mod canvas;
mod curve;
mod devices;
mod exposure;
mod film;
mod finding;
mod layout;
mod lesion;
mod lettering;
mod options;
mod plan;
pub mod pretext;
mod seed;
mod skeleton;
mod thorax;
mod vessels;
mod write;

pub use film::{FilmSpec, Rendered, View, hospitals, render};
pub use finding::{Finding, TARGET, intermediate};
pub use options::{PhantomOptions, PhantomSet};
pub use plan::{Planned, Subject, WORDS, plan};
pub use write::{MANIFEST, write};
