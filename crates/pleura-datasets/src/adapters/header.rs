//! Metadata from a film's own DICOM header, for datasets whose tables lack it.

use pleura_film::DecodeOptions;

use super::{Age, FilmRecord, age, sex};

/// Header values that a record does not hold.
pub(super) struct Header {
    /// The age.
    pub(super) age: Age,
    /// The patient ID, or empty.
    pub(super) patient: String,
    /// Columns and rows of the film.
    pub(super) frame: Option<[usize; 2]>,
}

/// Sets view, sex and age from the film's header, if given. Unreadable files are reported by the
/// verification.
pub(super) fn describe(record: &mut FilmRecord) -> Header {
    let film = pleura_film::open(&record.file, &DecodeOptions::default()).ok();
    let Some((tags, frame)) = film.and_then(|film| Some((film.source.dicom?, [film.width, film.height])))
    else {
        return Header {
            age: Age::Blank,
            patient: String::new(),
            frame: None,
        };
    };
    if let Some(view) = &tags.view {
        record.view = view.trim().to_string();
    }
    record.sex = tags.sex.as_deref().and_then(sex).or(record.sex);
    let years = tags.age_years.map_or(Age::Blank, |years| age(&years.to_string()));
    record.age = years.years().or(record.age);
    Header {
        age: years,
        patient: tags.patient.unwrap_or_default().trim().to_string(),
        frame: Some(frame),
    }
}
