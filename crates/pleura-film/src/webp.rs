//! The WebP decoder: the container is read here, the image by the `image-webp` crate.

use std::io::Cursor;

use image_webp::{DecodingError, WebPDecoder};

use crate::colour::{Alpha, Channels, flatten};
use crate::contrast::Contrast;
use crate::error::reported;
use crate::exif;
use crate::fault::Fault;
use crate::format::CONVERT;
use crate::levels::{Decoded, Levels};
use crate::limits::check_size;
use crate::source::{Colour, Format, Source, Step};
use crate::{DecodeOptions, Error};

/// Bytes of the file header.
const HEADER: usize = 12;

/// Decodes a WebP file: of an animation the first image, if it covers the whole canvas.
pub(crate) fn decode(bytes: &[u8], name: &str, options: &DecodeOptions) -> Result<Decoded, Error> {
    let named = |fault: Fault| fault.named(name, Format::WebP);
    let image = Image::find(bytes).map_err(named)?;
    let (width, height) = image.size().map_err(named)?;
    check_size(width.into(), height.into(), name, options)?;
    if image.canvas.is_some_and(|canvas| canvas != (width, height)) {
        let what = "a WebP file whose image is smaller than its canvas".to_string();
        return Err(named(Fault::Unsupported(what, CONVERT)));
    }
    // The decoder sees only the chunks of this image, so that nothing else of the file is believed.
    let mut decoder = WebPDecoder::new(Cursor::new(image.file())).map_err(|error| named(refuse(&error)))?;
    if decoder.dimensions() != (width, height) {
        return Err(named(Fault::Malformed(
            "its headers name different sizes".to_string(),
        )));
    }
    let count = if decoder.has_alpha() { 4 } else { 3 };
    let pixels = width as usize * height as usize;
    let mut samples = vec![0; pixels * count];
    decoder
        .read_image(&mut samples)
        .map_err(|error| named(refuse(&error)))?;

    let mut steps = vec![Step::Decompressed {
        method: image.method().to_string(),
    }];
    if image.frames > 1 {
        steps.push(Step::FirstOfAnimation { frames: image.frames });
    }
    let channels = Channels {
        colour: true,
        alpha: if count == 4 { Alpha::Straight } else { Alpha::None },
        sixteen: false,
    };
    let sample = |pixel: usize, channel: usize| u16::from(samples[pixel * count + channel]);
    let levels = Levels::Unit(flatten(pixels, channels, sample, &mut steps));
    let (width, height) = (width as usize, height as usize);
    let (oriented_width, oriented_height, levels) =
        exif::turn(width, height, levels, image.orientation, &mut steps);
    let colour = if count == 4 { Colour::Rgba } else { Colour::Rgb };
    Ok(Decoded {
        width: oriented_width,
        height: oriented_height,
        levels,
        source: Source {
            format: Format::WebP,
            width,
            height,
            bit_depth: 8,
            colour,
            steps,
            dicom: None,
            contrast: Contrast::default(),
        },
    })
}

/// The chunks of one image.
#[derive(Default)]
struct Image<'a> {
    /// The content of `VP8 `.
    lossy: Option<&'a [u8]>,
    /// The content of `VP8L`.
    lossless: Option<&'a [u8]>,
    /// The content of `ALPH`, the alpha of a lossy image.
    alpha: Option<&'a [u8]>,
    /// Columns and rows of the canvas of an extended file.
    canvas: Option<(u32, u32)>,
    /// The number of images of an animation.
    frames: u32,
    /// The EXIF orientation, 1 to 8.
    orientation: u8,
}

impl<'a> Image<'a> {
    /// Finds the first image.
    fn find(bytes: &'a [u8]) -> Result<Self, Fault> {
        let mut image = Self::default();
        image.read(bytes.get(HEADER..).unwrap_or_default(), true)?;
        if image.lossy.is_none() && image.lossless.is_none() {
            return Err(Fault::Truncated("it ends before the image".to_string()));
        }
        Ok(image)
    }

