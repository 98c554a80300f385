//! Decoding of pixel data to stored values, one word per sample.

use dicom_core::VR;
use dicom_dictionary_std::tags as tag;

use super::coded::Coded;
use super::container::Container;
use super::data_set::{DataSet, Pixels};
use super::syntax::Coding;
use super::{jpeg2000, jpegls, rle};
use crate::colour::Luma;
use crate::error::printable;
use crate::source::{Colour, Format, Step};
use crate::{DecodeOptions, Error, jpeg};

/// The layout of samples in words (PS3.3 C.7.6.3, PS3.5 section 8).
#[derive(Debug)]
pub(super) struct Layout {
    pub(super) rows: u16,
    pub(super) columns: u16,
    samples: u16,
    pub(super) allocated: u16,
    pub(super) stored: u16,
    pub(super) high: u16,
    pub(super) signed: bool,
    planar: bool,
    pub(super) photometric: String,
}

impl Layout {
    pub(super) fn read(set: &DataSet<'_>) -> Result<Self, Error> {
        let (rows, columns) = (set.needed_word(tag::ROWS)?, set.needed_word(tag::COLUMNS)?);
        let photometric = set
            .text(tag::PHOTOMETRIC_INTERPRETATION)
            .ok_or_else(|| set.missing(tag::PHOTOMETRIC_INTERPRETATION))?
            .to_uppercase();
        let expected_samples = match photometric.as_str() {
            "MONOCHROME1" | "MONOCHROME2" => 1,
            "RGB" | "YBR_FULL" | "YBR_FULL_422" | "YBR_RCT" | "YBR_ICT" => 3,
            other => {
                return Err(Error::Unsupported {
                    name: set.name().to_string(),
                    what: format!("photometric interpretation (0028,0004) '{}'", printable(other)),
                    advice: "a film is MONOCHROME1, MONOCHROME2, RGB, YBR_FULL, YBR_FULL_422, YBR_RCT or YBR_ICT",
                });
            }
        };
        let samples = set.word(tag::SAMPLES_PER_PIXEL)?.unwrap_or(expected_samples);
        if samples != expected_samples {
            let expected = format!("{expected_samples} for {photometric}");
            return Err(set.bad(tag::SAMPLES_PER_PIXEL, &expected));
        }
        let allocated = set.needed_word(tag::BITS_ALLOCATED)?;
        if !matches!(allocated, 8 | 16) {
            return Err(set.bad(tag::BITS_ALLOCATED, "8 or 16"));
        }
        let stored = set.word(tag::BITS_STORED)?.unwrap_or(allocated);
        if !(1..=allocated).contains(&stored) {
            return Err(set.bad(tag::BITS_STORED, &format!("1 to {allocated}, the bits allocated")));
        }
        let high = set.word(tag::HIGH_BIT)?.unwrap_or(stored - 1);
        if high >= allocated || high + 1 < stored {
            let expected = format!("{} to {}, so that {stored} bits fit", stored - 1, allocated - 1);
            return Err(set.bad(tag::HIGH_BIT, &expected));
        }
        let signed = match set.word(tag::PIXEL_REPRESENTATION)? {
            None | Some(0) => false,
            Some(1) => true,
            Some(_) => return Err(set.bad(tag::PIXEL_REPRESENTATION, "0 or 1")),
        };
        let planar = match set.word(tag::PLANAR_CONFIGURATION)? {
            None | Some(0) => false,
            Some(1) => true,
            Some(_) => return Err(set.bad(tag::PLANAR_CONFIGURATION, "0 or 1")),
        };
        Ok(Self {
            rows,
            columns,
            samples,
            allocated,
            stored,
            high,
            signed,
            planar,
            photometric,
        })
    }

    /// Takes the bits of a compressed stream where it has fewer than the data set declares.
    fn narrow(&mut self, precision: u16) {
        if precision < self.stored && !self.signed {
            (self.stored, self.high) = (precision, precision - 1);
        }
    }

