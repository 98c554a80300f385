//! Answers as text.

use std::io::Write;
use std::path::Path;

use anyhow::Result;
use pleura::{Answer, Classifier, Error, FindingScore, Outcome, digest};
use pleura_film::Source;
use pleura_package::Package;

use crate::console;
use crate::table::Table;

/// The model that answers.
pub(super) fn model(out: &mut impl Write, model: &Classifier) -> Result<()> {
    if let Some(package) = model.package() {
        writeln!(out, "package {} ({})", model.path().display(), line(package))?;
        return Ok(());
    }
    writeln!(out, "model {}", model.line())?;
    if let Some(applied) = model.calibration() {
        writeln!(out, "calibration {}", applied.line())?;
    }
    Ok(())
}

/// Name, version, digest and signer of a package.
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
        digest::short(&package.digest)
    )
}

/// One film: its outcome, the reasons, and a table of its findings, the most probable first.
pub(super) fn film(
    out: &mut impl Write,
    path: &Path,
    answer: &Result<Answer, Error>,
    model: &Classifier,
    show_unanswered: bool,
) -> Result<()> {
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) => {
            let why = if model.package().is_some() {
                ", it cannot be read"
            } else {
                ""
            };
            writeln!(out, "\n{}: not answered{why}", path.display())?;
            console::complain(error);
            return Ok(());
        }
    };
    match &answer.source {
        Some(source) => heading(out, path, source)?,
        None => writeln!(out, "\n{}", path.display())?,
    }
    for doubt in &answer.doubts {
        writeln!(out, "  beware: {doubt}")?;
    }
    if answer.outcome != Outcome::Answered {
        writeln!(
            out,
            "  {}: no answer is given",
            answer.outcome.name().to_uppercase()
        )?;
    }
    for flag in &answer.flags {
        writeln!(out, "  ! {}: {}", flag.check, flag.says)?;
    }
    if !answer.not_checked.is_empty() {
        writeln!(
            out,
            "  not checked, because the file does not say: {}",
            answer.not_checked.join(", ")
        )?;
    }
    if !answer.findings.is_empty() {
        scores(out, &answer.findings, model)?;
    } else if show_unanswered && !answer.withheld.is_empty() {
        writeln!(
            out,
            "  what the network says all the same, and what means nothing here:"
        )?;
        scores(out, &answer.withheld, model)?;
    }
    Ok(())
}

fn heading(out: &mut impl Write, path: &Path, source: &Source) -> Result<()> {
    let Source {
        format,
        width,
        height,
        bit_depth,
        ..
    } = source;
    writeln!(
        out,
        "\n{} ({format}, {width}×{height}, {bit_depth} bit)",
        path.display()
    )?;
    for step in &source.steps {
        writeln!(out, "  · {step}")?;
    }
    Ok(())
}

/// A table of scores. Weights show logits too; a package shows which probabilities are calibrated.
fn scores(out: &mut impl Write, scores: &[FindingScore], model: &Classifier) -> Result<()> {
    let bare: Vec<&str> = scores
        .iter()
        .filter(|score| !score.calibrated)
        .map(|score| score.finding.as_str())
        .collect();
    let of_package = model.package().is_some();
    let thresholds = scores.iter().any(|score| score.threshold.is_some());
    let mut headings = vec!["finding"];
    if of_package {
        headings.push(match bare.len() {
            0 => ">probability (calibrated)",
            all if all == scores.len() => ">probability (not calibrated)",
            _ => ">probability (calibrated in part)",
        });
    } else {
        headings.extend([">probability", ">logit"]);
    }
    if thresholds {
        headings.extend([">called from", "called"]);
    }
    let mut table = Table::with_headings(headings);
    let mut order: Vec<&FindingScore> = scores.iter().collect();
    order.sort_by(|a, b| b.logit.total_cmp(&a.logit));
    for score in order {
        let mut cells = vec![score.finding.clone(), format!("{:.3}", score.probability)];
        if !of_package {
            cells.push(format!("{:.3}", score.logit));
        }
        if let (Some(threshold), Some(positive)) = (score.threshold, score.positive()) {
            let positive = if positive { "yes" } else { "no" };
            cells.extend([format!("{threshold:.3}"), positive.to_owned()]);
        }
        table.row(cells);
    }
    write!(out, "{table}")?;
    if of_package && (1..scores.len()).contains(&bare.len()) {
        writeln!(out, "  not calibrated: {}", bare.join(", "))?;
    }
    Ok(())
}
