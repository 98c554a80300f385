//! `pleura report`: a run as one page.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;
use pleura_data::Manifest;
use pleura_eval::Predictions;
use pleura_train::stage_folder;
use serde_json::json;

use crate::console::NOTICE;
use crate::gallery;
use crate::model::{Model, ModelArgs};

/// Explain some test films of a run and write its report.html.
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
}

/// Writes the report.
pub fn run(args: &Args, json: bool) -> Result<ExitCode> {
    let report = write(&args.run, &args.options, args.gallery)?;
    let mut out = io::stdout().lock();
    if json {
        writeln!(out, "{}", json!({"report": report, "notice": NOTICE}))?;
    } else {
        writeln!(out, "{}\n{NOTICE}", report.display())?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Fills the run's gallery from the last stage's test films, where there are any, and writes `report.html`.
pub fn write(run: &Path, options: &ModelArgs, films: usize) -> Result<PathBuf> {
    let model = Model::open(run, options)?;
    if let Some(stage) = model.stage.as_ref().filter(|_| films > 0) {
        let answers = stage_folder(run, &stage.name).join("test.csv");
        if answers.exists() {
            let manifest = Manifest::read(&stage.manifest)?;
            gallery::write(run, &model, &manifest, &Predictions::read(&answers)?, films)?;
        }
    }
    Ok(pleura_report::write(run)?)
}