    /// Takes the place of the bits in samples of a JPEG 2000 or JPEG-LS codestream. They are right-aligned if
    /// the codestream does not reach the high bit. A sample that does not fit into the bits stored shows that
    /// the codestream's bits count: a lossy encoder that was given 12 bits as 16 may exceed them. Whether the
    /// highest bit is a sign is said by the data set alone: JPEG-LS has no sign, and that of JPEG 2000 is
    /// often wrong. pydicom reads them in the same way.
    fn align(&mut self, precision: u16, samples: &[u16]) {
        if precision <= self.high {
            self.stored = self.stored.min(precision);
            self.high = self.stored - 1;
        }
        if self.high + 1 == self.stored && self.stored < precision {
            let (stored, signed) = (self.stored, self.signed);
            let fits = |sample: u16| sample >> stored == 0 || signed && (sample as i16) >> (stored - 1) == -1;
            if !samples.iter().all(|&sample| fits(sample)) {
                (self.stored, self.high) = (precision, precision - 1);
            }
        }
    }

    fn pixels(&self) -> usize {
        usize::from(self.rows) * usize::from(self.columns)
    }

    /// The value in a word: its bits and its sign (PS3.5 8.1.1).
    pub(super) fn value(&self, word: u16) -> i32 {
        let bits = u32::from(word) >> (self.high + 1 - self.stored) & ((1 << self.stored) - 1);
        let spare = 32 - u32::from(self.stored);
        if self.signed {
            (bits << spare) as i32 >> spare
        } else {
            bits as i32
        }
    }
}

/// One frame's samples.
pub(super) enum Frame {
    /// Words as allocated, `[rows, columns]`.
    Grey(Vec<u16>),
    /// Samples `[rows, columns, 3]`, their bits and their colour space.
    Colour(Vec<u16>, u8, Colour),
}

/// Decodes the frame.
pub(super) fn decode(
    container: &Container<'_>,
    set: &DataSet<'_>,
    layout: &mut Layout,
    options: &DecodeOptions,
    steps: &mut Vec<Step>,
) -> Result<Frame, Error> {
    let syntax = &container.syntax;
    let malformed = |detail: String| {
        let name = set.name().to_string();
        Error::Malformed {
            name,
            format: Format::Dicom,
            detail,
        }
    };
    let mut words = match (&set.pixels, syntax.coding) {
        (_, Coding::Refused(advice)) => {
            return Err(Error::TransferSyntax {
                name: set.name().to_string(),
                uid: syntax.uid.to_string(),
                syntax: syntax.name,
                advice,
            });
        }
        (Pixels::Native(range, vr), Coding::Native | Coding::Deflated) => native(
            &container.bytes[range.clone()],
            syntax.big_endian,
            *vr,
            set,
            layout,
        )?,
        (Pixels::Native(..), Coding::Rle | Coding::Jpeg | Coding::Jpeg2000 | Coding::JpegLs) => {
            let detail = format!("{} pixels are not in fragments", syntax.name);
            return Err(malformed(detail));
        }
        (Pixels::Fragments(_), Coding::Native | Coding::Deflated) => {
            let detail = format!("pixels are in fragments, which {} does not have", syntax.name);
            return Err(malformed(detail));
        }
        (Pixels::Fragments(fragments), coding) => {
            // The first fragment is the offset table, which a single frame does not need.
            let coded: Vec<u8> = fragments
                .iter()
                .skip(1)
                .flat_map(|range| container.bytes[range.clone()].iter().copied())
                .collect();
            if coded.is_empty() {
                let detail = "the pixel data have no fragments".to_string();
                let name = set.name().to_string();
                return Err(Error::Truncated {
                    name,
                    format: Format::Dicom,
                    detail,
                });
            }
            let expected = (
                usize::from(layout.columns),
                usize::from(layout.rows),
                usize::from(layout.samples),
            );
            if coding != Coding::Jpeg2000 && matches!(layout.photometric.as_str(), "YBR_RCT" | "YBR_ICT") {
                return Err(Error::Unsupported {
                    name: set.name().to_string(),
                    what: format!("{} in {}", layout.photometric, syntax.name),
                    advice: "it is a colour space of JPEG 2000; convert the file to RGB or to MONOCHROME2",
                });
            }
            match coding {
                Coding::Jpeg => return from_jpeg(&coded, set, layout, options, steps),
                Coding::Jpeg2000 => {
                    let frame = jpeg2000::decode(&coded, expected, set.name(), steps)?;
                    return from_codestream(frame, set, layout, steps);
                }
                Coding::JpegLs => {
                    let frame = jpegls::decode(&coded, expected, set.name())?;
                    return from_codestream(frame, set, layout, steps);
                }
                Coding::Native | Coding::Deflated | Coding::Rle | Coding::Refused(_) => {}
            }
            steps.push(Step::Decompressed {
                method: syntax.name.to_string(),
            });
            run_lengths(&coded, set, layout)?
        }
    };
    if layout.samples == 1 {
        return Ok(Frame::Grey(words));
    }
    // RLE always stores planes, regardless of the planar configuration (PS3.5 G.2).
    if layout.planar || syntax.coding == Coding::Rle {
        words = interleave(&words);
    }
    let colour = match layout.photometric.as_str() {
        "RGB" => Colour::Rgb,
        "YBR_FULL" => Colour::YCbCr,
        other => {
            return Err(Error::Unsupported {
                name: set.name().to_string(),
                what: format!("uncompressed {other}"),
                advice: "convert the file to RGB or to MONOCHROME2",
            });
        }
    };
    let values = words
        .iter()
        .map(|&word| layout.value(word).max(0) as u16)
        .collect();
    Ok(Frame::Colour(values, layout.stored as u8, colour))
}

