//! The DICOM decoder (PS3.3, PS3.5): one radiograph in one frame.

mod coded;
mod container;
mod data_set;
mod faults;
mod frame;
mod grey;
mod header;
mod jpeg2000;
mod jpegls;
mod lookup;
mod modality;
mod rle;
mod syntax;
mod tags;
mod unknown;

use crate::contrast::Contrast;
use crate::error::Error;
use crate::levels::{Decoded, Levels};
use crate::limits::check_size;
use crate::options::{DecodeOptions, Polarity, Voi};
use crate::source::{Colour, Format, Source};
use data_set::DataSet;

pub(crate) use container::looks_like;
pub use header::DicomHeader;
pub use syntax::{TransferSyntax, transfer_syntaxes};

/// Decodes a DICOM file.
pub(crate) fn decode(bytes: &[u8], name: &str, options: &DecodeOptions) -> Result<Decoded, Error> {
    let container = container::Container::open(bytes, name, options)?;
    let set = DataSet::read(&container, name)?;
    modality::check(&set, name, options)?;
    let mut layout = frame::Layout::read(&set)?;
    check_size(layout.columns.into(), layout.rows.into(), name, options)?;

    let mut steps = container.steps.clone();
    let frame = frame::decode(&container, &set, &mut layout, options, &mut steps)?;
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
    let dicom = Some(tags::read(&set, container.syntax.uid));
    let bit_depth = layout.stored as u8;
    let source = Source {
        format: Format::Dicom,
        width,
        height,
        bit_depth,
        colour,
        steps,
        dicom,
        contrast: Contrast::default(),
    };
    Ok(Decoded {
        width,
        height,
        levels,
        source,
    })
}
