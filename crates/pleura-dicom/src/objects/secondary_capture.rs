//! Secondary Capture (PS3.3 A.8.1): the picture of one heatmap.

use dicom_dictionary_std::tags;

use super::answer::Heatmap;
use super::common::{Maker, coded};
use super::data_set::DataSet;
use super::text::st;
use super::{Kind, NOTICE, codes};

/// The part of an instance's UID that tells heatmaps of a film apart.
pub(super) fn part(heatmap: &Heatmap) -> &str {
    &heatmap.finding
}

/// The picture of a heatmap; `number` is its instance number.
pub(super) fn make(maker: &Maker<'_>, heatmap: &Heatmap, number: usize) -> DataSet {
    let mut set = maker.object(Kind::SecondaryCapture, part(heatmap), number);
    set.put(tags::IMAGE_TYPE, "DERIVED\\SECONDARY");
    set.put(tags::CONVERSION_TYPE, "WSD");
    set.put(tags::CONTENT_DATE, &maker.moment.created.date);
    set.put(tags::CONTENT_TIME, &maker.moment.created.time);
    match maker.film.text(tags::PATIENT_ORIENTATION) {
        Some(orientation) => set.put(tags::PATIENT_ORIENTATION, orientation),
        None => set.empty(tags::PATIENT_ORIENTATION),
    }
    let description = format!(
        "{}; evidence for and against {}, probability {:.3}: red speaks for, blue against; strongest colour {:.3e} {}. Model {}. {NOTICE}",
        heatmap.method,
        heatmap.finding,
        heatmap.probability,
        heatmap.scale,
        heatmap.unit,
        maker.model_words(),
    );
    set.put(tags::DERIVATION_DESCRIPTION, st(&description));
    set.items(tags::DERIVATION_CODE_SEQUENCE, coded(codes::SPATIAL_RESAMPLING));
    set.item(tags::SOURCE_IMAGE_SEQUENCE, maker.source_image());
    set.put(tags::IMAGE_COMMENTS, NOTICE);
    // The attribute asks whether burned-in text names the patient; the legend does not.
    if let Some(burned_in @ ("YES" | "NO")) = maker.film.text(tags::BURNED_IN_ANNOTATION) {
        set.put(tags::BURNED_IN_ANNOTATION, burned_in);
    }
    set.put(tags::RECOGNIZABLE_VISUAL_FEATURES, "NO");
    maker.lossy(&mut set);
    let picture = &heatmap.picture;
    set.words(tags::SAMPLES_PER_PIXEL, &[3]);
    set.put(tags::PHOTOMETRIC_INTERPRETATION, "RGB");
    set.words(tags::PLANAR_CONFIGURATION, &[0]);
    set.words(tags::ROWS, &[picture.height as u16]);
    set.words(tags::COLUMNS, &[picture.width as u16]);
    set.words(tags::BITS_ALLOCATED, &[8]);
    set.words(tags::BITS_STORED, &[8]);
    set.words(tags::HIGH_BIT, &[7]);
    set.words(tags::PIXEL_REPRESENTATION, &[0]);
    set.pixels(tags::PIXEL_DATA, picture.rgb.clone());
    set
}
