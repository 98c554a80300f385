//! `pleura study`: variants of a training with the same seeds and folds, compared in pairs.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use pleura_eval::PairedMean;
use pleura_run::study::{LeftOutResults, StudyFindings, StudyPoint};
use pleura_study::series::{Outline, SeriesSummary};
use pleura_study::study::{Study, StudyPlan};
use pleura_train::{Error, Options};
use serde_json::{Value, json};

use super::train::{stopped, watched};
use crate::console::{self, FAILED, NOTICE};
use crate::table::Table;

/// Train variants of a recipe with the same seeds and folds, and compare them in pairs.
#[derive(clap::Args)]
#[allow(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub struct Args {
    /// The study (TOML); its paths are relative to its folder.
    #[arg(value_name = "STUDY.toml")]
    study: PathBuf,
    /// Folder of the study.
    #[arg(long, value_name = "OUT", required_unless_present = "plan")]
    out: Option<PathBuf>,
    /// Print the planned trainings and the progress of a study in --out, without training.
    #[arg(long)]
    plan: bool,
    /// Continue the study in that folder; the result is the same as without interruption.
    #[arg(long)]
    resume: bool,
    /// Compare the finished part of the study in --out: the seeds whose trainings are all done, or the first
    /// seed's folds. No training.
    #[arg(long, alias = "so-far", conflicts_with_all = ["plan", "resume"])]
    partial: bool,
    /// Test the films of each value of an attribute by trainings without them: source, view, sex, age, or a
    /// note column. In place of `leave_out` in the study.
    #[arg(long, value_name = "ATTRIBUTE")]
    leave_out: Option<String>,
    /// Parallel trainings, which share the threads. Results do not depend on it.
    #[arg(long, value_name = "N", default_value = "1")]
    jobs: NonZeroUsize,
    /// Folder for decoded films. Default: `.pleura-cache` beside the manifests.
    #[arg(long, value_name = "DIR")]
    cache: Option<PathBuf>,
    /// Train although duplicates of evaluated films are in training (`pleura data duplicates`); runs and
    /// reports say so.
    #[arg(long)]
    allow_leaks: bool,
}

/// Trains and compares, or prints the plan. Exit code 0 for done, 1 for leaking films, 2 for stopped.
pub fn run(args: &Args, json: bool) -> Result<ExitCode> {
    let mut study = Study::read(&args.study)?;
    if let Some(attribute) = &args.leave_out {
        study = study.leave_out_each(attribute)?;
    }
    let design = StudyPlan::new(study)?;
    if args.plan {
        return plan(&design, args.out.as_deref(), json);
    }
    let out = args.out.as_deref().context("--out says where the study goes")?;
    if args.partial {
        return compare(&design.partial(out)?, out, None, json);
    }
    let options = Options::default()
        .with_resume(args.resume)
        .with_cache(args.cache.clone())
        .with_leaks_allowed(args.allow_leaks);
    let trained = watched(out, None, json, |display| {
        design.run(out, &options, args.jobs.get(), display)
    });
    let summary = match trained {
        Ok(summary) => summary,
        // This is a failed check.
        Err(error) if matches!(error.downcast_ref(), Some(Error::Leaks { .. })) => {
            console::report(&error);
            return Ok(ExitCode::from(FAILED));
        }
        Err(error) => return Err(error),
    };
    if let Some(code) = stopped(&summary, json)? {
        return Ok(code);
    }
    compare(&design, out, Some(&summary), json)
}

