//! The kind of a file by its first bytes, for messages about files that are not what was expected.

/// A kind of file, and a remedy if one is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Content {
    /// The kind, with its article.
    pub what: &'static str,
    /// What to do, in the imperative.
    pub advice: Option<&'static str>,
}

/// First bytes, kind and remedy.
const KINDS: &[(&[u8], &str, Option<&str>)] = &[
    (
        b"version https://git-lfs",
        "a Git LFS pointer, not the file itself",
        Some("fetch the file with `git lfs pull`"),
    ),
    (b"\x89PNG\r\n\x1a\n", "a PNG image", None),
    (b"\xff\xd8\xff", "a JPEG image", None),
    (b"GIF8", "a GIF image", None),
    (b"BM", "a BMP image", None),
    (b"II*\0", "a TIFF image", None),
    (b"MM\0*", "a TIFF image", None),
    (b"RIFF", "a RIFF file, perhaps WebP", None),
    (b"\0\0\0\x0cjP  ", "a JPEG 2000 image", None),
    (b"\xff\x4f\xff\x51", "a JPEG 2000 codestream", None),
    (
        b"\x1f\x8b",
        "a gzip archive, perhaps NIfTI",
        Some("decompress it first"),
    ),
    (b"BZh", "a bzip2 archive", Some("decompress it first")),
    (b"\xfd7zXZ\0", "an xz archive", Some("decompress it first")),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", Some("unpack it first")),
    (b"Rar!", "a RAR archive", Some("unpack it first")),
    (b"PK\x03\x04", "a zip archive", None),
    (b"%PDF", "a PDF document", None),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file, as Keras writes", None),
    (b"\x93NUMPY", "a NumPy array", None),
    (b"GGUF", "a GGUF file", None),
];

/// The kind of a file that begins with these bytes; 512 are enough. `None` if it is unknown.
///
/// ```
/// use pleura_core::content::describe;
///
/// let page = describe(b"\n<!DOCTYPE html><html>").map(|content| content.what);
/// assert_eq!(page, Some("text that begins like HTML or XML, perhaps a failed download"));
/// assert_eq!(describe(b"no kind of file"), None);
/// ```
pub fn describe(head: &[u8]) -> Option<Content> {
    if head.is_empty() {
        return Some(Content {
            what: "an empty file",
            advice: Some("download or copy it again"),
        });
    }
    if let Some(&(_, what, advice)) = KINDS.iter().find(|(magic, ..)| head.starts_with(magic)) {
        return Some(Content { what, advice });
    }
    let (what, advice) = if head.get(128..132) == Some(b"DICM") {
        ("a DICOM file", None)
    } else if head.get(257..262) == Some(b"ustar") {
        ("a tar archive", Some("unpack it first"))
    } else if text_begins_with_a_tag(head) {
        (
            "text that begins like HTML or XML, perhaps a failed download",
            Some("open its address in a browser and download it again"),
        )
    } else if is_onnx(head) {
        ("an ONNX graph", None)
    } else {
        return None;
    };
    Some(Content { what, advice })
}

fn text_begins_with_a_tag(head: &[u8]) -> bool {
    let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    text.trim_ascii_start().first() == Some(&b'<')
}

/// True for ONNX's `ModelProto`: field 1 is a small version, and field 2 (the producer), 7 (the graph) or 8
/// (operator sets) follows.
fn is_onnx(head: &[u8]) -> bool {
    matches!(head, [0x08, 1..=30, 0x12 | 0x3a | 0x42, ..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_named_by_their_first_bytes() {
        let what = |head: &[u8]| describe(head).map(|content| content.what);
        assert_eq!(what(b""), Some("an empty file"));
        assert_eq!(
            what(b"\xef\xbb\xbf \r\n<html>").map(|what| what.contains("HTML")),
            Some(true)
        );
        // ir_version 8, producer "pytorch", as torch.onnx writes.
        assert_eq!(what(b"\x08\x08\x12\x07pytorch"), Some("an ONNX graph"));
        assert_eq!(what(b"\x80\x02}q"), None);
        let mut dicom = vec![0; 128];
        dicom.extend(b"DICM");
        assert_eq!(what(&dicom), Some("a DICOM file"));
    }
}
