//! The segmentation model.

use std::fmt;
use std::str::FromStr;
use std::sync::OnceLock;

use pleura_nn::Cpu;
use pleura_nn::unet::{Segmenter, UNetWeights};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::clean::Implausible;
use crate::equalise::Equalisation;
use crate::levels::Rows;
use crate::prepare::{Fit, Preparation, prepare_rows};

/// The file of the built-in model; docs/lungs.md says how it was made.
const BUILT_IN: &[u8] = include_bytes!("../../assets/lungs.safetensors");

/// The side of the square that a model without an entry `size` was trained at.
const SIDE: usize = 256;

/// The metadata key of the side.
const SIZE: &str = "size";

/// A segmentation model for lungs.
pub struct LungModel {
    network: Segmenter,
    side: usize,
    id: ModelId,
}

impl LungModel {
    /// The model that is part of the program.
    #[allow(
        clippy::expect_used,
        clippy::missing_panics_doc,
        reason = "a test reads the file that is part of the program"
    )]
    pub fn built_in() -> &'static Self {
        static MODEL: OnceLock<LungModel> = OnceLock::new();
        if let Some(model) = MODEL.get() {
            return model;
        }
        // Made outside `get_or_init`: no thread waits for another one's work.
        #[allow(
            clippy::expect_used,
            reason = "a test reads the file that is part of the program"
        )]
        let made = Self::from_bytes(BUILT_IN, "the built-in lung model")
            .expect("the built-in lung model can be read");
        MODEL.get_or_init(|| made)
    }

    /// Reads a model from the bytes of a file that a segmentation stage wrote; `name` is for messages.
    ///
    /// # Errors
    /// A file that holds no segmentation network with the one region `lungs`.
    pub fn from_bytes(bytes: &[u8], name: &str) -> Result<Self, pleura_nn::Error> {
        Self::new(&UNetWeights::from_bytes(bytes, name)?)
    }

    /// A model of weights.
    ///
    /// # Errors
    /// Weights with other regions than `lungs`, or of a side that the network cannot take.
    pub fn new(weights: &UNetWeights) -> Result<Self, pleura_nn::Error> {
        if weights.regions != ["lungs"] {
            return Err(pleura_nn::Error::Weights {
                architecture: weights.architecture.name().to_owned(),
                problem: format!("regions {:?}, expected [\"lungs\"]", weights.regions),
            });
        }
        let stated = weights.metadata.get(SIZE).and_then(|side| side.parse().ok());
        let side = stated.unwrap_or(SIDE);
        weights.architecture.check_side(side)?;
        Ok(Self {
            network: Segmenter::new(Cpu::new(), weights)?,
            side,
            id: ModelId::of(weights),
        })
    }

    /// The side of the square in which lungs are found, in pixels.
    pub fn side(&self) -> usize {
        self.side
    }

    /// The identity of the model.
    pub fn id(&self) -> ModelId {
        self.id
    }

    /// The preparation of a film for this model.
    pub fn preparation(&self) -> Preparation {
        Preparation {
            size: self.side,
            fit: Fit::Stretch,
            equalise: Some(Equalisation::Histogram),
            lungs: None,
        }
    }

    /// Logits `[side, side]` of a film: the mean of those of the film and of its mirror image.
    pub(super) fn logits(
        &self,
        rows: Rows<'_>,
        width: usize,
        height: usize,
    ) -> Result<Vec<f32>, Implausible> {
        let grey = prepare_rows(rows, width, height, &self.preparation()).unit_grey();
        let mirrored = grey.chunks_exact(self.side).flat_map(|row| row.iter().rev());
        let both: Vec<f32> = grey.iter().chain(mirrored).copied().collect();
        let logits = self
            .network
            .infer(&both, 2, self.side)
            .map_err(|error| Implausible::Network(error.to_string()))?;
        let (plain, mirrored) = logits.split_at(grey.len());
        let mirrored = mirrored.chunks_exact(self.side).flat_map(|row| row.iter().rev());
        Ok(plain
            .iter()
            .zip(mirrored)
            .map(|(plain, mirrored)| f32::midpoint(*plain, *mirrored))
            .collect())
    }
}

/// The identity of a segmentation model: the first 64 bits of the SHA-256 of its tensors, as 16 hexadecimal
/// digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct ModelId(u64);

impl ModelId {
    /// The identity of weights.
    pub fn of(weights: &UNetWeights) -> Self {
        let digest = weights.digest();
        digest
            .get(..16)
            .and_then(|start| u64::from_str_radix(start, 16).ok())
            .map_or(Self(0), Self)
    }

    /// The identity of the built-in model.
    pub fn built_in() -> Self {
        LungModel::built_in().id
    }
}

impl fmt::Display for ModelId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:016x}", self.0)
    }
}

impl fmt::Debug for ModelId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

impl FromStr for ModelId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let hexadecimal = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let number = hexadecimal.then(|| u64::from_str_radix(text, 16).ok()).flatten();
        number
            .map(Self)
            .ok_or_else(|| format!("lung model {text:?}: expected 16 hexadecimal digits"))
    }
}

impl TryFrom<String> for ModelId {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<ModelId> for String {
    fn from(id: ModelId) -> Self {
        id.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_model_can_be_read_and_is_small() {
        let model = LungModel::built_in();
        assert_eq!(model.id(), ModelId::built_in());
        assert_eq!(model.id().to_string().parse::<ModelId>().unwrap(), model.id());
        assert!(BUILT_IN.len() < 1_000_000, "{} bytes", BUILT_IN.len());
        assert!(
            "0123"
                .parse::<ModelId>()
                .unwrap_err()
                .contains("16 hexadecimal digits")
        );
    }
}
