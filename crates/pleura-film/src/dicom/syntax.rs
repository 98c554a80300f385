//! The transfer syntaxes (PS3.6 table A-1) and their decoders.

/// The pixel encoding of a transfer syntax.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coding {
    /// Uncompressed words.
    Native,
    /// Uncompressed words in a deflated data set.
    Deflated,
    /// RLE lossless (PS3.5 annex G).
    Rle,
    /// A JPEG stream with a DCT or lossless process.
    Jpeg,
    /// A JPEG 2000 codestream.
    Jpeg2000,
    /// A JPEG-LS codestream.
    JpegLs,
    /// Not supported; holds the remedy.
    Refused(&'static str),
}

impl Coding {
    /// The name of the decoder; most are crates.
    fn decoder(self, uid: &str) -> &'static str {
        match (self, uid) {
            (Self::Native, _) => "none needed",
            (Self::Jpeg, "1.2.840.10008.1.2.4.57" | "1.2.840.10008.1.2.4.70")
            | (Self::Rle | Self::JpegLs, _) => "pleura",
            (Self::Deflated, _) => "`flate2`",
            (Self::Jpeg, "1.2.840.10008.1.2.4.51") => "`zune-jpeg`; 12 bits: pleura",
            (Self::Jpeg, _) => "`zune-jpeg`",
            (Self::Jpeg2000, _) => "`hayro-jpeg2000`",
            (Self::Refused(_), _) => "",
        }
    }
}

/// A transfer syntax.
#[derive(Debug, Clone, Copy)]
pub(super) struct Syntax {
    pub(super) uid: &'static str,
    pub(super) name: &'static str,
    pub(super) coding: Coding,
    pub(super) explicit: bool,
    pub(super) big_endian: bool,
}

const OTHER_IMAGE: Coding =
    Coding::Refused("convert the file first, for example with `gdcmconv --raw`, to explicit little endian");
const VIDEO: Coding = Coding::Refused("it holds a video, and a film is one image");

/// The known syntaxes. All are explicit little endian except the first and the big-endian one.
const SYNTAXES: &[(&str, &str, Coding)] = &[
    ("1.2.840.10008.1.2", "Implicit VR Little Endian", Coding::Native),
    ("1.2.840.10008.1.2.1", "Explicit VR Little Endian", Coding::Native),
    (
        "1.2.840.10008.1.2.1.98",
        "Encapsulated Uncompressed Explicit VR Little Endian",
        OTHER_IMAGE,
    ),
    (
        "1.2.840.10008.1.2.1.99",
        "Deflated Explicit VR Little Endian",
        Coding::Deflated,
    ),
    ("1.2.840.10008.1.2.2", "Explicit VR Big Endian", Coding::Native),
    ("1.2.840.10008.1.2.4.50", "JPEG Baseline", Coding::Jpeg),
    ("1.2.840.10008.1.2.4.51", "JPEG Extended", Coding::Jpeg),
    (
        "1.2.840.10008.1.2.4.53",
        "JPEG Spectral Selection, Non-Hierarchical",
        Coding::Jpeg,
    ),
    (
        "1.2.840.10008.1.2.4.55",
        "JPEG Full Progression, Non-Hierarchical",
        Coding::Jpeg,
    ),
    ("1.2.840.10008.1.2.4.57", "JPEG Lossless", Coding::Jpeg),
    (
        "1.2.840.10008.1.2.4.70",
        "JPEG Lossless, First-Order Prediction",
        Coding::Jpeg,
    ),
    ("1.2.840.10008.1.2.4.80", "JPEG-LS Lossless", Coding::JpegLs),
    ("1.2.840.10008.1.2.4.81", "JPEG-LS Near-Lossless", Coding::JpegLs),
    ("1.2.840.10008.1.2.4.90", "JPEG 2000 Lossless", Coding::Jpeg2000),
    ("1.2.840.10008.1.2.4.91", "JPEG 2000", Coding::Jpeg2000),
    (
        "1.2.840.10008.1.2.4.92",
        "JPEG 2000 Multi-component Lossless",
        OTHER_IMAGE,
    ),
    ("1.2.840.10008.1.2.4.93", "JPEG 2000 Multi-component", OTHER_IMAGE),
    ("1.2.840.10008.1.2.4.94", "JPIP Referenced", OTHER_IMAGE),
    ("1.2.840.10008.1.2.4.95", "JPIP Referenced Deflate", OTHER_IMAGE),
    ("1.2.840.10008.1.2.4.100", "MPEG2 Main Profile", VIDEO),
    ("1.2.840.10008.1.2.4.101", "MPEG2 Main Profile High Level", VIDEO),
    ("1.2.840.10008.1.2.4.102", "MPEG-4 AVC High Profile", VIDEO),
    (
        "1.2.840.10008.1.2.4.103",
        "MPEG-4 AVC BD-compatible High Profile",
        VIDEO,
    ),
    ("1.2.840.10008.1.2.4.110", "JPEG XL Lossless", OTHER_IMAGE),
    (
        "1.2.840.10008.1.2.4.111",
        "JPEG XL JPEG Recompression",
        OTHER_IMAGE,
    ),
    ("1.2.840.10008.1.2.4.112", "JPEG XL", OTHER_IMAGE),
    (
        "1.2.840.10008.1.2.4.201",
        "High-Throughput JPEG 2000 Lossless",
        OTHER_IMAGE,
    ),
    (
        "1.2.840.10008.1.2.4.202",
        "High-Throughput JPEG 2000 RPCL Lossless",
        OTHER_IMAGE,
    ),
    (
        "1.2.840.10008.1.2.4.203",
        "High-Throughput JPEG 2000",
        OTHER_IMAGE,
    ),
    ("1.2.840.10008.1.2.5", "RLE Lossless", Coding::Rle),
    (
        "1.2.840.10008.1.2.8.1",
        "Deflated Image Frame Compression",
        OTHER_IMAGE,
    ),
];

