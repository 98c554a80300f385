//! A heatmap over its film.

use pleura_film::{Film, Geometry};

use super::canvas::{Picture, check_shape};
use super::caption::Caption;
use super::diverging::Diverging;
use super::iso_lines::Contours;
use super::layout::{Legend, Panel, panel};
use super::outline::Outline;
use super::smooth::{finite, smooth};
use crate::error::Error;

/// Evidence for (positive) or against (negative) a class, per pixel of the network's input.
#[derive(Debug, Clone, Copy)]
pub struct Heatmap<'a> {
    /// `[size, size]`, where `size` is the geometry's.
    pub values: &'a [f32],
    /// The position of input pixels on the film.
    pub geometry: &'a Geometry,
}

/// The value of the strongest colour. The scale is always symmetric about zero.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ColourScale {
    /// The largest magnitude.
    Greatest,
    /// This quantile of the magnitudes. Larger values are clipped, and the legend marks it.
    Quantile(f32),
    /// A fixed value, to compare several heatmaps.
    Fixed(f32),
}

/// The style of a heatmap.
#[derive(Debug, Clone, PartialEq)]
pub struct HeatmapStyle {
    /// Long side of the film on the picture, in pixels. Default 640.
    pub side: usize,
    /// Colours and cover.
    pub colours: Diverging,
    /// The value of the strongest colour. Default: the 99.5 % quantile of the magnitudes.
    pub scale: ColourScale,
    /// Standard deviation of a Gaussian that smooths the values, in prepared pixels; 0 for none. It is
    /// printed on the picture. Default 0.
    pub smoothing: f32,
    /// Lines of equal relevance. Default none.
    pub contours: Contours,
    /// Brightness of the film's white under the colours, 0..=1; full white would make them pale. Default 0.8.
    pub white: f32,
}

impl Default for HeatmapStyle {
    fn default() -> Self {
        Self {
            side: 640,
            colours: Diverging::default(),
            scale: ColourScale::Quantile(0.995),
            smoothing: 0.0,
            contours: Contours::default(),
            white: 0.8,
        }
    }
}

/// The value of the strongest colour of a scale. Always above zero, so an empty heatmap stays empty.
pub fn scale_limit(values: &[f32], scale: ColourScale) -> f32 {
    let magnitudes = || {
        values
            .iter()
            .map(|value| value.abs())
            .filter(|value| value.is_finite())
    };
    let limit = match scale {
        ColourScale::Greatest => magnitudes().fold(0.0, f32::max),
        ColourScale::Fixed(limit) => limit.abs(),
        ColourScale::Quantile(share) => {
            let mut sorted: Vec<f32> = magnitudes().collect();
            sorted.sort_by(f32::total_cmp);
            let place = f64::from(share.clamp(0.0, 1.0)) * sorted.len().saturating_sub(1) as f64;
            // A heatmap that is zero almost everywhere still shows its few values.
            match sorted.get(place.round() as usize) {
                Some(&value) if value > 0.0 => value,
                _ => magnitudes().fold(0.0, f32::max),
            }
        }
    };
    if limit.is_finite() && limit > 0.0 {
        limit
    } else {
        1.0
    }
}

