//! The validation after each epoch, and the test of the best weights at the end.

use std::{ops::ControlFlow, time::Instant};

use pleura_core::fs::write_atomic;
use pleura_eval::Predictions;
use pleura_manifest::{
    Split,
    access_log::{self, TestAccess},
};
use pleura_nn::{Cpu, Network, Weights};
use pleura_run::{
    StageRecord, StageSummary,
    json::write_json,
    log::{Epoch, InitialValidation, LogEvent, LossParts, StageEnd, TestMetrics, ValidationMetrics},
    recipe::{Monitor, Start},
    timing::{EpochTiming, TimingEvent},
};

use super::{Outcome, StageRun, known_features::only_head_trains, trainable::Trainable};
use crate::{
    checkpoint::CurvePoint,
    error::Error,
    observer::{EpochEnd, Event, Observer},
    plan::StagePlan,
    predict,
};

impl StageRun<'_> {
    /// Validates starting weights before the first step, unless they are random.
    pub(super) fn before(&mut self) -> Result<(), Error> {
        if self.plan.start == Start::Random && !self.plan.stage.epoch_predictions.after.contains(&0) {
            return Ok(());
        }
        let Some(Validation {
            loss,
            parts,
            metrics,
            answers,
        }) = self.validate()?
        else {
            return Ok(());
        };
        if !self.keep_predictions(0, &answers)? {
            return Ok(());
        }
        self.log_event(LogEvent::Before(InitialValidation {
            validation_loss: loss,
            validation: metrics,
            validation_parts: parts,
        }))
    }

    /// Validates the epoch, keeps its weights if they are the best, and writes a checkpoint.
    pub(super) fn end_epoch(&mut self) -> Result<(), Error> {
        let plan = self.plan;
        let stage = &plan.stage;
        let begin = Instant::now();
        let Some(Validation {
            loss: validation_loss,
            parts,
            metrics,
            answers,
        }) = self.validate()?
        else {
            return self.checkpoint();
        };
        let epoch = self.position.epoch;
        if !self.keep_predictions(epoch + 1, &answers)? {
            return self.checkpoint();
        }
        let train_loss = self.position.epoch_loss();
        let ValidationMetrics { accuracy, macro_auc } = metrics;
        let monitored = match stage.monitor {
            Monitor::ValidationLoss => Some(validation_loss),
            Monitor::MacroAuc => macro_auc,
            Monitor::Accuracy => accuracy,
        };
        let best = self
            .position
            .early_stopping
            .observe(stage.monitor, epoch, monitored);
        if best {
            let bytes = self.weights(epoch).to_bytes()?;
            write_atomic(&self.folder.best_weights(), &bytes)?;
        }
        self.log_event(LogEvent::Epoch(Epoch {
            epoch,
            step: self.position.step,
            train_loss,
            validation_loss,
            validation: metrics,
            best,
            validation_parts: parts,
        }))?;
        let seconds = begin.elapsed();
        self.throughput.validated(seconds);
        self.log_timing(TimingEvent::Epoch(EpochTiming {
            epoch,
            validation_seconds: seconds.as_secs_f64(),
            films_per_second: self.throughput.films_per_second(),
            waiting: self.throughput.waiting(),
        }))?;
        let scalars = [
            ("epoch/train_loss", Some(train_loss)),
            ("epoch/validation_loss", Some(validation_loss)),
            ("epoch/validation_accuracy", accuracy),
            ("epoch/validation_macro_auc", macro_auc),
            (
                "epoch/validation_cross_entropy",
                parts.map(|parts| parts.cross_entropy),
            ),
            ("epoch/validation_l1", parts.map(|parts| parts.l1)),
            ("epoch/validation_l2", parts.map(|parts| parts.l2)),
        ];
        let scalars: Vec<(String, f64)> = scalars
            .into_iter()
            .filter_map(|(tag, value)| Some((tag.to_owned(), value?)))
            .collect();
        self.events.scalars(self.position.step, &scalars)?;
        self.position.curve.push(CurvePoint {
            epoch,
            train_loss,
            validation_loss,
        });
        (self.position.loss_sum, self.position.loss_mass) = (0.0, 0.0);
        self.position.epoch += 1;
        self.position.batch = 0;
        self.checkpoint()?;
        let end = EpochEnd {
            stage: &stage.name,
            epoch: (epoch, stage.epochs),
            train_loss,
            validation_loss,
            accuracy,
            macro_auc,
            best,
        };
        self.stop |= self.observer.notice(&Event::Epoch(end)).is_break();
        Ok(())
    }

    /// Validates the network as it is now; `None` if the observer stopped the run.
    fn validate(&mut self) -> Result<Option<Validation>, Error> {
        let plan = self.plan;
        let rows = &plan.validation;
        let trainable = Trainable::new(plan, &self.network, self.position.epoch);
        let logits = if only_head_trains(plan, &trainable) {
            self.head_answers(rows)?
        } else {
            self.answers(Split::Validation, rows, None)?
        };
        let Some(logits) = logits else {
            return Ok(None);
        };
        let value = plan.loss.value(&logits, &plan.labels.targets(rows))?;
        let heat = self.heatmaps.take();
        let found = match &heat {
            None => Ok(Some((value, None))),
            Some(heat) => self.validation_heatmap_loss(heat, rows).map(|found| {
                let (value, parts) = found.map(|(l1, l2)| heat.value(&value, l1, l2))?;
                Some((value, Some(parts)))
            }),
        };
        self.heatmaps = heat;
        let Some((value, parts)) = found? else {
            return Ok(None);
        };
        // Checked before the predictions, which are not finite then either.
        self.refuse_nonsense("validation loss", value.mean())?;
        let truth = plan.labels.truth(rows);
        let predictions = predict::predictions(&plan.manifest, rows, &plan.findings, truth, &logits)?;
        let overall = pleura_eval::evaluate(&predictions, &pleura_eval::Options::points())?.overall;
        Ok(Some(Validation {
            loss: value.mean(),
            parts,
            metrics: ValidationMetrics {
                accuracy: overall.accuracy.value,
                macro_auc: overall.macro_auc.value,
            },
            answers: predictions,
        }))
    }

    /// Logits of the validation films from their features, which are computed if they are not known; `None`
    /// if the observer stopped the run.
    fn head_answers(&mut self, rows: &[usize]) -> Result<Option<Vec<f32>>, Error> {
        let plan = self.plan;
        if !self.known.holds(rows) {
            let (network, pictures) = (&self.network, &self.pictures);
            let mut notice = answering(self.observer, plan, Split::Validation, rows.len());
            let batch = plan.stage.batch;
            let features = predict::features(network, &plan.manifest, pictures, rows, batch, &mut notice)?;
            let Some(features) = features else {
                self.stop = true;
                return Ok(None);
            };
            self.known.keep(rows, &features);
        }
        let features = self.known.of(rows).unwrap_or_default();
        Ok(Some(self.network.head_logits(&features)?))
    }

    /// Logits of rows, by the current network or another; `None` if the observer stopped the run.
    pub(super) fn answers(
        &mut self,
        split: Split,
        rows: &[usize],
        network: Option<&Network<Cpu>>,
    ) -> Result<Option<Vec<f32>>, Error> {
        let plan = self.plan;
        let mut notice = answering(self.observer, plan, split, rows.len());
        let network = network.unwrap_or(&self.network);
        let logits = predict::logits(
            network,
            &plan.manifest,
            &self.pictures,
            rows,
            plan.stage.batch,
            &mut notice,
        )?;
        self.stop |= logits.is_none();
        Ok(logits)
    }

    /// The current weights, with metadata of their origin.
    pub(super) fn weights(&self, epoch: usize) -> Weights {
        let plan = self.plan;
        let mut weights = self.network.weights();
        let mut note = |key: &str, value: String| weights.metadata.insert(key.to_owned(), value);
        note("kind", plan.stage.kind.name().to_owned());
        note(
            "preparation",
            serde_json::to_string(&self.run.recipe.preparation).unwrap_or_default(),
        );
        note("stage", plan.stage.name.clone());
        note("epoch", epoch.to_string());
        note("seed", plan.seed.to_string());
        note("manifest", plan.manifest_digest.clone());
        note("run", self.identity.to_owned());
        let one_sided = plan.one_sided();
        if !one_sided.is_empty() {
            note("one_sided", serde_json::to_string(&one_sided).unwrap_or_default());
        }
        weights
    }

    /// Adds an entry to the test access log, beside the manifest or, if that cannot be written, in the run.
    /// A resumed run that repeats the access adds none.
    pub(super) fn log_look(&mut self, model: &str) -> Result<(), Error> {
        let plan = self.plan;
        let command = format!(
            "train: stage {} in {}",
            plan.stage.name,
            self.folder.path().display()
        );
        let look = TestAccess::now(&plan.manifest, plan.test.len(), model, &command);
        let beside = access_log::file_of(&plan.stage.manifest)?;
        let Err(error) = access_log::record_once(&beside, &look) else {
            return Ok(());
        };
        let own = self.out.test_access_log();
        access_log::record_once(&own, &look)?;
        let note = format!(
            "{error}; the access to the test films is recorded in {} instead",
            own.display()
        );
        let _ = self.observer.notice(&Event::Note(note));
        Ok(())
    }

    /// Evaluates the best weights and writes the stage's record.
    pub(super) fn finish(mut self) -> Result<Outcome, Error> {
        let plan = self.plan;
        let last = self.weights(self.position.epoch.saturating_sub(1));
        last.write(&self.folder.last_weights())?;
        let path = self.folder.best_weights();
        let best = Weights::read(&path)?;
        let epoch = self
            .position
            .early_stopping
            .best
            .map(|best| best.epoch.to_string());
        if epoch.is_some() && best.metadata.get("epoch") != epoch.as_ref() {
            return Err(pleura_run::Error::Damaged {
                path,
                problem: "is not from the best epoch of the checkpoint; delete the stage's folder and resume, to train it again"
                    .to_owned(),
            }
            .into());
        }
        let network = Network::new(Cpu::new(), &best)?;
        let mut evaluation = None;
        for (split, rows) in [(Split::Validation, &plan.validation), (Split::Test, &plan.test)] {
            // Predictions of fractals are not written: a column for each of a thousand classes, and the log
            // has the epochs' accuracy.
            if rows.is_empty() || plan.stage.fractals.is_some() {
                continue;
            }
            if split == Split::Test {
                // Written before the first prediction: without an entry in the access log, there is no
                // access.
                self.log_look(&best.digest())?;
            }
            let Some(logits) = self.answers(split, rows, Some(&network))? else {
                return Ok(self.stopped());
            };
            let truth = plan.labels.truth(rows);
            let predictions = predict::predictions(&plan.manifest, rows, &plan.findings, truth, &logits)?;
            predictions.write(&self.folder.predictions(split))?;
            if split == Split::Test {
                let choice = &self.run.recipe.evaluation;
                let options = pleura_eval::Options {
                    level: choice.level,
                    bootstrap: choice.bootstrap,
                    seed: plan.seed,
                    ..pleura_eval::Options::default()
                };
                let found = pleura_eval::evaluate(&predictions, &options)?;
                write_json(&self.folder.metrics(), &found)?;
                evaluation = Some(found.overall);
            }
        }
        let test_accuracy = evaluation.as_ref().and_then(|overall| overall.accuracy.value);
        let test_macro_auc = evaluation.as_ref().and_then(|overall| overall.macro_auc.value);
        let best_epoch = self.position.early_stopping.best.map_or(0, |best| best.epoch);
        let curve = &self.position.curve;
        let summary = StageSummary {
            stage: plan.stage.name.clone(),
            epochs: self.position.epoch,
            steps: self.position.step,
            stopped_early: self.position.epoch < plan.stage.epochs,
            best_epoch,
            validation_loss: curve
                .get(best_epoch)
                .map_or(f64::NAN, |point| point.validation_loss),
            best_weights: best.digest(),
            last_weights: last.digest(),
            test_films: plan.test.len(),
            test_accuracy,
            test_macro_auc,
        };
        self.log_event(LogEvent::End(StageEnd {
            epochs: summary.epochs,
            steps: summary.steps,
            best_epoch,
            best_weights: summary.best_weights.clone(),
            last_weights: summary.last_weights.clone(),
            test: TestMetrics {
                films: summary.test_films,
                accuracy: test_accuracy,
                macro_auc: test_macro_auc,
            },
        }))?;
        let record = StageRecord {
            lengths: self.sync()?,
            summary,
        };
        write_json(&self.folder.record(), &record)?;
        self.checkpoints.clear()?;
        let _ = self.observer.notice(&Event::StageEnd(&record.summary));
        Ok(Outcome::Finished(Box::new(record)))
    }
}

/// Notifies the observer of finished predictions.
pub(super) fn answering<'a>(
    observer: &'a mut dyn Observer,
    plan: &'a StagePlan,
    split: Split,
    of: usize,
) -> impl FnMut(usize) -> ControlFlow<()> + 'a {
    let split = if split == Split::Test {
        "test"
    } else {
        "validation"
    };
    move |done| {
        observer.notice(&Event::Answering {
            stage: &plan.stage.name,
            split,
            done,
            of,
        })
    }
}

/// The result of a validation.
struct Validation {
    loss: f64,
    parts: Option<LossParts>,
    metrics: ValidationMetrics,
    answers: Predictions,
}
