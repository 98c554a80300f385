//! Paired comparison of two recipes trained with the same seeds and folds.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::compare::align;
use crate::compare::model_means::{Models, average, defined};
use crate::estimate::quote;
use crate::metrics::figures::{Figures, Whole};
use crate::stats::bootstrap::percentiles;
use crate::{Error, Estimate, Kind, Options, PairedSeeds, Predictions, paired_seeds};

/// A metric of two recipes over pairs of trainings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PairedMean {
    /// Name of the metric, as in [`Comparison`](crate::Comparison).
    pub metric: String,
    /// Mean of the baseline's trainings.
    pub baseline: Estimate,
    /// Mean of the candidate's trainings.
    pub candidate: Estimate,
    /// Candidate minus baseline. Each bootstrap sample of patients serves all trainings, so that shared
    /// variation cancels. The interval is over films, for these trainings.
    pub difference: Estimate,
    /// The difference of each pair.
    pub each: Vec<Option<f64>>,
    /// Differences by seed, averaged over folds: the variation of training on these films. Seeds that lack
    /// folds of other seeds are left out; `None` below three seeds.
    pub seeds: Option<PairedSeeds>,
    /// Simultaneous intervals for several comparisons.
    pub together: SimultaneousIntervals,
}

/// Intervals of one difference that hold simultaneously for a family of differences: each has level 1 − (1 −
/// level) / family (C. E. Bonferroni, 1936). The intervals over films and those over seeds are two families.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SimultaneousIntervals {
    /// Number of differences in the family.
    pub family: usize,
    /// Level of this interval.
    pub level: f64,
    /// Over films: percentiles of the patient bootstrap.
    pub films: Option<(f64, f64)>,
    /// Over seeds: Student's t.
    pub seeds: Option<(f64, f64)>,
}

/// The level of each interval such that all of a family hold simultaneously at `level`.
pub fn bonferroni_level(level: f64, family: usize) -> f64 {
    1.0 - (1.0 - level) / family.max(1) as f64
}

/// Compares two recipes over pairs of trainings. `baseline[i]` and `candidate[i]` answered the same films and
/// differ only in the recipe; `seeds[i]` is the seed of both. Pairs may have other films (folds) or the same
/// (seeds). `family` is the number of differences that are examined together.
///
/// # Errors
/// No pairs, unequal numbers, or different films or labels within a pair.
pub fn paired_means(
    baseline: &[Predictions],
    candidate: &[Predictions],
    seeds: &[u64],
    family: usize,
    options: &Options,
) -> Result<Vec<PairedMean>, Error> {
    let pairs = baseline.len();
    if pairs != candidate.len() || pairs != seeds.len() || pairs == 0 {
        return Err(Error::Unpaired {
            message: format!(
                "{pairs} and {} trainings with {} seeds, expected equally many, and one at least",
                candidate.len(),
                seeds.len()
            ),
        });
    }
    let mut both = Vec::with_capacity(2 * pairs);
    both.extend_from_slice(baseline);
    for (before, after) in baseline.iter().zip(candidate) {
        both.push(align(before, after)?);
    }
    let models = Models::new(&both, options)?;
    let kind = models.films.kind();
    let wanted = wanted(kind);
    let means = |each: &[Figures]| -> Vec<[f64; 2]> {
        let (before, after) = each.split_at(pairs);
        let two = |&place: &usize| [average(before, place), average(after, place)];
        wanted.iter().map(two).collect()
    };
    let values = models.figures(&models.ones());
    let draws = models
        .patients
        .draws(options, |weights| means(&models.figures(weights)));
    let counts = models.tally(None);
    let level = bonferroni_level(options.level, family);
    let found = wanted.iter().zip(means(&values)).enumerate();
    found
        .map(|(column, (&place, [before, after]))| {
            let measured = |value: f64, of: &dyn Fn(&[f64; 2]) -> f64| {
                let draws = draws.iter().map(|draw| of(&draw[column]));
                let interval = percentiles(draws, options.level).0;
                quote(defined(value), &counts, false, interval, None, options.level)
            };
            let gap = |two: &[f64; 2]| two[1] - two[0];
            let gaps = draws.iter().map(|draw| gap(&draw[column]));
            let films = percentiles(gaps, level).0;
            let own = |pair: usize| [values[pair].0[place], values[pairs + pair].0[place]];
            let by_seed = by_seed(seeds, own);
            let paired = |level: f64| {
                let finite = by_seed.iter().flatten().all(|value| value.is_finite());
                let side = |side: usize| by_seed.iter().map(|two| two[side]).collect::<Vec<f64>>();
                (finite && by_seed.len() >= 3)
                    .then(|| paired_seeds(&side(0), &side(1), level))
                    .transpose()
            };
            let over_seeds = paired(level)?.map(|found| found.mean);
            Ok(PairedMean {
                metric: Figures::name(kind, place).0.to_owned(),
                baseline: measured(before, &|two| two[0]),
                candidate: measured(after, &|two| two[1]),
                difference: measured(after - before, &gap),
                each: (0..pairs).map(|pair| defined(gap(&own(pair)))).collect(),
                seeds: paired(options.level)?,
                together: SimultaneousIntervals {
                    family,
                    level,
                    films: films.filter(|_| (after - before).is_finite()),
                    seeds: over_seeds.and_then(|mean| mean.low.zip(mean.high)),
                },
            })
        })
        .collect()
}

