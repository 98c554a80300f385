//! Training of a segmentation network: a recipe with `kind = "segmentation"`.
//!
//! The folder of the run holds `recipe.toml`, `run.json` (digests of the inputs), `log.jsonl`, `checkpoints/`
//! while it runs, and at the end `lungs.safetensors` (the weights of the best epoch), `test.csv` (one row per
//! test film) and `metrics.json`. A run that was killed is resumed from its newest checkpoint to the same bits.

mod films;
pub mod loss;
mod opacities;
mod test;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Instant,
};

use pleura_core::fs::write_atomic;
use pleura_data::Loader;
use pleura_eval::SourceOverlap;
use pleura_manifest::order::shuffled;
use pleura_nn::{
    Cpu, Gradients, Norm,
    architecture::ParameterKind,
    unet::{GreyScale, Segmenter, UNetWeights},
};
use pleura_run::{
    Identity, LogLengths, RunFolder, RunLock,
    json::write_json,
    recipe::{Decay, Monitor, OptimiserRecipe},
    segmentation::SegmentationRecipe,
};
use schemars::JsonSchema;
use serde::Serialize;

use self::films::Films;
use crate::{
    checkpoint::{self, CurvePoint, Position},
    error::Error,
    log::AppendLog,
    observer::{EpochEnd, Event, Observer, StepProgress},
    optimiser::{self, State, clip_scale, global_norm},
    run::{Options, Stop},
    schedule::Schedule,
    throughput::Throughput,
};

/// The name of the region and of the weights' file.
const LUNGS: &str = "lungs";
const WEIGHTS: &str = "lungs.safetensors";
const METRICS: &str = "metrics.json";
const TEST: &str = "test.csv";
const RUNNING_MOMENTUM: f32 = 0.1;

/// The result of a training.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct SegmentationSummary {
    /// The run's folder.
    pub out: PathBuf,
    /// The weights of the best epoch.
    pub weights: PathBuf,
    /// Digest of their tensors; its first 16 digits identify the model.
    pub digest: String,
    /// Films to train on, to validate and to test.
    pub films: [usize; 3],
    /// Films of the manifest without a drawn mask, which are left out.
    pub without_mask: usize,
    /// The best epoch, from 0.
    pub best_epoch: usize,
    /// Mean Dice of the validation films in that epoch.
    pub validation_dice: f64,
    /// Agreement on the test films, by dataset; the last entry is all of them, if there are several.
    pub test: Vec<SourceOverlap>,
}

/// The end of [`run`].
#[derive(Clone, Debug, PartialEq)]
pub enum SegmentationEnd {
    /// Trained and tested.
    Finished(Box<SegmentationSummary>),
    /// Stopped by the observer, with a checkpoint.
    Stopped(Stop),
}

/// Trains a segmentation network in the folder `out`.
///
/// # Errors
/// A manifest without train or validation films that have masks, a patient in two splits, masks that cannot be
/// read; [`Error::Occupied`], [`Error::Changed`] and [`Error::Diverged`] as [`crate::run()`].
pub fn run(
    recipe: &SegmentationRecipe,
    out: &Path,
    options: &Options,
    observer: &mut dyn Observer,
) -> Result<SegmentationEnd, Error> {
    let work = |observer: &mut dyn Observer| carry_out(recipe, out, options, observer);
    match options.threads {
        None => work(observer),
        Some(threads) => rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .map_err(|error| Error::Threads {
                threads,
                problem: error.to_string(),
            })?
            .install(|| work(observer)),
    }
}

fn carry_out(
    recipe: &SegmentationRecipe,
    out: &Path,
    options: &Options,
    observer: &mut dyn Observer,
) -> Result<SegmentationEnd, Error> {
    let mut recipe = recipe.clone();
    recipe.seed = options.seed.unwrap_or(recipe.seed);
    let films = Films::read(&recipe, options.cache.as_deref(), observer)?;
    let folder = RunFolder::new(out);
    std::fs::create_dir_all(out).map_err(pleura_run::Error::file(out, "create"))?;
    let _lock = RunLock::take(out)?;
    let identity = Identity {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        recipe: pleura_core::sha256::hex(recipe_without_paths(&recipe)?),
        manifests: [
            ("films".to_owned(), films.manifest.digest()),
            ("masks".to_owned(), films.digest.clone()),
        ]
        .into(),
        weights: BTreeMap::default(),
    };
    begin_or_resume(&recipe, &identity, &folder, options.resume)?;
    if let Some(summary) = finished(out)? {
        return Ok(SegmentationEnd::Finished(Box::new(summary)));
    }
    Training::open(&recipe, &films, out, &identity.digest()?, observer)?.train()
}

