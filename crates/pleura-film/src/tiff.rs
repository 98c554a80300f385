//! The TIFF decoder (TIFF 6.0): grey, RGB and palette films in strips or tiles.

mod compression;
mod directory;
mod layout;
mod lzw;

use crate::colour::{Alpha, Channels, flatten, palette_levels};
use crate::contrast::Contrast;
use crate::exif;
use crate::fault::Fault;
use crate::levels::{Decoded, Levels, sixteen_bits};
use crate::limits::check_size;
use crate::source::{Colour, Format, Source, Step};
use crate::{DecodeOptions, Error};
use directory::File;
use layout::{Layout, Photometric};

/// Decodes a TIFF file.
pub(crate) fn decode(bytes: &[u8], name: &str, options: &DecodeOptions) -> Result<Decoded, Error> {
    let named = |fault: Fault| fault.named(name, Format::Tiff);
    let file = File::open(bytes).map_err(named)?;
    let page = file.page().map_err(named)?;
    let (width, height) = layout::size(&page).map_err(named)?;
    check_size(width.into(), height.into(), name, options)?;
    let layout = Layout::read(&page).map_err(named)?;
    // Tiles reach over the edges, and each is decoded whole.
    let (columns, rows) = layout.chunk;
    let padded = (columns as u64)
        .saturating_mul(rows as u64)
        .saturating_mul(layout.chunks_of_plane() as u64);
    if padded > options.max_pixels.saturating_mul(2) {
        return Err(named(Fault::Malformed(format!(
            "tiles of {columns}×{rows} for {width}×{height} pixels"
        ))));
    }
    let streams = layout.streams(bytes).map_err(named)?;
    let stored: u64 = streams.iter().map(|stream| stream.len() as u64).sum();
    let of_chunk = |chunk| (layout.row_bytes() * layout.rows(chunk)) as u64;
    let needed: u64 = (0..streams.len()).map(of_chunk).sum();
    if needed / layout.compression.largest_ratio() > stored {
        return Err(Error::Implausible {
            name: name.to_string(),
            format: Format::Tiff,
            width: width.into(),
            height: height.into(),
            bytes: stored,
            least: needed / layout.compression.largest_ratio(),
        });
    }
    let samples = samples(&layout, &streams, file).map_err(named)?;
    let mut steps = Vec::new();
    if let Some(method) = layout.compression.name() {
        steps.push(Step::Decompressed {
            method: method.to_string(),
        });
    }
    let (levels, colour) = levels(samples, &layout, &mut steps).map_err(named)?;
    let (oriented_width, oriented_height, levels) = exif::turn(
        layout.width,
        layout.height,
        levels,
        layout.orientation,
        &mut steps,
    );
    Ok(Decoded {
        width: oriented_width,
        height: oriented_height,
        levels,
        source: Source {
            format: Format::Tiff,
            width: layout.width,
            height: layout.height,
            bit_depth: layout.bits as u8,
            colour,
            steps,
            dicom: None,
            contrast: Contrast::default(),
        },
    })
}

/// Samples `[height, width, samples]` as stored.
enum Samples {
    /// Of at most 8 bits.
    Eight(Vec<u8>),
    /// Of more.
    Sixteen(Vec<u16>),
}

/// Decodes all strips or tiles.
fn samples(layout: &Layout, streams: &[&[u8]], file: File<'_>) -> Result<Samples, Fault> {
    let length = layout.width * layout.height * layout.samples;
    let mut samples = if layout.bits <= 8 {
        Samples::Eight(vec![0; length])
    } else {
        Samples::Sixteen(vec![0; length])
    };
    let (row_bytes, interleaved) = (layout.row_bytes(), layout.interleaved());
    let mut line = vec![0; layout.chunk.0 * interleaved];
    for (chunk, stream) in streams.iter().enumerate() {
        let reversed: Vec<u8>;
        let mut stream = *stream;
        if layout.reversed {
            reversed = stream.iter().map(|byte| byte.reverse_bits()).collect();
            stream = &reversed;
        }
        let bytes = layout
            .compression
            .decode(stream, row_bytes * layout.rows(chunk))?;
        let (plane, place) = (chunk / layout.chunks_of_plane(), chunk % layout.chunks_of_plane());
        let (top, left) = (
            place / layout.across() * layout.chunk.1,
            place % layout.across() * layout.chunk.0,
        );
        let columns = layout.chunk.0.min(layout.width - left);
        for (row, bytes) in bytes.chunks_exact(row_bytes).enumerate() {
            if top + row >= layout.height {
                break;
            }
            unpack(bytes, layout.bits, file, &mut line);
            if layout.differences {
                sum(&mut line, interleaved, layout.bits);
            }
            let first = ((top + row) * layout.width + left) * layout.samples + plane;
            let line = &line[..columns * interleaved];
            let step = layout.planes;
            match &mut samples {
                Samples::Eight(out) => {
                    let out = out[first..].iter_mut().step_by(step);
                    out.zip(line).for_each(|(out, &value)| *out = value as u8);
                }
                Samples::Sixteen(out) => {
                    let out = out[first..].iter_mut().step_by(step);
                    out.zip(line).for_each(|(out, &value)| *out = value);
                }
            }
        }
    }
    Ok(samples)
}

