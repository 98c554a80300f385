//! Pixels, floats, and graphics.

use dicom_core::Tag;
use dicom_dictionary_std::tags;

use super::{Fault, Set, items, needed, number, text};
use crate::objects::presentation_state::MOST_POINTS;

/// The longest side of a picture.
const LONGEST_SIDE: usize = 1024;

fn bytes_of(set: &Set, tag: Tag) -> Result<usize, Fault> {
    let element = set.get(tag).ok_or_else(|| Fault::new(tag, "is missing"))?;
    let bytes = element.to_bytes().map_err(|_| Fault::new(tag, "has no bytes"))?;
    Ok(bytes.len())
}

fn equal(tag: Tag, found: usize, expected: usize, what: &str) -> Result<(), Fault> {
    if found == expected {
        return Ok(());
    }
    Err(Fault::new(tag, format!("{found} {what}, expected {expected}")))
}

/// A secondary capture.
pub(super) fn picture(set: &Set) -> Result<(), Fault> {
    let (rows, columns) = (number(set, tags::ROWS)?, number(set, tags::COLUMNS)?);
    if rows == 0 || columns == 0 || rows.max(columns) > LONGEST_SIDE {
        let problem = format!("{columns} x {rows} pixels; expected at most {LONGEST_SIDE} a side");
        return Err(Fault::new(tags::ROWS, problem));
    }
    let samples = rows * columns * 3;
    let found = bytes_of(set, tags::PIXEL_DATA)?;
    equal(tags::PIXEL_DATA, found, samples + samples % 2, "bytes")
}

/// A parametric map.
pub(super) fn map(set: &Set) -> Result<(), Fault> {
    let (rows, columns) = (number(set, tags::ROWS)?, number(set, tags::COLUMNS)?);
    let frames = number(set, tags::NUMBER_OF_FRAMES)?;
    let found = bytes_of(set, tags::FLOAT_PIXEL_DATA)?;
    equal(
        tags::FLOAT_PIXEL_DATA,
        found,
        rows * columns * frames * 4,
        "bytes",
    )?;
    let groups = tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE;
    equal(groups, items(set, groups).len(), frames, "items")?;
    for absent in [tags::BITS_STORED, tags::HIGH_BIT, tags::PIXEL_REPRESENTATION] {
        if set.get(absent).is_some() {
            return Err(Fault::new(absent, "does not go with floats"));
        }
    }
    Ok(())
}

/// A presentation state.
pub(super) fn presentation(set: &Set) -> Result<(), Fault> {
    let layers: Vec<String> = items(set, tags::GRAPHIC_LAYER_SEQUENCE)
        .iter()
        .map(|layer| needed(layer, tags::GRAPHIC_LAYER))
        .collect::<Result<_, _>>()?;
    for annotation in items(set, tags::GRAPHIC_ANNOTATION_SEQUENCE) {
        let layer = needed(annotation, tags::GRAPHIC_LAYER)?;
        if !layers.contains(&layer) {
            return Err(Fault::new(
                tags::GRAPHIC_LAYER,
                format!("{layer:?} is not a layer of this object"),
            ));
        }
        if items(annotation, tags::REFERENCED_IMAGE_SEQUENCE).len() != 1 {
            return Err(Fault::new(tags::REFERENCED_IMAGE_SEQUENCE, "expected one film"));
        }
        let texts = items(annotation, tags::TEXT_OBJECT_SEQUENCE);
        if !texts
            .iter()
            .any(|one| text(one, tags::UNFORMATTED_TEXT_VALUE).is_some())
        {
            return Err(Fault::new(tags::TEXT_OBJECT_SEQUENCE, "lacks its notice"));
        }
        for graphic in items(annotation, tags::GRAPHIC_OBJECT_SEQUENCE) {
            closed_line(graphic)?;
        }
    }
    Ok(())
}

fn closed_line(graphic: &Set) -> Result<(), Fault> {
    if text(graphic, tags::GRAPHIC_TYPE).as_deref() != Some("POLYLINE") {
        return Err(Fault::new(tags::GRAPHIC_TYPE, "expected POLYLINE"));
    }
    let tag = tags::GRAPHIC_DATA;
    let element = graphic.get(tag).ok_or_else(|| Fault::new(tag, "is missing"))?;
    let data = element
        .to_multi_float32()
        .map_err(|_| Fault::new(tag, "is not numbers"))?;
    let points = number(graphic, tags::NUMBER_OF_GRAPHIC_POINTS)?;
    equal(tag, data.len(), 2 * points, "numbers")?;
    if !(3..=MOST_POINTS).contains(&points) {
        let problem = format!("{points} points; expected 3 to {MOST_POINTS}");
        return Err(Fault::new(tags::NUMBER_OF_GRAPHIC_POINTS, problem));
    }
    if data.first_chunk::<2>() != data.last_chunk::<2>() {
        return Err(Fault::new(tag, "the last point is not the first"));
    }
    Ok(())
}
