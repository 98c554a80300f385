//! Drawing: heatmaps and outlines over films as PNG, plots as SVG, and the interactive page of one film.
//!
//! * [`picture`] draws films, heatmaps, outlines and sheets of panels.
//! * [`plot`] draws curves, bars, intervals, confusion matrices, ROC and precision–recall curves.
//! * [`viewer`] makes one HTML page of a film and its heatmaps.
//!
//! ```
//! use pleura_draw::picture::{Caption, Heatmap, HeatmapStyle, heatmap};
//! use pleura_draw::plot::{Axis, Curves, Series, curves};
//! use pleura_film::{Film, Fit, Geometry};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let film = Film::from_grey(40, 30, vec![0.5; 40 * 30])?;
//! let relevance = Heatmap {
//!     values: &[0.1; 8 * 8],
//!     geometry: &Geometry::new(40, 30, 8, Fit::Pad),
//! };
//! let panel = heatmap(&film, &relevance, &Caption::default(), &[], &HeatmapStyle::default())?;
//! assert!(panel.picture.to_png()?.starts_with(b"\x89PNG"));
//!
//! let mut plot = Curves::new("Loss", Axis::new("epochs"), Axis::new("loss").from_zero());
//! plot.series.push(Series::new("training", vec![(1.0, 0.9), (2.0, 0.5)], 0));
//! assert!(curves(&plot).svg.starts_with("<svg"));
//! # Ok(())
//! # }
//! ```

mod error;
pub mod picture;
pub mod plot;
pub mod viewer;

pub use error::Error;
