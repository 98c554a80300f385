//! One stage: from its start through epochs of steps to its best weights and their evaluation.

use std::{
    collections::BTreeMap,
    ops::ControlFlow,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use pleura_data::{Batch, FilmCache, Loader, Split, shuffled};
use pleura_nn::{Cpu, Gradients, Network, Norm, Scope, Weights};
use serde::Serialize;

use crate::{
    answer,
    checkpoint::{self, CurvePoint, Lengths, Position},
    error::Error,
    events::EventFile,
    json::write_json,
    keep::Neurons,
    log::AppendLog,
    observer::{EpochEnd, Event, Observer, StageStart, StepProgress},
    optimiser::{self, State, clip_scale, global_norm},
    pace::Pace,
    plan::{Plan, StagePlan},
    recipe::{Decay, Monitor, NormChoice, OptimiserRecipe},
    run::{StageRecord, StageSummary, stage_folder},
    schedule::Schedule,
    start,
};

/// PyTorch's: how far running statistics move towards a batch's.
const RUNNING_MOMENTUM: f32 = 0.1;
/// Films decoded between two looks at whether to stop.
const DECODED_AT_ONCE: usize = 512;

/// How a stage ended.
pub(crate) enum Outcome {
    Finished(Box<StageRecord>),
    Stopped { epoch: usize, step: u64 },
}

/// A stage on its way.
pub(crate) struct StageRun<'a> {
    plan: &'a StagePlan,
    run: &'a Plan,
    number: usize,
    folder: PathBuf,
    identity: &'a str,
    observer: &'a mut dyn Observer,
    cache: Arc<FilmCache>,
    network: Network<Cpu>,
    gradients: Gradients<Cpu>,
    states: Vec<State>,
    schedule: Schedule,
    position: Position,
    checkpoints: checkpoint::Folder,
    log: AppendLog,
    timing: AppendLog,
    events: EventFile,
    pace: Pace,
    resumed_at: Option<u64>,
    neurons: Neurons,
    /// Set once the observer broke off.
    stop: bool,
}

impl<'a> StageRun<'a> {
    /// Opens a stage at its start, or at its newest checkpoint. `lengths` are those of the logs at its start.
    pub(crate) fn open(
        run: &'a Plan,
        number: usize,
        out: &Path,
        identity: &'a str,
        lengths: Lengths,
        cache: Option<&Path>,
        observer: &'a mut dyn Observer,
    ) -> Result<Self, Error> {
        let plan = &run.stages[number];
        let name = &plan.stage.name;
        let folder = stage_folder(out, name);
        let cache = cache.map_or_else(|| plan.manifest.folder.join(".pleura-cache"), Path::to_owned);
        let cache = Arc::new(FilmCache::open(&cache, &run.recipe.preparation)?);
        let stop = decode(plan, &cache, observer)?;
        let start::Started { weights, neurons } = start::start(run, number, out, &cache, stop)?;
        let mut network = Network::new(Cpu::new(), &weights)?;
        let checkpoints = checkpoint::Folder::new(&folder, identity, name)?;
        let (found, problems) = checkpoints.newest(network.parameters())?;
        for problem in problems {
            let _ = observer.notice(&Event::Note(problem));
        }
        let mut states = vec![State::default(); network.parameters().len()];
        let (mut position, mut lengths, mut resumed_at) = (Position::default(), lengths, None);
        if let Some(found) = found {
            for (value, stored) in network.values_mut().iter_mut().zip(found.values) {
                *value = stored;
            }
            resumed_at = Some(found.position.step);
            (position, lengths, states) = (found.position, found.lengths, found.states);
        }
        Ok(Self {
            schedule: Schedule::new(plan.stage.schedule, plan.stage.epochs, plan.steps_per_epoch()),
            gradients: network.gradients(),
            log: AppendLog::open(out.join("log.jsonl"), lengths.log)?,
            timing: AppendLog::open(out.join("timing.jsonl"), lengths.timing)?,
            events: EventFile::open(&folder, lengths.events)?,
            pace: Pace::new(plan.steps_per_epoch(), plan.stage.epochs),
            plan,
            run,
            number,
            folder,
            identity,
            observer,
            cache,
            network,
            states,
            position,
            checkpoints,
            resumed_at,
            neurons,
            stop,
        })
    }

