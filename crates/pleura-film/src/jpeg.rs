//! The JPEG decoder, for files and for streams inside DICOM.

mod extended;
mod header;
mod huffman;
mod lossless;

use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;

use crate::colour::{Luma, rgb_of_ycbcr};
use crate::contrast::Contrast;
use crate::error::{Error, reported};
use crate::exif;
use crate::levels::{Decoded, Levels};
use crate::limits::check_size;
use crate::options::DecodeOptions;
use crate::source::{Colour, Format, Source, Step};
use header::{Header, Process};

/// The samples of a JPEG stream, interleaved by component, and facts from its header.
pub(crate) struct Samples {
    /// Columns.
    pub(crate) width: usize,
    /// Rows.
    pub(crate) height: usize,
    /// Bits per sample.
    pub(crate) precision: u8,
    /// Components per pixel.
    pub(crate) components: usize,
    /// `[height, width, components]`.
    pub(crate) values: Vec<u16>,
    /// The colour space of three components, if the stream declares it.
    pub(crate) declared: Option<Colour>,
    /// The name of the coding process.
    pub(crate) process: &'static str,
    /// The EXIF orientation, 1 to 8.
    orientation: u8,
    /// True if the stream follows Adobe's conventions.
    adobe: bool,
    /// Deviations from the format that were tolerated.
    pub(crate) tolerated: Vec<Step>,
}

impl Samples {
    /// Refuses samples of more bits than the declared precision, since lossless coding counts modulo 2^16 at
    /// every precision. The stored bits of a grey DICOM film are masked by its own attributes instead.
    pub(crate) fn check_range(&self, name: &str, format: Format) -> Result<(), Error> {
        let top = (1_u32 << self.precision) - 1;
        match self.values.iter().find(|&&value| u32::from(value) > top) {
            None => Ok(()),
            Some(value) => Err(Error::Malformed {
                name: name.to_string(),
                format,
                detail: format!(
                    "a sample of {value}, where {} bits hold at most {top}",
                    self.precision
                ),
            }),
        }
    }
}

/// Decodes a JPEG file.
pub(crate) fn decode(bytes: &[u8], name: &str, options: &DecodeOptions) -> Result<Decoded, Error> {
    let stream = samples(bytes, name, options, Format::Jpeg)?;
    stream.check_range(name, Format::Jpeg)?;
    let (width, height) = (stream.width, stream.height);
    let mut steps = stream.tolerated.clone();
    let (bit_depth, orientation) = (stream.precision, stream.orientation);
    let (levels, colour) = to_grey(stream, &mut steps);
    let (oriented_width, oriented_height, levels) =
        exif::turn(width, height, levels, orientation, &mut steps);
    let source = Source {
        format: Format::Jpeg,
        width,
        height,
        bit_depth,
        colour,
        steps,
        dicom: None,
        contrast: Contrast::default(),
    };
    Ok(Decoded {
        width: oriented_width,
        height: oriented_height,
        levels,
        source,
    })
}

/// Decodes one JPEG stream to samples. `format` is the container, for messages.
pub(crate) fn samples(
    bytes: &[u8],
    name: &str,
    options: &DecodeOptions,
    format: Format,
) -> Result<Samples, Error> {
    let header = Header::read(bytes).map_err(|fault| fault.named(name, format))?;
    check_size(header.width.into(), header.height.into(), name, options)?;
    header.check_plausible(name, format)?;
    let values = match header.process {
        Process::Lossless => lossless::decode(&header).map_err(|fault| fault.named(name, format))?,
        Process::Extended if header.precision > 8 => {
            extended::decode(&header).map_err(|fault| fault.named(name, format))?
        }
        Process::Baseline | Process::Extended | Process::Progressive => eight_bit(&header, name, format)
            .map_err(|error| match error {
                Error::Malformed { name, format, .. } if header.open_end => Error::Truncated {
                    name,
                    format,
                    detail: format!("it ends after {} bytes, inside the coded data", bytes.len()),
                },
                other => other,
            })?,
    };
    let mut tolerated = Vec::new();
    if header.ignored > 0 {
        tolerated.push(Step::BytesIgnored {
            bytes: header.ignored,
        });
    }
    if header.open_end {
        tolerated.push(Step::EndMissing);
    }
    Ok(Samples {
        width: header.width.into(),
        height: header.height.into(),
        precision: header.precision,
        components: header.components.len(),
        values,
        declared: header.declared_colour(),
        process: header.process.name(header.precision),
        orientation: header.orientation,
        adobe: header.adobe.is_some(),
        tolerated,
    })
}

