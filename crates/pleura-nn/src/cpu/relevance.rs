//! Relevance's elementwise steps: a row goes piece by piece through short vector loops while it is in cache.
//!
//! Values are `f32`, sums `f64`, in an order that depends on the row alone. What bias and ε take of a row needs no sums of its own:
//! with `q = r / s(z)` it is `t · Σ q` and `ε · Σ sgn(z) q`.

mod loops;

use rayon::prelude::*;

use self::loops::{
    Line, add_product, add_scaled, add_wide, arrive, divide, double, multiply, plus, plus_turned, quarter,
    signed, sum,
};
use super::path::Path;
use super::{Cpu, Tensor};
use crate::architecture::Window;
use crate::backend::{Account, Affine, Arriving, Grid, Kernel, Place, Producer, Share, Unpooled};

/// Columns of a row that go through all loops before the next ones follow.
const PIECE: usize = 1024;
/// Values that are worth a task of their own.
const TASK: usize = 8192;

/// `W⁺` of all outputs, `(−W)⁺` of those turned.
pub(super) fn rectify(kernel: Kernel<'_, Tensor>, turned: &[usize]) -> Tensor {
    let Kernel { weights, outputs, .. } = kernel;
    let size = weights.len() / outputs;
    let mut out = Vec::with_capacity((outputs + turned.len()) * size);
    out.extend(weights.iter().map(|w| w.max(0.0)));
    for row in turned {
        out.extend(
            weights[row * size..(row + 1) * size]
                .iter()
                .map(|w| (-w).max(0.0)),
        );
    }
    out
}

/// A row's two places in the map of shares.
struct Slots<'a> {
    upright: &'a mut [f32],
    turned: Option<&'a mut [f32]>,
}

/// The places of all rows, each handed out once.
fn slots<'a>(out: &'a mut [f32], columns: usize, places: &[Place]) -> Vec<Slots<'a>> {
    let mut free: Vec<Option<&mut [f32]>> = out.chunks_exact_mut(columns).map(Some).collect();
    let mut take = |row: usize| {
        let slot = free.get_mut(row).and_then(Option::take);
        slot.unwrap_or_else(|| panic!("row {row} of the shares is not there or has two owners"))
    };
    let slots = places.iter().map(|place| Slots {
        upright: take(place.upright),
        turned: place.turned.map(&mut take),
    });
    slots.collect()
}

/// One row on its way.
struct Row<'a> {
    path: Path,
    line: Line,
    epsilon: f64,
    rule: RowRule<'a>,
}

#[derive(Clone, Copy)]
enum RowRule<'a> {
    Epsilon,
    Diagonal,
    /// The product with positive weights, and whether the norm turns the sign.
    Plus(&'a [f32], bool),
}

impl Row<'_> {
    /// Shares out `r` at columns `from..from + r.len()`, where the convolution's output is `x`; leaves `r / s(z)`.
    fn send(&self, r: &mut [f32], x: &[f32], from: usize, out: &mut [f32], account: &mut Account) {
        let (path, line) = (self.path, self.line);
        let bias = match self.rule {
            RowRule::Plus(positive, turned) => {
                let positive = &positive[from..from + r.len()];
                let merged = Line {
                    scale: line.scale.abs(),
                    shift: line.shift.max(0.0),
                };
                let epsilon = self.epsilon as f32;
                if epsilon == 0.0 {
                    let part = |i: usize| if turned { positive[i] - x[i] } else { positive[i] };
                    account.epsilon += stuck(r, |i| merged.at(part(i).max(0.0)));
                }
                if turned {
                    plus_turned(path, r, positive, x, merged, epsilon, out);
                } else {
                    plus(path, r, positive, merged, epsilon, out);
                }
                let q = sum(path, r);
                account.epsilon += self.epsilon * q;
                f64::from(merged.shift) * q
            }
            RowRule::Epsilon | RowRule::Diagonal => {
                account.epsilon += quotient(path, r, x, line, self.epsilon);
                if matches!(self.rule, RowRule::Diagonal) {
                    add_product(path, r, x, line.scale, out);
                } else {
                    add_scaled(path, r, line.scale, out);
                }
                f64::from(line.shift) * sum(path, r)
            }
        };
        account.bias += bias;
    }
}

/// `r ← r / s(z)` with `z = line(x)`; returns what the ε takes, `Σ (r − z q) = ε Σ sgn(z) q`, and what has no denominator.
fn quotient(path: Path, r: &mut [f32], x: &[f32], line: Line, epsilon: f64) -> f64 {
    let narrow = epsilon as f32;
    let lost = if narrow == 0.0 {
        stuck(r, |i| line.at(x[i]))
    } else {
        0.0
    };
    divide(path, x, line, narrow, r);
    if narrow == 0.0 {
        lost
    } else {
        epsilon * signed(path, r, x, line)
    }
}

