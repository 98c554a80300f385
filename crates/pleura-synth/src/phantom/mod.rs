//! Phantoms: synthetic frontal chest films with known truth, for demonstrations and tests.
//!
//! A phantom is drawn like a film is made. Path lengths through tissue, lung and bone are computed in body
//! coordinates (centimetres), attenuated, scattered, counted as quanta and developed. Findings change those
//! paths, so their appearance follows from their position. Every phantom carries the text `PHANTOM` at the
//! same place.
//!
//! [`write()`] makes a set with its manifest and masks, [`plan`] lists its films, [`render`] draws one film.
//! Three sets match the three stages of the two-step transfer, see [`PhantomSet`].

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
