//! The ordinary use of a network: parameters, inference, training.

use std::sync::OnceLock;

use rayon::prelude::*;

use super::{Network, Trace, transposed, upload};
use crate::architecture::{Architecture, ParameterSpec};
use crate::backend::{Backend, Films, Grid, HeatmapGradient, Real};
use crate::error::Error;
use crate::gradients::{Gradients, Scope};
use crate::layers::{self, Pass, dense_block, stem, transition};
use crate::norm::Norm;
use crate::plan::Plan;
use crate::prepared_weights::PreparedWeights;
use crate::weights::{Array, Normalisation, Weights};

impl<B: Backend> Network<B> {
    /// Puts weights on a backend.
    ///
    /// # Errors
    /// Those of [`Weights::check`].
    pub fn new(backend: B, weights: &Weights) -> Result<Self, Error> {
        weights.check()?;
        let outputs = weights.findings.len();
        let specs = weights.architecture.parameters(outputs);
        let values = specs
            .iter()
            .map(|spec| upload(&backend, &weights.tensors[&spec.name].data))
            .collect();
        let Normalisation { mean, std } = weights.normalisation;
        let scale = std.map(|std| 1.0 / f64::from(std));
        Ok(Self {
            shift: std::array::from_fn(|channel| -f64::from(mean[channel]) * scale[channel]),
            scale,
            plan: Plan::of(&weights.architecture, outputs),
            backend,
            architecture: weights.architecture.clone(),
            findings: weights.findings.clone(),
            normalisation: weights.normalisation,
            metadata: weights.metadata.clone(),
            specs,
            values,
            prepared: OnceLock::new(),
        })
    }

    /// The current parameters, to be written to a file.
    pub fn weights(&self) -> Weights {
        let arrays = self.specs.iter().zip(&self.values).map(|(spec, value)| {
            let data = self
                .backend
                .download(value)
                .into_iter()
                .map(|v| v.to_f64() as f32)
                .collect();
            (
                spec.name.clone(),
                Array {
                    shape: spec.shape.clone(),
                    data,
                },
            )
        });
        Weights {
            architecture: self.architecture.clone(),
            findings: self.findings.clone(),
            normalisation: self.normalisation,
            metadata: self.metadata.clone(),
            tensors: arrays.collect(),
        }
    }

    /// The backend.
    pub fn backend(&self) -> &B {
        &self.backend
    }

    /// The architecture.
    pub fn architecture(&self) -> &Architecture {
        &self.architecture
    }

    /// The finding of each output neuron.
    pub fn findings(&self) -> &[String] {
        &self.findings
    }

    /// The normalisation of grey levels before the first convolution.
    pub fn normalisation(&self) -> Normalisation {
        self.normalisation
    }

    /// Names, shapes and groups of the parameters.
    pub fn parameters(&self) -> &[ParameterSpec] {
        &self.specs
    }

    /// The parameters, in the order of [`Network::parameters`].
    pub fn values(&self) -> &[B::Tensor] {
        &self.values
    }

    /// The parameters, mutable.
    pub fn values_mut(&mut self) -> &mut [B::Tensor] {
        self.prepared.take();
        &mut self.values
    }

    /// The prepared weights for passes with running statistics, made once.
    ///
    /// Preparation uses all threads, so we never block on it: a blocked thread could hold work that
    /// preparation needs (deadlock). If two threads come first, both prepare, and one result is kept.
    fn prepared(&self) -> &PreparedWeights<B> {
        if let Some(prepared) = self.prepared.get() {
            return prepared;
        }
        let made = PreparedWeights::of(&self.backend, &self.plan, &self.values);
        self.prepared.get_or_init(|| made)
    }