/// Draws a heatmap over its film, with legend, caption, lines and outlines.
///
/// # Errors
/// [`Error::Shape`] if values, masks or film have a wrong size.
pub fn heatmap(
    film: &Film,
    heatmap: &Heatmap<'_>,
    caption: &Caption,
    outlines: &[Outline<'_>],
    style: &HeatmapStyle,
) -> Result<Panel, Error> {
    let size = heatmap.geometry.size;
    check_shape("a heatmap", size, size, heatmap.values.len())?;
    check_shape("a film", film.width, film.height, film.grey.len())?;
    let raw = finite(heatmap.values);
    let values = smooth(&raw, size, style.smoothing);
    let greatest = values
        .iter()
        .fold(0.0_f32, |greatest, value| greatest.max(value.abs()));
    let limit = scale_limit(&values, style.scale);

    let mut picture = Picture::from_film(film, style.side);
    let white = style.white.clamp(0.0, 1.0);
    for level in &mut picture.rgb {
        *level = (f32::from(*level) * white).round() as u8;
    }
    let (width, height) = (picture.width, picture.height);
    let to_film = [
        film.width as f64 / width as f64,
        film.height as f64 / height as f64,
    ];
    for y in 0..height {
        for x in 0..width {
            let on_film = [(x as f64 + 0.5) * to_film[0], (y as f64 + 0.5) * to_film[1]];
            let [across, down] = heatmap.geometry.to_prepared(on_film[0], on_film[1]);
            // The network never saw the part that a crop cut away.
            if !(0.0..size as f64).contains(&across) || !(0.0..size as f64).contains(&down) {
                continue;
            }
            let value = sample(&values, size, across - 0.5, down - 0.5);
            style.colours.lay(&mut picture, x, y, value / limit);
        }
    }
    let contours = Contours {
        smoothing: style.contours.smoothing.max(style.smoothing),
        ..style.contours.clone()
    };
    let lines = contours.lines(&raw, size);
    for line in &lines {
        let place = |&[x, y]: &[f64; 2]| {
            let on_film = heatmap.geometry.to_film(x, y);
            [on_film[0] / to_film[0], on_film[1] / to_film[1]]
        };
        let drawn: Vec<Vec<[f64; 2]>> = line
            .lines
            .iter()
            .map(|line| line.iter().map(place).collect())
            .collect();
        picture.lines(&drawn, line.pen());
    }
    for outline in outlines {
        outline.draw(&mut picture, 0, 0, width, height)?;
    }
    let legend = Legend {
        colours: style.colours,
        white,
        limit,
        clipped: greatest > limit,
        unit: &caption.unit,
        contours: lines.iter().any(|line| !line.lines.is_empty()),
        outlines,
    };
    let mut notes = caption.notes.clone();
    notes.push(if style.smoothing > 0.0 {
        let deviation = style.smoothing;
        format!("Map of {size} x {size} pixels, smoothed: Gaussian of {deviation} map pixels.")
    } else {
        format!("Map of {size} x {size} pixels, not smoothed.")
    });
    if legend.contours {
        notes.push(contours.words());
    }
    Ok(panel(&picture, caption, Some(&legend), &notes))
}

/// Draws the film alone in the frame of its heatmaps, with title and notes of the caption.
pub fn film_panel(film: &Film, caption: &Caption, style: &HeatmapStyle) -> Panel {
    let source = &film.source;
    let caption = Caption {
        title: caption.title.clone(),
        finding: "the film".to_owned(),
        method: format!(
            "{} x {} pixels, {}, {} bits",
            film.width, film.height, source.format, source.bit_depth
        ),
        notes: caption.notes.clone(),
        ..Caption::default()
    };
    let picture = Picture::from_film(film, style.side);
    panel(&picture, &caption, None, &caption.notes)
}

/// The bilinear value at a position given in pixel centres; the outermost values extend to the border.
fn sample(values: &[f32], size: usize, x: f64, y: f64) -> f32 {
    let last = (size - 1) as f64;
    let (x, y) = (x.clamp(0.0, last), y.clamp(0.0, last));
    let (left, top) = (x as usize, y as usize);
    let (right, bottom) = ((left + 1).min(size - 1), (top + 1).min(size - 1));
    let (across, down) = ((x - left as f64) as f32, (y - top as f64) as f32);
    let row = |row: usize| {
        let (first, second) = (values[row * size + left], values[row * size + right]);
        first + across * (second - first)
    };
    let (above, below) = (row(top), row(bottom));
    above + down * (below - above)
}

#[cfg(test)]
mod tests {
    use super::*;
    use pleura_film::{Fit, Preparation, prepare};

    fn film() -> Film {
        Film::from_grey(300, 200, vec![0.5; 60_000]).unwrap()
    }

    fn drawn(values: &[f32], fit: Fit, style: &HeatmapStyle) -> Picture {
        let film = film();
        let prepared = prepare(
            &film,
            &Preparation {
                size: 32,
                fit,
                ..Preparation::default()
            },
        );
        let caption = Caption {
            title: "film".to_string(),
            finding: "x".to_string(),
            ..Caption::default()
        };
        heatmap(
            &film,
            &Heatmap {
                values,
                geometry: &prepared.geometry,
            },
            &caption,
            &[],
            style,
        )
        .unwrap()
        .picture
    }

    /// Mean place of the pixels that are clearly of one colour, left of the legend.
    fn place(picture: &Picture, red: bool) -> Option<[f64; 2]> {
        let (mut sum, mut count) = ([0.0; 2], 0.0);
        for y in 0..picture.height {
            for x in 0..300 + 14 {
                let [r, _, b] = picture.pixel(x, y).unwrap();
                let more = if red {
                    i32::from(r) - i32::from(b)
                } else {
                    i32::from(b) - i32::from(r)
                };
                if more > 60 {
                    sum = [sum[0] + x as f64, sum[1] + y as f64];
                    count += 1.0;
                }
            }
        }
        (count > 0.0).then(|| sum.map(|sum| sum / count))
    }

    #[test]
    fn red_is_for_and_blue_against_at_their_places() {
        let mut values = vec![0.0; 32 * 32];
        values[32 * 8 + 8] = 1.0;
        values[32 * 24 + 24] = -1.0;
        let style = HeatmapStyle {
            side: 300,
            scale: ColourScale::Greatest,
            ..HeatmapStyle::default()
        };
        for fit in [Fit::Stretch, Fit::Pad, Fit::Crop] {
            let picture = drawn(&values, fit, &style);
            let (red, blue) = (place(&picture, true).unwrap(), place(&picture, false).unwrap());
            let geometry = Geometry::new(300, 200, 32, fit);
            let (right_red, right_blue) = (geometry.to_film(8.5, 8.5), geometry.to_film(24.5, 24.5));
            // The film's own corner cancels in the difference.
            for axis in 0..2 {
                let off = (blue[axis] - red[axis]) - (right_blue[axis] - right_red[axis]);
                assert!(off.abs() < 1.5, "{fit:?} axis {axis}: {off}");
            }
        }
    }

    #[test]
    fn an_empty_or_broken_heatmap_leaves_the_film_grey() {
        for value in [0.0, f32::NAN, f32::INFINITY] {
            let picture = drawn(
                &[value; 32 * 32],
                Fit::Stretch,
                &HeatmapStyle {
                    side: 300,
                    ..HeatmapStyle::default()
                },
            );
            assert_eq!(place(&picture, true), None, "{value}");
            assert_eq!(place(&picture, false), None, "{value}");
        }
    }

    #[test]
    fn values_of_the_wrong_size_are_refused() {
        let film = film();
        let geometry = Geometry::new(300, 200, 32, Fit::Stretch);
        let heat = Heatmap {
            values: &[0.0; 5],
            geometry: &geometry,
        };
        assert!(heatmap(&film, &heat, &Caption::default(), &[], &HeatmapStyle::default()).is_err());
    }
}
