//! Paired comparison of two sets of answers to the same films: two models, or one model before and after a
//! change of the films.

pub(crate) mod model_means;
pub(crate) mod paired;
pub(crate) mod pooled;
pub(crate) mod seeds;
pub(crate) mod sources;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::estimate::quote;
use crate::metrics::figures::{Figures, Single, Whole};
use crate::metrics::sample::Sample;
use crate::stats::bootstrap::{Patients, percentiles};
use crate::text::sentences::{count, number, percent, signed};
use crate::{Error, Estimate, Kind, McNemar, Method, Options, Predictions, delong_over_patients};

/// Two sets of predictions, paired film by film.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Comparison {
    /// Films compared: those with at least one known label.
    pub films: usize,
    /// Different patients among them.
    pub patients: usize,
    /// Share of films whose answer changed (independent findings: any prediction, each at its own threshold).
    pub changed: Estimate,
    /// McNemar's test of films answered right by only one of the two; exclusive classes only.
    pub mcnemar: Option<McNemar>,
    /// Differences of the metrics: `after` minus `before`.
    pub differences: Vec<Difference>,
    /// Tests by finding.
    #[serde(default)]
    pub findings: Vec<FindingTest>,
}

/// One metric before and after.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Difference {
    /// Name of the metric: "accuracy", "balanced accuracy", "macro F1", "macro AUC", "log-loss"; for a
    /// finding "sensitivity", "specificity", "AUC".
    pub metric: String,
    /// The finding, if the metric belongs to one.
    pub finding: Option<String>,
    /// Value before.
    pub before: Option<f64>,
    /// Value after.
    pub after: Option<f64>,
    /// After minus before. The bootstrap samples patients and takes both answers to their films, so that
    /// shared variation cancels.
    pub difference: Estimate,
}

/// Tests of one finding, or of one class against the rest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FindingTest {
    /// The finding.
    pub finding: String,
    /// DeLong's test of the areas under the ROC curves; `None` unless two patients or more have films of
    /// either kind.
    pub auc: Option<AucTest>,
    /// McNemar's test of sensitivities: films with the finding that only one of the two predicts correctly.
    pub sensitivity: McNemar,
    /// McNemar's test of specificities: the same for films without the finding.
    pub specificity: McNemar,
}

/// Two areas under the ROC curve of the same films, by DeLong's estimate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AucTest {
    /// Area before.
    pub before: f64,
    /// Area after.
    pub after: f64,
    /// Variances of the two areas, and their covariance.
    pub variance_before: f64,
    /// See `variance_before`.
    pub variance_after: f64,
    /// See `variance_before`.
    pub covariance: f64,
    /// After minus before, with its normal interval.
    pub difference: Estimate,
    /// Difference over its standard error; `None` where the latter is 0.
    pub z: Option<f64>,
    /// Two-sided p that the areas are equal; `None` as for `z`.
    pub p: Option<f64>,
}

/// Compares two sets of predictions on the same films with the same truth, matched by film identifier in any
/// order. Uses `level`, `bootstrap`, `stratify`, `seed` and the thresholds of `options`.
pub fn compare(before: &Predictions, after: &Predictions, options: &Options) -> Result<Comparison, Error> {
    compare_at(before, after, [options; 2])
}

