//! `pleura audit RUN`: all checks.

mod network;
mod thresholds;
mod told;

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use clap::ValueEnum;
use pleura::output;
use pleura::{Classifier, KnownLabels, training_manifest};
use pleura_audit::relevance::{Of, at_border};
use pleura_audit::{Check, Films, Thresholds, Verdict, check_films, check_predictions, heatmap_sanity};
use pleura_core::fs::write_atomic;
use pleura_data::CheckReport;
use pleura_eval::{Predictions, Truth};
use pleura_film::DecodeOptions;
use pleura_manifest::{Manifest, Sidecar, Split};
use pleura_report::check_plot;
use pleura_run::RunFolder;
use pleura_run::audit::AuditRecord;
use serde_json::{Value, json};

use crate::calibration::CalibrationArgs;
use crate::console::{NOTICE, Progress};
use crate::looks;
use crate::model::ModelArgs;
use network::Asked;

/// Test films of each class for checks of the network.
const FILMS: usize = 40;

/// Options of a complete audit.
#[derive(clap::Args)]
pub struct Args {
    /// A run's folder, or a manifest (.csv) to audit before training.
    #[arg(value_name = "RUN|M.csv", required = true)]
    of: Option<PathBuf>,
    /// The manifest, if a run's films have moved.
    #[arg(long, value_name = "M.csv")]
    manifest: Option<PathBuf>,
    #[command(flatten)]
    options: ModelArgs,
    #[command(flatten)]
    calibration: CalibrationArgs,
    /// Thresholds: a TOML table of any of `p`, `skill`, `association`, `association_block`, `children`,
    /// `children_note`, `width`, `outside`, `border`, `sanity`, `calibration`, `calibration_p`, `subgroups`,
    /// `subgroups_p`, `words`, `seeds`, and `[probe]` with `folds`, `permutations`, `seed`.
    #[arg(long, value_name = "FILE.toml")]
    thresholds: Option<PathBuf>,
    /// Verdict from which the exit code is 1.
    #[arg(long, value_enum, default_value_t = FailOn::Alarm)]
    fail_on: FailOn,
    /// Skip the checks that run the network: its features, place of relevance, heatmap sanity, burned-in
    /// text.
    #[arg(long)]
    no_network: bool,
    /// Test films of each class for the checks of text and relevance; a tenth of them for heatmap sanity.
    #[arg(long, default_value_t = FILMS, value_name = "N")]
    films: usize,
    /// Folder for audit.json and its figures. Default: `audit` in the run's folder, where the report reads
    /// it.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FailOn {
    /// Anything worth knowing.
    Note,
    /// A shortcut that a network may well use.
    Alarm,
    /// A fault that makes results meaningless.
    Block,
    /// No verdict.
    Never,
}

impl FailOn {
    fn fails(self, verdict: Verdict) -> bool {
        match self {
            Self::Note => verdict >= Verdict::Note,
            Self::Alarm => verdict >= Verdict::Alarm,
            Self::Block => verdict >= Verdict::Block,
            Self::Never => false,
        }
    }
}

/// The films and the run of an audit.
struct Subject {
    manifest: Manifest,
    path: PathBuf,
    /// Names of the classes, and rows with the class of each.
    classes: Vec<String>,
    rows: Vec<(usize, usize)>,
    /// The run, if a run is audited.
    run: Option<AuditedRun>,
}

struct AuditedRun {
    folder: PathBuf,
    stage: String,
    /// Number of stages that differ from this one only by their seed.
    seeds: usize,
    model: Classifier,
}

impl Args {
    /// A complete audit of one stage of a run.
    fn of_stage(run: &Path, stage: &str) -> Self {
        Self {
            of: Some(run.to_owned()),
            manifest: None,
            options: ModelArgs::of_stage(stage),
            calibration: CalibrationArgs::default(),
            thresholds: None,
            fail_on: FailOn::Never,
            no_network: false,
            films: FILMS,
            out: None,
        }
    }
}

/// Result of an audit.
struct Audited {
    subject: Subject,
    /// As `audit.json` has it.
    record: AuditRecord,
}

/// Audits, prints, and writes the folder.
pub fn run(args: &Args, json: bool) -> Result<ExitCode> {
    let audited = audit(args)?;
    let mut out = std::io::stdout().lock();
    if json {
        std::io::Write::write_all(
            &mut out,
            format!("{}\n", serde_json::to_string(&audited.record)?).as_bytes(),
        )?;
    } else {
        told::write(&mut out, &audited.subject.path, &audited.record)?;
    }
    Ok(if args.fail_on.fails(audited.record.verdict) {
        ExitCode::from(crate::console::FAILED)
    } else {
        ExitCode::SUCCESS
    })
}

