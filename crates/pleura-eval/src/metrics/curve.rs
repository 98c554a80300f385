//! ROC and precision–recall curves and their areas.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A point of a ROC curve: films with scores of `threshold` or above are predicted positive.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RocPoint {
    /// 1 − specificity.
    pub false_positive_rate: f64,
    /// Sensitivity.
    pub true_positive_rate: f64,
    /// Lowest score that is predicted positive; `None` at the start of the curve.
    pub threshold: Option<f64>,
}

/// A point of a precision–recall curve.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PrPoint {
    /// Sensitivity.
    pub recall: f64,
    /// Positive predictive value.
    pub precision: f64,
    /// Lowest score that is predicted positive.
    pub threshold: f64,
}

/// Films in order of falling score, with equal scores grouped.
pub(crate) struct Ranking {
    /// Film and whether it is positive, best score first.
    order: Vec<(u32, bool)>,
    /// End of each group of equal scores in `order`, and the score.
    groups: Vec<(usize, f64)>,
}

/// Both areas for one weighting of the films; NaN where undefined.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Areas {
    pub(crate) auc: f64,
    pub(crate) average_precision: f64,
}

impl Ranking {
    /// Ranks (film, score, positive).
    pub(crate) fn new(films: impl IntoIterator<Item = (u32, f64, bool)>) -> Self {
        let mut films: Vec<(u32, f64, bool)> = films.into_iter().collect();
        films.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        let mut groups = Vec::new();
        for (place, &(_, score, _)) in films.iter().enumerate() {
            // −0 and +0 sort apart but are the same score.
            if films.get(place + 1).is_none_or(|next| next.1 != score) {
                groups.push((place + 1, score));
            }
        }
        Self {
            order: films
                .into_iter()
                .map(|(film, _, positive)| (film, positive))
                .collect(),
            groups,
        }
    }

    /// Positives and negatives down to each group's score, where each film counts `weight(film)` times.
    fn predicted_positive(&self, weight: impl Fn(u32) -> u64) -> impl Iterator<Item = (u64, u64, f64)> {
        let (mut start, mut positives, mut negatives) = (0, 0, 0);
        self.groups.iter().map(move |&(end, score)| {
            for &(film, positive) in &self.order[start..end] {
                *if positive { &mut positives } else { &mut negatives } += weight(film);
            }
            start = end;
            (positives, negatives, score)
        })
    }

    pub(crate) fn areas(&self, weight: impl Fn(u32) -> u64) -> Areas {
        let (mut tp, mut fp, mut twice_won, mut sum) = (0, 0, 0_u64, 0.0);
        for (positives, negatives, _) in self.predicted_positive(weight) {
            // A negative loses to every positive above it and to half of those that tie with it: the
            // Mann–Whitney count with midranks, doubled to stay an integer.
            twice_won += (negatives - fp) * (tp + positives);
            if positives > tp {
                sum += (positives - tp) as f64 * (positives as f64 / (positives + negatives) as f64);
            }
            (tp, fp) = (positives, negatives);
        }
        Areas {
            auc: twice_won as f64 / (2 * tp * fp) as f64,
            average_precision: if tp == 0 { f64::NAN } else { sum / tp as f64 },
        }
    }

    fn roc(&self) -> Vec<RocPoint> {
        let (tp, fp) = self.totals();
        if tp == 0 || fp == 0 {
            return Vec::new();
        }
        let start = RocPoint {
            false_positive_rate: 0.0,
            true_positive_rate: 0.0,
            threshold: None,
        };
        let rest = self
            .predicted_positive(|_| 1)
            .map(|(positives, negatives, score)| RocPoint {
                false_positive_rate: negatives as f64 / fp as f64,
                true_positive_rate: positives as f64 / tp as f64,
                threshold: Some(score),
            });
        std::iter::once(start).chain(rest).collect()
    }

    fn precision_recall(&self) -> Vec<PrPoint> {
        let (tp, _) = self.totals();
        if tp == 0 {
            return Vec::new();
        }
        self.predicted_positive(|_| 1)
            .map(|(positives, negatives, threshold)| PrPoint {
                recall: positives as f64 / tp as f64,
                precision: positives as f64 / (positives + negatives) as f64,
                threshold,
            })
            .collect()
    }