/// The relevance whose denominator is nothing, as it can be only without an ε.
fn stuck(r: &[f32], denominator: impl Fn(usize) -> f32) -> f64 {
    let stuck = r
        .iter()
        .enumerate()
        .filter(|&(place, _)| denominator(place) == 0.0);
    stuck.map(|(_, &r)| f64::from(r)).sum()
}

impl Cpu {
    pub(super) fn share_rows(&self, share: Share<'_, Tensor>) -> Vec<Account> {
        let Share {
            producer,
            arriving,
            rows,
            raw,
            affine,
            grid,
            unpooled,
            places,
            first,
            out,
        } = share;
        let columns = grid.columns();
        let below = unpooled.as_ref().map_or(grid, |unpooled| unpooled.grid);
        let mut accounts = vec![Account::default(); rows.len() * grid.batch];
        let slots = slots(out, below.columns(), &places[..rows.len()]);
        let scratch = || {
            let up = if unpooled.is_some() { below.plane() } else { 0 };
            (vec![0f32; grid.plane().max(up)], vec![0f32; up])
        };
        let work = |(r, up): &mut (Vec<f32>, Vec<f32>),
                    (index, (slots, accounts)): (usize, (Slots<'_>, &mut [Account]))| {
            let row = rows.start + index;
            let line = line(affine, row);
            let (epsilon, rule) = match producer {
                Producer::Epsilon { epsilon } => (epsilon, RowRule::Epsilon),
                Producer::Diagonal { epsilon } => (epsilon, RowRule::Diagonal),
                Producer::Plus { epsilon, positive } => {
                    let positive = &positive[index * below.columns()..(index + 1) * below.columns()];
                    let turned = line.scale < 0.0;
                    (epsilon, RowRule::Plus(positive, turned))
                }
            };
            let turned = matches!(rule, RowRule::Plus(_, true));
            let (out, other) = match (turned, slots.turned) {
                (false, other) => (slots.upright, other),
                (true, Some(turned)) => (turned, Some(slots.upright)),
                (true, None) => panic!("row {row} turns its sign and has no place for that"),
            };
            if let (true, Some(other)) = (first, other) {
                other.fill(0.0);
            }
            let row = Row {
                path: self.path,
                line,
                epsilon,
                rule,
            };
            let place = (rows.start + index) * columns;
            let (raw, arriving) = (
                &raw[place..place + columns],
                match arriving {
                    Arriving::Relevance(relevance) => Arriving::Relevance(&relevance[place..place + columns]),
                    Arriving::Factor(factor) => Arriving::Factor(&factor[place..place + columns]),
                },
            );
            for (image, account) in accounts.iter_mut().enumerate() {
                if let Some(Unpooled {
                    raw: unpooled,
                    epsilon,
                    ..
                }) = &unpooled
                {
                    let unpooled = &unpooled[index * below.columns()..(index + 1) * below.columns()];
                    let (from, to) = (image * grid.plane(), (image + 1) * grid.plane());
                    account.received += self.take(&arriving, raw, line, from..to, &mut r[..to - from]);
                    let pooled = &mut r[..to - from];
                    account.epsilon += quotient(self.path, pooled, &raw[from..to], line, *epsilon);
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
                        let (x, out) = (&unpooled[piece.clone()], &mut out[piece.clone()]);
                        quarter(self.path, &up[within], x, line, r);
                        if first {
                            out.fill(0.0);
                        }
                        row.send(r, x, piece.start, out, account);
                    }
                } else {
                    for piece in pieces(image, grid) {
                        let r = &mut r[..piece.len()];
                        account.received += self.take(&arriving, raw, line, piece.clone(), r);
                        let (x, out) = (&raw[piece.clone()], &mut out[piece.clone()]);
                        if first {
                            out.fill(0.0);
                        }
                        row.send(r, x, piece.start, out, account);
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
    fn take(
        &self,
        arriving: &Arriving<'_, [f32]>,
        raw: &[f32],
        line: Line,
        piece: std::ops::Range<usize>,
        r: &mut [f32],
    ) -> f64 {
        match arriving {
            Arriving::Relevance(relevance) => {
                r.copy_from_slice(&relevance[piece]);
            }
            Arriving::Factor(factor) => arrive(self.path, &factor[piece.clone()], &raw[piece], line, r),
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

    /// The flat rule. A window's equal shares are a box, so they spread along rows and then over rows.
    pub(super) fn spread_flat(
        &self,
        window: Window,
        relevance: &[f32],
        (channels, inputs): (usize, usize),
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
                for channel in 0..channels {
                    let place = channel * after.columns() + number * after.width;
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

fn line(affine: &Affine<Tensor>, row: usize) -> Line {
    Line {
        scale: affine.scale[row],
        shift: affine.shift[row],
    }
}

/// The columns of one image, cut into pieces.
fn pieces(image: usize, grid: Grid) -> impl Iterator<Item = std::ops::Range<usize>> {
    let (from, to) = (image * grid.plane(), (image + 1) * grid.plane());
    (from..to)
        .step_by(PIECE)
        .map(move |start| start..(start + PIECE).min(to))
}
