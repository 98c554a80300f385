//! Errors of DICOM files: keywords of attributes, truncated and malformed files.

use dicom_dictionary_std::tags as tag;

use crate::error::Error;
use crate::source::Format;

/// The keyword and printed tag of an attribute that messages name.
pub(super) fn named(wanted: dicom_core::Tag) -> (&'static str, String) {
    /// The attributes that can make a film unreadable.
    const KEYWORDS: &[(dicom_core::Tag, &str)] = &[
        (tag::ROWS, "Rows"),
        (tag::COLUMNS, "Columns"),
        (tag::SAMPLES_PER_PIXEL, "SamplesPerPixel"),
        (tag::PHOTOMETRIC_INTERPRETATION, "PhotometricInterpretation"),
        (tag::PLANAR_CONFIGURATION, "PlanarConfiguration"),
        (tag::NUMBER_OF_FRAMES, "NumberOfFrames"),
        (tag::BITS_ALLOCATED, "BitsAllocated"),
        (tag::BITS_STORED, "BitsStored"),
        (tag::HIGH_BIT, "HighBit"),
        (tag::PIXEL_REPRESENTATION, "PixelRepresentation"),
        (tag::PIXEL_PADDING_VALUE, "PixelPaddingValue"),
        (tag::PIXEL_PADDING_RANGE_LIMIT, "PixelPaddingRangeLimit"),
        (tag::RESCALE_SLOPE, "RescaleSlope"),
        (tag::RESCALE_INTERCEPT, "RescaleIntercept"),
        (tag::WINDOW_CENTER, "WindowCenter"),
        (tag::WINDOW_WIDTH, "WindowWidth"),
        (tag::VOILUT_FUNCTION, "VOILUTFunction"),
        (tag::LUT_DESCRIPTOR, "LUTDescriptor"),
        (tag::LUT_DATA, "LUTData"),
        (tag::PIXEL_DATA, "PixelData"),
    ];
    let keyword = KEYWORDS
        .iter()
        .find(|(tag, _)| *tag == wanted)
        .map_or("attribute", |(_, keyword)| keyword);
    (keyword, wanted.to_string())
}

pub(super) fn truncated(name: &str, detail: String) -> Error {
    Error::Truncated {
        name: name.to_string(),
        format: Format::Dicom,
        detail,
    }
}

pub(super) fn malformed(name: &str, detail: String) -> Error {
    Error::Malformed {
        name: name.to_string(),
        format: Format::Dicom,
        detail,
    }
}
