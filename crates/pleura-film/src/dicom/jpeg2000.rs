//! JPEG 2000 frames (ISO/IEC 15444-1), decoded by `hayro-jpeg2000`.
//!
//! The headers are read here first, so that sizes, tiles and code-blocks are checked before anything is
//! allocated, and a codestream that was cut short is an error.

mod parts;

use hayro_jpeg2000::{DecodeSettings, DecoderContext, Image};

use super::coded::Coded;
use crate::Error;
use crate::source::{Format, Step};

/// The start of a codestream: the markers SOC and SIZ.
const CODESTREAM: [u8; 4] = [0xff, 0x4f, 0xff, 0x51];
/// The start of a JP2 file.
const JP2: [u8; 12] = *b"\x00\x00\x00\x0cjP  \x0d\x0a\x87\x0a";
/// The most tiles: each costs time and memory of its own.
const MOST_TILES: u64 = 4096;
/// The most bits of a sample.
const MOST_BITS: u8 = 16;
/// Up to this number of pixels, a codestream may be of any length, since a black film has a few hundred
/// bytes. A larger one needs a byte for [`PIXELS_OF_BYTE`] pixels, a twentieth of the bytes of the coarsest
/// film in use.
const PIXELS_OF_ANY: u64 = 1 << 24;
const PIXELS_OF_BYTE: u64 = 2048;

/// Decodes a frame that must have the given columns, rows and components.
///
/// # Errors
/// [`Error::Malformed`], [`Error::Truncated`] and [`Error::Implausible`], with the part of the codestream.
pub(super) fn decode(
    coded: &[u8],
    expected: (usize, usize, usize),
    name: &str,
    steps: &mut Vec<Step>,
) -> Result<Coded, Error> {
    let malformed = |detail: String| Error::Malformed {
        name: name.to_string(),
        format: Format::Dicom,
        detail,
    };
    let stream =
        codestream(coded).ok_or_else(|| malformed("the frame is no JPEG 2000 codestream".to_string()))?;
    let size = Size::read(stream).ok_or_else(|| Error::Truncated {
        name: name.to_string(),
        format: Format::Dicom,
        detail: "the JPEG 2000 codestream ends in its header".to_string(),
    })?;
    size.check(expected).map_err(malformed)?;
    let bytes = stream.len() as u64;
    let least = size.width * size.height / PIXELS_OF_BYTE;
    if size.width * size.height > PIXELS_OF_ANY && bytes < least {
        return Err(Error::Implausible {
            name: name.to_string(),
            format: Format::Dicom,
            width: size.width,
            height: size.height,
            bytes,
            least,
        });
    }
    let (stream, end_missing) =
        parts::whole(stream, &size).map_err(|fault| fault.named(name, Format::Dicom))?;
    if end_missing {
        steps.push(Step::EndMissing);
    }
    let settings = DecodeSettings {
        resolve_palette_indices: false,
        strict: true,
        target_resolution: None,
    };
    let undecodable =
        |error: hayro_jpeg2000::DecodeError| malformed(format!("the JPEG 2000 codestream: {error}"));
    let image = Image::new(&stream, &settings).map_err(undecodable)?;
    let mut context = DecoderContext::default();
    let decoded = image.decode(&mut context).map_err(undecodable)?;
    let components = decoded.components();
    let pixels = expected.0 * expected.1;
    if components.len() != expected.2
        || components
            .iter()
            .any(|component| component.samples().len() != pixels)
    {
        return Err(malformed(format!(
            "the JPEG 2000 codestream has {} components of {} samples, expected {} of {pixels}",
            components.len(),
            components
                .first()
                .map_or(0, |component| component.samples().len()),
            expected.2
        )));
    }
    // The decoder adds half of the range to signed samples too.
    let middle = if size.signed {
        1_i32 << (size.precision - 1)
    } else {
        0
    };
    let largest = ((1_u32 << size.precision) - 1) as f32;
    let word = |sample: f32| (sample.round().clamp(0.0, largest) as i32 - middle) as u16;
    let values = (0..pixels)
        .flat_map(|pixel| {
            components
                .iter()
                .map(move |component| word(component.samples()[pixel]))
        })
        .collect();
    Ok(Coded {
        values,
        precision: size.precision,
        process: "JPEG 2000",
    })
}

/// The codestream itself, without the boxes of a JP2 file.
fn codestream(coded: &[u8]) -> Option<&[u8]> {
    if coded.starts_with(&CODESTREAM) {
        return Some(coded);
    }
    let mut rest = coded.strip_prefix(&JP2)?;
    loop {
        let (header, _) = rest.split_first_chunk::<8>()?;
        let (length, kind) = header.split_at(4);
        let length = u32::from_be_bytes(length.try_into().ok()?) as usize;
        if kind == b"jp2c" {
            // The length 1 announces a long one in the next 8 bytes; 0 means up to the end.
            let stream = rest.get(if length == 1 { 16 } else { 8 }..)?;
            return stream.starts_with(&CODESTREAM).then_some(stream);
        }
        if length < 8 {
            return None;
        }
        rest = rest.get(length..)?;
    }
}

/// The marker segment SIZ (A.5.1).
struct Size {
    width: u64,
    height: u64,
    tiles: u64,
    /// Columns and rows of a tile.
    tile: (u64, u64),
    components: usize,
    precision: u8,
    signed: bool,
    /// True if all components have the same bits and no subsampling.
    equal: bool,
}

impl Size {
    fn read(stream: &[u8]) -> Option<Self> {
        let word = |at: usize| {
            let bytes = stream.get(at..at + 4)?.try_into().ok()?;
            Some(u64::from(u32::from_be_bytes(bytes)))
        };
        let (x, y, left, top) = (word(8)?, word(12)?, word(16)?, word(20)?);
        let (wide, high, from_x, from_y) = (word(24)?, word(28)?, word(32)?, word(36)?);
        let components = usize::from(u16::from_be_bytes(stream.get(40..42)?.try_into().ok()?));
        let each = stream.get(42..42 + 3 * components)?;
        let first = each.first_chunk::<3>()?;
        let along = |end: u64, from: u64, tile: u64| end.saturating_sub(from).div_ceil(tile.max(1));
        Some(Self {
            width: x.saturating_sub(left),
            height: y.saturating_sub(top),
            tiles: along(x, from_x, wide).saturating_mul(along(y, from_y, high)),
            tile: (wide, high),
            components,
            precision: (first[0] & 0x7f).saturating_add(1),
            signed: first[0] & 0x80 != 0,
            equal: each.chunks_exact(3).all(|one| one == first) && first[1..] == [1, 1],
        })
    }

    fn check(&self, expected: (usize, usize, usize)) -> Result<(), String> {
        let found = (self.width, self.height, self.components);
        if found != (expected.0 as u64, expected.1 as u64, expected.2) {
            return Err(format!(
                "the JPEG 2000 codestream has {}×{} pixels of {} components, the data set {}×{} of {}",
                found.0, found.1, found.2, expected.0, expected.1, expected.2
            ));
        }
        if !self.equal {
            return Err(
                "the components of the JPEG 2000 codestream differ in bits or size, expected equal ones"
                    .to_string(),
            );
        }
        if self.precision > MOST_BITS {
            return Err(format!(
                "the JPEG 2000 codestream has samples of {} bits, expected 1 to {MOST_BITS}",
                self.precision
            ));
        }
        if self.tiles > MOST_TILES {
            return Err(format!(
                "the JPEG 2000 codestream has {} tiles, expected at most {MOST_TILES}",
                self.tiles
            ));
        }
        Ok(())
    }
}
