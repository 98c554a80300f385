//! Relevance's elementwise steps: a row goes piece by piece through short vector loops while it is in cache.
//!
//! Values are `f32`, sums `f64`, in an order that depends on the row alone. What bias and ε take of a row needs no sums of its own:
//! with `q = r / s(z)` it is `t · Σ q` and `ε · Σ sgn(z) q`.

#![allow(
    clippy::inline_always,
    reason = "what a loop calls must be compiled with the loop's instructions"
)]

use rayon::prelude::*;

use super::path::{self, Path};
use super::{Cpu, Tensor};
use crate::architecture::Window;
use crate::backend::{Account, Affine, Arriving, Grid, Kernel, Place, Producer, Share, Unpooled};

/// Columns of a row that go through all loops before the next ones follow.
const PIECE: usize = 1024;
/// Values that are worth a task of their own.
const TASK: usize = 8192;

/// Runs `step` on eight values of each slice after the other; behind the end of the slices it sees zeros.
#[inline(always)]
fn in_eights<const N: usize>(
    read: [&[f32]; N],
    write: &mut [f32],
    mut step: impl FnMut([&[f32; 8]; N], &mut [f32; 8]),
) {
    let read = read.map(|values| values[..write.len()].as_chunks::<8>());
    let (whole, rest) = write.as_chunks_mut::<8>();
    for (number, write) in whole.iter_mut().enumerate() {
        step(read.map(|(whole, _)| &whole[number]), write);
    }
    if !rest.is_empty() {
        let mut filled = [[0f32; 8]; N];
        for (filled, (_, rest)) in filled.iter_mut().zip(read) {
            filled[..rest.len()].copy_from_slice(rest);
        }
        let mut last = [0f32; 8];
        last[..rest.len()].copy_from_slice(rest);
        step(std::array::from_fn(|index| &filled[index]), &mut last);
        rest.copy_from_slice(&last[..rest.len()]);
    }
}

/// `r / n`, or nothing where `n` is nothing.
#[inline(always)]
fn ratio(r: f32, n: f32) -> f32 {
    if n == 0.0 { 0.0 } else { r / n }
}

/// What had no denominator.
#[inline(always)]
fn stuck(r: f32, n: f32) -> f32 {
    if n == 0.0 { r } else { 0.0 }
}

/// Sums over a piece of a row.
#[derive(Clone, Copy, Default)]
pub(super) struct Sent {
    /// `Σ q`.
    q: f64,
    /// `Σ sgn(z) q`.
    signed: f64,
    /// Relevance without a denominator, as there is where ε is nothing.
    lost: f64,
}

/// [`Sent`] in eight lanes.
#[derive(Default)]
struct Lanes {
    q: [f64; 8],
    signed: [f64; 8],
    lost: [f64; 8],
}

impl Lanes {
    fn total(&self) -> Sent {
        Sent {
            q: self.q.iter().sum(),
            signed: self.signed.iter().sum(),
            lost: self.lost.iter().sum(),
        }
    }
}

/// `scale · x + shift`.
#[derive(Clone, Copy)]
pub(super) struct Line {
    scale: f32,
    shift: f32,
}

per_path! {
    /// `r = factor · relu(line(x))`; returns `Σ r`.
    fn arrive(factor: &[f32], x: &[f32], line: Line, r: &mut [f32]) -> f64 {
        let mut sum = [0f64; 8];
        in_eights([factor, x], r, |[factor, x], r| {
            for i in 0..8 {
                r[i] = factor[i] * (line.scale * x[i] + line.shift).max(0.0);
                sum[i] += f64::from(r[i]);
            }
        });
        sum.iter().sum()
    }
}

per_path! {
    /// `r ← r / s(z)` with `z = line(x)`.
    fn divide(x: &[f32], line: Line, epsilon: f32, r: &mut [f32]) -> Sent {
        let mut sums = Lanes::default();
        in_eights([x], r, |[x], r| {
            for i in 0..8 {
                let z = line.scale * x[i] + line.shift;
                let n = if z < 0.0 { z - epsilon } else { z + epsilon };
                sums.lost[i] += f64::from(stuck(r[i], n));
                r[i] = ratio(r[i], n);
                sums.signed[i] += f64::from(if z < 0.0 { -r[i] } else { r[i] });
            }
        });
        sums.total()
    }
}

per_path! {
    /// Each value twice.
    fn double(values: &[f32], out: &mut [f32]) {
        for (out, &value) in out.as_chunks_mut::<2>().0.iter_mut().zip(values) {
            *out = [value; 2];
        }
    }
}

per_path! {
    /// `r = ¼ · line(x) · q`.
    fn quarter(q: &[f32], x: &[f32], line: Line, r: &mut [f32]) {
        in_eights([q, x], r, |[q, x], r| {
            for i in 0..8 {
                r[i] = 0.25 * (line.scale * x[i] + line.shift) * q[i];
            }
        });
    }
}

