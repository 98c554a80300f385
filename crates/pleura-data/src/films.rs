//! A film's file: read once, digested and decoded.

use std::path::Path;

use pleura_film::{DecodeOptions, Film};
use sha2::{Digest, Sha256};

use crate::Error;
use crate::manifest::hexadecimal;

/// The digest of a file and the film in it.
pub(crate) fn open(name: &str, path: &Path, options: &DecodeOptions) -> Result<(String, Film), Error> {
    let bytes = read(path, options)?;
    let film =
        pleura_film::decode(&bytes, &path.to_string_lossy(), options).map_err(|source| Error::Film {
            film: name.to_string(),
            path: path.to_path_buf(),
            source: Box::new(source),
        })?;
    Ok((sha256(&bytes), film))
}

/// The bytes of a film's file, where it is no larger than a film may be.
pub(crate) fn read(path: &Path, options: &DecodeOptions) -> Result<Vec<u8>, Error> {
    let action = "cannot read the film";
    let length = std::fs::metadata(path).map_err(Error::io(action, path))?.len();
    if length > options.max_file_bytes {
        let limit = options.max_file_bytes;
        let error = std::io::Error::other(format!("{length} bytes, the limit is {limit}"));
        return Err(Error::io(action, path)(error));
    }
    std::fs::read(path).map_err(Error::io(action, path))
}

/// SHA-256 as the manifest writes it.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    hexadecimal(&Sha256::digest(bytes))
}
