//! The check that a DICOM object is a film.

use dicom_dictionary_std::tags as tag;

use super::data_set::DataSet;
use crate::error::printable;
use crate::{DecodeOptions, Error};

/// Modalities (PS3.3 C.7.3.1.1.1) that can hold a chest film.
const FILMS: &[&str] = &["CR", "DX", "RG", "RF", "XA", "SC", "OT"];

/// The meaning of other modalities.
const OTHERS: &[(&str, &str)] = &[
    ("CT", "computed tomography, its scouts included"),
    ("MR", "magnetic resonance"),
    ("US", "ultrasound"),
    ("NM", "nuclear medicine"),
    ("PT", "positron emission tomography"),
    ("MG", "mammography"),
    ("PX", "panoramic dental X-ray"),
    ("IO", "intra-oral dental X-ray"),
    ("DXA", "bone densitometry"),
    ("BMD", "bone densitometry"),
    ("ES", "endoscopy"),
    ("XC", "photography"),
    ("GM", "microscopy"),
    ("SM", "slide microscopy"),
    ("OP", "ophthalmic photography"),
    ("OPT", "ophthalmic tomography"),
    ("ECG", "electrocardiography"),
    ("HD", "haemodynamics"),
    ("SR", "a structured report"),
    ("DOC", "a document"),
    ("PR", "a presentation state"),
    ("KO", "a key object selection"),
    ("SEG", "a segmentation"),
    ("REG", "a registration"),
    ("RTIMAGE", "a radiotherapy image"),
    ("RTDOSE", "a radiotherapy dose"),
    ("RTPLAN", "a radiotherapy plan"),
    ("RTSTRUCT", "a radiotherapy structure set"),
];

/// Storage classes (PS3.6 annex A) of films, for objects without a modality.
const FILM_CLASSES: &[&str] = &[
    "1.2.840.10008.5.1.4.1.1.1",     // Computed Radiography
    "1.2.840.10008.5.1.4.1.1.1.1",   // Digital X-Ray, for presentation
    "1.2.840.10008.5.1.4.1.1.1.1.1", // Digital X-Ray, for processing
    "1.2.840.10008.5.1.4.1.1.7",     // Secondary Capture
    "1.2.840.10008.5.1.4.1.1.7.2",   // Multi-frame Grayscale Byte Secondary Capture
    "1.2.840.10008.5.1.4.1.1.7.3",   // Multi-frame Grayscale Word Secondary Capture
    "1.2.840.10008.5.1.4.1.1.7.4",   // Multi-frame True Color Secondary Capture
    "1.2.840.10008.5.1.4.1.1.12.1",  // X-Ray Angiographic
    "1.2.840.10008.5.1.4.1.1.12.2",  // X-Ray Radiofluoroscopic
];

/// Storage classes (PS3.6 annex A) of objects without pixels, by the beginnings of their UIDs.
const WITHOUT_PIXELS: &[(&str, &str)] = &[
    ("1.2.840.10008.1.3.10", "a DICOMDIR, the index of a medium"),
    ("1.2.840.10008.5.1.4.1.1.88.59", "a key object selection"),
    ("1.2.840.10008.5.1.4.1.1.88.", "a structured report"),
    ("1.2.840.10008.5.1.4.1.1.11.", "a presentation state"),
    ("1.2.840.10008.5.1.4.1.1.104.1", "an encapsulated PDF document"),
    ("1.2.840.10008.5.1.4.1.1.104.2", "an encapsulated CDA document"),
    ("1.2.840.10008.5.1.4.1.1.104.", "an encapsulated document"),
    ("1.2.840.10008.5.1.4.1.1.9.", "a waveform"),
    ("1.2.840.10008.5.1.4.1.1.66.", "a registration or a segmentation"),
    ("1.2.840.10008.5.1.4.1.1.67", "a value mapping"),
    ("1.2.840.10008.5.1.4.1.1.481.", "a radiotherapy object"),
    ("1.2.840.10008.5.1.4.1.1.4.2", "MR spectroscopy"),
    ("1.2.840.10008.5.1.4.34.", "a worklist item"),
    ("1.2.840.10008.5.1.4.38.", "a hanging protocol"),
];

/// The meaning of an object that has no pixels, from its class or its modality.
pub(super) fn without_pixels(class: Option<&str>, modality: Option<&str>) -> Option<&'static str> {
    let class = class.and_then(|class| WITHOUT_PIXELS.iter().find(|(begin, _)| class.starts_with(begin)));
    let modality = modality.and_then(|modality| {
        let upper = modality.to_uppercase();
        let texts = [
            "SR", "DOC", "PR", "KO", "SEG", "REG", "RTDOSE", "RTPLAN", "RTSTRUCT", "ECG", "HD",
        ];
        OTHERS
            .iter()
            .find(|(known, _)| *known == upper && texts.contains(known))
    });
    class.or(modality).map(|(_, meaning)| *meaning)
}

/// Refuses objects that are not radiographs or have several frames.
pub(super) fn check(set: &DataSet<'_>, name: &str, options: &DecodeOptions) -> Result<(), Error> {
    if !options.any_modality {
        check_modality(set, name)?;
    }
    let frames = set
        .numbers(tag::NUMBER_OF_FRAMES)?
        .first()
        .copied()
        .unwrap_or(1.0);
    if frames > 1.0 {
        return Err(Error::Frames {
            name: name.to_string(),
            frames: frames as u64,
        });
    }
    Ok(())
}

fn check_modality(set: &DataSet<'_>, name: &str) -> Result<(), Error> {
    let modality = set.text(tag::MODALITY).unwrap_or_default().to_uppercase();
    if FILMS.contains(&modality.as_str()) {
        return Ok(());
    }
    let class = set.text(tag::SOP_CLASS_UID);
    if modality.is_empty() && class.is_none_or(|class| FILM_CLASSES.contains(&class.as_str())) {
        return Ok(());
    }
    let meaning = OTHERS
        .iter()
        .find(|(known, _)| *known == modality)
        .map_or("unknown", |other| other.1);
    Err(Error::Modality {
        name: name.to_string(),
        modality: printable(&modality),
        meaning,
    })
}
