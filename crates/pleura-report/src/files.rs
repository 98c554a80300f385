//! Reading and writing of JSON and text files.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use pleura_core::fs::write_atomic;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::Error;

/// Writes a value as indented JSON, atomically.
pub(crate) fn write_json<T: Serialize>(path: &Path, value: &T) -> Result<(), Error> {
    let mut text = serde_json::to_string_pretty(value).map_err(|source| Error::Json {
        path: path.to_owned(),
        source,
    })?;
    text.push('\n');
    Ok(write_atomic(path, text.as_bytes())?)
}

/// Reads the text of a file; `None` if the file does not exist.
pub(crate) fn text_if_there(path: &Path) -> Result<Option<String>, Error> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(Error::io("read", path)(error)),
    }
}

/// Reads a JSON file; `None` if the file does not exist.
pub(crate) fn json_if_there<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, Error> {
    text_if_there(path)?
        .map(|text| {
            serde_json::from_str(&text).map_err(|source| Error::Json {
                path: path.to_owned(),
                source,
            })
        })
        .transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_name_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.json");
        assert_eq!(json_if_there::<u8>(&path).unwrap(), None);
        fs::write(&path, "{").unwrap();
        assert!(
            json_if_there::<u8>(&path)
                .unwrap_err()
                .to_string()
                .contains("metrics.json")
        );
    }
}
