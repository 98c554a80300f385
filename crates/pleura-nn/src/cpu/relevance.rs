//! The elementwise steps of relevance: a row passes piece by piece through short vector loops while it is in
//! cache.
//!
//! Values are `f32`, sums `f64`, in an order that depends only on the row. The parts of bias and ε need no
//! sums of their own: with `q = r / s(z)` they are `t · Σ q` and `ε · Σ sgn(z) q`.

mod loops;
mod row;

use std::ops::Range;

use rayon::prelude::*;

use self::loops::{Line, add_scaled, add_wide, arrive, double, multiply, quarter, sum};
use self::row::{Row, Slots, quotient, slots};
use super::{Cpu, Tensor};
use crate::architecture::Window;
use crate::backend::{Account, Grid, IncomingRelevance, Producer, RelevanceStep, Unpooled, merged};
use crate::rule::Rule;

/// Columns of a row that pass through all loops before the next ones follow.
const PIECE: usize = 1024;
/// Values per task.
const TASK: usize = 8192;

/// The relevance that arrives at one row.
struct Arrival<'a> {
    line: Line,
    raw: &'a [f32],
    arriving: IncomingRelevance<'a, [f32]>,
    equal: Option<&'a [f32]>,
}

impl Cpu {
    pub(super) fn share_rows(&self, step: RelevanceStep<'_, Tensor>) -> Vec<Account> {
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
            kept,
        } = step;
        let columns = grid.columns();
        let below = unpooled.as_ref().map_or(grid, |unpooled| unpooled.grid);
        let mut accounts = vec![Account::default(); rows.len() * grid.batch];
        let slots = slots(out, kept, below.columns(), &places[..rows.len()]);
        let scratch = || {
            let up = if unpooled.is_some() { below.plane() } else { 0 };
            let second = match rule {
                Rule::AlphaBeta { .. } | Rule::Gamma { .. } => PIECE,
                _ => 0,
            };
            (
                vec![0f32; grid.plane().max(up)],
                vec![0f32; up],
                vec![0f32; second],
            )
        };
        let work = |(r, up, second): &mut (Vec<f32>, Vec<f32>, Vec<f32>),
                    (index, (mut slots, accounts)): (usize, (Slots<'_>, &mut [Account]))| {
            let number = rows.start + index;
            let norm = (affine.scale[number], affine.shift[number]);
            let at_rule = merged(norm, bias);
            let products = match producer {
                Producer::Diagonal => None,
                Producer::Convolution(products) => {
                    let row =
                        |place: usize| products.get(place * below.columns()..(place + 1) * below.columns());
                    let place = places[index];
                    Some([row(place.direct), place.negated.and_then(row)].map(Option::unwrap_or_default))
                }
            };
            let row = Row {
                path: self.path,
                line: Line::from(at_rule),
                rule,
                bias,
                products,
            };
            if first {
                slots.begin(&row);
            }
            let place = number * columns;
            let arrival = Arrival {
                line: Line::from(norm),
                raw: &raw[place..place + columns],
                arriving: match arriving {
                    IncomingRelevance::Relevance(relevance) => {
                        IncomingRelevance::Relevance(&relevance[place..place + columns])
                    }
                    IncomingRelevance::Factor(factor) => {
                        IncomingRelevance::Factor(&factor[place..place + columns])
                    }
                    IncomingRelevance::Nothing => IncomingRelevance::Nothing,
                },
                equal: equal.map(|equal| &equal[..columns]),
            };
            for (image, account) in accounts.iter_mut().enumerate() {
                if let Some(Unpooled {
                    raw: unpooled,
                    epsilon,
                    ..
                }) = &unpooled
                {
                    let line = Line::from(norm);
                    let unpooled = &unpooled[index * below.columns()..(index + 1) * below.columns()];
                    let (from, to) = (image * grid.plane(), (image + 1) * grid.plane());
                    account.received += self.take(&arrival, from..to, &mut r[..to - from]);
                    let pooled = &mut r[..to - from];
                    account.epsilon += quotient(self.path, pooled, &arrival.raw[from..to], line, *epsilon);
                    for (q, up) in r
                        .chunks_exact(grid.width)
                        .zip(up.chunks_exact_mut(2 * below.width))
                    {
                        let (upper, lower) = up.split_at_mut(below.width);
                        double(self.path, q, upper);
                        lower.copy_from_slice(upper);
                    }
                    for piece in pieces(image, below) {
                        let within = piece.start - image * below.plane()..piece.end - image * below.plane();
                        let r = &mut r[..piece.len()];
                        let x = &unpooled[piece.clone()];
                        quarter(self.path, &up[within], x, line, r);
                        row.send((r, &mut *second), x, slots.piece(piece), account);
                    }
                } else {
                    for piece in pieces(image, grid) {
                        let r = &mut r[..piece.len()];
                        account.received += self.take(&arrival, piece.clone(), r);
                        let x = &arrival.raw[piece.clone()];
                        row.send((r, &mut *second), x, slots.piece(piece), account);
                    }
                }
            }
        };
        slots
            .into_par_iter()
            .zip(accounts.par_chunks_exact_mut(grid.batch))
            .enumerate()
            .with_min_len((TASK / below.columns()).max(1))
            .for_each_init(scratch, work);
        accounts
    }

