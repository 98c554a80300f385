//! The backward pass: decoders from full resolution down, then encoders from the lowest level up.
//!
//! A level's map has up to two readers of its first rows: the level's decoder, and the pool to the next level.
//! Their gradients add up before the one correction for the statistics, as in a dense block.

use super::network::{LevelTrace, Segmenter, UNetTrace, exchanged};
use super::plan::FIRST;
use crate::backend::{Backend, GradientSink, Pool, Sums};
use crate::error::Error;
use crate::gradients::Gradients;
use crate::layers::{Pass, through};
use crate::norm::Norm;

/// The gradient of a level's map: complete in the last rows, waiting for the pool in the first.
struct MapGradient<T> {
    gradient: T,
    sums: Sums<T>,
}

impl<B: Backend> Segmenter<B> {
    /// Gradients of a loss from the gradient of its logits, `[batch, regions, size, size]`.
    ///
    /// # Errors
    /// [`Error::Length`] if the length of the gradient is not that of the trace's logits.
    pub fn backward(
        &self,
        trace: &UNetTrace<B>,
        logits_gradient: &[B::Real],
        gradients: &mut Gradients<B>,
    ) -> Result<(), Error> {
        let (grid, regions) = (trace.grid(), self.plan.head.outputs);
        let expected = regions * grid.columns();
        if logits_gradient.len() != expected {
            return Err(Error::Length {
                operation: "backward",
                what: format!("gradient of the logits of {} films", grid.batch),
                found: logits_gradient.len(),
                expected,
            });
        }
        let by_region = exchanged(logits_gradient, grid.batch, regions, grid.plane());
        let gradient = self.backend.adopt(by_region);
        self.backend.run_pass(|| {
            let pass = self.pass(trace.norm, true);
            let decoded = self.head_back(&pass, trace, &gradient, gradients);
            let (maps, lowest) = self.decoders_back(&pass, trace, decoded, gradients);
            self.encoders_back(&pass, trace, maps, lowest, gradients);
        });
        Ok(())
    }

    /// The head; returns the gradient of the first level's decoder.
    fn head_back(
        &self,
        pass: &Pass<'_, B>,
        trace: &UNetTrace<B>,
        gradient: &B::Tensor,
        gradients: &mut Gradients<B>,
    ) -> B::Tensor {
        let (backend, plan) = (&self.backend, &self.plan);
        let top = &trace.levels[0];
        let columns = top.grid.columns();
        let shape = (plan.head.outputs, plan.head.inputs);
        backend.row_sums(gradient, 0..shape.0, columns, gradients.at(plan.bias));
        let norm = pass.norm_backward(plan.head_norm, &top.decoded_moments);
        let prologue = Some(&norm.affine);
        let out = gradients.at(plan.head.weights);
        backend.pointwise_weight_gradient(shape, gradient, 0, &top.decoded, prologue, columns, out);
        let mut back = backend.alloc_uninit(shape.1 * columns);
        let mut sums = pass.fresh_sums(shape.1);
        let sink = through(
            gradients,
            plan.head_norm,
            &top.decoded,
            &norm,
            &mut back,
            false,
            Some(&mut sums),
        );
        let kernel = pass.kernel(plan.head).quick();
        backend.pointwise_input_gradient(kernel, gradient, 0, columns, GradientSink::Norm(sink));
        if pass.norm == Norm::Batch {
            let (x, moments) = (&top.decoded, &top.decoded_moments);
            backend.norm_correction(&mut back, x, 0..shape.1, columns, moments, &sums);
        }
        back
    }

