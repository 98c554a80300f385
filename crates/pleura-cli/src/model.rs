//! A model as the verbs use it: weights, and everything needed to ask them rightly.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use clap::ValueEnum;
use pleura_data::Manifest;
use pleura_eval::{Calibration, Kind};
use pleura_film::{Fit, Preparation};
use pleura_nn::{Cpu, Network, Weights};
use pleura_package::{Package, archive};
use pleura_run::RunFolder;
use pleura_run::recipe::Stage;
use serde_json::{Value, json};

/// What the user says about a model beside its path.
#[derive(clap::Args, Clone, Default)]
pub struct ModelArgs {
    /// Of a run: the stage whose best weights to use; the last one if left out.
    #[arg(long, value_name = "NAME")]
    stage: Option<String>,
    /// Side of the network's input in pixels, for weights that do not say it.
    #[arg(long, value_name = "PIXELS", value_parser = clap::value_parser!(u32).range(1..=8192))]
    size: Option<u32>,
    /// What becomes of a film that is not square, for weights that do not say it.
    #[arg(long, value_enum)]
    fit: Option<FitChoice>,
    /// What the outputs mean, for weights that do not say it.
    #[arg(long, value_enum)]
    kind: Option<KindChoice>,
}

impl ModelArgs {
    /// Says nothing but the stage.
    pub fn of_stage(name: &str) -> Self {
        Self {
            stage: Some(name.to_owned()),
            ..Self::default()
        }
    }

    /// Whether nothing is said.
    pub fn says_nothing(&self) -> bool {
        self.stage.is_none() && !self.describes()
    }

    /// Whether more is said than which weights.
    pub fn describes(&self) -> bool {
        self.size.is_some() || self.fit.is_some() || self.kind.is_some()
    }

