//! A stage: its start, its epochs, its best weights and their evaluation.

mod epoch_predictions;
mod heatmap_loss;
mod images;
mod known_features;
mod records;
mod trainable;
mod validation;

use std::{collections::BTreeMap, path::Path, sync::Arc, time::Instant};

use pleura_data::{Batch, ImageSource, Loader};
use pleura_manifest::order::shuffled;
use pleura_nn::{Cpu, Gradients, Network, Norm};
use pleura_run::{
    LogLengths, Neurons, RunFolder, StageFolder, StageRecord,
    data::StageData,
    json::write_json,
    log::{LogEvent, LossParts, StageBegin},
    recipe::NormChoice,
};

use self::{
    heatmap_loss::Opened,
    images::ready,
    known_features::{KnownFeatures, only_head_trains},
    trainable::Trainable,
};
use crate::{
    checkpoint::{self, Position},
    error::Error,
    events::EventFile,
    isnet::HeatmapTraining,
    log::AppendLog,
    loss::Value,
    observer::{Event, Observer, StageStart},
    optimiser::{self, State, clip_scale, global_norm},
    plan::{Plan, StagePlan},
    schedule::Schedule,
    start,
    throughput::Throughput,
};

/// PyTorch's momentum of running statistics.
const RUNNING_MOMENTUM: f32 = 0.1;
/// The end of a stage.
pub(crate) enum Outcome {
    Finished(Box<StageRecord>),
    Stopped { epoch: usize, step: u64 },
}

/// A stage that is being trained.
pub(crate) struct StageRun<'a> {
    plan: &'a StagePlan,
    run: &'a Plan,
    number: usize,
    out: &'a RunFolder,
    folder: StageFolder,
    identity: &'a str,
    observer: &'a mut dyn Observer,
    pictures: ImageSource,
    network: Network<Cpu>,
    gradients: Gradients<Cpu>,
    states: Vec<State>,
    schedule: Schedule,
    position: Position,
    checkpoints: checkpoint::Folder,
    log: AppendLog,
    timing: AppendLog,
    events: EventFile,
    throughput: Throughput,
    known: KnownFeatures,
    resumed_at: Option<u64>,
    neurons: Neurons,
    /// Set if the stage trains with a heatmap loss.
    heatmaps: Option<Box<HeatmapTraining>>,
    /// True if the observer stopped the run.
    stop: bool,
}

