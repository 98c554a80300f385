//! A DenseNet of Burn's own layers on its processor backend, flex; weights are random.

use anyhow::Result;
use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::pool::{AdaptiveAvgPool2dConfig, AvgPool2dConfig, MaxPool2dConfig};
use burn::nn::{BatchNorm, BatchNormConfig, Linear, LinearConfig, PaddingConfig2d};
use burn::tensor::activation::relu;
use burn::tensor::{Device, Tensor, TensorData};
use case::{Case, DEVIATION, MEAN};
use serde_json::json;

fn main() -> Result<()> {
    let case = Case::from_arguments()?;
    let device = Device::flex();
    let network = DenseNet::new(&case, &device)?;
    let films = TensorData::new(case.films(), [case.batch, 1, case.size, case.size]);
    let films = Tensor::<4>::from_data(films, &device);
    let channel = |values: [f32; 3]| Tensor::<1>::from_floats(values, &device).reshape([1, 3, 1, 1]);
    let (mean, deviation) = (channel(MEAN), channel(DEVIATION));
    let facts = json!({"version": case::version("burn"), "parameters": network.trainable()});
    case.time(facts, || {
        let grey = films.clone().expand([case.batch, 3, case.size, case.size]);
        let logits = network.forward((grey - mean.clone()) / deviation.clone());
        Ok(logits.into_data().try_to_vec::<f32>()?)
    })
}

#[derive(Module, Debug)]
struct DenseNet {
    stem: Conv2d,
    stem_norm: BatchNorm,
    blocks: Vec<Vec<Layer>>,
    transitions: Vec<Unit>,
    last: BatchNorm,
    classifier: Linear,
}

#[derive(Module, Debug)]
struct Layer {
    first: Unit,
    second: Unit,
}

/// Norm, ReLU, convolution.
#[derive(Module, Debug)]
struct Unit {
    norm: BatchNorm,
    conv: Conv2d,
}

impl DenseNet {
    fn new(case: &Case, device: &Device) -> Result<Self> {
        let (sizes, stem, growth) = case.layout()?;
        let mut channels = stem;
        let (mut blocks, mut transitions) = (Vec::new(), Vec::new());
        for (index, size) in sizes.into_iter().enumerate() {
            let mut layers = Vec::new();
            for _ in 0..size {
                layers.push(Layer {
                    first: Unit::new([channels, 4 * growth], 1, device),
                    second: Unit::new([4 * growth, growth], 3, device),
                });
                channels += growth;
            }
            blocks.push(layers);
            if index + 1 < sizes.len() {
                transitions.push(Unit::new([channels, channels / 2], 1, device));
                channels /= 2;
            }
        }
        let stem_conv = Conv2dConfig::new([3, stem], [7, 7])
            .with_stride([2, 2])
            .with_padding(PaddingConfig2d::Explicit(3, 3, 3, 3))
            .with_bias(false);
        Ok(Self {
            stem: stem_conv.init(device),
            stem_norm: BatchNormConfig::new(stem).init(device),
            blocks,
            transitions,
            last: BatchNormConfig::new(channels).init(device),
            classifier: LinearConfig::new(channels, case.outputs).init(device),
        })
    }

    /// Burn counts running statistics as parameters; the others do not.
    fn trainable(&self) -> usize {
        let units = self.blocks.iter().flatten().flat_map(|layer| [&layer.first, &layer.second]);
        let norms = units.chain(&self.transitions).map(|unit| &unit.norm);
        let norms = norms.chain([&self.stem_norm, &self.last]);
        let running: usize = norms.map(|norm| 2 * norm.gamma.dims()[0]).sum();
        self.num_params() - running
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<2> {
        let pool = MaxPool2dConfig::new([3, 3])
            .with_strides([2, 2])
            .with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1))
            .init();
        let mut x = pool.forward(relu(self.stem_norm.forward(self.stem.forward(x))));
        for (index, layers) in self.blocks.iter().enumerate() {
            for layer in layers {
                let inner = layer.first.forward(x.clone());
                x = Tensor::cat(vec![x, layer.second.forward(inner)], 1);
            }
            if let Some(transition) = self.transitions.get(index) {
                let half = AvgPool2dConfig::new([2, 2]).with_strides([2, 2]).init();
                x = half.forward(transition.forward(x));
            }
        }
        let x = relu(self.last.forward(x));
        let pooled = AdaptiveAvgPool2dConfig::new([1, 1]).init().forward(x);
        self.classifier.forward(pooled.flatten(1, 3))
    }
}

impl Unit {
    fn new(channels: [usize; 2], kernel: usize, device: &Device) -> Self {
        let padding = kernel / 2;
        let conv = Conv2dConfig::new(channels, [kernel, kernel])
            .with_padding(PaddingConfig2d::Explicit(padding, padding, padding, padding))
            .with_bias(false);
        Self {
            norm: BatchNormConfig::new(channels[0]).init(device),
            conv: conv.init(device),
        }
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        self.conv.forward(relu(self.norm.forward(x)))
    }
}
