//! `pleura train`: trains a recipe, with progress, clean stops and resume.

mod segmentation;
mod series;

use std::{
    collections::BTreeMap,
    io::{self, IsTerminal as _, Write as _},
    ops::ControlFlow,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use indicatif::{HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};
use pleura_report::Provenance;
use pleura_run::{
    RunFolder, StageSummary,
    data::{SamplingEffect, SplitCounts},
    timing::waiting_share,
};
use pleura_train::{
    Event, Observer, Options, Recipe, RunSummary,
    observer::{EpochEnd, StageStart, StepProgress},
};

use crate::console::{self, COULD_NOT, FAILED};
use crate::looks;
use crate::model::ModelArgs;
use crate::verbs::doctor::machine::Machine;
use crate::verbs::report;

pub use self::series::stopped;

/// Films in the gallery of a run's report.
const GALLERY: usize = 12;

/// Minimum interval of plain progress lines.
const LINE_EVERY: Duration = Duration::from_secs(30);

/// Train the stages of a recipe into a run's folder.
#[derive(clap::Args)]
pub struct Args {
    /// The recipe (TOML); its paths are relative to its folder.
    #[arg(value_name = "RECIPE.toml")]
    recipe: PathBuf,
    /// Folder of the run.
    #[arg(long, value_name = "RUN")]
    out: PathBuf,
    /// Continue the run in that folder; the result is the same as without interruption.
    #[arg(long)]
    resume: bool,
    /// Seed, instead of the recipe's.
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Folder for decoded films. Default: `.pleura-cache` beside each manifest.
    #[arg(long, value_name = "DIR")]
    cache: Option<PathBuf>,
    #[command(flatten)]
    series: series::SeriesArgs,
    /// Train although duplicates of evaluated films are in training (`pleura data duplicates`); the run and
    /// its report say so.
    #[arg(long)]
    allow_leaks: bool,
}

/// Trains, and prints the results as a table or JSON. Exit code 0 for done, 2 for stopped.
pub fn run(args: Args, json: bool) -> Result<ExitCode> {
    if segmentation::wanted(&args.recipe) {
        return segmentation::run(&args, json);
    }
    let recipe = Recipe::read(&args.recipe)?;
    let options = Options::default()
        .with_resume(args.resume)
        .with_seed(args.seed)
        .with_cache(args.cache)
        .with_leaks_allowed(args.allow_leaks);
    let done = match args.series.wanted(&recipe, args.seed)? {
        Some(wanted) => series::run(&wanted, &args.out, &options, json).map(Err),
        None => carry_out(&recipe, &args.out, &options, json).map(Ok),
    };
    let summary = match done {
        Ok(Ok(summary)) => summary,
        Ok(Err(code)) => return Ok(code),
        // This is a failed check.
        Err(error) if matches!(error.downcast_ref(), Some(pleura_train::Error::Leaks { .. })) => {
            console::report(&error);
            return Ok(ExitCode::from(FAILED));
        }
        Err(error) => return Err(error),
    };
    if summary.stopped.is_none() {
        if args.resume {
            report::sweep(&args.out)?;
        }
        report::write(&args.out, &ModelArgs::default(), GALLERY)?;
    }
    let waiting = waiting_share(&RunFolder::new(&args.out).read_timing()?);
    let mut out = io::stdout().lock();
    if json {
        let mut record = serde_json::to_value(&summary)?;
        record["waiting"] = serde_json::to_value(&waiting)?;
        writeln!(out, "{record}")?;
    } else {
        write!(out, "{}", Table(&summary, &waiting))?;
    }
    Ok(if summary.stopped.is_some() {
        ExitCode::from(COULD_NOT)
    } else {
        ExitCode::SUCCESS
    })
}

/// Trains a recipe with progress on stderr; Ctrl-C stops it with a checkpoint.
pub fn carry_out(recipe: &Recipe, out: &Path, options: &Options, json: bool) -> Result<RunSummary> {
    watched(out, options.seed, json, |display| {
        pleura_train::run(recipe, out, options, display)
    })
}

/// Runs `work`, which trains in a folder, with progress on stderr; Ctrl-C stops it with a checkpoint.
pub(super) fn watched<T>(
    out: &Path,
    seed: Option<u64>,
    json: bool,
    work: impl FnOnce(&mut Display) -> Result<T, pleura_train::Error>,
) -> Result<T> {
    let stop = Arc::new(AtomicBool::new(false));
    let asked = Arc::clone(&stop);
    ctrlc::set_handler(move || {
        // A second Ctrl-C ends the program at once; the last checkpoint stays.
        if asked.swap(true, Ordering::Relaxed) {
            std::process::exit(COULD_NOT.into());
        }
    })
    .context("cannot listen for Ctrl-C")?;
    let mut display = Display::new(stop, console::is_quiet(), json);
    display.begun = Some(Begun {
        run: out.to_owned(),
        provenance: provenance(seed),
    });
    out.clone_into(&mut display.out);
    let summary = work(&mut display);
    display.bar.finish_and_clear();
    // After training, the first Ctrl-C ends the program.
    display.stop.store(true, Ordering::Relaxed);
    let summary = summary?;
    if let Some(begun) = display.begun {
        begun.write()?;
    }
    Ok(summary)
}

/// The start of a run, until it is recorded.
struct Begun {
    run: PathBuf,
    provenance: Provenance,
}

impl Begun {
    /// The first start of a resumed run counts.
    fn write(&self) -> Result<(), pleura_report::Error> {
        if !Provenance::is_in(&self.run) {
            self.provenance.write(&self.run)?;
        }
        Ok(())
    }
}

/// Origin of a run, for the report.
fn provenance(seed: Option<u64>) -> Provenance {
    Provenance {
        started: pleura_core::time::utc_now(),
        command: format!("pleura {}", looks::command()),
        seed,
        versions: vec![("pleura".to_owned(), env!("CARGO_PKG_VERSION").to_owned())],
        machine: Machine::look().in_short(),
        ..Provenance::default()
    }
}

/// Progress of training on stderr: a bar on a terminal, lines elsewhere, nothing if quiet or, without a
/// terminal, with JSON.
pub(super) struct Display {
    bar: ProgressBar,
    lines: Lines,
    last_line: Instant,
    stop: Arc<AtomicBool>,
    told: bool,
    begun: Option<Begun>,
    /// The folder of the run, or of the series of runs.
    out: PathBuf,
    /// Prefix of lines: the run, if several run in parallel.
    prefix: String,
}

/// Lines printed in addition to the bar.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lines {
    /// Permanent lines; transient text is in the bar.
    Lasting,
    /// Permanent lines, and progress lines at intervals.
    All,
    Nothing,
}

