//! Parametric Map (PS3.3 A.75): the relevance of every heatmap as numbers, one frame a finding.

use dicom_dictionary_std::tags;

use super::codes;
use super::common::{Maker, coded, content};
use super::data_set::DataSet;
use super::text::{ds, lo};
use super::{Kind, NOTICE};

const IMAGE_TYPE: &str = "DERIVED\\PRIMARY\\VOLUME\\NONE";

/// The parametric map of a film with at least one heatmap.
pub(super) fn make(maker: &Maker<'_>) -> DataSet {
    let maps = maker.answer.shown();
    let size = maps.first().map_or(0, |map| map.geometry.size);
    let mut set = maker.object(Kind::ParametricMap, "", 1);
    set.put(tags::IMAGE_TYPE, IMAGE_TYPE);
    set.put(tags::CONTENT_DATE, &maker.moment.created.date);
    set.put(tags::CONTENT_TIME, &maker.moment.created.time);
    content(
        &mut set,
        "RELEVANCE",
        "Relevance. Research use only. Not for diagnosis.",
    );
    set.put(tags::CONTENT_QUALIFICATION, "RESEARCH");
    // A map shows no pixels of the film.
    set.put(tags::BURNED_IN_ANNOTATION, "NO");
    set.put(tags::RECOGNIZABLE_VISUAL_FEATURES, "NO");
    set.put(tags::IMAGE_COMMENTS, NOTICE);
    maker.lossy(&mut set);
    set.put(tags::PRESENTATION_LUT_SHAPE, "IDENTITY");
    set.words(tags::SAMPLES_PER_PIXEL, &[1]);
    set.put(tags::PHOTOMETRIC_INTERPRETATION, "MONOCHROME2");
    set.words(tags::ROWS, &[size as u16]);
    set.words(tags::COLUMNS, &[size as u16]);
    set.words(tags::BITS_ALLOCATED, &[32]);
    set.put(tags::NUMBER_OF_FRAMES, maps.len().to_string());
    set.empty(tags::ACQUISITION_CONTEXT_SEQUENCE);
    set.put(tags::FRAME_OF_REFERENCE_UID, maker.uid("frame of reference"));
    set.empty(tags::POSITION_REFERENCE_INDICATOR);
    set.item(
        tags::REFERENCED_SERIES_SEQUENCE,
        maker.film_series(tags::REFERENCED_INSTANCE_SEQUENCE),
    );
    dimensions(maker, &mut set);
    set.item(tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE, shared(maker));
    let frames = (0..maps.len()).map(|place| frame(maker, place)).collect();
    set.items(tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE, frames);
    let values = maps.iter().flat_map(|map| map.values.iter().copied());
    set.floats(tags::FLOAT_PIXEL_DATA, values);
    set
}

fn dimensions(maker: &Maker<'_>, set: &mut DataSet) {
    let organisation = maker.uid("dimension organisation");
    let mut item = DataSet::default();
    item.put(tags::DIMENSION_ORGANIZATION_UID, &organisation);
    set.item(tags::DIMENSION_ORGANIZATION_SEQUENCE, item);
    for (pointer, label) in [
        (tags::STACK_ID, "Stack ID"),
        (tags::IN_STACK_POSITION_NUMBER, "In-Stack Position Number"),
    ] {
        let mut item = DataSet::default();
        item.put(tags::DIMENSION_ORGANIZATION_UID, &organisation);
        item.pointer(tags::DIMENSION_INDEX_POINTER, pointer);
        item.pointer(tags::FUNCTIONAL_GROUP_POINTER, tags::FRAME_CONTENT_SEQUENCE);
        item.put(tags::DIMENSION_DESCRIPTION_LABEL, label);
        set.push(tags::DIMENSION_INDEX_SEQUENCE, item);
    }
}

