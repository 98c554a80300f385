//! The DenseNet family as data: the structure of a network, and the names and shapes of its parameters.
//!
//! The family is DenseNet-BC (Huang et al., *Densely Connected Convolutional Networks*, arXiv 1608.06993) as
//! in torchvision: a stem, dense blocks with transitions between them, a last norm, and one linear layer on
//! the pooled features.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::Error;

/// Channels of the input. A film enters as three equal ones.
pub const INPUT_CHANNELS: usize = 3;

/// The names that [`Architecture::by_name`] accepts.
pub const NAMES: [&str; 5] = [
    "densenet121",
    "densenet161",
    "densenet169",
    "densenet201",
    "small",
];

/// A DenseNet without weights and head: blocks, widths and stem.
///
/// Immutable and always valid: constructors and `serde` check the limits.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "Description")]
pub struct Architecture {
    /// Its name.
    name: String,
    /// The first convolution and the pool behind it.
    stem: Stem,
    /// Channels that each layer adds.
    growth: usize,
    /// Channels of a layer's bottleneck, as a multiple of the growth.
    bottleneck: usize,
    /// Layers of each dense block.
    blocks: Vec<usize>,
}

/// The first convolution and the pool after it; norm and `ReLU` are between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Stem {
    /// Channels the convolution makes.
    pub channels: usize,
    /// Square window of the convolution, without bias.
    pub convolution: Window,
    /// Square window of the max pool, if there is one.
    pub pool: Option<Window>,
}

/// A square window that slides over a zero-padded map (for a max pool: padded with −∞).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// Side of the window.
    pub kernel: usize,
    /// Step from one position to the next.
    pub stride: usize,
    /// Rows and columns added at every border.
    pub padding: usize,
}

/// The name, shape and role of one parameter tensor.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ParameterSpec {
    /// torchvision's name, such as `features.denseblock1.denselayer1.norm1.weight`.
    pub name: String,
    /// `[out, in, height, width]` of a convolution, `[outputs, features]` of the head, `[channels]` of a
    /// norm.
    pub shape: Vec<usize>,
    /// The role of the numbers.
    pub kind: ParameterKind,
    /// Part of the network: `stem`, `block1`, `transition1`, …, `norm` (the last one), `head`.
    pub group: String,
}

/// The role of a parameter tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ParameterKind {
    /// Weight of a convolution or of the head.
    Weight,
    /// Bias of the head.
    Bias,
    /// γ of a batch norm.
    NormWeight,
    /// β of a batch norm.
    NormBias,
    /// Running mean of a batch norm; a statistic, not trained.
    RunningMean,
    /// Running variance of a batch norm; a statistic, not trained.
    RunningVariance,
}

/// Sides of the square maps inside a network, for one input side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MapSizes {
    /// After the stem's convolution.
    pub convolution: usize,
    /// Inside each dense block. The first is the output of the stem.
    pub blocks: Vec<usize>,
}

impl Architecture {
    /// The architecture with this name, one of [`NAMES`].
    ///
    /// # Errors
    /// [`Error::UnknownArchitecture`], with the names that exist.
    pub fn by_name(name: &str) -> Result<Self, Error> {
        let (growth, channels, blocks): (usize, usize, &[usize]) = match name {
            "densenet121" => (32, 64, &[6, 12, 24, 16]),
            "densenet161" => (48, 96, &[6, 12, 36, 24]),
            "densenet169" => (32, 64, &[6, 12, 32, 32]),
            "densenet201" => (32, 64, &[6, 12, 48, 32]),
            // For demonstrations: 64 to 112 pixels, some 25 million multiply-adds a film at 96.
            "small" => (12, 16, &[3, 4, 4]),
            _ => {
                return Err(Error::UnknownArchitecture {
                    name: name.to_owned(),
                });
            }
        };
        Self::new(name, Stem::torchvision(channels), growth, 4, blocks)
    }