/// Compares finished runs, writes the page, and prints.
fn compare(design: &StudyPlan, out: &Path, summary: Option<&SeriesSummary>, json: bool) -> Result<ExitCode> {
    let findings = design.evaluate(out)?;
    let pages = pleura_report::write_study(out)?;
    let mut stdout = io::stdout().lock();
    if json {
        let record = json!({"study": findings, "series": summary, "files": pages, "notice": NOTICE});
        writeln!(stdout, "{record}")?;
    } else {
        write!(stdout, "{}", told(&findings)?)?;
        for path in &pages {
            writeln!(stdout, "{}", path.display())?;
        }
        writeln!(stdout, "{NOTICE}")?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The findings as text.
fn told(findings: &StudyFindings) -> Result<String> {
    let mut text = String::new();
    for point in &findings.points {
        writeln!(text, "{}, {} films", point.when(), point.split)?;
        writeln!(text, "{}", numbers(findings, point))?;
        for one in &point.comparisons {
            writeln!(text, "  {}: {}", one.candidate, one.verdict.words)?;
        }
        writeln!(text)?;
    }
    if let Some(left_out) = &findings.left_out {
        writeln!(text, "test films of each {}, not in training", left_out.attribute)?;
        writeln!(text, "{}", by_value(findings, left_out))?;
    }
    for conclusion in &findings.conclusions {
        writeln!(text, "{conclusion}")?;
    }
    for caution in &findings.cautions {
        writeln!(text, "beware: {caution}")?;
    }
    Ok(text)
}

/// The best weights on the films of each left-out value.
fn by_value(findings: &StudyFindings, left_out: &LeftOutResults) -> Table {
    let mut table = Table::with_headings([
        left_out.attribute.as_str(),
        ">films",
        "variant",
        "metric",
        findings.baseline.as_str(),
        "variant's",
        "difference",
    ]);
    for one in &left_out.comparisons {
        let shown = |metric: &&PairedMean| metric.metric != "log-loss" && metric.baseline.value.is_some();
        for metric in one.metrics.iter().filter(shown) {
            table.row([
                one.value.clone(),
                metric.difference.n.to_string(),
                one.candidate.clone(),
                metric.metric.clone(),
                metric.baseline.cell(),
                metric.candidate.cell(),
                metric.difference.signed_cell(),
            ]);
        }
    }
    table
}

/// Metrics at one point, each variant against the baseline.
fn numbers(findings: &StudyFindings, point: &StudyPoint) -> Table {
    let mut table = Table::with_headings([
        "variant",
        ">pairs",
        "metric",
        findings.baseline.as_str(),
        "variant's",
        "difference (over films)",
        "over seeds",
    ]);
    for one in &point.comparisons {
        let mut told = vec!["accuracy", "macro AUC", "macro F1"];
        if !told.contains(&findings.primary.as_str()) {
            told.insert(0, &findings.primary);
        }
        for metric in told.iter().filter_map(|name| one.metric(name)) {
            table.row([
                one.candidate.clone(),
                one.pairs.to_string(),
                metric.metric.clone(),
                metric.baseline.cell(),
                metric.candidate.cell(),
                metric.difference.signed_cell(),
                metric
                    .seeds
                    .as_ref()
                    .map_or_else(|| "–".to_owned(), |seeds| seeds.mean.signed_cell()),
            ]);
        }
    }
    table
}

/// Prints the plan.
fn plan(design: &StudyPlan, out: Option<&Path>, json: bool) -> Result<ExitCode> {
    if let Some(out) = out {
        design.refuse_changes(out)?;
    }
    let scratch = tempfile::tempdir().context("cannot make a temporary folder")?;
    let outlines = design.outline(scratch.path())?;
    let finished = out.map_or_else(|| vec![0; outlines.len()], |out| design.finished(out));
    let mut stdout = io::stdout().lock();
    if json {
        writeln!(stdout, "{}", record(design, &outlines, &finished))?;
    } else {
        write!(stdout, "{}", in_words(design, &outlines, &finished)?)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn record(design: &StudyPlan, outlines: &[Outline], finished: &[usize]) -> Value {
    let variants = &design.study.variants;
    let runs: Vec<Value> = design
        .runs
        .iter()
        .zip(outlines.iter().zip(finished))
        .map(|(run, (outline, finished))| {
            json!({
                "run": outline.name, "variant": variants[run.variant].name, "seed": run.seed, "fold": run.fold.map(|fold| fold + 1),
                "shared": outline.shared, "stages": outline.stages, "finished": finished,
            })
        })
        .collect();
    let differs: Vec<Value> = variants
        .iter()
        .zip(&design.differs)
        .map(|(variant, differs)| json!({"variant": variant.name, "differs": differs}))
        .collect();
    let steps: usize = outlines.iter().map(steps).sum();
    json!({"study": design.study.name, "variants": differs, "runs": runs, "steps": steps})
}

fn in_words(design: &StudyPlan, outlines: &[Outline], finished: &[usize]) -> Result<String> {
    let mut text = String::new();
    let baseline = &design.study.variants[design.study.baseline].name;
    for (variant, differs) in design.study.variants.iter().zip(&design.differs) {
        if variant.name == *baseline {
            writeln!(text, "{baseline}: the baseline")?;
        } else if differs.is_empty() {
            writeln!(text, "{}: differs from {baseline} in nothing", variant.name)?;
        } else {
            writeln!(text, "{}: {}", variant.name, differs.join("; "))?;
        }
    }
    let mut table = Table::with_headings([
        "run",
        "stage",
        ">train",
        ">validate",
        ">test",
        ">epochs",
        ">steps",
        "",
    ]);
    for (outline, finished) in outlines.iter().zip(finished) {
        for (number, stage) in outline.stages.iter().enumerate() {
            let from = outline.shared.as_ref().filter(|(_, stages)| number < *stages);
            let state = match from {
                _ if number < *finished => "done".to_owned(),
                Some((from, _)) => format!("taken over from {from}"),
                None if stage.leaks > 0 => format!("{} films leak", stage.leaks),
                None => String::new(),
            };
            table.row([
                outline.name.clone(),
                stage.stage.clone(),
                stage.train.to_string(),
                stage.validation.to_string(),
                stage.test.to_string(),
                stage.epochs.to_string(),
                (stage.epochs * stage.steps_per_epoch).to_string(),
                state,
            ]);
        }
    }
    writeln!(text, "\n{table}")?;
    let stages: usize = outlines.iter().map(|outline| outline.stages.len()).sum();
    let shared: usize = outlines
        .iter()
        .filter_map(|outline| Some(outline.shared.as_ref()?.1))
        .sum();
    let steps: usize = outlines.iter().map(steps).sum();
    writeln!(
        text,
        "{} runs of {stages} stages, {shared} of them taken over from equal ones; {steps} steps at most",
        outlines.len()
    )?;
    let judged = if design.tested { "test" } else { "validation" };
    let early = if design.study.test_epochs && design.tested {
        "validation and test"
    } else {
        "validation"
    };
    writeln!(
        text,
        "verdicts on {}: after epochs {:?} on {early} films, with the best weights on {judged} films",
        design.primary, design.study.epochs
    )?;
    Ok(text)
}

/// Maximum number of steps of a run.
fn steps(outline: &Outline) -> usize {
    let shared = outline.shared.as_ref().map_or(0, |(_, stages)| *stages);
    let own = outline.stages.iter().skip(shared);
    own.map(|stage| stage.epochs * stage.steps_per_epoch).sum()
}
