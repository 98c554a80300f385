//! A sheet of pairs, side by side.

use pleura_draw::picture::{Caption, HeatmapStyle, Panel, Picture, Sheet, film_panel};
use pleura_film::{DecodeOptions, Error, Film};

use crate::report::{DuplicateReport, ImageRef, Pair};

/// The long side of each film on the sheet, in pixels.
const SIDE: usize = 320;

/// The first `most` pairs, one a row: both films with name, dataset and split, and how they match.
///
/// # Errors
/// A film that cannot be read.
pub fn pair_sheet(report: &DuplicateReport, most: usize) -> Result<Picture, Error> {
    let mut panels = Vec::new();
    for pair in report.pairs.iter().take(most) {
        panels.push(panel(&pair.one, String::new())?);
        panels.push(panel(&pair.other, match_note(pair))?);
    }
    let shown = report.pairs.len().min(most);
    let sheet = Sheet {
        columns: 2,
        title: format!("{shown} of {} duplicate pairs", report.pairs.len()),
        ..Sheet::default()
    };
    Ok(sheet.draw(&panels))
}

fn match_note(pair: &Pair) -> String {
    let patient = if pair.same_patient { "; same patient" } else { "" };
    format!("{}{patient}", pair.kind)
}

fn panel(image: &ImageRef, note: String) -> Result<Panel, Error> {
    let film: Film = pleura_film::open(&image.path, &DecodeOptions::default())?;
    let split = image
        .split
        .map_or_else(|| "no split".to_string(), |split| split.to_string());
    let caption = Caption {
        title: image.film.clone(),
        notes: [format!("{split}; {}", image.dataset), note]
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
