//! The images of batches: films of a cache, or fractals.

use std::sync::Arc;

use pleura_manifest::Row;
use pleura_synth::fractal::Fractals;

use crate::{Error, FilmCache};

/// A source of images of one size.
#[derive(Clone)]
pub enum ImageSource {
    /// Films of a cache.
    Films(Arc<FilmCache>),
    /// Fractals, drawn on demand. Their manifest is [`pleura_synth::fractal::FractalOptions::manifest`].
    Fractals(Arc<Fractals>),
}

impl ImageSource {
    /// Side in pixels.
    pub fn size(&self) -> usize {
        match self {
            Self::Films(cache) => cache.size(),
            Self::Fractals(fractals) => fractals.size(),
        }
    }

    /// Writes the image of a row in an epoch, `[size, size]` row-major, 0 black to 1 white. A film is the
    /// same in every epoch.
    pub(crate) fn put(&self, (number, row): (usize, &Row), epoch: u64, out: &mut [f32]) -> Result<(), Error> {
        match self {
            Self::Films(cache) => {
                let film = cache.grey(&row.sha256).ok_or_else(|| Error::NotCached {
                    film: row.film.clone(),
                    sha256: row.sha256.clone(),
                    cache: cache.folder().to_path_buf(),
                })?;
                to_unit(film, out);
                Ok(())
            }
            Self::Fractals(fractals) => Ok(fractals.draw(number, epoch, out)?),
        }
    }
}

impl From<Arc<FilmCache>> for ImageSource {
    fn from(cache: Arc<FilmCache>) -> Self {
        Self::Films(cache)
    }
}

impl From<&Arc<FilmCache>> for ImageSource {
    fn from(cache: &Arc<FilmCache>) -> Self {
        Self::Films(Arc::clone(cache))
    }
}

impl From<&ImageSource> for ImageSource {
    fn from(pictures: &ImageSource) -> Self {
        pictures.clone()
    }
}

/// 16-bit levels to [0, 1].
fn to_unit(levels: &[u16], out: &mut [f32]) {
    for (out, &level) in out.iter_mut().zip(levels) {
        *out = f32::from(level) / 65535.0;
    }
}
