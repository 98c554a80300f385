//! The shares of one row, for each rule.

use std::ops::Range;

use super::loops::{
    Line, Turn, add_product, add_scaled, alpha_beta, divide, gamma, plus, plus_negated, signed, sum,
};
use crate::backend::{Account, Place, UniformPart, neuron};
use crate::cpu::Tensor;
use crate::cpu::path::Path;
use crate::rule::{Bias, Rule};

/// The places of a row in the map of shares and in that of uniform parts.
pub(super) struct Slots<'a> {
    sets: [Option<&'a mut [f32]>; 2],
    kept: Option<(&'a mut [f32], f32)>,
    /// The places to clear, piece by piece while they are in cache.
    clear: [bool; 2],
}

/// The places of all rows.
pub(super) fn slots<'a>(
    out: &'a mut [f32],
    kept: Option<UniformPart<'a, Tensor>>,
    columns: usize,
    places: &[Place],
) -> Vec<Slots<'a>> {
    let mut free: Vec<Option<&mut [f32]>> = out.chunks_exact_mut(columns).map(Some).collect();
    let mut take = |row: usize| {
        let slot = free.get_mut(row).and_then(Option::take);
        slot.unwrap_or_else(|| panic!("row {row} of the shares is not there or has two owners"))
    };
    let mut kept: Vec<(&mut [f32], f32)> = kept.map_or_else(Vec::new, |UniformPart { map, row, part }| {
        let rows = map.chunks_exact_mut(columns).skip(row).take(places.len());
        rows.map(|row| (row, part as f32)).rev().collect()
    });
    let slots = places.iter().map(|place| Slots {
        sets: [Some(take(place.direct)), place.negated.map(&mut take)],
        kept: kept.pop(),
        clear: [false; 2],
    });
    slots.collect()
}

/// The places of a piece of the row.
pub(super) struct Piece<'a> {
    from: usize,
    sets: [Option<&'a mut [f32]>; 2],
    kept: Option<(&'a mut [f32], f32)>,
}

impl Slots<'_> {
    /// Starts a row: clears the place that it does not send to.
    pub(super) fn begin(&mut self, row: &Row<'_>) {
        self.clear = row.sends_to();
        for (set, sends) in self.sets.iter_mut().zip(self.clear) {
            if let (Some(set), false) = (set, sends) {
                set.fill(0.0);
            }
        }
        if let Some((kept, _)) = &mut self.kept {
            kept.fill(0.0);
        }
    }

    pub(super) fn piece(&mut self, piece: Range<usize>) -> Piece<'_> {
        let [first, second] = &mut self.sets;
        let sets = [(first, self.clear[0]), (second, self.clear[1])].map(|(set, clear)| {
            let set = set.as_mut().map(|set| &mut set[piece.clone()])?;
            if clear {
                set.fill(0.0);
            }
            Some(set)
        });
        Piece {
            from: piece.start,
            sets,
            kept: self.kept.as_mut().map(|(kept, part)| (&mut kept[piece], *part)),
        }
    }
}

/// One row with its norm and products.
pub(super) struct Row<'a> {
    pub(super) path: Path,
    /// The norm as merged for the rule.
    pub(super) line: Line,
    pub(super) rule: Rule,
    pub(super) bias: Bias,
    /// At the direct and at the negated place; `None` for a norm that is its own layer.
    pub(super) products: Option<[&'a [f32]; 2]>,
}

