//! A model, ready to answer: weights, preparation, task, calibration, and the contract of a package.

pub(crate) mod declared;
mod locate;

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use pleura_film::Preparation;
use pleura_nn::{Cpu, Network, Weights};
use pleura_package::{Package, archive};
use pleura_run::recipe::Stage;

use crate::calibration::Weighed;
use crate::{AppliedCalibration, CalibrationChoice, Error, OpenOptions, Task, digest};

/// A classifier of chest films. It is opened once and answers from any number of threads.
pub struct Classifier {
    path: PathBuf,
    origin: Origin,
    digest: String,
    task: Task,
    preparation: Preparation,
    stage: Option<Stage>,
    run: Option<PathBuf>,
    calibration: Option<AppliedCalibration>,
    /// True if a package's own calibration is the one that is applied.
    own_calibration: bool,
    /// Set up when it is first needed.
    network: OnceLock<Network>,
}

enum Origin {
    Weights(Box<Weights>),
    Package(Box<Package>),
}

impl std::fmt::Debug for Classifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Classifier").field(&self.line()).finish()
    }
}

impl Classifier {
    /// Opens a weight file (`.safetensors`), a run's folder, or a package (`.pleura`).
    ///
    /// # Errors
    /// As [`Classifier::open_with`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        Self::open_with(path, &OpenOptions::default())
    }

    /// Opens a weight file, a run's folder, or a package, with options.
    ///
    /// Each byte of a package is checked, then its signature if keys are trusted, then its golden films.
    ///
    /// # Errors
    /// The file that cannot be read, what is missing in it, or the option that contradicts it.
    pub fn open_with(path: impl AsRef<Path>, options: &OpenOptions) -> Result<Self, Error> {
        let path = path.as_ref();
        if is_package(path) {
            return Self::open_package(path, options);
        }
        if !options.trusted.is_empty() {
            return Err(Error::NotAPackage {
                path: path.to_owned(),
            });
        }
        let run = path.is_dir().then(|| path.to_owned());
        let (path, stage) = locate::locate(path, options)?;
        let (weights, digest) = Weights::read_digested(&path).map_err(Error::Weights)?;
        declared::check(&path, &weights, options)?;
        let task = declared::task(&path, &weights, options)?;
        let preparation = declared::preparation(&path, &weights, options)?;
        let smallest = weights.architecture.smallest_input();
        if preparation.size < smallest {
            return Err(Error::InputTooSmall {
                path,
                architecture: weights.architecture.name().to_owned(),
                smallest,
                size: preparation.size,
            });
        }
        let of = Weighed {
            path: &path,
            digest: &digest,
            task,
            findings: &weights.findings,
            package: None,
        };
        let calibration = AppliedCalibration::find(&options.calibration, &of)?;
        Ok(Self {
            calibration,
            path,
            origin: Origin::Weights(Box::new(weights)),
            digest,
            task,
            preparation,
            stage,
            run,
            own_calibration: true,
            network: OnceLock::new(),
        })
    }

    fn open_package(path: &Path, options: &OpenOptions) -> Result<Self, Error> {
        if !options.fits_a_package() {
            return Err(Error::PackageSettings {
                path: path.to_owned(),
            });
        }
        let package = Package::read(path)?;
        if !options.trusted.is_empty() {
            package.trust(&options.trusted)?;
        }
        let (model, own) = (&package.parts.model, package.parts.calibration.as_ref());
        let of = Weighed {
            path,
            digest: &model.digest,
            task: model.kind,
            findings: &package.parts.weights.findings,
            package: Some(own),
        };
        let calibration = AppliedCalibration::find(&options.calibration, &of)?;
        let opened = Self {
            path: path.to_owned(),
            digest: model.digest.clone(),
            task: model.kind,
            preparation: model.preparation,
            stage: None,
            run: None,
            calibration,
            own_calibration: options.calibration == CalibrationChoice::Own,
            origin: Origin::Package(Box::new(package)),
            network: OnceLock::new(),
        };
        if options.check_golden
            && let Some(package) = opened.package()
        {
            package.check_golden(opened.network()?)?;
        }
        Ok(opened)
    }

    /// The weight file that a path and options select: the file itself, or the best weights of a run's stage.
    ///
    /// # Errors
    /// The path is a folder and not a run, or the stage does not exist or has no weights.
    pub fn weight_file(path: &Path, options: &OpenOptions) -> Result<PathBuf, Error> {
        Ok(locate::locate(path, options)?.0)
    }

    /// The stage of a run that the options select; it need not have weights yet.
    ///
    /// # Errors
    /// The folder is not a run, or the stage does not exist.
    pub fn stage_of(run: &Path, options: &OpenOptions) -> Result<Stage, Error> {
        Ok(locate::chosen_stage(run, options)?.0)
    }

    /// The weight file, or the package.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Tensors, architecture, findings and normalisation.
    pub fn weights(&self) -> &Weights {
        match &self.origin {
            Origin::Weights(weights) => weights,
            Origin::Package(package) => &package.parts.weights,
        }
    }

    /// [`Weights::digest`]: identifies the model.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Whether findings exclude each other.
    pub fn task(&self) -> Task {
        self.task
    }

    /// How a film becomes the network's input.
    pub fn preparation(&self) -> &Preparation {
        &self.preparation
    }

    /// The findings, in the order of the network's outputs.
    pub fn findings(&self) -> &[String] {
        &self.weights().findings
    }

    /// The calibration that is applied.
    pub fn calibration(&self) -> Option<&AppliedCalibration> {
        self.calibration.as_ref()
    }

    /// The package, if the model is one.
    pub fn package(&self) -> Option<&Package> {
        match &self.origin {
            Origin::Weights(_) => None,
            Origin::Package(package) => Some(package),
        }
    }

    /// The stage of the run, if the model belongs to a run.
    pub fn stage(&self) -> Option<&Stage> {
        self.stage.as_ref()
    }

    /// The run's folder, if the model belongs to a run.
    pub fn run(&self) -> Option<&Path> {
        self.run.as_deref()
    }

    /// The network on this machine's processor. The first call sets it up.
    ///
    /// # Errors
    /// [`Error::Network`] if the engine refuses the weights.
    pub fn network(&self) -> Result<&Network<Cpu>, Error> {
        if let Some(network) = self.network.get() {
            return Ok(network);
        }
        let network = Network::new(Cpu::new(), self.weights()).map_err(|source| Error::Network {
            path: self.path.clone(),
            source,
        })?;
        Ok(self.network.get_or_init(|| network))
    }

    /// Probabilities of logits `[films, findings]`, calibrated if a calibration is applied.
    pub fn probabilities(&self, logits: &[f64]) -> Vec<f64> {
        match &self.calibration {
            Some(applied) => applied.calibration.probabilities(logits),
            None => self.task.probabilities(logits, self.findings().len()),
        }
    }

    /// One line that identifies the model.
    pub fn line(&self) -> String {
        format!(
            "{} ({}, {} outputs, {}, digest {}…)",
            self.path.display(),
            self.weights().architecture.name(),
            self.findings().len(),
            self.task.name(),
            digest::short(&self.digest)
        )
    }

    pub(crate) fn has_own_calibration(&self) -> bool {
        self.own_calibration
    }
}

/// True if the file begins as a package does.
pub fn is_package(path: &Path) -> bool {
    use std::io::Read as _;
    let mut head = [0; archive::HEAD];
    std::fs::File::open(path)
        .is_ok_and(|mut file| file.read_exact(&mut head).is_ok() && archive::looks_like(&head))
}
