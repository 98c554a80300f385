//! `pleura report`: a run as one page.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use pleura_eval::Predictions;
use pleura_manifest::{Manifest, Split};
use pleura_run::RunFolder;
use serde_json::json;

use crate::console::NOTICE;
use crate::model::ModelArgs;

/// Explain test films of a run and write its report.html.
#[derive(clap::Args)]
pub struct Args {
    /// A run's folder.
    #[arg(value_name = "RUN")]
    run: PathBuf,
    #[command(flatten)]
    options: ModelArgs,
    /// Films in the gallery of heatmaps; 0 for none.
    #[arg(long, default_value_t = 12, value_name = "N")]
    gallery: usize,
    /// Also write each plot as an SVG file into this folder.
    #[arg(long, value_name = "DIR")]
    plots: Option<PathBuf>,
}

/// Writes the report.
pub fn run(args: &Args, json: bool) -> Result<ExitCode> {
    let report = write(&args.run, &args.options, args.gallery)?;
    let plots = match &args.plots {
        Some(folder) => pleura_report::write_plots(&args.run, folder)?,
        None => Vec::new(),
    };
    let mut out = io::stdout().lock();
    if json {
        writeln!(
            out,
            "{}",
            json!({"report": report, "plots": plots, "notice": NOTICE})
        )?;
    } else {
        for path in std::iter::once(&report).chain(&plots) {
            writeln!(out, "{}", path.display())?;
        }
        writeln!(out, "{NOTICE}")?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Fills the run's gallery from test films of the requested stage, or of the report's main stage, and writes
/// `report.html`. An unfinished run has a report of what exists.
pub fn write(run: &Path, options: &ModelArgs, films: usize) -> Result<PathBuf> {
    // The report itself refuses a folder that is not a run.
    let folder = RunFolder::new(run);
    if folder.recipe().exists() {
        let options = &options.or_stage(pleura_report::lead_stage(run)?);
        let stage = pleura::Classifier::stage_of(run, &options.options())?;
        let answers = folder.stage(&stage.name).predictions(Split::Test);
        // If the films have moved, the page says so.
        if films > 0 && answers.exists() && stage.manifest.exists() {
            let model = options.open(run)?;
            let manifest = Manifest::read(&stage.manifest)?;
            pleura::gallery::write(run, &model, &manifest, &Predictions::read(&answers)?, films)?;
        }
    }
    Ok(pleura_report::write(run)?)
}

/// Deletes unfinished pictures (`.NAME.tmp`), lists and pages (`NAME.part`) of a killed process.
pub fn sweep(run: &Path) -> Result<()> {
    let halves: [(PathBuf, &[(&str, &str)]); 2] = [
        (
            run.to_owned(),
            &[("report.html.", ".part"), ("provenance.json.", ".part")],
        ),
        (
            RunFolder::new(run).explanations(),
            &[(".", ".tmp"), ("index.json.", ".part")],
        ),
    ];
    for (folder, halves) in halves {
        // Without the folder there is nothing to delete.
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if halves
                .iter()
                .any(|(start, end)| name.starts_with(start) && name.ends_with(end))
            {
                let path = entry.path();
                fs::remove_file(&path).with_context(|| format!("{}: cannot remove", path.display()))?;
            }
        }
    }
    Ok(())
}
