//! SVG plots: curves, bars, intervals, confusion matrices, ROC and precision–recall.
//!
//! Every function returns a [`Plot`], a complete SVG document. It can be a file of its own or part of an HTML
//! page. Text stays text (`sans-serif`, no embedded font), nothing is loaded, and equal input gives equal
//! bytes.

mod axis;
mod bars;
mod confusion;
mod curves;
mod intervals;
mod legend;
mod rates;
mod style;
mod svg;

pub use axis::{Axis, Scale, Ticks};
pub use bars::{Bar, bars};
pub use confusion::confusion;
pub use curves::{Curves, Series, Weight, curves};
pub use intervals::{IntervalRow, intervals};
pub use legend::relevance_legend;
pub use rates::{RateCurve, precision_recall, roc};
pub use svg::Plot;
