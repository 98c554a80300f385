//! A decoded film.

use std::path::Path;

use pleura_film::{DecodeOptions, Preparation, Prepared, Source};

use crate::Error;

/// One chest X-ray image, decoded from PNG, JPEG, TIFF, BMP, WebP or DICOM.
#[derive(Clone, Debug, PartialEq)]
pub struct Film {
    decoded: pleura_film::Film,
    name: String,
}

impl Film {
    /// Reads and decodes a file. The format is found by content.
    ///
    /// # Errors
    /// [`Error::Film`]: the file cannot be read or decoded, is larger than the limits, or declares that it is
    /// not a single X-ray image. [`Classifier::predict_file`](crate::Classifier::predict_file) answers the
    /// last case with a refusal where the model is a package.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let decoded = pleura_film::open(path, &DecodeOptions::default())?;
        Ok(Self::from_decoded(decoded, path.to_string_lossy()))
    }

    /// Decodes a file's bytes; `name` appears in messages.
    ///
    /// # Errors
    /// As [`Film::open`].
    pub fn from_bytes(bytes: &[u8], name: &str) -> Result<Self, Error> {
        let decoded = pleura_film::decode(bytes, name, &DecodeOptions::default())?;
        Ok(Self::from_decoded(decoded, name))
    }

    /// A film that was decoded with [`pleura_film`] and options of your own; `name` appears in messages.
    pub fn from_decoded(decoded: pleura_film::Film, name: impl Into<String>) -> Self {
        Self {
            decoded,
            name: name.into(),
        }
    }

    /// The file's path, or the name that was given.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Grey levels and size.
    pub fn decoded(&self) -> &pleura_film::Film {
        &self.decoded
    }

    /// Format, stored size, DICOM attributes and each step of the decoding.
    pub fn source(&self) -> &Source {
        &self.decoded.source
    }

    /// The network's input. Its bits equal those of [`pleura_film::open_prepared`].
    pub fn prepared(&self, preparation: &Preparation) -> Prepared {
        pleura_film::prepare(&self.decoded, preparation)
    }
}
