//! `pleura audit RUN`: every check that a machine can make.

mod told;

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use clap::ValueEnum;
use pleura_audit::relevance::{self, Masked, Of, at_border, outside_lungs};
use pleura_audit::words::{self, Settings, Text};
use pleura_audit::{
    Check, Films, Thresholds, Verdict, features_tell, heatmap_sanity, of_answers, of_films, use_of_words,
};
use pleura_data::{CheckReport, Manifest, Sidecar, Split};
use pleura_eval::{Options, Predictions, Truth};
use pleura_explain::Composite;
use pleura_film::{DecodeOptions, Preparation};
use pleura_nn::Network;
use pleura_report::AuditCheck;
use pleura_train::recipe::Recipe;
use serde_json::{Value, json};

use crate::console::{NOTICE, Progress};
use crate::gallery::Mask;
use crate::looks;
use crate::model::{Model, ModelArgs, stage_of, table_of};
use crate::verbs::evaluate::labels::Known;

/// Test films of each class that the network is asked about.
const FILMS: usize = 40;

/// An audit of everything.
#[derive(clap::Args)]
pub struct Args {
    /// A run's folder, or a table of films (.csv) to look at before training.
    #[arg(value_name = "RUN|M.csv", required = true)]
    of: Option<PathBuf>,
    /// The table, where a run's films have moved.
    #[arg(long, value_name = "M.csv")]
    manifest: Option<PathBuf>,
    #[command(flatten)]
    options: ModelArgs,
    /// Thresholds of one's own: a TOML table of any of `p`, `skill`, `association`, `association_block`, `children`, `children_note`,
    /// `width`, `outside`, `border`, `sanity`, `calibration`, `subgroups`, `subgroups_p`, `words`, `seeds`, and `[probe]` with `folds`, `permutations`, `seed`.
    #[arg(long, value_name = "FILE.toml")]
    thresholds: Option<PathBuf>,
    /// From which verdict on the exit code is 1.
    #[arg(long, value_enum, default_value_t = FailOn::Alarm)]
    fail_on: FailOn,
    /// Leave out what asks the network itself: its features, the where its relevance lies, the heatmaps' sanity, the words experiment.
    #[arg(long)]
    no_network: bool,
    /// Test films of each class in the words experiment and among those whose relevance is looked at; a tenth as many for the heatmaps' sanity.
    #[arg(long, default_value_t = FILMS, value_name = "N")]
    films: usize,
    /// Folder of audit.json and its figures; a run's own `audit` if left out, where its report finds it.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FailOn {
    /// Anything to know.
    Note,
    /// A shortcut that may well be used.
    Alarm,
    /// What makes the result void.
    Block,
    /// Nothing.
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

/// What is audited.
struct Subject {
    manifest: Manifest,
    path: PathBuf,
    /// Names of the classes, and rows with the class of each.
    classes: Vec<String>,
    rows: Vec<(usize, usize)>,
    /// Of a run.
    run: Option<Run>,
}

struct Run {
    folder: PathBuf,
    stage: String,
    /// Stages that differ from this one by their seed alone.
    seeds: usize,
    model: Model,
}

impl Args {
    /// Everything, of one stage of a run.
    fn of_stage(run: &Path, stage: &str) -> Self {
        Self {
            of: Some(run.to_owned()),
            manifest: None,
            options: ModelArgs::of_stage(stage),
            thresholds: None,
            fail_on: FailOn::Never,
            no_network: false,
            films: FILMS,
            out: None,
        }
    }
}

/// What an audit found.
struct Audited {
    subject: Subject,
    /// Films that could be read.
    films: usize,
    /// Worst first.
    checks: Vec<Check>,
    /// As `audit.json` has it.
    record: Value,
}

/// Audits, prints, and writes the folder.
pub fn run(args: &Args, json: bool) -> Result<ExitCode> {
    let audited = audit(args)?;
    let mut out = std::io::stdout().lock();
    if json {
        std::io::Write::write_all(&mut out, format!("{}\n", audited.record).as_bytes())?;
    } else {
        told::write(&mut out, &audited.subject.path, audited.films, &audited.checks)?;
    }
    Ok(if args.fail_on.fails(worst(&audited.checks)) {
        ExitCode::from(crate::console::FAILED)
    } else {
        ExitCode::SUCCESS
    })
}

/// Audits a stage of a run into the run's folder, and says in a sentence what came out.
pub(crate) fn of_stage(run: &Path, stage: &str) -> Result<String> {
    let checks = audit(&Args::of_stage(run, stage))?.checks;
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
        "all quiet".to_owned()
    } else {
        parts.join("; ")
    };
    Ok(format!("Audit, {} checks: {found}.", checks.len()))
}