/// Luma of a colour frame; modality and VOI do not apply to colour.
pub(super) fn luma(values: &[u16], precision: u8, colour: Colour, steps: &mut Vec<Step>) -> Vec<f32> {
    let mut luma = Luma::default();
    let grey = jpeg::three_to_grey(values, precision, colour, &mut luma);
    steps.push(Step::Luma {
        max_channel_difference: luma.max_difference(),
    });
    grey
}

fn native(
    bytes: &[u8],
    big_endian: bool,
    vr: VR,
    set: &DataSet<'_>,
    layout: &Layout,
) -> Result<Vec<u16>, Error> {
    let samples = layout.pixels() * usize::from(layout.samples);
    let expected = samples * usize::from(layout.allocated / 8);
    let all = bytes;
    let Some(bytes) = bytes.get(..expected) else {
        let detail = format!(
            "the pixel data have {} bytes, {}×{} pixels need {expected}",
            bytes.len(),
            layout.columns,
            layout.rows
        );
        return Err(Error::Truncated {
            name: set.name().to_string(),
            format: Format::Dicom,
            detail,
        });
    };
    let pairs = || bytes.chunks_exact(2).map(|pair| [pair[0], pair[1]]);
    Ok(match (layout.allocated, big_endian) {
        (16, false) => pairs().map(u16::from_le_bytes).collect(),
        (16, true) => pairs().map(u16::from_be_bytes).collect(),
        // In big-endian words, bytes are swapped (PS3.5 annex D).
        (_, true) if vr == VR::OW => {
            // The last byte of an odd number follows its padding byte.
            let whole = all.get(..expected.next_multiple_of(2)).unwrap_or(bytes);
            let words = whole.chunks(2).flat_map(|word| word.iter().rev());
            words.take(expected).map(|&byte| u16::from(byte)).collect()
        }
        _ => bytes.iter().map(|&byte| u16::from(byte)).collect(),
    })
}

fn run_lengths(coded: &[u8], set: &DataSet<'_>, layout: &Layout) -> Result<Vec<u16>, Error> {
    let bytes_a_sample = usize::from(layout.allocated / 8);
    let segments = usize::from(layout.samples) * bytes_a_sample;
    let planes = rle::decode(coded, layout.pixels(), segments, set.name())?;
    if bytes_a_sample == 1 {
        return Ok(planes.into_iter().map(u16::from).collect());
    }
    let samples = planes.chunks_exact(2 * layout.pixels());
    Ok(samples
        .flat_map(|sample| {
            let (high, low) = sample.split_at(layout.pixels());
            high.iter()
                .zip(low)
                .map(|(&high, &low)| u16::from_be_bytes([high, low]))
        })
        .collect())
}