    /// Reads chunks. `top` is false inside the frame of an animation, which holds no frames.
    fn read(&mut self, mut rest: &'a [u8], top: bool) -> Result<(), Fault> {
        while let Some((head, behind)) = rest.split_first_chunk::<8>() {
            let [a, b, c, d, length @ ..] = *head;
            let kind = [a, b, c, d];
            let length = u32::from_le_bytes(length) as usize;
            let has_image = self.lossy.is_some() || self.lossless.is_some();
            let Some(content) = behind.get(..length) else {
                // Remarks behind the image may be cut.
                return if has_image {
                    Ok(())
                } else {
                    Err(Fault::Truncated(format!(
                        "it has {} of the {length} bytes of the chunk {}",
                        behind.len(),
                        String::from_utf8_lossy(&kind).escape_debug()
                    )))
                };
            };
            match &kind {
                b"VP8 " if !has_image => self.lossy = Some(content),
                b"VP8L" if !has_image => self.lossless = Some(content),
                b"ALPH" if !has_image => self.alpha = Some(content),
                b"VP8X" => {
                    let side = |at: usize| {
                        let three = content.get(at..at + 3)?;
                        Some(1 + u32::from_le_bytes([three[0], three[1], three[2], 0]))
                    };
                    self.canvas = side(4).zip(side(7));
                }
                b"ANMF" if top => {
                    self.frames = self.frames.saturating_add(1);
                    if !has_image {
                        self.read(content.get(16..).unwrap_or_default(), false)?;
                    }
                }
                b"EXIF" => {
                    let tiff = content.strip_prefix(b"Exif\0\0").unwrap_or(content);
                    self.orientation = exif::orientation_of_tiff(tiff).unwrap_or(self.orientation);
                }
                _ => {}
            }
            // Chunks have an even length.
            rest = behind.get(length + length % 2..).unwrap_or_default();
        }
        Ok(())
    }

    /// Columns and rows in the header of the compressed image.
    fn size(&self) -> Result<(u32, u32), Fault> {
        let ends = || Fault::Truncated("it ends inside the header of the image".to_string());
        if let Some(lossless) = self.lossless {
            // A signature, then 14 bits of each side less 1 (RFC 9649, section 3.4).
            let four = lossless.get(1..5).and_then(|four| four.try_into().ok());
            let packed = u32::from_le_bytes(four.ok_or_else(ends)?);
            return Ok(((packed & 0x3fff) + 1, (packed >> 14 & 0x3fff) + 1));
        }
        // A tag, a start code, then 14 bits of each side and 2 of scaling (RFC 6386, section 9.1).
        let sides = self.lossy.and_then(|lossy| lossy.get(6..10)).ok_or_else(ends)?;
        let side = |low: u8, high: u8| u32::from(u16::from_le_bytes([low, high]) & 0x3fff);
        Ok((side(sides[0], sides[1]), side(sides[2], sides[3])))
    }

    fn method(&self) -> &'static str {
        if self.lossless.is_some() {
            "WebP lossless"
        } else {
            "WebP lossy"
        }
    }

    /// A file of the chunks of this image alone.
    fn file(&self) -> Vec<u8> {
        let mut chunks = Vec::new();
        let mut chunk = |kind: &[u8; 4], content: &[u8]| {
            chunks.extend(kind);
            chunks.extend((content.len() as u32).to_le_bytes());
            chunks.extend(content);
            if content.len() % 2 == 1 {
                chunks.push(0);
            }
        };
        match (self.lossless, self.lossy, self.alpha, self.size()) {
            (Some(lossless), ..) => chunk(b"VP8L", lossless),
            (None, Some(lossy), Some(alpha), Ok((width, height))) => {
                let [w, h] = [width, height].map(|side| side.saturating_sub(1).to_le_bytes());
                chunk(b"VP8X", &[0x10, 0, 0, 0, w[0], w[1], w[2], h[0], h[1], h[2]]);
                chunk(b"ALPH", alpha);
                chunk(b"VP8 ", lossy);
            }
            (None, lossy, ..) => chunk(b"VP8 ", lossy.unwrap_or_default()),
        }
        let length = (chunks.len() as u32 + 4).to_le_bytes();
        [b"RIFF", &length[..], b"WEBP", &chunks].concat()
    }
}

fn refuse(error: &DecodingError) -> Fault {
    match error {
        DecodingError::IoError(io) if io.kind() == std::io::ErrorKind::UnexpectedEof => {
            Fault::Truncated("it ends inside the image data".to_string())
        }
        DecodingError::NotEnoughInitData => Fault::Truncated("it ends inside the image data".to_string()),
        error => Fault::Malformed(reported(&error.to_string())),
    }
}
