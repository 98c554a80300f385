//! The verdict on a paired difference, in words that claim no more than its intervals.

use pleura_core::text::{count, number, signed};
use pleura_eval::{PairedMean, bonferroni_level};
use pleura_run::study::{Side, StudyFindings, StudyPoint, Verdict};

/// The side of 0 that an interval lies on.
fn side(interval: Option<(f64, f64)>) -> Side {
    match interval {
        // Equal draws do not show what could vary.
        Some((low, high)) if low < high => match (low > 0.0, high < 0.0) {
            (true, _) => Side::Above,
            (_, true) => Side::Below,
            _ => Side::Open,
        },
        _ => Side::Unknown,
    }
}

/// The verdict on a metric for which higher is better.
pub(super) fn verdict(found: &PairedMean, candidate: &str, baseline: &str) -> Verdict {
    let together = &found.together;
    let (films, seeds) = (side(together.films), side(together.seeds));
    let Some(gap) = found.difference.value else {
        return Verdict {
            films: Side::Unknown,
            seeds: Side::Unknown,
            words: format!(
                "{} is not defined on these films: there is no verdict",
                found.metric
            ),
        };
    };
    let interval = |ends: Option<(f64, f64)>| {
        ends.map_or_else(String::new, |(low, high)| {
            format!("{} to {}", signed(low), signed(high))
        })
    };
    let over_films = interval(together.films);
    let over_seeds = interval(together.seeds);
    let pairs = found.seeds.as_ref().map_or(0, |seeds| seeds.differences.len());
    let words = match (films, seeds) {
        (Side::Above | Side::Below, same) if same == films => format!(
            "{candidate} is {} {baseline}: over the films ({over_films}) and over {} ({over_seeds}) alike",
            if films == Side::Above {
                "ahead of"
            } else {
                "behind"
            },
            count(pairs, "seed")
        ),
        (Side::Above | Side::Below, Side::Above | Side::Below) => {
            format!(
                "films ({over_films}) and seeds ({over_seeds}) contradict each other: the comparison is open"
            )
        }
        (Side::Above | Side::Below, Side::Open) => format!(
            "these trainings of {} are ahead on such films ({over_films}); {} leave open whether others would be ({over_seeds})",
            if films == Side::Above { candidate } else { baseline },
            count(pairs, "seed")
        ),
        (Side::Above | Side::Below, _) => format!(
            "these trainings of {} are ahead on such films ({over_films}); {}",
            if films == Side::Above { candidate } else { baseline },
            if pairs < 3 {
                "with so few seeds, other trainings may differ"
            } else {
                "the seeds' differences are all equal, which gives no interval"
            }
        ),
        (_, Side::Above | Side::Below) => format!(
            "on these films {} is ahead for other seeds too ({over_seeds}); on other films it may not be ({})",
            if seeds == Side::Above { candidate } else { baseline },
            if over_films.is_empty() {
                "no interval"
            } else {
                &over_films
            }
        ),
        (Side::Unknown, Side::Unknown) if gap == 0.0 => {
            "no relevant prediction differs, which shows neither a difference nor equality".to_owned()
        }
        _ => {
            let ends = [together.films, together.seeds].into_iter().flatten();
            let widest = ends.reduce(|one, other| (one.0.min(other.0), one.1.max(other.1)));
            match widest {
                Some(widest) => format!(
                    "no difference is shown; differences from {} are possible",
                    interval(Some(widest))
                ),
                None => "there is no verdict: no interval".to_owned(),
            }
        }
    };
    Verdict {
        films,
        seeds,
        words: format!("{} {}: {words}", found.metric, signed(gap)),
    }
}

/// Adds the conclusions of all verdicts together, and their limits.
pub(super) fn conclude(findings: &mut StudyFindings) {
    let others = findings
        .variants
        .iter()
        .filter(|variant| variant.name != findings.baseline);
    let conclusions = others
        .map(|variant| Conclusion(findings).of(&variant.name))
        .collect();
    let cautions = Conclusion(findings).cautions();
    (findings.conclusions, findings.cautions) = (conclusions, cautions);
}

/// Writes the conclusions of a study.
struct Conclusion<'f>(&'f StudyFindings);

