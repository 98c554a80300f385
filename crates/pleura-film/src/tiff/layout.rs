//! The fields of a page that describe its samples, checked before anything is allocated.

use super::compression::Compression;
use super::directory::Directory;
use crate::fault::Fault;
use crate::format::CONVERT;

mod tag {
    pub(super) const WIDTH: u16 = 256;
    pub(super) const HEIGHT: u16 = 257;
    pub(super) const BITS: u16 = 258;
    pub(super) const COMPRESSION: u16 = 259;
    pub(super) const PHOTOMETRIC: u16 = 262;
    pub(super) const FILL_ORDER: u16 = 266;
    pub(super) const STRIP_OFFSETS: u16 = 273;
    pub(super) const ORIENTATION: u16 = 274;
    pub(super) const SAMPLES: u16 = 277;
    pub(super) const ROWS_PER_STRIP: u16 = 278;
    pub(super) const STRIP_BYTES: u16 = 279;
    pub(super) const PLANAR: u16 = 284;
    pub(super) const PREDICTOR: u16 = 317;
    pub(super) const COLOUR_MAP: u16 = 320;
    pub(super) const TILE_WIDTH: u16 = 322;
    pub(super) const TILE_HEIGHT: u16 = 323;
    pub(super) const TILE_OFFSETS: u16 = 324;
    pub(super) const TILE_BYTES: u16 = 325;
    pub(super) const EXTRA_SAMPLES: u16 = 338;
    pub(super) const SAMPLE_FORMAT: u16 = 339;
}

/// The meaning of the first samples of a pixel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Photometric {
    WhiteIsZero,
    BlackIsZero,
    Rgb,
    Palette,
}

/// The size of a page, before anything else of it is read.
pub(super) fn size(page: &Directory<'_>) -> Result<(u32, u32), Fault> {
    Ok((needed(page, tag::WIDTH)?, needed(page, tag::HEIGHT)?))
}

/// The samples of a page and where they are.
pub(super) struct Layout {
    pub(super) width: usize,
    pub(super) height: usize,
    /// Bits of a sample: 1, 2, 4, 8, 10, 12, 14 or 16.
    pub(super) bits: usize,
    /// Samples of a pixel, 1 to 4.
    pub(super) samples: usize,
    pub(super) photometric: Photometric,
    /// Fields 338 of the samples behind grey or colour.
    pub(super) extra: Option<u32>,
    pub(super) compression: Compression,
    /// True if samples are differences to their left neighbours.
    pub(super) differences: bool,
    /// True if each byte is stored with its lowest bit first.
    pub(super) reversed: bool,
    /// Planes with strips or tiles of their own: 1, or one for each sample.
    pub(super) planes: usize,
    /// Columns and rows of a strip or tile.
    pub(super) chunk: (usize, usize),
    pub(super) orientation: u8,
    /// The palette, with its 8-bit colours.
    pub(super) palette: Vec<[u8; 3]>,
    offsets: Vec<u32>,
    bytes: Option<Vec<u32>>,
    tiled: bool,
}

