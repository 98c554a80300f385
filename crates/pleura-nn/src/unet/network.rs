//! A segmentation network on a backend: its parameters, inference, and the forward pass.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use rayon::prelude::*;

use super::plan::{FIRST, Plan};
use super::{GreyScale, UNet, UNetWeights};
use crate::architecture::ParameterSpec;
use crate::backend::{Backend, Films, Grid, Moments, Output, Pool, Real};
use crate::cpu::Cpu;
use crate::error::Error;
use crate::gradients::Gradients;
use crate::layers::Pass;
use crate::network::running::move_running;
use crate::network::upload;
use crate::norm::Norm;
use crate::prepared_weights::PreparedWeights;
use crate::weights::Array;

/// A segmentation network with its parameters on a backend.
///
/// Films are grey levels in 0 to 1, `[batch, size, size]`; logits are `[batch, regions, size, size]`.
///
/// ```
/// use pleura_nn::unet::{GreyScale, Segmenter, UNet, UNetWeights};
/// use pleura_nn::Cpu;
///
/// let architecture = UNet::by_name("unet-small")?;
/// let weights = UNetWeights::initialise(&architecture, &["lungs".to_owned()], GreyScale::default(), 0);
/// let network = Segmenter::new(Cpu::new(), &weights)?;
/// let logits = network.infer(&vec![0.5; 64 * 64], 1, 64)?;
/// assert_eq!(logits.len(), 64 * 64);
/// # Ok::<(), pleura_nn::Error>(())
/// ```
pub struct Segmenter<B: Backend = Cpu> {
    pub(super) backend: B,
    architecture: UNet,
    regions: Vec<String>,
    grey: GreyScale,
    scale: [f64; 1],
    shift: [f64; 1],
    metadata: BTreeMap<String, String>,
    specs: Vec<ParameterSpec>,
    values: Vec<B::Tensor>,
    pub(super) plan: Plan,
    /// Made on first use, dropped when parameters change.
    prepared: OnceLock<PreparedWeights<B>>,
}

/// The values of a forward pass that the backward pass needs.
pub struct UNetTrace<B: Backend> {
    pub(super) norm: Norm,
    /// `[batch, size, size]`.
    pub(super) grey: B::Tensor,
    pub(super) levels: Vec<LevelTrace<B::Tensor>>,
    /// `[regions, batch · size · size]`.
    logits: B::Tensor,
}

/// One level's values of a forward pass. Values that are not kept are empty.
pub(super) struct LevelTrace<T> {
    pub(super) grid: Grid,
    /// The input of the encoder's first convolution; empty on the first level.
    pub(super) pooled: T,
    /// The output of the encoder's first convolution, before its norm.
    pub(super) inner: T,
    pub(super) inner_moments: Moments<T>,
    /// The level's map: rows of the encoder, then the decoder's rows of the level below, upsampled.
    pub(super) map: T,
    pub(super) moments: Moments<T>,
    /// The output of the level's decoder; empty on the last level.
    pub(super) decoded: T,
    pub(super) decoded_moments: Moments<T>,
}

impl<B: Backend> UNetTrace<B> {
    pub(super) fn grid(&self) -> Grid {
        self.levels[0].grid
    }
}

impl<B: Backend> Drop for UNetTrace<B> {
    fn drop(&mut self) {
        for level in &mut self.levels {
            for map in [
                &mut level.pooled,
                &mut level.inner,
                &mut level.map,
                &mut level.decoded,
            ] {
                B::release(std::mem::take(map));
            }
        }
        B::release(std::mem::take(&mut self.logits));
        B::release(std::mem::take(&mut self.grey));
    }
}

