//! Reads, digests and decodes a film's file.

use std::path::Path;

use pleura_core::sha256;
use pleura_film::{DecodeOptions, Film, Preparation, Prepared};

use crate::Error;

/// The digest of a file, and its film.
pub fn open(name: &str, path: &Path, options: &DecodeOptions) -> Result<(String, Film), Error> {
    let bytes = read(path, options)?;
    let film =
        pleura_film::decode(&bytes, &path.to_string_lossy(), options).map_err(undecodable(name, path))?;
    Ok((sha256::hex(&bytes), film))
}

/// The digest of a file, and its prepared film.
pub fn open_prepared(
    name: &str,
    path: &Path,
    options: &DecodeOptions,
    preparation: &Preparation,
) -> Result<(String, Prepared), Error> {
    let bytes = read(path, options)?;
    let (_, prepared) = pleura_film::decode_prepared(&bytes, &path.to_string_lossy(), options, preparation)
        .map_err(undecodable(name, path))?;
    Ok((sha256::hex(&bytes), prepared))
}

fn undecodable(name: &str, path: &Path) -> impl FnOnce(pleura_film::Error) -> Error {
    let (film, path) = (name.to_string(), path.to_path_buf());
    move |source| Error::Film {
        film,
        path,
        source: Box::new(source),
    }
}

/// Reads a film's file, up to the size limit.
pub fn read(path: &Path, options: &DecodeOptions) -> Result<Vec<u8>, Error> {
    let action = "read the film";
    let length = std::fs::metadata(path).map_err(Error::io(action, path))?.len();
    if length > options.max_file_bytes {
        let limit = options.max_file_bytes;
        let error = std::io::Error::other(format!("{length} bytes, the limit is {limit}"));
        return Err(Error::io(action, path)(error));
    }
    std::fs::read(path).map_err(Error::io(action, path))
}
