//! Small parts that every crate of pleura needs: atomic file writes, SHA-256 digests, named random streams,
//! progress, the two kinds of classification task, Cholesky factors, and numbers and lists in text.
//!
//! ```
//! use pleura_core::{Task, fs, sha256};
//!
//! let folder = tempfile::tempdir()?;
//! let path = folder.path().join("runs/answer.csv");
//! fs::write_atomic(&path, b"film,score\na,0.9\n")?; // creates `runs` too
//! assert_eq!(sha256::hex_of_file(&path)?, sha256::hex("film,score\na,0.9\n"));
//!
//! let probabilities = Task::Exclusive.probabilities(&[2.0, 0.0, 0.0, 0.0], 2);
//! assert_eq!(probabilities[2..], [0.5, 0.5]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod content;
pub mod fs;
pub mod linalg;
mod patient;
mod progress;
pub mod rng;
pub mod sha256;
mod split;
pub mod table;
pub mod task;
pub mod text;
pub mod time;

pub use fs::FileError;
pub use patient::Sex;
pub use progress::{Progress, Silent};
pub use split::Split;
pub use task::Task;

/// The notice that every output shows.
pub const NOTICE: &str = "Research use only. Not a medical device.";
