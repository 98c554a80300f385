//! Reasons why objects cannot be made. No message holds an attribute of a patient.

use super::check::Fault;

/// A reason why a film's objects cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file is a picture without a DICOM header.
    #[error(
        "{name}: a {format} file, and objects need a DICOM film: they carry its patient, study and identifiers, which a picture does not have; give the film as it came from the archive"
    )]
    NotDicom {
        /// The film.
        name: String,
        /// The format that was found.
        format: pleura_film::Format,
    },

    /// The file cannot be decoded.
    #[error(transparent)]
    Film(#[from] pleura_film::Error),

    /// The file cannot be read, or an object cannot be written.
    #[error(transparent)]
    File(#[from] pleura_core::FileError),

    /// The header lacks an identifier that every object must repeat.
    #[error("{name}: {keyword} {tag} {found}; expected digits and dots, at most 64, to refer to the film")]
    Identifier {
        /// The film.
        name: String,
        /// The keyword of the standard.
        keyword: &'static str,
        /// The tag.
        tag: String,
        /// `is missing` or `is not a UID`.
        found: &'static str,
    },

    /// The model cannot answer or explain.
    #[error(transparent)]
    Model(#[from] pleura::Error),

    /// The picture or the map cannot be drawn.
    #[error("{name}: cannot draw the heatmap")]
    Picture {
        /// The film.
        name: String,
        /// The cause.
        source: pleura_explain::Error,
    },

    /// The network's answer is not a number.
    #[error(
        "the probability of {finding:?} is not a number; the weights are damaged: evaluate the model before it is used"
    )]
    NotANumber {
        /// The finding.
        finding: String,
    },

    /// A setting that no object can hold.
    #[error("{setting}: {problem}")]
    Settings {
        /// The setting.
        setting: &'static str,
        /// The value found and the value expected.
        problem: String,
    },

    /// The film cannot have a presentation state.
    #[error(
        "the film has {what}, which a presentation state must repeat and this program does not; leave out the presentation state"
    )]
    Presentation {
        /// The attribute.
        what: &'static str,
    },

    /// A value does not fit into its element.
    #[error("element {tag} has {bytes} bytes; at most {most} fit")]
    Encode {
        /// The tag.
        tag: String,
        /// Its length.
        bytes: usize,
        /// The most.
        most: usize,
    },

    /// An object that was made has a fault. This is a defect of the program.
    #[error("the {kind} object that was made is faulty: {fault}; report this as a defect")]
    Fault {
        /// The kind of object.
        kind: &'static str,
        /// The fault.
        fault: Fault,
    },
}
