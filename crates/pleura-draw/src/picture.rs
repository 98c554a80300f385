//! Raster pictures: films, heatmaps over films, outlines, and sheets of several panels.
//!
//! Heatmaps use a diverging colour scale that is safe for red-green colour blindness: red is evidence for the
//! class, blue is evidence against it. The stronger the value, the less of the film is visible.

mod canvas;
mod caption;
mod contour;
mod diverging;
mod heatmap;
mod iso_lines;
mod layout;
mod outline;
mod sheet;
mod smooth;
mod stroke;
mod text;

pub use canvas::Picture;
pub use caption::Caption;
pub use contour::{ClosedLine, contours};
pub use diverging::Diverging;
pub use heatmap::{ColourScale, Heatmap, HeatmapStyle, film_panel, heatmap, scale_limit};
pub use iso_lines::{Contours, IsoLine};
pub use layout::Panel;
pub use outline::Outline;
pub use sheet::Sheet;
pub use smooth::smooth;
pub use text::{TextSize, text_width};
