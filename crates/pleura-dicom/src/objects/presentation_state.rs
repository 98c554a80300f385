//! Grayscale Softcopy Presentation State (PS3.3 A.33.1): contours of the heatmaps on the film.

use dicom_dictionary_std::tags;
use pleura_draw::picture::{ClosedLine, Contours};
use pleura_film::{Step, WindowFunction};

use super::answer::Heatmap;
use super::common::{Maker, content};
use super::data_set::DataSet;
use super::error::Error;
use super::text::{ds, st};
use super::{Kind, NOTICE};

/// The contours hold this share of the positive relevance.
const SHARE: f32 = 0.5;
/// The most points of a line.
pub(super) const MOST_POINTS: usize = 500;
/// The most lines of a heatmap; the longest are kept.
const MOST_LINES: usize = 100;

/// The presentation state of a film.
///
/// # Errors
/// [`Error::Presentation`] for films in colour and films with a modality lookup table.
pub(super) fn make(maker: &Maker<'_>) -> Result<DataSet, Error> {
    let film = maker.film;
    let photometric = film.text(tags::PHOTOMETRIC_INTERPRETATION);
    let shape = match photometric {
        Some("MONOCHROME1") => "INVERSE",
        Some("MONOCHROME2") => "IDENTITY",
        _ => return Err(Error::Presentation { what: "colour" }),
    };
    if film.has_items(tags::MODALITY_LUT_SEQUENCE) {
        return Err(Error::Presentation {
            what: "a modality lookup table",
        });
    }
    let mut set = maker.object(Kind::PresentationState, "", 1);
    set.put(tags::PRESENTATION_CREATION_DATE, &maker.moment.created.date);
    set.put(tags::PRESENTATION_CREATION_TIME, &maker.moment.created.time);
    content(
        &mut set,
        "PLEURA",
        "Strongest relevance. Research use only. Not for diagnosis.",
    );
    set.item(
        tags::REFERENCED_SERIES_SEQUENCE,
        maker.film_series(tags::REFERENCED_IMAGE_SEQUENCE),
    );
    set.put(tags::PRESENTATION_LUT_SHAPE, shape);
    if let (Some(_), Some(_)) = (
        film.numbers(tags::RESCALE_INTERCEPT, 1),
        film.numbers(tags::RESCALE_SLOPE, 1),
    ) {
        for tag in [tags::RESCALE_INTERCEPT, tags::RESCALE_SLOPE] {
            set.put(tag, film.text(tag).unwrap_or_default());
        }
        set.put(tags::RESCALE_TYPE, film.text(tags::RESCALE_TYPE).unwrap_or("US"));
    }
    if let Some(window) = window(maker) {
        set.item(tags::SOFTCOPY_VOILUT_SEQUENCE, window);
    }
    for (place, heatmap) in maker.answer.shown().iter().enumerate() {
        let layer = layer_name(place);
        let mut item = DataSet::default();
        item.put(tags::GRAPHIC_LAYER, &layer);
        item.put(tags::GRAPHIC_LAYER_ORDER, (place + 1).to_string());
        item.words(tags::GRAPHIC_LAYER_RECOMMENDED_DISPLAY_GRAYSCALE_VALUE, &[65_535]);
        item.words(
            tags::GRAPHIC_LAYER_RECOMMENDED_DISPLAY_CIE_LAB_VALUE,
            &[0x9000, 0xB000, 0xA000],
        );
        let description = format!("Relevance for {}. Not for diagnosis.", heatmap.finding);
        item.put(tags::GRAPHIC_LAYER_DESCRIPTION, super::text::lo(&description));
        set.push(tags::GRAPHIC_LAYER_SEQUENCE, item);
        let annotation = annotation(maker, heatmap, &layer, place);
        set.push(tags::GRAPHIC_ANNOTATION_SEQUENCE, annotation);
    }
    if let Some(first) = maker.answer.shown().first() {
        set.item(tags::DISPLAYED_AREA_SELECTION_SEQUENCE, area(maker, first));
    }
    Ok(set)
}

fn layer_name(place: usize) -> String {
    match place {
        0 => "PLEURA".to_owned(),
        place => format!("PLEURA {}", place + 1),
    }
}

fn area(maker: &Maker<'_>, heatmap: &Heatmap) -> DataSet {
    let mut item = DataSet::default();
    item.item(tags::REFERENCED_IMAGE_SEQUENCE, maker.film_reference());
    item.longs(tags::DISPLAYED_AREA_TOP_LEFT_HAND_CORNER, &[1, 1]);
    let (columns, rows) = (heatmap.geometry.film_width, heatmap.geometry.film_height);
    item.longs(
        tags::DISPLAYED_AREA_BOTTOM_RIGHT_HAND_CORNER,
        &[columns as u32, rows as u32],
    );
    item.put(tags::PRESENTATION_SIZE_MODE, "SCALE TO FIT");
    let aspect = maker.film.numbers(tags::PIXEL_ASPECT_RATIO, 2);
    let aspect = aspect.filter(|aspect| aspect.iter().all(|part| *part >= 1.0 && part.fract() == 0.0));
    let aspect = aspect.map_or("1\\1".to_owned(), |aspect| {
        format!("{}\\{}", aspect[0] as u32, aspect[1] as u32)
    });
    item.put(tags::PRESENTATION_PIXEL_ASPECT_RATIO, aspect);
    item
}

