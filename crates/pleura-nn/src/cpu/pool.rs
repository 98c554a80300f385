//! Pooling after norm and `ReLU`, and its way back; channel by channel.

use super::finish::Finish;
use super::scratch::scratch;
use super::{Cpu, path, team};
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
        let room = [grid.plane(), grid.width, out_grid.columns()];
        team::each(channels, |channel| {
            scratch(room, |[plane, line, out]| {
                for image in 0..grid.batch {
                    let from = channel * columns + image * grid.plane();
                    let (scale, shift) = (prologue.scale[channel], prologue.shift[channel]);
                    path::affine_relu(self.path, &x[from..from + grid.plane()], scale, shift, plane);
                    let out = &mut out[image * out_grid.plane()..(image + 1) * out_grid.plane()];
                    match pool {
                        Pool::Max(window) => {
                            largest(plane, grid, window, line, out);
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
                // SAFETY: each channel is one row, and one thread's.
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
        team::each(channels, |channel| {
            scratch([grid.plane(), columns], |[plane, out]| {
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
                            for (place, value) in sent.iter().enumerate() {
                                out[winner(
                                    plane,
                                    grid,
                                    window,
                                    place / out_grid.width,
                                    place % out_grid.width,
                                )] += value;
                            }
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
                // SAFETY: each channel is one row, and one thread's.
                unsafe { finish.tile(0) }.row(channel, 0, out);
            });
        });
    }
}

/// The largest value of each window: first over the rows under it, then along them.
fn largest(plane: &[f32], grid: Grid, window: Window, line: &mut [f32], out: &mut [f32]) {
    let out_width = grid.after(window).width;
    for (y, out) in out.chunks_exact_mut(out_width).enumerate() {
        line.fill(f32::NEG_INFINITY);
        for row in side(window, y, grid.height) {
            for (line, value) in line.iter_mut().zip(&plane[row * grid.width..]) {
                *line = line.max(*value);
            }
        }
        for (x, out) in out.iter_mut().enumerate() {
            *out = line[side(window, x, grid.width)]
                .iter()
                .fold(f32::NEG_INFINITY, |a, &b| a.max(b));
        }
    }
}

/// The pixels of a side of `size` under the window's step `at`.
fn side(window: Window, at: usize, size: usize) -> std::ops::Range<usize> {
    let start = at * window.stride;
    start.saturating_sub(window.padding)..(start + window.kernel - window.padding).min(size)
}

/// Place of a window's largest value; of equal ones the first in reading order.
pub(super) fn winner(plane: &[f32], grid: Grid, window: Window, y: usize, x: usize) -> usize {
    let columns = side(window, x, grid.width);
    let mut best = None;
    for row in side(window, y, grid.height) {
        for place in row * grid.width + columns.start..row * grid.width + columns.end {
            if best.is_none_or(|best: usize| plane[place] > plane[best]) {
                best = Some(place);
            }
        }
    }
    best.unwrap_or(0)
}
