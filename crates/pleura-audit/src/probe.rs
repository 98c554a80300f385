//! Probes: can a class be predicted from features that should be unrelated to it?
//!
//! A ridge classifier is cross-validated by patient. Its balanced accuracy is compared with a null
//! distribution from permuted classes. All randomness follows from a seed; results do not depend on the
//! number of threads.
//!
//! The classifier is linear discriminant analysis in the form of kernel ridge regression (Hoerl & Kennard
//! 1970). With standardised features Z `[n, p]`, kernel `K = Z Zᵀ / p + 1` and centred one-hot targets Y,
//! scores are `K* (K + λ)⁻¹ Y`, each divided by its class's share, so that rare classes count as much as
//! common ones. `(K + λ)⁻¹` does not depend on the classes, so a permutation costs one small product. p is
//! `(1 + permutations at least as good) / (1 + permutations)` (Phipson & Smyth 2010; Ojala & Garriga 2010).

use std::collections::BTreeMap;

use pleura_core::linalg::Cholesky;
use pleura_eval::beta_quantile;
use rand::RngExt as _;
use rand::seq::SliceRandom as _;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::random::stream;

/// Ridge penalty λ. With standardised features and K = ZZᵀ/p, λ = 1 shrinks each direction by its share of
/// total variance.
const RIDGE: f64 = 1.0;
/// Maximum number of examples, sampled at random: the kernel grows with their square.
const MOST: usize = 800;
/// Samples for the interval.
const DRAWS: usize = 1000;

/// The data of a probe.
#[derive(Clone, Copy)]
pub struct Probe<'a> {
    /// Name of its random streams.
    pub name: &'a str,
    /// Features of each example, all of one length.
    pub features: &'a [Vec<f32>],
    /// The class of each example.
    pub classes: &'a [usize],
    /// Group (patient) of each example: a group is never on both sides of a fold.
    pub groups: &'a [String],
    /// Strata within which classes are permuted; `None` for no strata. With strata, accuracy is within strata
    /// too.
    pub strata: Option<&'a [usize]>,
}

/// Settings of a probe.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Folds of the cross-validation.
    pub folds: usize,
    /// Permutations of the classes.
    pub permutations: usize,
    /// Seed of folds, permutations and samples.
    pub seed: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            folds: 5,
            permutations: 499,
            seed: 0,
        }
    }
}

/// Result of a probe.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProbeResult {
    /// Balanced accuracy: mean recall over classes.
    pub accuracy: f64,
    /// Its 95 % interval: the middle of its posterior.
    pub interval: (f64, f64),
    /// Accuracy of guessing: 1 / number of classes.
    pub chance: f64,
    /// Probability of at least this accuracy by chance.
    pub p: f64,
    /// Accuracies with permuted classes, sorted.
    pub null: Vec<f64>,
    /// Examples used: one per group and class.
    pub examples: usize,
    /// Classes with enough examples.
    pub classes: Vec<usize>,
}

impl ProbeResult {
    /// Skill score: 0 for guessing, 1 for perfect.
    pub fn skill_score(&self) -> f64 {
        (self.accuracy - self.chance) / (1.0 - self.chance)
    }

    /// Mean accuracy with permuted classes: that of guessing, or of the strata alone.
    pub fn expected(&self) -> f64 {
        self.null.iter().sum::<f64>() / self.null.len().max(1) as f64
    }

    /// Skill score beyond the strata: 0 for the strata alone, 1 for perfect.
    pub fn skill_score_beyond_strata(&self) -> f64 {
        (self.accuracy - self.expected()) / (1.0 - self.expected()).max(f64::EPSILON)
    }
}

/// 2.5 % and 97.5 % quantiles of sorted values.
pub(crate) fn middle_95(sorted: &[f64]) -> (f64, f64) {
    let at = |share: usize| {
        sorted
            .get(sorted.len() * share / 1000)
            .copied()
            .unwrap_or(f64::NAN)
    };
    (at(25), at(975))
}

/// One example per group and class (and stratum), of classes with enough examples; at most [`MOST`].
struct Chosen {
    rows: Vec<usize>,
    classes: Vec<usize>,
    /// Class of each row, as an index into `classes`.
    labels: Vec<usize>,
    fold: Vec<usize>,
}

