//! The stem's convolution with any window: a product with the rows of pixels under one row of windows.

use super::finish::{Finish, SharedRows};
use super::kernel::{OffsetList, Strided};
use super::pack::{Panels, Source};
use super::scratch::scratch;
use super::{Cpu, Path, path, session};
use crate::architecture::Window;
use crate::backend::Grid;

/// Groups of images of a weight gradient. Each has its own sums, added in order.
const PARTS: usize = 16;

/// A window moving over images of several channels.
#[derive(Clone, Copy)]
pub(super) struct Patches {
    pub(super) inputs: usize,
    pub(super) window: Window,
    pub(super) grid: Grid,
    /// One more value for each `kx` behind the channels' values: 1 where that tap is inside the image, 0 in
    /// the padding.
    pub(super) inside: bool,
}

impl Patches {
    fn out(&self) -> Grid {
        self.grid.after(self.window)
    }

    /// Values of one patch: `inputs · k · k`, plus `k` with [`Patches::inside`].
    pub(super) fn len(&self) -> usize {
        let kernel = self.window.kernel;
        self.inputs * kernel * kernel + if self.inside { kernel } else { 0 }
    }

    /// For one output row and one pixel row `(channel, ky)` under it, the row's first place in the map;
    /// `None` in the padding.
    fn input_row(&self, image: usize, y: usize, row: usize) -> Option<usize> {
        let Window {
            kernel,
            stride,
            padding,
        } = self.window;
        let place = (y * stride + row % kernel).checked_sub(padding)?;
        (place < self.grid.height)
            .then(|| row / kernel * self.grid.columns() + image * self.grid.plane() + place * self.grid.width)
    }

    /// The outputs `x` for which the tap `kx` lies inside the image, and the input column of the first.
    fn inside(&self, kx: usize) -> (std::ops::Range<usize>, usize) {
        let Window { stride, padding, .. } = self.window;
        let first = padding.saturating_sub(kx).div_ceil(stride);
        let end = (self.grid.width + padding)
            .saturating_sub(kx)
            .div_ceil(stride)
            .min(self.out().width)
            .max(first);
        (first..end, (first * stride + kx).saturating_sub(padding))
    }

    /// Pixel rows under one row of windows.
    fn rows(&self) -> usize {
        self.inputs * self.window.kernel + usize::from(self.inside)
    }

    /// Length of a line of [`Patches::read`] under `windows` windows.
    fn line(&self, windows: usize) -> usize {
        windows + (self.window.kernel - 1) / self.window.stride
    }

    /// Length of all lines under `windows` windows.
    fn lines(&self, windows: usize) -> usize {
        self.rows() * self.window.stride * self.line(windows)
    }

    /// Offset of the values of tap `kx` of a pixel row.
    fn tap(&self, row: usize, kx: usize, windows: usize) -> usize {
        let stride = self.window.stride;
        (row * stride + kx % stride) * self.line(windows) + kx / stride
    }

    /// Writes the pixel rows under one row of windows, each split by phase, `[rows, stride, line]`: the value
    /// of tap `kx` of window `x` is value `x + kx / stride` of phase `kx mod stride`. So every step of a
    /// product is a stretch of a line.
    fn read(&self, path: Path, x: &[f32], (image, y): (usize, usize), windows: usize, out: &mut [f32]) {
        let Window { stride, padding, .. } = self.window;
        let width = self.grid.width;
        for (number, line) in out.chunks_exact_mut(self.line(windows)).enumerate() {
            let (row, phase) = (number / stride, number % stride);
            line.fill(0.0);
            let first = padding.saturating_sub(phase).div_ceil(stride);
            let start = first * stride + phase - padding;
            let Some(pixels) = line.get_mut(first..) else {
                continue;
            };
            if row == self.inputs * self.window.kernel {
                let count = width.saturating_sub(start).div_ceil(stride);
                pixels.iter_mut().take(count).for_each(|pixel| *pixel = 1.0);
            } else if let Some(place) = self.input_row(image, y, row) {
                let values = x[place..place + width].get(start..).unwrap_or(&[]);
                path::every(path, values, stride, pixels);
            }
        }
    }
}