/// As [`compare`], with thresholds of its own for each model. Only the thresholds of the second options are
/// used.
pub fn compare_at(
    before: &Predictions,
    after: &Predictions,
    [options, after_options]: [&Options; 2],
) -> Result<Comparison, Error> {
    before.check()?;
    after.check()?;
    options.check(&before.findings)?;
    let after = &align(before, after)?;
    after_options.check(&after.findings)?;
    let rows = before.labelled();
    if rows.is_empty() {
        return Err(Error::Empty { films: before.len() });
    }
    let (before, after) = (&before.select(&rows), &after.select(&rows));
    let samples = [Sample::new(before, options), Sample::new(after, after_options)];
    let patients = Patients::new(before, options.stratify)?;
    let changed = changed(&samples, before, after);
    let share_changed = |weights: &[u32]| {
        let of: u32 = weights.iter().sum();
        let moved: u32 = weights
            .iter()
            .zip(&changed)
            .map(|(weight, moved)| weight * u32::from(*moved))
            .sum();
        f64::from(moved) / f64::from(of)
    };
    let measure = |weights: &[u32]| samples.each_ref().map(|sample| sample.figures(weights));
    let ones = vec![1; before.len()];
    let values = measure(&ones);
    let draws = patients.draws(options, |weights| (measure(weights), share_changed(weights)));

    let difference = |place: usize| {
        let (metric, finding) = Figures::name(before.kind(), place);
        let value = |figures: &Figures| Some(figures.0[place]).filter(|value| !value.is_nan());
        let [old, new] = values.each_ref().map(value);
        let gaps = draws.iter().map(|([old, new], _)| new.0[place] - old.0[place]);
        let known = |film: &u32| finding.is_none_or(|f| before.has(*film as usize, f).is_some());
        let has = |film: &u32| finding.is_none_or(|f| before.has(*film as usize, f) == Some(true));
        let films = (0..before.len() as u32).filter(|film| match metric {
            "sensitivity" => has(film),
            "specificity" => known(film) && !has(film),
            _ => known(film),
        });
        let counts = patients.tally(films.map(|film| (film, false)));
        Difference {
            metric: metric.to_owned(),
            finding: finding.map(|finding| before.findings[finding].clone()),
            before: old,
            after: new,
            difference: quote(
                old.zip(new).map(|(old, new)| new - old),
                &counts,
                false,
                percentiles(gaps, options.level).0,
                None,
                options.level,
            ),
        }
    };
    let mut wholes = vec![
        Whole::BalancedAccuracy,
        Whole::MacroF1,
        Whole::MacroAuc,
        Whole::LogLoss,
    ];
    if before.kind() == Kind::Exclusive {
        wholes.insert(0, Whole::Accuracy);
    }
    let singles = (0..before.findings.len()).flat_map(|finding| {
        [Single::Sensitivity, Single::Specificity, Single::Auc].map(|metric| Figures::single(finding, metric))
    });
    let places: Vec<usize> = wholes.into_iter().map(Figures::whole).chain(singles).collect();
    Ok(Comparison {
        films: before.len(),
        patients: patients.len(),
        changed: quote(
            Some(share_changed(&ones)),
            &patients.tally((0..).zip(changed.iter().copied())),
            true,
            percentiles(draws.iter().map(|draw| draw.1), options.level).0,
            None,
            options.level,
        ),
        mcnemar: (before.kind() == Kind::Exclusive).then(|| table(before, after, &patients)),
        differences: places.into_iter().map(difference).collect(),
        findings: (0..before.findings.len())
            .map(|finding| FindingTest {
                finding: before.findings[finding].clone(),
                auc: areas([before, after], finding, &patients, options.level),
                sensitivity: calls(&samples, finding, true, &patients),
                specificity: calls(&samples, finding, false, &patients),
            })
            .collect(),
    })
}

impl Comparison {
    /// The difference of `metric`, of a finding or (with `None`) of the whole.
    pub fn difference(&self, metric: &str, finding: Option<&str>) -> Option<&Difference> {
        self.differences
            .iter()
            .find(|one| one.metric == metric && one.finding.as_deref() == finding)
    }

    /// The comparison in sentences.
    pub fn lines(&self) -> Vec<String> {
        let moved = self.changed.right.unwrap_or(0);
        let films = count(self.films, "film");
        let mut lines = vec![match self.changed.high {
            Some(high) if moved == 0 => format!(
                "no answer changed on {films}; up to {} could still change on others like them ({} interval)",
                percent(high),
                percent(self.changed.level)
            ),
            _ => format!("{moved} of {films} changed their answer"),
        }];
        for one in self.differences.iter().filter(|one| one.finding.is_none()) {
            let (Some(before), Some(after), Some(gap)) = (one.before, one.after, one.difference.value) else {
                continue;
            };
            let interval = match one.difference.low.zip(one.difference.high) {
                Some((low, high)) => {
                    let level = percent(one.difference.level);
                    format!("{level} {} to {}", signed(low), signed(high))
                }
                None => "no interval".to_owned(),
            };
            let [before, after, gap] = [number(before), number(after), signed(gap)];
            lines.push(format!(
                "{} {before} before, {after} after: {gap} ({interval})",
                one.metric
            ));
        }
        if let Some(table) = &self.mcnemar {
            lines.push(format!(
                "right only before {}, only after {}: exact McNemar p = {}",
                table.only_before,
                table.only_after,
                self.mcnemar_in_words(table)
            ));
        }
        for one in &self.findings {
            let Some(auc) = &one.auc else { continue };
            let Some(p) = auc.p else { continue };
            let [before, after, gap, p] = [
                number(auc.before),
                number(auc.after),
                signed(auc.after - auc.before),
                number(p),
            ];
            lines.push(format!(
                "{}: AUC {before} before, {after} after: {gap} (DeLong p = {p})",
                one.finding
            ));
        }
        lines
    }
}