    fn totals(&self) -> (u64, u64) {
        self.predicted_positive(|_| 1)
            .last()
            .map_or((0, 0), |(tp, fp, _)| (tp, fp))
    }

    /// The ROC curve for drawing: see [`thin`].
    pub(crate) fn drawn_roc(&self, most: usize) -> Vec<RocPoint> {
        thin(&self.roc(), most, |point| {
            (point.false_positive_rate, point.true_positive_rate)
        })
    }

    /// The precision–recall curve for drawing: see [`thin`].
    pub(crate) fn drawn_pr(&self, most: usize) -> Vec<PrPoint> {
        thin(&self.precision_recall(), most, |point| {
            (point.recall, point.precision)
        })
    }
}

/// Area under the ROC curve of `scores` for `positive` (equal lengths): the probability that a positive film
/// ranks above a negative one; ties count half. `None` unless both kinds of films exist.
///
/// J. A. Hanley and B. J. McNeil, Radiology 143 (1982) 29–36; computed from ranks, exact to rounding.
pub fn auc(scores: &[f64], positive: &[bool]) -> Option<f64> {
    Some(rank(scores, positive).areas(|_| 1).auc).filter(|area| !area.is_nan())
}

/// Average precision Σ (Rₙ − Rₙ₋₁) Pₙ over distinct scores, without interpolation. `None` without positives.
pub fn average_precision(scores: &[f64], positive: &[bool]) -> Option<f64> {
    Some(rank(scores, positive).areas(|_| 1).average_precision).filter(|area| !area.is_nan())
}

/// The complete ROC curve, one point per distinct score, from (0, 0) to (1, 1). Empty unless both kinds of
/// films exist.
pub fn roc_curve(scores: &[f64], positive: &[bool]) -> Vec<RocPoint> {
    rank(scores, positive).roc()
}

/// The complete precision–recall curve, one point per distinct score, by rising recall. Empty without
/// positives.
///
/// scikit-learn lists it in reverse and adds a last point (recall 0, precision 1) that no threshold reaches.
pub fn pr_curve(scores: &[f64], positive: &[bool]) -> Vec<PrPoint> {
    rank(scores, positive).precision_recall()
}

fn rank(scores: &[f64], positive: &[bool]) -> Ranking {
    Ranking::new(
        scores
            .iter()
            .zip(positive)
            .enumerate()
            .map(|(film, (&score, &yes))| (film as u32, score, yes)),
    )
}

