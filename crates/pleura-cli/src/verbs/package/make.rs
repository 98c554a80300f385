//! `pleura package RUN`: a package from a stage of a run.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use pleura::{Classifier, training_manifest};
use pleura_eval::{Calibration, Evaluation, Options, Predictions, evaluate};
use pleura_manifest::{Manifest, Split};
use pleura_package::card::{Answers, Card};
use pleura_package::golden::Candidate;
use pleura_package::package::Recorded;
use pleura_package::{Contract, Golden, Metrics, Parts, Private, PrivateKey, Training};
use pleura_run::{Evidence, RunFolder, StageFolder};
use serde_json::{Value, json};

use super::reference::{self, Films};
use crate::calibration::CalibrationArgs;
use crate::console;
use crate::model::ModelArgs;

/// Options of a new package.
#[derive(clap::Args)]
pub struct Args {
    /// A run's folder.
    #[arg(value_name = "RUN", required = true)]
    run: Option<PathBuf>,
    #[command(flatten)]
    options: ModelArgs,
    /// The package; usually NAME.pleura.
    #[arg(long, value_name = "PACKAGE", required = true)]
    out: Option<PathBuf>,
    /// Sign with this private key (`pleura package key`).
    #[arg(long, value_name = "PRIVATE.pem")]
    key: Option<PathBuf>,
    /// Answers for the model card (`pleura package card` writes the questions).
    #[arg(long, value_name = "ANSWERS.toml")]
    card: Option<PathBuf>,
    #[command(flatten)]
    calibration: CalibrationArgs,
    /// Result of `pleura audit`. Default: the run's audit/audit.json, if it exists.
    #[arg(long, value_name = "AUDIT.json")]
    audit: Option<PathBuf>,
    /// The manifest, if the run's films have moved.
    #[arg(long, value_name = "M.csv")]
    manifest: Option<PathBuf>,
    /// Share of the validation films within the package's limits; the others are not answered.
    #[arg(long, value_name = "SHARE", default_value_t = 0.95)]
    keep: f64,
    /// Minimum age of answered patients, in years. Default: 18 if no training film is of a child.
    #[arg(long, value_name = "YEARS", value_parser = clap::value_parser!(u8).range(0..=130))]
    least_age: Option<u8>,
    /// Number of phantoms used as golden films.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(0..=50))]
    golden: u32,
    /// A film to use as a golden film. Its pixels are part of the package: do not use a patient's film that
    /// must not be shared.
    #[arg(long, value_name = "FILM")]
    golden_film: Vec<PathBuf>,
    /// Maximum number of training films for the statistics; sampled if there are more.
    #[arg(long, value_name = "N", default_value_t = 2000, value_parser = clap::value_parser!(u32).range(8..=1_000_000))]
    films: u32,
    /// Seed of samples and phantoms.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Folder for decoded films. Default: `.pleura-cache` beside the manifest.
    #[arg(long, value_name = "DIR")]
    cache: Option<PathBuf>,
    /// Films in one batch.
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..=4096))]
    batch: u32,
}

