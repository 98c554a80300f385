//! The elementwise steps of relevance, value by value.

use std::ops::Range;

use super::windows::windows_of;
use crate::architecture::Window;
use crate::backend::{Account, Grid, IncomingRelevance, Producer, RelevanceStep, Unpooled, merged, neuron};
use crate::rule::{Bias, Rule};

type Tensor = Vec<f64>;

/// `z + ε · sgn z` with `sgn 0 = 1`.
fn stabilised(z: f64, epsilon: f64) -> f64 {
    if z < 0.0 { z - epsilon } else { z + epsilon }
}

/// `r / s(z)`, and 0 if both `z` and ε are 0: the whole `r` is then accounted to ε.
fn stable_ratio(r: f64, z: f64, epsilon: f64) -> f64 {
    let z = stabilised(z, epsilon);
    if r == 0.0 || z == 0.0 { 0.0 } else { r / z }
}

/// The shares of one value for the first and the second set of weights, its uniform part, and its account.
#[derive(Default)]
struct Shares {
    sets: [f64; 2],
    equal: f64,
    bias: f64,
    epsilon: f64,
}

/// A value as its rule needs it: the merged norm, the convolution's output, and its products with the rule's
/// weights.
struct Value {
    scale: f64,
    shift: f64,
    x: f64,
    products: [f64; 2],
}

impl Value {
    fn send(&self, rule: Rule, r: f64) -> Shares {
        let Value {
            scale,
            shift,
            x,
            products: [positive, negative],
        } = *self;
        let z = scale * x + shift;
        let direct = scale >= 0.0;
        let sets = |own: f64, other: f64| if direct { [own, other] } else { [other, own] };
        let (own, other) = if direct {
            (positive, negative)
        } else {
            (negative, positive)
        };
        let size = scale.abs();
        match rule {
            Rule::Epsilon { epsilon } => {
                let q = stable_ratio(r, z, epsilon);
                Shares {
                    sets: [scale * q, 0.0],
                    bias: shift * q,
                    epsilon: r - z * q,
                    ..Shares::default()
                }
            }
            Rule::Plus { epsilon } | Rule::Box { epsilon } => {
                let z = size * own + shift.max(0.0);
                let q = stable_ratio(r, z, epsilon);
                Shares {
                    sets: sets(size * q, 0.0),
                    bias: shift.max(0.0) * q,
                    epsilon: r - z * q,
                    ..Shares::default()
                }
            }
            Rule::AlphaBeta { alpha, beta, epsilon } => {
                let above = size * own + shift.max(0.0);
                let below = -size * other + shift.min(0.0);
                // Negative sums are stabilised downwards, zero included: nothing has a share there.
                let p = stable_ratio(alpha * r, above, epsilon);
                let n = if r == 0.0 || below - epsilon == 0.0 {
                    0.0
                } else {
                    -beta * r / (below - epsilon)
                };
                Shares {
                    sets: sets(size * p, -size * n),
                    bias: shift.max(0.0) * p + shift.min(0.0) * n,
                    epsilon: r - above * p - below * n,
                    ..Shares::default()
                }
            }
            Rule::Gamma { gamma, epsilon } => {
                let (grown, bias) = if z > 0.0 {
                    (size * own, shift + gamma * shift.max(0.0))
                } else {
                    (-size * other, shift + gamma * shift.min(0.0))
                };
                let grown = scale * x + gamma * grown + bias;
                let q = if z == 0.0 {
                    0.0
                } else {
                    stable_ratio(r, grown, epsilon)
                };
                Shares {
                    sets: if (z > 0.0) == direct {
                        [scale * q, 0.0]
                    } else {
                        [0.0, scale * q]
                    },
                    bias: bias * q,
                    epsilon: r - grown * q,
                    ..Shares::default()
                }
            }
            Rule::Square { epsilon } => {
                let z = scale * scale * positive + shift * shift;
                let q = stable_ratio(r, z, epsilon);
                Shares {
                    sets: [scale * scale * q, 0.0],
                    bias: shift * shift * q,
                    epsilon: r - z * q,
                    ..Shares::default()
                }
            }
            Rule::Flat => Shares {
                equal: r,
                ..Shares::default()
            },
        }
    }
}

/// A norm that is its own layer, with `x` as its only input.
fn diagonal((scale, shift): (f64, f64), x: f64, rule: Rule, bias: Bias, r: f64) -> Shares {
    let mut passed = 0.0;
    let account = neuron(&std::iter::once((x, scale)), shift, (rule, bias), r, |_, part| {
        passed += part;
    });
    Shares {
        sets: [passed, 0.0],
        bias: account.bias,
        epsilon: account.epsilon,
        ..Shares::default()
    }
}

