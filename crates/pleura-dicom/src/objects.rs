//! DICOM instances of one film's answer.
//!
//! ```no_run
//! use pleura::Classifier;
//! use pleura_dicom::objects::{Answer, FilmReference, ModelIdentity, Moment, Settings, make};
//!
//! let (model, bytes) = (Classifier::open("model.pleura")?, std::fs::read("film.dcm")?);
//! let settings = Settings::default();
//! let film = FilmReference::read(&bytes, "film.dcm")?;
//! let answer = Answer::of(&model, &bytes, "film.dcm", &settings)?;
//! let moment = Moment::at(std::time::SystemTime::now());
//! for object in make(&film, &answer, &ModelIdentity::of(&model), &settings, &moment)? {
//!     std::fs::write(object.file_name(), &object.bytes)?;
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Equal film, answer, model, settings and moment give equal bytes. UIDs do not depend on the moment.

mod answer;
mod check;
mod codes;
mod common;
mod data_set;
mod error;
mod film;
mod model;
mod moment;
mod parametric_map;
mod presentation_state;
mod report;
mod secondary_capture;
mod settings;
mod text;
mod uid;

use std::path::Path;

use dicom_dictionary_std::uids;
use pleura::{Classifier, Outcome};
use pleura_core::sha256;

pub use answer::{Answer, Heatmap};
pub use check::{Fault, check};
pub use error::Error;
pub use film::FilmReference;
pub use model::{ModelIdentity, ModelKind};
pub use moment::{Moment, Predecessor};
pub use settings::{SeriesNumbers, Settings};

use common::Maker;
use data_set::DataSet;

/// The words in every object.
pub const NOTICE: &str = "Research use only. Not for diagnosis. Made by a program; not verified by a person.";

/// The kind of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Secondary capture: a picture of one heatmap.
    SecondaryCapture,
    /// Parametric map: the relevance of every heatmap as numbers.
    ParametricMap,
    /// Greyscale softcopy presentation state: contours of the heatmaps on the film.
    PresentationState,
    /// Comprehensive 3D structured report, template TID 1500.
    Report,
}

impl Kind {
    /// All kinds, in the order of delivery: the report names the others, so it is last.
    pub const ALL: [Self; 4] = [
        Self::SecondaryCapture,
        Self::ParametricMap,
        Self::PresentationState,
        Self::Report,
    ];

    /// Two letters: `sc`, `pm`, `pr`, `sr`.
    pub fn name(self) -> &'static str {
        match self {
            Self::SecondaryCapture => "sc",
            Self::ParametricMap => "pm",
            Self::PresentationState => "pr",
            Self::Report => "sr",
        }
    }

    /// Its SOP Class UID.
    pub fn sop_class(self) -> &'static str {
        match self {
            Self::SecondaryCapture => uids::SECONDARY_CAPTURE_IMAGE_STORAGE,
            Self::ParametricMap => uids::PARAMETRIC_MAP_STORAGE,
            Self::PresentationState => uids::GRAYSCALE_SOFTCOPY_PRESENTATION_STATE_STORAGE,
            Self::Report => uids::COMPREHENSIVE3_DSR_STORAGE,
        }
    }

    /// The kind of a SOP Class UID.
    pub fn of_class(uid: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.sop_class() == uid)
    }

    fn modality(self) -> &'static str {
        match self {
            Self::SecondaryCapture | Self::ParametricMap => "OT",
            Self::PresentationState => "PR",
            Self::Report => "SR",
        }
    }

    /// (0008,103E), at most 64 characters.
    fn description(self) -> &'static str {
        match self {
            Self::SecondaryCapture => "pleura heatmap (research, not for diagnosis)",
            Self::ParametricMap => "pleura relevance (research, not for diagnosis)",
            Self::PresentationState => "pleura contours (research, not for diagnosis)",
            Self::Report => "pleura findings (research, not for diagnosis)",
        }
    }
}

/// One DICOM instance: a part 10 file in explicit VR little endian.
#[derive(Clone, PartialEq, Eq)]
pub struct Object {
    /// Its kind.
    pub kind: Kind,
    /// SOP Class UID (0008,0016).
    pub sop_class_uid: String,
    /// SOP Instance UID (0008,0018).
    pub sop_instance_uid: String,
    /// Series Instance UID (0020,000E).
    pub series_uid: String,
    /// Study Instance UID (0020,000D): the film's.
    pub study_uid: String,
    /// The whole file. It holds the patient's attributes.
    pub bytes: Vec<u8>,
    /// SHA-256 of `bytes`, in hexadecimal digits.
    pub sha256: String,
}

