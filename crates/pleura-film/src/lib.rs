//! Chest films: decoding of PNG, JPEG, TIFF, BMP, WebP and DICOM to grey levels, and preparation as a network's input.
//!
//! A *film* is one chest X-ray image.
//!
//! ```text
//! bytes --decode--> Film --prepare--> Prepared --Warp--> augmented input
//! ```
//!
//! * [`decode`] and [`open`] detect the format by content. A [`Film`] has grey levels as displayed, 0 black
//!   to 1 white, and a list of every step of its decoding.
//! * [`prepare`] makes a network's input. Training, prediction and explanation use it, so they see equal
//!   bits. [`open_prepared`] gives the same bits without keeping the film.
//! * [`Geometry`] maps between pixels of the input and of the film.
//! * [`Augmentation`] draws one affine [`Warp`] and one change of grey levels, [`Tones`], from seeded generators;
//!   the image is sampled once.
//!
//! The decoders are safe for hostile files: they check sizes in the header against [`DecodeOptions`] before
//! they allocate.
//!
//! ```
//! use pleura_film::{DecodeOptions, Preparation, decode, grey_png_8, prepare};
//!
//! # fn main() -> Result<(), pleura_film::Error> {
//! let png = grey_png_8(4, 2, &[0, 64, 128, 255, 0, 64, 128, 255])?;
//! let film = decode(&png, "example.png", &DecodeOptions::default())?;
//! assert_eq!((film.width, film.height), (4, 2));
//! assert_eq!(film.grey[3], 1.0);
//!
//! let input = prepare(&film, &Preparation { size: 2, ..Preparation::default() });
//! assert_eq!(input.unit_grey().len(), 2 * 2);
//! # Ok(())
//! # }
//! ```
//!
//! # Supported formats
//!
//! | Container | Variants |
//! |---|---|
//! | PNG | grey, grey with alpha, RGB, RGBA, palette; 1 to 16 bit; interlaced or not |
//! | JPEG, 8 bit | baseline, extended, progressive; grey, YCbCr, RGB, CMYK, YCCK |
//! | JPEG, other | 12-bit extended (grey); lossless, 2 to 16 bit |
//! | TIFF | grey, RGB, palette, with alpha; 1 to 16 bit; uncompressed, LZW, deflate, `PackBits` |
//! | BMP | palette, 16, 24 and 32 bit; uncompressed |
//! | WebP | lossy, lossless, with alpha |
//! | DICOM | implicit, explicit little and big endian, deflated; RLE; JPEG baseline, extended, lossless; JPEG-LS; JPEG 2000 |
//!
//! [`transfer_syntaxes`] lists those of DICOM; the error for others names a converter.

mod bmp;
mod colour;
mod contrast;
mod decode;
mod dicom;
mod dicom_tags;
mod encode;
mod equalise;
mod error;
mod exif;
mod fault;
mod film;
mod format;
mod jpeg;
mod levels;
mod limits;
pub mod lungs;
mod options;
mod path;
mod png;
mod prepare;
mod resize;
mod scale;
mod source;
mod tiff;
mod tones;
mod warp;
mod webp;

pub use contrast::{Contrast, ContrastFault};
pub use decode::{decode, decode_prepared, open, open_prepared, pixel_digest};
pub use dicom::{DicomHeader, TransferSyntax, transfer_syntaxes};
pub use dicom_tags::{BodyPart, DicomTags};
pub use encode::{grey_png_8, grey_png_16, rgb_png};
pub use equalise::Equalisation;
pub use error::Error;
pub use film::Film;
pub use format::Format;
pub use options::{DecodeOptions, Polarity, Voi};
pub use pleura_core::NOTICE;
pub use prepare::{Fit, Geometry, Preparation, Prepared, prepare, prepare_beside};
pub use scale::scaled;
pub use source::{Colour, Source, Step, WindowFunction};
pub use tones::Tones;
pub use warp::{Augmentation, Warp};
