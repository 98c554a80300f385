//! Evaluations that were recorded in a run for its report, and what a series of runs found.

use std::path::{Path, PathBuf};

use pleura_data::looks::Look;
use pleura_eval::calibration::Calibration;
use pleura_eval::{Comparison, CrossValidation, Evaluation, LearningCurve, SourceComparison};
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::files;
use crate::input::{Provenance, ReportInput, SplitEvaluation};
use crate::page;

/// One evaluation that was recorded: `evidence/NAME.json` of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// Its name.
    pub name: String,
    /// When: UTC.
    pub when: String,
    /// The command that made it.
    pub command: String,
    /// The model, in a line.
    pub model: String,
    /// The films, in a line.
    pub films: String,
    /// What limits it beyond what the evaluation says by itself.
    pub notes: Vec<String>,
    /// Whether probabilities were calibrated: on which films, in a line; nothing where they were not.
    #[serde(default)]
    pub calibrated: Option<String>,
    /// What the model got.
    pub evaluation: Evaluation,
    /// Another model on the same films.
    #[serde(default)]
    pub comparison: Option<(String, Comparison)>,
    /// Each external source apart.
    #[serde(default)]
    pub sources: Option<SourceComparison>,
}

/// The looks at a table's test split.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TestLooks {
    /// Films of the test split.
    pub films: u64,
    /// Digest of the films, whatever their order and labels.
    pub digest: String,
    /// From the first to the last.
    pub looks: Vec<Look>,
    /// Different models among them.
    pub models: usize,
    /// Looks at other test splits that the same table had before; of a fold's table, where others are folds too, none.
    pub others: usize,
    /// Whether the account was altered after it was written.
    pub altered: bool,
    /// Whether the test split is another than the one that was made.
    pub changed: bool,
}

/// What a series of runs found, beyond what each of them did.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SeriesFindings {
    /// Stage by stage, what a cross-validation found.
    pub crossed: Vec<(String, CrossValidation)>,
    /// What a learning curve found.
    pub curve: Option<LearningCurve>,
}

const FOLDER: &str = "evidence";

impl Evidence {
    /// Writes `evidence/NAME.json` of a run, whole or not at all, and returns its path.
    pub fn write(&self, run: &Path) -> Result<PathBuf, Error> {
        let path = run.join(FOLDER).join(format!("{}.json", self.name));
        files::write_json(&path, self)?;
        Ok(path)
    }

    /// All that a run holds, by name.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn all(run: &Path) -> Result<Vec<Self>, Error> {
        let folder = run.join(FOLDER);
        let mut paths = Vec::new();
        // Without the folder there is nothing.
        for entry in std::fs::read_dir(&folder).into_iter().flatten() {
            let path = entry.map_err(Error::io("read", &folder))?.path();
            if path.extension().is_some_and(|extension| extension == "json") {
                paths.push(path);
            }
        }
        paths.sort();
        let read = paths.iter().map(|path| files::json_if_there::<Self>(path));
        Ok(read
            .collect::<Result<Vec<_>, _>>()?
            .into_iter()
            .flatten()
            .collect())
    }
}

/// The calibration beside the best weights of a stage, if there is one.
pub(crate) fn calibration(stage: &Path) -> Result<Option<Calibration>, Error> {
    files::json_if_there(&Calibration::path(&stage.join("best.safetensors")))
}

/// `series.json`, as far as a report needs it.
#[derive(Deserialize)]
struct Series {
    kind: String,
    runs: Vec<String>,
}

/// Writes the report of a series of runs (folds, a learning curve) into its folder: `report.html`. It shows the first run's recipe and
/// films, and what all of them found together.
///
/// # Errors
/// [`Error::NoRun`] where the folder holds no series; those of [`ReportInput::from_run`].
pub fn write_series(out: &Path) -> Result<PathBuf, Error> {
    let record = out.join("series.json");
    let series: Series = files::json_if_there(&record)?.ok_or_else(|| Error::NoRun {
        path: out.to_owned(),
        missing: "series.json",
    })?;
    let first = series.runs.first().cloned().unwrap_or_default();
    let mut input = ReportInput::from_run(&out.join(&first))?;
    input.title = crate::read::name(out);
    input.provenance = files::json_if_there::<Provenance>(&out.join("provenance.json"))?.unwrap_or_default();
    for table in &mut input.data {
        table.name = format!("{} (as run {first} was trained)", table.name);
    }
    let mut found = SeriesFindings {
        curve: files::json_if_there(&out.join("curve.json"))?,
        ..SeriesFindings::default()
    };
    for stage in &mut input.stages {
        let pooled = out.join("pooled").join(&stage.name).join("metrics.json");
        if let Some(crossed) = files::json_if_there::<CrossValidation>(&pooled)? {
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
        "This page is of {} runs ({}: {}); recipe, films and training curves are those of the first",
        series.runs.len(),
        series.kind,
        series.runs.join(", ")
    ));
    input.series = Some(found);
    let path = out.join(crate::FILE);
    files::write(&path, page::render(&input).html.as_bytes())?;
    Ok(path)
}

/// Writes a learning curve as `curve.csv` and as one SVG file a metric into a folder, and returns their paths.
///
/// # Errors
/// What the operating system says against writing.
pub fn write_learning_curve(curve: &LearningCurve, folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut paths = vec![folder.join("curve.csv")];
    files::write(&paths[0], page::curve_table(curve).as_bytes())?;
    for (metric, plot) in page::curve_plots(curve) {
        let name: String = metric
            .chars()
            .map(|c| if c.is_alphanumeric() { c } else { '-' })
            .collect();
        let path = folder.join(format!("curve-{}.svg", name.to_lowercase()));
        files::write(&path, plot.svg.as_bytes())?;
        paths.push(path);
    }
    Ok(paths)
}
