//! Several runs of one recipe: folds of a cross-validation, or points of a learning curve.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;
use pleura_eval::{CrossValidation, LearningCurve, MeanMetric};
use pleura_run::SeriesFolder;
use pleura_study::{
    CrossValidationPlan, FoldOptions, LearningCurveOptions, LearningCurvePlan, SeriesSummary,
};
use pleura_train::{Options, Recipe};
use serde_json::{Value, json};

use super::{stage_line, watched};
use crate::console::{COULD_NOT, NOTICE};
use crate::table::Table;

/// Options of a series.
#[derive(clap::Args)]
pub(super) struct SeriesArgs {
    /// Cross-validate by patient: one run per fold, and one evaluation of all out-of-fold answers. Without K,
    /// the folds of the manifest are used (`pleura data split --folds`); with K, a manifest without folds is
    /// assigned K folds.
    #[arg(long, value_name = "K", num_args = 0..=1, conflicts_with = "curve")]
    #[allow(clippy::option_option, reason = "left out, given alone, given with a number")]
    folds: Option<Option<usize>>,
    /// With --folds: share of the other folds' films used for validation.
    #[arg(long, value_name = "PART", requires = "folds", default_value_t = pleura_manifest::folds::VALIDATION)]
    validation: f64,
    /// Learning curve: train on these shares of the last stage's training films.
    #[arg(long, value_name = "PART,PART", value_delimiter = ',')]
    curve: Vec<f64>,
    /// With --curve: one training per seed and share, instead of the recipe's seed.
    #[arg(
        long,
        value_name = "N,N",
        value_delimiter = ',',
        requires = "curve",
        conflicts_with = "seed"
    )]
    seeds: Vec<u64>,
}

impl SeriesArgs {
    /// True if no option of a series is given.
    pub(super) fn is_empty(&self) -> bool {
        self.folds.is_none() && self.curve.is_empty()
    }
}

/// A prepared series.
pub(super) enum Wanted {
    Folds(CrossValidationPlan),
    Curve(LearningCurvePlan),
}

impl SeriesArgs {
    /// The requested series.
    pub(super) fn wanted(&self, recipe: &Recipe, seed: Option<u64>) -> Result<Option<Wanted>> {
        if let Some(count) = self.folds {
            let choice = FoldOptions {
                count,
                validation: self.validation,
                seed,
            };
            return Ok(Some(Wanted::Folds(CrossValidationPlan::new(recipe, &choice)?)));
        }
        if self.curve.is_empty() {
            return Ok(None);
        }
        let choice = LearningCurveOptions {
            parts: self.curve.clone(),
            seeds: seed.map_or_else(|| self.seeds.clone(), |seed| vec![seed]),
        };
        Ok(Some(Wanted::Curve(LearningCurvePlan::new(recipe, &choice)?)))
    }
}

/// Prints where a series stopped; `None` if it did not.
pub fn stopped(summary: &SeriesSummary, json: bool) -> Result<Option<ExitCode>> {
    let Some((run, stop)) = &summary.stopped else {
        return Ok(None);
    };
    let mut stdout = io::stdout().lock();
    if json {
        writeln!(stdout, "{}", serde_json::to_string(summary)?)?;
    } else {
        writeln!(
            stdout,
            "stopped in run {run}, stage {}, epoch {}, after step {}; go on with --resume",
            stop.stage,
            stop.epoch + 1,
            stop.step
        )?;
    }
    Ok(Some(ExitCode::from(COULD_NOT)))
}