/// Audits a stage of a run into the run's folder, and returns the result as a sentence.
pub(crate) fn of_stage(run: &Path, stage: &str) -> Result<String> {
    let checks = audit(&Args::of_stage(run, stage))?.record.checks;
    let named = |verdict: Verdict| -> Vec<&str> {
        let checks = checks.iter().filter(|check| check.verdict == verdict);
        checks.map(|check| check.name.as_str()).collect()
    };
    let parts: Vec<String> = [Verdict::Block, Verdict::Alarm, Verdict::Note]
        .into_iter()
        .map(|verdict| (verdict, named(verdict)))
        .filter(|(_, names)| !names.is_empty())
        .map(|(verdict, names)| format!("{verdict} {}", names.join(", ")))
        .collect();
    let found = if parts.is_empty() {
        "all checks passed".to_owned()
    } else {
        parts.join("; ")
    };
    Ok(format!("Audit, {} checks: {found}.", checks.len()))
}

/// Runs the checks and writes the folder.
fn audit(args: &Args) -> Result<Audited> {
    let thresholds = thresholds::read(args.thresholds.as_deref())?;
    let mut subject = Subject::open(args)?;
    let progress = Progress::new("films read", subject.rows.len());
    let films = Films::read(
        &subject.manifest,
        subject.classes.clone(),
        &subject.rows,
        &|done, of| {
            progress.at(done, of);
        },
    );
    drop(progress);
    subject.leave_out(&films.unreadable);
    let report = checked(&subject)?;
    let mut checks = check_films(&films, Some(&report), &thresholds)
        .with_context(|| format!("{}: cannot be audited", subject.path.display()))?;
    if let Some(run) = &subject.run {
        checks.extend(subject.check_predictions(run, &thresholds)?);
        if !args.no_network {
            let network = run.model.network()?;
            let answers = Asked {
                subject: &subject,
                network,
                preparation: run.model.preparation(),
                thresholds: &thresholds,
            };
            let (examples, rows) = subject.held_out(&films);
            looks::log(&subject.path, &subject.manifest, &rows, &run.model)?;
            checks.push(answers.of_features(&films, &examples, &rows)?);
            checks.push(answers.of_relevance(args.films)?);
            checks.push(answers.of_heatmaps(at_border, args.films)?);
            checks.push(answers.of_heatmaps(heatmap_sanity, args.films.div_ceil(10))?);
            checks.push(answers.of_words(args.films)?);
        }
    }
    checks.sort_by_key(|check| std::cmp::Reverse(check.verdict));
    let rows: Vec<usize> = subject.rows.iter().map(|(row, _)| *row).collect();
    let run = subject.run.as_ref();
    let record = AuditRecord {
        notice: NOTICE.to_owned(),
        manifest: subject.path.display().to_string(),
        digest: subject.manifest.digest_of(&rows),
        films: films.examples.len(),
        stage: run.map(|run| run.stage.clone()),
        model: run.map_or(Value::Null, |run| json!(output::Model::of(&run.model))),
        calibration_applied: run.map(|run| run.model.calibration().is_some()),
        thresholds: serde_json::to_value(thresholds)?,
        verdict: worst(&checks),
        checks,
    };
    let own = run.map(|run| RunFolder::new(&run.folder).audit());
    if let Some(out) = args.out.clone().or(own) {
        write(&out, &record)?;
    }
    Ok(Audited { subject, record })
}

/// Faults found by `pleura data check`, including duplicates recorded by `pleura data duplicates`.
fn checked(subject: &Subject) -> Result<CheckReport> {
    let progress = Progress::new("films compared", subject.manifest.rows.len());
    let mut report = pleura_data::check(&subject.manifest, &|done, of| progress.at(done, of));
    if let Some(record) = Sidecar::read(&subject.path)?.and_then(|sidecar| sidecar.duplicates) {
        report.add_duplicates(&record, &subject.manifest);
    }
    Ok(report)
}

fn worst(checks: &[Check]) -> Verdict {
    checks
        .iter()
        .map(|check| check.verdict)
        .max()
        .unwrap_or(Verdict::Pass)
}

fn write(folder: &Path, record: &AuditRecord) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("{}: cannot make the folder", folder.display()))?;
    let text = serde_json::to_string_pretty(record)?;
    write_atomic(&folder.join(AuditRecord::FILE), text.as_bytes())?;
    for check in &record.checks {
        if let Some(plot) = check_plot(check) {
            write_atomic(&folder.join(format!("{}.svg", check.name)), plot.svg.as_bytes())?;
        }
    }
    Ok(())
}

impl Subject {
    fn open(args: &Args) -> Result<Self> {
        let Some(of) = &args.of else {
            bail!("nothing to audit: name a run's folder or a table of films (.csv)");
        };
        if of.is_dir() {
            Self::of_run(of, args)
        } else {
            let of_run = args.manifest.is_some() || args.options.is_set();
            if of_run || args.calibration.is_set() {
                bail!(
                    "{}: --manifest, --stage, --size, --fit, --kind, --calibration and --no-calibration go with a run's folder, and this is none; \
                     leave them out",
                    of.display()
                );
            }
            Self::of_table(of)
        }
    }

