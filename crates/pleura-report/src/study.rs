//! The page and the plots of a study, from its folder.

use std::path::{Path, PathBuf};

use pleura_core::fs::write_atomic;
use pleura_run::study::StudyFindings;
use pleura_run::{SeriesFolder, json::read_json_if_exists};

use crate::error::Error;
use crate::input::{Provenance, ReportInput};
use crate::page;

/// Writes the page of a study (`report.html`) and its plots as SVG files into its folder. Returns their
/// paths, the page first. Films and recipe on the page are those of the baseline's first run.
///
/// # Errors
/// [`Error::NoRun`] if the folder has no finished study; those of [`ReportInput::from_run`].
pub fn write_study(out: &Path) -> Result<Vec<PathBuf>, Error> {
    let folder = SeriesFolder::new(out);
    let findings: StudyFindings =
        read_json_if_exists(&folder.study_findings())?.ok_or_else(|| Error::NoRun {
            path: out.to_owned(),
            missing: "study.json",
        })?;
    let first = findings
        .variants
        .iter()
        .find(|variant| variant.name == findings.baseline)
        .and_then(|variant| variant.runs.first())
        .ok_or_else(|| Error::NoRun {
            path: out.to_owned(),
            missing: "finished run",
        })?;
    let mut input = ReportInput::from_run(folder.run(&first.name).path())?;
    input.title.clone_from(&findings.name);
    input.provenance = Provenance {
        // Digests and times of one run must not pass for the study's.
        digests: Vec::new(),
        timings: Vec::new(),
        seed: None,
        ..read_json_if_exists::<Provenance>(&folder.provenance())?.unwrap_or_default()
    };
    for table in &mut input.data {
        table.name = format!("{} (as run {} was trained)", table.name, first.name);
    }
    let mut paths = vec![out.join(crate::FILE)];
    write_atomic(&paths[0], page::render_study(&findings, &input).as_bytes())?;
    for (name, plot) in page::study_plots(&findings) {
        let path = out.join(format!("{name}.svg"));
        write_atomic(&path, plot.svg.as_bytes())?;
        paths.push(path);
    }
    Ok(paths)
}
