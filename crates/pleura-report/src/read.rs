//! Reading of a run folder into a report's input.

mod data;
mod duplicates;
mod evaluation;
mod log;
mod split;

use std::fs;
use std::io;
use std::path::Path;

use pleura_core::sha256;
use pleura_eval::Calibration;
use pleura_run::{
    Evidence, RECIPE, Recipe, RunFolder,
    json::read_json_if_exists,
    log::LogLine,
    recipe::{ArchitectureChoice, Start},
    timing::seconds_by_stage,
};

use crate::error::Error;
use crate::experiment::{KeepingExperiment, TextExperiment};
use crate::files;
use crate::index;
use crate::input::{Provenance, ReportInput, StageResult};

impl ReportInput {
    /// Reads a run folder: `recipe.toml`, `log.jsonl`, `timing.jsonl`, the stages' `data.json`,
    /// `neurons.json` and `metrics.json`, the recipe's manifests with their sidecars, `explain/index.json`
    /// with its pictures, `experiments/*.json` and `provenance.json`. Only the recipe is required, so an
    /// unfinished run has a report too. A missing manifest gives a warning.
    ///
    /// # Errors
    /// [`Error::NoRun`] without a recipe; otherwise, the file that cannot be read.
    pub fn from_run(run: &Path) -> Result<Self, Error> {
        let folder = RunFolder::new(run);
        let (text, recipe) = recipe(&folder)?;
        let mut warnings = Vec::new();
        let data = data::tables(&folder, &recipe, &mut warnings)?;
        let mut gallery = index::gallery(run)?;
        if !data.is_empty() && data.iter().all(|table| table.phantom) {
            // All films of such a run are synthetic, even if the index does not mark them.
            for item in &mut gallery.items {
                item.phantom = true;
            }
        }
        let mut stages = Vec::new();
        let log = folder.read_log()?;
        for number in 0..recipe.stages.len() {
            stages.push(stage(&folder, &recipe, number, &log)?);
        }
        Ok(Self {
            title: name(run),
            data,
            gallery,
            keeping: KeepingExperiment::read(run)?,
            words: TextExperiment::read(run)?,
            evidence: Evidence::read_all(&folder)?,
            series: None,
            audit: read_json_if_exists(&folder.audit_record())?,
            provenance: provenance(&folder, &recipe, &text)?,
            recipe: text,
            lead: recipe.lead_stage().map(|stage| stage.name.clone()),
            stages,
            warnings,
        })
    }
}

/// Returns the stage that a run's report is about: among the stages that no other stage starts from, the
/// first that keeps output neurons, else the last. A gallery of heatmaps should use its network.
///
/// # Errors
/// As [`ReportInput::from_run`] for the recipe.
pub fn lead_stage(run: &Path) -> Result<Option<String>, Error> {
    let (_, recipe) = recipe(&RunFolder::new(run))?;
    Ok(recipe.lead_stage().map(|stage| stage.name.clone()))
}

/// The recipe of a run, and its text.
fn recipe(run: &RunFolder) -> Result<(String, Recipe), Error> {
    let path = run.recipe();
    let text = files::text_if_there(&path)?.ok_or_else(|| Error::NoRun {
        path: run.path().to_owned(),
        missing: RECIPE,
    })?;
    let recipe = Recipe::parse(&text, &path)?;
    Ok((text, recipe))
}

impl Provenance {
    /// True if a run has one already.
    pub fn is_in(run: &Path) -> bool {
        RunFolder::new(run).provenance().exists()
    }

    /// Writes `provenance.json` of a run atomically. The report adds digests, times and the recipe's seed
    /// from the run itself.
    pub fn write(&self, run: &Path) -> Result<std::path::PathBuf, Error> {
        let path = RunFolder::new(run).provenance();
        files::write_json(&path, self)?;
        Ok(path)
    }
}

/// The run's name: the folder's name, or that of its parent if the folder is called `run`.
pub(crate) fn name(run: &Path) -> String {
    let whole = fs::canonicalize(run).unwrap_or_else(|_| run.to_owned());
    let mut names = whole.iter().rev().map(|part| part.to_string_lossy().into_owned());
    match (names.next(), names.next()) {
        (Some(name), Some(above)) if name == "run" && above != "/" => above,
        (Some(name), _) => name,
        (None, _) => "run".to_owned(),
    }
}

fn stage(run: &RunFolder, recipe: &Recipe, number: usize, log: &[LogLine]) -> Result<StageResult, Error> {
    let stage = &recipe.stages[number];
    let folder = run.stage(&stage.name);
    let previous = recipe
        .previous_stage(number)
        .map(|from| recipe.stages[from].name.clone());
    let data = folder.read_data()?;
    Ok(StageResult {
        name: stage.name.clone(),
        architecture: match &recipe.architecture {
            ArchitectureChoice::Name(name) => name.clone(),
            ArchitectureChoice::Description(architecture) => architecture.name().to_owned(),
        },
        kind: Some(stage.kind),
        findings: stage.findings.clone().unwrap_or_default(),
        start: match (&previous, &stage.start) {
            (Some(stage), _) => format!("the best of stage {stage}"),
            (None, Some(Start::File(path))) => {
                let name = path.file_name().unwrap_or_default();
                format!("the file {}", name.to_string_lossy())
            }
            (None, _) => "random".to_owned(),
        },
        from: previous,
        films: data
            .as_ref()
            .map(|data| data::films(&data.splits))
            .unwrap_or_default(),
        sampling: data.and_then(|data| data.sampling),
        steps: log::steps(log, &stage.name),
        epochs: log::epochs(log, &stage.name),
        best_epoch: log::best_epoch(log, &stage.name),
        neurons: folder.read_neurons()?,
        evaluations: evaluation::read(&folder)?,
        calibration: read_json_if_exists(&Calibration::path(&folder.best_weights()))?,
    })
}

fn provenance(run: &RunFolder, recipe: &Recipe, text: &str) -> Result<Provenance, Error> {
    let mut provenance = read_json_if_exists::<Provenance>(&run.provenance())?.unwrap_or_default();
    provenance.seed = provenance.seed.or(Some(recipe.seed));
    provenance
        .digests
        .push((RECIPE.to_owned(), sha256::hex(text.as_bytes())));
    for stage in &recipe.stages {
        let path = run.stage(&stage.name).best_weights();
        if let Some(digest) = digest(&path)? {
            let name = path
                .strip_prefix(run.path())
                .unwrap_or(&path)
                .display()
                .to_string();
            provenance.digests.push((name, digest));
        }
    }
    let timings = seconds_by_stage(&run.read_timing()?).into_iter();
    provenance.timings.extend(
        timings
            .filter(|(_, seconds)| *seconds > 0.0)
            .map(|(stage, seconds)| (format!("stage {stage}, steps and validation"), seconds)),
    );
    Ok(provenance)
}

/// The SHA-256 of a file; `None` if it does not exist.
fn digest(path: &Path) -> Result<Option<String>, Error> {
    match sha256::hex_of_file(path) {
        Ok(digest) => Ok(Some(digest)),
        Err(error) if error.source.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}
