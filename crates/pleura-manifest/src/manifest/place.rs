//! Paths relative to the manifest.

use std::path::{Path, PathBuf};

use super::{Manifest, each};
use crate::Error;

/// The folder of a manifest that is being written.
pub struct ManifestFolder(PathBuf);

impl ManifestFolder {
    pub(crate) fn new(folder: &Path) -> Result<Self, Error> {
        std::path::absolute(folder)
            .map(Self)
            .map_err(Error::io("find", folder))
    }

    /// The folder of a manifest file.
    pub fn of_file(path: &Path) -> Result<Self, Error> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        Self::new(folder.unwrap_or(Path::new(".")))
    }

    /// The path to write: relative for files below the folder, so that both can be moved together; absolute
    /// for others.
    pub fn path(&self, path: &Path) -> Result<PathBuf, Error> {
        let path = std::path::absolute(path).map_err(Error::io("find", path))?;
        Ok(path.strip_prefix(&self.0).map(Path::to_path_buf).unwrap_or(path))
    }
}

impl Manifest {
    /// Adapts all paths for a manifest that will be written to `path`.
    pub fn relocate(&mut self, path: &Path) -> Result<(), Error> {
        let place = ManifestFolder::of_file(path)?;
        if ManifestFolder::new(&self.folder_or_here())?.0 != place.0 {
            let folder = self.folder_or_here();
            for row in &mut self.rows {
                row.path = place.path(&folder.join(&row.path))?;
                let masks = [&mut row.masks.lung, &mut row.masks.lesion, &mut row.masks.text];
                for mask in masks.into_iter().flatten() {
                    *mask = each(mask, |file| place.path(&folder.join(file)))?;
                }
            }
        }
        self.folder = path.parent().unwrap_or(Path::new("")).to_path_buf();
        Ok(())
    }

    fn folder_or_here(&self) -> PathBuf {
        if self.folder.as_os_str().is_empty() {
            PathBuf::from(".")
        } else {
            self.folder.clone()
        }
    }
}
