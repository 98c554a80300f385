//! From a path to a weight file: the file itself, or the best weights of a run's stage.

use std::path::{Path, PathBuf};

use pleura_run::RunFolder;
use pleura_run::recipe::Stage;

use crate::{Error, OpenOptions};

/// The weight file that a path and options select, and the stage of the run that it belongs to.
pub(super) fn locate(path: &Path, options: &OpenOptions) -> Result<(PathBuf, Option<Stage>), Error> {
    if !path.is_dir() {
        return match &options.stage {
            Some(stage) => Err(Error::StageOfFile {
                path: path.to_owned(),
                stage: stage.clone(),
            }),
            None => Ok((path.to_owned(), None)),
        };
    }
    let (chosen, stages) = chosen_stage(path, options)?;
    let weights = RunFolder::new(path).stage(&chosen.name).best_weights();
    if !weights.exists() {
        return Err(Error::NoWeights {
            path: path.to_owned(),
            stage: chosen.name,
            stages,
        });
    }
    Ok((weights, Some(chosen)))
}

/// The stage of a run that the options select, and the names of all its stages.
pub(super) fn chosen_stage(run: &Path, options: &OpenOptions) -> Result<(Stage, String), Error> {
    let folder = RunFolder::new(run);
    if !folder.recipe().exists() {
        return Err(Error::NotARun { path: run.to_owned() });
    }
    let stages = folder.read_recipe().map_err(Error::Recipe)?.stages;
    let names: Vec<&str> = stages.iter().map(|stage| stage.name.as_str()).collect();
    let names = names.join(", ");
    let chosen = match &options.stage {
        Some(name) => stages.iter().find(|stage| stage.name == *name),
        None => stages.last(),
    };
    match chosen.cloned() {
        Some(chosen) => Ok((chosen, names)),
        None => Err(Error::UnknownStage {
            path: run.to_owned(),
            stage: options.stage.clone().unwrap_or_default(),
            stages: names,
        }),
    }
}
