//! Runs the program as a person or a script does, on models and films made on the spot.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod audit;
mod contrast;
mod data;
#[path = "../../../pleura-dicom/tests/common/mod.rs"]
mod dicom_films;
mod disks;
mod doctor;
mod evaluate;
mod evidence;
mod explain;
mod explain_methods;
mod explain_pictures;
mod export;
mod lungs;
mod objects;
mod package;
mod predict;
mod report;
mod scene;
mod study;
mod train;
mod training;
mod usage;
mod weights;
