//! Old names of moved functions.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::Error;

pub use crate::encode::{grey_png_8, grey_png_16};

/// Writes bytes under a temporary name in the same folder and renames them, so that a reader finds the
/// whole file or the one before it.
///
/// # Errors
/// [`Error::Io`].
pub fn save(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let temporary = path.with_file_name(format!(".{name}.{}.{count}.tmp", std::process::id()));
    let written = fs::File::create(&temporary)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&temporary, path));
    written.map_err(|source| {
        // The first error is the one to tell; a leftover that cannot be removed adds nothing.
        let _ = fs::remove_file(&temporary);
        Error::Io {
            path: path.to_path_buf(),
            action: "cannot write the picture",
            source,
        }
    })
}