impl<'a> StageRun<'a> {
    /// Opens a stage at its start, or at its newest checkpoint. `lengths` are those of the logs at its
    /// start.
    pub(crate) fn open(
        run: &'a Plan,
        number: usize,
        out: &'a RunFolder,
        identity: &'a str,
        lengths: LogLengths,
        cache: Option<&Path>,
        observer: &'a mut dyn Observer,
    ) -> Result<Self, Error> {
        let plan = &run.stages[number];
        let name = &plan.stage.name;
        let folder = out.stage(name);
        let (pictures, stop) = ready(plan, &run.recipe.preparation, cache, observer)?;
        let (heatmaps, stop) = match heatmap_loss::open(run, plan, out, &pictures, observer, stop)? {
            Opened::Plain => (None, stop),
            Opened::HeatmapTraining(heat) => (Some(heat), stop),
            Opened::Stopped => (None, true),
        };
        let start::Started { weights, neurons } = start::start(run, number, out, &pictures, stop)?;
        let mut network = Network::new(Cpu::new(), &weights)?;
        let checkpoints = checkpoint::Folder::new(folder.checkpoints(), identity, name)?;
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
            log: AppendLog::open(out.log(), lengths.log)?,
            timing: AppendLog::open(out.timing(), lengths.timing)?,
            events: EventFile::open(folder.events(), lengths.events)?,
            throughput: Throughput::new(plan.steps_per_epoch(), plan.stage.epochs),
            known: KnownFeatures::default(),
            plan,
            run,
            number,
            out,
            folder,
            identity,
            observer,
            pictures,
            network,
            states,
            position,
            checkpoints,
            resumed_at,
            neurons,
            heatmaps,
            stop,
        })
    }

    /// Trains the rest of the stage, and evaluates its best weights.
    pub(crate) fn train(mut self) -> Result<Outcome, Error> {
        if self.stop {
            return Ok(self.stopped());
        }
        self.begin()?;
        // Nothing has happened since the checkpoint or the start, so no checkpoint is written.
        if self.stop {
            return Ok(self.stopped());
        }
        let stage = &self.plan.stage;
        while self.position.epoch < stage.epochs && !self.position.early_stopping.is_over(stage.patience) {
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
            write_json(&self.folder.neurons(), &self.neurons)?;
            let data = StageData {
                manifest: plan.manifest_digest.clone(),
                findings: plan.findings.clone(),
                splits: plan.counts.clone(),
                leaks: plan.leaks.clone(),
                sampling: plan.sampler.as_ref().map(|sampler| sampler.effect.clone()),
            };
            write_json(&self.folder.data(), &data)?;
            self.log_event(LogEvent::Stage(StageBegin {
                epochs: plan.stage.epochs,
                steps_per_epoch: plan.steps_per_epoch(),
                train: plan.train.len(),
                validation: plan.validation.len(),
                test: plan.test.len(),
                kept: self.neurons.kept(),
            }))?;
            self.before()?;
        }
        let start = StageStart {
            stage: &plan.stage.name,
            number: (self.number, self.run.stages.len()),
            epochs: plan.stage.epochs,
            steps_per_epoch: plan.steps_per_epoch(),
            train: &plan.counts.train,
            validation: &plan.counts.validation,
            sampling: plan.sampler.as_ref().map(|sampler| &sampler.effect),
            neurons: &self.neurons,
            resumed_at: self.resumed_at,
        };
        self.stop |= self.observer.notice(&Event::Stage(start)).is_break();
        let one_sided = plan.one_sided();
        if !one_sided.is_empty() {
            let note = format!(
                "stage {}: the training films are all positive or all negative for {}: these outputs learn nothing",
                plan.stage.name,
                one_sided.join(", ")
            );
            self.stop |= self.observer.notice(&Event::Note(note)).is_break();
        }
        Ok(())
    }

    /// Trains the rest of the current epoch, and validates.
    fn epoch(&mut self) -> Result<(), Error> {
        let plan = self.plan;
        let stage = &plan.stage;
        let epoch = self.position.epoch;
        let trainable = Trainable::new(plan, &self.network, epoch);
        let alone = only_head_trains(plan, &trainable);
        if !alone {
            self.known.clear();
        }
        let order = match &plan.sampler {
            None => shuffled(&plan.train, plan.seed, epoch as u64),
            Some(sampler) => sampler.draw(&plan.train, plan.seed, epoch as u64),
        };
        // Films with known features are not loaded.
        let steady = alone && stage.is_steady();
        let mut films = if steady && self.known.holds(&order) {
            Films::known(&order, stage.batch, self.position.batch)
        } else {
            Films::Loaded(Loader::epoch(
                Arc::clone(&plan.manifest),
                &self.pictures,
                order,
                stage.batch,
                self.position.batch,
                stage.augmentation,
                plan.seed,
                epoch as u64,
            ))
        };
        loop {
            let begin = Instant::now();
            let Some(batch) = films.next().transpose()? else {
                break;
            };
            let waited = begin.elapsed();
            let convolved = !(steady && self.known.holds(&batch.rows));
            let step = self.step(&batch, &trainable, alone)?;
            let times = Times {
                seconds: begin.elapsed().as_secs_f64(),
                waited: waited.as_secs_f64(),
                convolved,
            };
            self.throughput.step(batch.rows.len(), begin.elapsed(), waited);
            self.record_step(&step, &times)?;
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

    fn step(&mut self, batch: &Batch, trainable: &Trainable, only_head_trains: bool) -> Result<Step, Error> {
        let plan = self.plan;
        let stage = &plan.stage;
        let heat = self.heatmaps.take();
        let passed = match &heat {
            Some(heat) => self
                .heatmap_pass(heat, batch, trainable)
                .map(|(value, parts)| (value, Some(parts))),
            None if only_head_trains => self.head_pass(batch).map(|value| (value, None)),
            None => self.whole_pass(batch, trainable).map(|value| (value, None)),
        };
        self.heatmaps = heat;
        let (value, parts) = passed?;
        let gradients = self.gradients.tensors();
        let grad_norm = global_norm(
            trainable
                .parameters
                .iter()
                .map(|moved| gradients[moved.index].as_slice()),
        );
        self.refuse_nonsense("gradient norm", grad_norm)?;
        let scale = clip_scale(grad_norm, stage.gradient_clip);
        let factor = self.schedule.factor(self.position.step);
        let values = self.network.values_mut();
        for moved in &trainable.parameters {
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
            number: self.position.step,
            loss: value.mean(),
            parts,
            rates: trainable
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

    /// Loss and gradients of a batch; the backward pass ends at the first trainable group.
    fn whole_pass(&mut self, batch: &Batch, trainable: &Trainable) -> Result<Value, Error> {
        let plan = self.plan;
        let norm = match plan.stage.norm {
            NormChoice::Batch => Norm::Batch,
            NormChoice::Running => Norm::Running,
        };
        let (logits, trace) =
            self.network
                .forward(&batch.grey, batch.rows.len(), self.pictures.size(), norm)?;
        let (value, gradient) = plan
            .loss
            .with_gradient(&logits, &plan.labels.targets(&batch.rows))?;
        self.refuse_nonsense("loss", value.mean())?;
        self.network
            .backward(&trace, &gradient, &trainable.scope, &mut self.gradients)?;
        if norm == Norm::Batch {
            self.network.update_running(&trace, RUNNING_MOMENTUM)?;
        }
        Ok(value)
    }

    /// The same if only the head is trained and batch norms use running statistics: no activations are kept.
    fn head_pass(&mut self, batch: &Batch) -> Result<Value, Error> {
        let plan = self.plan;
        let features = if plan.stage.is_steady() {
            self.features(&batch.rows, &batch.grey)?
        } else {
            self.network
                .features(&batch.grey, batch.rows.len(), self.pictures.size())?
        };
        let logits = self.network.head_logits(&features)?;
        let (value, gradient) = plan
            .loss
            .with_gradient(&logits, &plan.labels.targets(&batch.rows))?;
        self.refuse_nonsense("loss", value.mean())?;
        self.network
            .head_backward(&features, &gradient, &mut self.gradients)?;
        Ok(value)
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

    fn sync(&self) -> Result<LogLengths, Error> {
        Ok(LogLengths {
            log: self.log.sync()?,
            timing: self.timing.sync()?,
            events: self.events.sync()?,
        })
    }
}

/// The results of one step.
struct Step {
    number: u64,
    loss: f64,
    parts: Option<LossParts>,
    rates: BTreeMap<String, f64>,
    grad_norm: f64,
}

/// The time of one step.
struct Times {
    seconds: f64,
    /// Of them, for films to be loaded.
    waited: f64,
    /// True if films went through the convolutions.
    convolved: bool,
}

/// Where an epoch's batches come from.
enum Films {
    Loaded(Loader),
    /// Rows alone, of films whose features are known.
    KnownFeatures(std::vec::IntoIter<Vec<usize>>),
}

impl Films {
    fn known(order: &[usize], batch: usize, skip: usize) -> Self {
        let batches: Vec<Vec<usize>> = order.chunks(batch).skip(skip).map(<[usize]>::to_vec).collect();
        Self::KnownFeatures(batches.into_iter())
    }
}

impl Iterator for Films {
    type Item = Result<Batch, pleura_data::Error>;

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::Loaded(loader) => loader.next(),
            Self::KnownFeatures(batches) => batches.next().map(|rows| {
                let (grey, repeats) = (Vec::new(), vec![0; rows.len()]);
                Ok(Batch { rows, repeats, grey })
            }),
        }
    }
}
