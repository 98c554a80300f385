//! The films that a stage of a run was trained on.

use std::path::{Path, PathBuf};

use pleura_manifest::Manifest;
use pleura_run::recipe::Stage;

use crate::Error;

/// The manifest that a stage of a run was trained on, and its path. `moved` is where it lies now, if it was
/// moved.
///
/// # Errors
/// [`Error::FractalStage`] if the stage was trained on fractals; [`Error::TrainingManifest`] if the file
/// cannot be read.
pub fn training_manifest(
    run: &Path,
    stage: &Stage,
    moved: Option<&Path>,
) -> Result<(PathBuf, Manifest), Error> {
    if stage.fractals.is_some() {
        return Err(Error::FractalStage {
            path: run.to_owned(),
            stage: stage.name.clone(),
        });
    }
    let path = moved.unwrap_or(&stage.manifest).to_owned();
    let manifest = Manifest::read(&path).map_err(|source| Error::TrainingManifest {
        stage: stage.name.clone(),
        source,
    })?;
    Ok((path, manifest))
}
