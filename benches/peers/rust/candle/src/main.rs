//! A DenseNet of candle's own layers, as its model zoo builds networks; weights are random.

use anyhow::Result;
use candle_core::{DType, Device, Tensor};
use candle_nn::{BatchNorm, Conv2d, Conv2dConfig, Linear, Module, ModuleT, VarBuilder, VarMap};
use case::{Case, DEVIATION, MEAN};
use serde_json::json;

fn main() -> Result<()> {
    let case = Case::from_arguments()?;
    let device = Device::Cpu;
    let weights = VarMap::new();
    let network = DenseNet::new(&case, VarBuilder::from_varmap(&weights, DType::F32, &device))?;
    // Running statistics are numbers of the map too; those of training only count here.
    let parameters: usize = weights
        .data()
        .lock()
        .map_err(|_| anyhow::anyhow!("the weights are held elsewhere"))?
        .iter()
        .filter(|(name, _)| !name.contains("running"))
        .map(|(_, weight)| weight.elem_count())
        .sum();
    let films = Tensor::from_vec(case.films(), (case.batch, 1, case.size, case.size), &device)?;
    let mean = Tensor::from_slice(&MEAN, (1, 3, 1, 1), &device)?;
    let deviation = Tensor::from_slice(&DEVIATION, (1, 3, 1, 1), &device)?;
    case.time(json!({"version": case::version("candle-nn"), "parameters": parameters}), || {
        let x = films
            .broadcast_as((case.batch, 3, case.size, case.size))?
            .broadcast_sub(&mean)?
            .broadcast_div(&deviation)?;
        Ok(network.forward(&x)?.flatten_all()?.to_vec1()?)
    })
}

struct DenseNet {
    stem: (Conv2d, BatchNorm),
    blocks: Vec<Vec<Layer>>,
    transitions: Vec<(BatchNorm, Conv2d)>,
    last: BatchNorm,
    classifier: Linear,
}

struct Layer {
    first: (BatchNorm, Conv2d),
    second: (BatchNorm, Conv2d),
}

impl DenseNet {
    fn new(case: &Case, weights: VarBuilder<'_>) -> Result<Self> {
        let (sizes, stem, growth) = case.layout()?;
        let features = weights.pp("features");
        let mut channels = stem;
        let (mut blocks, mut transitions) = (Vec::new(), Vec::new());
        for (index, size) in sizes.into_iter().enumerate() {
            let block = features.pp(format!("denseblock{}", index + 1));
            let mut layers = Vec::new();
            for place in 0..size {
                let part = block.pp(format!("denselayer{}", place + 1));
                layers.push(Layer {
                    first: (norm(channels, part.pp("norm1"))?, conv(channels, 4 * growth, 1, 1, 0, part.pp("conv1"))?),
                    second: (norm(4 * growth, part.pp("norm2"))?, conv(4 * growth, growth, 3, 1, 1, part.pp("conv2"))?),
                });
                channels += growth;
            }
            blocks.push(layers);
            if index + 1 < sizes.len() {
                let part = features.pp(format!("transition{}", index + 1));
                transitions.push((
                    norm(channels, part.pp("norm"))?,
                    conv(channels, channels / 2, 1, 1, 0, part.pp("conv"))?,
                ));
                channels /= 2;
            }
        }
        Ok(Self {
            stem: (conv(3, stem, 7, 2, 3, features.pp("conv0"))?, norm(stem, features.pp("norm0"))?),
            blocks,
            transitions,
            last: norm(channels, features.pp("norm5"))?,
            classifier: candle_nn::linear(channels, case.outputs, weights.pp("classifier"))?,
        })
    }

    fn forward(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        let (conv, norm) = &self.stem;
        let x = norm.forward_t(&conv.forward(x)?, false)?.relu()?;
        // candle's pools take no padding; behind a ReLU zeros are no larger than what is there.
        let x = x.pad_with_zeros(2, 1, 1)?.pad_with_zeros(3, 1, 1)?;
        let mut x = x.max_pool2d_with_stride(3, 2)?;
        for (index, layers) in self.blocks.iter().enumerate() {
            for layer in layers {
                let inner = through(&layer.first, &x)?;
                x = Tensor::cat(&[&x, &through(&layer.second, &inner)?], 1)?;
            }
            if let Some(transition) = self.transitions.get(index) {
                x = through(transition, &x)?.avg_pool2d(2)?;
            }
        }
        let x = self.last.forward_t(&x, false)?.relu()?;
        self.classifier.forward(&x.mean((2, 3))?)
    }
}

fn through((norm, conv): &(BatchNorm, Conv2d), x: &Tensor) -> candle_core::Result<Tensor> {
    conv.forward(&norm.forward_t(x, false)?.relu()?)
}

fn norm(channels: usize, weights: VarBuilder<'_>) -> candle_core::Result<BatchNorm> {
    candle_nn::batch_norm(channels, 1e-5, weights)
}

fn conv(
    inputs: usize,
    outputs: usize,
    kernel: usize,
    stride: usize,
    padding: usize,
    weights: VarBuilder<'_>,
) -> candle_core::Result<Conv2d> {
    let config = Conv2dConfig {
        padding,
        stride,
        ..Conv2dConfig::default()
    };
    candle_nn::conv2d_no_bias(inputs, outputs, kernel, config, weights)
}
