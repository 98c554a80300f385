//! From a run folder to what its report says.

mod copies;
mod data;
mod evaluation;
mod log;
mod neurons;
mod recipe;

use std::fs;
use std::io;
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::audit::Audit;
use crate::error::Error;
use crate::evidence::{self, Evidence};
use crate::experiment::{KeepingExperiment, WordsExperiment};
use crate::files;
use crate::index;
use crate::input::{Provenance, ReportInput, StageResult};
use recipe::{RecipeFile, StageEntry};

const RECIPE: &str = "recipe.toml";
const PROVENANCE: &str = "provenance.json";

impl ReportInput {
    /// Reads a run folder: `recipe.toml`, `log.jsonl`, `timing.jsonl`, the stages' `data.json`, `neurons.json` and
    /// `metrics.json`, the manifests that the recipe names with their sidecars, `explain/index.json` with its pictures,
    /// `experiments/*.json` and `provenance.json`. Only the recipe must be there: a run that is half done has a report, too. A manifest that is no longer
    /// where the recipe says is told as a warning.
    ///
    /// # Errors
    /// [`Error::NoRun`] where there is no recipe; else the file that could not be read, and why.
    pub fn from_run(run: &Path) -> Result<Self, Error> {
        let (text, recipe) = recipe(run)?;
        let mut warnings = Vec::new();
        let data = data::tables(run, &recipe, &mut warnings)?;
        let mut gallery = index::gallery(run)?;
        if !data.is_empty() && data.iter().all(|table| table.phantom) {
            // No film of such a run shows anybody, whatever its list of pictures forgot to say.
            for item in &mut gallery.items {
                item.phantom = true;
            }
        }
        let mut stages = Vec::new();
        let log = log::read(&run.join("log.jsonl"))?;
        for entry in &recipe.stages {
            stages.push(stage(run, &recipe, entry, &log)?);
        }
        Ok(Self {
            title: name(run),
            data,
            gallery,
            keeping: KeepingExperiment::read(run)?,
            words: WordsExperiment::read(run)?,
            evidence: Evidence::all(run)?,
            series: None,
            audit: Audit::read(run)?,
            provenance: provenance(run, &recipe, &text)?,
            recipe: text,
            lead: recipe.lead(),
            stages,
            warnings,
        })
    }
}

/// The stage whose result is a run's, by its recipe: of those that no other stage starts from, the first that keeps output
/// neurons, or else the last. The report leads with it, so a gallery of heatmaps should be of its network.
///
/// # Errors
/// As [`ReportInput::from_run`] for the recipe.
pub fn lead_stage(run: &Path) -> Result<Option<String>, Error> {
    Ok(recipe(run)?.1.lead())
}

/// The recipe of a run: its text, and as much of it as a report needs.
fn recipe(run: &Path) -> Result<(String, RecipeFile), Error> {
    let path = run.join(RECIPE);
    let text = files::text_if_there(&path)?.ok_or_else(|| Error::NoRun {
        path: run.to_owned(),
        missing: RECIPE,
    })?;
    let recipe = RecipeFile::parse(&text, &path)?;
    Ok((text, recipe))
}

impl Provenance {
    /// Whether a run has one already.
    pub fn is_in(run: &Path) -> bool {
        run.join(PROVENANCE).exists()
    }

    /// Writes `provenance.json` of a run, whole or not at all. What the report finds in the run itself (digests, times, the
    /// recipe's seed) need not be in it.
    pub fn write(&self, run: &Path) -> Result<std::path::PathBuf, Error> {
        let path = run.join(PROVENANCE);
        files::write_json(&path, self)?;
        Ok(path)
    }
}

/// The run's name: its folder's, or that of the folder above one that is just called `run`.
pub(crate) fn name(run: &Path) -> String {
    let whole = fs::canonicalize(run).unwrap_or_else(|_| run.to_owned());
    let mut names = whole.iter().rev().map(|part| part.to_string_lossy().into_owned());
    match (names.next(), names.next()) {
        (Some(name), Some(above)) if name == "run" && above != "/" => above,
        (Some(name), _) => name,
        (None, _) => "run".to_owned(),
    }
}

fn stage(run: &Path, recipe: &RecipeFile, entry: &StageEntry, log: &log::Log) -> Result<StageResult, Error> {
    let folder = run.join("stages").join(&entry.name);
    let (steps, epochs) = log.stage(&entry.name);
    Ok(StageResult {
        name: entry.name.clone(),
        architecture: recipe.network(),
        kind: entry.kind(),
        findings: entry.findings.clone().unwrap_or_default(),
        start: entry.start_in_words(recipe),
        from: entry.from(recipe).map(str::to_owned),
        films: data::StageData::read(&folder)?
            .map(data::StageData::films)
            .unwrap_or_default(),
        steps,
        epochs,
        best_epoch: log.best_epoch(&entry.name),
        keeping: neurons::read(&folder.join("neurons.json"))?,
        evaluations: evaluation::read(&folder)?,
        calibration: evidence::calibration(&folder)?,
    })
}

fn provenance(run: &Path, recipe: &RecipeFile, text: &str) -> Result<Provenance, Error> {
    let mut provenance = files::json_if_there::<Provenance>(&run.join(PROVENANCE))?.unwrap_or_default();
    provenance.seed = provenance.seed.or(recipe.seed);
    provenance.digests.push((
        RECIPE.to_owned(),
        base16ct::lower::encode_string(&Sha256::digest(text.as_bytes())),
    ));
    for entry in &recipe.stages {
        let name = format!("stages/{}/best.safetensors", entry.name);
        if let Some(digest) = digest(&run.join(&name))? {
            provenance.digests.push((name, digest));
        }
    }
    provenance
        .timings
        .extend(log::timings(&run.join("timing.jsonl"))?);
    Ok(provenance)
}

/// SHA-256 of a file, `None` if it is not there.
fn digest(path: &Path) -> Result<Option<String>, Error> {
    let mut file = match fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::io("read", path)(error)),
    };
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        match io::Read::read(&mut file, &mut buffer).map_err(Error::io("read", path))? {
            0 => return Ok(Some(base16ct::lower::encode_string(&hasher.finalize()))),
            n => hasher.update(&buffer[..n]),
        }
    }
}
