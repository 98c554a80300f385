//! The formats of films: their recognition by content, and the extensions of their files.

use std::fmt;

use pleura_core::content::{self, Content};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{bmp, dicom};

/// A file format, detected by content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Portable Network Graphics.
    Png,
    /// JPEG, with or without JFIF or EXIF.
    Jpeg,
    /// Tagged Image File Format.
    Tiff,
    /// Windows or OS/2 bitmap.
    Bmp,
    /// WebP, lossy or lossless.
    WebP,
    /// DICOM part 10, or a bare data set.
    Dicom,
    /// Made in memory; not a file.
    Memory,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Png => "PNG",
            Self::Jpeg => "JPEG",
            Self::Tiff => "TIFF",
            Self::Bmp => "BMP",
            Self::WebP => "WebP",
            Self::Dicom => "DICOM",
            Self::Memory => "in-memory",
        })
    }
}

impl Format {
    /// The extensions of film files, in lower case. The content decides later whether a file is a film.
    pub const EXTENSIONS: [&str; 10] = [
        "png", "jpg", "jpeg", "jfif", "tif", "tiff", "bmp", "webp", "dcm", "dicom",
    ];

    /// True for an extension of film files, in upper or lower case, without its dot.
    pub fn is_extension(extension: &str) -> bool {
        Self::EXTENSIONS
            .iter()
            .any(|known| extension.eq_ignore_ascii_case(known))
    }

    /// The format of a file that begins with these bytes; 132 are enough. `None` for files that are no films.
    pub fn of(head: &[u8]) -> Option<Self> {
        if head.starts_with(b"\x89PNG\r\n\x1a\n") {
            Some(Self::Png)
        } else if head.starts_with(b"\xff\xd8\xff") {
            Some(Self::Jpeg)
        } else if dicom::looks_like(head) {
            // The preamble of a DICOM file may hold the head of a TIFF file.
            Some(Self::Dicom)
        } else if matches!(head, [b'I', b'I', 42 | 43, 0, ..] | [b'M', b'M', 0, 42 | 43, ..]) {
            Some(Self::Tiff)
        } else if bmp::looks_like(head) {
            Some(Self::Bmp)
        } else if head.starts_with(b"RIFF") && head.get(8..12) == Some(b"WEBP") {
            Some(Self::WebP)
        } else {
            None
        }
    }
}

/// The first bytes of a file that is no film, in words.
pub(crate) fn describe_head(bytes: &[u8]) -> String {
    if bytes.is_empty() {
        return "the file is empty".to_string();
    }
    match content::describe(bytes) {
        Some(Content { what, advice }) => match advice.or_else(|| convertible(what)) {
            Some(advice) => format!("{what}; {advice}"),
            None => what.to_string(),
        },
        None => {
            let head: Vec<String> = bytes.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
            format!("it begins with bytes {}", head.join(" "))
        }
    }
}

/// The command that converts an image that is not decoded here; of several images it takes the first.
pub(crate) const CONVERT: &str = "convert it to PNG, for example with `magick 'IN[0]' OUT.png`";

fn convertible(what: &str) -> Option<&'static str> {
    ["GIF", "JPEG 2000"]
        .iter()
        .any(|image| what.contains(image))
        .then_some(CONVERT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_recognised_by_more_than_two_letters() {
        // A DICOM file whose preamble is the head of a TIFF file, as slide scanners write.
        let mut both = vec![0; 128];
        both[..4].copy_from_slice(b"II*\0");
        both.extend(b"DICM");
        assert_eq!(Format::of(&both), Some(Format::Dicom));
        assert_eq!(Format::of(b"II*\0\x08\0\0\0"), Some(Format::Tiff));
        assert_eq!(Format::of(b"MM\0+\0\x08\0\0"), Some(Format::Tiff));
        assert_eq!(Format::of(b"BMI,age,sex\n22.1,60,F\n"), None);
        assert_eq!(
            Format::of(b"BM\0\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0"),
            Some(Format::Bmp)
        );
        assert_eq!(Format::of(b"RIFF\0\0\0\0WAVEfmt "), None);
    }

    #[test]
    fn extensions_have_any_case() {
        for extension in ["PNG", "Tif", "jfif", "dcm"] {
            assert!(Format::is_extension(extension), "{extension}");
        }
        for extension in ["csv", "gif", "", ".png"] {
            assert!(!Format::is_extension(extension), "{extension}");
        }
    }
}
