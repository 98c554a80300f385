//! Compares the predictions of the finished runs of a study.

use std::path::{Path, PathBuf};

use pleura_eval::{Predictions, bonferroni_level, paired_means, pool};
use pleura_manifest::Split;
use pleura_run::{
    RunFolder, SeriesFolder, StageRecord,
    json::{read_json, write_json},
    log::LogEvent,
    split_name,
    study::{
        LeftOutComparison, LeftOutResults, StudyComparison, StudyEpoch, StudyFindings, StudyPoint, StudyRun,
        StudyVariant,
    },
};
use pleura_train::Error;

use super::{
    PlannedRun, Study, StudyPlan,
    verdict::{conclude, verdict},
};

/// Bootstrap draws that must lie beyond each end of an interval for a stable end.
const BEYOND: f64 = 5.0;

impl StudyPlan {
    /// Compares the predictions of the finished runs below `out`, and writes `study.json`. A partial
    /// comparison takes no lock. If `study.json` already covers more runs, it is kept and returned.
    ///
    /// # Errors
    /// Predictions that are missing or do not fit together.
    pub fn evaluate(&self, out: &Path) -> Result<StudyFindings, Error> {
        let study = &self.study;
        let recipe = study.recipe(study.baseline);
        let choice = &recipe.evaluation;
        let compared = self.compared(out);
        let family = compared.iter().filter(|one| !one.pairs.is_empty()).count();
        let tails = 2.0 * BEYOND / (1.0 - bonferroni_level(choice.level, family));
        let options = pleura_eval::Options {
            level: choice.level,
            bootstrap: choice.bootstrap.max((tails - 1e-6).ceil() as usize),
            seed: study.seeds[0],
            ..pleura_eval::Options::default()
        };
        let name = |variant: usize| study.variants[variant].name.clone();
        let mut points: Vec<StudyPoint> = Vec::new();
        let mut left_out = Vec::new();
        for one in compared.iter().filter(|one| !one.pairs.is_empty()) {
            let read = |side: fn(&Pair) -> &PathBuf| -> Result<Vec<Predictions>, Error> {
                let files = one.pairs.iter().map(|pair| Predictions::read(side(pair)));
                Ok(files.collect::<Result<_, _>>()?)
            };
            let mut seeds: Vec<u64> = one.pairs.iter().map(|pair| pair.seed).collect();
            let (mut before, mut after) = (read(|pair| &pair.baseline)?, read(|pair| &pair.candidate)?);
            // A source may have one class, so the films of all sources are pooled, seed by seed.
            if study.leave_out.is_some() && one.split == Split::Test {
                if one.epoch.is_none() {
                    left_out.extend(self.left_out(one, &before, &after, &options)?);
                }
                (before, after) = (pooled(&seeds, &before)?, pooled(&seeds, &after)?);
                seeds.dedup();
            }
            let metrics = paired_means(&before, &after, &seeds, family, &options)?;
            let primary = metrics.iter().find(|metric| metric.metric == self.primary);
            let Some(primary) = primary else { continue };
            let comparison = StudyComparison {
                verdict: verdict(primary, &name(one.candidate), &name(study.baseline)),
                candidate: name(one.candidate),
                pairs: one.pairs.len(),
                stopped_before: one.stopped_before,
                metrics,
            };
            match points
                .iter_mut()
                .find(|point| point.epoch == one.epoch && point.split == split_name(one.split))
            {
                Some(point) => point.comparisons.push(comparison),
                None => points.push(StudyPoint {
                    epoch: one.epoch,
                    split: split_name(one.split).to_owned(),
                    comparisons: vec![comparison],
                }),
            }
        }
        let mut findings = StudyFindings {
            name: study.name.clone(),
            baseline: name(study.baseline),
            primary: self.primary.clone(),
            level: options.level,
            draws: options.bootstrap,
            seeds: study.seeds.clone(),
            folds: self.folds,
            pending: self.pending,
            variants: self.variants(out)?,
            points,
            left_out: study.leave_out.as_ref().map(|choice| LeftOutResults {
                attribute: choice.attribute.clone(),
                comparisons: left_out,
            }),
            conclusions: Vec::new(),
            cautions: Vec::new(),
        };
        conclude(&mut findings);
        let path = SeriesFolder::new(out).study_findings();
        if self.pending > 0
            && let Ok(there) = read_json::<StudyFindings>(&path)
            && there.pending < self.pending
        {
            return Ok(there);
        }
        write_json(&path, &findings)?;
        Ok(findings)
    }

    /// A variant against the baseline on the films of each left-out value.
    fn left_out(
        &self,
        one: &Compared,
        before: &[Predictions],
        after: &[Predictions],
        options: &pleura_eval::Options,
    ) -> Result<Vec<LeftOutComparison>, Error> {
        let mut values: Vec<&String> = one
            .pairs
            .iter()
            .filter_map(|pair| pair.left_out.as_ref())
            .collect();
        values.sort();
        values.dedup();
        values
            .into_iter()
            .map(|value| {
                let own: Vec<usize> = (0..one.pairs.len())
                    .filter(|&pair| one.pairs[pair].left_out.as_ref() == Some(value))
                    .collect();
                let pick =
                    |all: &[Predictions]| own.iter().map(|&pair| all[pair].clone()).collect::<Vec<_>>();
                let seeds: Vec<u64> = own.iter().map(|&pair| one.pairs[pair].seed).collect();
                Ok(LeftOutComparison {
                    value: value.clone(),
                    candidate: self.study.variants[one.candidate].name.clone(),
                    metrics: paired_means(&pick(before), &pick(after), &seeds, 1, options)?,
                })
            })
            .collect()
    }

