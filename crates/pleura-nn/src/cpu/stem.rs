//! The stem's convolution, any window: each output row is a product with the patches under it.

use super::finish::{Finish, SharedRows};
use super::kernel::OffsetList;
use super::pack::{Panels, Source};
use super::scratch::scratch;
use super::{Cpu, team};
use crate::architecture::Window;
use crate::backend::Grid;

/// Parts into which the images of a weight gradient are grouped; each has sums of its own, added in order.
const PARTS: usize = 16;

/// A window moving over images of several channels.
#[derive(Clone, Copy)]
pub(super) struct Patches {
    pub(super) inputs: usize,
    pub(super) window: Window,
    pub(super) grid: Grid,
}

impl Patches {
    fn out(&self) -> Grid {
        self.grid.after(self.window)
    }

    /// Values of one patch: `inputs · k · k`.
    pub(super) fn len(&self) -> usize {
        self.inputs * self.window.kernel * self.window.kernel
    }

    /// For one output row and one step `(channel, ky, kx)`: the input row it reads, as the row's first place in the map,
    /// or nothing where it lies in the padding.
    fn input_row(&self, image: usize, y: usize, step: usize) -> Option<usize> {
        let Window {
            kernel,
            stride,
            padding,
        } = self.window;
        let (channel, ky) = (step / (kernel * kernel), step / kernel % kernel);
        let row = (y * stride + ky).checked_sub(padding)?;
        (row < self.grid.height)
            .then(|| channel * self.grid.columns() + image * self.grid.plane() + row * self.grid.width)
    }

    /// The outputs `x` for which the step's input column lies inside the image, and the input column of the first.
    fn inside(&self, step: usize) -> (std::ops::Range<usize>, usize) {
        let Window {
            kernel,
            stride,
            padding,
        } = self.window;
        let kx = step % kernel;
        let first = padding.saturating_sub(kx).div_ceil(stride);
        let end = (self.grid.width + padding)
            .saturating_sub(kx)
            .div_ceil(stride)
            .min(self.out().width)
            .max(first);
        (first..end, (first * stride + kx).saturating_sub(padding))
    }

    /// Writes the step's values under one output row to `out[place(x)]`.
    fn read(
        &self,
        x: &[f32],
        (image, y): (usize, usize),
        step: usize,
        out: &mut [f32],
        place: impl Fn(usize) -> usize,
    ) {
        let width = self.out().width;
        let Some(row) = self.input_row(image, y, step) else {
            for column in 0..width {
                out[place(column)] = 0.0;
            }
            return;
        };
        let (inside, first) = self.inside(step);
        for column in (0..inside.start).chain(inside.end..width) {
            out[place(column)] = 0.0;
        }
        let values = &x[row + first..row + self.grid.width];
        for (column, value) in inside.zip(values.iter().step_by(self.window.stride)) {
            out[place(column)] = *value;
        }
    }
}

impl Cpu {
    pub(super) fn convolve_patches(
        &self,
        weights: &Panels<'_>,
        patches: Patches,
        x: &[f32],
        finish: &Finish<'_>,
    ) {
        let micro = self.kernels.wide;
        let out_grid = patches.out();
        let steps = patches.len();
        let panels = out_grid.width.div_ceil(micro.columns);
        let stride = panels * micro.columns;
        let offsets = OffsetList::regular(steps, micro.columns);
        let room = [
            steps * stride,
            weights.count() * micro.rows * stride,
            out_grid.width,
        ];
        team::each(out_grid.batch * out_grid.height, |number| {
            let at = (number / out_grid.height, number % out_grid.height);
            // SAFETY: output rows are numbered once and own their columns.
            let mut end = unsafe { finish.tile(number) };
            scratch(room, |[read, out, line]| {
                for step in 0..steps {
                    patches.read(x, at, step, line, |column| column);
                    for (panel, line) in line.chunks(micro.columns).enumerate() {
                        let place = (panel * steps + step) * micro.columns;
                        read[place..place + line.len()].copy_from_slice(line);
                    }
                }
                for panel in 0..panels {
                    let b = &read[panel * steps * micro.columns..(panel + 1) * steps * micro.columns];
                    for row in 0..weights.count() {
                        let c = &mut out[row * micro.rows * stride + panel * micro.columns..];
                        micro.run(weights.panel(row, 0, steps), b, offsets.all(), c, stride, false);
                    }
                }
                for row in 0..weights.rows {
                    end.row(
                        row,
                        number * out_grid.width,
                        &out[row * stride..][..out_grid.width],
                    );
                }
            });
        });
    }