/// The recipe's text without the manifest's path: its digest stands in the identity.
fn recipe_without_paths(recipe: &SegmentationRecipe) -> Result<String, Error> {
    let mut recipe = recipe.clone();
    recipe.manifest = PathBuf::new();
    Ok(recipe.to_toml()?)
}

fn begin_or_resume(
    recipe: &SegmentationRecipe,
    identity: &Identity,
    run: &RunFolder,
    resume: bool,
) -> Result<(), Error> {
    let out = run.path();
    if let Some(begun) = run.read_identity()? {
        if !resume {
            return Err(Error::Occupied { out: out.to_owned() });
        }
        let changes = begun.changes(identity, || None);
        if changes.is_empty() {
            return Ok(());
        }
        return Err(Error::Changed {
            out: out.to_owned(),
            changes,
        });
    }
    write_atomic(&run.recipe(), recipe.to_toml()?.as_bytes())?;
    // Written last: a folder with an identity has its recipe.
    Ok(write_json(&run.identity(), identity)?)
}

/// The summary of a run that is finished.
fn finished(out: &Path) -> Result<Option<SegmentationSummary>, Error> {
    let path = out.join(METRICS);
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(pleura_run::Error::file(&path, "read")(error).into()),
    };
    let record: test::Record = serde_json::from_str(&text).map_err(|error| pleura_run::Error::Damaged {
        path,
        problem: error.to_string(),
    })?;
    Ok(Some(record.summary(out)))
}

/// A line of the log.
#[derive(Serialize)]
#[serde(tag = "event", rename_all = "lowercase")]
enum Line {
    Step {
        step: u64,
        epoch: usize,
        cross_entropy: f64,
        dice_loss: f64,
        rate: f64,
        gradient_norm: f64,
    },
    Epoch {
        epoch: usize,
        loss: f64,
        validation_dice: f64,
        best: bool,
    },
}

/// A training between two steps.
struct Training<'a> {
    recipe: &'a SegmentationRecipe,
    films: &'a Films,
    out: &'a Path,
    observer: &'a mut dyn Observer,
    network: Segmenter,
    gradients: Gradients<Cpu>,
    states: Vec<State>,
    schedule: Schedule,
    position: Position,
    checkpoints: checkpoint::Folder,
    log: AppendLog,
    throughput: Throughput,
    stop: bool,
}

impl<'a> Training<'a> {
    /// Opens a training at its start, or at its newest checkpoint.
    fn open(
        recipe: &'a SegmentationRecipe,
        films: &'a Films,
        out: &'a Path,
        identity: &str,
        observer: &'a mut dyn Observer,
    ) -> Result<Self, Error> {
        let architecture = recipe.network()?;
        let regions = [LUNGS.to_owned()];
        let mut weights = UNetWeights::initialise(&architecture, &regions, GreyScale::default(), recipe.seed);
        weights.metadata = [("size".to_owned(), recipe.size.to_string())].into();
        let mut network = Segmenter::new(Cpu::new(), &weights)?;
        let checkpoints = checkpoint::Folder::new(out.join("checkpoints"), identity, LUNGS)?;
        let (found, problems) = checkpoints.newest(network.parameters())?;
        for problem in problems {
            let _ = observer.notice(&Event::Note(problem));
        }
        let mut states = vec![State::default(); network.parameters().len()];
        let (mut position, mut lengths) = (Position::default(), LogLengths::default());
        if let Some(found) = found {
            for (value, stored) in network.values_mut().iter_mut().zip(found.values) {
                *value = stored;
            }
            (position, lengths, states) = (found.position, found.lengths, found.states);
        }
        let steps = films.steps(recipe.batch);
        let mut note = format!(
            "{} films to train on, {} to validate, {} to test; {} epochs of {steps} steps",
            films.train.len(),
            films.validation.len(),
            films.test.len(),
            recipe.epochs
        );
        if films.without_mask > 0 {
            note += &format!(
                "; {} films without a drawn lung_mask are left out",
                films.without_mask
            );
        }
        let stop = observer.notice(&Event::Note(note)).is_break();
        Ok(Self {
            schedule: Schedule::new(recipe.schedule, recipe.epochs, steps),
            gradients: network.gradients(),
            log: AppendLog::open(RunFolder::new(out).log(), lengths.log)?,
            throughput: Throughput::new(steps, recipe.epochs),
            recipe,
            films,
            out,
            observer,
            network,
            states,
            position,
            checkpoints,
            stop,
        })
    }

