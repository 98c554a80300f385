//! `pleura calibrate`: temperatures and thresholds from validation films.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, bail};
use pleura::{CalibrateOptions, Classifier, output};
use pleura_eval::calibration::{Outcome, Rule};
use pleura_eval::{Calibration, Estimate, Options};
use serde_json::json;

use super::evaluate::{LabelArgs, SplitChoice};
use crate::console::{self, NOTICE};
use crate::looks;
use crate::model::ModelArgs;
use crate::table::Table;
use pleura::digest::short;

/// Fit temperatures and thresholds on validation films, and store them beside the weights for `evaluate` and
/// `predict`.
#[derive(clap::Args)]
pub struct Args {
    /// A run's folder, or weights (.safetensors).
    #[arg(value_name = "RUN|WEIGHTS")]
    model: PathBuf,
    #[command(flatten)]
    options: ModelArgs,
    /// The manifest. Default: that of the run's stage.
    #[arg(long, value_name = "M.csv")]
    manifest: Option<PathBuf>,
    /// Films: always val.
    #[arg(long, value_enum, default_value_t = SplitChoice::Val)]
    split: SplitChoice,
    #[command(flatten)]
    labels: LabelArgs,
    /// Choose the threshold with at least this sensitivity. May be repeated; without a name, for every
    /// finding.
    #[arg(long, value_name = "[FINDING=]SHARE", value_parser = parse_named)]
    sensitivity: Vec<(Option<String>, f64)>,
    /// Choose the threshold with at least this specificity.
    #[arg(long, value_name = "[FINDING=]SHARE", value_parser = parse_named)]
    specificity: Vec<(Option<String>, f64)>,
    /// Choose the threshold of least cost, where a missed film costs this many false alarms.
    #[arg(long, value_name = "[FINDING=]RATIO", value_parser = parse_named)]
    cost: Vec<(Option<String>, f64)>,
    /// With --cost: prevalence of the finding. Default: that of the validation films.
    #[arg(long, value_name = "[FINDING=]SHARE", requires = "cost", value_parser = parse_named)]
    prevalence: Vec<(Option<String>, f64)>,
    /// Fit thresholds only, no temperatures.
    #[arg(long)]
    no_temperature: bool,
    /// Output file. Default: beside the weights, where `evaluate` and `predict` find it. Required for a
    /// package.
    #[arg(long, value_name = "FILE.json")]
    out: Option<PathBuf>,
    /// Coverage of intervals.
    #[arg(long, value_name = "P", default_value_t = 0.95)]
    level: f64,
    /// Bootstrap samples of patients; 0 for none.
    #[arg(long, value_name = "N", default_value_t = 1000)]
    bootstrap: usize,
    /// Seed of the bootstrap.
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

/// `[FINDING=]NUMBER`.
fn parse_named(text: &str) -> Result<(Option<String>, f64), String> {
    let (name, number) = match text.rsplit_once('=') {
        Some((name, number)) => (Some(name.trim().to_owned()), number),
        None => (None, text),
    };
    let number = number
        .trim()
        .parse::<f64>()
        .ok()
        .filter(|number| number.is_finite());
    let number = number.ok_or_else(|| format!("{text:?}: expected a number, or FINDING=NUMBER"))?;
    Ok((name, number))
}

/// Fits, writes and prints a calibration.
pub fn run(args: &Args, json: bool) -> Result<ExitCode> {
    if args.split != SplitChoice::Val {
        let why = match args.split {
            SplitChoice::Train => {
                "the network knows its training films by heart, so they say nothing of how sure it may be elsewhere"
            }
            _ => {
                "films that something was fitted on can no longer test it, and what they say of it would be too good"
            }
        };
        bail!(
            "--split {}: temperatures and thresholds are fitted on validation films only: {why}; leave --split out, or give another \
             manifest whose films are in the split \"val\"",
            args.split.name()
        );
    }
    if args.out.is_none() && pleura::is_package(&args.model) {
        bail!(
            "{}: a package has its calibration within, and none beside it is applied; calibrate the run that it was made of and package it \
             again, or name a file with --out for `pleura evaluate --calibration`",
            args.model.display()
        );
    }
    let model = args.options.open(&args.model)?;
    let manifest = manifest(args, &model)?;
    let request = CalibrateOptions {
        labels: args.labels.options(),
        temperature: !args.no_temperature,
        rules: rules(args, &model)?,
        intervals: options(args),
    };
    let calibration = looks::as_program(|caller| pleura::calibrate(&model, &manifest, &request, caller))
        .map_err(console::with_option)?;
    let path = args
        .out
        .clone()
        .unwrap_or_else(|| Calibration::path(model.path()));
    calibration.write(&path)?;
    let mut out = io::stdout().lock();
    if json {
        let record = json!({
            "path": path.display().to_string(), "model": output::Model::of(&model), "calibration": calibration, "notice": NOTICE,
        });
        writeln!(out, "{record}")?;
    } else {
        tell(&mut out, &model, &calibration)?;
        writeln!(out, "{}\n{NOTICE}", path.display())?;
    }
    Ok(ExitCode::SUCCESS)
}

fn options(args: &Args) -> Options {
    Options {
        level: args.level,
        bootstrap: args.bootstrap,
        seed: args.seed,
        ..Options::default()
    }
}

fn manifest(args: &Args, model: &Classifier) -> Result<PathBuf> {
    if let Some(path) = &args.manifest {
        return Ok(path.clone());
    }
    match model.stage() {
        Some(stage) if stage.fractals.is_some() => bail!(
            "stage {} was trained on fractals: there are no films to fit on; choose another stage with --stage",
            stage.name
        ),
        Some(stage) => Ok(stage.manifest.clone()),
        None => bail!(
            "{}: weights do not say which films to fit on; add --manifest M.csv",
            args.model.display()
        ),
    }
}

/// The rule of each finding.
fn rules(args: &Args, model: &Classifier) -> Result<BTreeMap<String, Rule>> {
    let at = |finding: &str| {
        let named = |name: &Option<String>| name.as_deref().is_none_or(|name| name == finding);
        // The last option counts, and one with a name before one for all.
        let own = args
            .prevalence
            .iter()
            .rev()
            .find(|(name, _)| name.is_some() && named(name));
        own.or_else(|| args.prevalence.iter().rev().find(|(name, _)| named(name)))
            .map(|one| one.1)
    };
    let mut rules: BTreeMap<String, (bool, Rule)> = BTreeMap::new();
    let mut add = |option: &str, (name, number): &(Option<String>, f64)| -> Result<()> {
        let findings = model.findings();
        let meant: Vec<&String> = match name {
            None => findings.iter().collect(),
            Some(name) => match findings.iter().find(|finding| *finding == name) {
                Some(finding) => vec![finding],
                None => bail!(
                    "--{option} {name}={number}: the model has no finding {name:?}; it has {}",
                    findings.join(", ")
                ),
            },
        };
        for finding in meant {
            let rule = match option {
                "sensitivity" => Rule::Sensitivity { at_least: *number },
                "specificity" => Rule::Specificity { at_least: *number },
                _ => Rule::Cost {
                    of_a_miss: *number,
                    prevalence: at(finding),
                },
            };
            match rules.get(finding) {
                // A rule by name has priority.
                Some((true, _)) if name.is_none() => {}
                Some((own, other)) if *own == name.is_some() => {
                    bail!("--{option}: {finding} has a rule already ({other}); a finding has one threshold")
                }
                _ => drop(rules.insert(finding.clone(), (name.is_some(), rule))),
            }
        }
        Ok(())
    };
    for (name, number) in &args.prevalence {
        let Some(name) = name else { continue };
        if !model.findings().contains(name) {
            bail!(
                "--prevalence {name}={number}: the model has no finding {name:?}; it has {}",
                model.findings().join(", ")
            );
        }
        let costs = |(of, _): &(Option<String>, f64)| of.as_ref().is_none_or(|of| of == name);
        if !args.cost.iter().any(costs) {
            bail!(
                "--prevalence {name}={number}: {name} has no --cost that it could be used for; add one, or leave it out"
            );
        }
    }
    for (option, values) in [
        ("sensitivity", &args.sensitivity),
        ("specificity", &args.specificity),
        ("cost", &args.cost),
    ] {
        for value in values {
            add(option, value)?;
        }
    }
    Ok(rules
        .into_iter()
        .map(|(finding, (_, rule))| (finding, rule))
        .collect())
}

fn tell(out: &mut impl Write, model: &Classifier, calibration: &Calibration) -> Result<()> {
    let on = &calibration.fitted_on;
    writeln!(out, "model  {}", model.line())?;
    writeln!(
        out,
        "films  {} of {} patients, split val, digest {}…\n",
        on.films,
        on.patients,
        short(&on.digest)
    )?;
    let names: Vec<&str> = if calibration.temperatures.len() == 1 {
        vec!["all"]
    } else {
        calibration.findings.iter().map(String::as_str).collect()
    };
    let mut table = Table::with_headings(["temperature of", "value", "came about"]);
    for (name, one) in names.into_iter().zip(&calibration.temperatures) {
        let (value, how) = match one.outcome {
            Outcome::Fitted => (one.measured.cell(), "by maximum likelihood"),
            Outcome::NotAsked => ("1".to_owned(), "not asked for"),
            Outcome::TooFewFilms => ("1".to_owned(), "too few films to fit one"),
            Outcome::NoBest => (
                "1".to_owned(),
                "these films cannot say how sure to be: they are answered without error, or no better than by chance",
            ),
        };
        table.row([name.to_owned(), value, how.to_owned()]);
    }
    writeln!(out, "{table}")?;
    let (before, after) = (&calibration.before, &calibration.after);
    let mut table = Table::with_headings(["on these films", "before", "after"]);
    for (name, old, new) in [
        ("log loss", &before.log_loss, &after.log_loss),
        ("Brier score", &before.brier, &after.brier),
        (
            "expected calibration error",
            &before.expected_error,
            &after.expected_error,
        ),
    ] {
        table.row([name.to_owned(), Estimate::cell(old), Estimate::cell(new)]);
    }
    writeln!(out, "{table}")?;
    if !calibration.thresholds.is_empty() {
        let mut table = Table::with_headings([
            "finding",
            ">called from",
            "chosen for",
            "sensitivity",
            "specificity",
        ]);
        for (finding, one) in &calibration.thresholds {
            table.row([
                finding.clone(),
                format!("{:.3}", one.threshold),
                one.rule.to_string(),
                one.sensitivity.cell(),
                one.specificity.cell(),
            ]);
        }
        writeln!(out, "{table}")?;
    }
    writeln!(
        out,
        "What was fitted on these films flatters them; `pleura evaluate` says what it is worth on others."
    )?;
    Ok(())
}
