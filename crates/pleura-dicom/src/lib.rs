//! DICOM objects of a model's answers, for an archive and its viewers. Research use only; not a medical
//! device.
//!
//! [`objects::make`] turns a film's header and its answer into instances: a structured report, a picture of
//! each heatmap, and on request a presentation state and a parametric map. [`objects::check`] verifies the
//! bytes of an instance before it is written or sent.

pub mod objects;

pub use objects::{Answer, Error, FilmReference, Kind, ModelIdentity, Moment, Object, Settings};
