//! Figures of the text audit: differences with intervals, relevance, and detected text.

use anyhow::Result;
use pleura_audit::burned_in_text::{Kind, Mean, Outcome};
use pleura_draw::picture::{Outline, Picture, Sheet, TextSize};
use pleura_draw::plot::{self, Axis, IntervalRow, Plot, Ticks};
use pleura_eval::{Difference, Estimate};
use pleura_film::DecodeOptions;

use super::Shelf;
use super::found::{FilmFound, Found};
use super::told::{in_points, percent};
use crate::console::NOTICE;

/// Side of a film on the sheet, in pixels.
const SIDE: usize = 420;

/// The figures of an experiment, by the names of their files.
pub(super) fn plots(outcome: &Outcome) -> Vec<(&'static str, Plot)> {
    let covering = &outcome.covering;
    let row = |label: &str, measured: &Estimate, style: usize, text: String| IntervalRow {
        label: label.to_owned(),
        value: measured.value,
        interval: measured.low.zip(measured.high),
        text,
        style,
    };
    let level = |label: &str, measured: &Estimate, style| row(label, measured, style, measured.cell());
    let mut plots = vec![(
        "accuracy.svg",
        plot::intervals(
            &format!(
                "{} of {} lettered films",
                capital(&covering.metric),
                outcome.lettered
            ),
            &Axis::new(covering.metric.as_str()).range(0.0, 1.0),
            &[
                level("as they are", &covering.shown, 0),
                level("words covered", &covering.covered, 1),
                level("patches elsewhere covered", &covering.patched, 2),
            ],
            None,
            &[],
        ),
    )];
    let gap = |label: &str, difference: &Difference, style| {
        row(
            label,
            &difference.difference,
            style,
            in_points(&difference.difference),
        )
    };
    let mut rows = vec![
        IntervalRow::heading(format!("{}, covered less shown", covering.metric)),
        gap("words", &covering.change, 1),
        gap("patches elsewhere", &covering.patch_change, 2),
        gap("patches less words", &covering.worth, 0),
    ];
    if let Some(swap) = &outcome.swap {
        rows.push(IntervalRow::heading("answers moved by pasting"));
        rows.push(gap("words less patches", &swap.excess, 0));
    }
    plots.push((
        "differences.svg",
        plot::intervals(
            "What words are worth",
            &Axis::new("share of the answers (figures: percentage points)"),
            &rows,
            Some(0.0),
            &[],
        ),
    ));
    if !outcome.relevance.is_empty() {
        let mean = |label: &str, mean: &Mean, style| IntervalRow {
            label: label.to_owned(),
            value: Some(mean.value),
            interval: mean.low.zip(mean.high),
            text: percent(mean),
            style,
        };
        let rows: Vec<IntervalRow> = outcome
            .relevance
            .iter()
            .flat_map(|class| {
                [
                    IntervalRow::heading(class.finding.as_str()),
                    mean("relevance on words", &class.words, 1),
                    mean("on patches elsewhere", &class.elsewhere, 2),
                    mean("area of the words", &class.area, 0),
                ]
            })
            .collect();
        let axis = Axis::new("share").from_zero().ticks(Ticks::Percent);
        plots.push((
            "relevance.svg",
            plot::intervals("Relevance on words", &axis, &rows, None, &[]),
        ));
    }
    plots
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// Films with their detected text in boxes by kind, evenly chosen among films with text. `None` without such
/// films.
pub(super) fn sheet(films: &Shelf<'_>, found: &Found, most: usize) -> Result<Option<Picture>> {
    let lettered: Vec<usize> = (0..films.len())
        .filter(|&film| !found.films[film].objects.is_empty())
        .collect();
    let count = most.min(lettered.len());
    let mut drawn = Vec::with_capacity(count);
    for place in 0..count {
        let number = lettered[place * lettered.len() / count];
        drawn.push(draw(films, number, &found.films[number])?.into());
    }
    let sheet = Sheet {
        columns: 4,
        title: format!("Found: words yellow, letters alone green, arrows white. {NOTICE}"),
        ..Sheet::default()
    };
    Ok((!drawn.is_empty()).then(|| sheet.draw(&drawn)))
}

fn draw(films: &Shelf<'_>, number: usize, found: &FilmFound) -> Result<Picture> {
    let film = pleura_film::open(&films.path(number), &DecodeOptions::default())?;
    let shown = Picture::from_film(&film, SIDE);
    let line = TextSize::Small.line();
    let mut picture = Picture::new(shown.width, shown.height + line, [0; 3]);
    picture.paste(&shown, 0, 0);
    for (kind, colour) in [
        (Kind::Words, Outline::YELLOW),
        (Kind::Letter, Outline::GREEN),
        (Kind::Arrow, Outline::WHITE),
    ] {
        let mut mask = vec![false; shown.width * shown.height];
        for object in found.objects.iter().filter(|object| object.kind == kind) {
            // The box on the picture, with room for the line around it.
            let range = |from: usize, length: usize, film: usize, picture: usize| {
                let first = (from * picture / film).saturating_sub(4);
                first..((from + length) * picture / film + 5).min(picture)
            };
            let bounds = object.bounds;
            for row in range(bounds.top, bounds.height, film.height, shown.height) {
                for column in range(bounds.left, bounds.width, film.width, shown.width) {
                    mask[row * shown.width + column] = true;
                }
            }
        }
        let outline = Outline {
            width: shown.width,
            height: shown.height,
            mask: &mask,
            colour,
            label: kind.to_string(),
        };
        outline.draw(&mut picture, 0, 0, shown.width, shown.height)?;
    }
    picture.text(2, shown.height + 2, &found.name, TextSize::Small, [220; 3]);
    Ok(picture)
}
