//! The primitives of LRP-Flex: a row is one tile, and its loops are compiled for each instruction set.

#![allow(
    clippy::inline_always,
    reason = "what a loop calls must be compiled with the loop's instructions"
)]

use std::sync::atomic::{AtomicU64, Ordering};

use super::path::Path;
use super::scratch::scratch;
use super::{Cpu, Tensor, path, session};
use crate::architecture::Window;
use crate::backend::{Affine, Gated, Grid, HeatmapGradient, LrpFlex, Pool};

/// Added values per tile.
const PIECE: usize = 1 << 16;

/// One channel's gate.
#[derive(Clone, Copy)]
pub(super) struct Gate {
    scale: f32,
    shift: f32,
    epsilon: f32,
}

impl Gate {
    fn of(gated: Gated<'_, Tensor>, channel: usize) -> Self {
        Self {
            scale: gated.affine.scale[channel],
            shift: gated.affine.shift[channel],
            epsilon: gated.epsilon as f32,
        }
    }

    /// `h(y)`, and the denominator `d` of its slope `ε / d²`: `y + ε` where the gate is open, infinite where
    /// it is shut. Without a branch, so that it vectorises.
    #[inline(always)]
    fn at(self, x: f32) -> (f32, f32) {
        let y = self.scale * x + self.shift;
        let over = if y > 0.0 { y + self.epsilon } else { f32::INFINITY };
        (y.max(0.0) / over, over)
    }
}

per_path! {
    /// `out = scale · h(y) · values`.
    fn pass(gate: Gate, x: &[f32], values: &[f32], out: &mut [f32]) {
        for ((out, &x), &value) in out.iter_mut().zip(x).zip(values) {
            *out = gate.scale * gate.at(x).0 * value;
        }
    }
}

per_path! {
    /// `out += scale · h(y) · values`.
    fn pass_on(gate: Gate, x: &[f32], values: &[f32], out: &mut [f32]) {
        for ((out, &x), &value) in out.iter_mut().zip(x).zip(values) {
            *out += gate.scale * gate.at(x).0 * value;
        }
    }
}

per_path! {
    /// `out += arriving · scale · tangent · h'(y)`; returns `Σ arriving · h(y) · tangent`.
    fn gate_backward(gate: Gate, x: &[f32], arriving: &[f32], tangent: &[f32], out: &mut [f32]) -> f64 {
        let one = |out: &mut f32, x: f32, arriving: f32, tangent: f32| {
            let (open, over) = gate.at(x);
            let both = arriving * tangent;
            *out += both * gate.scale * (gate.epsilon / over / over);
            f64::from(both * open)
        };
        let mut sum = [0f64; 8];
        let (x, arriving, tangent) = (x.as_chunks::<8>(), arriving.as_chunks::<8>(), tangent.as_chunks::<8>());
        let out = out.as_chunks_mut::<8>();
        for (((out, x), arriving), tangent) in out.0.iter_mut().zip(x.0).zip(arriving.0).zip(tangent.0) {
            for i in 0..8 {
                sum[i] += one(&mut out[i], x[i], arriving[i], tangent[i]);
            }
        }
        let mut total = sum.iter().sum::<f64>();
        for (((out, &x), &arriving), &tangent) in out.1.iter_mut().zip(x.1).zip(arriving.1).zip(tangent.1) {
            total += one(out, x, arriving, tangent);
        }
        total
    }
}

per_path! {
    /// `into += values`.
    fn add(values: &[f32], into: &mut [f32]) {
        for (into, &value) in into.iter_mut().zip(values) {
            *into += value;
        }
    }
}

impl LrpFlex<Tensor> for Cpu {
    fn gate(
        &self,
        gated: Gated<'_, Tensor>,
        columns: usize,
        values: &Tensor,
        into: &mut Tensor,
        accumulate: bool,
    ) {
        session::each_piece(&mut into[..gated.channels * columns], columns, |channel, out| {
            let row = channel * columns..(channel + 1) * columns;
            let (gate, x, values) = (Gate::of(gated, channel), &gated.x[row.clone()], &values[row]);
            if accumulate {
                pass_on(self.path, gate, x, values, out);
            } else {
                pass(self.path, gate, x, values, out);
            }
        });
    }

    fn gate_backward(
        &self,
        gated: Gated<'_, Tensor>,
        columns: usize,
        arriving: &Tensor,
        tangent: &Tensor,
        heatmap_gradient: &mut HeatmapGradient<Tensor>,
    ) {
        // Each is written once, by the thread that has the row.
        let sums: Vec<AtomicU64> = (0..gated.channels).map(|_| AtomicU64::new(0)).collect();
        let output = &mut heatmap_gradient.output[..gated.channels * columns];
        session::each_piece(output, columns, |channel, out| {
            let row = channel * columns..(channel + 1) * columns;
            let (x, arriving, tangent) = (&gated.x[row.clone()], &arriving[row.clone()], &tangent[row]);
            let sum = gate_backward(self.path, Gate::of(gated, channel), x, arriving, tangent, out);
            sums[channel].store(sum.to_bits(), Ordering::Relaxed);
        });
        for (scale, sum) in heatmap_gradient.scale.iter_mut().zip(sums) {
            *scale += f64::from_bits(sum.into_inner()) as f32;
        }
    }

