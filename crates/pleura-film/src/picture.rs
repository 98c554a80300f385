//! Pictures: films, heatmaps over films, outlines, sheets of several, and PNG files of them.
//!
//! Colours on a heatmap are a diverging pair that people with red-green blindness tell apart: red speaks for
//! the class, blue against it, and how strongly is told by how little of the film shines through.

mod canvas;
mod contour;
mod diverging;
mod file;
mod heatmap;
mod layout;
mod levels;
mod outline;
mod sheet;
mod smooth;
mod stroke;
mod text;

pub use canvas::{Picture, scaled};
pub use contour::{Line, contours};
pub use diverging::Diverging;
pub use file::{grey_png_8, grey_png_16};
pub use heatmap::{Caption, Contours, Heatmap, Scale, Style, heatmap, limit, plain};
pub use layout::Panel;
pub use levels::IsoLine;
pub use outline::Outline;
pub use sheet::Sheet;
pub use smooth::smooth;
pub use text::{TextSize, text_width};
