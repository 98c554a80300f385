//! The BMP decoder (Windows and OS/2 bitmaps): palette, 16, 24 and 32 bits, uncompressed.

use crate::colour::{Alpha, Channels, flatten, palette_levels};
use crate::contrast::Contrast;
use crate::fault::Fault;
use crate::format::CONVERT;
use crate::levels::{Decoded, Levels};
use crate::limits::check_size;
use crate::source::{Colour, Format, Source, Step};
use crate::{DecodeOptions, Error};

/// Bytes of the file header.
const FILE_HEADER: usize = 14;
/// The position of the masks of red, green, blue and alpha, in or behind the information header.
const MASKS: usize = FILE_HEADER + 40;

/// True for the beginning of a BMP file. The two letters are no proof, the header's length is.
pub(crate) fn looks_like(head: &[u8]) -> bool {
    let length = head.get(FILE_HEADER..FILE_HEADER + 4);
    head.starts_with(b"BM")
        && length.is_some_and(|length| matches!(length, [12 | 16 | 40 | 52 | 56 | 64 | 108 | 124, 0, 0, 0]))
}

/// Decodes a BMP file.
pub(crate) fn decode(bytes: &[u8], name: &str, options: &DecodeOptions) -> Result<Decoded, Error> {
    let named = |fault: Fault| fault.named(name, Format::Bmp);
    let header = Header::read(bytes).map_err(named)?;
    check_size(header.width.into(), header.height.into(), name, options)?;
    let (width, height) = (header.width as usize, header.height as usize);
    let rows = header.rows(bytes).map_err(named)?;
    let mut steps = Vec::new();
    let (levels, colour, bit_depth) = if header.bits <= 8 {
        let palette = header.palette(bytes).map_err(named)?;
        let bits = usize::from(header.bits);
        let index = |row: &[u8], column: usize| {
            let at = column * bits;
            row[at / 8] >> (8 - at % 8 - bits) & ((1_u16 << bits) - 1) as u8
        };
        let mut indices = Vec::with_capacity(width * height);
        for row in rows {
            indices.extend((0..width).map(|column| index(row, column)));
        }
        let levels = palette_levels(indices, &palette, &mut steps);
        let levels = levels.ok_or_else(|| {
            named(Fault::Malformed(format!(
                "an index outside the palette of {} colours",
                palette.len()
            )))
        })?;
        (levels, Colour::Palette, header.bits as u8)
    } else {
        header
            .several(bytes, &rows.collect::<Vec<_>>(), &mut steps)
            .map_err(named)?
    };
    let source = Source {
        format: Format::Bmp,
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

struct Header {
    /// Bytes of the information header.
    length: usize,
    /// Position of the pixels.
    pixels: usize,
    width: u32,
    height: u32,
    /// True if the first row is the uppermost.
    downwards: bool,
    bits: u16,
    /// True if the file has masks of the colours.
    masks: bool,
    /// The number of palette colours in use, 0 for all.
    colours: usize,
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

impl Header {
    fn read(bytes: &[u8]) -> Result<Self, Fault> {
        let ends = || Fault::Truncated("it ends inside the header".to_string());
        let long = |at| u32_at(bytes, at).ok_or_else(ends);
        let short = |at| u16_at(bytes, at).ok_or_else(ends);
        let (pixels, length) = (long(10)? as usize, long(14)? as usize);
        if length == 12 {
            return Ok(Self {
                length,
                pixels,
                width: short(18)?.into(),
                height: short(20)?.into(),
                downwards: false,
                bits: of_pixel(short(24)?)?,
                masks: false,
                colours: 0,
            });
        }
        let (width, height) = (long(18)? as i32, long(22)? as i32);
        let bits = of_pixel(short(28)?)?;
        // OS/2 headers of 16 bytes end here.
        let compression = if length == 16 { 0 } else { long(30)? };
        let masks = match compression {
            0 => false,
            3 | 6 if length != 64 && matches!(bits, 16 | 32) => true,
            1 | 2 => return Err(unsupported("run-length compression in BMP")),
            4 => return Err(unsupported("a JPEG stream in BMP")),
            5 => return Err(unsupported("a PNG stream in BMP")),
            number => return Err(unsupported(&format!("BMP compression {number}"))),
        };
        Ok(Self {
            length,
            pixels,
            width: u32::try_from(width).unwrap_or(0),
            height: height.unsigned_abs(),
            downwards: height < 0,
            bits,
            masks,
            colours: if length == 16 { 0 } else { long(46)? as usize },
        })
    }

    /// The rows from top to bottom.
    fn rows<'a>(&self, bytes: &'a [u8]) -> Result<impl Iterator<Item = &'a [u8]>, Fault> {
        // Rows are padded to four bytes.
        let row = (self.width as usize * usize::from(self.bits)).div_ceil(32) * 4;
        let (height, length) = (self.height as usize, self.height as usize * row);
        let end = self.pixels.saturating_add(length);
        let Some(pixels) = bytes.get(self.pixels..end) else {
            return Err(Fault::Truncated(format!(
                "it has {} of the {length} bytes of its pixels",
                bytes.len().saturating_sub(self.pixels)
            )));
        };
        let downwards = self.downwards;
        Ok((0..height).map(move |index| {
            let index = if downwards { index } else { height - 1 - index };
            &pixels[index * row..][..row]
        }))
    }

    /// Red, green and blue of each index.
    fn palette(&self, bytes: &[u8]) -> Result<Vec<[u8; 3]>, Fault> {
        let size = if self.length == 12 { 3 } else { 4 };
        let most = 1 << self.bits;
        let count = if self.colours == 0 {
            most
        } else {
            self.colours.min(most)
        };
        let start = FILE_HEADER + self.length;
        // Some files have fewer colours than they say, and the pixels follow.
        let end = (start + count * size).min(self.pixels.max(start));
        let colours = bytes.get(start..end).filter(|colours| colours.len() >= size);
        let colours = colours.ok_or_else(|| Fault::Truncated("it has no palette".to_string()))?;
        let rgb = |colour: &[u8]| [colour[2], colour[1], colour[0]];
        Ok(colours.chunks_exact(size).map(rgb).collect())
    }

    /// The grey levels of pixels of 16, 24 or 32 bits, their colour space and the most bits of a channel.
    fn several(
        &self,
        bytes: &[u8],
        rows: &[&[u8]],
        steps: &mut Vec<Step>,
    ) -> Result<(Levels, Colour, u8), Fault> {
        let size = usize::from(self.bits / 8);
        let [red, green, blue, alpha] = self.fields(bytes)?;
        let width = self.width as usize;
        let fields = [red, green, blue, alpha];
        let sample = |pixel: usize, channel: usize| {
            let at = pixel % width * size;
            let stored = &rows[pixel / width][at..at + size];
            let word = stored
                .iter()
                .rev()
                .fold(0, |word, &byte| word << 8 | u32::from(byte));
            fields[channel].eight_bits(word)
        };
        let channels = Channels {
            colour: true,
            alpha: if alpha.bits == 0 {
                Alpha::None
            } else {
                Alpha::Straight
            },
            sixteen: false,
        };
        let grey = flatten(width * rows.len(), channels, sample, steps);
        let colour = if alpha.bits == 0 {
            Colour::Rgb
        } else {
            Colour::Rgba
        };
        let bits = red.bits.max(green.bits).max(blue.bits) as u8;
        Ok((Levels::Unit(grey), colour, bits))
    }

    /// The bits of red, green, blue and alpha in a pixel.
    fn fields(&self, bytes: &[u8]) -> Result<[Field; 4], Fault> {
        let masks = if self.masks {
            let mask = |index: usize| u32_at(bytes, MASKS + 4 * index).unwrap_or(0);
            // A header of 40 bytes has three masks behind it, one of 52 has three in it.
            let alpha = if self.length >= 56 { mask(3) } else { 0 };
            [mask(0), mask(1), mask(2), alpha]
        } else if self.bits == 16 {
            [0x7c00, 0x3e0, 0x1f, 0]
        } else {
            [0xff_0000, 0xff00, 0xff, 0]
        };
        let [red, green, blue, alpha] = masks.map(Field::of);
        match (red, green, blue, alpha) {
            (Some(red), Some(green), Some(blue), Some(alpha)) if red.bits * green.bits * blue.bits > 0 => {
                Ok([red, green, blue, alpha])
            }
            _ => Err(unsupported(&format!(
                "BMP colours with the masks {:x}, {:x}, {:x}, {:x}",
                masks[0], masks[1], masks[2], masks[3]
            ))),
        }
    }
}

/// Checks the bits of a pixel.
fn of_pixel(bits: u16) -> Result<u16, Fault> {
    match bits {
        1 | 2 | 4 | 8 | 16 | 24 | 32 => Ok(bits),
        _ => Err(Fault::Malformed(format!(
            "{bits} bits a pixel; expected 1, 2, 4, 8, 16, 24 or 32"
        ))),
    }
}

fn unsupported(what: &str) -> Fault {
    Fault::Unsupported(what.to_string(), CONVERT)
}

/// Adjacent bits of a pixel.
#[derive(Clone, Copy)]
struct Field {
    shift: u32,
    /// At most 8; 0 if the pixel does not have the channel.
    bits: u32,
}

impl Field {
    /// `None` for a mask of bits that are not adjacent, or more than 8.
    fn of(mask: u32) -> Option<Self> {
        let (shift, bits) = (mask.trailing_zeros() % 32, mask.count_ones());
        let adjacent = (mask >> shift).trailing_ones() == bits;
        (adjacent && bits <= 8).then_some(Self { shift, bits })
    }

    /// The channel's value, scaled to 0..=255 and rounded.
    fn eight_bits(self, pixel: u32) -> u16 {
        let top = (1_u32 << self.bits) - 1;
        let value = pixel >> self.shift & top;
        ((value * 255 + top / 2) / top.max(1)) as u16
    }
}
