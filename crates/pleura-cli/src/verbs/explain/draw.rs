//! The options of pictures.

use pleura::explain::{ColourLimit, PictureOptions};

/// How pictures are drawn.
#[derive(clap::Args)]
pub(super) struct DrawingArgs {
    /// Draw contours around the fewest pixels that hold these shares of the relevance of each sign, such as
    /// 0.5,0.8.
    #[arg(long, value_name = "SHARES", value_delimiter = ',', value_parser = share)]
    contours: Vec<f32>,
    /// Gaussian smoothing before contours, in map pixels; 0 for none. Default: 1/56 of the map's side (4 of
    /// 224).
    #[arg(long, value_name = "PIXELS", value_parser = deviation)]
    contour_smoothing: Option<f32>,
    /// Gaussian smoothing of the colours, in map pixels; 0 for none. Saved values are not smoothed.
    #[arg(long, value_name = "PIXELS", default_value_t = 0.0, value_parser = deviation)]
    smooth: f32,
    /// Limit of the colour scale: `own` (99.5 % of each map's pixels lie below), `shared` by all questions of
    /// a method, or a value.
    #[arg(long, value_name = "own|shared|VALUE", default_value = "own", value_parser = colour_limit, allow_negative_numbers = true)]
    scale: ColourLimit,
    /// Long side of the film on pictures, in pixels.
    #[arg(long, value_name = "PIXELS", default_value_t = 640, value_parser = clap::value_parser!(u32).range(64..=4096))]
    side: u32,
    /// Write no HTML page per film.
    #[arg(long)]
    no_viewer: bool,
    /// Write no pictures, values or pages: for --score or --raw only.
    #[arg(long, conflicts_with = "mean")]
    pub(super) no_pictures: bool,
}

impl DrawingArgs {
    /// The library's options; `None` if nothing is drawn.
    pub(super) fn options(&self) -> Option<PictureOptions> {
        (!self.no_pictures).then(|| PictureOptions {
            contours: self.contours.clone(),
            contour_smoothing: self.contour_smoothing,
            smoothing: self.smooth,
            scale: self.scale,
            side: self.side as usize,
            page: !self.no_viewer,
        })
    }
}

fn share(text: &str) -> Result<f32, String> {
    match text.parse::<f32>() {
        Ok(share) if share > 0.0 && share < 1.0 => Ok(share),
        _ => Err("expected shares above 0 and below 1, joined by commas, such as 0.5,0.8".to_owned()),
    }
}

fn deviation(text: &str) -> Result<f32, String> {
    match text.parse::<f32>() {
        Ok(deviation) if (0.0..=100.0).contains(&deviation) => Ok(deviation),
        _ => Err("expected a number of map pixels, 0 to 100".to_owned()),
    }
}

fn colour_limit(text: &str) -> Result<ColourLimit, String> {
    match (text, text.parse::<f32>()) {
        ("own", _) => Ok(ColourLimit::Own),
        ("shared", _) => Ok(ColourLimit::Shared),
        (_, Ok(value)) if value > 0.0 && value.is_finite() => Ok(ColourLimit::Value(value)),
        _ => Err("expected own, shared, or a value above 0".to_owned()),
    }
}
