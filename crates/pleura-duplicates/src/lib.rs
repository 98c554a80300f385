//! The same radiograph twice: copies across splits and across datasets.
//!
//! A film that is both learnt from and tested on makes a test worth nothing, and public sets share films under other names: saved again,
//! resized, cut, mirrored, inverted. [`look()`] finds equal files, equal pixels, and films that are alike although nothing in them is equal.
//! [`LeakRecord`] keeps what was found beside the manifest, where splitting, checking and training heed it. [`trial()`] measures on a user's own
//! films how many copies are found and how many are not; [`scale()`] measures the index on a million made-up films.

mod align;
mod alter;
mod centre;
mod find;
mod hash;
mod index;
mod look;
mod plane;
mod record;
mod scale;
mod sheet;
mod sketch;
mod tally;
mod trial;

pub use hash::shares_of;
pub use look::{Look, LookOptions, Looked, Pair, Twice, look};
pub use scale::{Scale, scale};
pub use sheet::sheet;
pub use sketch::Sketch;
pub use trial::{Alarm, Trial, TrialLine, TrialOptions, trial};

/// Told how far some work has come: what it is, how much is done, of how much. Called from any thread.
pub type Progress<'a> = &'a (dyn Fn(&'static str, usize, usize) + Sync);
