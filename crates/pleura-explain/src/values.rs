//! The numbers of a picture, saved beside it with their description.

use std::path::{Path, PathBuf};

use pleura_core::fs::write_atomic;
use pleura_draw::picture::{ColourScale, HeatmapStyle, scale_limit, smooth};
use pleura_film::Geometry;
use serde::Serialize;

use crate::picture::origin;
use crate::{Account, Error, Map, Method, npy};

/// Description of a map, written as JSON.
#[derive(Clone, Debug, Serialize)]
pub struct About<'a> {
    /// The film's file; `None` for a mean over films.
    pub film: Option<&'a Path>,
    /// The attribution method.
    #[serde(serialize_with = "name")]
    pub method: &'a Method,
    /// Probability of the question's output, if it has a single one.
    pub probability: Option<f64>,
    /// Mapping of map pixels to the film; `None` for a mean over films.
    pub geometry: Option<&'a Geometry>,
    /// Digest of the model.
    pub model: &'a str,
    /// The picture's file name.
    pub picture: &'a str,
    /// The notice that accompanies every answer.
    pub notice: &'a str,
}

/// Files written by [`save`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Saved {
    /// `[rows, columns]`, float32, unsmoothed.
    pub values: PathBuf,
    /// Shape, unit, axes, geometry and account.
    pub about: PathBuf,
}

/// Writes a map's values (`.npy`, `[size, size]`) and their description (`.json`) beside its picture, under
/// the picture's name.
///
/// # Errors
/// [`Error::File`], [`Error::Format`].
pub fn save(
    picture: &Path,
    map: &Map,
    size: usize,
    style: &HeatmapStyle,
    about: &About<'_>,
) -> Result<Saved, Error> {
    let beside = |extension: &str| picture.with_extension(extension);
    let (values, json) = (beside("npy"), beside("json"));
    write_atomic(&values, &npy::bytes(&[size, size], &map.heatmap))?;
    let record = Record {
        values: values.file_name().map(|name| name.to_string_lossy().into_owned()),
        dtype: "float32, little-endian",
        shape: [size, size],
        axes: ["down", "across"],
        unit: about.method.unit(),
        sign: "positive speaks for the question, negative against it",
        question: map.start.words(),
        start: Start {
            at: origin(&map.start),
            value: map.value,
        },
        account: Sums::of(map),
        to_film: about.geometry.map(|_| {
            "pixel [row, column] covers film x from origin[0] + scale[0]*column to origin[0] + scale[0]*(column + 1), and film y likewise \
             with row and index 1; film coordinates begin at the film's upper left corner"
        }),
        drawn: Drawn {
            smoothing: style.smoothing,
            strongest_colour: scale_limit(&smooth(&map.heatmap, size, style.smoothing), style.scale),
            scale: match style.scale {
                ColourScale::Greatest => "greatest magnitude".to_owned(),
                ColourScale::Quantile(share) => format!("{} % of all magnitudes lie below it", 100.0 * share),
                ColourScale::Fixed(_) => "fixed".to_owned(),
            },
            contour_shares: &style.contours.shares,
            contour_smoothing: style.contours.smoothing.max(style.smoothing),
        },
        about,
    };
    let mut text = serde_json::to_string_pretty(&record).map_err(|error| Error::Format {
        problem: error.to_string(),
    })?;
    text.push('\n');
    write_atomic(&json, text.as_bytes())?;
    Ok(Saved { values, about: json })
}

#[derive(Serialize)]
struct Record<'a> {
    values: Option<String>,
    dtype: &'static str,
    shape: [usize; 2],
    axes: [&'static str; 2],
    unit: &'static str,
    sign: &'static str,
    question: String,
    start: Start,
    account: Sums,
    #[serde(skip_serializing_if = "Option::is_none")]
    to_film: Option<&'static str>,
    drawn: Drawn<'a>,
    #[serde(flatten)]
    about: &'a About<'a>,
}

#[derive(Serialize)]
struct Start {
    at: &'static str,
    value: f64,
}

/// Sums of the values, as far as the method defines them.
#[derive(Serialize)]
struct Sums {
    #[serde(skip_serializing_if = "Option::is_none")]
    pixels: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    biases: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stabilisers: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    baseline: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    open: Option<f64>,
    words: String,
}

impl Sums {
    fn of(map: &Map) -> Self {
        let ledger = map.ledger();
        Self {
            pixels: map.account.pixels(),
            biases: ledger.map(|ledger| ledger.bias),
            stabilisers: ledger.map(|ledger| ledger.epsilon),
            baseline: match map.account {
                Account::Baseline { baseline, .. } => Some(baseline),
                _ => None,
            },
            open: map.account.open(map.value),
            words: map.account.words(map.value),
        }
    }
}

fn name<S: serde::Serializer>(method: &Method, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(method.name())
}

/// Display settings of the picture; the saved values are unchanged by them.
#[derive(Serialize)]
struct Drawn<'a> {
    smoothing: f32,
    strongest_colour: f32,
    scale: String,
    contour_shares: &'a [f32],
    contour_smoothing: f32,
}
