//! A mask of a film: a part of the image, such as a lesion or the lungs.

use std::path::Path;

use pleura_film::Geometry;
use pleura_manifest::{Manifest, open_mask};

use crate::Error;

/// A mask that covers the whole film. It may have another size than the film.
#[derive(Clone, Debug, PartialEq)]
pub struct Mask {
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// `[height, width]`, true inside.
    pub inside: Vec<bool>,
}

impl Mask {
    /// Reads a mask. Pixels brighter than half of the brightest level are inside, so that masks of 0 and 1
    /// and of 0 and 255 are equal. A mask may be empty.
    ///
    /// # Errors
    /// [`Error::Manifest`] if the file cannot be read.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let film = open_mask(path)?;
        Ok(Self {
            width: film.width,
            height: film.height,
            inside: film.grey.iter().map(|&grey| grey > 0.5).collect(),
        })
    }

    /// Reads the mask that a manifest's row names; `None` if it names none.
    ///
    /// # Errors
    /// As [`Mask::open`].
    pub fn read(manifest: &Manifest, path: Option<&Path>) -> Result<Option<Self>, Error> {
        path.map(|path| Self::open(&manifest.locate(path))).transpose()
    }

    /// The mask on the network's input, `[size, size]`.
    pub fn prepared(&self, geometry: &Geometry) -> Vec<bool> {
        pleura_audit::burned_in_text::prepared_mask(&self.inside, self.width, self.height, geometry)
    }
}