    /// The relevance of a piece of a row; returns its sum.
    fn take(&self, arrival: &Arrival<'_>, piece: Range<usize>, r: &mut [f32]) -> f64 {
        match arrival.arriving {
            IncomingRelevance::Relevance(relevance) => r.copy_from_slice(&relevance[piece.clone()]),
            IncomingRelevance::Factor(factor) => {
                arrive(
                    self.path,
                    &factor[piece.clone()],
                    &arrival.raw[piece.clone()],
                    arrival.line,
                    r,
                );
            }
            IncomingRelevance::Nothing => r.fill(0.0),
        }
        if let Some(equal) = arrival.equal {
            add_scaled(self.path, &equal[piece], 1.0, r);
        }
        sum(self.path, r)
    }

    pub(super) fn multiply_rows(
        &self,
        relevance: &mut [f32],
        x: &[f32],
        channels: usize,
        grid: Grid,
    ) -> Vec<f64> {
        let mut sums = vec![0.0; grid.batch];
        let planes = relevance[..channels * grid.columns()].chunks_exact_mut(grid.plane());
        for (number, (relevance, x)) in planes.zip(x.chunks_exact(grid.plane())).enumerate() {
            multiply(self.path, x, relevance);
            sums[number % grid.batch] += sum(self.path, relevance);
        }
        sums
    }

    pub(super) fn divide_rows(
        &self,
        relevance: &mut [f32],
        z: &[f32],
        channels: usize,
        grid: Grid,
        epsilon: f64,
    ) -> Vec<f64> {
        let identity = Line {
            scale: 1.0,
            shift: 0.0,
        };
        let mut lost = vec![0.0; grid.batch];
        let planes = relevance[..channels * grid.columns()].chunks_exact_mut(grid.plane());
        for (number, (relevance, z)) in planes.zip(z.chunks_exact(grid.plane())).enumerate() {
            lost[number % grid.batch] += quotient(self.path, relevance, z, identity, epsilon);
        }
        lost
    }

    /// The flat rule. A window's equal parts are a box, so they spread along rows and then over rows.
    pub(super) fn spread_flat(
        &self,
        window: Window,
        relevance: &[f32],
        (rows, inputs): (Range<usize>, usize),
        grid: Grid,
        out: &mut [f32],
    ) -> Vec<f64> {
        let Window {
            kernel,
            stride,
            padding,
        } = window;
        let after = grid.after(window);
        let real = |at: usize, size: usize| {
            let start = at * stride;
            start.saturating_sub(padding).min(size)..(start + kernel).saturating_sub(padding).min(size)
        };
        let mut lines = vec![0f32; after.batch * after.height * grid.width];
        let received: Vec<f64> = lines
            .par_chunks_exact_mut(grid.width)
            .enumerate()
            .map(|(number, line)| {
                let mut sums = vec![0f64; after.width];
                for row in rows.clone() {
                    let place = row * after.columns() + number * after.width;
                    add_wide(self.path, &relevance[place..place + after.width], &mut sums);
                }
                let rows = real(number % after.height, grid.height).len();
                for (x, sum) in sums.iter().enumerate() {
                    let columns = real(x, grid.width);
                    let share = (sum / (inputs * rows * columns.len()).max(1) as f64) as f32;
                    for pixel in &mut line[columns] {
                        *pixel += share;
                    }
                }
                sums.iter().sum()
            })
            .collect();
        let (first, copies) = out[..inputs * grid.columns()].split_at_mut(grid.columns());
        first.fill(0.0);
        first
            .par_chunks_exact_mut(grid.plane())
            .enumerate()
            .for_each(|(image, out)| {
                for y in 0..after.height {
                    let line = &lines[(image * after.height + y) * grid.width..][..grid.width];
                    for row in real(y, grid.height) {
                        for (out, value) in out[row * grid.width..].iter_mut().zip(line) {
                            *out += value;
                        }
                    }
                }
            });
        for copy in copies.chunks_exact_mut(grid.columns()) {
            copy.copy_from_slice(first);
        }
        received
            .chunks_exact(after.height)
            .map(|image| image.iter().sum())
            .collect()
    }
}

/// The columns of one image, cut into pieces.
fn pieces(image: usize, grid: Grid) -> impl Iterator<Item = Range<usize>> {
    let (from, to) = (image * grid.plane(), (image + 1) * grid.plane());
    (from..to)
        .step_by(PIECE)
        .map(move |start| start..(start + PIECE).min(to))
}
