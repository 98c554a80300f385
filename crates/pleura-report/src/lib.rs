//! A run as one self-contained HTML page.
//!
//! [`ReportInput`] is what a report says, as plain data; [`ReportInput::from_run`] reads it from a run folder, [`render`] makes the
//! page, and [`write()`] does both and puts `report.html` into the run. The page has no scripts and loads nothing: pictures and
//! plots are inside it. The same run gives the same bytes, since nothing is taken from a clock or from the machine.
//!
//! [`pleura_draw::plot`] draws the plots; [`write_plots`] puts those of a run into files of their own, for a paper.
//! [`describe()`] makes the page of a table of films before anything is trained.
//! [`GalleryIndex`], [`KeepingExperiment`], [`WordsExperiment`] and [`Provenance`] are files that others put into a run for the
//! report. [`write_series`] makes the page of several runs that belong together, [`write_study`] that of a study.

mod audit;
mod error;
mod evidence;
mod experiment;
mod files;
mod index;
mod input;
mod page;
mod read;
mod series;
mod study;

use std::path::{Path, PathBuf};

use pleura_core::fs::write_atomic;
use pleura_draw::plot::Plot;

pub use audit::check_plot;
pub use error::Error;
pub use evidence::{SeriesFindings, TestLooks};
pub use experiment::{EpochDifference, KeepingExperiment, KeepingRun, WordsCondition, WordsExperiment};
pub use index::{GalleryIndex, IndexItem};
pub use input::{
    Copies, CopyFilm, CopyPair, DataTable, EpochPoint, Exclusion, FindingCount, Gallery, GalleryItem,
    LedgerLine, Provenance, ReportInput, SourceTable, SplitCount, SplitEvaluation, StageResult, StageSplit,
    StepPoint,
};
pub use page::{Page, describe, render};
pub use read::lead_stage;
pub use series::{write_learning_curve, write_series};
pub use study::write_study;

/// Name of the page that [`write_description`] writes.
pub const DESCRIPTION: &str = "describe.html";

/// Writes the page of a description into a folder, whole or not at all, and each of its plots as an SVG file beside it. Returns the page's
/// path.
///
/// # Errors
/// What the operating system says against writing.
pub fn write_description(
    description: &pleura_data::describe::Description,
    folder: &Path,
) -> Result<PathBuf, Error> {
    let page = describe(description);
    let path = folder.join(DESCRIPTION);
    write_atomic(&path, page.html.as_bytes())?;
    write_svg_files(&page.plots, folder)?;
    Ok(path)
}

/// Name of the report in a run folder.
pub const FILE: &str = "report.html";

/// Reads a run, renders its report and writes `report.html` into it, whole or not at all. Returns the report's path.
///
/// # Errors
/// Those of [`ReportInput::from_run`], and what the operating system says against writing.
pub fn write(run: &Path) -> Result<PathBuf, Error> {
    let page = render(&ReportInput::from_run(run)?);
    let path = run.join(FILE);
    write_atomic(&path, page.html.as_bytes())?;
    Ok(path)
}

/// Writes every plot of a run's report as an SVG file into a folder, named after its title. Returns their paths, in
/// the report's order.
///
/// # Errors
/// As [`write()`].
pub fn write_plots(run: &Path, folder: &Path) -> Result<Vec<PathBuf>, Error> {
    write_svg_files(&render(&ReportInput::from_run(run)?).plots, folder)
}

/// Plots of the same title are numbered.
fn write_svg_files(plots: &[Plot], folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut paths: Vec<PathBuf> = Vec::new();
    for plot in plots {
        let name = plot.file_name();
        let numbered = (2..).map(|number| format!("{name}-{number}"));
        let mut names = std::iter::once(name.clone()).chain(numbered);
        let path = names.find_map(|name| {
            let path = folder.join(format!("{name}.svg"));
            (!paths.contains(&path)).then_some(path)
        });
        if let Some(path) = path {
            write_atomic(&path, plot.svg.as_bytes())?;
            paths.push(path);
        }
    }
    Ok(paths)
}