    pub(super) fn pass(&self, norm: Norm, keep: bool) -> Pass<'_, B> {
        Pass {
            backend: &self.backend,
            values: &self.values,
            norm,
            keep,
            prepared: (norm == Norm::Running).then(|| self.prepared()),
            heatmap_gradients: None,
        }
    }

    /// Gradients filled with zeros.
    pub fn gradients(&self) -> Gradients<B> {
        let zeros = |spec: &ParameterSpec| {
            self.backend
                .zeros(if spec.kind.trainable() { spec.elements() } else { 0 })
        };
        Gradients {
            tensors: self.specs.iter().map(zeros).collect(),
        }
    }

    /// The input of the first convolution: grey levels `[batch, size, size]` in 0 to 1, normalised and
    /// repeated to `[3, batch, size, size]`.
    ///
    /// # Errors
    /// [`Error::Length`] if the number of grey levels does not fit; [`Error::InputTooSmall`].
    pub fn input(&self, grey: &[f32], batch: usize, size: usize) -> Result<B::Tensor, Error> {
        let grey = self.grey(grey, batch, size)?;
        Ok(self.backend.channels(self.as_films(&grey)))
    }

    /// Grey levels on the backend.
    fn grey(&self, grey: &[f32], batch: usize, size: usize) -> Result<B::Tensor, Error> {
        self.check_input(grey.len(), 1, batch, size)?;
        Ok(upload(&self.backend, grey))
    }

    pub(super) fn as_films<'a>(&'a self, grey: &'a B::Tensor) -> Films<'a, B::Tensor> {
        Films {
            grey,
            scale: &self.scale,
            shift: &self.shift,
        }
    }

    fn check_input(&self, found: usize, channels: usize, batch: usize, size: usize) -> Result<(), Error> {
        self.architecture.map_sizes(size)?;
        // An overflowing product equals no input's length.
        let sides = [channels, batch, size, size];
        let expected = sides
            .into_iter()
            .try_fold(1_usize, usize::checked_mul)
            .unwrap_or(usize::MAX);
        if found != expected || batch == 0 {
            let what = format!("input of {batch} films of {size}×{size} pixels");
            return Err(Error::Length {
                operation: "network",
                what,
                found,
                expected: expected.max(1),
            });
        }
        Ok(())
    }

    /// Logits `[batch, outputs]` with running statistics. Keeps no trace.
    ///
    /// # Errors
    /// As [`Network::input`].
    pub fn infer(&self, grey: &[f32], batch: usize, size: usize) -> Result<Vec<B::Real>, Error> {
        self.in_groups(grey, batch, size, |trace| self.logits(trace))
    }

    /// Pooled features `[batch, features]` with running statistics: the input of the head.
    ///
    /// # Errors
    /// As [`Network::input`].
    pub fn features(&self, grey: &[f32], batch: usize, size: usize) -> Result<Vec<B::Real>, Error> {
        self.in_groups(grey, batch, size, |trace| {
            transposed(&self.backend.download(&trace.features), trace.batch)
        })
    }

    /// Runs the films with running statistics, in groups as large as the backend says, and collects the
    /// results of `read` in order.
    fn in_groups(
        &self,
        grey: &[f32],
        batch: usize,
        size: usize,
        read: impl Fn(&Trace<B>) -> Vec<B::Real> + Sync,
    ) -> Result<Vec<B::Real>, Error> {
        self.check_input(grey.len(), 1, batch, size)?;
        self.prepared();
        let group = self.backend.inference_batch().clamp(1, batch);
        let one = |grey: &[f32]| {
            let films = grey.len() / (size * size);
            let grey = self.grey(grey, films, size)?;
            Ok(read(&self.run(Norm::Running, false, grey, films, size)))
        };
        // One group per thread, as long as there is one for each thread. All threads share each remaining
        // group.
        let alone = batch.div_ceil(group) / rayon::current_num_threads() * rayon::current_num_threads();
        let (alone, shared) = grey.split_at(grey.len().min(alone * group * size * size));
        let mut answers = alone
            .par_chunks(group * size * size)
            .map(one)
            .collect::<Result<Vec<_>, Error>>()?;
        for grey in shared.chunks(group * size * size) {
            answers.push(self.backend.run_pass(|| one(grey))?);
        }
        Ok(answers.concat())
    }

    /// Logits `[batch, outputs]`, and the trace for the passes back.
    ///
    /// # Errors
    /// As [`Network::input`].
    pub fn forward(
        &self,
        grey: &[f32],
        batch: usize,
        size: usize,
        norm: Norm,
    ) -> Result<(Vec<B::Real>, Trace<B>), Error> {
        let grey = self.grey(grey, batch, size)?;
        let trace = self.backend.run_pass(|| self.run(norm, true, grey, batch, size));
        Ok((self.logits(&trace), trace))
    }

    fn run(&self, norm: Norm, keep: bool, grey: B::Tensor, batch: usize, size: usize) -> Trace<B> {
        let pass = self.pass(norm, keep);
        let plan = &self.plan;
        let grid = Grid {
            batch,
            height: size,
            width: size,
        };
        let first = plan.stem.pool.after(grid.after(plan.stem.window));
        let mut block = dense_block::fresh(&pass, &plan.blocks[0], first);
        let mut stem = stem::forward(
            &pass,
            &plan.stem,
            self.as_films(&grey),
            grid,
            block.target(&pass, 0),
        );
        if !keep {
            B::release(std::mem::take(&mut stem.convolved));
        }
        let (mut blocks, mut transitions) = (Vec::new(), Vec::new());
        for (number, block_plan) in plan.blocks.iter().enumerate() {
            dense_block::forward(&pass, block_plan, &mut block);
            if let Some(transition_plan) = plan.transitions.get(number) {
                let mut next = dense_block::fresh(&pass, &plan.blocks[number + 1], block.grid.halved());
                let kept = transition::forward(&pass, transition_plan, &block, next.target(&pass, 0));
                std::mem::swap(&mut block, &mut next);
                if keep {
                    blocks.push(next);
                    transitions.push(kept);
                } else {
                    B::release(next.map);
                    B::release(kept.pooled);
                }
            }
        }
        let features = layers::head::pool(&pass, &plan.head, &block);
        let logits = layers::head::forward(&pass, &plan.head, &features, batch);
        blocks.push(block);
        Trace {
            norm,
            grey,
            stem,
            blocks,
            transitions,
            features,
            logits,
            batch,
        }
    }

    /// The logits of a trace, `[batch, outputs]`.
    pub fn logits(&self, trace: &Trace<B>) -> Vec<B::Real> {
        transposed(&self.backend.download(&trace.logits), trace.batch)
    }

    /// Gradients of a loss from the gradient of its logits, `[batch, outputs]`. Returns the gradient of the
    /// normalised input, `[3, batch, size, size]`, if the scope includes it.
    ///
    /// # Errors
    /// [`Error::Length`] if the length of the gradient is not that of the trace's logits.
    pub fn backward(
        &self,
        trace: &Trace<B>,
        logits_gradient: &[B::Real],
        scope: &Scope,
        gradients: &mut Gradients<B>,
    ) -> Result<Option<B::Tensor>, Error> {
        self.backward_with(trace, logits_gradient, None, scope, gradients)
    }

    /// [`Network::backward`] with the heatmap gradients of norms, by the parameter number of γ.
    pub(super) fn backward_with(
        &self,
        trace: &Trace<B>,
        logits_gradient: &[B::Real],
        heatmap_gradients: Option<&[Option<HeatmapGradient<B::Tensor>>]>,
        scope: &Scope,
        gradients: &mut Gradients<B>,
    ) -> Result<Option<B::Tensor>, Error> {
        let (plan, batch) = (&self.plan, trace.batch);
        let expected = batch * plan.head.linear.outputs;
        if logits_gradient.len() != expected {
            let what = format!("gradient of the logits of {batch} films");
            let found = logits_gradient.len();
            return Err(Error::Length {
                operation: "backward",
                what,
                found,
                expected,
            });
        }
        Ok(self
            .backend
            .run_pass(|| self.back(trace, logits_gradient, heatmap_gradients, scope, gradients)))
    }

    fn back(
        &self,
        trace: &Trace<B>,
        logits_gradient: &[B::Real],
        heatmap_gradients: Option<&[Option<HeatmapGradient<B::Tensor>>]>,
        scope: &Scope,
        gradients: &mut Gradients<B>,
    ) -> Option<B::Tensor> {
        let (plan, batch) = (&self.plan, trace.batch);
        let pass = Pass {
            heatmap_gradients,
            ..self.pass(trace.norm, true)
        };
        let gradient = self
            .backend
            .upload(&transposed(logits_gradient, plan.head.linear.outputs));
        if scope.wants("head") {
            layers::head::backward(&pass, &plan.head, &trace.features, &gradient, batch, gradients);
        }
        // True if a block or anything before it is wanted; the pass ends where nothing is.
        let mut wanted = vec![scope.input || scope.wants("stem")];
        for number in 1..=plan.blocks.len() {
            let here = scope.wants(&format!("block{number}"))
                || (number > 1 && scope.wants(&format!("transition{}", number - 1)));
            wanted.push(here || wanted[number - 1]);
        }
        if !wanted[plan.blocks.len()] && !scope.wants("norm") {
            return None;
        }
        let last = &trace.blocks[plan.blocks.len() - 1];
        let (mut map, mut sums) =
            layers::head::backward_to_map(&pass, &plan.head, last, &gradient, gradients);
        for (number, (block_plan, block)) in plan.blocks.iter().zip(&trace.blocks).enumerate().rev() {
            if !wanted[number + 1] {
                return None;
            }
            let weights = scope.wants(&format!("block{}", number + 1));
            dense_block::backward(&pass, block_plan, block, &mut map, &mut sums, weights, gradients);
            let Some(before) = number.checked_sub(1) else {
                break;
            };
            let weights = scope.wants(&format!("transition{number}"));
            let (transition, kept) = (&plan.transitions[before], &trace.transitions[before]);
            let from = &trace.blocks[before];
            let before = transition::backward(&pass, transition, kept, from, &map, weights, gradients);
            B::release(std::mem::replace(&mut map, before.0));
            sums = before.1;
        }
        if !wanted[0] {
            return None;
        }
        let wants = (scope.wants("stem"), scope.input);
        let input = stem::backward(
            &pass,
            &plan.stem,
            &trace.stem,
            self.as_films(&trace.grey),
            &map,
            wants,
            gradients,
        );
        B::release(map);
        input
    }
}