impl<B: Backend> Segmenter<B> {
    /// Puts weights on a backend.
    ///
    /// # Errors
    /// Those of [`UNetWeights::check`].
    pub fn new(backend: B, weights: &UNetWeights) -> Result<Self, Error> {
        weights.check()?;
        let regions = weights.regions.len();
        let specs = weights.architecture.parameters(regions);
        let values = specs
            .iter()
            .map(|spec| upload(&backend, &weights.tensors[&spec.name].data))
            .collect();
        let scale = 1.0 / f64::from(weights.grey.std);
        Ok(Self {
            scale: [scale],
            shift: [-f64::from(weights.grey.mean) * scale],
            plan: Plan::of(&weights.architecture, regions),
            backend,
            architecture: weights.architecture.clone(),
            regions: weights.regions.clone(),
            grey: weights.grey,
            metadata: weights.metadata.clone(),
            specs,
            values,
            prepared: OnceLock::new(),
        })
    }

    /// The current parameters, to be written to a file.
    pub fn weights(&self) -> UNetWeights {
        let arrays = self.specs.iter().zip(&self.values).map(|(spec, value)| {
            let values = self.backend.download(value);
            let data = values.into_iter().map(|value| value.to_f64() as f32).collect();
            let shape = spec.shape.clone();
            (spec.name.clone(), Array { shape, data })
        });
        UNetWeights {
            architecture: self.architecture.clone(),
            regions: self.regions.clone(),
            grey: self.grey,
            metadata: self.metadata.clone(),
            tensors: arrays.collect(),
        }
    }

    /// The backend.
    pub fn backend(&self) -> &B {
        &self.backend
    }

    /// The architecture.
    pub fn architecture(&self) -> &UNet {
        &self.architecture
    }

    /// The region of each output.
    pub fn regions(&self) -> &[String] {
        &self.regions
    }

    /// Names, shapes and groups of the parameters.
    pub fn parameters(&self) -> &[ParameterSpec] {
        &self.specs
    }

    /// The parameters, in the order of [`Segmenter::parameters`].
    pub fn values(&self) -> &[B::Tensor] {
        &self.values
    }

    /// The parameters, mutable.
    pub fn values_mut(&mut self) -> &mut [B::Tensor] {
        self.prepared.take();
        &mut self.values
    }

    /// Gradients filled with zeros.
    pub fn gradients(&self) -> Gradients<B> {
        let zeros = |spec: &ParameterSpec| {
            let len = if spec.kind.trainable() { spec.elements() } else { 0 };
            self.backend.zeros(len)
        };
        Gradients {
            tensors: self.specs.iter().map(zeros).collect(),
        }
    }