    /// Trains what is left of the stage, and evaluates its best weights.
    pub(crate) fn train(mut self) -> Result<Outcome, Error> {
        if self.stop {
            return Ok(self.stopped());
        }
        self.begin()?;
        let stage = &self.plan.stage;
        while self.position.epoch < stage.epochs && !self.position.watch.gives_up(stage.patience) {
            self.epoch()?;
            if self.stop {
                return Ok(self.stopped());
            }
        }
        self.finish()
    }

    fn stopped(&self) -> Outcome {
        Outcome::Stopped {
            epoch: self.position.epoch,
            step: self.position.step,
        }
    }

    fn begin(&mut self) -> Result<(), Error> {
        let plan = self.plan;
        if self.resumed_at.is_none() {
            write_json(&self.folder.join("neurons.json"), &self.neurons)?;
            write_json(
                &self.folder.join("data.json"),
                &DataRecord {
                    manifest: &plan.manifest_digest,
                    findings: &plan.findings,
                    splits: &plan.counts,
                },
            )?;
            let kept = self
                .neurons
                .neurons
                .iter()
                .filter(|neuron| neuron.from.is_some())
                .count();
            self.log.line(&serde_json::json!({
                "stage": plan.stage.name, "event": "stage", "epochs": plan.stage.epochs,
                "steps_per_epoch": plan.steps_per_epoch(), "train": plan.train.len(),
                "validation": plan.validation.len(), "test": plan.test.len(), "kept": kept,
            }))?;
        }
        let start = StageStart {
            stage: &plan.stage.name,
            number: (self.number, self.run.stages.len()),
            epochs: plan.stage.epochs,
            steps_per_epoch: plan.steps_per_epoch(),
            train: &plan.counts.train,
            validation: &plan.counts.validation,
            neurons: &self.neurons,
            resumed_at: self.resumed_at,
        };
        self.stop |= self.observer.notice(&Event::Stage(start)).is_break();
        Ok(())
    }

    /// The running epoch from where it stands, with its validation.
    fn epoch(&mut self) -> Result<(), Error> {
        let plan = self.plan;
        let stage = &plan.stage;
        let epoch = self.position.epoch;
        let moving = Moving::new(plan, &self.network, epoch);
        let order = shuffled(&plan.train, plan.seed, epoch as u64);
        let mut films = Loader::epoch(
            Arc::clone(&plan.manifest),
            Arc::clone(&self.cache),
            order,
            stage.batch,
            self.position.batch,
            stage.augmentation,
            plan.seed,
            epoch as u64,
        );
        // A stop that came before this epoch's first step still leaves a checkpoint.
        if self.stop {
            return self.checkpoint();
        }
        loop {
            let begin = Instant::now();
            let Some(batch) = films.next().transpose()? else {
                break;
            };
            let waited = begin.elapsed();
            let step = self.step(&batch, &moving)?;
            self.pace.step(batch.rows.len(), begin.elapsed(), waited);
            self.record_step(&step, begin.elapsed().as_secs_f64(), waited.as_secs_f64())?;
            if self.stop {
                return self.checkpoint();
            }
            let last = self.position.batch == plan.steps_per_epoch();
            if self.position.step.is_multiple_of(stage.checkpoint_every) && !last {
                self.checkpoint()?;
            }
        }
        self.end_epoch()
    }