impl Display {
    fn new(stop: Arc<AtomicBool>, quiet: bool, json: bool) -> Self {
        let (target, lines) = match (quiet, io::stderr().is_terminal()) {
            (false, true) => (ProgressDrawTarget::stderr(), Lines::Lasting),
            (false, false) if !json => (ProgressDrawTarget::hidden(), Lines::All),
            _ => (ProgressDrawTarget::hidden(), Lines::Nothing),
        };
        let bar = ProgressBar::with_draw_target(None, target);
        if let Ok(style) = ProgressStyle::with_template("{prefix} {bar:24} {pos}/{len} {wide_msg}") {
            bar.set_style(style);
        }
        Self {
            bar,
            lines,
            last_line: Instant::now(),
            stop,
            told: false,
            begun: None,
            out: PathBuf::new(),
            prefix: String::new(),
        }
    }

    /// Prints a permanent line.
    fn line(&mut self, text: &str) {
        if self.lines != Lines::Nothing {
            self.last_line = Instant::now();
            self.bar
                .suspend(|| console::note(format_args!("{}{text}", self.prefix)));
        }
    }

    /// Shows transient progress.
    fn progress(&mut self, prefix: &str, done: u64, of: u64, message: &str) {
        match self.lines {
            Lines::Lasting => {
                self.bar.set_prefix(format!("{}{prefix}", self.prefix));
                self.bar.set_length(of);
                self.bar.set_position(done);
                self.bar.set_message(message.to_owned());
            }
            Lines::All if self.last_line.elapsed() >= LINE_EVERY => {
                self.line(&format!("{prefix}: {done} of {of} {message}"));
            }
            Lines::All | Lines::Nothing => {}
        }
    }

    fn stage(&mut self, start: &StageStart<'_>) {
        let (number, of) = start.number;
        self.line(&format!(
            "stage {} ({} of {of}): {} films of {} patients to train on, {} to validate; {} epochs of {} steps",
            start.stage,
            number + 1,
            start.train.films,
            start.train.patients,
            start.validation.films,
            start.epochs,
            start.steps_per_epoch,
        ));
        for (split, counts) in [("train", start.train), ("val", start.validation)] {
            for (reason, films) in &counts.excluded {
                self.line(&format!("  {split}: {films} films left out, {reason}"));
            }
        }
        if let Some(effect) = start.sampling {
            self.sampling(effect, start.train);
        }
        match start.resumed_at {
            Some(step) => self.line(&format!("  goes on after step {step}")),
            None => {
                for line in start.neurons.to_string().lines() {
                    self.line(&format!("  {line}"));
                }
            }
        }
    }

    /// The shares of the classes in an epoch, and the association of each balanced attribute with them.
    fn sampling(&mut self, effect: &SamplingEffect, train: &SplitCounts) {
        let shares = effect.class_shares.iter().zip(&train.findings);
        let shares: Vec<String> = shares
            .map(|(share, count)| format!("{} {:.1} %", count.finding, 100.0 * share))
            .collect();
        self.line(&format!(
            "  sampling: {}; {:.0} effective films of {}, a film at most {:.1} times in an epoch",
            shares.join(", "),
            effect.effective_films,
            train.films,
            effect.largest_repeat
        ));
        for attribute in &effect.attributes {
            self.line(&format!(
                "  {}: association with the class (Cramér's V) {:.2} among films, {:.2} among draws",
                attribute.name, attribute.association, attribute.association_drawn
            ));
        }
    }

