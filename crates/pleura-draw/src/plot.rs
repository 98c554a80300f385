//! Plots as SVG text: the report's, and any other picture of a run.
//!
//! Every function returns a whole SVG document that stands alone as a file and may also be placed inside an HTML page. Text
//! stays text (`sans-serif`, nothing embedded), nothing is loaded from elsewhere, and equal input gives equal bytes.

mod axis;
mod bars;
mod confusion;
mod curves;
mod intervals;
mod legend;
mod rates;
mod style;

pub use axis::{Axis, Scale, Ticks};
pub use bars::{Bar, bars};
pub use confusion::confusion;
pub use curves::{Curves, Series, Weight, curves};
pub use intervals::{IntervalRow, intervals};
pub use legend::relevance_legend;
pub use rates::{RateCurve, precision_recall, roc};