    /// All comparisons with their tables of predictions.
    fn compared(&self, out: &Path) -> Vec<Compared> {
        let study = &self.study;
        let mut moments: Vec<(Option<usize>, Split)> = Vec::new();
        for &epoch in &study.epochs {
            moments.push((Some(epoch), Split::Validation));
            if study.test_epochs && self.tested {
                moments.push((Some(epoch), Split::Test));
            }
        }
        let last = if self.tested {
            Split::Test
        } else {
            Split::Validation
        };
        moments.push((None, last));
        let mut compared = Vec::new();
        for (epoch, split) in moments {
            let table = |run: &PlannedRun| {
                let stage = &Study::stage(&study.variants[run.variant]).name;
                let folder = SeriesFolder::new(out).run(&run.name).stage(stage);
                match epoch {
                    None => folder.predictions(split),
                    Some(epoch) => folder.predictions_after(split, epoch),
                }
            };
            for candidate in (0..study.variants.len()).filter(|&variant| variant != study.baseline) {
                let (mut pairs, mut stopped_before) = (Vec::new(), 0);
                for baseline in self.runs.iter().filter(|run| run.variant == study.baseline) {
                    let pair = |run: &&PlannedRun| {
                        run.variant == candidate && run.seed == baseline.seed && run.fold == baseline.fold
                    };
                    let Some(other) = self.runs.iter().find(pair) else {
                        continue;
                    };
                    let (before, after) = (table(baseline), table(other));
                    // A run whose patience ran out has no predictions of later epochs. Every run has best
                    // weights; a missing table of those is an error later.
                    if epoch.is_some() && !(before.exists() && after.exists()) {
                        stopped_before += 1;
                        continue;
                    }
                    pairs.push(Pair {
                        seed: baseline.seed,
                        left_out: baseline.left_out.clone(),
                        baseline: before,
                        candidate: after,
                    });
                }
                compared.push(Compared {
                    epoch,
                    split,
                    candidate,
                    pairs,
                    stopped_before,
                });
            }
        }
        compared
    }

    fn variants(&self, out: &Path) -> Result<Vec<StudyVariant>, Error> {
        let variants = self.study.variants.iter().enumerate();
        variants
            .map(|(number, variant)| {
                let stage = &Study::stage(variant).name;
                let runs = self.runs.iter().filter(|run| run.variant == number);
                let runs = runs.map(|run| {
                    let folder = SeriesFolder::new(out).run(&run.name);
                    let record: StageRecord = read_json(&folder.stage(stage).record())?;
                    Ok(StudyRun {
                        name: run.name.clone(),
                        seed: run.seed,
                        fold: run.fold.map(|fold| fold + 1),
                        left_out: run.left_out.clone(),
                        best_epoch: record.summary.best_epoch + 1,
                        curve: curve(&folder, stage)?,
                    })
                });
                Ok(StudyVariant {
                    name: variant.name.clone(),
                    stage: stage.clone(),
                    differs: self.differs[number].clone(),
                    runs: runs.collect::<Result<_, Error>>()?,
                })
            })
            .collect()
    }
}

/// The predictions of each seed, joined over the left-out values. Runs of a seed follow each other.
fn pooled(seeds: &[u64], parts: &[Predictions]) -> Result<Vec<Predictions>, Error> {
    let runs = seeds.chunk_by(|a, b| a == b);
    let mut begin = 0;
    let joined = runs.map(|run| {
        begin += run.len();
        Ok(pool(&parts[begin - run.len()..begin])?)
    });
    joined.collect()
}

/// A comparison of a variant with the baseline after the same number of epochs.
struct Compared {
    epoch: Option<usize>,
    split: Split,
    candidate: usize,
    pairs: Vec<Pair>,
    stopped_before: usize,
}

/// The tables of two runs that differ only in the variant.
struct Pair {
    seed: u64,
    left_out: Option<String>,
    baseline: PathBuf,
    candidate: PathBuf,
}

/// The validation of a stage by epoch, from a run's log.
fn curve(run: &RunFolder, stage: &str) -> Result<Vec<StudyEpoch>, Error> {
    let lines = run.read_log()?.into_iter().filter(|line| line.stage == stage);
    let validations = lines.filter_map(|line| match line.event {
        LogEvent::Before(before) => Some((0, before.validation)),
        LogEvent::Epoch(epoch) => Some((epoch.epoch + 1, epoch.validation)),
        _ => None,
    });
    Ok(validations
        .map(|(epoch, metrics)| StudyEpoch {
            epoch,
            accuracy: metrics.accuracy,
            macro_auc: metrics.macro_auc,
        })
        .collect())
}