    fn step(&mut self, step: &StepProgress<'_>) {
        let (done, of) = step.in_epoch;
        let message = format!(
            "loss {:.4}  {:.1} films/s  {}{} left",
            step.epoch_loss,
            step.films_per_second,
            // Smaller shares of loading time are not worth a message.
            if step.waiting > 0.05 {
                format!("waiting {:.0} %  ", 100.0 * step.waiting)
            } else {
                String::new()
            },
            HumanDuration(step.time_left),
        );
        self.progress(
            &format!("{} epoch {}", step.stage, step.epoch + 1),
            done as u64,
            of as u64,
            &message,
        );
    }

    fn epoch(&mut self, end: &EpochEnd<'_>) {
        let (epoch, of) = end.epoch;
        let mut text = format!(
            "{} epoch {}/{of}: loss {:.4}, validation {:.4}",
            end.stage,
            epoch + 1,
            end.train_loss,
            end.validation_loss
        );
        if let Some(accuracy) = end.accuracy {
            text += &format!(", accuracy {:.1} %", 100.0 * accuracy);
        }
        if let Some(auc) = end.macro_auc {
            text += &format!(", AUC {auc:.3}");
        }
        if end.best {
            text += "  (best)";
        }
        self.line(&text);
    }
}

impl Observer for Display {
    fn notice(&mut self, event: &Event<'_>) -> ControlFlow<()> {
        // The first event shows that the run is ours. Record its start now, in case the process is killed; a
        // failure is reported at the end.
        if self.begun.as_ref().is_some_and(|begun| begun.write().is_ok()) {
            self.begun = None;
        }
        match event {
            Event::Run { name, number, shared } => {
                let run = self.out.join(name);
                let provenance = provenance(None);
                self.begun = Some(Begun { run, provenance });
                let (number, of) = *number;
                let shared = shared.map_or_else(String::new, |(from, stages)| {
                    format!("; its first {stages} of the stages are those of {from}, trained once")
                });
                self.line(&format!("run {name} ({} of {of}){shared}", number + 1));
            }
            Event::Decoding { stage, done, of } => {
                self.progress(&format!("{stage} decoding films"), *done as u64, *of as u64, "");
            }
            Event::Searching { stage, done, of } => {
                self.progress(
                    &format!("{stage} searching fractals"),
                    *done as u64,
                    *of as u64,
                    "",
                );
            }
            Event::Stage(start) => self.stage(start),
            Event::Step(step) => self.step(step),
            Event::Answering {
                stage,
                split,
                done,
                of,
            } => {
                self.progress(&format!("{stage} {split} films"), *done as u64, *of as u64, "");
            }
            Event::Epoch(end) => self.epoch(end),
            Event::StageEnd(summary) => self.line(&stage_line(summary)),
            Event::StageSkipped(summary) => self.line(&format!("{} (done before)", stage_line(summary))),
            Event::Note(note) => self.line(note),
            Event::Member { name, event } => {
                // The start of a run contains its name.
                if !matches!(event, Event::Run { .. }) {
                    self.prefix = format!("{name}: ");
                }
                let told = self.notice(event);
                self.prefix.clear();
                return told;
            }
            _ => {}
        }
        if self.stop.load(Ordering::Relaxed) {
            if !self.told {
                self.told = true;
                self.line("stopping after this step, with a checkpoint; once more to stop at once");
            }
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }
}

fn stage_line(stage: &StageSummary) -> String {
    let mut text = format!(
        "stage {}: best epoch {} of {}, validation loss {:.4}",
        stage.stage,
        stage.best_epoch + 1,
        stage.epochs,
        stage.validation_loss
    );
    if stage.test_films == 0 {
        return text + "; no test films";
    }
    text += &format!("; {} test films", stage.test_films);
    if let Some(accuracy) = stage.test_accuracy {
        text += &format!(", accuracy {:.1} %", 100.0 * accuracy);
    }
    if let Some(auc) = stage.test_macro_auc {
        text += &format!(", AUC {auc:.3}");
    }
    text
}

/// Results of a run as text.
struct Table<'a>(&'a RunSummary, &'a BTreeMap<String, f64>);

impl std::fmt::Display for Table<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let RunSummary { out, stages, stopped } = self.0;
        for stage in stages {
            write!(f, "{}", stage_line(stage))?;
            match self.1.get(&stage.stage) {
                Some(share) => writeln!(
                    f,
                    "; {:.1} % of the training went into waiting for films",
                    100.0 * share
                )?,
                None => writeln!(f)?,
            }
        }
        match stopped {
            Some(stop) => writeln!(
                f,
                "stopped in stage {}, epoch {}, after step {}; go on with --resume",
                stop.stage,
                stop.epoch + 1,
                stop.step
            ),
            None => writeln!(
                f,
                "{}: weights, predictions and metrics with intervals by stage in stages/",
                out.display()
            ),
        }
    }
}
