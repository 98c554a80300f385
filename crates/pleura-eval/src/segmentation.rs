//! Agreement of two masks: Dice, intersection over union, and the 95 % Hausdorff distance.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Mean;

/// Resamples of the patients.
const RESAMPLES: usize = 2000;
/// Coverage of the intervals.
const LEVEL: f64 = 0.95;

/// How well a mask agrees with the true one.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Overlap {
    /// 2 |A ∩ B| / (|A| + |B|); 1 if both are empty.
    pub dice: f64,
    /// |A ∩ B| / |A ∪ B| (Jaccard index); 1 if both are empty.
    pub iou: f64,
    /// 95th percentile of the distances between the outlines, in both directions, in pixels; `None` if a mask
    /// is empty.
    pub hausdorff95: Option<f64>,
}

impl Overlap {
    /// The agreement of masks `[height, width]`.
    ///
    /// The outline of a mask is its pixels with one of four neighbours outside; pixels beyond the image are
    /// outside. Distances are from each pixel of an outline to the nearest one of the other, pooled over both
    /// directions; the percentile is linear between values. These are the definitions of MedPy's `hd95`.
    pub fn of(mask: &[bool], truth: &[bool], width: usize) -> Self {
        let count = |wanted: fn(bool, bool) -> bool| {
            mask.iter()
                .zip(truth)
                .filter(|&(&one, &other)| wanted(one, other))
                .count() as f64
        };
        let (both, either) = (count(|a, b| a && b), count(|a, b| a || b));
        let ratio = |above: f64, below: f64| if below == 0.0 { 1.0 } else { above / below };
        Self {
            dice: ratio(2.0 * both, both + either),
            iou: ratio(both, either),
            hausdorff95: hausdorff95(mask, truth, width),
        }
    }
}

/// The agreement of one film's mask with the true one.
#[derive(Clone, Debug, PartialEq)]
pub struct FilmOverlap {
    /// The film's dataset.
    pub dataset: String,
    /// The film's patient.
    pub patient: String,
    /// The agreement; `None` for a film without a mask to judge.
    pub overlap: Option<Overlap>,
    /// The diagonal of the masks, in pixels.
    pub diagonal: f64,
}

/// Agreement on the films of one dataset. Means are over films, with 95 % intervals of a bootstrap over patients.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SourceOverlap {
    /// The dataset; empty for all films together.
    pub dataset: String,
    /// Films without a mask to judge. They are in no mean.
    pub without_mask: usize,
    /// Mean Dice.
    pub dice: Option<Mean>,
    /// Mean intersection over union.
    pub iou: Option<Mean>,
    /// Mean 95 % Hausdorff distance in percent of the diagonal; films whose mask is empty are not in it.
    pub hausdorff95_percent: Option<Mean>,
}

impl SourceOverlap {
    /// Agreement by dataset, in the order of their names; with several datasets, that of all films follows.
    pub fn of(films: &[FilmOverlap]) -> Vec<Self> {
        let mut sources: BTreeMap<&str, Vec<&FilmOverlap>> = BTreeMap::new();
        for film in films {
            sources.entry(&film.dataset).or_default().push(film);
        }
        let pooled = (sources.len() > 1).then(|| Self::of_one("", &films.iter().collect::<Vec<_>>()));
        let each = sources
            .iter()
            .map(|(dataset, films)| Self::of_one(dataset, films));
        each.chain(pooled).collect()
    }

    fn of_one(dataset: &str, films: &[&FilmOverlap]) -> Self {
        let mean = |value: &dyn Fn(&FilmOverlap, &Overlap) -> Option<f64>| {
            let values: Vec<(String, f64)> = films
                .iter()
                .filter_map(|film| Some((film.patient.clone(), value(film, film.overlap.as_ref()?)?)))
                .collect();
            Mean::of(&values, LEVEL, RESAMPLES, 0)
        };
        Self {
            dataset: dataset.to_owned(),
            without_mask: films.iter().filter(|film| film.overlap.is_none()).count(),
            dice: mean(&|_, overlap| Some(overlap.dice)),
            iou: mean(&|_, overlap| Some(overlap.iou)),
            hausdorff95_percent: mean(&|film, overlap| Some(100.0 * overlap.hausdorff95? / film.diagonal)),
        }
    }
}

fn hausdorff95(mask: &[bool], truth: &[bool], width: usize) -> Option<f64> {
    let outlines = [outline(mask, width), outline(truth, width)];
    if outlines.iter().any(|outline| !outline.contains(&true)) {
        return None;
    }
    let mut distances = Vec::new();
    for (from, to) in [(0, 1), (1, 0)] {
        let squared = squared_distances(&outlines[to], width);
        let of_outline = outlines[from].iter().zip(squared).filter(|&(&on, _)| on);
        distances.extend(of_outline.map(|(_, squared)| squared.sqrt()));
    }
    distances.sort_by(f64::total_cmp);
    let place = 0.95 * (distances.len() - 1) as f64;
    let (lower, share) = (place.floor() as usize, place.fract());
    let upper = (lower + 1).min(distances.len() - 1);
    Some((1.0 - share) * distances[lower] + share * distances[upper])
}