impl Conclusion<'_> {
    fn verdicts<'a>(&'a self, candidate: &'a str) -> impl Iterator<Item = (&'a StudyPoint, &'a Verdict)> {
        self.0.points.iter().flat_map(move |point| {
            let own = point
                .comparisons
                .iter()
                .filter(move |one| one.candidate == candidate);
            own.map(move |one| (point, &one.verdict))
        })
    }

    fn of(&self, candidate: &str) -> String {
        let among = |wanted: &dyn Fn(&Verdict) -> bool| {
            let own = self.verdicts(candidate).filter(|(_, verdict)| wanted(verdict));
            moments(own.map(|(point, _)| point))
        };
        let told = |side: Side| matches!(side, Side::Above | Side::Below);
        let films =
            |side: Side| move |verdict: &Verdict| verdict.settled().is_none() && verdict.films == side;
        let seeds = |side: Side| move |verdict: &Verdict| !told(verdict.films) && verdict.seeds == side;
        let groups = [
            (
                "is ahead",
                among(&|verdict| verdict.settled() == Some(Side::Above)),
            ),
            (
                "is behind",
                among(&|verdict| verdict.settled() == Some(Side::Below)),
            ),
            (
                "is ahead in these trainings (other seeds may differ)",
                among(&films(Side::Above)),
            ),
            (
                "is behind in these trainings (other seeds may differ)",
                among(&films(Side::Below)),
            ),
            (
                "is ahead on these films for other seeds too (too few films for others)",
                among(&seeds(Side::Above)),
            ),
            (
                "is behind on these films for other seeds too (too few films for others)",
                among(&seeds(Side::Below)),
            ),
            (
                "no difference is shown",
                among(&|verdict| !told(verdict.films) && !told(verdict.seeds)),
            ),
        ];
        let parts: Vec<String> = groups
            .into_iter()
            .filter_map(|(what, moments)| Some(format!("{what} {}", moments?)))
            .collect();
        format!(
            "{candidate} against {}, {}: {}.",
            self.0.baseline,
            self.0.primary,
            parts.join("; ")
        )
    }

    fn cautions(&self) -> Vec<String> {
        let family = self
            .0
            .points
            .iter()
            .map(|point| point.comparisons.len())
            .sum::<usize>();
        let pairs = self.0.seeds.len();
        let mut cautions = vec![format!(
            "{} of {} have a verdict: their intervals over the films cover together at {}{} (each at {}); other metrics have no verdict",
            count(family, "difference"),
            self.0.primary,
            percent(self.0.level),
            if pairs < 3 {
                ""
            } else {
                ", and so, separately, do those over the seeds"
            },
            percent(bonferroni_level(self.0.level, family)),
        )];
        if self.0.pending > 0 {
            cautions.insert(
                0,
                format!(
                    "the study is not finished: {} are not compared yet, because other trainings of their seed are not done; \
                     to stop when the result looks good would bias it",
                    count(self.0.pending, "training")
                ),
            );
        }
        if pairs < 3 {
            cautions.push(format!(
                "{} cannot show the effect of other seeds: at least three are needed, better six or more",
                count(pairs, "seed")
            ));
        } else if pairs < 6 {
            cautions.push(format!(
                "with {pairs} seeds the sign-flip test cannot go below p = {}: Student's interval assumes that the differences are about normal",
                number((1.0 - pairs as f64).exp2())
            ));
        }
        if self.0.points.iter().any(|point| point.split == "validation") {
            cautions.push(
                "validation films selected each training's best epoch; comparisons on them after a given epoch have no such bias"
                    .to_owned(),
            );
        }
        if self.0.folds > 1 {
            cautions.push(
                "trainings of different folds share most of their training films, so folds are not independent repetitions; seeds are counted, not folds"
                    .to_owned(),
            );
        }
        let stopped: usize = self
            .0
            .points
            .iter()
            .flat_map(|point| &point.comparisons)
            .map(|one| one.stopped_before)
            .sum();
        if stopped > 0 {
            cautions.push(format!(
                "{} left out of a comparison, because one of the two stopped before its epoch",
                if stopped == 1 {
                    "1 pair is".to_owned()
                } else {
                    format!("{stopped} pairs are")
                }
            ));
        }
        cautions
    }
}

/// `after epochs 1, 2 (validation films), with the best weights (test films)`; `None` if there are none.
fn moments<'a>(points: impl Iterator<Item = &'a StudyPoint>) -> Option<String> {
    let points: Vec<&StudyPoint> = points.collect();
    let mut said: Vec<String> = Vec::new();
    for split in ["validation", "test"] {
        let own = || points.iter().filter(move |point| point.split == split);
        let first = own().find(|point| point.epoch == Some(0));
        said.extend(first.map(|point| format!("{} ({split} films)", point.when())));
        let trained = own().filter_map(|point| point.epoch.filter(|&epoch| epoch > 0));
        let epochs: Vec<String> = trained.map(|epoch| epoch.to_string()).collect();
        if !epochs.is_empty() {
            let word = if epochs.len() == 1 { "epoch" } else { "epochs" };
            said.push(format!("after {word} {} ({split} films)", epochs.join(", ")));
        }
        let best = own().find(|point| point.epoch.is_none());
        said.extend(best.map(|point| format!("{} ({split} films)", point.when())));
    }
    (!said.is_empty()).then(|| said.join(", "))
}

