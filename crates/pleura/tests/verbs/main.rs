//! Runs the program as a person or a script does, on models and films made on the spot.

mod doctor;
mod evaluate;
mod predict;
mod scene;
mod usage;
