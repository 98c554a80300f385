//! DICOM to film (PS3.3, PS3.5): one radiograph in one frame.

mod container;
mod data_set;
mod frame;
mod grey;
mod lookup;
mod modality;
mod rle;
mod syntax;
mod tags;
mod unknown;

use dicom_dictionary_std::tags as tag;

use crate::decode::check_size;
use crate::film::{Colour, Format, Source, Step};
use crate::levels::{Decoded, Levels};
use crate::{DecodeOptions, Error, Polarity, Voi};
use data_set::DataSet;

pub(crate) use container::looks_like;
pub use tags::{BodyPart, DicomTags};

/// Decodes a DICOM file.
pub(crate) fn decode(bytes: &[u8], name: &str, options: &DecodeOptions) -> Result<Decoded, Error> {
    let container = container::Container::open(bytes, name, options)?;
    let set = DataSet::read(&container, name)?;
    modality::check(&set, name, options)?;
    let layout = frame::Layout::read(&set)?;
    check_size(layout.columns.into(), layout.rows.into(), name, options)?;

    let mut steps = Vec::new();
    if let Some(step) = container.inflated {
        steps.push(Step::Decompressed {
            method: step.to_string(),
        });
    }
    let frame = frame::decode(&container, &set, &layout, options, &mut steps)?;
    let (levels, colour) = match frame {
        frame::Frame::Grey(words) => (
            grey::display(&set, &layout, words, options, &mut steps)?,
            Colour::Grey,
        ),
        frame::Frame::Colour(values, precision, colour) => {
            let overruled =
                !matches!(options.voi, Voi::FromFile | Voi::MinMax) || options.polarity != Polarity::FromFile;
            if overruled {
                return Err(Error::Unsupported {
                    name: name.to_string(),
                    what: "a window, a VOI table or a polarity for a film in colour".to_string(),
                    advice: "leave them out: they are for grey films",
                });
            }
            let grey = frame::luma(&values, precision, colour, &mut steps);
            (Levels::Unit(grey), colour)
        }
    };
    let (width, height) = (usize::from(layout.columns), usize::from(layout.rows));
    let dicom = Some(DicomTags::read(&set, container.syntax.uid));
    let bit_depth = layout.stored as u8;
    let source = Source {
        format: Format::Dicom,
        width,
        height,
        bit_depth,
        colour,
        steps,
        dicom,
    };
    Ok(Decoded {
        width,
        height,
        levels,
        source,
    })
}

/// The keyword and printed tag of an attribute that messages name.
fn named(wanted: dicom_core::Tag) -> (&'static str, String) {
    /// The attributes whose values can stop a film from being read.
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

fn truncated(name: &str, detail: String) -> Error {
    Error::Truncated {
        name: name.to_string(),
        format: Format::Dicom,
        detail,
    }
}

fn malformed(name: &str, detail: String) -> Error {
    Error::Malformed {
        name: name.to_string(),
        format: Format::Dicom,
        detail,
    }
}
