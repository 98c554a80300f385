//! The mask of a network's logits: specks and holes removed, then judged.

use std::fmt;

use super::LungMeasures;

/// Why there is no lung mask.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Implausible {
    /// The lungs' share of the film's area; expected is the range.
    Area {
        /// The share that was found.
        found: f64,
    },
    /// Not one or two parts of a lung's size.
    Parts {
        /// The number that was found.
        found: usize,
    },
    /// One side has nearly all of the area.
    OneSided {
        /// The smaller side's share of the area.
        found: f64,
    },
    /// The box around the lungs is too flat or too narrow for two lungs.
    Shape {
        /// Width divided by height, in film pixels as if the film were square.
        found: f64,
    },
    /// Much of the outline lies on the edge of the film.
    Edge {
        /// The share of the outline.
        found: f64,
    },
    /// The network refused the film.
    Network(String),
}

/// The lungs' share of a film.
const AREA: (f64, f64) = (0.07, 0.60);
/// The smaller side's share of the area.
const SMALLER_SIDE: f64 = 0.15;
/// Width over height of the box, of a film stretched to a square.
const SHAPE: (f64, f64) = (0.6, 2.2);
/// The share of the outline on the edge.
const ON_EDGE: f64 = 0.25;
/// A part smaller than this share of all parts is a speck.
const SPECK: f64 = 0.06;

impl fmt::Display for Implausible {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Area { found } => write!(
                out,
                "the lungs would be {:.0} % of the film, expected {:.0} to {:.0} %",
                100.0 * found,
                100.0 * AREA.0,
                100.0 * AREA.1
            ),
            Self::Parts { found } => write!(out, "the lungs would be in {found} parts, expected 1 or 2"),
            Self::OneSided { found } => write!(
                out,
                "one lung would be {:.0} % of both, expected at least {:.0} %",
                100.0 * found,
                100.0 * SMALLER_SIDE
            ),
            Self::Shape { found } => write!(
                out,
                "the lungs would be {found:.1} times as wide as high, expected {} to {}",
                SHAPE.0, SHAPE.1
            ),
            Self::Edge { found } => write!(
                out,
                "{:.0} % of the lungs' outline would be on the edge of the film, expected at most {:.0} %",
                100.0 * found,
                100.0 * ON_EDGE
            ),
            Self::Network(problem) => write!(out, "the segmentation network refused the film: {problem}"),
        }
    }
}

impl Implausible {
    /// The kind of the reason, in one word.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Area { .. } => "area",
            Self::Parts { .. } => "parts",
            Self::OneSided { .. } => "symmetry",
            Self::Shape { .. } => "shape",
            Self::Edge { .. } => "edge",
            Self::Network(_) => "network",
        }
    }
}

impl std::error::Error for Implausible {}

/// Removes specks, fills holes, and judges the rest. `logits` is `[side, side]`.
pub(super) fn clean(logits: &mut [f32], side: usize) -> Result<LungMeasures, Implausible> {
    let parts = Parts::of(logits, side, |logit| logit > 0.0);
    let inside: usize = parts.sizes.iter().sum();
    let large = |part: u32| parts.sizes[part as usize] as f64 >= SPECK * inside as f64;
    for (logit, &part) in logits.iter_mut().zip(&parts.labels) {
        if part != NONE && !large(part) {
            *logit = -logit.abs();
        }
    }
    let count = (0..parts.sizes.len() as u32).filter(|&part| large(part)).count();
    fill_holes(logits, side);
    judge(logits, side, count)
}

/// Fills the parts of the background that do not touch the edge.
fn fill_holes(logits: &mut [f32], side: usize) {
    let outside = Parts::of(logits, side, |logit| logit <= 0.0);
    let mut open = vec![false; outside.sizes.len()];
    for at in 0..side {
        for pixel in [at, (side - 1) * side + at, at * side, at * side + side - 1] {
            if let Some(open) = open.get_mut(outside.labels[pixel] as usize) {
                *open = true;
            }
        }
    }
    for (logit, &part) in logits.iter_mut().zip(&outside.labels) {
        if part != NONE && !open[part as usize] {
            *logit = logit.abs().max(f32::MIN_POSITIVE);
        }
    }
}

fn judge(logits: &[f32], side: usize, parts: usize) -> Result<LungMeasures, Implausible> {
    let inside = |row: usize, column: usize| logits[row * side + column] > 0.0;
    let (mut area, mut outline, mut on_edge) = (0_usize, 0_usize, 0_usize);
    let (mut left, mut top, mut right, mut bottom) = (side, side, 0, 0);
    for row in 0..side {
        for column in (0..side).filter(|&column| inside(row, column)) {
            area += 1;
            (left, right) = (left.min(column), right.max(column + 1));
            (top, bottom) = (top.min(row), bottom.max(row + 1));
            let edge = row == 0 || column == 0 || row + 1 == side || column + 1 == side;
            if edge {
                on_edge += 1;
                outline += 1;
            } else if !(inside(row - 1, column)
                && inside(row + 1, column)
                && inside(row, column - 1)
                && inside(row, column + 1))
            {
                outline += 1;
            }
        }
    }
    let found = area as f64 / (side * side) as f64;
    if !(AREA.0..=AREA.1).contains(&found) {
        return Err(Implausible::Area { found });
    }
    if !(1..=2).contains(&parts) {
        return Err(Implausible::Parts { found: parts });
    }
    let middle = usize::midpoint(left, right);
    let first = (0..side)
        .flat_map(|row| (left..middle).map(move |column| (row, column)))
        .filter(|&(row, column)| inside(row, column))
        .count();
    let smaller_side = first.min(area - first) as f64 / area as f64;
    let shape = (right - left) as f64 / (bottom - top) as f64;
    if !(SHAPE.0..=SHAPE.1).contains(&shape) {
        return Err(Implausible::Shape { found: shape });
    }
    if smaller_side < SMALLER_SIDE {
        return Err(Implausible::OneSided { found: smaller_side });
    }
    let on_edge = on_edge as f64 / outline.max(1) as f64;
    if on_edge > ON_EDGE {
        return Err(Implausible::Edge { found: on_edge });
    }
    let share = |at: usize| at as f64 / side as f64;
    Ok(LungMeasures {
        area: found,
        parts,
        smaller_side,
        on_edge,
        bounds: [share(left), share(top), share(right), share(bottom)],
    })
}

