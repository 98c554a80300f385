//! An interactive HTML page of one film and its heatmaps: choose the output, the window and the scale, read
//! values.
//!
//! The page is one file and works offline. Its content security policy allows its own script only. It holds
//! the relevance as 32-bit floats, so the value under the pointer is the value in the raw file. The browser
//! applies smoothing, scale and window, and each picture names them. Equal input gives equal bytes.

mod content;
mod markup;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pleura_film::{Film, Geometry};
use serde::Serialize;

use crate::error::Error;
use crate::picture::{ColourScale, Contours, Diverging, HeatmapStyle, IsoLine, Outline, scale_limit};

pub use content::{LedgerRow, LedgerTable, Viewer, ViewerMap};

/// The largest long side of the film in the page, for one byte per grey level.
const SIDE: usize = 1024;
/// The same for two bytes per level (films of more than 8 bits); about as many bytes in all.
const DEEP_SIDE: usize = 768;
/// The share of a map's magnitudes below the strongest colour, as in pictures.
const SHARE: f32 = 0.995;
/// Coordinates of lines are stored as multiples of 1/`GRAIN` pixel.
const GRAIN: f64 = 20.0;

/// Renders the page.
///
/// # Errors
/// [`Error::Viewer`] if there is no map, or a map or mask has a wrong size.
pub fn viewer(viewer: &Viewer<'_>) -> Result<String, Error> {
    let refuse = |problem: String| Error::Viewer {
        film: viewer.title.to_owned(),
        problem,
    };
    if viewer.maps.is_empty() {
        return Err(refuse("there is no map to show".to_owned()));
    }
    let size = viewer.geometry.size;
    for map in viewer.maps {
        if map.values.len() != size * size {
            let found = map.values.len();
            return Err(refuse(format!(
                "the map for {:?} has {found} values, expected {size} x {size}",
                map.question
            )));
        }
    }
    let data = Data::of(viewer).map_err(|error| refuse(error.to_string()))?;
    let data = serde_json::to_string(&data).map_err(|error| refuse(error.to_string()))?;
    // A name must not be able to end the script block that holds the data.
    let data = data.replace('<', "\\u003c");
    Ok(markup::page(viewer, &data))
}

/// The data that the page's script reads.
#[derive(Serialize)]
struct Data<'a> {
    title: &'a str,
    notice: &'a str,
    notes: &'a [String],
    film: FilmData,
    geometry: &'a Geometry,
    white: f32,
    /// The share of magnitudes below a map's limit.
    share: f32,
    colours: Colours,
    contours: ContourData,
    contours_on: bool,
    maps: Vec<MapData<'a>>,
    outlines: Vec<OutlineData<'a>>,
}

#[derive(Serialize)]
struct FilmData {
    film_width: usize,
    film_height: usize,
    width: usize,
    height: usize,
    source: String,
    bits: u8,
    /// Grey levels row by row, little-endian.
    levels: String,
}

#[derive(Serialize)]
struct Colours {
    /// 256 colours, from zero to the strongest.
    towards: Vec<u8>,
    against: Vec<u8>,
    /// The cover of each colour at full opacity.
    cover: Vec<f32>,
}

#[derive(Serialize)]
struct ContourData {
    grain: f64,
    smoothing: f32,
}

#[derive(Serialize)]
struct MapData<'a> {
    question: &'a str,
    probability: Option<f64>,
    method: &'a str,
    start: &'a str,
    unit: &'a str,
    limit: f32,
    /// f32, little-endian, `[down, across]`.
    values: String,
    contours: Vec<LineData>,
    ledger: Option<&'a LedgerTable>,
    remark: &'a str,
}

#[derive(Serialize)]
struct LineData {
    share: f32,
    positive: bool,
    level: f32,
    lines: Vec<Vec<i64>>,
}

#[derive(Serialize)]
struct OutlineData<'a> {
    label: &'a str,
    colour: String,
    width: usize,
    height: usize,
    grain: f64,
    lines: Vec<Vec<i64>>,
}