    fn pool_tangent(
        &self,
        pool: Pool,
        channels: usize,
        tangent: &Tensor,
        x: &Tensor,
        prologue: &Affine<Tensor>,
        grid: Grid,
        out: &mut Tensor,
    ) {
        let after = pool.after(grid);
        let out = &mut out[..channels * after.columns()];
        session::each_piece(out, after.columns(), |channel, out| {
            for (image, out) in out.chunks_exact_mut(after.plane()).enumerate() {
                let from = channel * grid.columns() + image * grid.plane();
                let tangent = &tangent[from..from + grid.plane()];
                match pool {
                    Pool::Max(window) => scratch([grid.plane()], |[plane]| {
                        let (scale, shift) = (prologue.scale[channel], prologue.shift[channel]);
                        path::affine_relu(self.path, &x[from..from + grid.plane()], scale, shift, plane);
                        for (place, out) in out.iter_mut().enumerate() {
                            let (y, x) = (place / after.width, place % after.width);
                            *out = tangent[winner(plane, grid, window, y, x)];
                        }
                    }),
                    Pool::Average2 => {
                        for (place, out) in out.iter_mut().enumerate() {
                            let corner = place / after.width * 2 * grid.width + place % after.width * 2;
                            let below = corner + grid.width;
                            *out = 0.25
                                * (tangent[corner]
                                    + tangent[corner + 1]
                                    + tangent[below]
                                    + tangent[below + 1]);
                        }
                    }
                    Pool::Global => out[0] = (path::sums(self.path, tangent).0 / tangent.len() as f64) as f32,
                }
            }
        });
    }

    fn add(&self, into: &mut Tensor, values: &Tensor) {
        session::each_piece(into, PIECE, |piece, into| {
            add(self.path, &values[piece * PIECE..][..into.len()], into);
        });
    }
}

/// Place of a window's largest value. Of equal ones the first in reading order wins.
fn winner(plane: &[f32], grid: Grid, window: Window, y: usize, x: usize) -> usize {
    let under = |at: usize, size: usize| {
        let start = at * window.stride;
        start.saturating_sub(window.padding)..(start + window.kernel - window.padding).min(size)
    };
    let places = under(y, grid.height)
        .flat_map(|row| under(x, grid.width).map(move |column| row * grid.width + column));
    places
        .reduce(|best, place| if plane[place] > plane[best] { place } else { best })
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Reference;
    use crate::backend::Backend;

    /// Numbers of both signs.
    fn noise(len: usize, seed: u32) -> Vec<f32> {
        let next = |state: &u32| Some(state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223));
        std::iter::successors(Some(seed.wrapping_mul(77_777)), next)
            .skip(1)
            .map(|state| (state >> 8) as f32 / (1 << 23) as f32 - 1.0)
            .take(len)
            .collect()
    }

    fn wide(values: &[f32]) -> Vec<f64> {
        values.iter().map(|&value| f64::from(value)).collect()
    }

    fn assert_near(found: &[f32], expected: &[f64], what: &str) {
        assert_eq!(found.len(), expected.len(), "{what}");
        let size = expected
            .iter()
            .fold(1.0, |size: f64, value| size.max(value.abs()));
        for (place, (found, expected)) in found.iter().zip(expected).enumerate() {
            let error = (f64::from(*found) - expected).abs();
            assert!(error < 2e-5 * size, "{what}[{place}]: {found}, not {expected}");
        }
    }

    #[test]
    fn every_path_has_the_references_gates() {
        let grid = Grid {
            batch: 3,
            height: 7,
            width: 5,
        };
        let (channels, columns) = (4, grid.columns());
        let [x, values, other] = [1, 2, 3].map(|seed| noise(channels * columns, seed));
        let affine = Affine {
            scale: vec![0.7, -1.2, 0.3, 2.0],
            shift: vec![0.1, -0.2, -0.5, 0.4],
        };
        let affine64 = Affine {
            scale: wide(&affine.scale),
            shift: wide(&affine.shift),
        };
        let x64 = wide(&x);
        for path in Path::available() {
            let cpu = Cpu::with_path(path);
            for epsilon in [0.0, 0.01, 0.3] {
                let gated = Gated {
                    x: &x,
                    affine: &affine,
                    epsilon,
                    channels,
                };
                let gated64 = Gated {
                    x: &x64,
                    affine: &affine64,
                    epsilon,
                    channels,
                };
                let (mut found, mut expected) = (other.clone(), wide(&other));
                for accumulate in [true, false] {
                    cpu.gate(gated, columns, &values, &mut found, accumulate);
                    Reference.gate(gated64, columns, &wide(&values), &mut expected, accumulate);
                    assert_near(&found, &expected, "gate");
                }
                let heatmap_gradient = || (noise(channels * columns, 4), noise(channels, 5));
                let ((output, scale), (output64, scale64)) = (heatmap_gradient(), heatmap_gradient());
                let mut found = HeatmapGradient { output, scale };
                let mut expected = HeatmapGradient {
                    output: wide(&output64),
                    scale: wide(&scale64),
                };
                cpu.gate_backward(gated, columns, &values, &other, &mut found);
                Reference.gate_backward(gated64, columns, &wide(&values), &wide(&other), &mut expected);
                assert_near(&found.output, &expected.output, "bent output");
                assert_near(&found.scale, &expected.scale, "bent scale");
            }
            let window = Window {
                kernel: 3,
                stride: 2,
                padding: 1,
            };
            for pool in [Pool::Max(window), Pool::Average2, Pool::Global] {
                let len = channels * pool.after(grid).columns();
                let (mut found, mut expected) = (cpu.zeros(len), Reference.zeros(len));
                cpu.pool_tangent(pool, channels, &values, &x, &affine, grid, &mut found);
                let values = wide(&values);
                Reference.pool_tangent(pool, channels, &values, &x64, &affine64, grid, &mut expected);
                assert_near(&found, &expected, "pool");
            }
        }
    }
}