/// The label of pixels in no part.
const NONE: u32 = u32::MAX;

/// Connected parts (four neighbours) of the pixels that fulfil a condition.
struct Parts {
    /// The part of each pixel, or [`NONE`].
    labels: Vec<u32>,
    /// Pixels of each part.
    sizes: Vec<usize>,
}

impl Parts {
    fn of(logits: &[f32], side: usize, wanted: impl Fn(f32) -> bool) -> Self {
        let mut labels = vec![NONE; logits.len()];
        let mut sizes = Vec::new();
        let mut waiting = Vec::new();
        for start in 0..logits.len() {
            if labels[start] != NONE || !wanted(logits[start]) {
                continue;
            }
            let part = sizes.len() as u32;
            let mut size = 0;
            labels[start] = part;
            waiting.push(start);
            while let Some(pixel) = waiting.pop() {
                size += 1;
                let (row, column) = (pixel / side, pixel % side);
                let neighbours = [
                    (column > 0).then(|| pixel - 1),
                    (column + 1 < side).then(|| pixel + 1),
                    (row > 0).then(|| pixel - side),
                    (row + 1 < side).then(|| pixel + side),
                ];
                for next in neighbours.into_iter().flatten() {
                    if labels[next] == NONE && wanted(logits[next]) {
                        labels[next] = part;
                        waiting.push(next);
                    }
                }
            }
            sizes.push(size);
        }
        Self { labels, sizes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIDE: usize = 40;

    /// Two upright rectangles, 10 × 20, in a square of 40.
    fn two_lungs() -> Vec<f32> {
        let lung = |at: usize, from: usize| (from..from + 10).contains(&(at % SIDE));
        (0..SIDE * SIDE)
            .map(|at| {
                let inside = (10..30).contains(&(at / SIDE)) && (lung(at, 6) || lung(at, 24));
                if inside { 2.0 } else { -2.0 }
            })
            .collect()
    }

    fn put(logits: &mut [f32], row: usize, column: usize, logit: f32) {
        logits[row * SIDE + column] = logit;
    }

    #[test]
    fn two_rectangles_are_lungs() {
        let measures = clean(&mut two_lungs(), SIDE).unwrap();
        assert_eq!(measures.area, 400.0 / 1600.0);
        assert_eq!(measures.parts, 2);
        assert_eq!(measures.smaller_side, 0.5);
        assert_eq!(measures.on_edge, 0.0);
        assert_eq!(measures.bounds, [0.15, 0.25, 0.85, 0.75]);
    }

    #[test]
    fn specks_go_and_holes_are_filled() {
        let mut logits = two_lungs();
        put(&mut logits, 2, 2, 3.0);
        put(&mut logits, 15, 10, -4.0);
        clean(&mut logits, SIDE).unwrap();
        assert_eq!(logits[2 * SIDE + 2], -3.0);
        assert_eq!(logits[15 * SIDE + 10], 4.0);
    }

    #[test]
    fn the_implausible_is_named() {
        let empty = clean(&mut vec![-1.0; SIDE * SIDE], SIDE).unwrap_err();
        assert_eq!(empty, Implausible::Area { found: 0.0 });
        let full = clean(&mut vec![1.0; SIDE * SIDE], SIDE).unwrap_err();
        assert_eq!(full, Implausible::Area { found: 1.0 });

        let mut one = two_lungs();
        for row in 0..SIDE {
            for column in 20..SIDE {
                put(&mut one, row, column, -1.0);
            }
        }
        let found = clean(&mut one, SIDE).unwrap_err();
        assert!(
            matches!(found, Implausible::Shape { .. } | Implausible::OneSided { .. }),
            "{found}"
        );

        let mut band: Vec<f32> = (0..SIDE * SIDE)
            .map(|at| if (0..20).contains(&(at / SIDE)) { 1.0 } else { -1.0 })
            .collect();
        let found = clean(&mut band, SIDE).unwrap_err();
        assert!(found.to_string().contains("on the edge of the film"), "{found}");

        let mut three: Vec<f32> = (0..SIDE * SIDE)
            .map(|at| {
                if (at % SIDE) % 13 < 8 && (5..35).contains(&(at / SIDE)) {
                    1.0
                } else {
                    -1.0
                }
            })
            .collect();
        let found = clean(&mut three, SIDE).unwrap_err();
        assert!(
            matches!(found, Implausible::Parts { found } if found > 2),
            "{found}"
        );
    }
}