fn annotation(maker: &Maker<'_>, heatmap: &Heatmap, layer: &str, place: usize) -> DataSet {
    let mut item = DataSet::default();
    item.item(tags::REFERENCED_IMAGE_SEQUENCE, maker.film_reference());
    item.put(tags::GRAPHIC_LAYER, layer);
    let graphics: Vec<DataSet> = lines(heatmap).iter().map(graphic).collect();
    if !graphics.is_empty() {
        item.items(tags::GRAPHIC_OBJECT_SEQUENCE, graphics);
    }
    let words = format!(
        "{} {:.2}: lines hold {} % of the evidence for it. {NOTICE}",
        heatmap.finding,
        heatmap.probability,
        100.0 * SHARE
    );
    let mut text = DataSet::default();
    text.put(tags::BOUNDING_BOX_ANNOTATION_UNITS, "DISPLAY");
    text.put(tags::UNFORMATTED_TEXT_VALUE, st(&words));
    let top = 0.95 - 0.05 * place.min(18) as f32;
    text.floats(tags::BOUNDING_BOX_TOP_LEFT_HAND_CORNER, [0.01, top]);
    text.floats(tags::BOUNDING_BOX_BOTTOM_RIGHT_HAND_CORNER, [0.99, top + 0.04]);
    text.put(tags::BOUNDING_BOX_TEXT_HORIZONTAL_JUSTIFICATION, "LEFT");
    item.item(tags::TEXT_OBJECT_SEQUENCE, text);
    item
}

/// The closed lines around the fewest pixels that hold the share, in pixels of the film; the last point is
/// the first.
fn lines(heatmap: &Heatmap) -> Vec<ClosedLine> {
    let size = heatmap.geometry.size;
    let contours = Contours {
        shares: vec![SHARE],
        smoothing: Contours::usual_smoothing(size),
    };
    let found = contours.lines(&heatmap.values, size).into_iter();
    let mut lines: Vec<ClosedLine> = found
        .filter(|line| line.positive)
        .flat_map(|line| line.lines)
        .collect();
    lines.sort_by_key(|line| std::cmp::Reverse(line.len()));
    lines.truncate(MOST_LINES);
    let geometry = &heatmap.geometry;
    let (width, height) = (geometry.film_width as f64, geometry.film_height as f64);
    for line in &mut lines {
        let every = line.len().div_ceil(MOST_POINTS - 1).max(1);
        *line = line.iter().step_by(every).copied().collect();
        for point in &mut *line {
            let [x, y] = geometry.to_film(point[0], point[1]);
            *point = [x.clamp(0.0, width), y.clamp(0.0, height)];
        }
        if let Some(&first) = line.first() {
            line.push(first);
        }
    }
    lines
}

fn graphic(line: &ClosedLine) -> DataSet {
    let mut item = DataSet::default();
    item.put(tags::GRAPHIC_ANNOTATION_UNITS, "PIXEL");
    item.words(tags::GRAPHIC_DIMENSIONS, &[2]);
    item.words(tags::NUMBER_OF_GRAPHIC_POINTS, &[line.len() as u16]);
    item.floats(
        tags::GRAPHIC_DATA,
        line.iter().flat_map(|point| point.map(|value| value as f32)),
    );
    item.put(tags::GRAPHIC_TYPE, "POLYLINE");
    item.put(tags::GRAPHIC_FILLED, "N");
    item
}

/// The window of the film's decoding; `None` if a lookup table was used.
fn window(maker: &Maker<'_>) -> Option<DataSet> {
    let steps = &maker.answer.source()?.steps;
    let (center, width, function) = steps.iter().rev().find_map(|step| match *step {
        Step::Window {
            center,
            width,
            function,
            ..
        } => Some((center, width, function)),
        Step::MinMax { min, max } | Step::FullRange { min, max } => Some((
            f64::midpoint(min, max),
            (max - min).max(1.0),
            WindowFunction::LinearExact,
        )),
        _ => None,
    })?;
    let mut item = DataSet::default();
    item.put(tags::WINDOW_CENTER, ds(center));
    item.put(tags::WINDOW_WIDTH, ds(width));
    if function != WindowFunction::Linear {
        item.put(tags::VOILUT_FUNCTION, function.to_string());
    }
    Some(item)
}
