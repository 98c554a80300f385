//! Files appear whole or not at all: written under a temporary name in the same folder, then renamed.

use std::fs;
use std::io::{BufWriter, Write};
use std::path::Path;

use crate::Error;

/// Writes `path` through `fill`; a reader sees the old file or the new one, never a part.
pub fn write(path: &Path, fill: impl FnOnce(&mut dyn Write) -> std::io::Result<()>) -> Result<(), Error> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    fs::create_dir_all(folder).map_err(Error::io("cannot create the folder", folder))?;
    let mut builder = tempfile::Builder::new();
    builder.prefix(".writing-").suffix(".tmp");
    // Temporary files are private by default; what is renamed into place should obey the umask instead.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let file = builder
        .tempfile_in(folder)
        .map_err(Error::io("cannot write into the folder", folder))?;
    let mut writer = BufWriter::new(file);
    fill(&mut writer).map_err(Error::io("cannot write", path))?;
    let file = writer
        .into_inner()
        .map_err(std::io::IntoInnerError::into_error)
        .map_err(Error::io("cannot write", path))?;
    file.as_file()
        .sync_all()
        .map_err(Error::io("cannot write", path))?;
    file.persist(path)
        .map_err(|error| error.error)
        .map_err(Error::io("cannot replace", path))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_write_leaves_the_old_file_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        write(&path, |out| out.write_all(b"old")).unwrap();
        let failed = write(&path, |out| {
            out.write_all(b"half of the n")?;
            Err(std::io::Error::other("disk full"))
        });
        assert!(failed.unwrap_err().to_string().contains("disk full"));
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn folders_on_the_way_are_made() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/deep/a.csv");
        write(&path, |out| out.write_all(b"x")).unwrap();
        assert_eq!(fs::read(path).unwrap(), b"x");
    }
}
