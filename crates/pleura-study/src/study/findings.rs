//! Compares the predictions of the finished runs of a study.

use std::path::{Path, PathBuf};

use pleura_eval::{Predictions, bonferroni_level, paired_means};
use pleura_manifest::Split;
use pleura_run::{
    RunFolder, SeriesFolder, StageRecord,
    json::{read_json, write_json},
    log::LogEvent,
    split_name,
    study::{StudyComparison, StudyEpoch, StudyFindings, StudyPoint, StudyRun, StudyVariant},
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
        for one in compared.iter().filter(|one| !one.pairs.is_empty()) {
            let read = |side: fn(&Pair) -> &PathBuf| -> Result<Vec<Predictions>, Error> {
                let files = one.pairs.iter().map(|pair| Predictions::read(side(pair)));
                Ok(files.collect::<Result<_, _>>()?)
            };
            let seeds: Vec<u64> = one.pairs.iter().map(|pair| pair.seed).collect();
            let (before, after) = (read(|pair| &pair.baseline)?, read(|pair| &pair.candidate)?);
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
