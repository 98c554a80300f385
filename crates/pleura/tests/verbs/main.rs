//! Runs the program as a person or a script does, on models and films made on the spot.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod doctor;
mod evaluate;
mod predict;
mod scene;
mod usage;
