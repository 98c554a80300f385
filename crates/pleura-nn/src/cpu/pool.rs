//! Pooling after norm and `ReLU`, and its backward pass, channel by channel.

use std::ops::Range;

use super::finish::Finish;
use super::scratch::scratch;
use super::{Cpu, Path, path, session};
use crate::architecture::Window;
use crate::backend::{Affine, Grid, Pool};

impl Cpu {
    pub(super) fn pool_channels(
        &self,
        pool: Pool,
        channels: usize,
        x: &[f32],
        prologue: &Affine<Vec<f32>>,
        grid: Grid,
        finish: &Finish<'_>,
    ) {
        let columns = grid.columns();
        let out_grid = pool.after(grid);
        let room = [
            grid.plane(),
            grid.width,
            split_length(pool, grid),
            out_grid.columns(),
        ];
        session::each(channels, |channel| {
            scratch(room, |[plane, line, split, out]| {
                for image in 0..grid.batch {
                    let from = channel * columns + image * grid.plane();
                    let (scale, shift) = (prologue.scale[channel], prologue.shift[channel]);
                    path::affine_relu(self.path, &x[from..from + grid.plane()], scale, shift, plane);
                    let out = &mut out[image * out_grid.plane()..(image + 1) * out_grid.plane()];
                    match pool {
                        Pool::Max(window) => {
                            largest(self.path, plane, (grid, window), line, split, out);
                        }
                        Pool::Average2 => {
                            for (place, out) in out.iter_mut().enumerate() {
                                let corner =
                                    place / out_grid.width * 2 * grid.width + place % out_grid.width * 2;
                                let below = corner + grid.width;
                                *out = (plane[corner] + plane[corner + 1] + plane[below] + plane[below + 1])
                                    * 0.25;
                            }
                        }
                        Pool::Global => out[0] = (path::sums(self.path, plane).0 / plane.len() as f64) as f32,
                    }
                }
                // SAFETY: each channel is one row of one thread.
                unsafe { finish.tile(0) }.row(channel, 0, out);
            });
        });
    }

    pub(super) fn pool_channels_back(
        &self,
        pool: Pool,
        channels: usize,
        gradient: &[f32],
        x: &[f32],
        prologue: &Affine<Vec<f32>>,
        grid: Grid,
        finish: &Finish<'_>,
    ) {
        let columns = grid.columns();
        let out_grid = pool.after(grid);
        let room = [
            grid.plane(),
            out_grid.width,
            out_grid.width,
            split_length(pool, grid),
            columns,
        ];
        session::each(channels, |channel| {
            scratch(room, |[plane, best, winner, split, out]| {
                out.fill(0.0);
                for image in 0..grid.batch {
                    let sent = &gradient[channel * out_grid.columns() + image * out_grid.plane()..]
                        [..out_grid.plane()];
                    let out = &mut out[image * grid.plane()..(image + 1) * grid.plane()];
                    match pool {
                        Pool::Max(window) => {
                            let from = channel * columns + image * grid.plane();
                            let (scale, shift) = (prologue.scale[channel], prologue.shift[channel]);
                            path::affine_relu(self.path, &x[from..from + grid.plane()], scale, shift, plane);
                            let room = [&mut *best, &mut *winner, &mut *split];
                            to_winners(self.path, plane, (grid, window), sent, room, out);
                        }
                        Pool::Average2 => {
                            for (place, value) in sent.iter().enumerate() {
                                let corner =
                                    place / out_grid.width * 2 * grid.width + place % out_grid.width * 2;
                                for place in
                                    [corner, corner + 1, corner + grid.width, corner + grid.width + 1]
                                {
                                    out[place] = value * 0.25;
                                }
                            }
                        }
                        Pool::Global => out.fill(sent[0] / grid.plane() as f32),
                    }
                }
                // SAFETY: each channel is one row of one thread.
                unsafe { finish.tile(0) }.row(channel, 0, out);
            });
        });
    }
}

/// Length of a row's [`phases`].
fn split_length(pool: Pool, grid: Grid) -> usize {
    match pool {
        Pool::Max(window) => window.stride * phase(window, grid.after(window).width),
        Pool::Average2 | Pool::Global => 0,
    }
}

/// The pixels of a side of `size` under the window's step `at`.
fn side(window: Window, at: usize, size: usize) -> Range<usize> {
    let start = at * window.stride;
    start.saturating_sub(window.padding)..(start + window.kernel - window.padding).min(size)
}

/// Length of one phase of a row, as [`phases`] writes it.
fn phase(window: Window, windows: usize) -> usize {
    windows + (window.kernel - 1) / window.stride
}

/// Splits a row of pixels by phase, with −∞ around it, so that the pixels under one tap of all windows are
/// contiguous: tap `kx` of window `x` is value `x + kx / stride` of phase `kx mod stride`.
fn phases(path: Path, row: &[f32], window: Window, windows: usize, out: &mut [f32]) {
    let Window { stride, padding, .. } = window;
    out.fill(f32::NEG_INFINITY);
    let lines = out.chunks_exact_mut(phase(window, windows)).take(stride);
    for (phase, line) in lines.enumerate() {
        let first = padding.saturating_sub(phase).div_ceil(stride);
        let start = first * stride + phase - padding;
        if let (Some(row), Some(line)) = (row.get(start..), line.get_mut(first..)) {
            path::every(path, row, stride, line);
        }
    }
}

/// The pixels under tap `kx` of all windows, from [`phases`].
fn tap(split: &[f32], window: Window, windows: usize, kx: usize) -> &[f32] {
    &split[kx % window.stride * phase(window, windows) + kx / window.stride..][..windows]
}

/// The largest value of each window: first over the rows, then along them. `line` has a row's length, `split`
/// that of its phases.
fn largest(
    path: Path,
    plane: &[f32],
    (grid, window): (Grid, Window),
    line: &mut [f32],
    split: &mut [f32],
    out: &mut [f32],
) {
    let windows = grid.after(window).width;
    for (y, out) in out.chunks_exact_mut(windows).enumerate() {
        line.fill(f32::NEG_INFINITY);
        for row in side(window, y, grid.height) {
            path::larger(path, &plane[row * grid.width..][..grid.width], line);
        }
        phases(path, line, window, windows, split);
        out.fill(f32::NEG_INFINITY);
        for kx in 0..window.kernel {
            path::larger(path, tap(split, window, windows, kx), out);
        }
    }
}

/// Adds each window's gradient to the place of its largest value. Of equal ones the first in reading order
/// wins.
fn to_winners(
    path: Path,
    plane: &[f32],
    (grid, window): (Grid, Window),
    sent: &[f32],
    [best, winner, split]: [&mut [f32]; 3],
    out: &mut [f32],
) {
    let Window {
        kernel,
        stride,
        padding,
    } = window;
    let windows = grid.after(window).width;
    for (y, sent) in sent.chunks_exact(windows).enumerate() {
        best.fill(f32::NEG_INFINITY);
        winner.fill(0.0);
        let rows = side(window, y, grid.height);
        let top = rows.start;
        for row in rows {
            phases(
                path,
                &plane[row * grid.width..][..grid.width],
                window,
                windows,
                split,
            );
            for kx in 0..kernel {
                let number = ((row - top) * kernel + kx) as f32;
                path::better(path, tap(split, window, windows, kx), number, best, winner);
            }
        }
        for (x, (sent, winner)) in sent.iter().zip(&*winner).enumerate() {
            let (row, kx) = (*winner as usize / kernel, *winner as usize % kernel);
            let column = (x * stride + kx).saturating_sub(padding);
            out[(top + row) * grid.width + column] += sent;
        }
    }
}