/// Both means of each seed, in order of first appearance. A seed that lacks folds would average other films
/// than the rest; it is left out.
fn by_seed(seeds: &[u64], own: impl Fn(usize) -> [f64; 2]) -> Vec<[f64; 2]> {
    let mut order: Vec<u64> = Vec::new();
    let mut sums: BTreeMap<u64, ([f64; 2], f64)> = BTreeMap::new();
    for (pair, &seed) in seeds.iter().enumerate() {
        if !order.contains(&seed) {
            order.push(seed);
        }
        let (sum, count) = sums.entry(seed).or_default();
        let own = own(pair);
        *sum = [sum[0] + own[0], sum[1] + own[1]];
        *count += 1.0;
    }
    let most = sums.values().map(|(_, count)| *count).fold(0.0, f64::max);
    let mean = |seed: &u64| {
        let (sum, count) = sums[seed];
        (count >= most).then(|| sum.map(|sum| sum / count))
    };
    order.iter().filter_map(mean).collect()
}

/// The compared metrics.
fn wanted(kind: Kind) -> Vec<usize> {
    let mut wholes = vec![
        Whole::MacroAuc,
        Whole::MacroF1,
        Whole::BalancedAccuracy,
        Whole::LogLoss,
    ];
    if kind == Kind::Exclusive {
        wholes.insert(0, Whole::Accuracy);
    }
    wholes.into_iter().map(Figures::whole).collect()
}

#[cfg(test)]
mod tests {
    use std::slice::from_ref;

    use rand::RngExt as _;

    use super::*;
    use crate::stats::random::stream;
    use crate::{Truth, compare};

    /// Films `films` of two classes, two per patient, answered by a model of a seed; a larger `skill`
    /// separates the classes better.
    fn model(films: std::ops::Range<usize>, seed: u64, skill: f32) -> Predictions {
        let mut generator = stream(seed, "paired test", films.start as u64);
        let classes: Vec<usize> = films.clone().map(|film| (film / 2) % 2).collect();
        let logits: Vec<f32> = classes
            .iter()
            .flat_map(|&class| {
                let noise = 4.0 * generator.random::<f32>() - 2.0;
                [noise + if class == 0 { skill } else { -skill }, 0.0]
            })
            .collect();
        Predictions::from_logits(
            vec!["sick".into(), "well".into()],
            films.clone().map(|film| format!("f{film}")).collect(),
            films.clone().map(|film| format!("p{}", film / 2)).collect(),
            vec!["made".into(); films.len()],
            Truth::Exclusive(classes.into_iter().map(Some).collect()),
            &logits,
        )
        .unwrap()
    }

    fn options() -> Options {
        Options {
            bootstrap: 400,
            bayes: 0,
            ..Options::default()
        }
    }

