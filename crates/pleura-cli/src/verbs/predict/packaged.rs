//! Films asked of a package: answered, abstained from or refused, with the reason.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use pleura_eval::Calibration;
use pleura_film::{DecodeOptions, Prepared, Source};
use pleura_package::{Flag, Judgement, NOTICE, Outcome, Package, Verdict};
use rayon::prelude::*;
use serde_json::{Map, Value, json};

use super::{Args, film_record, heading};
use crate::console;
use crate::table::Table;
use crate::verbs::package::keys;

/// What can be said of packages alone.
#[derive(clap::Args)]
pub struct PackageArgs {
    /// Of a package: demand a signature with this key; may be repeated: one of them.
    #[arg(long, value_name = "PUBLIC.pem")]
    trust: Vec<PathBuf>,
    /// Of a package: show probabilities, but no calls, of films too that it does not answer for. They mean nothing there.
    #[arg(long)]
    anyway: bool,
}

impl PackageArgs {
    /// Whether nothing is said.
    pub fn says_nothing(&self) -> bool {
        self.trust.is_empty() && !self.anyway
    }
}

/// What was found about a film that could be read, or that its file says is none.
struct Seen {
    source: Option<Source>,
    judgement: Judgement,
    /// Probabilities (calibrated where a temperature was fitted) and raw outputs.
    answer: Option<(Vec<f64>, Vec<f64>)>,
}

/// Answers each film, in the order given, after the golden films came out as they should.
pub fn run(args: &Args, json: bool) -> Result<ExitCode> {
    if !args.options.says_nothing() || !args.calibration.says_nothing() {
        bail!(
            "{}: a package says itself what --stage, --size, --fit, --kind, --calibration and --no-calibration would; leave them out",
            args.model.display()
        );
    }
    let package = Package::read(&args.model)?;
    let trusted = keys(&args.package.trust)?;
    if !trusted.is_empty() {
        package.trust(&trusted)?;
    }
    let network = package.network()?;
    package.check_golden(&network)?;
    let model = &package.parts.model;
    let mut out = io::stdout().lock();
    if !json {
        writeln!(out, "package {} ({})", args.model.display(), line(&package))?;
    }
    let (mut unread, mut unanswered) = (0, 0);
    for films in args.films.chunks(args.batch as usize) {
        let read: Vec<Result<(Source, Prepared), pleura_film::Error>> = films
            .par_iter()
            .map(|path| pleura_film::open_prepared(path, &DecodeOptions::default(), &model.preparation))
            .collect();
        let grey: Vec<Vec<f32>> = read
            .iter()
            .flatten()
            .map(|(_, prepared)| prepared.unit_grey())
            .collect();
        // One pass gives both: the head reads the features.
        let (features, logits) = match grey.len() {
            0 => (Vec::new(), Vec::new()),
            count => network
                .features(&grey.concat(), count, model.preparation.size)
                .and_then(|features| network.head_logits(&features).map(|logits| (features, logits)))
                .context("cannot answer")?,
        };
        let mut rows = grey
            .iter()
            .zip(logits.chunks_exact(model.findings.len()))
            .zip(features.chunks_exact(network.architecture().features()));
        for (path, film) in films.iter().zip(read) {
            let seen = match film {
                Ok((source, _)) => {
                    let ((grey, logits), features) = rows.next().context("the network gave no answer")?;
                    Ok(see(&package, args, source, grey, logits, features))
                }
                Err(error) => refused(error),
            };
            match &seen {
                Ok(seen) => unanswered += usize::from(seen.judgement.outcome != Outcome::Answered),
                Err(_) => unread += 1,
            }
            if json {
                writeln!(out, "{}", record(path, &seen, &package))?;
            } else {
                show(&mut out, path, &seen, &package)?;
            }
        }
        out.flush()?;
    }
    if !json {
        writeln!(out, "\n{NOTICE}")?;
    }
    if unread + unanswered > 0 {
        console::note(format_args!(
            "of {} films {unanswered} were not answered and {unread} could not be read",
            args.films.len()
        ));
    }
    Ok(match (unread, unanswered) {
        (0, 0) => ExitCode::SUCCESS,
        (0, _) => ExitCode::from(console::FAILED),
        _ => ExitCode::from(console::COULD_NOT),
    })
}

/// One line that says which package answered.
fn line(package: &Package) -> String {
    let card = &package.parts.card;
    let name = card.name.as_deref().unwrap_or("without a name");
    let version = card
        .version
        .as_ref()
        .map_or_else(String::new, |version| format!(" {version}"));
    let signed = package.signer.map_or_else(
        || "not signed".to_owned(),
        |key| format!("signed with {}", key.fingerprint()),
    );
    format!(
        "{name}{version}, digest {}…, {signed}",
        crate::calibration::short(&package.digest)
    )
}

fn see(
    package: &Package,
    args: &Args,
    source: Source,
    grey: &[f32],
    logits: &[f32],
    features: &[f32],
) -> Seen {
    let size = package.parts.model.preparation.size;
    let judgement = package.gate().judge(&source, grey, size, features);
    let answer = (judgement.outcome == Outcome::Answered || args.package.anyway).then(|| {
        let logits: Vec<f64> = logits.iter().map(|&logit| f64::from(logit)).collect();
        (package.probabilities(&logits), logits)
    });
    Seen {
        source: Some(source),
        judgement,
        answer,
    }
}

/// What is no film by its own word is refused; what cannot be read is an error.
fn refused(error: pleura_film::Error) -> Result<Seen> {
    use pleura_film::Error::{Frames, Modality};
    let check = match error {
        Modality { .. } => "modality",
        Frames { .. } => "frames",
        _ => return Err(error.into()),
    };
    Ok(Seen {
        source: None,
        judgement: Judgement {
            outcome: Outcome::Refused,
            flags: vec![Flag::new(check, Verdict::Refuse, error.to_string())],
            not_checked: Vec::new(),
            measures: Vec::new(),
        },
        answer: None,
    })
}

