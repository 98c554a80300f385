//! Reliability of probabilities: the share of films with a finding among films given the same probability.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::estimate::quote;
use crate::stats::bootstrap::{Patients, percentiles};
use crate::{Estimate, Kind, Options, Predictions};

/// Edges of the bins. A film on an edge belongs to the lower bin, as in scikit-learn's `calibration_curve`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Bins {
    /// This many bins of equal width.
    EqualWidth(usize),
    /// This many bins between equally spaced quantiles of the probabilities (linear between films).
    EqualMass(usize),
}

/// A bin that holds films.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ReliabilityBin {
    /// Lower edge.
    pub low: f64,
    /// Upper edge.
    pub high: f64,
    /// Mean probability of its films.
    pub mean: f64,
    /// Share of its films with the finding.
    pub share: Estimate,
}

/// Reliability curve of a finding.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Reliability {
    /// The finding; `None` for the predicted class itself (its probability, and whether it is right), which
    /// exclusive classes only have.
    pub finding: Option<String>,
    /// The bins that hold films, from low probabilities to high ones.
    pub bins: Vec<ReliabilityBin>,
    /// Expected calibration error: Σ films of bin / films · |share − mean|. With few films it is above 0 even
    /// for perfect probabilities, because every bin's share varies. Its bootstrap interval has the same bias.
    pub expected_error: Estimate,
    /// Largest |share − mean| of a bin.
    pub largest_error: Option<f64>,
}

/// Mean probability and share of films with the finding, for each bin with films, by rising probability.
///
/// `scores` in [0, 1] and `positive` have equal lengths.
pub fn reliability_curve(scores: &[f64], positive: &[bool], bins: Bins) -> Vec<(f64, f64)> {
    let edges = edges(scores, bins);
    let mut sums = vec![[0.0; 3]; edges.len() + 1];
    for (&score, &yes) in scores.iter().zip(positive) {
        let bin = &mut sums[place(&edges, score)];
        *bin = [bin[0] + 1.0, bin[1] + score, bin[2] + f64::from(u8::from(yes))];
    }
    sums.into_iter()
        .filter(|bin| bin[0] > 0.0)
        .map(|[films, scores, positive]| (scores / films, positive / films))
        .collect()
}

/// Inner edges of the bins, rising.
fn edges(scores: &[f64], bins: Bins) -> Vec<f64> {
    match bins {
        Bins::EqualWidth(count) => (1..count.max(1)).map(|edge| edge as f64 / count as f64).collect(),
        Bins::EqualMass(count) => {
            let mut sorted = scores.to_vec();
            sorted.sort_by(f64::total_cmp);
            let Some(last) = sorted.len().checked_sub(1) else {
                return Vec::new();
            };
            (1..count.max(1))
                .map(|edge| {
                    let place = edge as f64 / count as f64 * last as f64;
                    let (below, above) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
                    below + (above - below) * place.fract()
                })
                .collect()
        }
    }
}

/// The bin of a score: the number of edges below it.
fn place(edges: &[f64], score: f64) -> usize {
    edges.partition_point(|&edge| edge < score)
}

/// Expected calibration error in `bins` bins of equal width, as [`Reliability::expected_error`]. `None`
/// without films.
pub fn expected_calibration_error(scores: &[f64], positive: &[bool], bins: usize) -> Option<f64> {
    let edges = edges(&[], Bins::EqualWidth(bins));
    let films = scores.iter().zip(positive);
    let placed = films.map(|(&score, &yes)| (place(&edges, score), 1.0, score, yes));
    Some(errors(edges.len() + 1, placed).0).filter(|error| !error.is_nan())
}

/// Mean and largest |probability − share| over `count` bins (bin, weight, probability, has the finding).
fn errors(count: usize, films: impl Iterator<Item = (usize, f64, f64, bool)>) -> (f64, f64) {
    let mut sums = vec![(0.0, 0.0); count];
    for (bin, weight, score, yes) in films {
        sums[bin].0 += weight;
        sums[bin].1 += weight * (f64::from(u8::from(yes)) - score);
    }
    let total: f64 = sums.iter().map(|bin| bin.0).sum();
    let held = || sums.iter().filter(|bin| bin.0 > 0.0);
    let largest = held().map(|bin| (bin.1 / bin.0).abs()).fold(f64::NAN, f64::max);
    (held().map(|bin| bin.1.abs()).sum::<f64>() / total, largest)
}

