//! The stem's convolution of films: channels that are one grey image, each with its own scale and shift.
//!
//! `Σ_c w_c (s_c g + t_c) = (Σ_c w_c s_c) g + Σ_c w_c t_c`: the products of one channel, and a constant. The
//! padding is zero in every channel, so the constant counts only taps inside the image. The rows of taps
//! inside are the same for a whole row of windows, and select its weights. The columns are one more step for
//! each `kx`, 1 where that tap is inside.

use std::ops::Range;

use super::finish::Finish;
use super::pack::Panels;
use super::stem::Patches;
use super::{Cpu, Tensor};
use crate::architecture::Window;
use crate::backend::{Films, Grid, Kernel, Output};

/// Rows of windows, grouped by the rows of taps inside the image.
struct Kinds {
    /// The rows of taps of each kind.
    taps: Vec<Range<usize>>,
    /// The kind of each row.
    of: Vec<usize>,
}

impl Kinds {
    fn new(window: Window, grid: Grid) -> Self {
        let (mut taps, mut of) = (Vec::new(), Vec::new());
        for y in 0..grid.after(window).height {
            let top = y * window.stride;
            let first = window.padding.saturating_sub(top).min(window.kernel);
            let end = (grid.height + window.padding).saturating_sub(top);
            let inside = first..end.min(window.kernel).max(first);
            let known = taps.iter().position(|kind| *kind == inside);
            of.push(known.unwrap_or(taps.len()));
            if known.is_none() {
                taps.push(inside);
            }
        }
        Self { taps, of }
    }
}

impl Cpu {
    pub(super) fn convolve_films(
        &self,
        kernel: Kernel<'_, Tensor>,
        window: Window,
        films: Films<'_, Tensor>,
        grid: Grid,
        target: Output<'_, Tensor>,
    ) {
        let side = window.kernel;
        let plane = side * side;
        let kinds = Kinds::new(window, grid);
        let patches = Patches {
            inputs: 1,
            window,
            grid,
            inside: true,
        };
        let weight = |output: usize, channel: usize, tap: usize| {
            f64::from(kernel.weights[(output * kernel.inputs + channel) * plane + tap])
        };
        let merged = |output: usize, step: usize, inside: &Range<usize>| -> f64 {
            let channels = 0..kernel.inputs;
            if step < plane {
                return channels.map(|c| films.scale[c] * weight(output, c, step)).sum();
            }
            let column = |c: usize| -> f64 {
                let taps = inside
                    .clone()
                    .map(|ky| weight(output, c, ky * side + step - plane));
                taps.sum()
            };
            channels.map(|c| films.shift[c] * column(c)).sum()
        };
        let panels = kinds.taps.iter().map(|inside| {
            Panels::new(
                kernel.outputs,
                patches.len(),
                self.kernels.wide.rows,
                |output, step| merged(output, step, inside) as f32,
            )
        });
        let panels: Vec<Panels<'_>> = panels.collect();
        let columns = grid.after(window).columns();
        let tiles = Self::patch_tiles(patches);
        let finish = Finish::write(self.path, target, None, kernel.outputs, columns, tiles);
        self.convolve_patches(|y| &panels[kinds.of[y]], patches, films.grey, &finish);
        finish.end();
    }

    pub(super) fn correlate_films(
        &self,
        (outputs, inputs): (usize, usize),
        window: Window,
        gradient: &Tensor,
        films: Films<'_, Tensor>,
        grid: Grid,
        weights: &mut Tensor,
    ) {
        let side = window.kernel;
        let kinds = Kinds::new(window, grid);
        let patches = Patches {
            inputs: 1,
            window,
            grid,
            inside: true,
        };
        let gradient = self.source(gradient, 0, grid.after(window).columns(), None);
        let kind = (kinds.taps.len(), |y: usize| kinds.of[y]);
        let sums = self.correlate_patches((outputs, gradient), patches, films.grey, kind);
        let sum = |kind: usize, step: usize, output: usize| {
            f64::from(sums[(kind * patches.len() + step) * outputs + output])
        };
        for (output, weights) in weights.chunks_exact_mut(inputs * side * side).enumerate() {
            for tap in 0..side * side {
                let (ky, kx) = (tap / side, tap % side);
                let (mut grey, mut inside) = (0.0, 0.0);
                for (number, taps) in kinds.taps.iter().enumerate() {
                    grey += sum(number, tap, output);
                    if taps.contains(&ky) {
                        inside += sum(number, side * side + kx, output);
                    }
                }
                for channel in 0..inputs {
                    let slope = films.scale[channel] * grey + films.shift[channel] * inside;
                    weights[channel * side * side + tap] = slope as f32;
                }
            }
        }
    }
}