    fn step(&mut self, batch: &Batch, moving: &Moving) -> Result<Step, Error> {
        let plan = self.plan;
        let stage = &plan.stage;
        let norm = match stage.norm {
            NormChoice::Batch => Norm::Batch,
            NormChoice::Running => Norm::Running,
        };
        let (logits, trace) = self
            .network
            .forward(&batch.grey, batch.rows.len(), self.cache.size(), norm)?;
        let (value, gradient) = plan
            .loss
            .with_gradient(&logits, &plan.labels.targets(&batch.rows))?;
        self.refuse_nonsense("loss", value.mean())?;
        self.network
            .backward(&trace, &gradient, &moving.scope, &mut self.gradients)?;
        if norm == Norm::Batch {
            self.network.update_running(&trace, RUNNING_MOMENTUM)?;
        }
        drop(trace);
        let gradients = self.gradients.tensors();
        let grad_norm = global_norm(
            moving
                .parameters
                .iter()
                .map(|moved| gradients[moved.index].as_slice()),
        );
        self.refuse_nonsense("gradient norm", grad_norm)?;
        let scale = clip_scale(grad_norm, stage.gradient_clip);
        let factor = self.schedule.factor(self.position.step);
        let values = self.network.values_mut();
        for moved in &moving.parameters {
            optimiser::step(
                &stage.optimiser,
                moved.rate * factor,
                moved.decays,
                scale,
                &mut values[moved.index],
                &gradients[moved.index],
                &mut self.states[moved.index],
            );
        }
        let step = Step {
            step: self.position.step,
            loss: value.mean(),
            rates: moving
                .rates
                .iter()
                .map(|(group, rate)| (group.clone(), rate * factor))
                .collect(),
            grad_norm,
        };
        self.position.add(&value);
        self.position.batch += 1;
        self.position.step += 1;
        Ok(step)
    }

    fn refuse_nonsense(&self, what: &'static str, value: f64) -> Result<(), Error> {
        if value.is_finite() {
            return Ok(());
        }
        let Position { epoch, step, .. } = self.position;
        Err(Error::Diverged {
            stage: self.plan.stage.name.clone(),
            epoch,
            step,
            what,
            value,
        })
    }

    fn record_step(&mut self, step: &Step, seconds: f64, waited: f64) -> Result<(), Error> {
        let stage = &self.plan.stage;
        let epoch = self.position.epoch;
        self.log.line(&StepLine {
            stage: &stage.name,
            event: "step",
            step: step.step,
            epoch,
            loss: step.loss,
            lr: &step.rates,
            grad_norm: step.grad_norm,
        })?;
        self.timing.line(&serde_json::json!({
            "stage": stage.name, "event": "step", "step": step.step, "seconds": seconds, "waited": waited,
        }))?;
        let mut scalars = vec![
            ("step/loss".to_owned(), step.loss),
            ("step/grad_norm".to_owned(), step.grad_norm),
        ];
        scalars.extend(
            step.rates
                .iter()
                .map(|(group, rate)| (format!("lr/{group}"), *rate)),
        );
        self.events.scalars(step.step, &scalars)?;
        let steps = self.plan.steps_per_epoch();
        let progress = StepProgress {
            stage: &stage.name,
            epoch,
            in_epoch: (self.position.batch, steps),
            in_stage: (self.position.step, (steps * stage.epochs) as u64),
            loss: step.loss,
            epoch_loss: self.position.epoch_loss(),
            films_per_second: self.pace.films_per_second(),
            waiting: self.pace.waiting(),
            time_left: self.pace.left(self.position.step, epoch),
        };
        self.stop |= self.observer.notice(&Event::Step(progress)).is_break();
        Ok(())
    }