/// Decodes baseline, extended and progressive streams of 8 bits, components as stored.
fn eight_bit(header: &Header<'_>, name: &str, format: Format) -> Result<Vec<u16>, Error> {
    let refuse = |detail: String| Error::Malformed {
        name: name.to_string(),
        format,
        detail,
    };
    // Colour is converted here: the decoder gets the stream without application segments and returns the
    // components as stored.
    let settings = || {
        DecoderOptions::default()
            .set_strict_mode(true)
            .set_max_width(usize::from(u16::MAX))
            .set_max_height(usize::from(u16::MAX))
    };
    let mut decoder = zune_jpeg::JpegDecoder::new_with_options(ZCursor::new(&header.essential), settings());
    decoder
        .decode_headers()
        .map_err(|error| refuse(reported(&format!("{error:?}"))))?;
    let stored = decoder.input_colorspace().unwrap_or(ColorSpace::Unknown);
    decoder.set_options(settings().jpeg_set_out_colorspace(stored));
    let pixels = decoder
        .decode()
        .map_err(|error| refuse(reported(&format!("{error:?}"))))?;
    let expected = usize::from(header.width) * usize::from(header.height) * header.components.len();
    if pixels.len() != expected {
        return Err(refuse(format!(
            "{} samples were decoded, expected {expected}",
            pixels.len()
        )));
    }
    Ok(pixels.into_iter().map(u16::from).collect())
}

/// The grey levels of a JPEG file.
fn to_grey(stream: Samples, steps: &mut Vec<Step>) -> (Levels, Colour) {
    let top = ((1_u32 << stream.precision) - 1) as f32;
    let unit = |value: u16| f32::from(value) / top;
    let mut luma = Luma::default();
    let (grey, colour): (Vec<f32>, Colour) = match stream.components {
        3 => {
            let colour = stream.declared.unwrap_or(Colour::YCbCr);
            (
                three_to_grey(&stream.values, stream.precision, colour, &mut luma),
                colour,
            )
        }
        4 => {
            // Adobe's programs store inks inverted: 255 is no ink.
            steps.push(Step::Inks {
                inverted: stream.adobe,
            });
            let colour = stream.declared.unwrap_or(Colour::Cmyk);
            let light = |value: f32| if stream.adobe { value } else { 1.0 - value };
            let grey = stream.values.chunks_exact(4).map(|pixel| {
                let [first, second, third] = if colour == Colour::Ycck {
                    // YCC encodes the complement of each stored ink (libjpeg's ycck_cmyk_convert).
                    rgb_of_ycbcr(pixel[0] as u8, pixel[1] as u8, pixel[2] as u8).map(|lack| 1.0 - lack)
                } else {
                    [unit(pixel[0]), unit(pixel[1]), unit(pixel[2])]
                };
                let black = light(unit(pixel[3]));
                luma.of(light(first) * black, light(second) * black, light(third) * black)
                    .min(1.0)
            });
            (grey.collect(), colour)
        }
        _ => {
            let values = stream.values;
            return (Levels::Sixteen { values, top }, Colour::Grey);
        }
    };
    steps.push(Step::Luma {
        max_channel_difference: luma.max_difference(),
    });
    (Levels::Unit(grey), colour)
}

/// The luma of three interleaved components, RGB or Y, Cb, Cr, of at most 16 bits.
pub(crate) fn three_to_grey(values: &[u16], precision: u8, colour: Colour, luma: &mut Luma) -> Vec<f32> {
    let scale = ((1_u32 << precision) - 1) as f32;
    let unit = |value: u16| f32::from(value) / scale;
    let eight = |value: u16| {
        if precision > 8 {
            (value >> (precision - 8)) as u8
        } else {
            value as u8
        }
    };
    values
        .chunks_exact(3)
        .map(|pixel| {
            if colour == Colour::Rgb {
                luma.of(unit(pixel[0]), unit(pixel[1]), unit(pixel[2])).min(1.0)
            } else {
                let [red, green, blue] = rgb_of_ycbcr(eight(pixel[0]), eight(pixel[1]), eight(pixel[2]));
                luma.see(red, green, blue);
                // Y is the luma already.
                unit(pixel[0])
            }
        })
        .collect()
}