/// Trains a series and evaluates it as one. Exit code 0 for done, 2 for stopped.
pub(super) fn run(wanted: &Wanted, out: &Path, options: &Options, json: bool) -> Result<ExitCode> {
    let series = match wanted {
        Wanted::Folds(crossing) => &crossing.series,
        Wanted::Curve(climb) => &climb.series,
    };
    let summary = watched(out, options.seed, json, |display| {
        series.run(out, options, display)
    })?;
    if let Some(code) = stopped(&summary, json)? {
        return Ok(code);
    }
    match wanted {
        Wanted::Folds(crossing) => {
            let mut text = format!("{} folds\n", crossing.count);
            let mut record = json!({"series": summary, "pooled": {}});
            for (stage, found) in crossing.evaluate(out)? {
                record["pooled"][&stage] = serde_json::to_value(&found)?;
                tell_folds(&mut text, out, &stage, &found, &summary)?;
            }
            finish(out, &text, record, json)
        }
        Wanted::Curve(climb) => {
            let curve = climb.evaluate(out)?;
            let plots = pleura_report::write_learning_curve(&curve, out)?;
            let mut text = String::new();
            tell_curve(&mut text, &curve, &plots)?;
            finish(
                out,
                &text,
                json!({"series": summary, "curve": curve, "plots": plots}),
                json,
            )
        }
    }
}

fn finish(out: &Path, text: &str, mut record: Value, json: bool) -> Result<ExitCode> {
    let report = pleura_report::write_series(out)?;
    let mut stdout = io::stdout().lock();
    if json {
        record["report"] = json!(report);
        record["notice"] = json!(NOTICE);
        writeln!(stdout, "{record}")?;
    } else {
        write!(stdout, "{text}")?;
        writeln!(stdout, "{}\n{NOTICE}", report.display())?;
    }
    Ok(ExitCode::SUCCESS)
}

fn tell_folds(
    text: &mut String,
    out: &Path,
    stage: &str,
    found: &CrossValidation,
    summary: &SeriesSummary,
) -> Result<()> {
    for run in &summary.runs {
        for one in run.stages.iter().filter(|one| one.stage == stage) {
            writeln!(text, "{}: {}", run.name, stage_line(one))?;
        }
    }
    writeln!(text, "\nstage {stage}, all out-of-fold answers as one set:")?;
    for line in found.pooled.lines() {
        writeln!(text, "  {line}")?;
    }
    writeln!(text, "means over the folds:")?;
    for one in found.mean.iter().filter(|one| one.finding.is_none()) {
        writeln!(text, "  {}", in_words(one))?;
    }
    writeln!(text, "{}", SeriesFolder::new(out).pooled(stage).display())?;
    Ok(())
}

fn in_words(one: &MeanMetric) -> String {
    let each: Vec<String> = one
        .each
        .iter()
        .map(|value| value.map_or_else(|| "–".to_owned(), |value| format!("{value:.3}")))
        .collect();
    format!("{}; each {}", one.mean.words(&one.metric), each.join(", "))
}

fn tell_curve(text: &mut String, curve: &LearningCurve, plots: &[PathBuf]) -> Result<()> {
    let split = if curve.split == "val" {
        "validation films, which have chosen the epoch"
    } else {
        "test films"
    };
    writeln!(text, "stage {}, judged on {split}:\n", curve.stage)?;
    let names: Vec<&str> = curve.rungs.first().map_or_else(Vec::new, |rung| {
        let whole = rung.metrics.iter().filter(|one| one.finding.is_none());
        whole.map(|one| one.metric.as_str()).collect()
    });
    let headings = ["part", ">films", ">patients", ">seeds"]
        .into_iter()
        .chain(names.iter().copied());
    let mut table = Table::with_headings(headings);
    for rung in &curve.rungs {
        let mut cells = vec![
            rung.part.to_string(),
            spread(&rung.films),
            spread(&rung.patients),
            rung.seeds.len().to_string(),
        ];
        let whole = rung.metrics.iter().filter(|one| one.finding.is_none());
        cells.extend(whole.map(|one| one.mean.cell()));
        table.row(cells);
    }
    writeln!(text, "{table}")?;
    for path in plots {
        writeln!(text, "{}", path.display())?;
    }
    Ok(())
}

/// `120`, or `118–121` if seeds differ.
fn spread(counts: &[usize]) -> String {
    match (counts.iter().min(), counts.iter().max()) {
        (Some(low), Some(high)) if low != high => format!("{low}–{high}"),
        (Some(low), _) => low.to_string(),
        _ => String::new(),
    }
}