impl Layout {
    pub(super) fn read(page: &Directory<'_>) -> Result<Self, Fault> {
        let (width, height) = size(page)?;
        let compression = Compression::of(page.number(tag::COMPRESSION)?.unwrap_or(1))?;
        let samples = page.number(tag::SAMPLES)?.unwrap_or(1);
        sample_format(page)?;
        let bits = bits(page, samples)?;
        let (photometric, palette) = photometric(page, samples, bits)?;
        let planes = match page.number(tag::PLANAR)? {
            Some(2) => samples as usize,
            _ => 1,
        };
        let differences = match page.number(tag::PREDICTOR)?.unwrap_or(1) {
            // Other compressions have no predictor (TIFF 6.0, section 14), and readers ignore it there.
            _ if !matches!(compression, Compression::Lzw | Compression::Deflate) => false,
            1 => false,
            2 if matches!(bits, 8 | 16) => true,
            number => {
                let what = format!("predictor {number} of {bits}-bit samples in TIFF");
                return Err(Fault::Unsupported(what, CONVERT));
            }
        };
        let tiles = page.numbers(tag::TILE_OFFSETS)?;
        let tiled = tiles.is_some();
        let (offsets, bytes, chunk) = if tiled {
            let chunk = (needed(page, tag::TILE_WIDTH)?, needed(page, tag::TILE_HEIGHT)?);
            (tiles, page.numbers(tag::TILE_BYTES)?, chunk)
        } else {
            let rows = page.number(tag::ROWS_PER_STRIP)?.unwrap_or(height).min(height);
            let offsets = page.numbers(tag::STRIP_OFFSETS)?;
            (offsets, page.numbers(tag::STRIP_BYTES)?, (width, rows))
        };
        let offsets =
            offsets.ok_or_else(|| Fault::Malformed("it names no strips and no tiles".to_string()))?;
        if chunk.0 == 0 || chunk.1 == 0 {
            return Err(Fault::Malformed("its strips or tiles have no pixels".to_string()));
        }
        Ok(Self {
            width: width as usize,
            height: height as usize,
            bits,
            samples: samples as usize,
            photometric,
            extra: page.number(tag::EXTRA_SAMPLES)?,
            compression,
            differences,
            reversed: page.number(tag::FILL_ORDER)? == Some(2),
            planes,
            chunk: (chunk.0 as usize, chunk.1 as usize),
            orientation: page.number(tag::ORIENTATION)?.unwrap_or(1).min(9) as u8,
            palette,
            offsets,
            bytes,
            tiled,
        })
    }

    /// Strips or tiles side by side.
    pub(super) fn across(&self) -> usize {
        self.width.div_ceil(self.chunk.0)
    }

    /// Strips or tiles of one plane.
    pub(super) fn chunks_of_plane(&self) -> usize {
        self.across().saturating_mul(self.height.div_ceil(self.chunk.1))
    }

    /// Samples of a pixel in one strip or tile.
    pub(super) fn interleaved(&self) -> usize {
        self.samples / self.planes
    }

    /// Bytes of a row of a strip or tile.
    pub(super) fn row_bytes(&self) -> usize {
        (self.chunk.0 * self.interleaved() * self.bits).div_ceil(8)
    }

    /// Rows of a strip or tile: a strip ends with the image.
    pub(super) fn rows(&self, chunk: usize) -> usize {
        let first = chunk % self.chunks_of_plane() / self.across() * self.chunk.1;
        if self.tiled {
            self.chunk.1
        } else {
            self.chunk.1.min(self.height - first)
        }
    }

    /// The streams of all strips or tiles. Together they are not longer than twice the file.
    pub(super) fn streams<'a>(&self, file: &'a [u8]) -> Result<Vec<&'a [u8]>, Fault> {
        let expected = self.chunks_of_plane().saturating_mul(self.planes);
        if self.offsets.len() < expected {
            return Err(Fault::Malformed(format!(
                "it names {} strips or tiles, expected {expected}",
                self.offsets.len()
            )));
        }
        let bytes = self.bytes.as_ref().filter(|bytes| bytes.len() >= expected);
        if bytes.is_none() && self.compression != Compression::None {
            return Err(Fault::Malformed(
                "it does not have the lengths of its compressed strips or tiles".to_string(),
            ));
        }
        let mut streams = Vec::with_capacity(expected);
        let mut total = 0;
        for (chunk, &offset) in self.offsets.iter().take(expected).enumerate() {
            let length = match bytes {
                // Some programs write no lengths where rows need none.
                Some(bytes) if bytes[chunk] > 0 || self.compression != Compression::None => {
                    bytes[chunk] as usize
                }
                _ => self.row_bytes() * self.rows(chunk),
            };
            let rest = file.get(offset as usize..).unwrap_or_default();
            if rest.is_empty() {
                return Err(Fault::Truncated(format!(
                    "strip or tile {chunk} begins at byte {offset}, behind the end of the file"
                )));
            }
            let stream = &rest[..length.min(rest.len())];
            total += stream.len();
            if total > 2 * file.len() {
                return Err(Fault::Malformed("its strips or tiles overlap".to_string()));
            }
            streams.push(stream);
        }
        Ok(streams)
    }
}