    fn of_table(path: &Path) -> Result<Self> {
        let manifest = Manifest::read(path)?;
        let classes = manifest.findings.clone();
        let rows: Vec<(usize, usize)> = manifest
            .classes()
            .into_iter()
            .enumerate()
            .filter_map(|(row, class)| Some((row, class?)))
            .collect();
        if rows.is_empty() {
            bail!(
                "{}: no film has exactly one of {}; an audit needs films of one class each (pleura data build --classes)",
                path.display(),
                classes.join(", ")
            );
        }
        Ok(Self {
            manifest,
            path: path.to_owned(),
            classes,
            rows,
            run: None,
        })
    }

    fn of_run(folder: &Path, args: &Args) -> Result<Self> {
        let model = args.options.open_calibrated(folder, &args.calibration)?;
        let stage = Classifier::stage_of(folder, &args.options.options())?;
        let (path, manifest) = training_manifest(folder, &stage, args.manifest.as_deref())?;
        let known = KnownLabels::new(&model, &manifest, &path, &[], None)?;
        let all: Vec<usize> = (0..manifest.rows.len()).collect();
        let labelled = known.labelled(&all);
        let Truth::Exclusive(truth) = known.truth(&labelled) else {
            bail!(
                "{}: stage {:?} answers findings that do not exclude each other; an audit is of classes: choose another stage with --stage",
                folder.display(),
                stage.name
            );
        };
        let rows = labelled
            .into_iter()
            .zip(truth)
            .filter_map(|(row, class)| Some((row, class?)))
            .collect();
        let recipe = RunFolder::new(folder).read_recipe()?;
        let like = |other: &&pleura_run::recipe::Stage| {
            let mut other = (*other).clone();
            other.name.clone_from(&stage.name);
            other.seed = stage.seed;
            other == stage
        };
        let seeds = recipe.stages.iter().filter(like).count();
        Ok(Self {
            classes: model.findings().to_vec(),
            manifest,
            path,
            rows,
            run: Some(AuditedRun {
                folder: folder.to_owned(),
                stage: stage.name,
                seeds,
                model,
            }),
        })
    }

    fn check_predictions(&self, run: &AuditedRun, thresholds: &Thresholds) -> Result<Vec<Check>> {
        let path = RunFolder::new(&run.folder)
            .stage(&run.stage)
            .predictions(Split::Test);
        let raw = path.exists().then(|| Predictions::read(&path)).transpose()?;
        let predictions = match (raw, run.model.calibration()) {
            (Some(raw), Some(applied)) => Some(applied.calibration.apply(&raw)?),
            (raw, _) => raw,
        };
        Ok(check_predictions(
            predictions.as_ref(),
            &self.manifest,
            run.seeds,
            thresholds,
        )?)
    }

    /// Removes films that could not be read; the audit lists them.
    fn leave_out(&mut self, unreadable: &[(String, String)]) {
        let gone: HashSet<&str> = unreadable.iter().map(|(film, _)| film.as_str()).collect();
        let manifest = &self.manifest;
        self.rows
            .retain(|(row, _)| !gone.contains(manifest.rows[*row].film.as_str()));
    }

    /// Test films with their class, at most `most` per class.
    fn test(&self, most: usize, of: impl Fn(usize) -> bool) -> Vec<(usize, usize)> {
        let mut counts = vec![0; self.classes.len()];
        let rows = self.rows.iter().copied();
        rows.filter(|(row, _)| self.manifest.rows[*row].split == Some(Split::Test) && of(*row))
            .filter(|(_, class)| {
                counts[*class] += 1;
                counts[*class] <= most
            })
            .collect()
    }

    /// Patient and class of films (row, class).
    fn whose(&self, films: &[(usize, usize)]) -> Vec<Of> {
        let of = |&(row, class): &(usize, usize)| {
            let row = &self.manifest.rows[row];
            Of {
                patient: format!("{}/{}", row.dataset, row.patient),
                finding: self.classes[class].clone(),
            }
        };
        films.iter().map(of).collect()
    }

    fn film(&self, row: &pleura_manifest::Row) -> Result<pleura_film::Film, pleura_audit::Error> {
        pleura_film::open(&self.manifest.file(row), &DecodeOptions::default()).map_err(|error| {
            pleura_audit::Error::Film {
                film: row.film.clone(),
                source: error.into(),
            }
        })
    }

    /// Examples of validation and test, with their rows: the stage was not trained on them (validation chose
    /// its best epoch).
    fn held_out(&self, films: &Films) -> (Vec<usize>, Vec<usize>) {
        let rows: HashMap<&str, usize> = self
            .rows
            .iter()
            .map(|(row, _)| (self.manifest.rows[*row].film.as_str(), *row))
            .collect();
        let held = [Some(Split::Validation), Some(Split::Test)];
        let examples = films.examples.iter().enumerate();
        examples
            .filter_map(|(place, example)| Some((place, *rows.get(example.film.as_str())?)))
            .filter(|(_, row)| held.contains(&self.manifest.rows[*row].split))
            .unzip()
    }
}
