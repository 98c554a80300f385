//! The PNG encoder.

use png::{BitDepth, ColorType};

use crate::error::Error;

/// Encodes red, green and blue `[height, width, 3]` as an 8-bit PNG file.
///
/// # Errors
/// [`Error::Encode`] for a picture without pixels or too large for the format.
pub fn rgb_png(width: usize, height: usize, rgb: &[u8]) -> Result<Vec<u8>, Error> {
    encode(width, height, ColorType::Rgb, BitDepth::Eight, rgb)
}

/// Encodes grey levels `[height, width]` as an 8-bit grey PNG file.
///
/// # Errors
/// [`Error::Shape`] if the number of levels is not `width × height`.
pub fn grey_png_8(width: usize, height: usize, grey: &[u8]) -> Result<Vec<u8>, Error> {
    check_shape(width, height, grey.len())?;
    encode(width, height, ColorType::Grayscale, BitDepth::Eight, grey)
}

/// Encodes grey levels `[height, width]` as a 16-bit grey PNG file.
///
/// # Errors
/// [`Error::Shape`] if the number of levels is not `width × height`.
pub fn grey_png_16(width: usize, height: usize, grey: &[u16]) -> Result<Vec<u8>, Error> {
    check_shape(width, height, grey.len())?;
    let bytes: Vec<u8> = grey.iter().flat_map(|level| level.to_be_bytes()).collect();
    encode(width, height, ColorType::Grayscale, BitDepth::Sixteen, &bytes)
}

fn check_shape(width: usize, height: usize, found: usize) -> Result<(), Error> {
    let expected = width.saturating_mul(height);
    if width.checked_mul(height) == Some(found) && found > 0 {
        return Ok(());
    }
    Err(Error::Shape {
        what: "grey levels",
        found,
        width,
        height,
        expected,
    })
}

fn encode(
    width: usize,
    height: usize,
    colour: ColorType,
    depth: BitDepth,
    bytes: &[u8],
) -> Result<Vec<u8>, Error> {
    let refuse = |detail: String| Error::Encode {
        width,
        height,
        detail,
    };
    let side = |side: usize| u32::try_from(side).map_err(|error| refuse(error.to_string()));
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, side(width)?, side(height)?);
    encoder.set_color(colour);
    encoder.set_depth(depth);
    let mut writer = encoder
        .write_header()
        .map_err(|error| refuse(error.to_string()))?;
    writer
        .write_image_data(bytes)
        .map_err(|error| refuse(error.to_string()))?;
    writer.finish().map_err(|error| refuse(error.to_string()))?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DecodeOptions, decode};

    #[test]
    fn what_is_written_is_read_again() {
        let grey: Vec<u16> = (0..24).map(|level| level * 2800).collect();
        let bytes = grey_png_16(6, 4, &grey).unwrap();
        let film = decode(&bytes, "grey", &DecodeOptions::default()).unwrap();
        assert_eq!((film.width, film.height, film.source.bit_depth), (6, 4, 16));
        let read: Vec<u16> = film
            .grey
            .iter()
            .map(|grey| (grey * 65535.0).round() as u16)
            .collect();
        assert_eq!(read, grey);
        assert!(grey_png_16(6, 5, &grey).is_err());
        assert!(rgb_png(0, 0, &[]).is_err());
    }
}