fn needed(page: &Directory<'_>, tag: u16) -> Result<u32, Fault> {
    page.number(tag)?
        .ok_or_else(|| Fault::Malformed(format!("field {tag} is missing, it is needed to read the pixels")))
}

fn bits(page: &Directory<'_>, samples: u32) -> Result<usize, Fault> {
    let all = page.numbers(tag::BITS)?.unwrap_or_else(|| vec![1]);
    let first = all.first().copied().unwrap_or(1);
    let alike = all.iter().all(|&bits| bits == first);
    if !alike || !matches!(first, 1 | 2 | 4 | 8 | 10 | 12 | 14 | 16) || !(1..=4).contains(&samples) {
        let what = format!(
            "a TIFF file of {samples} samples a pixel, of {} bits",
            listed(&all)
        );
        return Err(Fault::Unsupported(what, CONVERT));
    }
    Ok(first as usize)
}

fn listed(numbers: &[u32]) -> String {
    let shown: Vec<String> = numbers.iter().take(4).map(u32::to_string).collect();
    shown.join(", ")
}

fn sample_format(page: &Directory<'_>) -> Result<(), Fault> {
    let formats = page.numbers(tag::SAMPLE_FORMAT)?.unwrap_or_default();
    let what = match formats.iter().find(|&&format| format != 1 && format != 4) {
        None => return Ok(()),
        Some(2) => "a TIFF file of signed samples",
        Some(3) => "a TIFF file of floating-point samples",
        Some(_) => "a TIFF file of complex samples",
    };
    Err(Fault::Unsupported(what.to_string(), SCALE))
}

const SCALE: &str = "its black and white are not defined: scale it to 0 to 65535 and save it as 16-bit PNG, for example with `magick 'IN[0]' -auto-level -depth 16 OUT.png`";

fn photometric(
    page: &Directory<'_>,
    samples: u32,
    bits: usize,
) -> Result<(Photometric, Vec<[u8; 3]>), Fault> {
    let kind = match page.number(tag::PHOTOMETRIC)? {
        Some(0) => Photometric::WhiteIsZero,
        Some(1) => Photometric::BlackIsZero,
        Some(2) => Photometric::Rgb,
        Some(3) => Photometric::Palette,
        Some(number) => {
            let name = match number {
                4 => "a mask",
                5 => "CMYK",
                6 => "YCbCr",
                8..=10 => "CIE L*a*b*",
                32803 | 34892 => "raw data of a camera",
                _ => "an unknown kind of colour",
            };
            let what = format!("{name} in TIFF (field 262 is {number})");
            return Err(Fault::Unsupported(what, CONVERT));
        }
        None if samples >= 3 => Photometric::Rgb,
        None => {
            return Err(Fault::Malformed(
                "field 262 is missing: it is unknown whether 0 is black or white".to_string(),
            ));
        }
    };
    let wrong = match kind {
        Photometric::Rgb => samples < 3 || !matches!(bits, 8 | 16),
        Photometric::Palette => samples != 1 || bits > 8,
        _ => samples > 2 || samples == 2 && !matches!(bits, 8 | 16),
    };
    if wrong {
        let what = format!("{kind:?} of {samples} samples a pixel, of {bits} bits, in TIFF");
        return Err(Fault::Unsupported(what, CONVERT));
    }
    let mut palette = Vec::new();
    if kind == Photometric::Palette {
        let map = page.numbers(tag::COLOUR_MAP)?.unwrap_or_default();
        let colours = 1 << bits;
        if map.len() < 3 * colours {
            return Err(Fault::Malformed(format!(
                "a palette of {} values, expected {}",
                map.len(),
                3 * colours
            )));
        }
        // Values have 16 bits, of which readers show the upper 8; some programs write 8-bit values.
        let shift = if map.iter().all(|&value| value < 256) {
            0
        } else {
            8
        };
        palette.extend(
            (0..colours).map(|index| {
                [0, 1, 2].map(|channel| (map[channel * colours + index] >> shift).min(255) as u8)
            }),
        );
    }
    Ok((kind, palette))
}