    /// Number of tiles of [`Cpu::convolve_patches`].
    pub(super) fn patch_tiles(patches: Patches) -> usize {
        patches.out().batch * patches.out().height
    }

    /// The transposed convolution: `weights` packed with patches' values as rows and outputs as steps.
    pub(super) fn scatter_patches(
        &self,
        weights: &Panels<'_>,
        patches: Patches,
        gradient: &[f32],
        out: &mut [f32],
    ) {
        let micro = self.kernels.wide;
        let out_grid = patches.out();
        let outputs = gradient.len() / out_grid.columns().max(1);
        let panels = out_grid.width.div_ceil(micro.columns);
        let stride = panels * micro.columns;
        let offsets = OffsetList::regular(outputs, micro.columns);
        let plane = patches.grid.plane();
        out.fill(0.0);
        let shared = SharedRows::new(out, plane);
        team::each(out_grid.batch, |image| {
            let mut read = vec![0f32; outputs * stride];
            let mut product = vec![0f32; weights.count() * micro.rows * stride];
            for y in 0..out_grid.height {
                let from = (image * out_grid.height + y) * out_grid.width;
                for output in 0..outputs {
                    let row = &gradient[output * out_grid.columns() + from..][..out_grid.width];
                    for (column, value) in row.iter().enumerate() {
                        read[(column / micro.columns * outputs + output) * micro.columns
                            + column % micro.columns] = *value;
                    }
                }
                for panel in 0..panels {
                    let b = &read[panel * outputs * micro.columns..(panel + 1) * outputs * micro.columns];
                    for row in 0..weights.count() {
                        let c = &mut product[row * micro.rows * stride + panel * micro.columns..];
                        micro.run(weights.panel(row, 0, outputs), b, offsets.all(), c, stride, false);
                    }
                }
                for step in 0..patches.len() {
                    let Some(row) = patches.input_row(image, y, step) else {
                        continue;
                    };
                    let (inside, first) = patches.inside(step);
                    // SAFETY: planes belong to one image, and each image to one thread.
                    let target = unsafe { shared.stretch(row / plane, row % plane, patches.grid.width) };
                    let values = &product[step * stride..][inside];
                    for (target, value) in target[first..]
                        .iter_mut()
                        .step_by(patches.window.stride)
                        .zip(values)
                    {
                        *target += value;
                    }
                }
            }
        });
    }

    /// The weights' gradient, `[outputs, inputs, k, k]`.
    pub(super) fn correlate_patches(
        &self,
        (outputs, gradient): (usize, Source<'_>),
        patches: Patches,
        x: &[f32],
        weights: &mut [f32],
    ) {
        let micro = self.kernels.wide;
        let out_grid = patches.out();
        let width = out_grid.width;
        let row_panels = outputs.div_ceil(micro.rows);
        let panels = patches.len().div_ceil(micro.columns);
        let stride = panels * micro.columns;
        let offsets = OffsetList::regular(width, micro.columns);
        let parts = PARTS.min(out_grid.batch);
        let partial: Vec<Vec<f32>> = team::collect(parts, |part| {
            let mut sums = vec![0f32; row_panels * micro.rows * stride];
            let mut a = vec![0f32; row_panels * micro.rows * width];
            let mut b = vec![0f32; panels * micro.columns * width];
            for image in part * out_grid.batch / parts..(part + 1) * out_grid.batch / parts {
                for y in 0..out_grid.height {
                    let from = (image * out_grid.height + y) * width;
                    gradient.interleave(0..outputs, from, width, &mut a, micro.rows, micro.rows * width);
                    for step in 0..patches.len() {
                        let (panel, lane) = (step / micro.columns, step % micro.columns);
                        let b = &mut b[panel * micro.columns * width..];
                        patches.read(x, (image, y), step, b, |column| column * micro.columns + lane);
                    }
                    for panel in 0..panels {
                        let b = &b[panel * micro.columns * width..(panel + 1) * micro.columns * width];
                        for row in 0..row_panels {
                            let a = &a[row * micro.rows * width..(row + 1) * micro.rows * width];
                            let c = &mut sums[row * micro.rows * stride + panel * micro.columns..];
                            micro.run(a, b, offsets.all(), c, stride, true);
                        }
                    }
                }
            }
            sums
        });
        for (output, out) in weights.chunks_exact_mut(patches.len()).enumerate() {
            for (step, out) in out.iter_mut().enumerate() {
                *out = partial.iter().map(|part| part[output * stride + step]).sum();
            }
        }
    }
}
