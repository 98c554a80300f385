//! The loops of relevance over a piece of a row, compiled once for each instruction set: flat and without
//! branches, so that they vectorise.

#![allow(
    clippy::inline_always,
    reason = "what a loop calls must be compiled with the loop's instructions"
)]

use crate::cpu::path::Path;

/// `r / n`, and 0 where `n` is 0. Without a branch, so that it vectorises.
#[inline(always)]
fn ratio(r: f32, n: f32) -> f32 {
    r / if n == 0.0 { f32::INFINITY } else { n }
}

/// `scale · x + shift`.
#[derive(Clone, Copy)]
pub(super) struct Line {
    pub(super) scale: f32,
    pub(super) shift: f32,
}

impl From<(f32, f32)> for Line {
    fn from((scale, shift): (f32, f32)) -> Self {
        Self { scale, shift }
    }
}

impl Line {
    /// The line of positive sums: `|scale|` and `shift⁺`.
    pub(super) fn direct(self) -> Self {
        Self {
            scale: self.scale.abs(),
            shift: self.shift.max(0.0),
        }
    }

    #[inline(always)]
    pub(super) fn at(self, x: f32) -> f32 {
        self.scale * x + self.shift
    }

    /// `s(z)`: moves z away from zero by ε.
    #[inline(always)]
    fn stabilised(self, x: f32, epsilon: f32) -> f32 {
        let z = self.at(x);
        if z < 0.0 { z - epsilon } else { z + epsilon }
    }
}

per_path! {
    /// `r = factor · relu(line(x))`.
    fn arrive(factor: &[f32], x: &[f32], line: Line, r: &mut [f32]) {
        for ((r, &factor), &x) in r.iter_mut().zip(factor).zip(x) {
            *r = factor * line.at(x).max(0.0);
        }
    }
}

per_path! {
    /// `r ← r / s(line(x))`.
    fn divide(x: &[f32], line: Line, epsilon: f32, r: &mut [f32]) {
        for (r, &x) in r.iter_mut().zip(x) {
            *r = ratio(*r, line.stabilised(x, epsilon));
        }
    }
}

per_path! {
    /// `Σ q sgn(line(x))`.
    fn signed(q: &[f32], x: &[f32], line: Line) -> f64 {
        let (mut sum, q, x) = ([0f64; 8], q.as_chunks::<8>(), x.as_chunks::<8>());
        let one = |q: f32, x: f32| f64::from(if line.at(x) < 0.0 { -q } else { q });
        for (q, x) in q.0.iter().zip(x.0) {
            for i in 0..8 {
                sum[i] += one(q[i], x[i]);
            }
        }
        sum.iter().sum::<f64>() + q.1.iter().zip(x.1).map(|(&q, &x)| one(q, x)).sum::<f64>()
    }
}

per_path! {
    /// `Σ x`.
    fn sum(x: &[f32]) -> f64 {
        let (mut sum, x) = ([0f64; 16], x.as_chunks::<16>());
        for x in x.0 {
            for i in 0..16 {
                sum[i] += f64::from(x[i]);
            }
        }
        sum.iter().sum::<f64>() + x.1.iter().map(|&x| f64::from(x)).sum::<f64>()
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
        for ((r, &q), &x) in r.iter_mut().zip(q).zip(x) {
            *r = 0.25 * line.at(x) * q;
        }
    }
}

per_path! {
    /// `r ← r / (z⁺ + ε)` with `z⁺ = line(part)`, and `out += scale · r`. The product of positive weights can
    /// only be below 0 by rounding; it is clamped.
    fn plus(r: &mut [f32], part: &[f32], line: Line, epsilon: f32, out: &mut [f32]) {
        for ((r, &part), out) in r.iter_mut().zip(part).zip(out) {
            *r = ratio(*r, line.at(part.max(0.0)) + epsilon);
            *out += line.scale * *r;
        }
    }
}

per_path! {
    /// As [`plus`], with the product of the negated negative weights: that of the positive ones minus the
    /// whole, `x`.
    fn plus_negated(r: &mut [f32], positive: &[f32], x: &[f32], line: Line, epsilon: f32, out: &mut [f32]) {
        for (((r, &positive), &x), out) in r.iter_mut().zip(positive).zip(x).zip(out) {
            *r = ratio(*r, line.at((positive - x).max(0.0)) + epsilon);
            *out += line.scale * *r;
        }
    }
}

per_path! {
    /// `r ← α r / (up(own) + ε)` and `second ← −β r / (down(others) + ε)`, 0 where a sum is 0.
    fn alpha_beta(
        r: &mut [f32],
        second: &mut [f32],
        own: &[f32],
        others: &[f32],
        lines: (Line, Line),
        factors: (f32, f32),
        epsilon: f32,
    ) {
        let ((up, down), (alpha, beta)) = (lines, factors);
        for (((r, second), &own), &others) in r.iter_mut().zip(second).zip(own).zip(others) {
            let (above, below) = (up.at(own), down.at(others));
            *second = -beta * *r / if below == 0.0 { f32::INFINITY } else { below + epsilon };
            *r = alpha * *r / if above == 0.0 { f32::INFINITY } else { above + epsilon };
        }
    }
}

/// The numbers of the γ rule for a row.
#[derive(Clone, Copy)]
pub(super) struct Turn {
    pub(super) line: Line,
    pub(super) gamma: f32,
    pub(super) epsilon: f32,
}

per_path! {
    /// The γ rule: `r ← r / (z + γ (|s| R⁺ + t⁺) + ε)` where `z > 0`, `second ← r / (z − γ (|s| R⁻ + |t⁻|) −
    /// ε)` where `z < 0`, 0 elsewhere.
    fn gamma(r: &mut [f32], second: &mut [f32], x: &[f32], positive: &[f32], rule: Turn) {
        let Turn { line, gamma, epsilon } = rule;
        let (size, up, down) = (line.scale.abs(), line.shift.max(0.0), (-line.shift).max(0.0));
        let flipped = line.scale < 0.0;
        for (((r, second), &x), &positive) in r.iter_mut().zip(second).zip(x).zip(positive) {
            let negative = (positive - x).max(0.0);
            let (own, others) = if flipped { (negative, positive) } else { (positive, negative) };
            let z = line.at(x);
            let above = z + gamma * (size * own + up) + epsilon;
            let below = z - gamma * (size * others + down) - epsilon;
            *second = *r / if z < 0.0 { below } else { f32::INFINITY };
            *r /= if z > 0.0 { above } else { f32::INFINITY };
        }
    }
}

per_path! {
    /// `out += scale · q`.
    fn add_scaled(q: &[f32], scale: f32, out: &mut [f32]) {
        for (out, &q) in out.iter_mut().zip(q) {
            *out += scale * q;
        }
    }
}

per_path! {
    /// `out += scale · x · q`.
    fn add_product(q: &[f32], x: &[f32], scale: f32, out: &mut [f32]) {
        for ((out, &q), &x) in out.iter_mut().zip(q).zip(x) {
            *out += scale * x * q;
        }
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
    /// `r ← r · x`.
    fn multiply(x: &[f32], r: &mut [f32]) {
        for (r, &x) in r.iter_mut().zip(x) {
            *r *= x;
        }
    }
}
