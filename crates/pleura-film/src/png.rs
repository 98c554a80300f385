//! The PNG decoder.

use std::io::Cursor;

use png::{BitDepth, ColorType, DecodingError, Info, Limits, Transformations};

use crate::colour::{Alpha, Channels, flatten};
use crate::contrast::Contrast;
use crate::error::reported;
use crate::levels::{Decoded, Levels, sixteen_bits};
use crate::limits::check_size;
use crate::source::{Colour, Format, Source, Step};
use crate::{DecodeOptions, Error};

/// The largest expansion of one byte of a deflate stream (258 bytes in two bits).
const DEFLATE_RATIO: u64 = 1032;

/// The chunk that ends a file.
const END: [u8; 12] = *b"\0\0\0\0IEND\xaeB`\x82";

/// Decodes a PNG file of any colour type and bit depth. The chunk that ends a file may be missing.
pub(crate) fn decode(bytes: &[u8], name: &str, options: &DecodeOptions) -> Result<Decoded, Error> {
    let whole = whole_chunks(bytes);
    let has_end = whole.is_some_and(|whole| whole.ends_with(&END));
    let mut decoded = match (decode_whole(bytes, name, options), whole) {
        (Err(error @ Error::Truncated { .. }), Some(whole)) if !has_end => {
            decode_whole(&[whole, &END].concat(), name, options).map_err(|_| error)?
        }
        (other, _) => other?,
    };
    if !has_end {
        decoded.source.steps.insert(0, Step::EndMissing);
    }
    Ok(decoded)
}

/// The chunks up to the last, IEND, or in front of a broken one; `None` if the broken one holds image data.
fn whole_chunks(bytes: &[u8]) -> Option<&[u8]> {
    let mut at = 8;
    loop {
        let head = bytes.get(at..at + 8);
        let end = head.and_then(|head| {
            let length = u32::from_be_bytes([head[0], head[1], head[2], head[3]]);
            at.checked_add(length as usize)?.checked_add(12)
        });
        match (head, end.filter(|&end| end <= bytes.len())) {
            (Some(head), Some(end)) if &head[4..] == b"IEND" => return bytes.get(..end),
            (_, Some(end)) => at = end,
            (Some(head), None) if &head[4..] == b"IDAT" => return None,
            _ => return bytes.get(..at),
        }
    }
}

fn decode_whole(bytes: &[u8], name: &str, options: &DecodeOptions) -> Result<Decoded, Error> {
    // The decoder itself allocates only rows and palettes; the output buffer is allocated here.
    let limits = Limits {
        bytes: bytes.len().saturating_add(64 << 20),
    };
    let mut decoder = png::Decoder::new_with_limits(Cursor::new(bytes), limits);
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);
    decoder.set_transformations(Transformations::EXPAND);

    let info = decoder.read_header_info().map_err(|error| refuse(name, &error))?;
    let (width, height) = (info.width, info.height);
    check_size(width.into(), height.into(), name, options)?;
    let raw_bits = u64::from(width) * info.bits_per_pixel() as u64;
    let raw_bytes = raw_bits.div_ceil(8).saturating_mul(height.into());
    if raw_bytes / DEFLATE_RATIO > bytes.len() as u64 {
        return Err(Error::Implausible {
            name: name.to_string(),
            format: Format::Png,
            width: width.into(),
            height: height.into(),
            bytes: bytes.len() as u64,
            least: raw_bytes / DEFLATE_RATIO,
        });
    }

    let mut reader = decoder.read_info().map_err(|error| refuse(name, &error))?;
    let info = reader.info();
    check_palette(info, name)?;
    let (stored, bit_depth) = (info.color_type, info.bit_depth as u8);
    let has_transparency = info.trns.is_some();
    let frames = info.animation_control().map_or(1, |control| control.num_frames);
    let size = reader.output_buffer_size().ok_or_else(|| Error::TooManyPixels {
        name: name.to_string(),
        width: width.into(),
        height: height.into(),
        limit: options.max_pixels,
    })?;
    let mut samples = vec![0; size];
    let frame = reader
        .next_frame(&mut samples)
        .map_err(|error| refuse(name, &error))?;
    samples.truncate(frame.buffer_size());

    let mut steps = Vec::new();
    if frames > 1 {
        steps.push(Step::FirstOfAnimation { frames });
    }
    if stored == ColorType::Indexed {
        steps.push(Step::Palette);
    }
    let levels = match (frame.color_type, frame.bit_depth) {
        (ColorType::Grayscale, BitDepth::Sixteen) => {
            let pairs = samples.as_chunks().0.iter();
            sixteen_bits(pairs.map(|&pair| u16::from_be_bytes(pair)).collect(), &mut steps)
        }
        // The decoder has expanded fewer bits to eight.
        (ColorType::Grayscale, _) => Levels::Eight(samples),
        (colour, depth) => Levels::Unit(several(&samples, depth, colour, &mut steps)),
    };

    let colour = match (stored, has_transparency) {
        (ColorType::Grayscale, false) => Colour::Grey,
        (ColorType::Grayscale, true) | (ColorType::GrayscaleAlpha, _) => Colour::GreyAlpha,
        (ColorType::Rgb, false) => Colour::Rgb,
        (ColorType::Rgb, true) | (ColorType::Rgba, _) => Colour::Rgba,
        (ColorType::Indexed, _) => Colour::Palette,
    };
    let (width, height) = (frame.width as usize, frame.height as usize);
    let source = Source {
        format: Format::Png,
        width,
        height,
        bit_depth,
        colour,
        steps,
        dicom: None,
        contrast: Contrast::default(),
    };
    Ok(Decoded {
        width,
        height,
        levels,
        source,
    })
}

