//! The recipe of a segmentation network: one training on films with lung masks.

use std::path::{Path, PathBuf};

use pleura_film::Augmentation;
use pleura_nn::unet::UNet;
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::recipe::{OptimiserRecipe, ScheduleRecipe, line_at};

/// A recipe with `kind = "segmentation"`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SegmentationRecipe {
    /// The word `segmentation`.
    pub kind: Kind,
    /// Seed of the weights, the order of films, and the augmentation.
    #[serde(default)]
    pub seed: u64,
    /// `unet-small` or `unet-large`.
    pub architecture: String,
    /// The side of the square to which films are stretched, in pixels.
    pub size: usize,
    /// The manifest, relative to the recipe's folder. Films have a `lung_mask`.
    pub manifest: PathBuf,
    /// Epochs.
    pub epochs: usize,
    /// Films in a step.
    #[serde(default = "default_batch")]
    pub batch: usize,
    /// Learning rate.
    pub learning_rate: f64,
    /// The optimiser.
    #[serde(default)]
    pub optimiser: OptimiserRecipe,
    /// The schedule of the learning rate.
    #[serde(default)]
    pub schedule: ScheduleRecipe,
    /// Largest norm of the gradient. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gradient_clip: Option<f64>,
    /// Weight of the Dice loss beside the binary cross-entropy.
    #[serde(default = "default_dice")]
    pub dice: f64,
    /// Augmentation of films; masks follow its geometry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub augmentation: Option<Augmentation>,
    /// Shadows painted on films, not on their masks. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opacities: Option<Opacities>,
    /// Steps between two checkpoints; each epoch also ends with one.
    #[serde(default = "default_checkpoint_every")]
    pub checkpoint_every: u64,
}

/// Bright, soft-edged ellipses painted on training films, so that lungs are found under opacities that few
/// films with masks show.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Opacities {
    /// The probability that a film has any.
    pub probability: f32,
    /// The largest number on a film.
    pub most: u32,
    /// The largest share of the distance to white, 0 to 1.
    pub strength: f32,
}

/// The word of [`SegmentationRecipe::kind`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Segmentation.
    Segmentation,
}

fn default_batch() -> usize {
    8
}

fn default_dice() -> f64 {
    1.0
}

fn default_checkpoint_every() -> u64 {
    200
}

impl SegmentationRecipe {
    /// True if the recipe in `text` has `kind = "segmentation"`.
    pub fn is(text: &str) -> bool {
        #[derive(Deserialize)]
        struct Peek {
            kind: Option<Kind>,
        }
        toml::from_str::<Peek>(text).is_ok_and(|peek| peek.kind.is_some())
    }

    /// Reads and checks a recipe file; the manifest's path becomes relative to the working folder.
    ///
    /// # Errors
    /// [`Error::Recipe`] with file and line: unknown keys, wrong types, values out of range, with what is
    /// allowed.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let text = std::fs::read_to_string(path).map_err(Error::file(path, "read"))?;
        Self::parse(&text, path)
    }

    /// Reads a recipe from text, like [`SegmentationRecipe::read`].
    ///
    /// # Errors
    /// As [`SegmentationRecipe::read`].
    pub fn parse(text: &str, path: &Path) -> Result<Self, Error> {
        let mut recipe: Self = toml::from_str(text).map_err(|error| Error::Recipe {
            path: path.to_owned(),
            line: error.span().map(|span| line_at(text, span.start)),
            key: String::new(),
            problem: error.message().replace('\n', " "),
        })?;
        recipe.check().map_err(|(key, problem)| Error::Recipe {
            path: path.to_owned(),
            line: text
                .lines()
                .position(|line| line.trim_start().starts_with(key))
                .map(|line| line + 1),
            key: key.to_owned(),
            problem,
        })?;
        if let Some(folder) = path.parent() {
            recipe.manifest = folder.join(&recipe.manifest);
        }
        Ok(recipe)
    }

    /// The architecture.
    ///
    /// # Errors
    /// An unknown name.
    pub fn network(&self) -> Result<UNet, pleura_nn::Error> {
        UNet::by_name(&self.architecture)
    }

    fn check(&self) -> Result<(), (&'static str, String)> {
        let network = self
            .network()
            .map_err(|error| ("architecture", error.to_string()))?;
        network
            .check_side(self.size)
            .map_err(|error| ("size", error.to_string()))?;
        let positive = |key, value: f64| {
            if value > 0.0 && value.is_finite() {
                Ok(())
            } else {
                Err((key, format!("{value}, expected a number above 0")))
            }
        };
        for (key, count) in [("epochs", self.epochs), ("batch", self.batch)] {
            if !(1..=100_000).contains(&count) {
                return Err((key, format!("{count}, expected 1 to 100000")));
            }
        }
        if self.checkpoint_every == 0 {
            return Err(("checkpoint_every", "0, expected at least 1".to_owned()));
        }
        positive("learning_rate", self.learning_rate)?;
        if let Some(longest) = self.gradient_clip {
            positive("gradient_clip", longest)?;
        }
        if !(0.0..=100.0).contains(&self.dice) {
            return Err(("dice", format!("{}, expected 0 to 100", self.dice)));
        }
        if let Some(opacities) = self.opacities {
            let shares = [opacities.probability, opacities.strength];
            if !shares.iter().all(|share| (0.0..=1.0).contains(share)) || !(1..=20).contains(&opacities.most)
            {
                return Err((
                    "opacities",
                    "expected a probability and a strength from 0 to 1, and most from 1 to 20".to_owned(),
                ));
            }
        }
        Ok(())
    }

    /// The recipe as TOML that reads back to the same recipe.
    ///
    /// # Errors
    /// None in practice.
    pub fn to_toml(&self) -> Result<String, Error> {
        toml::to_string_pretty(self).map_err(|error| Error::Recipe {
            path: PathBuf::new(),
            line: None,
            key: String::new(),
            problem: error.to_string(),
        })
    }
}
