//! `pleura data`: manifests from datasets or phantoms, splits, and checks.

mod describe;
mod duplicates;
mod fractals;
mod lungs;
mod phantoms;
mod sources;

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;
use clap::{Subcommand, ValueEnum};
use pleura_data::CheckReport;
use pleura_datasets::{BuildOptions, BuiltManifest, ClassMap, Filters};
use pleura_manifest::{Exclusion, Remark};
use pleura_manifest::{Manifest, Sidecar, SplitBy, SplitCounts, SplitOptions};
use serde_json::json;

use crate::console::{FAILED, Progress};
use crate::table::Table;
use sources::SourceArgs;

/// Build manifests from datasets, split them by patient, check them for leaks; draw phantoms.
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Read datasets and write one manifest, with the number of films left out at each step.
    Build(Box<BuildArgs>),
    /// Assign films to training, validation and test, by whole patients.
    Split(SplitArgs),
    /// Check a manifest: no patient, identical film or recorded duplicate may be in two splits (exit code 1).
    Check(CheckArgs),
    /// Describe a manifest: counts, ages, views, sizes and sources of each finding, with observations.
    Describe(describe::DescribeArgs),
    /// Find duplicate films in one manifest or several; duplicates in two splits are a leak (exit code 1).
    #[command(alias = "leaks")]
    Duplicates(duplicates::DuplicateArgs),
    /// Find the lungs of a manifest's films, and write a manifest with their masks.
    Lungs(lungs::LungArgs),
    /// Draw synthetic films with known truth, for demonstrations and tests.
    Phantoms(phantoms::PhantomArgs),
    /// Draw fractal images for a source stage without downloads; a recipe's [stage.fractals] draws them
    /// itself.
    Fractals(fractals::FractalArgs),
}

#[derive(clap::Args)]
struct BuildArgs {
    #[command(flatten)]
    sources: SourceArgs,
    /// The manifest to write; its sidecar is beside it with the extension .json.
    #[arg(long, value_name = "M.csv")]
    out: PathBuf,
    /// Define exclusive classes, such as "COVID-19 = COVID-19; pneumonia = Pneumonia; normal = No Finding".
    /// `|` joins alternative findings; `& !FINDING` excludes films with it.
    #[arg(long, value_name = "MAP")]
    classes: Option<ClassMap>,
    /// Findings to write, in this order. Default: all.
    #[arg(long, value_name = "A,B", value_delimiter = ',', conflicts_with = "classes")]
    findings: Option<Vec<String>>,
    /// Keep only films of these projections.
    #[arg(long, value_name = "PA,AP", value_delimiter = ',')]
    views: Vec<String>,
    /// Keep films with at least one of these findings.
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    with: Vec<String>,
    /// Leave out films with any of these findings.
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    without: Vec<String>,
    /// Leave out patients under 18; the same as --min-age 18.
    #[arg(long, conflicts_with = "min_age")]
    adults: bool,
    /// Leave out patients younger than this many years.
    #[arg(long, value_name = "YEARS")]
    min_age: Option<f32>,
    /// Leave out patients older than this many years.
    #[arg(long, value_name = "YEARS")]
    max_age: Option<f32>,
    /// Leave out films whose patient's age is unknown.
    #[arg(long)]
    known_age: bool,
    /// A CSV with corrections of single films: film, and any of dataset, patient, study, view, sex, age,
    /// findings.
    #[arg(long, value_name = "CSV")]
    amend: Vec<PathBuf>,
    /// Keep only the first of films with equal pixels.
    #[arg(long)]
    drop_identical: bool,
}

#[derive(clap::Args)]
struct SplitArgs {
    /// The manifest; it is rewritten unless --out is given.
    manifest: PathBuf,
    /// Method: random by patient, or the dataset's official lists.
    #[arg(long, value_enum, default_value_t = By::Patient)]
    by: By,
    /// The same films and seed give the same split.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Shares of training, validation and test.
    #[arg(
        long,
        value_name = "T,V,T",
        value_delimiter = ',',
        num_args = 1,
        default_value = "0.70,0.15,0.15"
    )]
    fractions: Vec<f64>,
    /// A test split of exactly this many films of each class.
    #[arg(long, value_name = "FILMS")]
    balanced_test: Option<usize>,
    /// Assign films to this many folds for cross-validation (column note:fold) instead of splits.
    #[arg(long, value_name = "K", conflicts_with_all = ["by", "fractions", "balanced_test"])]
    folds: Option<usize>,
    /// With --folds: keep films of the split test out of the folds.
    #[arg(long, requires = "folds")]
    keep_test: bool,
    /// Write the split manifest here instead of rewriting it.
    #[arg(long, value_name = "M.csv")]
    out: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum By {
    /// Patients, stratified by finding and dataset.
    Patient,
    /// The dataset's official lists; validation is taken from training by patient.
    Official,
}