/// Runs a probe.
///
/// # Errors
/// The reason why it is not possible: fewer than two classes with two examples per fold, no features, or none
/// that vary.
pub fn run_probe(question: &Probe<'_>, settings: &Settings) -> Result<ProbeResult, String> {
    let chosen = choose(question, settings)?;
    let kernel = kernel(question.features, &chosen.rows)?;
    let n = chosen.rows.len();
    let smoothers: Vec<Smoother> = (0..settings.folds)
        .into_par_iter()
        .map(|fold| Smoother::new(&kernel, n, &chosen.fold, fold))
        .collect();
    let k = chosen.classes.len();
    let right = correct(&smoothers, &chosen.labels, k);
    let accuracy = balanced(&right, &chosen.labels, k);
    let mut null: Vec<f64> = (0..settings.permutations)
        .into_par_iter()
        .map(|number| {
            let labels = permuted(question, settings, &chosen, number);
            balanced(&correct(&smoothers, &labels, k), &labels, k)
        })
        .collect();
    null.sort_by(f64::total_cmp);
    let as_well = null.iter().filter(|value| **value >= accuracy - 1e-12).count();
    Ok(ProbeResult {
        accuracy,
        interval: interval(question.name, settings, &right, &chosen.labels, k),
        chance: 1.0 / k as f64,
        p: (1 + as_well) as f64 / (1 + null.len()) as f64,
        null,
        examples: n,
        classes: chosen.classes,
    })
}

fn choose(question: &Probe<'_>, settings: &Settings) -> Result<Chosen, String> {
    let stratum = |row: usize| question.strata.map_or(0, |strata| strata[row]);
    let mut order: Vec<usize> = (0..question.classes.len()).collect();
    order.shuffle(&mut stream(
        settings.seed,
        &format!("{}: examples", question.name),
    ));
    let mut seen = std::collections::BTreeSet::new();
    order.retain(|&row| seen.insert((&question.groups[row], question.classes[row], stratum(row))));
    order.truncate(MOST);
    let least = 2 * settings.folds;
    let mut counts: BTreeMap<usize, usize> = BTreeMap::new();
    for &row in &order {
        *counts.entry(question.classes[row]).or_default() += 1;
    }
    let classes: Vec<usize> = counts
        .into_iter()
        .filter(|(_, count)| *count >= least)
        .map(|(class, _)| class)
        .collect();
    if classes.len() < 2 {
        return Err(format!("fewer than two classes have {least} patients"));
    }
    order.retain(|&row| classes.contains(&question.classes[row]));
    // Within a class and stratum, groups are assigned to folds in turn; a group stays in the fold of its
    // first example.
    let mut dealt: BTreeMap<(usize, usize), usize> = BTreeMap::new();
    let mut of_group: BTreeMap<&String, usize> = BTreeMap::new();
    let fold = order.iter().map(|&row| {
        *of_group.entry(&question.groups[row]).or_insert_with(|| {
            let next = dealt.entry((question.classes[row], stratum(row))).or_default();
            *next += 1;
            (*next - 1) % settings.folds
        })
    });
    let fold = fold.collect();
    let labels = order
        .iter()
        .map(|&row| classes.binary_search(&question.classes[row]).unwrap_or(0))
        .collect();
    Ok(Chosen {
        rows: order,
        classes,
        labels,
        fold,
    })
}

