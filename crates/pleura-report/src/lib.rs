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

pub use audit::check_figure;
pub use error::Error;
pub use evidence::{SeriesFindings, TestLooks};
pub use experiment::{EpochDifference, KeepingExperiment, KeepingRun, WordsCondition, WordsExperiment};
pub use index::{GalleryIndex, IndexItem};
pub use input::{
    Copies, CopyFilm, CopyPair, DataTable, EpochPoint, Exclusion, FindingCount, Gallery, GalleryItem,
    LedgerLine, Provenance, ReportInput, SourceTable, SplitCount, SplitEvaluation, StageResult, StageSplit,
    StepPoint,
};
pub use page::describe;
pub use page::render;
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
    write_atomic(&path, page.as_bytes())?;
    for (title, svg) in plots(&page) {
        write_atomic(&folder.join(format!("{}.svg", file_name(title))), svg.as_bytes())?;
    }
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
    write_atomic(&path, page.as_bytes())?;
    Ok(path)
}

/// Writes every plot of a run's report as an SVG file into a folder, named after its title. Returns their paths, in the report's
/// order.
///
/// # Errors
/// As [`write()`].
pub fn write_plots(run: &Path, folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let page = render(&ReportInput::from_run(run)?);
    let mut paths: Vec<PathBuf> = Vec::new();
    for (title, svg) in plots(&page) {
        let name = file_name(title);
        let numbered = (2..).map(|number| format!("{name}-{number}"));
        let mut names = std::iter::once(name.clone()).chain(numbered);
        let path = names.find_map(|name| {
            let path = folder.join(format!("{name}.svg"));
            (!paths.contains(&path)).then_some(path)
        });
        if let Some(path) = path {
            write_atomic(&path, svg.as_bytes())?;
            paths.push(path);
        }
    }
    Ok(paths)
}

/// Title and text of each plot of a page; those without a title are ornaments.
fn plots(page: &str) -> impl Iterator<Item = (&str, &str)> {
    page.split_inclusive("</svg>").filter_map(|part| {
        let svg = &part[part.rfind("<svg ")?..];
        let title = svg.split_once("<title>")?.1.split_once("</title>")?.0;
        Some((title, svg))
    })
}

/// A title as the name of a file: lower case, words joined by hyphens.
fn file_name(title: &str) -> String {
    let words = title
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join("-").to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::{file_name, plots};

    #[test]
    fn plots_are_found_in_a_page_by_their_titles() {
        let page = r#"<p>a</p><svg width="1"><title>ROC curves of stage kept-1, test films</title><g/></svg><b>b</b><svg width="2"/> x </svg>"#;
        let found: Vec<_> = plots(page).collect();
        assert_eq!(found.len(), 1);
        assert_eq!(file_name(found[0].0), "roc-curves-of-stage-kept-1-test-films");
        assert!(found[0].1.starts_with("<svg width=\"1\">") && found[0].1.ends_with("<g/></svg>"));
    }
}
