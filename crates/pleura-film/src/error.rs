//! Why a film could not be read, prepared or drawn.

use pleura_core::FileError;

use crate::source::Format;

/// A text out of a file, fit for a message: control characters escaped, and at most 64 characters.
pub(crate) fn printable(text: &str) -> String {
    cut(text, 64)
}

/// What a library says of a file, which may quote the file: escaped likewise, and at most 300 characters.
pub(crate) fn reported(text: &str) -> String {
    cut(text, 300)
}

fn cut(text: &str, longest: usize) -> String {
    let mut shown: String = text.chars().take(longest).flat_map(char::escape_debug).collect();
    if text.chars().nth(longest).is_some() {
        shown.push('…');
    }
    shown
}

/// An error of this crate. `name` is the name the caller gave for the bytes, most often a path.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file or folder that cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),

    /// The file is larger than the limit.
    #[error(
        "{name}: {bytes} bytes, the limit is {limit}; raise it with DecodeOptions::with_max_file_bytes if the file is trusted"
    )]
    TooManyBytes {
        /// The film.
        name: String,
        /// Bytes found.
        bytes: u64,
        /// Bytes allowed.
        limit: u64,
    },

    /// The content is of no known format.
    #[error("{name}: not a PNG, JPEG or DICOM file: {found}")]
    UnknownFormat {
        /// The film.
        name: String,
        /// What the first bytes look like.
        found: String,
    },

    /// The header names more pixels than the limit.
    #[error(
        "{name}: {width}×{height} pixels, the limit is {limit}; raise it with DecodeOptions::with_max_pixels if the file is trusted"
    )]
    TooManyPixels {
        /// The film.
        name: String,
        /// Columns named by the header.
        width: u64,
        /// Rows named by the header.
        height: u64,
        /// Pixels allowed.
        limit: u64,
    },

    /// The film is smaller than the caller allows.
    #[error("{name}: {width}×{height} pixels, at least {limit} are expected on each side")]
    TooSmall {
        /// The film.
        name: String,
        /// Columns.
        width: u64,
        /// Rows.
        height: u64,
        /// The least allowed side, at least 1.
        limit: u64,
    },

    /// The header names far more pixels than the bytes behind it can hold.
    #[error(
        "{name}: the header names {width}×{height} pixels, but {bytes} bytes of {format} cannot hold so many (at least {least} are needed): truncated or forged"
    )]
    Implausible {
        /// The film.
        name: String,
        /// The format.
        format: Format,
        /// Columns.
        width: u64,
        /// Rows.
        height: u64,
        /// Bytes there are.
        bytes: u64,
        /// The fewest bytes that could hold the pixels.
        least: u64,
    },

    /// The file ends too early.
    #[error("{name}: truncated {format} file: {detail}")]
    Truncated {
        /// The film.
        name: String,
        /// The format.
        format: Format,
        /// Where it ends and what is missing.
        detail: String,
    },

    /// The file breaks its own format.
    #[error("{name}: damaged {format} file: {detail}")]
    Malformed {
        /// The film.
        name: String,
        /// The format.
        format: Format,
        /// What was found and what was expected.
        detail: String,
    },

    /// The file is well formed, but of a kind that is not decoded here.
    #[error("{name}: {what} is not supported; {advice}")]
    Unsupported {
        /// The film.
        name: String,
        /// What was found.
        what: String,
        /// What to do.
        advice: &'static str,
    },

    /// The DICOM transfer syntax is not decoded here.
    #[error("{name}: DICOM transfer syntax {uid} ({syntax}) is not decoded; {advice}")]
    TransferSyntax {
        /// The film.
        name: String,
        /// The transfer syntax found in (0002,0010).
        uid: String,
        /// Its name in the standard.
        syntax: &'static str,
        /// What to do.
        advice: &'static str,
    },

    /// The DICOM modality is not a radiograph.
    #[error(
        "{name}: modality (0008,0060) is '{modality}' ({meaning}), expected a radiograph: CR, DX, RG, RF, XA, or a secondary capture"
    )]
    Modality {
        /// The film.
        name: String,
        /// The value found.
        modality: String,
        /// What it stands for.
        meaning: &'static str,
    },

    /// The DICOM object has several frames.
    #[error(
        "{name}: number of frames (0028,0008) is {frames}, a film has one; export the frame as a single image"
    )]
    Frames {
        /// The film.
        name: String,
        /// The number of frames.
        frames: u64,
    },

    /// A DICOM attribute is missing.
    #[error("{name}: {keyword} {tag} is missing, it is needed to read the pixels")]
    MissingTag {
        /// The film.
        name: String,
        /// The tag, as (gggg,eeee).
        tag: String,
        /// The attribute's keyword.
        keyword: &'static str,
    },

    /// A DICOM attribute has a value that cannot be.
    #[error("{name}: {keyword} {tag} is {found}, expected {expected}")]
    BadTag {
        /// The film.
        name: String,
        /// The tag, as (gggg,eeee).
        tag: String,
        /// The attribute's keyword.
        keyword: &'static str,
        /// The value found.
        found: String,
        /// What would be right.
        expected: String,
    },

    /// The caller asked for a window or a VOI table that the file does not have.
    #[error("{name}: {what} {index} was asked for, the file has {count}")]
    NoSuchVoi {
        /// The film.
        name: String,
        /// "window" or "VOI LUT".
        what: &'static str,
        /// The index asked for, from 0.
        index: usize,
        /// How many the file has.
        count: usize,
    },

    /// A decoder broke one of its own assumptions on this file. Please report the file.
    #[error("{name}: the {format} decoder failed on this file: {detail}")]
    DecoderFault {
        /// The film.
        name: String,
        /// The format.
        format: Format,
        /// What it said.
        detail: String,
    },

    /// Pixels and size do not belong together.
    #[error("{what}: {found} values, expected {width}×{height} = {expected}")]
    Shape {
        /// What was given.
        what: &'static str,
        /// How many values it has.
        found: usize,
        /// Columns.
        width: usize,
        /// Rows.
        height: usize,
        /// How many it should have.
        expected: usize,
    },

    /// A picture could not be encoded.
    #[error("cannot encode a {width}×{height} picture as PNG: {detail}")]
    Encode {
        /// Columns.
        width: usize,
        /// Rows.
        height: usize,
        /// What the encoder said.
        detail: String,
    },
}
