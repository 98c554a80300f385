//! The page of a series of runs, and the plots of a learning curve.

use std::path::{Path, PathBuf};

use pleura_core::fs::write_atomic;
use pleura_eval::{CrossValidation, LearningCurve};
use pleura_run::{SeriesFolder, json::read_json_if_exists};

use crate::error::Error;
use crate::evidence::SeriesFindings;
use crate::input::{ReportInput, SplitEvaluation};
use crate::page;

/// Writes the report of a series of runs (folds, a learning curve) into its folder: `report.html`. It shows
/// the recipe and films of the first run, and the joint results.
///
/// # Errors
/// [`Error::NoRun`] if the folder has no series; those of [`ReportInput::from_run`].
pub fn write_series(out: &Path) -> Result<PathBuf, Error> {
    let folder = SeriesFolder::new(out);
    let series = folder.read_record()?.ok_or_else(|| Error::NoRun {
        path: out.to_owned(),
        missing: "series.json",
    })?;
    let first = series.runs.first().cloned().unwrap_or_default();
    let mut input = ReportInput::from_run(folder.run(&first).path())?;
    input.title = crate::read::name(out);
    input.provenance = read_json_if_exists(&folder.provenance())?.unwrap_or_default();
    for table in &mut input.data {
        table.name = format!("{} (as run {first} was trained)", table.name);
    }
    let mut found = SeriesFindings {
        curve: read_json_if_exists(&folder.learning_curve())?,
        ..SeriesFindings::default()
    };
    for stage in &mut input.stages {
        let pooled = folder.pooled_metrics(&stage.name);
        if let Some(crossed) = read_json_if_exists::<CrossValidation>(&pooled)? {
            stage.evaluations = vec![SplitEvaluation {
                split: "out-of-fold".to_owned(),
                evaluation: crossed.pooled.clone(),
            }];
            found.crossed.push((stage.name.clone(), crossed));
        }
    }
    let last = |stages: &[(String, CrossValidation)]| stages.last().map(|one| one.0.clone());
    input.lead = last(&found.crossed).or(input.lead);
    input.warnings.push(format!(
        "This page covers {} runs ({}: {}); recipe, films and training curves are those of the first",
        series.runs.len(),
        series.kind,
        series.runs.join(", ")
    ));
    input.series = Some(found);
    let path = out.join(crate::FILE);
    write_atomic(&path, page::render(&input).html.as_bytes())?;
    Ok(path)
}

/// Writes a learning curve into a folder, as `curve.csv` and one SVG file per metric. Returns their paths.
///
/// # Errors
/// A file that cannot be written.
pub fn write_learning_curve(curve: &LearningCurve, folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut paths = vec![folder.join("curve.csv")];
    write_atomic(&paths[0], page::curve_table(curve).as_bytes())?;
    for (metric, plot) in page::curve_plots(curve) {
        let name: String = metric
            .chars()
            .map(|c| if c.is_alphanumeric() { c } else { '-' })
            .collect();
        let path = folder.join(format!("curve-{}.svg", name.to_lowercase()));
        write_atomic(&path, plot.svg.as_bytes())?;
        paths.push(path);
    }
    Ok(paths)
}