    /// The prepared weights for passes with running statistics, made once; see `Network::prepared`.
    fn prepared(&self) -> &PreparedWeights<B> {
        if let Some(prepared) = self.prepared.get() {
            return prepared;
        }
        let (norms, convolutions) = (self.plan.norms(), self.plan.convolutions());
        let made = PreparedWeights::new(&self.backend, &self.values, norms, convolutions);
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

    pub(super) fn as_films<'a>(&'a self, grey: &'a B::Tensor) -> Films<'a, B::Tensor> {
        Films {
            grey,
            scale: &self.scale,
            shift: &self.shift,
        }
    }

    fn check_input(&self, found: usize, batch: usize, size: usize) -> Result<(), Error> {
        self.architecture.check_side(size)?;
        let expected = batch.saturating_mul(size * size);
        if found != expected || batch == 0 {
            return Err(Error::Length {
                operation: "segmentation network",
                what: format!("input of {batch} films of {size}×{size} pixels"),
                found,
                expected: expected.max(1),
            });
        }
        Ok(())
    }

    /// Logits `[batch, regions, size, size]` with running statistics. Keeps no trace.
    ///
    /// # Errors
    /// [`Error::Length`] if the number of grey levels does not fit; [`Error::InputSide`].
    pub fn infer(&self, grey: &[f32], batch: usize, size: usize) -> Result<Vec<B::Real>, Error> {
        self.check_input(grey.len(), batch, size)?;
        self.prepared();
        let group = self.backend.inference_batch().clamp(1, batch);
        let one = |grey: &[f32]| {
            let grid = square(grey.len() / (size * size), size);
            let trace = self.run(Norm::Running, false, upload(&self.backend, grey), grid);
            self.logits(&trace)
        };
        // One group per thread, as long as there is one for each thread. All threads share each remaining
        // group.
        let threads = rayon::current_num_threads();
        let alone = batch.div_ceil(group) / threads * threads;
        let (alone, shared) = grey.split_at(grey.len().min(alone * group * size * size));
        let mut answers: Vec<Vec<B::Real>> = alone.par_chunks(group * size * size).map(one).collect();
        for grey in shared.chunks(group * size * size) {
            answers.push(self.backend.run_pass(|| one(grey)));
        }
        Ok(answers.concat())
    }

    /// Logits `[batch, regions, size, size]`, and the trace for the backward pass.
    ///
    /// # Errors
    /// As [`Segmenter::infer`].
    pub fn forward(
        &self,
        grey: &[f32],
        batch: usize,
        size: usize,
        norm: Norm,
    ) -> Result<(Vec<B::Real>, UNetTrace<B>), Error> {
        self.check_input(grey.len(), batch, size)?;
        let grey = upload(&self.backend, grey);
        let trace = self
            .backend
            .run_pass(|| self.run(norm, true, grey, square(batch, size)));
        Ok((self.logits(&trace), trace))
    }

    fn run(&self, norm: Norm, keep: bool, grey: B::Tensor, grid: Grid) -> UNetTrace<B> {
        let pass = self.pass(norm, keep);
        let mut levels: Vec<LevelTrace<B::Tensor>> = Vec::new();
        for level in 0..self.plan.encoders.len() {
            let next = self.encode(&pass, level, &grey, grid, levels.last());
            levels.push(next);
        }
        for level in (0..self.plan.decoders.len()).rev() {
            self.decode(&pass, level, &mut levels);
        }
        let top = &levels[0];
        let columns = top.grid.columns();
        let prologue = pass.affine(self.plan.head_norm, &top.decoded_moments);
        let mut logits = self.backend.alloc_uninit(self.plan.head.outputs * columns);
        self.backend.pointwise(
            pass.kernel(self.plan.head).quick(),
            &top.decoded,
            Some(&prologue),
            Some(&self.values[self.plan.bias]),
            columns,
            plain(&mut logits),
        );
        UNetTrace {
            norm,
            grey,
            levels,
            logits,
        }
    }

    /// Runs one level's encoder.
    fn encode(
        &self,
        pass: &Pass<'_, B>,
        level: usize,
        grey: &B::Tensor,
        input: Grid,
        above: Option<&LevelTrace<B::Tensor>>,
    ) -> LevelTrace<B::Tensor> {
        let (backend, plan) = (&self.backend, self.plan.encoders[level]);
        let grid = above.map_or(input, |above| above.grid.halved());
        let columns = grid.columns();
        let width = plan.conv1.outputs;
        let mut inner = backend.alloc_uninit(width * columns);
        let mut inner_moments = pass.fresh_moments(width);
        let mut pooled = B::Tensor::default();
        let out = Output {
            map: &mut inner,
            row: 0,
            moments: pass.taken(&mut inner_moments),
        };
        let kernel = pass.kernel(plan.conv1).quick();
        let reader = level
            .checked_sub(1)
            .and_then(|above| self.plan.encoders[above].norm2);
        if let (Some(above), Some(norm)) = (above, reader) {
            let channels = plan.conv1.inputs;
            pooled = backend.alloc_uninit(channels * columns);
            let prologue = pass.affine(norm, &above.moments);
            let target = plain(&mut pooled);
            backend.pool(
                Pool::Average2,
                channels,
                &above.map,
                &prologue,
                above.grid,
                target,
            );
            backend.conv3x3(kernel, &pooled, None, grid, out);
        } else {
            backend.film_conv(kernel, FIRST, self.as_films(grey), grid, out);
        }
        let below = self
            .plan
            .encoders
            .get(level + 1)
            .map_or(0, |below| below.conv2.outputs);
        let mut map = backend.alloc_uninit((width + below) * columns);
        let mut moments = pass.fresh_moments(width + below);
        let prologue = pass.affine(plan.norm1, &inner_moments);
        let out = Output {
            map: &mut map,
            row: 0,
            moments: pass.taken(&mut moments),
        };
        backend.conv3x3(
            pass.kernel(plan.conv2).quick(),
            &inner,
            Some(&prologue),
            grid,
            out,
        );
        if !pass.keep {
            B::release(std::mem::take(&mut inner));
            B::release(std::mem::take(&mut pooled));
        }
        LevelTrace {
            grid,
            pooled,
            inner,
            inner_moments,
            map,
            moments,
            decoded: B::Tensor::default(),
            decoded_moments: pass.fresh_moments(0),
        }
    }

    /// Runs one level's decoder: fills the last rows of its map, and reads the whole map.
    fn decode(&self, pass: &Pass<'_, B>, level: usize, levels: &mut [LevelTrace<B::Tensor>]) {
        let (backend, plan) = (&self.backend, self.plan.decoders[level]);
        let [here, below] = &mut levels[level..level + 2] else {
            return;
        };
        let (width, grid) = (plan.conv.outputs, here.grid);
        // The last level has no decoder: its map is the encoder's alone.
        let lowest = level + 1 == self.plan.decoders.len();
        let source = if lowest {
            &mut below.map
        } else {
            &mut below.decoded
        };
        let out = Output {
            map: &mut here.map,
            row: width,
            moments: pass.taken(&mut here.moments),
        };
        backend.upsample2(plan.conv.inputs - width, source, below.grid, out);
        if !pass.keep {
            B::release(std::mem::take(source));
        }
        here.decoded = backend.alloc_uninit(width * grid.columns());
        here.decoded_moments = pass.fresh_moments(width);
        let prologue = pass.affine(plan.norm, &here.moments);
        let out = Output {
            map: &mut here.decoded,
            row: 0,
            moments: pass.taken(&mut here.decoded_moments),
        };
        backend.conv3x3(
            pass.kernel(plan.conv).quick(),
            &here.map,
            Some(&prologue),
            grid,
            out,
        );
        if !pass.keep {
            B::release(std::mem::take(&mut here.map));
        }
    }

    /// The logits of a trace, `[batch, regions, size, size]`.
    pub fn logits(&self, trace: &UNetTrace<B>) -> Vec<B::Real> {
        let (logits, grid) = (self.backend.download(&trace.logits), trace.grid());
        exchanged(&logits, self.regions.len(), grid.batch, grid.plane())
    }

    /// Moves the running statistics towards those of the batch, as [`crate::Network::update_running`].
    ///
    /// # Errors
    /// [`Error::Statistics`] if the trace comes from a pass with running statistics.
    pub fn update_running(&mut self, trace: &UNetTrace<B>, momentum: f32) -> Result<(), Error> {
        if trace.norm != Norm::Batch {
            return Err(Error::Statistics {
                operation: "update_running",
                expected: "statistics of the batch",
            });
        }
        self.prepared.take();
        let Self {
            backend,
            values,
            plan,
            ..
        } = self;
        let mut moved = |at, moments, grid| move_running(backend, values, at, moments, grid, momentum);
        for (plan, level) in plan.encoders.iter().zip(&trace.levels) {
            moved(plan.norm1, &level.inner_moments, level.grid);
            if let Some(norm) = plan.norm2 {
                moved(norm, &level.moments, level.grid);
            }
        }
        for (plan, level) in plan.decoders.iter().zip(&trace.levels) {
            moved(plan.norm, &level.moments, level.grid);
        }
        moved(plan.head_norm, &trace.levels[0].decoded_moments, trace.grid());
        Ok(())
    }
}

fn square(batch: usize, size: usize) -> Grid {
    Grid {
        batch,
        height: size,
        width: size,
    }
}

fn plain<T>(map: &mut T) -> Output<'_, T> {
    Output {
        map,
        row: 0,
        moments: None,
    }
}

/// `[first, second, plane]` → `[second, first, plane]`.
pub(super) fn exchanged<R: Real>(values: &[R], first: usize, second: usize, plane: usize) -> Vec<R> {
    let mut out = Vec::with_capacity(values.len());
    for inner in 0..second {
        for outer in 0..first {
            let place = (outer * second + inner) * plane;
            out.extend_from_slice(&values[place..place + plane]);
        }
    }
    out
}