    fn metric<'a>(found: &'a [PairedMean], name: &str) -> &'a PairedMean {
        found.iter().find(|one| one.metric == name).unwrap()
    }

    #[test]
    fn one_pair_is_what_two_models_compared_are() {
        let (before, after) = (model(0..80, 1, 0.3), model(0..80, 2, 1.0));
        let found = paired_means(from_ref(&before), from_ref(&after), &[7], 1, &options()).unwrap();
        let compared = compare(&before, &after, &options()).unwrap();
        for name in ["accuracy", "macro AUC", "macro F1"] {
            let (one, two) = (metric(&found, name), compared.difference(name, None).unwrap());
            assert!((one.difference.value.unwrap() - two.difference.value.unwrap()).abs() < 1e-15);
            let ends = |measured: &Estimate| (measured.low.unwrap(), measured.high.unwrap());
            assert_eq!(ends(&one.difference), ends(&two.difference), "{name}");
            assert_eq!(one.together.films, Some(ends(&one.difference)), "a family of one");
            assert!(one.seeds.is_none(), "one seed says nothing of others");
        }
    }

    #[test]
    fn seeds_are_averaged_over_their_folds() {
        let folds = [0..40, 40..80];
        let (mut before, mut after, mut seeds) = (Vec::new(), Vec::new(), Vec::new());
        for seed in [3, 1, 2] {
            for fold in &folds {
                before.push(model(fold.clone(), seed, 0.2));
                after.push(model(fold.clone(), seed + 10, 1.2));
                seeds.push(seed);
            }
        }
        let found = paired_means(&before, &after, &seeds, 10, &options()).unwrap();
        let accuracy = metric(&found, "accuracy");
        let each: Vec<f64> = accuracy.each.iter().flatten().copied().collect();
        let over = accuracy.seeds.as_ref().unwrap();
        assert_eq!((each.len(), over.differences.len()), (6, 3));
        for seed in 0..3 {
            let mean = f64::midpoint(each[2 * seed], each[2 * seed + 1]);
            assert!((over.differences[seed] - mean).abs() < 1e-12);
        }
        assert!((accuracy.difference.value.unwrap() - each.iter().sum::<f64>() / 6.0).abs() < 1e-12);
        // For a family of ten, each interval is wider, over films and over seeds.
        assert!((accuracy.together.level - 0.995).abs() < 1e-12);
        let (low, high) = accuracy.together.films.unwrap();
        assert!(low < accuracy.difference.low.unwrap() && accuracy.difference.high.unwrap() < high);
        let (low, high) = accuracy.together.seeds.unwrap();
        assert!(low < over.mean.low.unwrap() && over.mean.high.unwrap() < high);
    }

    #[test]
    fn a_seed_that_lacks_folds_is_no_seed_like_the_others() {
        let (mut before, mut after, mut seeds) = (Vec::new(), Vec::new(), Vec::new());
        for seed in 1..=4 {
            for fold in [0..40, 40..80] {
                before.push(model(fold.clone(), seed, 0.2));
                after.push(model(fold, seed + 10, 1.2));
                seeds.push(seed);
            }
        }
        let over_seeds = |left_out: usize| {
            let without = |of: &[Predictions]| [&of[..left_out], &of[left_out + 1..]].concat();
            let (before, after) = (without(&before), without(&after));
            let seeds = [&seeds[..left_out], &seeds[left_out + 1..]].concat();
            let found = paired_means(&before, &after, &seeds, 1, &options()).unwrap();
            let accuracy = metric(&found, "accuracy").clone();
            assert_eq!(accuracy.each.len(), 7, "the films of every pair count");
            accuracy.seeds.unwrap().differences
        };
        let whole = paired_means(&before, &after, &seeds, 1, &options()).unwrap();
        let whole = &metric(&whole, "accuracy").seeds.as_ref().unwrap().differences;
        assert_eq!(whole.len(), 4);
        assert_eq!(over_seeds(0), whole[1..].to_vec());
        assert_eq!(over_seeds(7), whole[..3].to_vec());
    }

    #[test]
    fn pairs_answer_the_same_films() {
        let refused = |before: &[Predictions], after: &[Predictions]| {
            let seeds = vec![1; before.len()];
            paired_means(before, after, &seeds, 1, &options())
                .unwrap_err()
                .to_string()
        };
        let (one, other) = (model(0..20, 1, 1.0), model(2..22, 1, 1.0));
        assert!(refused(from_ref(&one), &[other]).contains("has no answer after"));
        assert!(refused(from_ref(&one), &[]).contains("1 and 0 trainings"));
        assert!(refused(&[], &[]).contains("one at least"));
    }
}