    /// Validates the epoch, keeps its weights if they are the best, and checkpoints.
    fn end_epoch(&mut self) -> Result<(), Error> {
        let plan = self.plan;
        let stage = &plan.stage;
        let begin = Instant::now();
        let Some(logits) = self.answers(Split::Validation, &plan.validation, None)? else {
            return self.checkpoint();
        };
        let validation_loss = plan
            .loss
            .value(&logits, &plan.labels.targets(&plan.validation))?
            .mean();
        self.refuse_nonsense("validation loss", validation_loss)?;
        let truth = plan.labels.truth(&plan.validation);
        let predictions =
            answer::predictions(&plan.manifest, &plan.validation, &plan.findings, truth, &logits)?;
        let overall = pleura_eval::evaluate(&predictions, &pleura_eval::Options::points())?.overall;
        let (accuracy, macro_auc) = (overall.accuracy.value, overall.macro_auc.value);
        let epoch = self.position.epoch;
        let train_loss = self.position.epoch_loss();
        let monitored = match stage.monitor {
            Monitor::ValidationLoss => Some(validation_loss),
            Monitor::MacroAuc => macro_auc,
            Monitor::Accuracy => accuracy,
        };
        let best = self.position.watch.observe(stage.monitor, epoch, monitored);
        if best {
            self.weights(epoch).write(&self.folder.join("best.safetensors"))?;
        }
        self.log.line(&serde_json::json!({
            "stage": stage.name, "event": "epoch", "epoch": epoch, "step": self.position.step, "train_loss": train_loss,
            "validation_loss": validation_loss, "validation": {"accuracy": accuracy, "macro_auc": macro_auc}, "best": best,
        }))?;
        let seconds = begin.elapsed();
        self.pace.validated(seconds);
        self.timing.line(&serde_json::json!({
            "stage": stage.name, "event": "epoch", "epoch": epoch, "validation_seconds": seconds.as_secs_f64(),
            "films_per_second": self.pace.films_per_second(), "waiting": self.pace.waiting(),
        }))?;
        let scalars = [
            ("epoch/train_loss", Some(train_loss)),
            ("epoch/validation_loss", Some(validation_loss)),
            ("epoch/validation_accuracy", accuracy),
            ("epoch/validation_macro_auc", macro_auc),
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

    /// Logits of some rows, by the network as it stands or by another; `None` if the observer broke off.
    fn answers(
        &mut self,
        split: Split,
        rows: &[usize],
        network: Option<&Network<Cpu>>,
    ) -> Result<Option<Vec<f32>>, Error> {
        let (plan, observer) = (self.plan, &mut *self.observer);
        let split = if split == Split::Test {
            "test"
        } else {
            "validation"
        };
        let mut notice = |done: usize| {
            let event = Event::Answering {
                stage: &plan.stage.name,
                split,
                done,
                of: rows.len(),
            };
            observer.notice(&event)
        };
        let network = network.unwrap_or(&self.network);
        let logits = answer::answer(
            network,
            &plan.manifest,
            &self.cache,
            rows,
            plan.stage.batch,
            &mut notice,
        )?;
        self.stop |= logits.is_none();
        Ok(logits)
    }

    /// The weights as they stand, with where they come from.
    fn weights(&self, epoch: usize) -> Weights {
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
        weights
    }

    fn checkpoint(&mut self) -> Result<(), Error> {
        let lengths = self.sync()?;
        self.checkpoints.write(
            &self.position,
            lengths,
            self.network.parameters(),
            self.network.values(),
            &self.states,
        )
    }

    fn sync(&self) -> Result<Lengths, Error> {
        Ok(Lengths {
            log: self.log.sync()?,
            timing: self.timing.sync()?,
            events: self.events.sync()?,
        })
    }

    /// Evaluates the best weights and writes the stage's record.
    fn finish(mut self) -> Result<Outcome, Error> {
        let plan = self.plan;
        let last = self.weights(self.position.epoch.saturating_sub(1));
        last.write(&self.folder.join("last.safetensors"))?;
        let best = Weights::read(&self.folder.join("best.safetensors"))?;
        let network = Network::new(Cpu::new(), &best)?;
        let mut evaluation = None;
        for (split, rows, name) in [
            (Split::Validation, &plan.validation, "validation"),
            (Split::Test, &plan.test, "test"),
        ] {
            if rows.is_empty() {
                continue;
            }
            let Some(logits) = self.answers(split, rows, Some(&network))? else {
                return Ok(self.stopped());
            };
            let truth = plan.labels.truth(rows);
            let predictions = answer::predictions(&plan.manifest, rows, &plan.findings, truth, &logits)?;
            predictions.write(&self.folder.join(format!("{name}.csv")))?;
            if split == Split::Test {
                let choice = &self.run.recipe.evaluation;
                let options = pleura_eval::Options {
                    level: choice.level,
                    bootstrap: choice.bootstrap,
                    seed: plan.seed,
                    ..pleura_eval::Options::default()
                };
                let found = pleura_eval::evaluate(&predictions, &options)?;
                write_json(&self.folder.join("metrics.json"), &found)?;
                evaluation = Some(found.overall);
            }
        }
        let test_accuracy = evaluation.as_ref().and_then(|overall| overall.accuracy.value);
        let test_macro_auc = evaluation.as_ref().and_then(|overall| overall.macro_auc.value);
        let best_epoch = self.position.watch.best.map_or(0, |best| best.epoch);
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
        self.log.line(&serde_json::json!({
            "stage": summary.stage, "event": "end", "epochs": summary.epochs, "steps": summary.steps,
            "best_epoch": best_epoch, "best_weights": summary.best_weights, "last_weights": summary.last_weights,
            "test": {"films": summary.test_films, "accuracy": test_accuracy, "macro_auc": test_macro_auc},
        }))?;
        let record = StageRecord {
            lengths: self.sync()?,
            summary,
        };
        write_json(&self.folder.join("stage.json"), &record)?;
        self.checkpoints.clear()?;
        let _ = self.observer.notice(&Event::StageEnd(&record.summary));
        Ok(Outcome::Finished(Box::new(record)))
    }
}

/// Puts the stage's films into the cache; true if the observer broke off.
fn decode(plan: &StagePlan, cache: &FilmCache, observer: &mut dyn Observer) -> Result<bool, Error> {
    let rows: Vec<usize> = [&plan.train, &plan.validation, &plan.test]
        .into_iter()
        .flatten()
        .copied()
        .collect();
    let missing: Vec<usize> = rows
        .into_iter()
        .filter(|&row| cache.grey(&plan.manifest.rows[row].sha256).is_none())
        .collect();
    let watched = Mutex::new((observer, false));
    for (number, chunk) in missing.chunks(DECODED_AT_ONCE).enumerate() {
        let before = number * DECODED_AT_ONCE;
        cache.fill(&plan.manifest, chunk, &|done, _| {
            let mut watched = watched.lock().unwrap_or_else(PoisonError::into_inner);
            let event = Event::Decoding {
                stage: &plan.stage.name,
                done: before + done,
                of: missing.len(),
            };
            watched.1 |= watched.0.notice(&event) == ControlFlow::Break(());
        })?;
        if watched.lock().unwrap_or_else(PoisonError::into_inner).1 {
            return Ok(true);
        }
    }
    Ok(false)
}

/// What moves in an epoch.
struct Moving {
    parameters: Vec<Moved>,
    /// Base rate of each group that moves.
    rates: BTreeMap<String, f64>,
    scope: Scope,
}

struct Moved {
    index: usize,
    rate: f64,
    decays: bool,
}

impl Moving {
    fn new(plan: &StagePlan, network: &Network<Cpu>, epoch: usize) -> Self {
        let stage = &plan.stage;
        let decay = match stage.optimiser {
            OptimiserRecipe::Sgd { decay, .. } | OptimiserRecipe::AdamW { decay, .. } => decay,
        };
        let mut moving = Self {
            parameters: Vec::new(),
            rates: BTreeMap::new(),
            scope: Scope::all(),
        };
        for (index, spec) in network.parameters().iter().enumerate() {
            if !spec.kind.trainable() || stage.freeze.iter().any(|freeze| freeze.holds(&spec.group, epoch)) {
                continue;
            }
            let rate = stage.learning_rate.of(&spec.group).unwrap_or(0.0);
            let decays = decay == Decay::All || spec.kind == pleura_nn::architecture::ParameterKind::Weight;
            moving.parameters.push(Moved { index, rate, decays });
            moving.rates.insert(spec.group.clone(), rate);
        }
        moving.scope = Scope::groups(moving.rates.keys());
        moving
    }
}

/// What one step came to.
struct Step {
    step: u64,
    loss: f64,
    rates: BTreeMap<String, f64>,
    grad_norm: f64,
}

#[derive(Serialize)]
struct StepLine<'a> {
    stage: &'a str,
    event: &'a str,
    step: u64,
    epoch: usize,
    loss: f64,
    lr: &'a BTreeMap<String, f64>,
    grad_norm: f64,
}

/// `data.json`.
#[derive(Serialize)]
struct DataRecord<'a> {
    manifest: &'a str,
    findings: &'a [String],
    splits: &'a crate::plan::Counts,
}