    fn train(mut self) -> Result<SegmentationEnd, Error> {
        while self.position.epoch < self.recipe.epochs {
            if self.stop {
                return Ok(SegmentationEnd::Stopped(Stop {
                    stage: LUNGS.to_owned(),
                    epoch: self.position.epoch,
                    step: self.position.step,
                }));
            }
            self.epoch()?;
        }
        let weights = UNetWeights::read(&self.out.join(WEIGHTS))?;
        let best = self.position.early_stopping.best;
        let validation_dice = best.map_or(f64::NAN, |best| best.value);
        let best_epoch = best.map_or(0, |best| best.epoch);
        let test = test::test(&weights, self.films, &self.out.join(TEST), self.observer)?;
        let record = test::Record {
            weights: weights.digest(),
            films: [
                self.films.train.len(),
                self.films.validation.len(),
                self.films.test.len(),
            ],
            without_mask: self.films.without_mask,
            best_epoch,
            validation_dice,
            test,
        };
        // Written last: it marks a finished run.
        write_json(&self.out.join(METRICS), &record)?;
        self.checkpoints.clear()?;
        Ok(SegmentationEnd::Finished(Box::new(record.summary(self.out))))
    }

    /// Trains the rest of the current epoch, and validates.
    fn epoch(&mut self) -> Result<(), Error> {
        let (recipe, epoch) = (self.recipe, self.position.epoch);
        let loader = Loader::epoch(
            self.films.manifest.clone(),
            &self.films.cache,
            shuffled(&self.films.train, recipe.seed, epoch as u64),
            recipe.batch,
            self.position.batch,
            recipe.augmentation,
            recipe.seed,
            epoch as u64,
        );
        let steps = self.films.steps(recipe.batch);
        for batch in loader {
            let begin = Instant::now();
            self.step(&batch?)?;
            self.throughput
                .step(recipe.batch, begin.elapsed(), std::time::Duration::ZERO);
            if self.stop {
                return self.checkpoint();
            }
            let last = self.position.batch == steps;
            if self.position.step.is_multiple_of(recipe.checkpoint_every) && !last {
                self.checkpoint()?;
            }
        }
        self.end_epoch()
    }

    fn step(&mut self, batch: &pleura_data::Batch) -> Result<(), Error> {
        let (recipe, size, epoch) = (self.recipe, self.recipe.size, self.position.epoch);
        let pixels = size * size;
        let masks = self.films.masks(batch, recipe, epoch as u64);
        let mut grey = batch.grey.clone();
        if let Some(opacities) = &recipe.opacities {
            for (film, (&row, &repeat)) in grey
                .chunks_exact_mut(pixels)
                .zip(batch.rows.iter().zip(&batch.repeats))
            {
                let sha256 = &self.films.manifest.rows[row].sha256;
                opacities::paint(film, size, opacities, (recipe.seed, epoch as u64, sha256, repeat));
            }
        }
        let (logits, trace) = self.network.forward(&grey, batch.rows.len(), size, Norm::Batch)?;
        let found = loss::loss(&logits, &masks, pixels, recipe.dice);
        let value = found.cross_entropy + recipe.dice * found.dice;
        self.refuse_nonsense("loss", value)?;
        self.network
            .backward(&trace, &found.gradient, &mut self.gradients)?;
        self.network.update_running(&trace, RUNNING_MOMENTUM)?;
        let rate = recipe.learning_rate * self.schedule.factor(self.position.step);
        let gradient_norm = self.descend(rate)?;
        self.log.line(&Line::Step {
            step: self.position.step,
            epoch,
            cross_entropy: found.cross_entropy,
            dice_loss: found.dice,
            rate,
            gradient_norm,
        })?;
        self.position.loss_sum += value * batch.rows.len() as f64;
        self.position.loss_mass += batch.rows.len() as f64;
        self.position.batch += 1;
        self.position.step += 1;
        let steps = self.films.steps(recipe.batch);
        let event = Event::Step(StepProgress {
            stage: LUNGS,
            epoch,
            in_epoch: (self.position.batch, steps),
            in_stage: (self.position.step, (steps * recipe.epochs) as u64),
            loss: value,
            epoch_loss: self.position.epoch_loss(),
            films_per_second: self.throughput.films_per_second(),
            waiting: 0.0,
            time_left: self.throughput.left(self.position.step, epoch),
        });
        self.stop |= self.observer.notice(&event).is_break();
        Ok(())
    }