/// `Z Zᵀ / p + 1` of the standardised features that vary, `[n, n]`.
fn kernel(features: &[Vec<f32>], rows: &[usize]) -> Result<Vec<f64>, String> {
    let n = rows.len();
    let width = rows.first().map_or(0, |&row| features[row].len());
    let standardised = (0..width).filter_map(|column| {
        let values = || rows.iter().map(|&row| f64::from(features[row][column]));
        let mean = values().sum::<f64>() / n as f64;
        let variance = values().map(|value| (value - mean).powi(2)).sum::<f64>() / n as f64;
        let varies = variance.is_finite() && variance > 1e-12 * (1.0 + mean * mean);
        varies.then(|| values().map(|value| (value - mean) / variance.sqrt()).collect())
    });
    let columns: Vec<Vec<f64>> = standardised.collect();
    if columns.is_empty() {
        return Err("the features do not vary between films".to_owned());
    }
    let count = columns.len() as f64;
    let z: Vec<Vec<f64>> = (0..n)
        .map(|row| columns.iter().map(|column| column[row]).collect())
        .collect();
    let mut kernel = vec![0.0; n * n];
    kernel.par_chunks_exact_mut(n).enumerate().for_each(|(a, line)| {
        for (b, value) in line.iter_mut().enumerate() {
            *value = z[a].iter().zip(&z[b]).map(|(a, b)| a * b).sum::<f64>() / count + 1.0;
        }
    });
    Ok(kernel)
}

/// Maps the targets of the other folds to the scores of a fold's examples.
struct Smoother {
    train: Vec<usize>,
    test: Vec<usize>,
    /// `[test, train]`
    weights: Vec<f64>,
}

impl Smoother {
    fn new(kernel: &[f64], n: usize, folds: &[usize], fold: usize) -> Self {
        let (test, train): (Vec<usize>, Vec<usize>) = (0..n).partition(|&row| folds[row] == fold);
        let m = train.len();
        let mut matrix = vec![0.0; m * m];
        for (i, &a) in train.iter().enumerate() {
            for (j, &b) in train[..=i].iter().enumerate() {
                matrix[i * m + j] = kernel[a * n + b] + if i == j { RIDGE } else { 0.0 };
            }
        }
        let factor = Cholesky::with_least_pivot(&matrix, m, f64::MIN_POSITIVE);
        let weights = test.iter().flat_map(|&row| {
            let mut line: Vec<f64> = train.iter().map(|&other| kernel[row * n + other]).collect();
            factor.solve(&mut line);
            line
        });
        let weights = weights.collect();
        Self { train, test, weights }
    }
}

/// True for examples that the classifier of the other folds predicts correctly.
fn correct(smoothers: &[Smoother], labels: &[usize], k: usize) -> Vec<bool> {
    let mut right = vec![false; labels.len()];
    for smoother in smoothers {
        let mut shares = vec![0.0; k];
        for &row in &smoother.train {
            shares[labels[row]] += 1.0 / smoother.train.len() as f64;
        }
        for (&row, weights) in smoother
            .test
            .iter()
            .zip(smoother.weights.chunks_exact(smoother.train.len()))
        {
            let mut scores = vec![0.0; k];
            let mut all = 0.0;
            for (weight, &other) in weights.iter().zip(&smoother.train) {
                scores[labels[other]] += weight;
                all += weight;
            }
            // Centred targets, divided by class shares, so that common classes have no advantage.
            let score = |class: usize| (scores[class] - all * shares[class]) / shares[class].max(1e-12);
            let best = (1..k).fold(
                0,
                |best, class| if score(class) > score(best) { class } else { best },
            );
            right[row] = best == labels[row];
        }
    }
    right
}

fn balanced(right: &[bool], labels: &[usize], k: usize) -> f64 {
    let (mut hits, mut counts) = (vec![0.0; k], vec![0.0; k]);
    for (&right, &label) in right.iter().zip(labels) {
        counts[label] += 1.0;
        hits[label] += f64::from(u8::from(right));
    }
    hits.iter()
        .zip(&counts)
        .map(|(hits, count)| hits / f64::max(*count, 1.0))
        .sum::<f64>()
        / k as f64
}

/// Labels permuted within strata.
fn permuted(question: &Probe<'_>, settings: &Settings, chosen: &Chosen, number: usize) -> Vec<usize> {
    let mut random = stream(settings.seed, &format!("{}: permutation {number}", question.name));
    let mut labels = chosen.labels.clone();
    match question.strata {
        None => labels.shuffle(&mut random),
        Some(strata) => {
            let mut members: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
            for (place, &row) in chosen.rows.iter().enumerate() {
                members.entry(strata[row]).or_default().push(place);
            }
            for places in members.values() {
                let mut dealt: Vec<usize> = places.iter().map(|&place| labels[place]).collect();
                dealt.shuffle(&mut random);
                for (&place, label) in places.iter().zip(dealt) {
                    labels[place] = label;
                }
            }
        }
    }
    labels
}

