//! A model for other programs: its weights for torchvision, its answers and heatmaps for any ONNX runtime.

mod onnx;
mod test_data;

use std::path::Path;

use pleura_nn::architecture::Stem;
use pleura_nn::{Architecture, Weights};
use pleura_package::Package;

pub use onnx::{HeatmapOptions, OnnxExport, OnnxOptions, TestData};

use crate::{Classifier, Error, OpenOptions, is_package};

/// Weights that were written for torchvision.
#[derive(Clone, Debug)]
pub struct TorchExport {
    /// The weights.
    pub weights: Weights,
    /// The Python expression that makes the same network with torchvision, if torchvision can make it.
    pub constructor: Option<String>,
}

/// Writes a plain safetensors file that torchvision's `DenseNet` loads with `strict=True`. The model may lack
/// task and preparation: the file holds tensors only.
///
/// # Errors
/// As [`Classifier::weight_file`]; [`Error::Weights`], [`Error::Package`] if the model cannot be read;
/// [`Error::File`].
pub fn torch(model: &Path, options: &OpenOptions, out: &Path) -> Result<TorchExport, Error> {
    let file = Classifier::weight_file(model, options)?;
    let weights = if is_package(&file) {
        Package::read(&file)?.parts.weights
    } else {
        Weights::read(&file).map_err(Error::Engine)?
    };
    weights.write_torch(out).map_err(Error::Engine)?;
    Ok(TorchExport {
        constructor: constructor(&weights),
        weights,
    })
}

/// The Python that makes the same network with torchvision, which knows one stem only.
fn constructor(weights: &Weights) -> Option<String> {
    let architecture = &weights.architecture;
    let outputs = weights.findings.len();
    let channels = architecture.stem().channels;
    if *architecture.stem() != Stem::torchvision(channels) {
        return None;
    }
    let named = Architecture::by_name(architecture.name()).is_ok_and(|named| named == *architecture);
    if named && architecture.name().starts_with("densenet") {
        return Some(format!(
            "torchvision.models.{}(num_classes={outputs})",
            architecture.name()
        ));
    }
    let blocks: Vec<String> = architecture.blocks().iter().map(ToString::to_string).collect();
    // A comma behind the last, so that one block makes a tuple too.
    let blocks = blocks.join(", ") + ",";
    Some(format!(
        "torchvision.models.DenseNet(growth_rate={}, block_config=({}), num_init_features={channels}, bn_size={}, num_classes={outputs})",
        architecture.growth(),
        blocks,
        architecture.bottleneck_channels() / architecture.growth()
    ))
}
