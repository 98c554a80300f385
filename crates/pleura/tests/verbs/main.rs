//! Runs the program as a person or a script does, on models and films made on the spot.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod audit;
mod data;
mod doctor;
mod evaluate;
mod evidence;
mod explain;
mod explain_methods;
mod export;
mod package;
mod predict;
mod report;
mod scene;
mod train;
mod training;
mod usage;
mod weights;
