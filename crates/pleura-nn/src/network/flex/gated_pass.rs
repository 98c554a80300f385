//! Steps shared by the gated pass back and the tangent's pass forward.

use super::super::{Network, Trace};
use crate::backend::{Affine, Backend, Gated, GradientSink, Grid, LrpFlex, Moments, Pool};
use crate::error::Error;
use crate::layers::Pass;
use crate::plan::{ConvAt, NormAt, Plan};

/// A network, one trace of it, its gates and their ε.
pub(super) struct GatedPass<'a, B: Backend> {
    pub(super) pass: Pass<'a, B>,
    pub(super) gates: &'a dyn LrpFlex<B::Tensor>,
    pub(super) plan: &'a Plan,
    pub(super) trace: &'a Trace<B>,
    /// The input of the first convolution, `[3, batch, size, size]`.
    pub(super) input: B::Tensor,
    pub(super) epsilon: f64,
}

/// A norm with the map it reads.
pub(super) struct Reader<'a, T> {
    pub(super) at: NormAt,
    pub(super) x: &'a T,
    pub(super) affine: Affine<T>,
    pub(super) grid: Grid,
    epsilon: f64,
}

impl<T> Reader<'_, T> {
    pub(super) fn gated(&self) -> Gated<'_, T> {
        Gated {
            x: self.x,
            affine: &self.affine,
            epsilon: self.epsilon,
            channels: self.at.channels,
        }
    }

    /// Number of values in the part of the map that is read.
    pub(super) fn len(&self) -> usize {
        self.at.channels * self.grid.columns()
    }
}

impl<'a, B: Backend> GatedPass<'a, B> {
    pub(super) fn new(network: &'a Network<B>, trace: &'a Trace<B>, epsilon: f64) -> Result<Self, Error> {
        Ok(Self {
            gates: network.gates()?,
            pass: network.pass(trace.norm, true),
            plan: &network.plan,
            trace,
            input: network.backend.channels(network.as_films(&trace.grey)),
            epsilon,
        })
    }

    fn reader(
        &self,
        at: NormAt,
        x: &'a B::Tensor,
        moments: &Moments<B::Tensor>,
        grid: Grid,
    ) -> Reader<'a, B::Tensor> {
        Reader {
            at,
            x,
            affine: self.pass.affine(at, moments),
            grid,
            epsilon: self.epsilon,
        }
    }

    /// The stem's norm.
    pub(super) fn stem(&self) -> Reader<'a, B::Tensor> {
        let stem = &self.trace.stem;
        self.reader(self.plan.stem.norm, &stem.convolved, &stem.moments, stem.grid)
    }

    /// A norm that reads the map of block `number`.
    pub(super) fn of_map(&self, at: NormAt, number: usize) -> Reader<'a, B::Tensor> {
        let block = &self.trace.blocks[number];
        self.reader(at, &block.map, &block.moments, block.grid)
    }

    /// The norm that reads the bottleneck of a layer.
    pub(super) fn of_bottleneck(&self, at: NormAt, number: usize, layer: usize) -> Reader<'a, B::Tensor> {
        let block = &self.trace.blocks[number];
        let kept = &block.layers[layer];
        self.reader(at, &kept.bottleneck, &kept.moments, block.grid)
    }

    /// From the signal at the first rows of the first block to behind the stem's gate.
    pub(super) fn behind_stem(&self, signal: &B::Tensor) -> B::Tensor {
        self.unpooled(&self.stem(), self.plan.stem.pool, signal)
    }

    /// From the signal at the rows that the layer writes to behind the gate of its bottleneck.
    pub(super) fn behind_bottleneck(
        &self,
        conv2: ConvAt,
        row: usize,
        grid: Grid,
        signal: &B::Tensor,
    ) -> B::Tensor {
        let mut out = self.pass.backend.alloc_uninit(conv2.inputs * grid.columns());
        let sink = GradientSink::Plain(&mut out);
        self.pass
            .backend
            .conv3x3_input_gradient(self.pass.kernel(conv2), signal, row, grid, sink);
        out
    }

    /// From the signal at the output of a 1×1 convolution to behind the gate of its norm.
    pub(super) fn behind_pointwise(&self, conv: ConvAt, columns: usize, signal: &B::Tensor) -> B::Tensor {
        let mut out = self.pass.backend.alloc_uninit(conv.inputs * columns);
        let sink = GradientSink::Plain(&mut out);
        self.pass
            .backend
            .pointwise_input_gradient(self.pass.kernel(conv), signal, 0, columns, sink);
        out
    }

    /// From the signal at the output of a transition's 1×1 convolution (or of the head's linear layer), which
    /// reads the pooled map, to behind the gate of its norm.
    pub(super) fn behind_pool(
        &self,
        reader: &Reader<'_, B::Tensor>,
        pool: Pool,
        conv: ConvAt,
        signal: &B::Tensor,
    ) -> B::Tensor {
        let pooled = self.behind_pointwise(conv, pool.after(reader.grid).columns(), signal);
        let out = self.unpooled(reader, pool, &pooled);
        B::release(pooled);
        out
    }

    fn unpooled(&self, reader: &Reader<'_, B::Tensor>, pool: Pool, signal: &B::Tensor) -> B::Tensor {
        let mut out = self.pass.backend.alloc_uninit(reader.len());
        let (channels, sink) = (reader.at.channels, GradientSink::Plain(&mut out));
        self.pass.backend.pool_input_gradient(
            pool,
            channels,
            signal,
            reader.x,
            &reader.affine,
            reader.grid,
            sink,
        );
        out
    }
}