/// Makes a package, and prints its contents and what is missing.
pub fn run(args: &Args, json: bool) -> Result<ExitCode> {
    let (Some(of), Some(out)) = (&args.run, &args.out) else {
        bail!("nothing to package: name a run's folder, and the package with --out");
    };
    if !of.is_dir() {
        bail!(
            "{}: a package is made of a run's folder, which knows what the model was trained on and what it got; bare weights do not",
            of.display()
        );
    }
    let key = args.key.as_deref().map(PrivateKey::read).transpose()?;
    let answers = args
        .card
        .as_deref()
        .map(Answers::read)
        .transpose()?
        .unwrap_or_default();
    let model = args.options.open_calibrated(of, &args.calibration)?;
    let stage = model.stage().context("a run has stages")?;
    let (path, manifest) = training_manifest(of, stage, args.manifest.as_deref())?;
    check_manifest(&model, &manifest, &path)?;
    let mut private = Private::default();
    private.add(&manifest);
    for path in [of, &path] {
        private.add_path(path);
    }
    if !(0.5..=1.0).contains(&args.keep) {
        bail!(
            "--keep {}: expected a share of 0.5 to 1 of the validation films",
            args.keep
        );
    }
    // Check everything that can fail before the films go through the network.
    let candidates = candidates(args)?;
    let calibration = model.calibration().map(|applied| applied.calibration.clone());
    let training = Training::of_run(of, &stage.name, &path)?;
    let audit = audit(args, of, &model, &private)?;
    let network = model.network()?;
    let films = Films {
        manifest: &manifest,
        path: &path,
        most: args.films as usize,
        seed: args.seed,
        cache: args.cache.as_deref(),
        batch: args.batch as usize,
    };
    let (reference, limits) = reference::of(&model, network, &films, args.keep)?;
    let folder = RunFolder::new(of).stage(&stage.name);
    let mut parts = Parts {
        contract: Contract::of(
            &training,
            model.preparation().size,
            args.least_age.map(f32::from),
            args.keep,
            limits,
        ),
        metrics: metrics(of, &folder, &model, calibration.as_ref())?,
        audit,
        golden: Golden::make(network, model.preparation(), candidates)?,
        card: Card::default(),
        model: pleura_package::Model::of(
            model.weights(),
            model.digest().to_owned(),
            model.task(),
            *model.preparation(),
        ),
        weights: model.weights().clone(),
        reference,
        calibration,
        training,
    };
    parts.card = Card::of(&parts, &answers);
    let digest = parts.write(out, key.as_ref(), &private)?;
    tell(out, &digest, &parts, key.as_ref(), json)?;
    Ok(ExitCode::SUCCESS)
}

/// The golden films: phantoms, and named films.
fn candidates(args: &Args) -> Result<Vec<Candidate>> {
    let mut candidates = match args.golden {
        0 => Vec::new(),
        count => Candidate::phantoms(count as usize, args.seed)?,
    };
    for film in &args.golden_film {
        candidates.push(Candidate::named(film)?);
        console::note(format_args!(
            "{}: its pixels leave with the package, for whoever gets it",
            film.display()
        ));
    }
    if candidates.is_empty() {
        bail!(
            "--golden 0 without --golden-film: a package needs golden films, by which others know that it computes on their machine what it should"
        );
    }
    Ok(candidates)
}

/// The films must be those of the model's training; statistics of other films would be wrong.
fn check_manifest(model: &Classifier, manifest: &Manifest, path: &Path) -> Result<()> {
    let trained = model.weights().metadata.get("manifest");
    if trained.is_some_and(|digest| *digest != manifest.digest()) {
        bail!(
            "{}: is not the table that the model was trained on, or was changed since: its digest is {}…, the weights say {}…; name the \
             right one with --manifest",
            path.display(),
            pleura::digest::short(&manifest.digest()),
            trained.map_or("", |digest| pleura::digest::short(digest))
        );
    }
    Ok(())
}

fn metrics(
    run: &Path,
    stage: &StageFolder,
    model: &Classifier,
    calibration: Option<&Calibration>,
) -> Result<Metrics> {
    let parse = |path: &Path| -> Result<Evaluation> {
        let bytes = fs::read(path).with_context(|| format!("{}: cannot be read", path.display()))?;
        serde_json::from_slice(&bytes).with_context(|| format!("{}: not an evaluation", path.display()))
    };
    let (measured, answers) = (stage.metrics(), stage.predictions(Split::Test));
    let test = measured.exists().then(|| parse(&measured)).transpose()?;
    let as_packaged = match (calibration, &test) {
        (Some(calibration), Some(test)) if answers.exists() => {
            let predictions = calibration.apply(&Predictions::read(&answers)?)?;
            let options = Options {
                thresholds: calibration.thresholds(),
                ..test.options.clone()
            };
            Some(evaluate(&predictions, &options)?)
        }
        _ => None,
    };
    let mut recorded = BTreeMap::new();
    for evidence in Evidence::read_all(&RunFolder::new(run))? {
        if evidence.model.contains(pleura::digest::short(model.digest())) {
            recorded.insert(
                evidence.name,
                Recorded {
                    notes: evidence.notes,
                    evaluation: evidence.evaluation,
                },
            );
        }
    }
    Ok(Metrics {
        test,
        as_packaged,
        recorded,
    })
}