pub(super) fn relevance_step(step: RelevanceStep<'_, Tensor>) -> Vec<Account> {
    let RelevanceStep {
        producer,
        rule,
        bias,
        arriving,
        equal,
        rows,
        raw,
        affine,
        grid,
        unpooled,
        places,
        first,
        out,
        mut kept,
    } = step;
    let columns = grid.columns();
    let below = unpooled.as_ref().map_or(grid, |unpooled| unpooled.grid);
    let mut accounts = vec![Account::default(); rows.len() * grid.batch];
    for (index, (row, place)) in rows.zip(places).enumerate() {
        let norm = (affine.scale[row], affine.shift[row]);
        let (scale, shift) = merged(norm, bias);
        let line = |(scale, shift): (f64, f64), x: f64| scale * x + shift;
        let slots = [Some(place.direct), place.negated];
        if first {
            for row in slots.into_iter().flatten() {
                out[row * below.columns()..(row + 1) * below.columns()].fill(0.0);
            }
            if let Some(kept) = &mut kept {
                kept.map[(kept.row + index) * below.columns()..][..below.columns()].fill(0.0);
            }
        }
        for column in 0..columns {
            let account = &mut accounts[index * grid.batch + column / grid.plane()];
            let x = raw[row * columns + column];
            let r = match arriving {
                IncomingRelevance::Relevance(relevance) => relevance[row * columns + column],
                IncomingRelevance::Factor(factor) => factor[row * columns + column] * line(norm, x).max(0.0),
                IncomingRelevance::Nothing => 0.0,
            } + equal.map_or(0.0, |equal| equal[column]);
            account.received += r;
            // One value, or four under average pooling, each with its part of the relevance by the ε rule.
            let parts = match &unpooled {
                None => vec![(column, x, r)],
                Some(Unpooled {
                    raw,
                    grid: below,
                    epsilon,
                }) => {
                    let z = line(norm, x);
                    let q = stable_ratio(r, z, *epsilon);
                    account.epsilon += r - z * q;
                    let part = |step| {
                        let place = corner(column, grid, *below) + step;
                        let x = raw[index * below.columns() + place];
                        (place, x, 0.25 * line(norm, x) * q)
                    };
                    [0, 1, below.width, below.width + 1].map(part).to_vec()
                }
            };
            for (column, x, r) in parts {
                let sent = match producer {
                    Producer::Diagonal => diagonal((scale, shift), x, rule, bias, r),
                    Producer::Convolution(products) => {
                        let at = |row: usize| {
                            products
                                .get(row * below.columns() + column)
                                .copied()
                                .unwrap_or(0.0)
                        };
                        let positive = at(place.direct);
                        // N = P − F: the product of the negated negative weights is that of the positive ones
                        // minus the whole.
                        let negative = match (rule, place.negated) {
                            (Rule::AlphaBeta { .. }, Some(negated)) => at(negated),
                            _ => (positive - x).max(0.0),
                        };
                        let value = Value {
                            scale,
                            shift,
                            x,
                            products: [positive, negative],
                        };
                        value.send(rule, r)
                    }
                };
                account.epsilon += sent.epsilon;
                let mut equal = sent.equal;
                match (&producer, bias) {
                    (Producer::Convolution(_), Bias::Absorb) => equal += sent.bias,
                    _ => account.bias += sent.bias,
                }
                for (row, sent) in slots.into_iter().zip(sent.sets) {
                    if let Some(row) = row {
                        out[row * below.columns() + column] += sent;
                    }
                }
                if let Some(kept) = &mut kept {
                    kept.map[(kept.row + index) * below.columns() + column] += kept.part * equal;
                }
            }
        }
    }
    accounts
}

/// The first of the four columns whose mean is `column`.
fn corner(column: usize, grid: Grid, below: Grid) -> usize {
    let (image, within) = (column / grid.plane(), column % grid.plane());
    image * below.plane() + within / grid.width * 2 * below.width + within % grid.width * 2
}

pub(super) fn flat(
    window: Window,
    relevance: &[f64],
    (rows, inputs): (Range<usize>, usize),
    grid: Grid,
    out: &mut [f64],
) -> Vec<f64> {
    let after = grid.after(window);
    let mut received = vec![0.0; grid.batch];
    out[..inputs * grid.columns()].fill(0.0);
    for (place, pixels) in windows_of(window, grid).into_iter().enumerate() {
        let sum: f64 = rows
            .clone()
            .map(|row| relevance[row * after.columns() + place])
            .sum();
        received[place / after.plane()] += sum;
        for input in 0..inputs {
            for &pixel in &pixels {
                out[input * grid.columns() + pixel] += sum / (inputs * pixels.len()) as f64;
            }
        }
    }
    received
}

pub(super) fn multiply(relevance: &mut [f64], x: &[f64], channels: usize, grid: Grid) -> Vec<f64> {
    let mut sums = vec![0.0; grid.batch];
    for place in 0..channels * grid.columns() {
        relevance[place] *= x[place];
        sums[place % grid.columns() / grid.plane()] += relevance[place];
    }
    sums
}

pub(super) fn quotient(
    relevance: &mut [f64],
    z: &[f64],
    channels: usize,
    grid: Grid,
    epsilon: f64,
) -> Vec<f64> {
    let mut lost = vec![0.0; grid.batch];
    for place in 0..channels * grid.columns() {
        let q = stable_ratio(relevance[place], z[place], epsilon);
        lost[place % grid.columns() / grid.plane()] += relevance[place] - z[place] * q;
        relevance[place] = q;
    }
    lost
}
