//! The parameter numbers of each layer, in the order of [`super::UNet::parameters`].

use super::UNet;
use crate::architecture::Window;
use crate::backend::Role;
use crate::plan::{ConvAt, Cursor, NormAt};

/// The window of the first convolution.
pub(super) const FIRST: Window = Window {
    kernel: 3,
    stride: 1,
    padding: 1,
};

#[derive(Clone, Copy)]
pub(super) struct EncoderPlan {
    pub(super) conv1: ConvAt,
    pub(super) norm1: NormAt,
    pub(super) conv2: ConvAt,
    /// The norm that the pool to the next level applies; the last level has none.
    pub(super) norm2: Option<NormAt>,
}

#[derive(Clone, Copy)]
pub(super) struct DecoderPlan {
    pub(super) norm: NormAt,
    pub(super) conv: ConvAt,
}

#[derive(Clone)]
pub(super) struct Plan {
    /// By level, from full resolution down.
    pub(super) encoders: Vec<EncoderPlan>,
    /// By level, one fewer.
    pub(super) decoders: Vec<DecoderPlan>,
    pub(super) head_norm: NormAt,
    pub(super) head: ConvAt,
    pub(super) bias: usize,
}

impl Plan {
    pub(super) fn of(architecture: &UNet, regions: usize) -> Self {
        let mut cursor = Cursor::default();
        let widths = architecture.widths();
        let last = widths.len() - 1;
        let mut inputs = 1;
        let mut encoders = Vec::new();
        for (level, &width) in widths.iter().enumerate() {
            encoders.push(EncoderPlan {
                conv1: cursor.conv(width, inputs),
                norm1: cursor.norm(width),
                conv2: cursor.conv(width, width),
                norm2: (level < last).then(|| cursor.norm(width)),
            });
            inputs = width;
        }
        let mut decoders = Vec::new();
        for level in (0..last).rev() {
            let inputs = widths[level] + widths[level + 1];
            decoders.push(DecoderPlan {
                norm: cursor.norm(inputs),
                conv: cursor.conv(widths[level], inputs),
            });
        }
        decoders.reverse();
        Self {
            encoders,
            decoders,
            head_norm: cursor.norm(widths[0]),
            head: cursor.conv(regions, widths[0]),
            bias: cursor.one(),
        }
    }

    /// All norms.
    pub(super) fn norms(&self) -> impl Iterator<Item = NormAt> + '_ {
        let encoders = self
            .encoders
            .iter()
            .flat_map(|level| [Some(level.norm1), level.norm2]);
        let decoders = self.decoders.iter().map(|level| level.norm);
        encoders.flatten().chain(decoders).chain([self.head_norm])
    }

    /// The convolutions whose weights a backend may prepare.
    pub(super) fn convolutions(&self) -> impl Iterator<Item = (ConvAt, Role)> + '_ {
        let first = self.encoders.iter().skip(1).map(|level| level.conv1);
        let second = self.encoders.iter().map(|level| level.conv2);
        let decoders = self.decoders.iter().map(|level| level.conv);
        let all = first.chain(second).chain(decoders);
        all.map(|at| (at, Role::Conv3x3))
            .chain([(self.head, Role::Pointwise)])
    }
}