/// The audit without paths and names. An audit of another model is refused if named, and ignored if found.
fn audit(args: &Args, run: &Path, model: &Classifier, private: &Private) -> Result<Option<Value>> {
    let own = RunFolder::new(run).audit_record();
    let path = match &args.audit {
        Some(path) => path.clone(),
        None if own.exists() => own,
        None => return Ok(None),
    };
    let bytes = fs::read(&path).with_context(|| format!("{}: cannot be read", path.display()))?;
    let mut audit: Value =
        serde_json::from_slice(&bytes).with_context(|| format!("{}: not an audit", path.display()))?;
    if audit.get("checks").is_none() {
        bail!("{}: not what `pleura audit` writes", path.display());
    }
    let of = audit.pointer("/model/digest").and_then(Value::as_str);
    if of.is_some_and(|digest| digest != model.digest()) {
        let problem = format!(
            "{}: is the audit of another model; run `pleura audit` for this one",
            path.display()
        );
        if args.audit.is_some() {
            bail!("{problem}");
        }
        console::note(problem + "; the package has none");
        return Ok(None);
    }
    if let Some(record) = audit.as_object_mut() {
        record.remove("manifest");
    }
    if let Some(model) = audit.get_mut("model").and_then(Value::as_object_mut) {
        model.remove("path");
    }
    private.cover(&mut audit);
    Ok(Some(audit))
}

fn tell(out: &Path, digest: &str, parts: &Parts, key: Option<&PrivateKey>, json: bool) -> Result<()> {
    let (answered, of) = (parts.card.answered(), parts.card.items.len());
    let bare = parts.not_calibrated();
    let not_fitted = if bare.len() == parts.model.findings.len() {
        "no fitted temperature: probabilities are as the network gives them (pleura calibrate)".to_owned()
    } else {
        format!(
            "no fitted temperature for {}: their probabilities are as the network gives them",
            bare.join(", ")
        )
    };
    let mut missing = Vec::new();
    for (lacks, what) in [
        (
            parts.calibration.is_none(),
            "no calibration: probabilities are as the network gives them, and nothing is called (pleura calibrate)",
        ),
        (
            parts.calibration.as_ref().is_some_and(|one| !one.is_fitted()),
            not_fitted.as_str(),
        ),
        (
            parts
                .calibration
                .as_ref()
                .is_some_and(|one| one.thresholds.is_empty()),
            "no thresholds: nothing is called (pleura calibrate --sensitivity, --specificity or --cost)",
        ),
        (parts.audit.is_none(), "no audit (pleura audit RUN)"),
        (
            parts.metrics.test.is_none(),
            "no results on test films (pleura train)",
        ),
        (key.is_none(), "no signature (pleura package key, --key)"),
    ] {
        if lacks {
            missing.push(what);
        }
    }
    let mut stdout = std::io::stdout().lock();
    if json {
        let record = json!({
            "package": out.display().to_string(),
            "digest": digest,
            "model": parts.model,
            "contract": parts.contract,
            "card": {"answered": answered, "questions": of},
            "signer": key.map(|key| key.public().fingerprint()),
            "missing": missing,
            "notice": pleura_package::NOTICE,
        });
        writeln!(stdout, "{record}")?;
        return Ok(());
    }
    writeln!(stdout, "{}\npackage  {digest}", out.display())?;
    writeln!(stdout, "findings {}", parts.model.names().join(", "))?;
    writeln!(
        stdout,
        "golden   {} films\ncard     {answered} of {of} questions answered",
        parts.golden.about.films.len()
    )?;
    if let Some(key) = key {
        writeln!(stdout, "signed   with the key {}", key.public().fingerprint())?;
    }
    for what in missing {
        writeln!(stdout, "lacking: {what}")?;
    }
    writeln!(stdout, "{}", pleura_package::NOTICE)?;
    Ok(())
}