    /// A custom architecture.
    ///
    /// `growth` is the number of maps that a dense layer adds, `bottleneck` the width of its 1×1 convolution
    /// in units of `growth` (torchvision's `bn_size`, always 4 there), `blocks` the number of layers of each
    /// dense block.
    ///
    /// # Errors
    /// [`Error::Architecture`] if a count is zero or larger than in any real network (file headers are
    /// untrusted), or if a window of the stem is padded by more than half of its side.
    pub fn new(
        name: &str,
        stem: Stem,
        growth: usize,
        bottleneck: usize,
        blocks: &[usize],
    ) -> Result<Self, Error> {
        let refuse = |problem: String| {
            Err(Error::Architecture {
                name: name.to_owned(),
                problem,
            })
        };
        for (what, value, limit) in [
            ("stem.channels", stem.channels, 4096),
            ("growth", growth, 1024),
            ("bottleneck", bottleneck, 64),
            ("number of blocks", blocks.len(), 16),
        ] {
            if !(1..=limit).contains(&value) {
                return refuse(format!("{what} is {value}, expected 1 to {limit}"));
            }
        }
        for (index, &layers) in blocks.iter().enumerate() {
            if !(1..=512).contains(&layers) {
                return refuse(format!(
                    "block {} has {layers} layers, expected 1 to 512",
                    index + 1
                ));
            }
        }
        for (what, window) in [("convolution", Some(stem.convolution)), ("pool", stem.pool)] {
            if let Some(Window {
                kernel,
                stride,
                padding,
            }) = window
                && (!(1..=64).contains(&kernel) || !(1..=64).contains(&stride) || padding > kernel / 2)
            {
                return refuse(format!(
                    "stem.{what} has kernel {kernel}, stride {stride}, padding {padding}; expected kernel and stride from 1 to \
                     64 and padding up to half the kernel"
                ));
            }
        }
        if name.is_empty() || name.len() > 100 || name.chars().any(char::is_control) {
            return refuse("a name is 1 to 100 bytes without control characters".to_owned());
        }
        Ok(Self {
            name: name.to_owned(),
            stem,
            growth,
            bottleneck,
            blocks: blocks.to_vec(),
        })
    }

    /// Name as in [`Architecture::by_name`], or that of the custom architecture.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// First convolution and pool.
    pub fn stem(&self) -> &Stem {
        &self.stem
    }

    /// Maps that each dense layer adds.
    pub fn growth(&self) -> usize {
        self.growth
    }

    /// Channels between the two convolutions of a dense layer: `bottleneck · growth`.
    pub fn bottleneck_channels(&self) -> usize {
        self.bottleneck * self.growth
    }

    /// Layers of each dense block.
    pub fn blocks(&self) -> &[usize] {
        &self.blocks
    }

    /// Channels at the start and at the end of each dense block.
    pub fn block_channels(&self) -> Vec<(usize, usize)> {
        let mut input = self.stem.channels;
        let ends = self.blocks.iter().map(|layers| {
            let output = input + layers * self.growth;
            (std::mem::replace(&mut input, output / 2), output)
        });
        ends.collect()
    }

    /// Channels after the last block: the inputs of the head.
    pub fn features(&self) -> usize {
        self.block_channels().last().map_or(0, |&(_, output)| output)
    }

    /// The sides of all maps for a square input of `size` pixels.
    ///
    /// # Errors
    /// [`Error::InputTooSmall`] if a map would have no pixel. It has the smallest size that works.
    pub fn map_sizes(&self, size: usize) -> Result<MapSizes, Error> {
        self.try_map_sizes(size).ok_or_else(|| Error::InputTooSmall {
            architecture: self.name.clone(),
            size,
            smallest: self.smallest_input(),
        })
    }

    /// The smallest input side for which every map has a pixel (29 for torchvision's networks).
    pub fn smallest_input(&self) -> usize {
        // A stage needs `stride·(n − 1) + kernel − 2·padding` pixels for n outputs: walk backwards from one
        // pixel.
        let needed = |window: Window, output: usize| {
            (window.stride * (output - 1) + window.kernel)
                .saturating_sub(2 * window.padding)
                .max(1)
        };
        let block = 1 << (self.blocks.len() - 1);
        let pooled = self.stem.pool.map_or(block, |pool| needed(pool, block));
        needed(self.stem.convolution, pooled)
    }

    fn try_map_sizes(&self, size: usize) -> Option<MapSizes> {
        let convolution = self.stem.convolution.output(size)?;
        let mut side = match self.stem.pool {
            Some(pool) => pool.output(convolution)?,
            None => convolution,
        };
        let mut blocks = Vec::with_capacity(self.blocks.len());
        for index in 0..self.blocks.len() {
            if index > 0 {
                side /= 2;
            }
            if side == 0 {
                return None;
            }
            blocks.push(side);
        }
        Some(MapSizes { convolution, blocks })
    }