impl Cpu {
    /// The convolution of patches with the weights of each row of windows, packed by steps as
    /// [`Patches::len`] counts them.
    pub(super) fn convolve_patches<'w>(
        &self,
        weights: impl Fn(usize) -> &'w Panels<'w> + Sync,
        patches: Patches,
        x: &[f32],
        finish: &Finish<'_>,
    ) {
        let micro = self.kernels.wide;
        let out_grid = patches.out();
        let kernel = patches.window.kernel;
        let panels = out_grid.width.div_ceil(micro.columns);
        let stride = panels * micro.columns;
        let steps = patches.len();
        let offsets =
            OffsetList::new((0..steps).map(|step| patches.tap(step / kernel, step % kernel, stride)));
        let room = [patches.lines(stride), weights(0).count() * micro.rows * stride];
        session::each(out_grid.batch * out_grid.height, |number| {
            let (image, y) = (number / out_grid.height, number % out_grid.height);
            let weights = weights(y);
            // SAFETY: output rows are numbered once and own their columns.
            let mut end = unsafe { finish.tile(number) };
            scratch(room, |[read, out]| {
                patches.read(self.path, x, (image, y), stride, read);
                for panel in 0..panels {
                    let b = &read[panel * micro.columns..];
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

    /// The transposed convolution. `weights` are packed with patch values as rows and outputs as steps.
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
        session::each(out_grid.batch, |image| {
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
                    let (row, kx) = (step / patches.window.kernel, step % patches.window.kernel);
                    let Some(row) = patches.input_row(image, y, row) else {
                        continue;
                    };
                    let (inside, first) = patches.inside(kx);
                    // A column of the window that is beside a narrow film at every position.
                    if inside.is_empty() {
                        continue;
                    }
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

    /// The gradient of the weights for each kind of window row: sums `[kinds][patches.len()][outputs]`.
    pub(super) fn correlate_patches(
        &self,
        (outputs, gradient): (usize, Source<'_>),
        patches: Patches,
        x: &[f32],
        (kinds, kind): (usize, impl Fn(usize) -> usize + Sync),
    ) -> Vec<f32> {
        let micro = self.kernels.rows;
        let out_grid = patches.out();
        let Window { kernel, stride, .. } = patches.window;
        let width = out_grid.width;
        let panels = outputs.div_ceil(micro.columns);
        let padded = panels * micro.columns;
        let line = patches.line(width);
        let sums = kinds * patches.len() * padded;
        let parts = PARTS.min(out_grid.batch * out_grid.height);
        let mut partial = vec![0f32; parts * sums];
        session::each_piece(&mut partial, sums, |part, sums| {
            scratch([patches.lines(width), padded * width], |[read, b]| {
                let rows = out_grid.batch * out_grid.height;
                // Lanes without an output.
                b.fill(0.0);
                for number in part * rows / parts..(part + 1) * rows / parts {
                    let (image, y) = (number / out_grid.height, number % out_grid.height);
                    patches.read(self.path, x, (image, y), width, read);
                    let panel = micro.columns * width;
                    gradient.interleave(0..outputs, number * width, width, b, micro.columns, panel);
                    let sums = &mut sums[kind(y) * patches.len() * padded..];
                    for kx in 0..kernel {
                        // All pixel rows under one tap, and the row with the taps inside.
                        for panel in 0..panels {
                            let a = Strided {
                                values: &read[patches.tap(0, kx, width)..],
                                row: stride * line,
                                step: 1,
                            };
                            let b = &b[panel * micro.columns * width..];
                            let c = &mut sums[kx * padded + panel * micro.columns..];
                            micro.product(patches.rows(), width, a, b, c, kernel * padded, true);
                        }
                    }
                }
            });
        });
        let mut total = vec![0f32; kinds * patches.len() * outputs];
        for (place, total) in total.chunks_exact_mut(outputs).enumerate() {
            for part in partial.chunks_exact(sums) {
                for (total, part) in total.iter_mut().zip(&part[place * padded..]) {
                    *total += part;
                }
            }
        }
        total
    }
}
