//! SHA-256 digests as 64 lower-case hexadecimal digits.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use sha2::{Digest as _, Sha256};

use crate::FileError;

/// The digest of some bytes.
pub fn digest(bytes: impl AsRef<[u8]>) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// The digest of some bytes, as hexadecimal digits.
///
/// ```
/// let empty = pleura_core::sha256::hex("");
/// assert_eq!(empty, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
/// ```
pub fn hex(bytes: impl AsRef<[u8]>) -> String {
    to_hex(&digest(bytes))
}

/// The digest of what a reader yields, as hexadecimal digits.
///
/// # Errors
/// Errors of the reader.
pub fn hex_of_reader(mut reader: impl Read) -> io::Result<String> {
    let mut hasher = Hasher::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => return Ok(hasher.hex()),
            Ok(count) => hasher.update(&buffer[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// The digest of a file, as hexadecimal digits. The file is never whole in memory.
///
/// # Errors
/// A file that cannot be read.
pub fn hex_of_file(path: &Path) -> Result<String, FileError> {
    File::open(path)
        .and_then(hex_of_reader)
        .map_err(FileError::of("read", path))
}

/// A digest or key as lower-case hexadecimal digits.
pub fn to_hex(bytes: &[u8]) -> String {
    base16ct::lower::encode_string(bytes)
}

/// A digest that is fed piece by piece.
#[derive(Clone, Debug, Default)]
pub struct Hasher(Sha256);

impl Hasher {
    /// A hasher of nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds bytes.
    pub fn update(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.update(bytes);
    }

    /// Adds a part after its length, so that no two sequences of parts give the same bytes.
    pub fn update_part(&mut self, part: impl AsRef<[u8]>) {
        let part = part.as_ref();
        self.update((part.len() as u64).to_le_bytes());
        self.update(part);
    }

    /// The digest of all bytes.
    pub fn digest(self) -> [u8; 32] {
        self.0.finalize().into()
    }

    /// The digest of all bytes, as hexadecimal digits.
    pub fn hex(self) -> String {
        to_hex(&self.digest())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_gives_the_same_digest() {
        let bytes: Vec<u8> = (0..200_000_u32).map(|i| (i % 251) as u8).collect();
        let mut hasher = Hasher::new();
        bytes.chunks(777).for_each(|part| hasher.update(part));
        assert_eq!(hasher.hex(), hex(&bytes));
        assert_eq!(hex_of_reader(&bytes[..]).unwrap(), hex(&bytes));
    }
}