/// Checks a palette and its alphas, since the decoder panics on invalid lengths.
fn check_palette(info: &Info<'_>, name: &str) -> Result<(), Error> {
    if info.color_type != ColorType::Indexed {
        return Ok(());
    }
    let bytes = info.palette.as_ref().map_or(0, |palette| palette.len());
    let alphas = info.trns.as_ref().map_or(0, |alphas| alphas.len());
    let detail = if bytes == 0 || !bytes.is_multiple_of(3) || bytes > 3 * 256 {
        format!("a palette of {bytes} bytes; it must have three for each of 1 to 256 colours")
    } else if alphas > bytes / 3 {
        format!("{alphas} alphas for a palette of {} colours", bytes / 3)
    } else {
        return Ok(());
    };
    Err(Error::Malformed {
        name: name.to_string(),
        format: Format::Png,
        detail,
    })
}

/// Grey levels of pixels of several 8- or 16-bit samples.
fn several(samples: &[u8], depth: BitDepth, colour: ColorType, steps: &mut Vec<Step>) -> Vec<f32> {
    let count = colour.samples();
    let channels = Channels {
        colour: count > 2,
        alpha: if count.is_multiple_of(2) {
            Alpha::Straight
        } else {
            Alpha::None
        },
        sixteen: depth == BitDepth::Sixteen,
    };
    if channels.sixteen {
        let words = samples.as_chunks().0;
        let sample = |pixel: usize, channel: usize| u16::from_be_bytes(words[pixel * count + channel]);
        flatten(words.len() / count, channels, sample, steps)
    } else {
        let sample = |pixel: usize, channel: usize| u16::from(samples[pixel * count + channel]);
        flatten(samples.len() / count, channels, sample, steps)
    }
}

fn refuse(name: &str, error: &DecodingError) -> Error {
    let (name, format) = (name.to_string(), Format::Png);
    match error {
        DecodingError::IoError(io) if io.kind() == std::io::ErrorKind::UnexpectedEof => Error::Truncated {
            name,
            format,
            detail: "the file ends inside the image data".to_string(),
        },
        // The library's text is for its own developers.
        DecodingError::Format(error) if error.to_string().contains("CRC") => Error::Malformed {
            name,
            format,
            detail: "a chunk does not have its checksum (CRC); the file is damaged, copy it again"
                .to_string(),
        },
        error => Error::Malformed {
            name,
            format,
            detail: reported(&error.to_string()),
        },
    }
}
