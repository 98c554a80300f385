//! A run as one self-contained HTML page.
//!
//! [`ReportInput`] is what a report says, as plain data; [`ReportInput::from_run`] reads it from a run folder, [`render`] makes the
//! page, and [`write()`] does both and puts `report.html` into the run. The page has no scripts and loads nothing: pictures and
//! plots are inside it. The same run gives the same bytes, since nothing is taken from a clock or from the machine.
//!
//! [`plot`] draws the report's plots by themselves, as SVG files for a README or a book.
//! [`GalleryIndex`], [`KeepingExperiment`], [`WordsExperiment`] and [`Provenance`] are files that others put into a run for the report.

mod error;
mod experiment;
mod files;
mod index;
mod input;
mod page;
pub mod plot;
mod read;

use std::path::{Path, PathBuf};

pub use error::Error;
pub use experiment::{EpochDifference, KeepingExperiment, KeepingRun, WordsCondition, WordsExperiment};
pub use index::{GalleryIndex, IndexItem};
pub use input::{
    DataTable, EpochPoint, Exclusion, FindingCount, Gallery, GalleryItem, Keeping, LedgerLine, Neuron,
    Origin, Provenance, ReportInput, SourceTable, SplitCount, SplitEvaluation, StageResult, StageSplit,
    StepPoint,
};
pub use page::render;
pub use read::lead_stage;

/// Name of the report in a run folder.
pub const FILE: &str = "report.html";

/// Reads a run, renders its report and writes `report.html` into it, whole or not at all. Returns the report's path.
///
/// # Errors
/// Those of [`ReportInput::from_run`], and what the operating system says against writing.
pub fn write(run: &Path) -> Result<PathBuf, Error> {
    let page = render(&ReportInput::from_run(run)?);
    let path = run.join(FILE);
    files::write(&path, page.as_bytes())?;
    Ok(path)
}