/// A share in per cent with up to three decimals, so that 99.75 % is not 100 %.
fn percent(share: f64) -> String {
    let text = format!("{:.3}", 100.0 * share);
    format!("{} %", text.trim_end_matches('0').trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use pleura_eval::{Estimate, SimultaneousIntervals, paired_seeds};
    use pleura_run::study::{StudyComparison, StudyVariant};

    fn found(gap: f64, films: Option<(f64, f64)>, seeds: Option<(f64, f64)>) -> PairedMean {
        let value = |value| Estimate {
            value: Some(value),
            ..Estimate::undefined(0.95)
        };
        PairedMean {
            metric: "accuracy".into(),
            baseline: value(0.5),
            candidate: value(0.5 + gap),
            difference: value(gap),
            each: vec![Some(gap); 3],
            seeds: paired_seeds(&[0.5; 3], &[0.5 + gap; 3], 0.95).ok(),
            together: SimultaneousIntervals {
                family: 5,
                level: 0.99,
                films,
                seeds,
            },
        }
    }

    fn on(gap: f64, films: Option<(f64, f64)>, seeds: Option<(f64, f64)>) -> Verdict {
        verdict(&found(gap, films, seeds), "kept", "fresh")
    }

    #[test]
    fn words_go_as_far_as_the_intervals() {
        let (up, down, open) = (Some((0.01, 0.09)), Some((-0.2, -0.1)), Some((-0.02, 0.12)));
        for (films, seeds, settled, says) in [
            (up, up, Some(Side::Above), "kept is ahead of fresh"),
            (down, down, Some(Side::Below), "kept is behind fresh"),
            (
                up,
                open,
                None,
                "leave open whether others would be (−0.020 to +0.120)",
            ),
            (up, None, None, "the seeds' differences are all equal"),
            (open, up, None, "on these films kept is ahead"),
            (None, down, None, "on these films fresh is ahead"),
            (up, down, None, "contradict each other"),
            (
                open,
                open,
                None,
                "no difference is shown; differences from −0.020 to +0.120",
            ),
            (Some((0.05, 0.05)), None, None, "no difference is shown"),
            (None, None, None, "there is no verdict"),
        ] {
            let verdict = on(0.05, films, seeds);
            assert_eq!(verdict.settled(), settled, "{}", verdict.words);
            assert!(verdict.words.contains(says), "{says}: {}", verdict.words);
            assert!(verdict.words.starts_with("accuracy +0.050: "));
        }
        let mut few = found(0.05, up, None);
        few.seeds = None;
        let few = verdict(&few, "kept", "fresh").words;
        assert!(
            few.ends_with("with so few seeds, other trainings may differ"),
            "{few}"
        );
        let same = on(0.0, Some((0.0, 0.0)), None);
        assert!(
            same.words.contains("neither a difference nor equality"),
            "{}",
            same.words
        );
    }

    #[test]
    fn a_conclusion_gathers_its_verdicts() {
        let point = |epoch, verdict| StudyPoint {
            epoch,
            split: if epoch.is_some() { "validation" } else { "test" }.into(),
            comparisons: vec![StudyComparison {
                candidate: "kept".into(),
                pairs: 3,
                stopped_before: usize::from(epoch == Some(5)),
                metrics: Vec::new(),
                verdict,
            }],
        };
        let (up, open) = (Some((0.01, 0.09)), Some((-0.02, 0.12)));
        let variant = |name: &str| StudyVariant {
            name: name.into(),
            stage: "target".into(),
            differs: Vec::new(),
            runs: Vec::new(),
        };
        let mut findings = StudyFindings {
            name: "keeping".into(),
            baseline: "fresh".into(),
            primary: "accuracy".into(),
            level: 0.95,
            draws: 1000,
            seeds: vec![1, 2, 3],
            folds: 1,
            pending: 0,
            variants: vec![variant("fresh"), variant("kept")],
            points: vec![
                point(Some(1), on(0.05, up, up)),
                point(Some(5), on(0.05, up, open)),
                point(None, on(0.0, open, open)),
            ],
            left_out: None,
            conclusions: Vec::new(),
            cautions: Vec::new(),
        };
        conclude(&mut findings);
        assert_eq!(findings.conclusions.len(), 1);
        let said = &findings.conclusions[0];
        assert!(said.starts_with("kept against fresh, accuracy: is ahead after epoch 1 (validation films); is ahead in these trainings (other seeds may differ)"), "{said}");
        assert!(
            said.ends_with("no difference is shown with the best weights (test films)."),
            "{said}"
        );
        let cautions = findings.cautions.join("\n");
        for says in [
            "3 differences of accuracy have a verdict: their intervals over the films cover together at 95 %",
            "and so, separately, do those over the seeds (each at 98.333 %)",
            "p = 0.250",
            "1 pair is left out",
        ] {
            assert!(cautions.contains(says), "{says}: {cautions}");
        }
    }
}
