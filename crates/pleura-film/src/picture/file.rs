//! PNG bytes, and files that are whole or not there.

use std::path::Path;

use pleura_core::fs::write_atomic;
use png::{BitDepth, ColorType};

use super::canvas::{Picture, check_shape};
use crate::Error;

impl Picture {
    /// The picture as a PNG file's bytes.
    ///
    /// # Errors
    /// [`Error::Encode`] for a picture without pixels, or one that the format cannot hold.
    pub fn to_png(&self) -> Result<Vec<u8>, Error> {
        encode(
            self.width,
            self.height,
            ColorType::Rgb,
            BitDepth::Eight,
            &self.rgb,
        )
    }

    /// Writes the picture as a PNG file, atomically.
    ///
    /// # Errors
    /// [`Error::Encode`] and [`Error::File`].
    pub fn save(&self, path: &Path) -> Result<(), Error> {
        Ok(write_atomic(path, &self.to_png()?)?)
    }
}

/// Grey levels `[height, width]` as an 8-bit grey PNG file's bytes.
///
/// # Errors
/// [`Error::Shape`] where the number of levels is not `width × height`.
pub fn grey_png_8(width: usize, height: usize, grey: &[u8]) -> Result<Vec<u8>, Error> {
    check_shape("grey levels", width, height, grey.len())?;
    encode(width, height, ColorType::Grayscale, BitDepth::Eight, grey)
}

/// Grey levels `[height, width]` as a 16-bit grey PNG file's bytes.
///
/// # Errors
/// [`Error::Shape`] where the number of levels is not `width × height`.
pub fn grey_png_16(width: usize, height: usize, grey: &[u16]) -> Result<Vec<u8>, Error> {
    check_shape("grey levels", width, height, grey.len())?;
    let bytes: Vec<u8> = grey.iter().flat_map(|level| level.to_be_bytes()).collect();
    encode(width, height, ColorType::Grayscale, BitDepth::Sixteen, &bytes)
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
    use std::fs;

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
        assert!(Picture::new(0, 0, [0; 3]).to_png().is_err());
    }

    #[test]
    fn files_are_whole_and_leave_nothing_beside_them() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("picture.png");
        Picture::new(5, 5, [1, 2, 3]).save(&path).unwrap();
        Picture::new(6, 5, [1, 2, 3]).save(&path).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        let error = Picture::new(5, 5, [1, 2, 3])
            .save(&path.join("below.png"))
            .unwrap_err()
            .to_string();
        assert!(error.contains("picture.png"), "{error}");
    }
}