    /// Moves the parameters; returns the norm of the gradient.
    fn descend(&mut self, rate: f64) -> Result<f64, Error> {
        let recipe = self.recipe;
        let gradients = self.gradients.tensors();
        let norm = global_norm(gradients.iter().map(Vec::as_slice));
        self.refuse_nonsense("gradient norm", norm)?;
        let scale = clip_scale(norm, recipe.gradient_clip);
        let decay = match recipe.optimiser {
            OptimiserRecipe::Sgd { decay, .. } | OptimiserRecipe::AdamW { decay, .. } => decay,
        };
        let kinds: Vec<ParameterKind> = self.network.parameters().iter().map(|spec| spec.kind).collect();
        let values = self.network.values_mut();
        for (number, kind) in kinds.into_iter().enumerate().filter(|(_, kind)| kind.trainable()) {
            optimiser::step(
                &recipe.optimiser,
                rate,
                decay == Decay::All || kind == ParameterKind::Weight,
                scale,
                &mut values[number],
                &gradients[number],
                &mut self.states[number],
            );
        }
        Ok(norm)
    }

    fn end_epoch(&mut self) -> Result<(), Error> {
        let begin = Instant::now();
        let epoch = self.position.epoch;
        let weights = self.network.weights();
        let dice = test::mean_dice(&weights, self.films)?;
        self.throughput.validated(begin.elapsed());
        let train_loss = self.position.epoch_loss();
        let best = self
            .position
            .early_stopping
            .observe(Monitor::Accuracy, epoch, Some(dice));
        if best {
            weights.write(&self.out.join(WEIGHTS))?;
        }
        self.position.curve.push(CurvePoint {
            epoch,
            train_loss,
            validation_loss: 1.0 - dice,
        });
        self.log.line(&Line::Epoch {
            epoch,
            loss: train_loss,
            validation_dice: dice,
            best,
        })?;
        let event = Event::Epoch(EpochEnd {
            stage: LUNGS,
            epoch: (epoch, self.recipe.epochs),
            train_loss,
            validation_loss: 1.0 - dice,
            accuracy: None,
            macro_auc: None,
            best,
        });
        self.stop |= self.observer.notice(&event).is_break();
        self.position = Position {
            epoch: epoch + 1,
            batch: 0,
            loss_sum: 0.0,
            loss_mass: 0.0,
            ..self.position.clone()
        };
        self.checkpoint()
    }

    fn refuse_nonsense(&self, what: &'static str, value: f64) -> Result<(), Error> {
        if value.is_finite() {
            return Ok(());
        }
        Err(Error::Diverged {
            stage: LUNGS.to_owned(),
            epoch: self.position.epoch,
            step: self.position.step,
            what,
            value,
        })
    }

    fn checkpoint(&mut self) -> Result<(), Error> {
        let lengths = LogLengths {
            log: self.log.sync()?,
            ..LogLengths::default()
        };
        self.checkpoints.write(
            &self.position,
            lengths,
            self.network.parameters(),
            self.network.values(),
            &self.states,
        )
    }
}