/// The functional groups of all frames.
fn shared(maker: &Maker<'_>) -> DataSet {
    let maps = maker.answer.shown();
    let mut groups = DataSet::default();
    let mut group = |sequence, fill: &dyn Fn(&mut DataSet)| {
        let mut item = DataSet::default();
        fill(&mut item);
        groups.item(sequence, item);
    };
    group(tags::PIXEL_MEASURES_SEQUENCE, &|item| {
        let [down, across] = spacing(maker);
        item.put(tags::PIXEL_SPACING, format!("{}\\{}", ds(down), ds(across)));
        item.put(tags::SLICE_THICKNESS, "1");
    });
    group(tags::PLANE_ORIENTATION_SEQUENCE, &|item| {
        item.put(tags::IMAGE_ORIENTATION_PATIENT, "1\\0\\0\\0\\1\\0");
    });
    group(tags::PARAMETRIC_MAP_FRAME_TYPE_SEQUENCE, &|item| {
        item.put(tags::FRAME_TYPE, IMAGE_TYPE);
    });
    let strongest = maps.iter().map(|map| map.scale).fold(0.0, f32::max);
    group(tags::FRAME_VOILUT_SEQUENCE, &|item| {
        let width = 2.0 * f64::from(strongest);
        item.put(tags::WINDOW_CENTER, "0");
        item.put(tags::WINDOW_WIDTH, ds(if width > 0.0 { width } else { 1.0 }));
        item.put(tags::VOILUT_FUNCTION, "LINEAR_EXACT");
    });
    group(tags::PIXEL_VALUE_TRANSFORMATION_SEQUENCE, &|item| {
        item.put(tags::RESCALE_INTERCEPT, "0");
        item.put(tags::RESCALE_SLOPE, "1");
        item.put(tags::RESCALE_TYPE, "US");
    });
    group(tags::REAL_WORLD_VALUE_MAPPING_SEQUENCE, &|item| {
        let values = maps.iter().flat_map(|map| map.values.iter().copied());
        let finite = values.filter(|value| value.is_finite());
        let (least, greatest) = finite.fold((0.0_f32, 0.0_f32), |(least, greatest), value| {
            (least.min(value), greatest.max(value))
        });
        item.double(tags::REAL_WORLD_VALUE_INTERCEPT, 0.0);
        item.double(tags::REAL_WORLD_VALUE_SLOPE, 1.0);
        let unit = maps.first().map_or("", |map| map.unit.as_str());
        item.put(tags::LUT_EXPLANATION, lo(&format!("Relevance, {unit}")));
        item.put(tags::LUT_LABEL, "RELEVANCE");
        item.double(
            tags::DOUBLE_FLOAT_REAL_WORLD_VALUE_FIRST_VALUE_MAPPED,
            f64::from(least),
        );
        item.double(
            tags::DOUBLE_FLOAT_REAL_WORLD_VALUE_LAST_VALUE_MAPPED,
            f64::from(greatest),
        );
        item.items(tags::MEASUREMENT_UNITS_CODE_SEQUENCE, coded(codes::NO_UNITS));
        let mut quantity = DataSet::default();
        quantity.put(tags::VALUE_TYPE, "CODE");
        quantity.items(tags::CONCEPT_NAME_CODE_SEQUENCE, coded(codes::QUANTITY));
        quantity.items(tags::CONCEPT_CODE_SEQUENCE, coded(codes::SALIENCY));
        item.item(tags::QUANTITY_DEFINITION_SEQUENCE, quantity);
    });
    groups
}

/// Distance between the map's rows and columns in mm; with 1 mm a film pixel if the film does not say.
fn spacing(maker: &Maker<'_>) -> [f64; 2] {
    let stated = [tags::PIXEL_SPACING, tags::IMAGER_PIXEL_SPACING]
        .into_iter()
        .find_map(|tag| maker.film.numbers(tag, 2));
    let stated = stated.filter(|stated| stated.iter().all(|distance| *distance > 0.0));
    let film = stated.map_or([1.0, 1.0], |stated| [stated[0], stated[1]]);
    let scale = maker
        .answer
        .shown()
        .first()
        .map_or([1.0, 1.0], |map| map.geometry.scale);
    [film[0] * scale[1], film[1] * scale[0]]
}

/// The functional groups of one frame.
fn frame(maker: &Maker<'_>, place: usize) -> DataSet {
    let number = place as u32 + 1;
    let mut groups = DataSet::default();
    let mut content = DataSet::default();
    content.put(tags::STACK_ID, "1");
    content.longs(tags::IN_STACK_POSITION_NUMBER, &[number]);
    content.longs(tags::DIMENSION_INDEX_VALUES, &[1, number]);
    if let Some(map) = maker.answer.shown().get(place) {
        content.put(tags::FRAME_LABEL, lo(&map.finding));
    }
    groups.item(tags::FRAME_CONTENT_SEQUENCE, content);
    let mut position = DataSet::default();
    position.put(tags::IMAGE_POSITION_PATIENT, format!("0\\0\\{place}"));
    groups.item(tags::PLANE_POSITION_SEQUENCE, position);
    let mut derivation = DataSet::default();
    let words = maker.answer.shown().get(place).map_or(String::new(), |map| {
        format!("{}: evidence for and against {}", map.method, map.finding)
    });
    derivation.put(tags::DERIVATION_DESCRIPTION, super::text::st(&words));
    derivation.items(tags::DERIVATION_CODE_SEQUENCE, coded(codes::SPATIAL_RESAMPLING));
    derivation.item(tags::SOURCE_IMAGE_SEQUENCE, maker.source_image());
    groups.item(tags::DERIVATION_IMAGE_SEQUENCE, derivation);
    groups
}
