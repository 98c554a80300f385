//! Two sets of answers to the same films: two models, or one before and after something was done to the films.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::beta::regularised_incomplete_beta;
use crate::bootstrap::{Patients, percentiles};
use crate::figures::{Figures, Single, Whole};
use crate::measured::quote;
use crate::sample::Sample;
use crate::words::{count, number, percent, signed};
use crate::{Error, Kind, Measured, Options, Predictions};

/// Two sets of predictions, paired film by film.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// Films compared: those with at least one known label.
    pub films: usize,
    /// Different patients among them.
    pub patients: usize,
    /// Share of films whose answer changed (independent findings: any call at its threshold).
    pub changed: Measured,
    /// Films answered right by one and not by the other; exclusive classes only.
    pub mcnemar: Option<McNemar>,
    /// Differences of the metrics, `after` minus `before`.
    pub differences: Vec<Difference>,
}

/// One metric before and after.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// The metric: "accuracy", "balanced accuracy", "macro F1", "macro AUC", "log-loss", "sensitivity", "AUC".
    pub metric: String,
    /// The finding, for a finding's own metric.
    pub finding: Option<String>,
    /// Value before.
    pub before: Option<f64>,
    /// Value after.
    pub after: Option<f64>,
    /// After minus before. The interval draws patients and takes both answers to each of their films, so
    /// that what both share cancels.
    pub difference: Measured,
}

/// The paired two-by-two table, and the exact test of its two unequal cells.
///
/// Q. McNemar, Psychometrika 12 (1947) 153–157. Films are taken as independent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct McNemar {
    /// Films that both answer right.
    pub both: usize,
    /// Films right before and wrong after.
    pub only_before: usize,
    /// Films wrong before and right after.
    pub only_after: usize,
    /// Films that both answer wrong.
    pub neither: usize,
    /// Two-sided exact p that the two are equally often right alone.
    pub p: f64,
}

/// Two-sided exact p of McNemar's test: of the films on which exactly one of two models is right, how
/// unlikely a split as uneven as this is when each is as likely as the other. 1 when there are none.
pub fn mcnemar(only_before: usize, only_after: usize) -> f64 {
    let fewer = only_before.min(only_after);
    let more = only_before.max(only_after);
    if fewer == more {
        return 1.0;
    }
    // P(X ≤ k) of a fair binomial of n is I_½(n − k, k + 1).
    (2.0 * regularised_incomplete_beta(more as f64, fewer as f64 + 1.0, 0.5)).min(1.0)
}

/// Compares two sets of predictions on the same films with the same truth, matched by film identifier in any
/// order. Uses `level`, `bootstrap`, `stratify`, `seed` and the thresholds of `options`.
pub fn compare(before: &Predictions, after: &Predictions, options: &Options) -> Result<Comparison, Error> {
    before.check()?;
    after.check()?;
    options.check(&before.findings)?;
    let after = &align(before, after)?;
    let rows = before.labelled();
    if rows.is_empty() {
        return Err(Error::Empty { films: before.len() });
    }
    let (before, after) = (&before.select(&rows), &after.select(&rows));
    let samples = [Sample::new(before, options), Sample::new(after, options)];
    let patients = Patients::of(before, options.stratify)?;
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
        let (metric, finding) = Figures::name(place);
        let value = |figures: &Figures| Some(figures.0[place]).filter(|value| !value.is_nan());
        let [old, new] = values.each_ref().map(value);
        let gaps = draws.iter().map(|([old, new], _)| new.0[place] - old.0[place]);
        let known = |film: &u32| finding.is_none_or(|f| before.has(*film as usize, f).is_some());
        let has = |film: &u32| finding.is_none_or(|f| before.has(*film as usize, f) == Some(true));
        let films = (0..before.len() as u32).filter(|film| {
            if metric == "sensitivity" {
                has(film)
            } else {
                known(film)
            }
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
        [Single::Sensitivity, Single::Auc].map(|metric| Figures::single(finding, metric))
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
        mcnemar: (before.kind() == Kind::Exclusive).then(|| table(before, after)),
        differences: places.into_iter().map(difference).collect(),
    })
}

impl Comparison {
    /// The difference of `metric`, of a finding or (with `None`) of the whole.
    pub fn difference(&self, metric: &str, finding: Option<&str>) -> Option<&Difference> {
        self.differences
            .iter()
            .find(|one| one.metric == metric && one.finding.as_deref() == finding)
    }

    /// What changed, in plain words.
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
        if let Some(McNemar {
            only_before,
            only_after,
            p,
            ..
        }) = &self.mcnemar
        {
            let p = number(*p);
            lines.push(format!(
                "right only before {only_before}, only after {only_after}: exact McNemar p = {p}"
            ));
        }
        lines
    }
}

/// `after` in the order of `before`.
fn align(before: &Predictions, after: &Predictions) -> Result<Predictions, Error> {
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

/// `[films]`: whether the answer, or any call with a known label, changed.
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

fn table(before: &Predictions, after: &Predictions) -> McNemar {
    let mut cells = [[0; 2]; 2];
    for film in 0..before.len() {
        let right = |predictions: &Predictions| predictions.has(film, predictions.answer(film)) == Some(true);
        cells[usize::from(right(before))][usize::from(right(after))] += 1;
    }
    let [[neither, only_after], [only_before, both]] = cells;
    McNemar {
        both,
        only_before,
        only_after,
        neither,
        p: mcnemar(only_before, only_after),
    }
}
