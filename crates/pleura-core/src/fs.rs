//! Files that are complete or absent, and the error that names a file.

use std::fs::{self, File};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};

/// The names of unfinished files begin with this; a killed process may leave one behind
/// ([`remove_unfinished`]).
pub const TEMPORARY_PREFIX: &str = ".writing-";
/// The names of unfinished files end with this.
const TEMPORARY_SUFFIX: &str = ".tmp";

/// An action on a file that the system refused.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} {}: {source}", path.display())]
pub struct FileError {
    /// A verb, with its object where one is needed: `read`, `create the folder`.
    pub action: &'static str,
    /// The file or folder.
    pub path: PathBuf,
    /// The system's reason.
    pub source: io::Error,
}

impl FileError {
    /// Adds the action and the path to an I/O error, for `map_err`.
    ///
    /// ```
    /// use pleura_core::FileError;
    /// use std::{fs, path::Path};
    ///
    /// let path = Path::new("no/such.file");
    /// let error = fs::read(path).map_err(FileError::of("read", path)).unwrap_err();
    /// assert!(error.to_string().starts_with("cannot read no/such.file: "));
    /// ```
    pub fn of(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self { action, path, source }
    }
}

/// Writes a file so that a reader finds the new content, or the old, never a part of either.
///
/// Missing folders are created. After a return without error, the file survives a power cut.
///
/// # Errors
/// What the system refuses. The old file is then still there.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    write_atomic_with(path, |out| out.write_all(bytes))
}

/// Like [`write_atomic`], for content that is produced piece by piece. `fill` gets a buffered writer.
///
/// # Errors
/// Errors of `fill`, and what the system refuses. The old file is then still there.
pub fn write_atomic_with(
    path: &Path,
    fill: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), FileError> {
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    fs::create_dir_all(folder).map_err(FileError::of("create the folder", folder))?;
    let failed = || FileError::of("write", path);
    let mut builder = tempfile::Builder::new();
    builder.prefix(TEMPORARY_PREFIX).suffix(TEMPORARY_SUFFIX);
    // A temporary file is private by default. This one becomes an ordinary file, so the umask decides.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut out = BufWriter::new(builder.tempfile_in(folder).map_err(failed())?);
    fill(&mut out).map_err(failed())?;
    let file = out.into_inner().map_err(|error| failed()(error.into_error()))?;
    file.as_file().sync_all().map_err(failed())?;
    file.persist(path).map_err(|error| failed()(error.error))?;
    // The rename is durable once the folder is on the disk.
    if cfg!(unix) {
        sync_folder(folder).map_err(FileError::of("sync the folder", folder))?;
    }
    Ok(())
}

/// Removes the unfinished files that a killed process left in a folder and below it. Folders that `skip`
/// accepts are left alone. Call it only if no other process writes there.
///
/// A file that cannot be removed stays: it does no harm.
pub fn remove_unfinished(folder: &Path, skip: &dyn Fn(&Path) -> bool) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        let name = name.to_string_lossy();
        match entry.file_type() {
            Ok(kind) if kind.is_dir() && !skip(&path) => remove_unfinished(&path, skip),
            Ok(kind)
                if kind.is_file()
                    && name.starts_with(TEMPORARY_PREFIX)
                    && name.ends_with(TEMPORARY_SUFFIX) =>
            {
                let _ = fs::remove_file(&path);
            }
            _ => {}
        }
    }
}

/// Some folders can be written but not read, and some network file systems cannot sync one: both are
/// accepted.
fn sync_folder(folder: &Path) -> io::Result<()> {
    match File::open(folder).and_then(|folder| folder.sync_all()) {
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::PermissionDenied | ErrorKind::InvalidInput | ErrorKind::Unsupported
            ) =>
        {
            Ok(())
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failed_write_keeps_the_old_file_and_leaves_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        write_atomic(&path, b"old").unwrap();
        let error = write_atomic_with(&path, |out| {
            out.write_all(b"half of the n")?;
            Err(io::Error::other("disk full"))
        })
        .unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("cannot write {}: disk full", path.display())
        );
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn unfinished_files_are_removed_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let files = [
            ".writing-Ab1.tmp",
            "a/.writing-Cd2.tmp",
            "a/.writing-notes",
            "a/b.tmp",
            "skipped/.writing-Ef3.tmp",
        ];
        for file in files {
            write_atomic(&folder.path().join(file), b"").unwrap();
        }
        remove_unfinished(folder.path(), &|path| path.ends_with("skipped"));
        let left = files.map(|file| folder.path().join(file).exists());
        assert_eq!(left, [false, false, true, true, true]);
    }

    #[test]
    fn missing_folders_are_created_and_files_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/deep/a.csv");
        write_atomic(&path, b"x").unwrap();
        write_atomic(&path, b"yz").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"yz");
        let blocked = path.join("b.csv");
        let error = write_atomic(&blocked, b"x").unwrap_err().to_string();
        assert!(error.starts_with("cannot create the folder "), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn files_get_the_ordinary_permissions() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let (atomic, plain) = (folder.path().join("a"), folder.path().join("b"));
        write_atomic(&atomic, b"").unwrap();
        fs::write(&plain, b"").unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(&atomic), mode(&plain));
    }
}