impl std::fmt::Debug for Object {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Object")
            .field("kind", &self.kind)
            .field("sop_instance_uid", &self.sop_instance_uid)
            .field("bytes", &self.bytes.len())
            .finish_non_exhaustive()
    }
}

impl Object {
    /// The usual file name: `UID.KIND.dcm`.
    pub fn file_name(&self) -> String {
        format!("{}.{}.dcm", self.sop_instance_uid, self.kind.name())
    }
}

/// Makes the objects of one film's answer, in the order of delivery; every one has passed [`check`].
///
/// An answered film has a report and at most [`Settings::heatmaps`] secondary captures; parametric map and
/// presentation state if the settings ask for them and there is a heatmap. An abstained film has a report
/// with the reasons, a refused one has it if [`Settings::refused`] is set. A film without an answer has no
/// heatmap, no finding and no probability in any object.
///
/// # Errors
/// [`Error::Settings`] for settings that no object can hold; [`Error::NotANumber`] for a probability that is
/// none; [`Error::Presentation`] if the film cannot have one; [`Error::Fault`] if an object does not pass its
/// check, which is a defect of this library; [`Error::Encode`] for values that do not fit.
pub fn make(
    film: &FilmReference,
    answer: &Answer,
    model: &ModelIdentity,
    settings: &Settings,
    moment: &Moment,
) -> Result<Vec<Object>, Error> {
    settings.check()?;
    if let Some(score) = answer
        .scores()
        .iter()
        .find(|score| !score.probability.is_finite())
    {
        let finding = score.finding.clone();
        return Err(Error::NotANumber { finding });
    }
    let maker = Maker::new(film, answer, model, settings, moment);
    let mut objects = Vec::new();
    let mut add = |kind: Kind, set: DataSet| -> Result<(), Error> {
        objects.push(finish(&maker, kind, &set)?);
        Ok(())
    };
    for (place, heatmap) in answer.shown().iter().enumerate() {
        let set = secondary_capture::make(&maker, heatmap, place + 1);
        add(Kind::SecondaryCapture, set)?;
    }
    if !answer.shown().is_empty() {
        if settings.parametric_map {
            add(Kind::ParametricMap, parametric_map::make(&maker))?;
        }
        if settings.presentation_state {
            add(Kind::PresentationState, presentation_state::make(&maker)?)?;
        }
    }
    if answer.answer.outcome != Outcome::Refused || settings.refused {
        add(Kind::Report, report::make(&maker))?;
    }
    Ok(objects)
}

/// Reads, answers and explains a film, and makes its objects.
///
/// # Errors
/// As [`FilmReference::read`], [`Answer::of`] and [`make`]; [`Error::File`] if the file cannot be read.
pub fn of_file(
    model: &Classifier,
    path: &Path,
    settings: &Settings,
    moment: &Moment,
) -> Result<(Answer, Vec<Object>), Error> {
    settings.check()?;
    let name = path.to_string_lossy();
    let bytes = film::read_file(path)?;
    let film = FilmReference::read(&bytes, &name)?;
    let answer = Answer::of(model, &bytes, &name, settings)?;
    let objects = make(&film, &answer, &ModelIdentity::of(model), settings, moment)?;
    Ok((answer, objects))
}

fn finish(maker: &Maker<'_>, kind: Kind, set: &DataSet) -> Result<Object, Error> {
    let uid_of = |tag| set.ascii(tag).unwrap_or_default();
    let sop_instance_uid = uid_of(dicom_dictionary_std::tags::SOP_INSTANCE_UID);
    let series_uid = uid_of(dicom_dictionary_std::tags::SERIES_INSTANCE_UID);
    let bytes = set.to_file(kind.sop_class(), &sop_instance_uid, maker.film.is_utf8())?;
    check(&bytes).map_err(|fault| Error::Fault {
        kind: kind.name(),
        fault,
    })?;
    Ok(Object {
        kind,
        sop_class_uid: kind.sop_class().to_owned(),
        sop_instance_uid,
        series_uid,
        study_uid: maker.film.study().to_owned(),
        sha256: sha256::hex(&bytes),
        bytes,
    })
}
