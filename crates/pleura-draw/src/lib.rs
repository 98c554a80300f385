//! Pictures and plots: films, heatmaps and outlines as PNG, curves and bars as SVG, and the page of one film.

mod error;
pub mod picture;
pub mod plot;
pub mod viewer;

pub use error::Error;
