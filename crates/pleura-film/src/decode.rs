//! Decoding of bytes and files: limits and the choice of a decoder.

use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use pleura_core::FileError;
use pleura_core::sha256;

use crate::film::Film;
use crate::format::describe_head;
use crate::levels::{Decoded, to_sixteen_bit};
use crate::limits::check_bytes;
use crate::prepare::{Preparation, Prepared, prepare_rows};
use crate::source::{Format, Source};
use crate::{DecodeOptions, Error, bmp, dicom, jpeg, png, tiff, webp};

/// Decodes a film. The format is detected by content; `name` appears in messages only.
///
/// # Errors
/// Every [`Error`] about content. No input causes a panic, and memory use stays within a small multiple of
/// `max_pixels` and the length of `bytes`.
pub fn decode(bytes: &[u8], name: &str, options: &DecodeOptions) -> Result<Film, Error> {
    Ok(decoded(bytes, name, options)?.into_film())
}

/// Decodes and prepares a film. The result equals [`decode`] followed by [`prepare`](crate::prepare), bit for
/// bit, with less work and memory: grey levels are converted row by row.
///
/// # Errors
/// As [`decode`].
pub fn decode_prepared(
    bytes: &[u8],
    name: &str,
    options: &DecodeOptions,
    preparation: &Preparation,
) -> Result<(Source, Prepared), Error> {
    let decoded = decoded(bytes, name, options)?;
    let Decoded {
        width,
        height,
        levels,
        source,
    } = decoded;
    Ok((source, prepare_rows(levels.rows(), width, height, preparation)))
}

fn decoded(bytes: &[u8], name: &str, options: &DecodeOptions) -> Result<Decoded, Error> {
    check_bytes(bytes.len() as u64, name, options)?;
    let format = Format::of(bytes).ok_or_else(|| Error::UnknownFormat {
        name: name.to_string(),
        found: describe_head(bytes),
    })?;
    // The decoders check headers before they call libraries, so no panic is expected. If a library panics all
    // the same, one film is lost and not the whole service.
    let decoded = catch_unwind(AssertUnwindSafe(|| {
        match format {
            Format::Png => png::decode(bytes, name, options),
            Format::Jpeg => jpeg::decode(bytes, name, options),
            Format::Tiff => tiff::decode(bytes, name, options),
            Format::Bmp => bmp::decode(bytes, name, options),
            Format::WebP => webp::decode(bytes, name, options),
            Format::Dicom | Format::Memory => dicom::decode(bytes, name, options),
        }
        .map(Decoded::measured)
    }));
    decoded.unwrap_or_else(|panic| {
        let detail = panic
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| panic.downcast_ref::<&str>().copied())
            .unwrap_or("no message");
        Err(Error::DecoderFault {
            name: name.to_string(),
            format,
            detail: detail.to_string(),
        })
    })
}

/// Reads and decodes a film.
///
/// # Errors
/// [`Error::File`] if the file cannot be read, and every error of [`decode`].
pub fn open(path: &Path, options: &DecodeOptions) -> Result<Film, Error> {
    decode(&read(path, options)?, &path.to_string_lossy(), options)
}

/// Reads, decodes and prepares a film; see [`decode_prepared`].
///
/// # Errors
/// As [`open`].
pub fn open_prepared(
    path: &Path,
    options: &DecodeOptions,
    preparation: &Preparation,
) -> Result<(Source, Prepared), Error> {
    decode_prepared(
        &read(path, options)?,
        &path.to_string_lossy(),
        options,
        preparation,
    )
}

fn read(path: &Path, options: &DecodeOptions) -> Result<Vec<u8>, Error> {
    let io = || FileError::of("read the film", path);
    let name = path.to_string_lossy();
    let file = std::fs::File::open(path).map_err(io())?;
    let length = file.metadata().map_err(io())?.len();
    check_bytes(length, &name, options)?;
    let mut bytes = Vec::with_capacity(length as usize);
    // A pipe or device has no reliable length: read at most one byte past the limit.
    file.take(options.max_file_bytes.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(io())?;
    Ok(bytes)
}

/// Returns the SHA-256 of a film's size and 16-bit grey levels: equal for equal pixels in any file.
pub fn pixel_digest(film: &Film) -> [u8; 32] {
    let mut digest = sha256::Hasher::new();
    digest.update((film.width as u64).to_le_bytes());
    digest.update((film.height as u64).to_le_bytes());
    let (mut levels, mut row) = (vec![0; film.width], Vec::with_capacity(2 * film.width));
    for line in film.grey.chunks(film.width.max(1)) {
        to_sixteen_bit(line, &mut levels);
        row.clear();
        row.extend(levels[..line.len()].iter().flat_map(|level| level.to_le_bytes()));
        digest.update(&row);
    }
    digest.digest()
}
