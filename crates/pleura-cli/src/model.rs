//! The options that select a model.

use std::path::Path;

use clap::ValueEnum;
use pleura::{CalibrationChoice, Classifier, Fit, OpenOptions, Task};

use crate::calibration::CalibrationArgs;

/// Options of a model besides its path.
#[derive(clap::Args, Clone, Default)]
pub struct ModelArgs {
    /// Stage of a run whose best weights are used. Default: the last stage.
    #[arg(long, value_name = "NAME")]
    stage: Option<String>,
    /// Side of the network's input in pixels, for weights without it.
    #[arg(long, value_name = "PIXELS", value_parser = clap::value_parser!(u32).range(1..=8192))]
    size: Option<u32>,
    /// Preparation of films that are not square, for weights without it.
    #[arg(long, value_enum)]
    fit: Option<FitChoice>,
    /// Relation of the findings, for weights without it.
    #[arg(long, value_enum)]
    kind: Option<KindChoice>,
}

impl ModelArgs {
    /// Sets the stage only.
    pub fn of_stage(name: &str) -> Self {
        Self {
            stage: Some(name.to_owned()),
            ..Self::default()
        }
    }

    /// True if anything is set.
    pub fn is_set(&self) -> bool {
        self.stage.is_some() || self.describes()
    }

    /// True if the task or the preparation is set.
    pub fn describes(&self) -> bool {
        self.size.is_some() || self.fit.is_some() || self.kind.is_some()
    }

    /// With this stage, unless one is set.
    #[must_use]
    pub fn or_stage(&self, stage: Option<String>) -> Self {
        Self {
            stage: self.stage.clone().or(stage),
            ..self.clone()
        }
    }

    /// The library's options.
    pub fn options(&self) -> OpenOptions {
        let mut options = OpenOptions::default();
        if let Some(stage) = &self.stage {
            options = options.stage(stage);
        }
        if let Some(size) = self.size {
            options = options.size(size as usize);
        }
        if let Some(fit) = self.fit {
            options = options.fit(fit.into());
        }
        match self.kind {
            Some(kind) => options.task(kind.into()),
            None => options,
        }
    }

    /// Opens a model whose probabilities are not calibrated. A package's golden films are not computed.
    pub fn open(&self, path: &Path) -> Result<Classifier, pleura::Error> {
        let options = self.options().calibration(CalibrationChoice::Off);
        Classifier::open_with(path, &options.check_golden(false))
    }

    /// Opens a model with its calibration. A package's golden films are not computed.
    pub fn open_calibrated(
        &self,
        path: &Path,
        calibration: &CalibrationArgs,
    ) -> Result<Classifier, pleura::Error> {
        let options = self.options().calibration(calibration.choice());
        Classifier::open_with(path, &options.check_golden(false))
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
    /// One class per film: probabilities by softmax.
    Exclusive,
    /// Any number of findings per film: probabilities by sigmoid.
    Independent,
}

impl From<KindChoice> for Task {
    fn from(choice: KindChoice) -> Self {
        match choice {
            KindChoice::Exclusive => Self::Exclusive,
            KindChoice::Independent => Self::Independent,
        }
    }
}
