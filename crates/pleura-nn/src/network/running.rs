//! Running statistics of norms, updated from those of batches.

use super::{Network, Norm, Trace};
use crate::backend::{Backend, Grid, Moments, Real};
use crate::error::Error;
use crate::plan::NormAt;

impl<B: Backend> Network<B> {
    /// Moves the running statistics towards those of the batch: `r ← (1 − m) r + m b`, with the unbiased
    /// variance, as in torch (where `m` is 0.1).
    ///
    /// # Errors
    /// [`Error::Statistics`] if the trace comes from a pass with running statistics.
    pub fn update_running(&mut self, trace: &Trace<B>, momentum: f32) -> Result<(), Error> {
        if trace.norm != Norm::Batch {
            return Err(Error::Statistics {
                operation: "update_running",
                expected: "statistics of the batch",
            });
        }
        self.prepared.take();
        let plan = self.plan.clone();
        self.move_running(plan.stem.norm, &trace.stem.moments, trace.stem.grid, momentum);
        for (number, (block_plan, block)) in plan.blocks.iter().zip(&trace.blocks).enumerate() {
            for (layer, kept) in block_plan.layers.iter().zip(&block.layers) {
                self.move_running(layer.norm1, &block.moments, block.grid, momentum);
                self.move_running(layer.norm2, &kept.moments, block.grid, momentum);
            }
            let reader = plan
                .transitions
                .get(number)
                .map_or(plan.head.norm, |transition| transition.norm);
            self.move_running(reader, &block.moments, block.grid, momentum);
        }
        Ok(())
    }

    fn move_running(&mut self, at: NormAt, moments: &Moments<B::Tensor>, grid: Grid, momentum: f32) {
        move_running(&self.backend, &mut self.values, at, moments, grid, momentum);
    }
}

/// Moves one norm's running statistics towards those of a batch.
pub(crate) fn move_running<B: Backend>(
    backend: &B,
    values: &mut [B::Tensor],
    at: NormAt,
    moments: &Moments<B::Tensor>,
    grid: Grid,
    momentum: f32,
) {
    let count = grid.columns() as f64;
    let unbiased = count / (count - 1.0).max(1.0);
    let momentum = f64::from(momentum);
    for (index, batch, factor) in [
        (at.mean, &moments.mean, 1.0),
        (at.variance, &moments.variance, unbiased),
    ] {
        let batch = backend.download(batch);
        let mut running = backend.download(&values[index]);
        for (running, batch) in running.iter_mut().zip(batch) {
            let moved = (1.0 - momentum) * running.to_f64() + momentum * factor * batch.to_f64();
            *running = B::Real::from_f64(moved);
        }
        values[index] = backend.upload(&running);
    }
}
