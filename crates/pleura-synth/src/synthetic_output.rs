//! Sets of pictures that a program draws: a folder that appears whole or not at all.

use std::fs;
use std::path::Path;

use pleura_film::grey_png_8;

use crate::Error;
use pleura_manifest::image_file::sha256;

/// What a set is, for its messages: `Error::Phantom` or its like.
pub(crate) type Wrap = fn(String) -> Error;

/// Has `fill` write into a folder of another name beside `folder`, and renames it when all is there.
///
/// # Errors
/// `folder` is neither empty nor absent; [`Error::File`]; what `fill` meets.
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
        // Empty, as was checked: a rename onto it would fail on some systems.
        fs::remove_dir(folder).map_err(Error::io("replace the folder", folder))?;
    }
    let made = workshop.keep();
    fs::rename(&made, folder).map_err(|error| {
        // The failed rename is the error to tell; what cannot be removed stays under its temporary name.
        let _ = fs::remove_dir_all(&made);
        Error::io("create the folder", folder)(error)
    })?;
    Ok(filled)
}

fn refuse_full(folder: &Path, wrap: Wrap) -> Result<(), Error> {
    let full = match fs::read_dir(folder) {
        Ok(mut entries) => entries.next().is_some(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => false,
        Err(error) => return Err(Error::io("read the folder", folder)(error)),
    };
    if full {
        let place = folder.display();
        return Err(wrap(format!(
            "{place} is not empty: give a folder that does not exist yet"
        )));
    }
    Ok(())
}

/// Grey levels in [0, 1] to a picture's 8 bits.
pub(crate) fn eight_bits(grey: &[f32]) -> Vec<u8> {
    grey.iter()
        .map(|level| (level.clamp(0.0, 1.0) * 255.0).round() as u8)
        .collect()
}

/// Writes one square picture and returns its file's digest. The folder around it is temporary still, so it is written plainly.
pub(crate) fn save(file: &Path, size: usize, levels: &[u8], wrap: Wrap) -> Result<String, Error> {
    let bytes = grey_png_8(size, size, levels)
        .map_err(|error| wrap(format!("cannot write {}: {error}", file.display())))?;
    fs::write(file, &bytes).map_err(Error::io("write", file))?;
    Ok(sha256(&bytes))
}