/// Unpacks a row. Samples of 8 and 16 bits are bytes and words, all others are packed, highest bit first.
fn unpack(bytes: &[u8], bits: usize, file: File<'_>, line: &mut [u16]) {
    match bits {
        8 => line
            .iter_mut()
            .zip(bytes)
            .for_each(|(out, &byte)| *out = byte.into()),
        16 => {
            let words = bytes.as_chunks().0;
            line.iter_mut()
                .zip(words)
                .for_each(|(out, &pair)| *out = file.word(pair));
        }
        _ => {
            for (index, out) in line.iter_mut().enumerate() {
                let at = index * bits;
                let byte = |offset: usize| u32::from(bytes.get(at / 8 + offset).copied().unwrap_or(0));
                let three = byte(0) << 16 | byte(1) << 8 | byte(2);
                *out = (three >> (24 - at % 8 - bits)) as u16 & ((1 << bits) - 1);
            }
        }
    }
}

/// Adds each sample to its left neighbour's (TIFF 6.0, section 14).
fn sum(line: &mut [u16], interleaved: usize, bits: usize) {
    let mask = ((1_u32 << bits) - 1) as u16;
    for index in interleaved..line.len() {
        line[index] = line[index].wrapping_add(line[index - interleaved]) & mask;
    }
}

/// The grey levels of the samples.
fn levels(samples: Samples, layout: &Layout, steps: &mut Vec<Step>) -> Result<(Levels, Colour), Fault> {
    let top = ((1_u32 << layout.bits) - 1) as u16;
    if layout.photometric == Photometric::Palette {
        let Samples::Eight(indices) = samples else {
            return Err(Fault::Malformed("a palette of more than 8 bits".to_string()));
        };
        let levels = palette_levels(indices, &layout.palette, steps)
            .ok_or_else(|| Fault::Malformed("an index outside the palette".to_string()))?;
        return Ok((levels, Colour::Palette));
    }
    let inverted = layout.photometric == Photometric::WhiteIsZero;
    let colour = layout.photometric == Photometric::Rgb;
    let colours = if colour { 3 } else { 1 };
    let alpha = match (layout.samples > colours, layout.extra) {
        (true, Some(1)) => Alpha::Multiplied,
        (true, Some(2)) => Alpha::Straight,
        // As other readers do: four samples without a word on the last are colours and alpha.
        (true, None) if colour => Alpha::Straight,
        _ => Alpha::None,
    };
    let levels = if layout.samples == 1 {
        grey(samples, layout.bits, inverted, steps)
    } else {
        let channels = Channels {
            colour,
            alpha,
            sixteen: layout.bits == 16,
        };
        let pixels = layout.width * layout.height;
        let shown = |value: u16, channel: usize| {
            if inverted && channel < colours {
                top - value
            } else {
                value
            }
        };
        Levels::Unit(match &samples {
            Samples::Eight(values) => {
                let sample = |pixel: usize, channel: usize| {
                    shown(values[pixel * layout.samples + channel].into(), channel)
                };
                flatten(pixels, channels, sample, steps)
            }
            Samples::Sixteen(values) => {
                let sample =
                    |pixel: usize, channel: usize| shown(values[pixel * layout.samples + channel], channel);
                flatten(pixels, channels, sample, steps)
            }
        })
    };
    if inverted {
        steps.push(Step::Inverted {
            because: "photometric interpretation (field 262) is WhiteIsZero".to_string(),
        });
    }
    let colour = match (colour, alpha) {
        (false, Alpha::None) => Colour::Grey,
        (false, _) => Colour::GreyAlpha,
        (true, Alpha::None) => Colour::Rgb,
        (true, _) => Colour::Rgba,
    };
    Ok((levels, colour))
}

/// The grey levels of one sample a pixel.
fn grey(samples: Samples, bits: usize, inverted: bool, steps: &mut Vec<Step>) -> Levels {
    match samples {
        Samples::Eight(mut values) => {
            let top = ((1_u32 << bits) - 1) as u8;
            // 1, 3, 15 and 255 divide 255.
            let factor = 255 / top;
            for value in &mut values {
                *value = if inverted { top - *value } else { *value } * factor;
            }
            Levels::Eight(values)
        }
        Samples::Sixteen(values) => {
            let mut levels = if bits == 16 {
                sixteen_bits(values, steps)
            } else {
                let top = ((1_u32 << bits) - 1) as f32;
                Levels::Sixteen { values, top }
            };
            if let Levels::Sixteen { values, top } = &mut levels
                && inverted
            {
                let top = *top as u16;
                for value in values.iter_mut() {
                    *value = top - *value;
                }
            }
            levels
        }
    }
}
