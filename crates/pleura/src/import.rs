//! Weights of other programs become ours.

use std::path::Path;

use pleura_film::{Fit, Preparation};
use pleura_nn::Architecture;
use pleura_nn::weights::Normalisation;
use pleura_nn::weights::import::{self, Imported, KnownHead};

use crate::classifier::declared;
use crate::{Error, Task};

/// Facts about a weight file that it does not contain.
#[derive(Clone, Debug)]
pub struct ImportOptions {
    /// The network.
    pub architecture: Architecture,
    /// The findings, in the order of the outputs; known for ImageNet's 1000 and CheXNet's 14 outputs.
    pub findings: Option<Vec<String>>,
    /// The normalisation of grey levels that the network was trained with.
    pub normalisation: Normalisation,
    /// Whether findings exclude each other; known with the findings.
    pub task: Option<Task>,
    /// The side of the network's input in pixels; 224 for ImageNet's and CheXNet's weights.
    pub size: Option<usize>,
    /// How films become square. Default: stretched.
    pub fit: Option<Fit>,
}

/// Reads a file of torch (`.pth`, `.pth.tar`) or a safetensors file with torchvision's names, and writes it
/// as a weight file of pleura.
///
/// # Errors
/// [`Error::OutputIsInput`], [`Error::ImportTooSmall`]; [`Error::File`] and [`Error::Engine`] for the files.
pub fn import(file: &Path, out: &Path, options: &ImportOptions) -> Result<Imported, Error> {
    // The source may be irreplaceable, and an import can be repeated.
    check_output(file, out)?;
    let bytes = std::fs::read(file).map_err(|source| Error::Import {
        path: file.to_owned(),
        source,
    })?;
    let read = import::Options {
        findings: options.findings.clone(),
        normalisation: options.normalisation,
    };
    let mut imported = import::import(&bytes, &file.display().to_string(), &options.architecture, &read)
        .map_err(Error::Engine)?;
    add_known_facts(&mut imported, options)?;
    imported.weights.write(out).map_err(Error::Engine)?;
    Ok(imported)
}

/// Refuses an output that is the file that is read.
///
/// # Errors
/// [`Error::OutputIsInput`].
pub fn check_output(input: &Path, output: &Path) -> Result<(), Error> {
    if output.exists() && output.canonicalize().ok() == input.canonicalize().ok() {
        return Err(Error::OutputIsInput {
            path: output.to_owned(),
        });
    }
    Ok(())
}

/// Task and preparation: as they were set, or as a known head implies.
fn add_known_facts(imported: &mut Imported, options: &ImportOptions) -> Result<(), Error> {
    let known = imported.head.map(|head| match head {
        KnownHead::ImageNet => Task::Exclusive,
        KnownHead::CheXNet => Task::Independent,
    });
    let metadata = &mut imported.weights.metadata;
    if let Some(task) = options.task.or(known) {
        metadata.insert(declared::TASK.to_owned(), task.name().to_owned());
    }
    if let Some(size) = options.size.or(known.map(|_| 224)) {
        let smallest = imported.weights.architecture.smallest_input();
        if size < smallest {
            return Err(Error::ImportTooSmall {
                architecture: options.architecture.name().to_owned(),
                smallest,
                size,
            });
        }
        let preparation = Preparation {
            size,
            fit: options.fit.unwrap_or(Fit::Stretch),
            ..Preparation::default()
        };
        metadata.insert(
            declared::PREPARATION.to_owned(),
            serde_json::to_string(&preparation)?,
        );
    }
    Ok(())
}