/// All reliability curves of an evaluation; films must be labelled. Empty if [`Options::reliability_bins`] is
/// 0.
pub(crate) fn of(predictions: &Predictions, patients: &Patients, options: &Options) -> Vec<Reliability> {
    if options.reliability_bins == 0 {
        return Vec::new();
    }
    let films = || 0..predictions.len();
    let mut all = Vec::new();
    if predictions.kind() == Kind::Exclusive {
        let answers = films().map(|film| {
            let answer = predictions.answer(film);
            let right = predictions.has(film, answer) == Some(true);
            (film as u32, predictions.score(film, answer), right)
        });
        all.push((None, answers.collect::<Vec<_>>()));
    }
    for (index, name) in predictions.findings.iter().enumerate() {
        let known = films().filter_map(|film| {
            Some((
                film as u32,
                predictions.score(film, index),
                predictions.has(film, index)?,
            ))
        });
        all.push((Some(name.clone()), known.collect()));
    }
    all.into_iter()
        .map(|(finding, films)| measure(finding, &films, patients, options))
        .collect()
}

/// The reliability curve of films (film, probability, has the finding).
fn measure(
    finding: Option<String>,
    films: &[(u32, f64, bool)],
    patients: &Patients,
    options: &Options,
) -> Reliability {
    let edges = edges(&[], Bins::EqualWidth(options.reliability_bins));
    let count = edges.len() + 1;
    let bin_of: Vec<usize> = films.iter().map(|film| place(&edges, film.1)).collect();
    let placed = || films.iter().zip(&bin_of);
    let (expected, largest) = errors(count, placed().map(|(film, &bin)| (bin, 1.0, film.1, film.2)));
    let draws = patients.draws(options, |weights| {
        let weight = |film: u32| f64::from(weights[film as usize]);
        errors(
            count,
            placed().map(|(film, &bin)| (bin, weight(film.0), film.1, film.2)),
        )
        .0
    });
    let tally = |keep: &dyn Fn(usize) -> bool| {
        let kept = films.iter().zip(&bin_of).filter(|(_, bin)| keep(**bin));
        patients.tally(kept.map(|(film, _)| (film.0, film.2)))
    };
    let bins = (0..count)
        .filter_map(|bin| {
            let counts = tally(&|other| other == bin);
            let right: usize = counts.iter().map(|count| count.0).sum();
            let all: usize = counts.iter().map(|count| count.1).sum();
            if all == 0 {
                return None;
            }
            let scores = films.iter().zip(&bin_of).filter(|(_, other)| **other == bin);
            Some(ReliabilityBin {
                low: bin as f64 / count as f64,
                high: (bin + 1) as f64 / count as f64,
                mean: scores.map(|(film, _)| film.1).sum::<f64>() / all as f64,
                share: quote(
                    Some(right as f64 / all as f64),
                    &counts,
                    true,
                    None,
                    None,
                    options.level,
                ),
            })
        })
        .collect();
    let value = Some(expected).filter(|value| !value.is_nan());
    let bootstrap = percentiles(draws.into_iter(), options.level).0;
    Reliability {
        finding,
        bins,
        expected_error: quote(value, &tally(&|_| true), false, bootstrap, None, options.level),
        largest_error: Some(largest).filter(|value| !value.is_nan()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::predictions::tests::three_films;
    use crate::{Options, evaluate};

    #[test]
    fn errors_by_hand() {
        let predictions = three_films();
        let options = Options {
            reliability_bins: 2,
            ..Options::points()
        };
        let found = evaluate(&predictions, &options).unwrap().reliability;
        let names: Vec<Option<&str>> = found.iter().map(|one| one.finding.as_deref()).collect();
        assert_eq!(names, [None, Some("COVID-19"), Some("pneumonia"), Some("normal")]);
        // Film a answers COVID-19, right; film b ties COVID-19 and pneumonia, answers the first, wrong.
        let scores = [predictions.score(0, 0), predictions.score(1, 0)];
        assert!(scores[0] > 0.5 && scores[1] < 0.5);
        let expected = f64::midpoint(1.0 - scores[0], scores[1]);
        assert!((found[0].expected_error.value.unwrap() - expected).abs() < 1e-15);
        let alone = expected_calibration_error(&scores, &[true, false], 2);
        assert_eq!(alone, found[0].expected_error.value);
        assert_eq!(expected_calibration_error(&[], &[], 2), None);
        assert_eq!(found[0].bins.len(), 2);
        assert_eq!(
            (found[0].bins[1].low, found[0].bins[1].share.right),
            (0.5, Some(1))
        );
        assert!(
            evaluate(&predictions, &Options::points())
                .unwrap()
                .reliability
                .is_empty()
        );
    }

    #[test]
    fn a_film_on_an_edge_belongs_below_it() {
        let edges = edges(&[], Bins::EqualWidth(4));
        assert_eq!(edges, [0.25, 0.5, 0.75]);
        assert_eq!(
            [0.0, 0.25, 0.3, 0.75, 1.0].map(|score| place(&edges, score)),
            [0, 0, 1, 2, 3]
        );
        assert_eq!(reliability_curve(&[], &[], Bins::EqualMass(4)), []);
    }
}