/// Carries out the checks and writes the folder.
fn audit(args: &Args) -> Result<Audited> {
    let thresholds = thresholds(args.thresholds.as_deref())?;
    let subject = Subject::open(args)?;
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
    let report = checked(&subject)?;
    let mut checks = of_films(&films, Some(&report), &thresholds)
        .with_context(|| format!("{}: cannot be audited", subject.path.display()))?;
    if let Some(run) = &subject.run {
        checks.extend(subject.of_answers(run, &thresholds)?);
        if !args.no_network {
            let network = run.model.network()?;
            let answers = Asked {
                subject: &subject,
                network: &network,
                preparation: &run.model.preparation,
                thresholds: &thresholds,
            };
            let (examples, rows) = subject.held_out(&films);
            looks::log(&subject.path, &subject.manifest, &rows, &run.model)?;
            checks.push(answers.of_features(&films, &examples, &rows)?);
            checks.push(answers.of_relevance(args.films)?);
            checks.push(answers.of_border(args.films)?);
            checks.push(answers.of_heatmaps(args.films.div_ceil(10))?);
            checks.push(answers.of_words(args.films)?);
        }
    }
    checks.sort_by_key(|check| std::cmp::Reverse(check.verdict));
    let record = json!({
        "notice": NOTICE,
        "manifest": subject.path,
        "digest": subject.manifest.digest_of(&subject.rows.iter().map(|(row, _)| *row).collect::<Vec<_>>()),
        "films": films.examples.len(),
        "stage": subject.run.as_ref().map(|run| &run.stage),
        "model": subject.run.as_ref().map(|run| run.model.record()),
        "thresholds": thresholds,
        "verdict": worst(&checks),
        "checks": checks,
    });
    let own = subject.run.as_ref().map(|run| run.folder.join("audit"));
    if let Some(out) = args.out.clone().or(own) {
        write(&out, &checks, &record)?;
    }
    Ok(Audited {
        films: films.examples.len(),
        subject,
        checks,
        record,
    })
}

/// What `pleura data check` finds, copies that `pleura data leaks` found with it.
fn checked(subject: &Subject) -> Result<CheckReport> {
    let progress = Progress::new("films compared", subject.manifest.rows.len());
    let mut report = pleura_data::check(&subject.manifest, &|done, of| progress.at(done, of));
    if let Some(record) = Sidecar::read(&subject.path)?.and_then(|sidecar| sidecar.leaks) {
        report.heed(&record, &subject.manifest);
    }
    Ok(report)
}

fn worst(checks: &[Check]) -> Verdict {
    checks
        .iter()
        .map(|check| check.verdict)
        .max()
        .unwrap_or(Verdict::Quiet)
}

fn thresholds(path: Option<&Path>) -> Result<Thresholds> {
    let Some(path) = path else {
        return Ok(Thresholds::default());
    };
    let text = fs::read_to_string(path).with_context(|| format!("{}: cannot be read", path.display()))?;
    let thresholds: Thresholds =
        toml::from_str(&text).with_context(|| format!("{}: not thresholds", path.display()))?;
    let probe = thresholds.probe;
    if probe.folds < 2 || probe.permutations < 19 {
        bail!(
            "{}: [probe] asks for {} folds and {} permutations; expected 2 or more, and 19 or more",
            path.display(),
            probe.folds,
            probe.permutations
        );
    }
    Ok(thresholds)
}

