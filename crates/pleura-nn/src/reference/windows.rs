//! Convolutions and pools by their definitions: every window, tap by tap.

use crate::architecture::Window;
use crate::backend::{Grid, Kernel, Pool};

type Tensor = Vec<f64>;

/// Calls `visit(output column, input column)` for all pixels that one tap of a window joins.
fn for_tap(grid: Grid, window: Window, ky: usize, kx: usize, mut visit: impl FnMut(usize, usize)) {
    let out = grid.after(window);
    for image in 0..grid.batch {
        for y in 0..out.height {
            let Some(row) = (y * window.stride + ky).checked_sub(window.padding) else {
                continue;
            };
            if row >= grid.height {
                continue;
            }
            for x in 0..out.width {
                let Some(column) = (x * window.stride + kx).checked_sub(window.padding) else {
                    continue;
                };
                if column < grid.width {
                    visit(
                        image * out.plane() + y * out.width + x,
                        image * grid.plane() + row * grid.width + column,
                    );
                }
            }
        }
    }
}

/// `weights * map`.
pub(super) fn convolve(kernel: Kernel<'_, Tensor>, window: Window, map: &[f64], grid: Grid) -> Tensor {
    let Kernel {
        weights,
        outputs,
        inputs,
        ..
    } = kernel;
    let (from, to, k) = (grid.columns(), grid.after(window).columns(), window.kernel);
    let mut out = vec![0.0; outputs * to];
    for tap in 0..k * k {
        let mut pairs = Vec::new();
        for_tap(grid, window, tap / k, tap % k, |out, x| pairs.push((out, x)));
        for (output, out) in out.chunks_exact_mut(to).enumerate() {
            for (input, map) in map.chunks_exact(from).enumerate() {
                let weight = weights[(output * inputs + input) * k * k + tap];
                for &(place, x) in &pairs {
                    out[place] += weight * map[x];
                }
            }
        }
    }
    out
}

/// The transposed convolution of `gradient`.
pub(super) fn convolve_back(
    kernel: Kernel<'_, Tensor>,
    window: Window,
    gradient: &[f64],
    grid: Grid,
) -> Tensor {
    let Kernel {
        weights,
        outputs,
        inputs,
        ..
    } = kernel;
    let (from, to, k) = (grid.columns(), grid.after(window).columns(), window.kernel);
    let mut back = vec![0.0; inputs * from];
    for tap in 0..k * k {
        let mut pairs = Vec::new();
        for_tap(grid, window, tap / k, tap % k, |out, x| pairs.push((out, x)));
        for (output, gradient) in gradient.chunks_exact(to).enumerate().take(outputs) {
            for (input, back) in back.chunks_exact_mut(from).enumerate() {
                let weight = weights[(output * inputs + input) * k * k + tap];
                for &(place, x) in &pairs {
                    back[x] += weight * gradient[place];
                }
            }
        }
    }
    back
}

/// The weights' gradient.
pub(super) fn correlate(
    (outputs, inputs): (usize, usize),
    window: Window,
    gradient: &[f64],
    map: &[f64],
    grid: Grid,
    weights: &mut [f64],
) {
    let (from, to, k) = (grid.columns(), grid.after(window).columns(), window.kernel);
    for tap in 0..k * k {
        let mut pairs = Vec::new();
        for_tap(grid, window, tap / k, tap % k, |out, x| pairs.push((out, x)));
        for (output, gradient) in gradient.chunks_exact(to).enumerate().take(outputs) {
            for (input, map) in map.chunks_exact(from).enumerate() {
                weights[(output * inputs + input) * k * k + tap] =
                    pairs.iter().map(|&(place, x)| gradient[place] * map[x]).sum();
            }
        }
    }
}

/// The columns under each window of a pool, in reading order.
pub(super) fn windows(pool: Pool, grid: Grid) -> Vec<Vec<usize>> {
    let window = match pool {
        Pool::Max(window) => window,
        Pool::Average2 => Window {
            kernel: 2,
            stride: 2,
            padding: 0,
        },
        Pool::Global => {
            return (0..grid.batch)
                .map(|image| (image * grid.plane()..(image + 1) * grid.plane()).collect())
                .collect();
        }
    };
    let mut members = vec![Vec::new(); pool.after(grid).columns()];
    for tap in 0..window.kernel * window.kernel {
        for_tap(
            grid,
            window,
            tap / window.kernel,
            tap % window.kernel,
            |out, x| members[out].push(x),
        );
    }
    members
}

pub(super) fn largest(map: &[f64], members: &[usize]) -> usize {
    members[1..].iter().fold(
        members[0],
        |best, &member| if map[member] > map[best] { member } else { best },
    )
}
