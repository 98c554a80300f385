//! Chest films: from bytes to grey levels, from grey levels to what a network sees, and back to a picture.
//!
//! ```text
//! bytes --decode--> Film --prepare--> Prepared --Warp--> an augmented input
//!                     |                   |
//!                     +--- Geometry ------+--> Picture: heatmaps and outlines over the film
//! ```
//!
//! * [`decode`] and [`open`] read PNG, JPEG and DICOM, told apart by content. Every film comes out as grey
//!   levels as displayed, black 0 and white 1, with a list of everything that was done to get there.
//! * [`prepare`] is the one way from a film to a network's input, so that training, prediction and
//!   explanation see equal bits; [`open_prepared`] goes it without keeping the film.
//! * [`Augmentation`] draws one affine [`Warp`] from a seeded generator; it is sampled once.
//! * [`picture`] draws films, heatmaps and outlines.
//!
//! Input is hostile until proven otherwise: sizes are checked in the header, before anything is allocated,
//! against the limits in [`DecodeOptions`].
//!
//! # What is decoded
//!
//! | Container | Variants |
//! |---|---|
//! | PNG | grey, grey and alpha, RGB, RGBA, palette; 1, 2, 4, 8 and 16 bit; interlaced or not |
//! | JPEG | baseline, extended and progressive in 8 bit (grey, YCbCr, RGB, CMYK, YCCK); extended in 12 bit and lossless 2 to 16 bit |
//! | DICOM | implicit, explicit little and big endian, deflated; RLE lossless; JPEG baseline, extended (8 and 12 bit) and lossless (.57, .70) |
//!
//! JPEG 2000, JPEG-LS and JPEG XL inside DICOM are refused by name: no decoder for them is both written in
//! safe Rust and kept within the DICOM libraries used here.

mod colour;
mod decode;
mod dicom;
mod dicom_tags;
mod encode;
mod equalise;
mod error;
mod film;
mod jpeg;
mod levels;
mod limits;
mod options;
mod path;
mod png;
mod prepare;
mod resize;
mod scale;
mod source;
mod warp;

pub use decode::{decode, decode_prepared, open, open_prepared, pixel_digest};
pub use dicom_tags::{BodyPart, DicomTags};
pub use encode::{grey_png_8, grey_png_16, rgb_png};
pub use equalise::Equalisation;
pub use error::Error;
pub use film::Film;
pub use options::{DecodeOptions, Polarity, Voi};
pub use prepare::{Fit, Geometry, Preparation, Prepared, prepare};
pub use scale::scaled;
pub use source::{Colour, Format, Source, Step, WindowFunction};
pub use warp::{Augmentation, Warp};
