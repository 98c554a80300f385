//! Folders of synthetic images, written as a whole or not at all.

use std::fs;
use std::path::Path;

use pleura_film::grey_png_8;

use crate::Error;
use pleura_core::sha256;

/// The error variant of a set: `Error::Phantom` or `Error::Fractal`.
pub(crate) type Wrap = fn(String) -> Error;

/// Lets `fill` write into a temporary folder beside `folder`, and renames it at the end.
///
/// # Errors
/// A `folder` that is not empty; [`Error::File`]; errors of `fill`.
pub(crate) fn whole<T>(
    folder: &Path,
    wrap: Wrap,
    fill: impl FnOnce(&Path) -> Result<T, Error>,
) -> Result<T, Error> {
    refuse_full(folder, wrap)?;
    let parent = match folder.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    fs::create_dir_all(parent).map_err(Error::io("create the folder", parent))?;
    let mut builder = tempfile::Builder::new();
    builder.prefix(".synthetic_output-");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o777));
    let workshop = builder
        .tempdir_in(parent)
        .map_err(Error::io("write into the folder", parent))?;
    let filled = fill(workshop.path())?;
    if folder.exists() {
        // An empty folder is removed first: renaming onto it fails on some systems.
        fs::remove_dir(folder).map_err(Error::io("replace the folder", folder))?;
    }
    let made = workshop.keep();
    fs::rename(&made, folder).map_err(|error| {
        // The rename's error is returned. If the temporary folder cannot be removed, it stays.
        let _ = fs::remove_dir_all(&made);
        Error::io("create the folder", folder)(error)
    })?;
    Ok(filled)
}

fn refuse_full(folder: &Path, wrap: Wrap) -> Result<(), Error> {
    let full = match fs::read_dir(folder) {
        Ok(mut entries) => entries.next().is_some(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => false,
        Err(error) => return Err(Error::io("write into the folder", folder)(error)),
    };
    if full {
        let place = folder.display();
        return Err(wrap(format!(
            "{place} is not empty: give a folder that does not exist yet"
        )));
    }
    Ok(())
}

/// Grey levels in [0, 1] as 8 bits.
pub(crate) fn eight_bits(grey: &[f32]) -> Vec<u8> {
    grey.iter()
        .map(|level| (level.clamp(0.0, 1.0) * 255.0).round() as u8)
        .collect()
}

/// Writes one square image and returns its file's digest. The folder is still temporary, so the write is not
/// atomic.
pub(crate) fn save(file: &Path, size: usize, levels: &[u8], wrap: Wrap) -> Result<String, Error> {
    let bytes = grey_png_8(size, size, levels)
        .map_err(|error| wrap(format!("cannot write {}: {error}", file.display())))?;
    fs::write(file, &bytes).map_err(Error::io("write", file))?;
    Ok(sha256::hex(&bytes))
}