    /// With this stage, where none is asked for.
    #[must_use]
    pub fn or_stage(&self, stage: Option<String>) -> Self {
        Self {
            stage: self.stage.clone().or(stage),
            ..self.clone()
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FitChoice {
    /// Scale both sides to the size, each by its own factor.
    Stretch,
    /// Scale the long side to the size; fill the rest with black.
    Pad,
    /// Scale the short side to the size; cut the long one.
    Crop,
}

impl From<FitChoice> for Fit {
    fn from(choice: FitChoice) -> Self {
        match choice {
            FitChoice::Stretch => Self::Stretch,
            FitChoice::Pad => Self::Pad,
            FitChoice::Crop => Self::Crop,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum KindChoice {
    /// One class a film: probabilities by softmax.
    Exclusive,
    /// Any number of findings a film: probabilities by sigmoid.
    Independent,
}

impl From<KindChoice> for Kind {
    fn from(choice: KindChoice) -> Self {
        match choice {
            KindChoice::Exclusive => Self::Exclusive,
            KindChoice::Independent => Self::Independent,
        }
    }
}

/// Weights with what they were trained for.
pub struct Model {
    /// The weight file.
    pub path: PathBuf,
    /// Tensors, findings, normalisation.
    pub weights: Weights,
    /// [`Weights::digest`], which says which model answered.
    pub digest: String,
    /// What the outputs mean.
    pub kind: Kind,
    /// How films become the network's input.
    pub preparation: Preparation,
    /// Of a run: the stage as its recipe tells it.
    pub stage: Option<Stage>,
    /// Of a run: its folder.
    pub run: Option<PathBuf>,
    /// Of a package: what it is calibrated by.
    pub calibration: Option<Calibration>,
}

impl Model {
    /// Opens a weight file, or the best weights of a run's stage.
    ///
    /// # Errors
    /// What is missing, and which option would say it; options that contradict the model.
    pub fn open(path: &Path, args: &ModelArgs) -> Result<Self> {
        if is_package(path) {
            return Self::of_package(path, args);
        }
        let run = path.is_dir().then(|| path.to_owned());
        let (path, stage) = locate(path, args.stage.as_deref())?;
        let (weights, digest) = Weights::read_digested(&path).context("cannot read the model")?;
        let kind = kind(&path, &weights, args)?;
        let preparation = preparation(&path, &weights, args)?;
        if preparation.size < weights.architecture.smallest_input() {
            bail!(
                "{}: {} needs films of at least {smallest}×{smallest} pixels, --size says {size}",
                path.display(),
                weights.architecture.name(),
                smallest = weights.architecture.smallest_input(),
                size = preparation.size
            );
        }
        Ok(Self {
            path,
            weights,
            digest,
            kind,
            preparation,
            stage,
            run,
            calibration: None,
        })
    }

    /// The model of a package, as any other; its contract is asked by `predict` alone.
    fn of_package(path: &Path, args: &ModelArgs) -> Result<Self> {
        if !args.says_nothing() {
            bail!(
                "{}: a package says itself what --stage, --size, --fit and --kind would; leave them out",
                path.display()
            );
        }
        let parts = Package::read(path)?.parts;
        Ok(Self {
            path: path.to_owned(),
            digest: parts.model.digest,
            kind: parts.model.kind,
            preparation: parts.model.preparation,
            weights: parts.weights,
            stage: None,
            run: None,
            calibration: parts.calibration,
        })
    }

    /// The network, ready to answer on the processor.
    pub fn network(&self) -> Result<Network> {
        Network::new(Cpu::new(), &self.weights)
            .with_context(|| format!("{}: cannot set up the network", self.path.display()))
    }

    /// What each output stands for.
    pub fn findings(&self) -> &[String] {
        &self.weights.findings
    }

    /// One line that says which model answered.
    pub fn line(&self) -> String {
        format!(
            "{} ({}, {} outputs, {}, digest {}…)",
            self.path.display(),
            self.weights.architecture.name(),
            self.findings().len(),
            self.kind.name(),
            &self.digest[..12]
        )
    }

    /// The same for a machine.
    pub fn record(&self) -> Value {
        json!({
            "path": self.path.display().to_string(),
            "architecture": self.weights.architecture.name(),
            "digest": self.digest,
            "kind": self.kind,
            "findings": self.findings(),
            "preparation": self.preparation,
        })
    }
}

/// Whether a file is a package, by how it begins.
pub fn is_package(path: &Path) -> bool {
    use std::io::Read as _;
    let mut head = [0; archive::HEAD];
    std::fs::File::open(path)
        .is_ok_and(|mut file| file.read_exact(&mut head).is_ok() && archive::looks_like(&head))
}

/// The weight file that a path and options mean: itself, or the best of a run's stage.
pub fn file_of(path: &Path, args: &ModelArgs) -> Result<PathBuf> {
    Ok(locate(path, args.stage.as_deref())?.0)
}

/// The weight file that a path means, and the stage it belongs to.
fn locate(path: &Path, stage: Option<&str>) -> Result<(PathBuf, Option<Stage>)> {
    if !path.is_dir() {
        if let Some(stage) = stage {
            bail!(
                "{}: --stage {stage} chooses within a run's folder, and this is not a folder",
                path.display()
            );
        }
        return Ok((path.to_owned(), None));
    }
    let Run { chosen, names } = Run::read(path, stage)?;
    let weights = RunFolder::new(path).stage(&chosen.name).best_weights();
    if !weights.exists() {
        bail!(
            "{}: stage {:?} has no best weights yet; go on with `pleura train --resume`, or choose another stage of {} with --stage",
            path.display(),
            chosen.name,
            names
        );
    }
    Ok((weights, Some(chosen)))
}

/// The stage of a run that a path and options mean, whether or not it has weights yet.
pub fn stage_of(run: &Path, args: &ModelArgs) -> Result<Stage> {
    Ok(Run::read(run, args.stage.as_deref())?.chosen)
}

/// A run's recipe, as far as it says which stage is meant.
struct Run {
    chosen: Stage,
    /// Of all its stages, for messages.
    names: String,
}

impl Run {
    fn read(path: &Path, stage: Option<&str>) -> Result<Self> {
        let run = RunFolder::new(path);
        if !run.recipe().exists() {
            bail!(
                "{}: a folder without recipe.toml is not a run; give a run's folder or a weight file (.safetensors)",
                path.display()
            );
        }
        let stages = run.read_recipe().context("cannot read the run's recipe")?.stages;
        let names: Vec<&str> = stages.iter().map(|stage| stage.name.as_str()).collect();
        let names = names.join(", ");
        let chosen = match stage {
            Some(name) => stages.iter().find(|stage| stage.name == name),
            None => stages.last(),
        };
        let Some(chosen) = chosen.cloned() else {
            bail!(
                "{}: the run has no stage {:?}; its stages are {names}",
                path.display(),
                stage.unwrap_or_default(),
            );
        };
        Ok(Self { chosen, names })
    }
}

fn kind(path: &Path, weights: &Weights, args: &ModelArgs) -> Result<Kind> {
    let asked = args.kind.map(Kind::from);
    let Some(word) = weights.metadata.get("kind") else {
        return asked.with_context(|| {
            format!(
                "{}: the weights do not say whether their findings exclude each other; add --kind exclusive (softmax) or \
                 --kind independent (sigmoid)",
                path.display()
            )
        });
    };
    let stored = Kind::by_name(word).with_context(|| {
        format!(
            "{}: the weights say kind {word:?}, expected \"exclusive\" or \"independent\"",
            path.display()
        )
    })?;
    match asked {
        Some(asked) if asked != stored => bail!(
            "{}: --kind {} contradicts the weights, which were trained as {}; leave it out",
            path.display(),
            asked.name(),
            stored.name()
        ),
        _ => Ok(stored),
    }
}

fn preparation(path: &Path, weights: &Weights, args: &ModelArgs) -> Result<Preparation> {
    let (size, fit) = (args.size.map(|size| size as usize), args.fit.map(Fit::from));
    let Some(stored) = weights.metadata.get("preparation") else {
        let (Some(size), Some(fit)) = (size, fit) else {
            bail!(
                "{}: the weights do not say how films were prepared for them; add --size PIXELS and --fit stretch|pad|crop \
                 (ImageNet's and CheXNet's: --size 224 --fit stretch)",
                path.display()
            );
        };
        return Ok(Preparation {
            size,
            fit,
            equalise: None,
        });
    };
    let stored: Preparation = serde_json::from_str(stored).with_context(|| {
        format!(
            "{}: the weights' preparation {stored} cannot be read",
            path.display()
        )
    })?;
    if size.is_some_and(|size| size != stored.size) || fit.is_some_and(|fit| fit != stored.fit) {
        bail!(
            "{}: --size and --fit contradict the weights, which were trained on {}; leave them out",
            path.display(),
            serde_json::to_string(&stored)?
        );
    }
    Ok(stored)
}

/// The table of films that a stage of a run learned from, or `moved` where it lies elsewhere now, with its path. A stage of fractals has none.
pub fn table_of(run: &Path, stage: &Stage, moved: Option<&Path>) -> Result<(PathBuf, Manifest)> {
    if stage.fractals.is_some() {
        bail!(
            "{}: stage {:?} was trained on fractals, not on films; choose another stage with --stage",
            run.display(),
            stage.name
        );
    }
    let path = moved.unwrap_or(&stage.manifest).to_owned();
    let manifest = Manifest::read(&path).with_context(|| {
        format!(
            "the table that stage {:?} was trained on; if it has moved, name it with --manifest",
            stage.name
        )
    })?;
    Ok((path, manifest))
}