    /// All parameters with a head of `outputs` neurons, in the order of torchvision's `state_dict`.
    ///
    /// `num_batches_tracked` is not among them, since no pass reads it. Export writes it, import skips it.
    pub fn parameters(&self, outputs: usize) -> Vec<ParameterSpec> {
        let mut list = List::default();
        let Stem {
            channels,
            convolution: Window { kernel, .. },
            ..
        } = self.stem;
        list.group = String::from("stem");
        list.weight("features.conv0", &[channels, INPUT_CHANNELS, kernel, kernel]);
        list.norm("features.norm0", channels);
        for (index, (&layers, (input, output))) in self.blocks.iter().zip(self.block_channels()).enumerate() {
            let number = index + 1;
            list.group = format!("block{number}");
            for layer in 0..layers {
                let prefix = format!("features.denseblock{number}.denselayer{}", layer + 1);
                let (channels, width) = (input + layer * self.growth, self.bottleneck_channels());
                list.norm(&format!("{prefix}.norm1"), channels);
                list.weight(&format!("{prefix}.conv1"), &[width, channels, 1, 1]);
                list.norm(&format!("{prefix}.norm2"), width);
                list.weight(&format!("{prefix}.conv2"), &[self.growth, width, 3, 3]);
            }
            if number < self.blocks.len() {
                list.group = format!("transition{number}");
                list.norm(&format!("features.transition{number}.norm"), output);
                list.weight(
                    &format!("features.transition{number}.conv"),
                    &[output / 2, output, 1, 1],
                );
            }
        }
        // torchvision calls the last norm norm5 whatever the number of blocks.
        list.group = String::from("norm");
        list.norm("features.norm5", self.features());
        list.group = String::from("head");
        list.weight("classifier", &[outputs, self.features()]);
        list.push("classifier.bias".to_owned(), &[outputs], ParameterKind::Bias);
        list.specs
    }
}

impl Stem {
    /// torchvision's stem: 7×7 with stride 2, then a 3×3 max pool with stride 2.
    pub fn torchvision(channels: usize) -> Self {
        Self {
            channels,
            convolution: Window {
                kernel: 7,
                stride: 2,
                padding: 3,
            },
            pool: Some(Window {
                kernel: 3,
                stride: 2,
                padding: 1,
            }),
        }
    }
}

impl Window {
    /// Side of the output for an input of side `size`; `None` if the window does not fit.
    pub fn output(&self, size: usize) -> Option<usize> {
        let padded = size.checked_add(2 * self.padding)?;
        (size > 0).then_some(())?;
        Some(padded.checked_sub(self.kernel)? / self.stride + 1)
    }
}

impl ParameterSpec {
    /// Numbers in the tensor.
    pub fn elements(&self) -> usize {
        self.shape.iter().product()
    }

    /// Inputs that one output of a weight sums over; 1 for other parameters.
    pub fn fan_in(&self) -> usize {
        self.shape.iter().skip(1).product()
    }
}

impl ParameterKind {
    /// True for parameters that a gradient step changes. Running statistics are measured instead.
    pub fn trainable(self) -> bool {
        !matches!(self, Self::RunningMean | Self::RunningVariance)
    }
}

#[derive(Default)]
pub(crate) struct List {
    pub(crate) group: String,
    pub(crate) specs: Vec<ParameterSpec>,
}

impl List {
    pub(crate) fn push(&mut self, name: String, shape: &[usize], kind: ParameterKind) {
        self.specs.push(ParameterSpec {
            name,
            shape: shape.to_vec(),
            kind,
            group: self.group.clone(),
        });
    }

    pub(crate) fn weight(&mut self, prefix: &str, shape: &[usize]) {
        self.push(format!("{prefix}.weight"), shape, ParameterKind::Weight);
    }

    pub(crate) fn norm(&mut self, prefix: &str, channels: usize) {
        for (suffix, kind) in [
            ("weight", ParameterKind::NormWeight),
            ("bias", ParameterKind::NormBias),
            ("running_mean", ParameterKind::RunningMean),
            ("running_var", ParameterKind::RunningVariance),
        ] {
            self.push(format!("{prefix}.{suffix}"), &[channels], kind);
        }
    }
}

/// An architecture from a file, before its numbers are checked.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Description {
    name: String,
    stem: Stem,
    growth: usize,
    bottleneck: usize,
    blocks: Vec<usize>,
}

impl TryFrom<Description> for Architecture {
    type Error = Error;

    fn try_from(told: Description) -> Result<Self, Error> {
        Self::new(&told.name, told.stem, told.growth, told.bottleneck, &told.blocks)
    }
}

#[cfg(test)]
mod tests;
