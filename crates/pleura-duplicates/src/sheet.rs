//! Pairs side by side.

use pleura_draw::picture::{Caption, HeatmapStyle, Panel, Picture, Sheet, film_panel};
use pleura_film::{DecodeOptions, Error, Film};

use crate::look::{Look, Looked, Pair};

/// The long side of a film on the sheet, in pixels.
const SIDE: usize = 320;

/// The first `most` pairs of a look, one a row: the films with their names, datasets and splits, and why they count as one.
///
/// # Errors
/// A film that can no longer be read.
pub fn sheet(look: &Look, most: usize) -> Result<Picture, Error> {
    let mut panels = Vec::new();
    for pair in look.pairs.iter().take(most) {
        panels.push(panel(&pair.one, String::new())?);
        panels.push(panel(&pair.other, why(pair))?);
    }
    let shown = look.pairs.len().min(most);
    let sheet = Sheet {
        columns: 2,
        title: format!(
            "{shown} of {} pairs of films that are one radiograph",
            look.pairs.len()
        ),
        ..Sheet::default()
    };
    Ok(sheet.draw(&panels))
}

fn why(pair: &Pair) -> String {
    let patient = if pair.same_patient {
        "; said to be of one patient"
    } else {
        ""
    };
    format!("{}{patient}", pair.how)
}

fn panel(looked: &Looked, note: String) -> Result<Panel, Error> {
    let film: Film = pleura_film::open(&looked.path, &DecodeOptions::default())?;
    let split = looked
        .split
        .map_or_else(|| "no split".to_string(), |split| split.to_string());
    let caption = Caption {
        title: looked.film.clone(),
        notes: [format!("{split}; {}", looked.dataset), note]
            .into_iter()
            .filter(|line| !line.is_empty())
            .collect(),
        ..Caption::default()
    };
    let style = HeatmapStyle {
        side: SIDE,
        ..HeatmapStyle::default()
    };
    Ok(film_panel(&film, &caption, &style))
}