    /// The decoders; `decoded` is the gradient of the first. Returns the gradients of the levels' maps, and
    /// that of the lowest level's.
    fn decoders_back(
        &self,
        pass: &Pass<'_, B>,
        trace: &UNetTrace<B>,
        mut decoded: B::Tensor,
        gradients: &mut Gradients<B>,
    ) -> (Vec<MapGradient<B::Tensor>>, B::Tensor) {
        let backend = &self.backend;
        let mut maps = Vec::new();
        for (level, plan) in self.plan.decoders.iter().enumerate() {
            let LevelTrace {
                grid, map, moments, ..
            } = &trace.levels[level];
            let (width, inputs, columns) = (plan.conv.outputs, plan.conv.inputs, grid.columns());
            let norm = pass.norm_backward(plan.norm, moments);
            let out = gradients.at(plan.conv.weights);
            let prologue = Some(&norm.affine);
            backend.conv3x3_weight_gradient((width, inputs), &decoded, 0, map, prologue, *grid, out);
            let mut gradient = backend.alloc_uninit(inputs * columns);
            let mut sums = pass.fresh_sums(inputs);
            let sink = through(
                gradients,
                plan.norm,
                map,
                &norm,
                &mut gradient,
                false,
                Some(&mut sums),
            );
            let kernel = pass.kernel(plan.conv).quick();
            backend.conv3x3_input_gradient(kernel, &decoded, 0, *grid, GradientSink::Norm(sink));
            if pass.norm == Norm::Batch {
                backend.norm_correction(&mut gradient, map, width..inputs, columns, moments, &sums);
            }
            let small = trace.levels[level + 1].grid;
            let channels = inputs - width;
            let mut below = backend.alloc_uninit(channels * small.columns());
            backend.upsample2_gradient(channels, &gradient, width, small, &mut below);
            B::release(std::mem::replace(&mut decoded, below));
            maps.push(MapGradient { gradient, sums });
        }
        (maps, decoded)
    }

    /// The encoders; `lowest` is the gradient of the lowest level's map.
    fn encoders_back(
        &self,
        pass: &Pass<'_, B>,
        trace: &UNetTrace<B>,
        mut maps: Vec<MapGradient<B::Tensor>>,
        lowest: B::Tensor,
        gradients: &mut Gradients<B>,
    ) {
        let backend = &self.backend;
        let batch = pass.norm == Norm::Batch;
        let mut gradient = lowest;
        for (level, plan) in self.plan.encoders.iter().enumerate().rev() {
            let here = &trace.levels[level];
            let (width, grid) = (plan.conv2.outputs, here.grid);
            let columns = grid.columns();
            let norm = pass.norm_backward(plan.norm1, &here.inner_moments);
            let out = gradients.at(plan.conv2.weights);
            let prologue = Some(&norm.affine);
            let shape = (width, width);
            backend.conv3x3_weight_gradient(shape, &gradient, 0, &here.inner, prologue, grid, out);
            let mut inner = backend.alloc_uninit(width * columns);
            let mut sums = pass.fresh_sums(width);
            let sink = through(
                gradients,
                plan.norm1,
                &here.inner,
                &norm,
                &mut inner,
                false,
                Some(&mut sums),
            );
            let kernel = pass.kernel(plan.conv2).quick();
            backend.conv3x3_input_gradient(kernel, &gradient, 0, grid, GradientSink::Norm(sink));
            B::release(gradient);
            if batch {
                let (x, moments) = (&here.inner, &here.inner_moments);
                backend.norm_correction(&mut inner, x, 0..width, columns, moments, &sums);
            }
            let inputs = plan.conv1.inputs;
            let out = gradients.at(plan.conv1.weights);
            let Some((mut map, above)) = maps.pop().zip(level.checked_sub(1)) else {
                let films = self.as_films(&trace.grey);
                backend.film_conv_weight_gradient((width, inputs), FIRST, &inner, films, grid, out);
                B::release(inner);
                return;
            };
            backend.conv3x3_weight_gradient((width, inputs), &inner, 0, &here.pooled, None, grid, out);
            let mut pooled = backend.alloc_uninit(inputs * columns);
            let kernel = pass.kernel(plan.conv1).quick();
            backend.conv3x3_input_gradient(kernel, &inner, 0, grid, GradientSink::Plain(&mut pooled));
            B::release(inner);
            let (from, reader) = (&trace.levels[above], self.plan.encoders[above].norm2);
            if let Some(at) = reader {
                let norm = pass.norm_backward(at, &from.moments);
                let (into, sums) = (&mut map.gradient, Some(&mut map.sums));
                let sink = through(gradients, at, &from.map, &norm, into, true, sums);
                let (affine, sink) = (&norm.affine, GradientSink::Norm(sink));
                let (pool, x) = (Pool::Average2, &from.map);
                backend.pool_input_gradient(pool, inputs, &pooled, x, affine, from.grid, sink);
            }
            B::release(pooled);
            if batch {
                let (x, moments, columns) = (&from.map, &from.moments, from.grid.columns());
                backend.norm_correction(&mut map.gradient, x, 0..inputs, columns, moments, &map.sums);
            }
            gradient = map.gradient;
        }
    }
}
