//! JSON files of a run, written whole or not at all, and floating-point numbers that keep all their bits.

use std::io::ErrorKind;
use std::path::Path;

use pleura_core::fs::write_atomic;
use serde::{Serialize, de::DeserializeOwned};

use crate::error::Error;

/// Writes `value` as indented JSON: to a temporary file beside `path`, synced, then renamed.
///
/// # Errors
/// A folder that cannot be written to.
pub fn write_json(path: &Path, value: &impl Serialize) -> Result<(), Error> {
    let mut bytes = serde_json::to_vec_pretty(value).map_err(|error| Error::Damaged {
        path: path.to_owned(),
        problem: error.to_string(),
    })?;
    bytes.push(b'\n');
    Ok(write_atomic(path, &bytes)?)
}

/// Reads a JSON file that this program wrote.
///
/// # Errors
/// A file that is missing or has other contents.
pub fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, Error> {
    let bytes = std::fs::read(path).map_err(Error::file(path, "read"))?;
    parse(path, &bytes)
}

/// Reads a JSON file that this program wrote; `None` if there is no such file.
///
/// # Errors
/// As [`read_json`], except for a missing file.
pub fn read_json_if_exists<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, Error> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if is_missing(&error) => return Ok(None),
        Err(error) => return Err(Error::file(path, "read")(error)),
    };
    parse(path, &bytes).map(Some)
}

/// True if the file, or the folder it would be in, does not exist.
pub(crate) fn is_missing(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

fn parse<T: DeserializeOwned>(path: &Path, bytes: &[u8]) -> Result<T, Error> {
    serde_json::from_slice(bytes).map_err(|error| Error::Damaged {
        path: path.to_owned(),
        problem: format!("not what this program wrote: {error}"),
    })
}

/// An f64 that may be NaN or infinite: JSON has only `null` for it, and `null` reads as NaN.
pub(crate) mod number {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
    pub(crate) fn serialize<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
        value.serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
        Ok(Option::deserialize(deserializer)?.unwrap_or(f64::NAN))
    }

    pub(crate) fn nan() -> f64 {
        f64::NAN
    }
}
