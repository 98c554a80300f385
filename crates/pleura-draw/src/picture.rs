//! Pictures: films, heatmaps over films, outlines, sheets of several, and PNG files of them.
//!
//! Colours on a heatmap are a diverging pair that people with red-green blindness tell apart: red speaks for
//! the class, blue against it, and how strongly is told by how little of the film shines through.

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
pub use contour::{Line, contours};
pub use diverging::Diverging;
pub use heatmap::{Heatmap, Scale, Style, heatmap, limit, plain};
pub use iso_lines::{Contours, IsoLine};
pub use layout::Panel;
pub use outline::Outline;
pub use sheet::Sheet;
pub use smooth::smooth;
pub use text::{TextSize, text_width};