fn outline(mask: &[bool], width: usize) -> Vec<bool> {
    let height = mask.len() / width.max(1);
    let inside = |row: usize, column: usize| mask[row * width + column];
    (0..mask.len())
        .map(|pixel| {
            let (row, column) = (pixel / width, pixel % width);
            let surrounded = row > 0
                && row + 1 < height
                && column > 0
                && column + 1 < width
                && inside(row - 1, column)
                && inside(row + 1, column)
                && inside(row, column - 1)
                && inside(row, column + 1);
            mask[pixel] && !surrounded
        })
        .collect()
}

/// The squared distance of each pixel to the nearest marked one, exactly (Felzenszwalb and Huttenlocher,
/// *Distance transforms of sampled functions*, 2012): along columns, then along rows.
fn squared_distances(marked: &[bool], width: usize) -> Vec<f64> {
    let height = marked.len() / width.max(1);
    let mut field: Vec<f64> = marked
        .iter()
        .map(|&marked| if marked { 0.0 } else { f64::INFINITY })
        .collect();
    let mut line = Vec::with_capacity(width.max(height));
    for column in 0..width {
        line.clear();
        line.extend((0..height).map(|row| field[row * width + column]));
        for (row, value) in along(&line).into_iter().enumerate() {
            field[row * width + column] = value;
        }
    }
    for row in field.chunks_exact_mut(width.max(1)) {
        let found = along(row);
        row.copy_from_slice(&found);
    }
    field
}

/// min over q of (p − q)² + values[q], for each p: the lower envelope of parabolas.
fn along(values: &[f64]) -> Vec<f64> {
    // Parabolas of the envelope, each with the place from which it is the lowest.
    let mut envelope: Vec<(usize, f64)> = Vec::new();
    for (at, &value) in values.iter().enumerate().filter(|(_, value)| value.is_finite()) {
        let mut from = f64::NEG_INFINITY;
        while let Some(&(last, begins)) = envelope.last() {
            let (p, q) = (at as f64, last as f64);
            from = ((value + p * p) - (values[last] + q * q)) / (2.0 * (p - q));
            if from > begins {
                break;
            }
            envelope.pop();
            from = f64::NEG_INFINITY;
        }
        envelope.push((at, from));
    }
    let mut current = 0;
    (0..values.len())
        .map(|at| {
            let place = at as f64;
            while envelope.get(current + 1).is_some_and(|&(_, from)| from < place) {
                current += 1;
            }
            envelope.get(current).map_or(f64::INFINITY, |&(parabola, _)| {
                let away = place - parabola as f64;
                away * away + values[parabola]
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const WIDTH: usize = 24;

    /// An ellipse and a shifted, smaller one, on 20 × 24 pixels.
    fn ellipse(row: f64, column: f64, down: f64, across: f64) -> Vec<bool> {
        (0..20 * WIDTH)
            .map(|pixel| {
                let y = ((pixel / WIDTH) as f64 - row) / down;
                let x = ((pixel % WIDTH) as f64 - column) / across;
                x * x + y * y <= 1.0
            })
            .collect()
    }

    /// scikit-learn 1.9's f1_score and jaccard_score, and MedPy's hd95 written out with
    /// scipy.ndimage.distance_transform_edt and numpy.percentile, of the same masks.
    #[test]
    fn the_measures_are_those_of_other_programs() {
        let found = Overlap::of(
            &ellipse(9.0, 11.0, 6.0, 8.0),
            &ellipse(10.0, 13.0, 7.0, 5.0),
            WIDTH,
        );
        let (dice, iou, hausdorff) = OTHERS;
        assert!((found.dice - dice).abs() < 1e-9, "{found:?}");
        assert!((found.iou - iou).abs() < 1e-9, "{found:?}");
        assert!((found.hausdorff95.unwrap() - hausdorff).abs() < 1e-9, "{found:?}");
    }

    const OTHERS: (f64, f64, f64) = (
        0.732_283_464_566_929_2,
        0.577_639_751_552_795,
        4.349_975_339_715_908,
    );

    #[test]
    fn distances_are_those_of_all_pairs() {
        let marked: Vec<bool> = (0..20 * WIDTH).map(|pixel| pixel * 7919 % 83 == 5).collect();
        let fast = squared_distances(&marked, WIDTH);
        for (pixel, fast) in fast.iter().enumerate() {
            let (y, x) = ((pixel / WIDTH) as f64, (pixel % WIDTH) as f64);
            let slow = (0..marked.len())
                .filter(|&other| marked[other])
                .map(|other| {
                    let (v, u) = ((other / WIDTH) as f64, (other % WIDTH) as f64);
                    (x - u) * (x - u) + (y - v) * (y - v)
                })
                .fold(f64::INFINITY, f64::min);
            assert_eq!(*fast, slow, "{pixel}");
        }
    }

    #[test]
    fn equal_and_empty_masks_have_a_value() {
        let mask = ellipse(9.0, 11.0, 6.0, 8.0);
        let same = Overlap::of(&mask, &mask, WIDTH);
        assert_eq!((same.dice, same.iou, same.hausdorff95), (1.0, 1.0, Some(0.0)));
        let empty = vec![false; mask.len()];
        assert_eq!(Overlap::of(&empty, &empty, WIDTH).dice, 1.0);
        let none = Overlap::of(&mask, &empty, WIDTH);
        assert_eq!((none.dice, none.iou, none.hausdorff95), (0.0, 0.0, None));
    }
}
