//! Heatmaps over films, with the text needed to read them.

use pleura_draw::picture::{
    Caption, Heatmap, HeatmapStyle, Outline, Panel, Picture, Sheet, film_panel, heatmap,
};
use pleura_film::{Film, Geometry};

use crate::{Error, Map, Method, Start};

/// Unit of a value for relevance that starts at logits: all values of a map, its biases and its stabilisers
/// add up to the logit, and each belongs to one pixel of the map.
pub const UNIT: &str = "logit per map pixel";

/// Text beside a film and its maps.
#[derive(Clone, Debug, Default)]
pub struct Labels {
    /// The film's name.
    pub title: String,
    /// Further lines, such as the true class.
    pub notes: Vec<String>,
}

/// The start of the relevance, in words.
pub fn origin(start: &Start) -> &'static str {
    match start {
        Start::Logit(_) => "the logit",
        Start::Difference(..) => "the difference of two logits",
        Start::Threshold { .. } => "the logit less the threshold's",
    }
}

/// Share of a map that no picture shows: relevance on the padding of a film that was padded to a square.
/// `None` if there is none.
pub fn beyond(heatmap: &[f32], geometry: &Geometry) -> Option<String> {
    let (mut all, mut padding) = (0.0, 0.0);
    for (place, value) in heatmap.iter().enumerate() {
        let (x, y) = (place % geometry.size, place / geometry.size);
        let magnitude = f64::from(value.abs());
        all += magnitude;
        if !geometry.on_film(x as f64 + 0.5, y as f64 + 0.5) {
            padding += magnitude;
        }
    }
    (padding > 0.0).then(|| {
        let percent = 100.0 * padding / all;
        format!("{percent:.0} % of the map, counted without signs, lies on the padding around the film and is not shown.")
    })
}

/// Draws a map over its film. `probability` is the output's, if the question is about a single output;
/// `method` is the attribution method.
///
/// # Errors
/// [`Error::Picture`] if an outline's mask has the wrong size.
pub fn draw(
    film: &Film,
    geometry: &Geometry,
    map: &Map,
    probability: Option<f64>,
    method: &Method,
    labels: &Labels,
    outlines: &[Outline<'_>],
    style: &HeatmapStyle,
) -> Result<Panel, Error> {
    let account = map.account.words(map.value);
    let mut notes = vec![format!("From {} {account}", origin(&map.start))];
    notes.extend(beyond(&map.heatmap, geometry));
    notes.extend(labels.notes.iter().cloned());
    let caption = Caption {
        title: labels.title.clone(),
        finding: map.start.words(),
        probability,
        method: format!("{}, from {}", method.words(geometry.size), origin(&map.start)),
        unit: method.unit().to_owned(),
        notes,
    };
    let values = Heatmap {
        values: &map.heatmap,
        geometry,
    };
    Ok(heatmap(film, &values, &caption, outlines, style)?)
}

/// Draws the film and its maps side by side: one row per method, or a single row if each method has one map.
pub fn sheet(film: &Film, rows: &[Vec<Panel>], labels: &Labels, style: &HeatmapStyle) -> Picture {
    let caption = Caption {
        title: labels.title.clone(),
        notes: labels.notes.clone(),
        ..Caption::default()
    };
    let plain = film_panel(film, &caption, style);
    let most = rows.iter().map(Vec::len).max().unwrap_or(0);
    let mut panels = vec![plain.clone()];
    if rows.len() == 1 || most <= 1 {
        panels.extend(rows.iter().flatten().cloned());
        // A model may have fifteen findings: use rows of four.
        return Sheet {
            columns: panels.len().min(4),
            ..Sheet::default()
        }
        .draw(&panels);
    }
    panels.clear();
    for row in rows {
        panels.push(plain.clone());
        panels.extend(row.iter().cloned());
        let nothing = || Panel::from(Picture::new(1, 1, [0; 3]));
        panels.extend((row.len()..most).map(|_| nothing()));
    }
    Sheet {
        columns: most + 1,
        ..Sheet::default()
    }
    .draw(&panels)
}
