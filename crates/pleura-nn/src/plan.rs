//! The parameter numbers of each layer, in the list of [`crate::Architecture::parameters`].

use crate::architecture::{Architecture, Window};
use crate::backend::Pool;

/// A norm's four tensors.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NormAt {
    pub(crate) gamma: usize,
    pub(crate) beta: usize,
    pub(crate) mean: usize,
    pub(crate) variance: usize,
    /// Channels that the norm reads.
    pub(crate) channels: usize,
}

/// A convolution's (or the head's) weights.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ConvAt {
    pub(crate) weights: usize,
    pub(crate) outputs: usize,
    pub(crate) inputs: usize,
}

#[derive(Clone, Debug)]
pub(crate) struct StemPlan {
    pub(crate) conv: ConvAt,
    pub(crate) window: Window,
    pub(crate) norm: NormAt,
    pub(crate) pool: Pool,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct LayerPlan {
    pub(crate) norm1: NormAt,
    pub(crate) conv1: ConvAt,
    pub(crate) norm2: NormAt,
    pub(crate) conv2: ConvAt,
}

#[derive(Clone, Debug)]
pub(crate) struct BlockPlan {
    pub(crate) layers: Vec<LayerPlan>,
    /// Channels at the start of the block.
    pub(crate) inputs: usize,
    /// Channels at the end of the block.
    pub(crate) channels: usize,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct TransitionPlan {
    pub(crate) norm: NormAt,
    pub(crate) conv: ConvAt,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct HeadPlan {
    pub(crate) norm: NormAt,
    pub(crate) linear: ConvAt,
    pub(crate) bias: usize,
}

/// A network's layers in order.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) stem: StemPlan,
    pub(crate) blocks: Vec<BlockPlan>,
    /// One fewer than blocks.
    pub(crate) transitions: Vec<TransitionPlan>,
    pub(crate) head: HeadPlan,
}

/// Numbers parameters in the order of torchvision's `state_dict`.
#[derive(Default)]
pub(crate) struct Cursor(usize);

impl Cursor {
    pub(crate) fn one(&mut self) -> usize {
        self.0 += 1;
        self.0 - 1
    }

    pub(crate) fn norm(&mut self, channels: usize) -> NormAt {
        NormAt {
            gamma: self.one(),
            beta: self.one(),
            mean: self.one(),
            variance: self.one(),
            channels,
        }
    }

    pub(crate) fn conv(&mut self, outputs: usize, inputs: usize) -> ConvAt {
        ConvAt {
            weights: self.one(),
            outputs,
            inputs,
        }
    }
}

impl Plan {
    pub(crate) fn of(architecture: &Architecture, outputs: usize) -> Self {
        let mut cursor = Cursor(0);
        let stem = architecture.stem();
        // Without a pool the stem passes its map on: a pool of single pixels.
        let pool = stem.pool.unwrap_or(Window {
            kernel: 1,
            stride: 1,
            padding: 0,
        });
        let stem = StemPlan {
            conv: cursor.conv(stem.channels, crate::architecture::INPUT_CHANNELS),
            window: stem.convolution,
            norm: cursor.norm(stem.channels),
            pool: Pool::Max(pool),
        };
        let (growth, width) = (architecture.growth(), architecture.bottleneck_channels());
        let (mut blocks, mut transitions) = (Vec::new(), Vec::new());
        let last = architecture.blocks().len() - 1;
        let shapes = architecture.block_channels();
        for (number, (&count, &(inputs, channels))) in architecture.blocks().iter().zip(&shapes).enumerate() {
            let layers = (0..count)
                .map(|layer| LayerPlan {
                    norm1: cursor.norm(inputs + layer * growth),
                    conv1: cursor.conv(width, inputs + layer * growth),
                    norm2: cursor.norm(width),
                    conv2: cursor.conv(growth, width),
                })
                .collect();
            blocks.push(BlockPlan {
                layers,
                inputs,
                channels,
            });
            if number < last {
                let norm = cursor.norm(channels);
                transitions.push(TransitionPlan {
                    norm,
                    conv: cursor.conv(channels / 2, channels),
                });
            }
        }
        let features = architecture.features();
        let norm = cursor.norm(features);
        let linear = cursor.conv(outputs, features);
        let head = HeadPlan {
            norm,
            linear,
            bias: cursor.one(),
        };
        Self {
            stem,
            blocks,
            transitions,
            head,
        }
    }
}