#[derive(clap::Args)]
struct CheckArgs {
    /// The manifest.
    manifest: PathBuf,
}

/// Runs the command; exit code 0 for done, 1 for a failed check.
pub fn run(args: Args, json: bool) -> Result<ExitCode> {
    match args.verb {
        Verb::Build(args) => build(*args, json),
        Verb::Split(args) => split(&args, json),
        Verb::Check(args) => check(&args, json),
        Verb::Describe(args) => describe::run(&args, json),
        Verb::Duplicates(args) => duplicates::run(&args, json),
        Verb::Lungs(args) => lungs::run(&args, json),
        Verb::Phantoms(args) => phantoms::run(&args, json),
        Verb::Fractals(args) => fractals::run(&args, json),
    }
}

fn build(args: BuildArgs, json: bool) -> Result<ExitCode> {
    let options = BuildOptions {
        inputs: args.sources.datasets,
        amendments: args.amend,
        filters: Filters {
            views: args.views,
            youngest: if args.adults { Some(18.0) } else { args.min_age },
            oldest: args.max_age,
            known_age: args.known_age,
            with: args.with,
            without: args.without,
        },
        classes: args.classes,
        findings: args.findings,
        drop_identical: args.drop_identical,
    };
    let progress = Progress::new("films read", 0);
    let built = pleura_datasets::build(&options, &args.out, &|done, of| progress.at(done, of))?;
    drop(progress);
    built.write(&args.out)?;
    let mut out = io::stdout().lock();
    if json {
        writeln!(
            out,
            "{}",
            json!({ "manifest": args.out.display().to_string(), "account": built.sidecar })
        )?;
    } else {
        tell_build(&mut out, &built, &args.out)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn tell_build(out: &mut impl Write, built: &BuiltManifest, path: &Path) -> io::Result<()> {
    let sidecar = &built.sidecar;
    for source in &sidecar.sources {
        let brought_in = match source.brought_in {
            0 => String::new(),
            films => format!(", {films} more by amendment"),
        };
        writeln!(
            out,
            "{} ({}): {} films listed{brought_in}",
            source.dataset, source.title, source.listed
        )?;
        tell_steps(out, &source.steps)?;
        tell_remarks(out, &source.remarks)?;
    }
    if !sidecar.steps.is_empty() || !sidecar.remarks.is_empty() {
        writeln!(out, "all together:")?;
        tell_steps(out, &sidecar.steps)?;
        tell_remarks(out, &sidecar.remarks)?;
    }
    writeln!(
        out,
        "{}: {} films of {} patients",
        path.display(),
        sidecar.films,
        sidecar.patients
    )?;
    for finding in &built.manifest.findings {
        let of = |(dataset, counts): (&String, &BTreeMap<String, usize>)| {
            counts.get(finding).map(|films| format!("{dataset} {films}"))
        };
        let counts: Vec<String> = sidecar.positives.iter().filter_map(of).collect();
        writeln!(out, "  {finding:<24} {}", counts.join(", "))?;
    }
    writeln!(out, "digest {}", sidecar.manifest_digest)
}

fn tell_steps(out: &mut impl Write, steps: &[Exclusion]) -> io::Result<()> {
    steps
        .iter()
        .filter(|step| step.excluded > 0)
        .try_for_each(|step| {
            writeln!(
                out,
                "  - {:>7}  {} ({} left)",
                step.excluded, step.reason, step.left
            )
        })
}

fn tell_remarks(out: &mut impl Write, remarks: &[Remark]) -> io::Result<()> {
    for remark in remarks {
        let mut examples = remark.examples.clone();
        if remark.count > examples.len() {
            examples.push("…".to_string());
        }
        // Names share a line; sentences have a line each.
        if examples.iter().all(|example| example.len() < 48) {
            writeln!(
                out,
                "  note {:>4}  {}: {}",
                remark.count,
                remark.what,
                examples.join(", ")
            )?;
        } else {
            writeln!(out, "  note {:>4}  {}:", remark.count, remark.what)?;
            examples
                .iter()
                .try_for_each(|example| writeln!(out, "             {example}"))?;
        }
    }
    Ok(())
}

/// Assigns films to folds.
fn folds(args: &SplitArgs, count: usize, json: bool) -> Result<ExitCode> {
    let path = args.out.as_ref().unwrap_or(&args.manifest);
    let (manifest, record) =
        pleura_manifest::folds::assign_folds(&args.manifest, path, count, args.seed, args.keep_test)?;
    let mut out = io::stdout().lock();
    if json {
        writeln!(
            out,
            "{}",
            json!({ "manifest": path.display().to_string(), "digest": manifest.digest(), "folds": record })
        )?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut table = Table::with_headings(["fold", ">films", ">patients", "digest"]);
    for (fold, digest) in record.digests.iter().enumerate() {
        table.row([
            (fold + 1).to_string(),
            record.films[fold].to_string(),
            record.patients[fold].to_string(),
            format!("{}…", &digest[..12]),
        ]);
    }
    write!(out, "{table}")?;
    if record.outside > 0 {
        writeln!(out, "{} films in no fold", record.outside)?;
    }
    writeln!(out, "{}: digest {}", path.display(), manifest.digest())?;
    Ok(ExitCode::SUCCESS)
}

fn split(args: &SplitArgs, json: bool) -> Result<ExitCode> {
    if let Some(count) = args.folds {
        return folds(args, count, json);
    }
    let [train, validation, test] = args.fractions[..] else {
        anyhow::bail!(
            "--fractions: {} numbers, expected three: training, validation, test",
            args.fractions.len()
        );
    };
    let options = SplitOptions {
        by: match args.by {
            By::Patient => SplitBy::Patient,
            By::Official => SplitBy::Official,
        },
        seed: args.seed,
        fractions: [train, validation, test],
        balanced_test: args.balanced_test,
        keep_together: Vec::new(),
    };
    let path = args.out.as_ref().unwrap_or(&args.manifest);
    let (manifest, counts) = pleura_manifest::split_file(&args.manifest, path, &options)?;
    let mut out = io::stdout().lock();
    if json {
        writeln!(
            out,
            "{}",
            json!({ "manifest": path.display().to_string(), "digest": manifest.digest(), "split": counts })
        )?;
    } else {
        tell_split(&mut out, &manifest, &counts, path)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn tell_split(
    out: &mut impl Write,
    manifest: &Manifest,
    counts: &SplitCounts,
    path: &Path,
) -> io::Result<()> {
    const SPLITS: [&str; 3] = ["train", "val", "test"];
    let mut table = Table::with_headings(["", ">train", ">val", ">test"]);
    let mut line = |name: String, of: &dyn Fn(&str) -> usize| {
        table.row(std::iter::once(name).chain(SPLITS.iter().map(|split| of(split).to_string())));
    };
    line("films".into(), &|split| counts.films[split]);
    line("patients".into(), &|split| counts.patients[split]);
    let mut datasets: Vec<&String> = counts.positives.values().flat_map(BTreeMap::keys).collect();
    datasets.sort();
    datasets.dedup();
    for dataset in datasets {
        for finding in &manifest.findings {
            let films = |split: &str| {
                counts.positives[split]
                    .get(dataset)
                    .and_then(|of| of.get(finding))
                    .copied()
                    .unwrap_or(0)
            };
            if SPLITS.iter().any(|split| films(split) > 0) {
                line(format!("{dataset}: {finding}"), &films);
            }
        }
    }
    write!(out, "{table}")?;
    if counts.changed > 0 {
        writeln!(out, "{} films were in another split before", counts.changed)?;
    }
    writeln!(out, "{}: digest {}", path.display(), manifest.digest())
}

fn check(args: &CheckArgs, json: bool) -> Result<ExitCode> {
    let manifest = Manifest::read(&args.manifest)?;
    let progress = Progress::new("films compared", manifest.rows.len());
    let mut report = pleura_data::check(&manifest, &|done, of| progress.at(done, of));
    if let Some(record) = Sidecar::read(&args.manifest)?.and_then(|sidecar| sidecar.duplicates) {
        report.add_duplicates(&record, &manifest);
    }
    drop(progress);
    let mut out = io::stdout().lock();
    if json {
        writeln!(
            out,
            "{}",
            json!({ "manifest": args.manifest.display().to_string(), "passed": report.passed(), "report": report })
        )?;
    } else {
        tell_check(&mut out, &report, &args.manifest)?;
    }
    Ok(if report.passed() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(FAILED)
    })
}

fn tell_check(out: &mut impl Write, report: &CheckReport, path: &Path) -> io::Result<()> {
    for fault in &report.faults {
        writeln!(out, "fault: {fault}")?;
    }
    tell_remarks(out, &report.remarks)?;
    let verdict = match report.faults.len() {
        0 => "nothing is in two splits".to_string(),
        1 => "refused for 1 fault".to_string(),
        faults => format!("refused for {faults} faults"),
    };
    writeln!(
        out,
        "{}: {} films of {} patients, {verdict}",
        path.display(),
        report.films,
        report.patients
    )
}
