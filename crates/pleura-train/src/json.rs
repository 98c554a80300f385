//! JSON files of a run, written whole or not at all, and numbers that must come back with all their bits.

use std::path::Path;

use pleura_core::fs::write_atomic;
use serde::{Serialize, de::DeserializeOwned};

use crate::error::Error;

/// Writes `value` as indented JSON: to a temporary file beside `path`, synced, then renamed.
pub(crate) fn write_json(path: &Path, value: &impl Serialize) -> Result<(), Error> {
    let mut bytes = serde_json::to_vec_pretty(value).map_err(|error| Error::Damaged {
        path: path.to_owned(),
        problem: error.to_string(),
    })?;
    bytes.push(b'\n');
    Ok(write_atomic(path, &bytes)?)
}

/// Reads a JSON file that this program wrote.
pub(crate) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, Error> {
    let bytes = std::fs::read(path).map_err(Error::file(path, "read"))?;
    serde_json::from_slice(&bytes).map_err(|error| Error::Damaged {
        path: path.to_owned(),
        problem: format!("not what this program wrote: {error}"),
    })
}

/// An f64 as its bits: JSON's decimals may lose the last one, and know no infinity.
pub(crate) mod bits {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
    pub(crate) fn serialize<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
        value.to_bits().serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
        u64::deserialize(deserializer).map(f64::from_bits)
    }
}