impl<'a> Data<'a> {
    fn of(viewer: &'a Viewer<'a>) -> Result<Self, Error> {
        let style = HeatmapStyle::default();
        let asked = !viewer.contours.shares.is_empty();
        let contours = Contours {
            shares: if asked {
                viewer.contours.shares.clone()
            } else {
                vec![0.5, 0.8]
            },
            ..viewer.contours.clone()
        };
        let size = viewer.geometry.size;
        let map = |map: &'a ViewerMap<'a>| MapData {
            question: &map.question,
            probability: map.probability,
            method: &map.method,
            start: &map.start,
            unit: &map.unit,
            limit: scale_limit(map.values, ColourScale::Quantile(SHARE)),
            values: STANDARD.encode(
                map.values
                    .iter()
                    .flat_map(|value| value.to_le_bytes())
                    .collect::<Vec<u8>>(),
            ),
            contours: contours.lines(map.values, size).iter().map(line_data).collect(),
            ledger: map.ledger.as_ref(),
            remark: &map.remark,
        };
        let outlines = viewer.outlines.iter().map(outline_data);
        Ok(Self {
            title: viewer.title,
            notice: pleura_core::NOTICE,
            notes: viewer.notes,
            film: FilmData::of(viewer.film),
            geometry: viewer.geometry,
            white: style.white,
            share: SHARE,
            colours: Colours::new(),
            contours: ContourData {
                grain: GRAIN,
                smoothing: contours.smoothing,
            },
            contours_on: asked,
            maps: viewer.maps.iter().map(map).collect(),
            outlines: outlines.collect::<Result<_, _>>()?,
        })
    }
}

impl FilmData {
    fn of(film: &Film) -> Self {
        let deep = film.source.bit_depth > 8;
        let most = if deep { DEEP_SIDE } else { SIDE };
        let side = most.min(film.width.max(film.height));
        let (width, height, grey) = pleura_film::scaled(film, side);
        let bytes: Vec<u8> = if deep {
            let level = |grey: f32| (grey.clamp(0.0, 1.0) * 65535.0).round() as u16;
            grey.iter().flat_map(|&grey| level(grey).to_le_bytes()).collect()
        } else {
            let level = |grey: f32| (grey.clamp(0.0, 1.0) * 255.0).round() as u8;
            grey.iter().map(|&grey| level(grey)).collect()
        };
        let shown = if width == film.width {
            String::new()
        } else {
            format!(", here {width} \u{d7} {height}")
        };
        Self {
            film_width: film.width,
            film_height: film.height,
            width,
            height,
            source: format!(
                "{} \u{d7} {} pixels{shown}, {}, {} bits",
                film.width, film.height, film.source.format, film.source.bit_depth
            ),
            bits: if deep { 16 } else { 8 },
            levels: STANDARD.encode(bytes),
        }
    }
}

impl Colours {
    fn new() -> Self {
        let scale = Diverging {
            strength: 1.0,
            ..Diverging::default()
        };
        let places = || (0..=255_u8).map(|place| f32::from(place) / 255.0);
        Self {
            towards: places().flat_map(|value| scale.colour(value).0).collect(),
            // Zero has no colour of its own side: use the smallest negative value instead.
            against: places()
                .flat_map(|value| scale.colour(-value.max(f32::MIN_POSITIVE)).0)
                .collect(),
            cover: places().map(|value| scale.colour(value).1).collect(),
        }
    }
}

fn line_data(line: &IsoLine) -> LineData {
    LineData {
        share: line.share,
        positive: line.positive,
        level: line.level,
        lines: grained(&line.lines),
    }
}

fn outline_data<'a>(outline: &'a Outline<'a>) -> Result<OutlineData<'a>, Error> {
    let [red, green, blue] = outline.colour;
    Ok(OutlineData {
        label: &outline.label,
        colour: format!("#{red:02x}{green:02x}{blue:02x}"),
        width: outline.width,
        height: outline.height,
        grain: GRAIN,
        lines: grained(&outline.lines()?),
    })
}

/// Points in whole grains, x and y in turn, without points on the straight line between their neighbours.
fn grained(lines: &[Vec<[f64; 2]>]) -> Vec<Vec<i64>> {
    let grains = |line: &Vec<[f64; 2]>| {
        let points: Vec<[i64; 2]> = line
            .iter()
            .map(|point| point.map(|at| (GRAIN * at).round() as i64))
            .collect();
        let count = points.len();
        let bends = (0..count).filter(|&at| {
            let (before, here, after) = (
                points[(at + count - 1) % count],
                points[at],
                points[(at + 1) % count],
            );
            let (x, y) = (here[0] - before[0], here[1] - before[1]);
            let (u, v) = (after[0] - here[0], after[1] - here[1]);
            x * v != y * u || x * u + y * v < 0
        });
        bends.flat_map(|at| points[at]).collect()
    };
    lines
        .iter()
        .map(grains)
        .filter(|line: &Vec<i64>| line.len() >= 6)
        .collect()
}