impl Comparison {
    fn mcnemar_in_words(&self, table: &McNemar) -> String {
        match table.p_over_patients {
            Some(over) if self.patients < self.films => {
                format!("{} over films, {} over patients", number(table.p), number(over))
            }
            _ => number(table.p),
        }
    }
}

/// `after` in the order of `before`.
pub(crate) fn align(before: &Predictions, after: &Predictions) -> Result<Predictions, Error> {
    let differ = |message: String| Err(Error::Unpaired { message });
    if before.kind() != after.kind() || before.findings != after.findings {
        return differ(format!(
            "findings {:?} ({:?}) before and {:?} ({:?}) after, expected the same in the same order",
            before.findings,
            before.kind(),
            after.findings,
            after.kind()
        ));
    }
    let places: BTreeMap<&String, usize> = after.films.iter().zip(0..).collect();
    if let Some(film) = before.films.iter().find(|film| !places.contains_key(film)) {
        return differ(format!(
            "film `{film}` has no answer after, expected the same films in both"
        ));
    }
    if after.len() > before.len() {
        let known: BTreeMap<&String, usize> = before.films.iter().zip(0..).collect();
        let extra = after.films.iter().find(|film| !known.contains_key(film));
        let film = extra.map_or("", String::as_str);
        return differ(format!(
            "film `{film}` has no answer before, expected the same films in both"
        ));
    }
    let rows: Vec<usize> = before.films.iter().map(|film| places[film]).collect();
    let after = after.select(&rows);
    for film in 0..before.len() {
        let labels = |predictions: &Predictions| -> Vec<Option<bool>> {
            (0..predictions.findings.len())
                .map(|finding| predictions.has(film, finding))
                .collect()
        };
        if labels(before) != labels(&after) {
            return differ(format!(
                "film `{}` has other labels before than after, expected the same truth in both",
                before.films[film]
            ));
        }
    }
    Ok(after)
}

/// `[films]`: true if the answer, or any prediction with a known label, changed.
fn changed(samples: &[Sample; 2], before: &Predictions, after: &Predictions) -> Vec<bool> {
    if before.kind() == Kind::Exclusive {
        return (0..before.len())
            .map(|film| before.answer(film) != after.answer(film))
            .collect();
    }
    let mut changed = vec![false; before.len()];
    for finding in 0..before.findings.len() {
        for (old, new) in samples[0].judged(finding).zip(samples[1].judged(finding)) {
            changed[old.0 as usize] |= old.2 != new.2;
        }
    }
    changed
}

fn table(before: &Predictions, after: &Predictions, patients: &Patients) -> McNemar {
    let right = |predictions: &Predictions, film: usize| {
        predictions.has(film, predictions.answer(film)) == Some(true)
    };
    McNemar::of((0..before.len()).map(|film| (patients.of(film), right(before, film), right(after, film))))
}

/// Predictions of a finding before and after, among films with the finding or among films without it.
fn calls(samples: &[Sample; 2], finding: usize, having: bool, patients: &Patients) -> McNemar {
    let pairs = samples[0].judged(finding).zip(samples[1].judged(finding));
    let films = pairs.filter(|(old, _)| old.1 == having);
    McNemar::of(films.map(|(old, new)| (patients.of(old.0 as usize), old.2 == having, new.2 == having)))
}

/// DeLong's test of one finding.
fn areas(models: [&Predictions; 2], finding: usize, patients: &Patients, level: f64) -> Option<AucTest> {
    let known: Vec<(usize, bool)> = (0..models[0].len())
        .filter_map(|film| Some((film, models[0].has(film, finding)?)))
        .collect();
    let positive: Vec<bool> = known.iter().map(|one| one.1).collect();
    let patient: Vec<u32> = known.iter().map(|one| patients.of(one.0)).collect();
    let scores =
        models.map(|model| -> Vec<f64> { known.iter().map(|one| model.score(one.0, finding)).collect() });
    let found = delong_over_patients(&[&scores[0], &scores[1]], &positive, &patient)?;
    let test = found.difference(0, 1);
    let interval = test.interval(level);
    Some(AucTest {
        before: found.areas[0],
        after: found.areas[1],
        variance_before: found.covariance(0, 0),
        variance_after: found.covariance(1, 1),
        covariance: found.covariance(0, 1),
        difference: Estimate {
            value: Some(test.difference),
            low: interval.map(|ends| ends.0),
            high: interval.map(|ends| ends.1),
            method: match interval {
                None => Method::None,
                Some(_) if found.patients < known.len() => Method::DeLongOverPatients,
                Some(_) => Method::DeLong,
            },
            n: known.len(),
            patients: found.patients,
            ..Estimate::undefined(level)
        },
        z: test.z,
        p: test.p,
    })
}
