//! What a DICOM film's own header says of it, where the dataset's tables do not.

use pleura_film::DecodeOptions;

use super::{Age, FilmRecord, age, sex};

/// What a header said that a record has no place for.
pub(super) struct Header {
    /// The age, or what stood in its place.
    pub(super) age: Age,
    /// The patient's number, or nothing.
    pub(super) patient: String,
    /// The film's columns and rows.
    pub(super) frame: Option<[usize; 2]>,
}

/// Takes view, sex and age from the film's header, each where it says so. What cannot be read, verifying says.
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
