//! Heatmaps as people look at them: over the film, with everything said that is needed to read them.

use pleura_film::picture::{Caption, Heatmap, Outline, Picture, Sheet, Style, heatmap};
use pleura_film::{Film, Geometry};

use crate::{Composite, Error, Map, Start};

/// What is said about a film beside its maps.
#[derive(Clone, Debug, Default)]
pub struct Labels {
    /// The film's name.
    pub title: String,
    /// Facts for the lines below, such as the true class.
    pub notes: Vec<String>,
}

/// One map over its film. `probability` is the output's own, where one output was asked for.
///
/// # Errors
/// [`Error::Picture`] where an outline's mask has not its size.
pub fn draw(
    film: &Film,
    geometry: &Geometry,
    map: &Map,
    probability: Option<f64>,
    composite: &Composite,
    labels: &Labels,
    outlines: &[Outline<'_>],
    style: &Style,
) -> Result<Picture, Error> {
    let start = match map.start {
        Start::Logit(_) => "the logit",
        Start::Difference(..) => "the difference of two logits",
        Start::Threshold(..) => "the logit less the threshold's",
    };
    let mut notes = vec![format!(
        "Starts at {start}, {:+.3}; {:+.3} of it reaches the pixels.",
        map.ledger.start, map.ledger.input
    )];
    notes.extend(labels.notes.iter().cloned());
    let caption = Caption {
        title: labels.title.clone(),
        finding: map.start.words(),
        probability,
        method: format!("LRP, {}", composite.words()),
        notes,
    };
    let values = Heatmap {
        values: &map.heatmap,
        geometry,
    };
    Ok(heatmap(film, &values, &caption, outlines, style)?)
}

/// The plain film and its maps, side by side.
pub fn sheet(film: &Film, maps: &[Picture], title: &str, style: &Style) -> Picture {
    let mut pictures = vec![Picture::from_film(film, style.side)];
    pictures.extend(maps.iter().cloned());
    Sheet {
        columns: pictures.len().min(4),
        title: title.to_owned(),
        ..Sheet::default()
    }
    .draw(&pictures)
}