impl Row<'_> {
    fn flips_sign(&self) -> bool {
        self.line.scale < 0.0
    }

    /// The places that it may send to.
    fn sends_to(&self) -> [bool; 2] {
        match self.rule {
            Rule::AlphaBeta { .. } | Rule::Gamma { .. } => [true; 2],
            Rule::Plus { .. } | Rule::Box { .. } if self.products.is_some() => {
                [!self.flips_sign(), self.flips_sign()]
            }
            _ => [true, false],
        }
    }

    /// Distributes `r`, the relevance of the convolution's outputs `x`. `r` and `second` are scratch
    /// afterwards.
    pub(super) fn send(
        &self,
        (r, second): (&mut [f32], &mut [f32]),
        x: &[f32],
        piece: Piece<'_>,
        account: &mut Account,
    ) {
        let Piece { from, sets, kept } = piece;
        let [first, other] = sets;
        let Some(first) = first else { return };
        let (path, line) = (self.path, self.line);
        let epsilon = self.rule.epsilon();
        let narrow = epsilon as f32;
        let Some([positive, negative]) = self.products else {
            return self.alone(r, x, first, account);
        };
        let size = r.len();
        let (mut share, mut other_share) = (f64::from(line.shift), 0.0);
        let (q, mut other_q);
        other_q = 0.0;
        match self.rule {
            Rule::Epsilon { .. } => {
                account.epsilon += quotient(path, r, x, line, epsilon);
                add_scaled(path, r, line.scale, first);
                q = sum(path, r);
            }
            Rule::Plus { .. } | Rule::Box { .. } => {
                let positive = &positive[from..from + size];
                let line = line.direct();
                share = f64::from(line.shift);
                if epsilon == 0.0 {
                    let flipped = self.flips_sign();
                    let part = |i: usize| if flipped { positive[i] - x[i] } else { positive[i] };
                    account.epsilon += stuck(r, |i| line.at(part(i).max(0.0)));
                }
                match other {
                    Some(out) if self.flips_sign() => plus_negated(path, r, positive, x, line, narrow, out),
                    _ => plus(path, r, positive, line, narrow, first),
                }
                q = sum(path, r);
                account.epsilon += epsilon * q;
            }
            Rule::AlphaBeta { alpha, beta, .. } => {
                let second = &mut second[..size];
                let (positive, negative) = (&positive[from..from + size], &negative[from..from + size]);
                let flipped = self.flips_sign();
                let (own, others) = if flipped {
                    (negative, positive)
                } else {
                    (positive, negative)
                };
                let (up, down) = (
                    line.direct(),
                    Line {
                        scale: line.scale.abs(),
                        shift: (-line.shift).max(0.0),
                    },
                );
                account.epsilon +=
                    alpha * stuck(r, |i| up.at(own[i])) - beta * stuck(r, |i| down.at(others[i]));
                alpha_beta(
                    path,
                    r,
                    second,
                    own,
                    others,
                    (up, down),
                    (alpha as f32, beta as f32),
                    narrow,
                );
                (share, other_share) = (f64::from(up.shift), f64::from(down.shift));
                (q, other_q) = (sum(path, r), sum(path, second));
                account.epsilon += epsilon * (q + other_q);
                let (own, others): (&[f32], &[f32]) = if flipped { (second, r) } else { (r, second) };
                add_scaled(path, own, up.scale, first);
                if let Some(other) = other {
                    add_scaled(path, others, up.scale, other);
                }
            }
            Rule::Gamma { gamma: grown, .. } => {
                let second = &mut second[..size];
                let positive = &positive[from..from + size];
                account.epsilon += stuck(r, |i| line.at(x[i]));
                gamma(
                    path,
                    r,
                    second,
                    x,
                    positive,
                    Turn {
                        line,
                        gamma: grown as f32,
                        epsilon: narrow,
                    },
                );
                let shift = f64::from(line.shift);
                (share, other_share) = (shift + grown * shift.max(0.0), shift + grown * shift.min(0.0));
                (q, other_q) = (sum(path, r), sum(path, second));
                account.epsilon += epsilon * (q - other_q);
                let (direct, negated): (&[f32], &[f32]) = if self.flips_sign() {
                    (second, r)
                } else {
                    (r, second)
                };
                add_scaled(path, direct, line.scale, first);
                if let Some(other) = other {
                    add_scaled(path, negated, line.scale, other);
                }
            }
            Rule::Square { .. } => {
                let squared = Line {
                    scale: line.scale * line.scale,
                    shift: line.shift * line.shift,
                };
                account.epsilon += quotient(path, r, &positive[from..from + size], squared, epsilon);
                add_scaled(path, r, squared.scale, first);
                share = f64::from(squared.shift);
                q = sum(path, r);
            }
            Rule::Flat => {
                if let Some((kept, part)) = kept {
                    add_scaled(path, r, part, kept);
                }
                return;
            }
        }
        match (self.bias, kept) {
            (Bias::Absorb, Some((kept, part))) => {
                add_scaled(path, r, share as f32 * part, kept);
                if other_share != 0.0 {
                    add_scaled(path, &second[..size], other_share as f32 * part, kept);
                }
            }
            _ => account.bias += share * q + other_share * other_q,
        }
    }

    /// The norm is a layer of one input.
    fn alone(&self, r: &mut [f32], x: &[f32], out: &mut [f32], account: &mut Account) {
        let (path, line) = (self.path, self.line);
        if let (Rule::Epsilon { epsilon }, false) = (self.rule, self.bias == Bias::Absorb) {
            account.epsilon += quotient(path, r, x, line, epsilon);
            add_product(path, r, x, line.scale, out);
            account.bias += f64::from(line.shift) * sum(path, r);
            return;
        }
        let [scale, shift] = [line.scale, line.shift].map(f64::from);
        for ((&r, &x), out) in r.iter().zip(x).zip(out) {
            let input = std::iter::once((f64::from(x), scale));
            let rule = (self.rule, self.bias);
            let one = neuron(&input, shift, rule, f64::from(r), |_, part| *out += part as f32);
            account.bias += one.bias;
            account.epsilon += one.epsilon;
        }
    }
}

/// `r ← r / s(z)` with `z = line(x)`. Returns the part of ε, `Σ (r − z q) = ε Σ sgn(z) q`, plus the relevance
/// without a denominator.
pub(super) fn quotient(path: Path, r: &mut [f32], x: &[f32], line: Line, epsilon: f64) -> f64 {
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

/// The relevance whose denominator is 0.
fn stuck(r: &[f32], denominator: impl Fn(usize) -> f32) -> f64 {
    let stuck = r
        .iter()
        .enumerate()
        .filter(|&(place, _)| denominator(place) == 0.0);
    stuck.map(|(_, &r)| f64::from(r)).sum()
}