/// 95 % interval of the mean recall, with Jeffreys' posterior of each class's recall; examples are of
/// different patients or classes. A bootstrap would have no width for a hundred correct predictions.
fn interval(name: &str, settings: &Settings, right: &[bool], labels: &[usize], k: usize) -> (f64, f64) {
    let (mut hits, mut misses) = (vec![0.5; k], vec![0.5; k]);
    for (&right, &label) in right.iter().zip(labels) {
        if right {
            hits[label] += 1.0;
        } else {
            misses[label] += 1.0;
        }
    }
    let mut random = stream(settings.seed, &format!("{name}: draws"));
    let mut means: Vec<f64> = (0..DRAWS)
        .map(|_| {
            let recall = hits
                .iter()
                .zip(&misses)
                .map(|(&hits, &misses)| beta_quantile(hits, misses, random.random_range(0.0..1.0)));
            recall.sum::<f64>() / k as f64
        })
        .collect();
    means.sort_by(f64::total_cmp);
    let accuracy = balanced(right, labels, k);
    let (low, high) = middle_95(&means);
    (low.min(accuracy), high.max(accuracy))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patients(n: usize) -> Vec<String> {
        (0..n).map(|number| format!("p{number}")).collect()
    }

    /// Noise, with a `signal` for each class in one of 20 features.
    fn data(n: usize, signal: f32, seed: u64) -> (Vec<Vec<f32>>, Vec<usize>) {
        let mut random = stream(seed, "data");
        let classes: Vec<usize> = (0..n).map(|row| row % 3).collect();
        let features = classes.iter().map(|&class| {
            let mut row: Vec<f32> = (0..20).map(|_| random.random_range(-1.0..1.0)).collect();
            row[class] += signal;
            row
        });
        (features.collect(), classes)
    }

    fn answer(signal: f32, seed: u64, strata: Option<&[usize]>) -> ProbeResult {
        let (features, classes) = data(120, signal, seed);
        let question = Probe {
            name: "test",
            features: &features,
            classes: &classes,
            groups: &patients(120),
            strata,
        };
        run_probe(
            &question,
            &Settings {
                permutations: 199,
                ..Settings::default()
            },
        )
        .unwrap()
    }

    #[test]
    fn a_signal_is_found_and_noise_is_not() {
        let found = answer(3.0, 1, None);
        assert!(
            found.accuracy > 0.9 && found.p <= 0.005 && found.skill_score() > 0.85,
            "{found:?}"
        );
        assert!(found.interval.0 < found.accuracy && found.accuracy <= found.interval.1);
        // Under the null, p is uniform: of forty, about two are at most 0.05.
        let small = (0..40)
            .filter(|seed| answer(0.0, 100 + seed, None).p <= 0.05)
            .count();
        assert!(small <= 6, "{small} of 40");
    }

    #[test]
    fn what_the_strata_explain_is_no_signal() {
        // The feature follows the class, and the class follows the stratum: within strata nothing is left.
        let strata: Vec<usize> = (0..120).map(|row| row % 3).collect();
        assert!(answer(3.0, 1, Some(&strata)).p > 0.5);
    }

    #[test]
    fn threads_change_nothing() {
        let with = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .unwrap();
            pool.install(|| answer(0.5, 7, None))
        };
        assert_eq!(with(1), with(3));
    }

    #[test]
    fn what_cannot_be_asked_is_said() {
        let run_probe = |features: &[Vec<f32>], classes: &[usize]| {
            let question = Probe {
                name: "test",
                features,
                classes,
                groups: &patients(classes.len()),
                strata: None,
            };
            super::run_probe(&question, &Settings::default()).unwrap_err()
        };
        assert!(run_probe(&vec![vec![1.0]; 30], &[0; 30]).contains("fewer than two classes"));
        let classes: Vec<usize> = (0..30).map(|row| row % 2).collect();
        assert!(run_probe(&vec![vec![1.0]; 30], &classes).contains("do not vary"));
    }
}