/// Implicit VR little endian.
pub(super) const IMPLICIT: &str = "1.2.840.10008.1.2";
/// Explicit VR little endian.
pub(super) const EXPLICIT: &str = "1.2.840.10008.1.2.1";
/// Explicit VR big endian.
pub(super) const BIG_ENDIAN: &str = "1.2.840.10008.1.2.2";

/// A transfer syntax that can be decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TransferSyntax {
    /// Its UID.
    pub uid: &'static str,
    /// Its name.
    pub name: &'static str,
    /// True if its pixels may differ from those that the detector gave.
    pub lossy: bool,
    /// How its pixels are decoded.
    pub decoder: &'static str,
}

/// Syntaxes whose pixels may differ from the original ones.
const LOSSY: [&str; 6] = [
    "1.2.840.10008.1.2.4.50",
    "1.2.840.10008.1.2.4.51",
    "1.2.840.10008.1.2.4.53",
    "1.2.840.10008.1.2.4.55",
    "1.2.840.10008.1.2.4.81",
    "1.2.840.10008.1.2.4.91",
];

/// The transfer syntaxes that can be decoded, in the order of their UIDs. The documentation's table and a
/// storage service take them from here.
pub fn transfer_syntaxes() -> impl Iterator<Item = TransferSyntax> {
    SYNTAXES
        .iter()
        .filter(|(_, _, coding)| !matches!(coding, Coding::Refused(_)))
        .map(|&(uid, name, coding)| TransferSyntax {
            uid,
            name,
            lossy: LOSSY.contains(&uid),
            decoder: coding.decoder(uid),
        })
}

impl Syntax {
    /// The syntax of this UID.
    pub(super) fn find(uid: &str) -> Option<Self> {
        let &(uid, name, coding) = SYNTAXES.iter().find(|(known, ..)| *known == uid)?;
        let (explicit, big_endian) = (uid != IMPLICIT, uid == BIG_ENDIAN);
        Some(Self {
            uid,
            name,
            coding,
            explicit,
            big_endian,
        })
    }

    /// The syntax in which the data set itself is written.
    pub(super) fn of_data_set(&self) -> &'static str {
        match (self.explicit, self.big_endian) {
            (false, _) => IMPLICIT,
            (true, false) => EXPLICIT,
            (true, true) => BIG_ENDIAN,
        }
    }
}