fn from_jpeg(
    coded: &[u8],
    set: &DataSet<'_>,
    layout: &mut Layout,
    options: &DecodeOptions,
    steps: &mut Vec<Step>,
) -> Result<Frame, Error> {
    let stream = jpeg::samples(coded, set.name(), options, Format::Dicom)?;
    let found = (stream.width, stream.height, stream.components);
    let expected = (
        usize::from(layout.columns),
        usize::from(layout.rows),
        usize::from(layout.samples),
    );
    if found != expected {
        let detail = format!(
            "the JPEG stream has {}×{} pixels of {} components, the data set {}×{} of {}",
            found.0, found.1, found.2, expected.0, expected.1, expected.2
        );
        return Err(Error::Malformed {
            name: set.name().to_string(),
            format: Format::Dicom,
            detail,
        });
    }
    if u16::from(stream.precision) > layout.allocated {
        let found = format!(
            "{}, the JPEG stream has {} bits",
            layout.allocated, stream.precision
        );
        return Err(set.bad_value(tag::BITS_ALLOCATED, found, "at least as many"));
    }
    steps.extend(stream.tolerated.iter().cloned());
    steps.push(Step::Decompressed {
        method: stream.process.to_string(),
    });
    if layout.samples == 1 {
        layout.narrow(u16::from(stream.precision));
        return Ok(Frame::Grey(stream.values));
    }
    stream.check_range(set.name(), Format::Dicom)?;
    let tagged = if layout.photometric == "RGB" {
        Colour::Rgb
    } else {
        Colour::YCbCr
    };
    Ok(Frame::Colour(
        stream.values,
        stream.precision,
        stream.declared.unwrap_or(tagged),
    ))
}

/// A frame of JPEG 2000 or JPEG-LS. The codestream's bits count where it has fewer than the data set
/// declares.
fn from_codestream(
    frame: Coded,
    set: &DataSet<'_>,
    layout: &mut Layout,
    steps: &mut Vec<Step>,
) -> Result<Frame, Error> {
    let precision = u16::from(frame.precision);
    if precision > layout.allocated {
        let found = format!(
            "{}, the {} codestream has {precision} bits",
            layout.allocated, frame.process
        );
        return Err(set.bad_value(tag::BITS_ALLOCATED, found, "at least as many"));
    }
    steps.push(Step::Decompressed {
        method: frame.process.to_string(),
    });
    if layout.samples == 1 {
        layout.align(precision, &frame.values);
        return Ok(Frame::Grey(frame.values));
    }
    let top = (1_u32 << frame.precision) - 1;
    if let Some(value) = frame.values.iter().find(|&&value| u32::from(value) > top) {
        return Err(Error::Malformed {
            name: set.name().to_string(),
            format: Format::Dicom,
            detail: format!(
                "the {} codestream has a colour sample of {}, expected 0 to {top}",
                frame.process, *value as i16
            ),
        });
    }
    // The colour transforms of JPEG 2000 are undone by the decoder; JPEG-LS has none here.
    let colour = match layout.photometric.as_str() {
        "YBR_FULL" | "YBR_FULL_422" => Colour::YCbCr,
        _ => Colour::Rgb,
    };
    Ok(Frame::Colour(frame.values, frame.precision, colour))
}

/// Converts three planes to interleaved samples.
fn interleave(planes: &[u16]) -> Vec<u16> {
    let pixels = planes.len() / 3;
    let (red, rest) = planes.split_at(pixels);
    let (green, blue) = rest.split_at(pixels);
    red.iter()
        .zip(green)
        .zip(blue)
        .flat_map(|((&red, &green), &blue)| [red, green, blue])
        .collect()
}