/// The findings with a threshold, and whether each is called; none where the film is not answered.
fn calls<'a>(seen: &'a Seen, package: &'a Package) -> impl Iterator<Item = (&'a str, f64, bool)> {
    let answered = seen.judgement.outcome == Outcome::Answered;
    let thresholds = package.parts.calibration.as_ref().filter(|_| answered);
    let findings = package.parts.model.findings.iter();
    let probabilities = seen.answer.iter().flat_map(|(probabilities, _)| probabilities);
    findings
        .zip(probabilities)
        .filter_map(move |(finding, &probability)| {
            let one = thresholds?.thresholds.get(&finding.name)?;
            Some((finding.name.as_str(), one.threshold, probability >= one.threshold))
        })
}

/// One film's line of JSON.
fn record(path: &Path, seen: &Result<Seen>, package: &Package) -> Value {
    let by = json!({
        "digest": package.digest,
        "signer": package.signer.map(|key| key.fingerprint()),
        "name": package.parts.card.name,
        "version": package.parts.card.version,
        "weights": package.parts.model.digest,
    });
    let seen = match seen {
        Ok(seen) => seen,
        Err(error) => {
            let said = console::chain(error).join(": ");
            return json!({"path": path.display().to_string(), "outcome": "unreadable", "error": said, "package": by, "notice": NOTICE});
        }
    };
    let judgement = &seen.judgement;
    let measures: Map<String, Value> = judgement
        .measures
        .iter()
        .map(|(name, value)| ((*name).to_owned(), json!(value)))
        .collect();
    let mut record = json!({
        "path": path.display().to_string(),
        "outcome": judgement.outcome,
        "flags": judgement.flags,
        "not_checked": judgement.not_checked,
        "measures": measures,
    });
    if let Some(source) = &seen.source {
        record["film"] = film_record(source);
    }
    if let Some((probabilities, logits)) = &seen.answer {
        let by_finding = |values: &[f64]| -> Value {
            let names = package.parts.model.names().into_iter();
            Value::Object(names.zip(values.iter().map(|&value| json!(value))).collect())
        };
        record["kind"] = json!(package.parts.model.kind);
        record["calibrated"] = json!(
            package
                .parts
                .calibration
                .as_ref()
                .is_some_and(Calibration::is_fitted)
        );
        record["not_calibrated"] = json!(package.parts.not_calibrated());
        record["probabilities"] = by_finding(probabilities);
        record["logits"] = by_finding(logits);
        let called = calls(seen, package).map(|(name, _, called)| (name.to_owned(), json!(called)));
        record["called"] = Value::Object(called.collect());
        let thresholds = calls(seen, package).map(|(name, threshold, _)| (name.to_owned(), json!(threshold)));
        record["thresholds"] = Value::Object(thresholds.collect());
    }
    record["package"] = by;
    record["notice"] = json!(NOTICE);
    record
}

/// One film's lines: what became of it, why, and its findings.
fn show(out: &mut impl Write, path: &Path, seen: &Result<Seen>, package: &Package) -> Result<()> {
    let seen = match seen {
        Ok(seen) => seen,
        Err(error) => {
            writeln!(out, "\n{}: not answered, it cannot be read", path.display())?;
            console::complain(error);
            return Ok(());
        }
    };
    match &seen.source {
        Some(source) => heading(out, path, source)?,
        None => writeln!(out, "\n{}", path.display())?,
    }
    let judgement = &seen.judgement;
    if judgement.outcome != Outcome::Answered {
        writeln!(
            out,
            "  {}: no answer is given",
            judgement.outcome.name().to_uppercase()
        )?;
    }
    for flag in &judgement.flags {
        writeln!(out, "  ! {}: {}", flag.check, flag.says)?;
    }
    if !judgement.not_checked.is_empty() {
        writeln!(
            out,
            "  not checked, because the file does not say: {}",
            judgement.not_checked.join(", ")
        )?;
    }
    let Some((probabilities, logits)) = &seen.answer else {
        return Ok(());
    };
    if judgement.outcome != Outcome::Answered {
        writeln!(
            out,
            "  what the network says all the same, and what means nothing here:"
        )?;
    }
    let mut order: Vec<usize> = (0..probabilities.len()).collect();
    order.sort_by(|&a, &b| logits[b].total_cmp(&logits[a]));
    let calls: Vec<_> = calls(seen, package).collect();
    let bare = package.parts.not_calibrated();
    let probability = match bare.len() {
        0 => ">probability (calibrated)",
        all if all == probabilities.len() => ">probability (not calibrated)",
        _ => ">probability (calibrated in part)",
    };
    let mut table = if calls.is_empty() {
        Table::with_headings(["finding", probability])
    } else {
        Table::with_headings(["finding", probability, ">called from", "called"])
    };
    let names = package.parts.model.names();
    for finding in order {
        let mut cells = vec![names[finding].clone(), format!("{:.3}", probabilities[finding])];
        if let Some((_, threshold, called)) = calls.iter().find(|(name, ..)| *name == names[finding]) {
            let called = if *called { "yes" } else { "no" };
            cells.extend([format!("{threshold:.3}"), called.to_owned()]);
        }
        table.row(cells);
    }
    write!(out, "{table}")?;
    if (1..probabilities.len()).contains(&bare.len()) {
        writeln!(out, "  not calibrated: {}", bare.join(", "))?;
    }
    Ok(())
}