per_path! {
    /// The z⁺ rule: `out += magnitude · r / s(magnitude · part + bias)` with `part` the positive weights' product, or, less the
    /// whole product `x`, the negated negative ones'. It is clamped at 0, where it cannot be below but by rounding.
    fn plus(
        r: &[f32], positive: &[f32], x: &[f32], turned: bool, magnitude: f32, bias: f32, epsilon: f32, out: &mut [f32],
    ) -> Sent {
        let mut sums = Lanes::default();
        in_eights([r, positive, x], out, |[r, positive, x], out| {
            for i in 0..8 {
                let part = if turned { positive[i] - x[i] } else { positive[i] };
                let n = magnitude * part.max(0.0) + bias + epsilon;
                let q = ratio(r[i], n);
                out[i] += magnitude * q;
                sums.q[i] += f64::from(q);
                sums.lost[i] += f64::from(stuck(r[i], n));
            }
        });
        Sent { signed: sums.q.iter().sum(), ..sums.total() }
    }
}

per_path! {
    /// The ε rule: `out += scale · r / s(line(x))`, for a diagonal layer `out += scale · x · r / s(line(x))`.
    fn through_line(r: &[f32], x: &[f32], line: Line, diagonal: bool, epsilon: f32, out: &mut [f32]) -> Sent {
        let mut sums = Lanes::default();
        in_eights([r, x], out, |[r, x], out| {
            for i in 0..8 {
                let z = line.scale * x[i] + line.shift;
                let n = if z < 0.0 { z - epsilon } else { z + epsilon };
                let q = ratio(r[i], n);
                out[i] += line.scale * if diagonal { x[i] * q } else { q };
                sums.q[i] += f64::from(q);
                sums.signed[i] += f64::from(if z < 0.0 { -q } else { q });
                sums.lost[i] += f64::from(stuck(r[i], n));
            }
        });
        sums.total()
    }
}

per_path! {
    /// Adds a row in double precision.
    fn add_wide(values: &[f32], sums: &mut [f64]) {
        for (sum, &value) in sums.iter_mut().zip(values) {
            *sum += f64::from(value);
        }
    }
}

per_path! {
    /// `r ← r · x`; returns the sum.
    fn multiply(x: &[f32], r: &mut [f32]) -> f64 {
        let mut sum = [0f64; 8];
        in_eights([x], r, |[x], r| {
            for i in 0..8 {
                r[i] *= x[i];
                sum[i] += f64::from(r[i]);
            }
        });
        sum.iter().sum()
    }
}

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
    Line { diagonal: bool },
    Plus { positive: &'a [f32], turned: bool },
}

impl Row<'_> {
    /// Shares out `r` at columns `from..from + r.len()`, where the convolution's output is `x`.
    fn send(&self, r: &[f32], x: &[f32], from: usize, out: &mut [f32], account: &mut Account) {
        let Line { scale, shift } = self.line;
        let epsilon = self.epsilon as f32;
        let (sent, bias) = match self.rule {
            RowRule::Line { diagonal } => (
                through_line(self.path, r, x, self.line, diagonal, epsilon, out),
                shift,
            ),
            RowRule::Plus { positive, turned } => {
                let (positive, bias) = (&positive[from..from + r.len()], shift.max(0.0));
                let sent = plus(self.path, r, positive, x, turned, scale.abs(), bias, epsilon, out);
                (sent, bias)
            }
        };
        account.bias += f64::from(bias) * sent.q;
        account.epsilon += self.epsilon * sent.signed + sent.lost;
    }
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
                Producer::Epsilon { epsilon } => (epsilon, RowRule::Line { diagonal: false }),
                Producer::Diagonal { epsilon } => (epsilon, RowRule::Line { diagonal: true }),
                Producer::Plus { epsilon, positive } => {
                    let positive = &positive[index * below.columns()..(index + 1) * below.columns()];
                    let turned = line.scale < 0.0;
                    (epsilon, RowRule::Plus { positive, turned })
                }
            };
            let turned = matches!(rule, RowRule::Plus { turned: true, .. });
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
                    let kept = divide(
                        self.path,
                        &raw[from..to],
                        line,
                        *epsilon as f32,
                        &mut r[..to - from],
                    );
                    account.epsilon += epsilon * kept.signed + kept.lost;
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
                path::sums(self.path, r).0
            }
            Arriving::Factor(factor) => arrive(self.path, &factor[piece.clone()], &raw[piece], line, r),
        }
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
            sums[number % grid.batch] += multiply(self.path, x, relevance);
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
            let sent = divide(self.path, z, identity, epsilon as f32, relevance);
            lost[number % grid.batch] += epsilon * sent.signed + sent.lost;
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
