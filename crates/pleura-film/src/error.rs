//! The errors of this crate.

use pleura_core::FileError;

use crate::source::Format;

/// Escapes a text from a file for a message and cuts it to 64 characters.
pub(crate) fn printable(text: &str) -> String {
    cut(text, 64)
}

/// Escapes a library's message, which may quote the file, and cuts it to 300 characters.
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

/// An error of this crate. `name` is the caller's name for the bytes, usually a path.
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
    #[error("{name}: not a PNG, JPEG, TIFF, BMP, WebP or DICOM file: {found}")]
    UnknownFormat {
        /// The film.
        name: String,
        /// A description of the first bytes.
        found: String,
    },

    /// The header names more pixels than the limit.
    #[error(
        "{name}: {width}×{height} pixels, the limit is {limit}; save the film smaller, for example with `magick IN -resize 50% OUT.png` (in Rust, DecodeOptions::with_max_pixels raises the limit)"
    )]
    TooManyPixels {
        /// The film.
        name: String,
        /// Columns in the header.
        width: u64,
        /// Rows in the header.
        height: u64,
        /// Pixels allowed.
        limit: u64,
    },

    /// The film is smaller than the limit.
    #[error("{name}: {width}×{height} pixels, at least {limit} are expected on each side")]
    TooSmall {
        /// The film.
        name: String,
        /// Columns.
        width: u64,
        /// Rows.
        height: u64,
        /// The smallest allowed side, at least 1.
        limit: u64,
    },

    /// The header names more pixels than the file's bytes can hold.
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
        /// Bytes in the file.
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
        /// The position of the end and the missing part.
        detail: String,
    },

    /// The file violates its format.
    #[error("{name}: damaged {format} file: {detail}")]
    Malformed {
        /// The film.
        name: String,
        /// The format.
        format: Format,
        /// The content found and the content expected.
        detail: String,
    },

    /// The file is valid but of an unsupported kind.
    #[error("{name}: {what} is not supported; {advice}")]
    Unsupported {
        /// The film.
        name: String,
        /// The unsupported feature.
        what: String,
        /// The remedy.
        advice: &'static str,
    },

    /// The DICOM transfer syntax is not supported.
    #[error("{name}: DICOM transfer syntax {uid} ({syntax}) is not decoded; {advice}")]
    TransferSyntax {
        /// The film.
        name: String,
        /// The transfer syntax found in (0002,0010).
        uid: String,
        /// Its name in the standard.
        syntax: &'static str,
        /// The remedy.
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
        /// Its meaning.
        meaning: &'static str,
    },

    /// The DICOM object has no pixels by its kind.
    #[error("{name}: it is {what}, which has no pixels; expected a radiograph")]
    NoPixels {
        /// The film.
        name: String,
        /// The kind of object.
        what: &'static str,
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

    /// A DICOM attribute has an invalid value.
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
        /// The values that are valid.
        expected: String,
    },

    /// The caller requested a window or VOI LUT that the file does not have.
    #[error("{name}: {what} {index} was requested, the file has {count}")]
    NoSuchVoi {
        /// The film.
        name: String,
        /// "window" or "VOI LUT".
        what: &'static str,
        /// The requested index, from 0.
        index: usize,
        /// The number in the file.
        count: usize,
    },

    /// A decoder panicked on this file. Please report the file.
    #[error("{name}: the {format} decoder failed on this file: {detail}")]
    DecoderFault {
        /// The film.
        name: String,
        /// The format.
        format: Format,
        /// The panic message.
        detail: String,
    },

    /// The number of values does not match the size.
    #[error("{what}: {found} values, expected {width}×{height} = {expected}")]
    Shape {
        /// The kind of values.
        what: &'static str,
        /// The number of values.
        found: usize,
        /// Columns.
        width: usize,
        /// Rows.
        height: usize,
        /// The number that the size requires.
        expected: usize,
    },

    /// A picture could not be encoded.
    #[error("cannot encode a {width}×{height} picture as PNG: {detail}")]
    Encode {
        /// Columns.
        width: usize,
        /// Rows.
        height: usize,
        /// The encoder's message.
        detail: String,
    },
}
