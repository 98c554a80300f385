//! Heatmaps as people look at them: over the film, with everything said that is needed to read them.

use pleura_draw::picture::{
    Caption, Heatmap, HeatmapStyle, Outline, Panel, Picture, Sheet, film_panel, heatmap,
};
use pleura_film::{Film, Geometry};

use crate::{Error, Map, Method, Start};

/// What one unit of a value is where relevance starts at logits: all values of a map, its biases and its stabilisers add up to the
/// logit, so each is a number of logits, and each belongs to one pixel of the map.
pub const UNIT: &str = "logit per map pixel";

/// What is said about a film beside its maps.
#[derive(Clone, Debug, Default)]
pub struct Labels {
    /// The film's name.
    pub title: String,
    /// Facts for the lines below, such as the true class.
    pub notes: Vec<String>,
}

/// What relevance starts at, in words.
pub fn origin(start: &Start) -> &'static str {
    match start {
        Start::Logit(_) => "the logit",
        Start::Difference(..) => "the difference of two logits",
        Start::Threshold { .. } => "the logit less the threshold's",
    }
}

/// What of a map no picture of its film can show: what lies on the padding around a film that was made square by it. Nothing where there is none.
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

/// One map over its film. `probability` is the output's own, where one output was asked for; `method` is how the values were found.
///
/// # Errors
/// [`Error::Picture`] where an outline's mask has not its size.
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

/// The film and its maps side by side: a row for each way the maps were found, or one row where each way has one map.
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
        // A model may have fifteen findings: rows of four then.
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