/// Drops points inside straight lines; if more than `most` remain, keeps points at equal steps along the
/// curve. The ends are always kept.
fn thin<P: Copy>(points: &[P], most: usize, place: impl Fn(&P) -> (f64, f64)) -> Vec<P> {
    let mut kept: Vec<P> = Vec::new();
    for point in points {
        while let [.., before, last] = kept[..] {
            let ((x0, y0), (x1, y1), (x2, y2)) = (place(&before), place(&last), place(point));
            let bend = (x1 - x0) * (y2 - y1) - (x2 - x1) * (y1 - y0);
            // Rates are ratios of counts below 2³², so a real bend is far above rounding.
            let onward = (x1 - x0) * (x2 - x1) >= 0.0 && (y1 - y0) * (y2 - y1) >= 0.0;
            if bend.abs() > 1e-14 || !onward {
                break;
            }
            kept.pop();
        }
        kept.push(*point);
    }
    if kept.len() <= most {
        return kept;
    }
    let steps: Vec<f64> = kept
        .windows(2)
        .map(|pair| {
            let ((x0, y0), (x1, y1)) = (place(&pair[0]), place(&pair[1]));
            (x1 - x0).abs() + (y1 - y0).abs()
        })
        .collect();
    let step = steps.iter().sum::<f64>() / (most - 1) as f64;
    let last = kept.len() - 1;
    let (mut travelled, mut next) = (0.0, 0.0);
    let mut thinned = Vec::with_capacity(most);
    for (index, point) in kept.iter().enumerate() {
        // The first point after each step: at most one per step, with room for the end.
        if travelled >= next && thinned.len() < most - 1 && index < last {
            thinned.push(*point);
            next = (travelled / step).floor() * step + step;
        }
        travelled += steps.get(index).copied().unwrap_or(0.0);
    }
    thinned.push(kept[last]);
    thinned
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scores with many ties, from a fixed sequence.
    fn example(films: usize) -> (Vec<f64>, Vec<bool>) {
        let value = |film: usize| (film * 7919 + film * film * 31) % 97;
        let scores: Vec<f64> = (0..films).map(|film| value(film) as f64 / 97.0).collect();
        let positive = (0..films)
            .map(|film| (value(film) + (film * 13) % 71) > 84)
            .collect();
        (scores, positive)
    }

    #[test]
    fn auc_is_the_share_of_pairs_won() {
        let (scores, positive) = example(200);
        let (mut won, mut pairs) = (0.0, 0.0);
        for (a, _) in positive.iter().enumerate().filter(|(_, yes)| **yes) {
            for (b, _) in positive.iter().enumerate().filter(|(_, yes)| !**yes) {
                pairs += 1.0;
                won += if scores[a] > scores[b] {
                    1.0
                } else {
                    f64::from(u8::from(scores[a] == scores[b])) / 2.0
                };
            }
        }
        assert!((auc(&scores, &positive).unwrap() - won / pairs).abs() < 1e-15);
        assert_eq!(auc(&[0.0, -0.0], &[true, false]), Some(0.5));
        assert_eq!(auc(&[0.1, 0.2], &[true, true]), None);
        assert_eq!(average_precision(&[0.1, 0.2], &[false, false]), None);
    }

    #[test]
    fn weights_repeat_films() {
        let (scores, positive) = example(60);
        let weights: Vec<u64> = (0..60).map(|film| (film * 5 + 2) % 4).collect();
        let areas = rank(&scores, &positive).areas(|film| weights[film as usize]);
        let repeat = |film: usize| std::iter::repeat_n(film, weights[film] as usize);
        let films: Vec<usize> = (0..60).flat_map(repeat).collect();
        let scores: Vec<f64> = films.iter().map(|&film| scores[film]).collect();
        let positive: Vec<bool> = films.iter().map(|&film| positive[film]).collect();
        assert_eq!(Some(areas.auc), auc(&scores, &positive));
        let gap = areas.average_precision - average_precision(&scores, &positive).unwrap();
        assert!(gap.abs() < 1e-15, "{gap}");
    }

    #[test]
    fn thinning_keeps_the_shape() {
        let (scores, positive) = example(5000);
        let scores: Vec<f64> = scores
            .iter()
            .enumerate()
            .map(|(film, score)| score + film as f64 * 1e-6)
            .collect();
        let ranking = rank(&scores, &positive);
        let area = |points: &[RocPoint]| -> f64 {
            points
                .windows(2)
                .map(|pair| {
                    (pair[1].false_positive_rate - pair[0].false_positive_rate)
                        * (pair[1].true_positive_rate + pair[0].true_positive_rate)
                        / 2.0
                })
                .sum()
        };
        let exact = ranking.areas(|_| 1).auc;
        let corners = ranking.drawn_roc(usize::MAX);
        assert!(corners.len() < ranking.roc().len());
        assert!(
            (area(&corners) - exact).abs() < 1e-12,
            "dropping collinear points must not move the curve"
        );
        for most in [3, 50, 200] {
            let drawn = ranking.drawn_roc(most);
            assert!(
                drawn.len() <= most && drawn.len() > most / 2,
                "{} of {most}",
                drawn.len()
            );
            assert_eq!((drawn[0], drawn.last()), (corners[0], corners.last()));
            if most == 200 {
                assert!((area(&drawn) - exact).abs() < 2e-3, "{} {exact}", area(&drawn));
            }
        }
    }

    #[test]
    fn perfect_scores_make_a_corner() {
        let drawn = rank(&[0.9, 0.8, 0.2, 0.1], &[true, true, false, false]).drawn_roc(400);
        let corner: Vec<(f64, f64)> = drawn
            .iter()
            .map(|point| (point.false_positive_rate, point.true_positive_rate))
            .collect();
        assert_eq!(corner, [(0.0, 0.0), (0.0, 1.0), (1.0, 1.0)]);
    }
}
