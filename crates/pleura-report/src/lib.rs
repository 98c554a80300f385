//! Reports: a run, a series of runs, a study or a manifest as one self-contained HTML page.
//!
//! [`ReportInput`] is the content of a run's report as plain data. [`ReportInput::from_run`] reads it from a
//! run folder, [`render`] makes the [`Page`], and [`write()`] does both and writes `report.html`. The page
//! has no scripts and loads nothing: pictures and plots are inside it. Equal runs give equal bytes, since
//! nothing comes from a clock or the machine.
//!
//! [`write_plots`] writes the plots of a run as SVG files, [`write_series`] the page of several runs,
//! [`write_study`] the page of a study, and [`write_description`] the page of manifests before any training.
//! [`GalleryIndex`], [`KeepingExperiment`], [`TextExperiment`] and [`Provenance`] are files that other crates
//! write into a run for its report.
//!
//! ```
//! use pleura_report::{ReportInput, render};
//!
//! let page = render(&ReportInput {
//!     title: "my run".to_owned(),
//!     ..ReportInput::default()
//! });
//! assert!(page.html.contains("This run has no stages yet."));
//! for plot in &page.plots {
//!     println!("{}.svg", plot.file_name());
//! }
//! ```

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
pub use evidence::{SeriesFindings, TestAccesses};
pub use experiment::{EpochDifference, KeepingExperiment, KeepingRun, TextCondition, TextExperiment};
pub use index::{GalleryIndex, IndexItem};
pub use input::{
    DataTable, DuplicateFilm, DuplicatePair, Duplicates, EpochPoint, Exclusion, FindingCount, Gallery,
    GalleryItem, LedgerLine, Provenance, ReportInput, SourceTable, SplitCount, SplitEvaluation, StageResult,
    StageSplit, StepPoint,
};
pub use page::{Page, describe, render};
pub use read::lead_stage;
pub use series::{write_learning_curve, write_series};
pub use study::write_study;

/// Name of the page that [`write_description`] writes.
pub const DESCRIPTION: &str = "describe.html";

/// Writes the page of a description and its plots as SVG files into a folder. Returns the page's path.
///
/// # Errors
/// A file that cannot be written.
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

/// Reads a run, renders its report and writes `report.html` into it, atomically. Returns the report's path.
///
/// # Errors
/// Those of [`ReportInput::from_run`], and a file that cannot be written.
pub fn write(run: &Path) -> Result<PathBuf, Error> {
    let page = render(&ReportInput::from_run(run)?);
    let path = run.join(FILE);
    write_atomic(&path, page.html.as_bytes())?;
    Ok(path)
}

/// Writes every plot of a run's report as an SVG file into a folder, named after its title. Returns their
/// paths, in the report's order.
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