fn write(folder: &Path, checks: &[Check], record: &Value) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("{}: cannot make the folder", folder.display()))?;
    let text = serde_json::to_string_pretty(record)?;
    pleura_film::picture::save(&folder.join("audit.json"), text.as_bytes())?;
    for check in checks {
        let drawn: AuditCheck = serde_json::from_value(serde_json::to_value(check)?)?;
        if let Some(svg) = drawn.svg() {
            pleura_film::picture::save(&folder.join(format!("{}.svg", check.name)), svg.as_bytes())?;
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
            if args.manifest.is_some() {
                bail!(
                    "{}: --manifest goes with a run's folder, and this is none",
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
        let model = Model::open(folder, &args.options)?;
        let stage = stage_of(folder, &args.options)?;
        let (path, manifest) = table_of(folder, &stage, args.manifest.as_deref())?;
        let known = Known::new(&model, &manifest, &path, &[], None)?;
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
        let recipe = Recipe::read(&folder.join("recipe.toml"))?;
        let like = |other: &&pleura_train::recipe::Stage| {
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
            run: Some(Run {
                folder: folder.to_owned(),
                stage: stage.name,
                seeds,
                model,
            }),
        })
    }

    fn of_answers(&self, run: &Run, thresholds: &Thresholds) -> Result<Vec<Check>> {
        let path = run.folder.join("stages").join(&run.stage).join("test.csv");
        if !path.exists() {
            return Ok(Vec::new());
        }
        let predictions = Predictions::read(&path)?;
        Ok(of_answers(&predictions, &self.manifest, run.seeds, thresholds)?)
    }

    /// Test films with their class, at most so many of each.
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

    fn film(&self, row: &pleura_data::Row) -> Result<pleura_film::Film, pleura_audit::Error> {
        pleura_film::open(&self.manifest.file(row), &DecodeOptions::default()).map_err(|error| {
            pleura_audit::Error::Film {
                film: row.film.clone(),
                source: error.into(),
            }
        })
    }

    /// Examples that the stage neither learnt from nor, but for its best epoch, was chosen by: of validation and test; with their rows.
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

/// A network that is asked about held-out films.
struct Asked<'a> {
    subject: &'a Subject,
    network: &'a Network,
    preparation: &'a Preparation,
    thresholds: &'a Thresholds,
}

impl Asked<'_> {
    fn of_features(&self, films: &Films, examples: &[usize], rows: &[usize]) -> Result<Check> {
        let rows: HashMap<usize, usize> = examples.iter().copied().zip(rows.iter().copied()).collect();
        let open = |example: usize| self.subject.film(&self.subject.manifest.rows[rows[&example]]);
        Ok(features_tell(
            self.network,
            self.preparation,
            films,
            examples,
            &open,
            self.thresholds,
        )?)
    }

    fn of_relevance(&self, most: usize) -> Result<Check> {
        let masked = |row: usize| self.subject.manifest.rows[row].masks.lung.is_some();
        let chosen = self.subject.test(most, masked);
        let films = self.subject.whose(&chosen);
        let open = |number: usize| {
            let row = &self.subject.manifest.rows[chosen[number].0];
            let film = self.subject.film(row)?;
            let mask = Mask::read(&self.subject.manifest, row.masks.lung.as_deref())
                .and_then(|mask| mask.context("no lung mask"))
                .map_err(|error| pleura_audit::Error::Film {
                    film: row.film.clone(),
                    source: error.into(),
                })?;
            let Mask {
                width,
                height,
                inside,
            } = mask;
            Ok(Masked {
                film,
                lungs: relevance::Mask {
                    width,
                    height,
                    inside,
                },
            })
        };
        let composite = Composite::by_name(pleura_explain::composite::NAMES[0])?;
        Ok(outside_lungs(
            self.network,
            self.preparation,
            &films,
            &open,
            &composite,
            self.thresholds,
        )?)
    }

    fn of_border(&self, most: usize) -> Result<Check> {
        let chosen = self.subject.test(most, |_| true);
        Ok(at_border(
            self.network,
            self.preparation,
            &self.subject.whose(&chosen),
            &|number| self.subject.film(&self.subject.manifest.rows[chosen[number].0]),
            &Composite::by_name(pleura_explain::composite::NAMES[0])?,
            self.thresholds,
        )?)
    }

    fn of_heatmaps(&self, most: usize) -> Result<Check> {
        let chosen = self.subject.test(most, |_| true);
        Ok(heatmap_sanity(
            self.network,
            self.preparation,
            &self.subject.whose(&chosen),
            &|number| self.subject.film(&self.subject.manifest.rows[chosen[number].0]),
            &Composite::by_name(pleura_explain::composite::NAMES[0])?,
            self.thresholds,
        )?)
    }

    fn of_words(&self, most: usize) -> Result<Check> {
        let chosen = self.subject.test(most, |_| true);
        if chosen.is_empty() {
            return Ok(use_of_words(
                Err("no film is in the test split".to_owned()),
                self.thresholds,
            ));
        }
        let rows: Vec<&pleura_data::Row> = chosen
            .iter()
            .map(|(row, _)| &self.subject.manifest.rows[*row])
            .collect();
        let open = |number: usize| -> Result<_, Box<dyn std::error::Error + Send + Sync>> {
            let film = pleura_film::open(
                &self.subject.manifest.file(rows[number]),
                &DecodeOptions::default(),
            )?;
            let text = Text::find(&film);
            Ok((film, text))
        };
        let films = words::Films {
            films: rows.iter().map(|row| row.film.clone()).collect(),
            patients: rows.iter().map(|row| row.patient.clone()).collect(),
            datasets: rows.iter().map(|row| row.dataset.clone()).collect(),
            truth: Truth::Exclusive(chosen.iter().map(|(_, class)| Some(*class)).collect()),
            open: &open,
        };
        let settings = Settings {
            explained: 0,
            threshold: self.thresholds.words,
            evaluation: Options {
                seed: self.thresholds.probe.seed,
                ..Settings::default().evaluation
            },
            ..Settings::default()
        };
        let progress = Progress::new("films asked about", rows.len());
        let outcome = words::run(self.network, self.preparation, &films, &settings, &|done, of| {
            progress.at(done, of);
        });
        match outcome {
            Ok(outcome) => Ok(use_of_words(Ok(&outcome), self.thresholds)),
            Err(error @ pleura_audit::Error::NoLettering { .. }) => {
                Ok(use_of_words(Err(error.to_string()), self.thresholds))
            }
            Err(error) => Err(error.into()),
        }
    }
}
