//! The text audit as text for a terminal.

use std::io::Write;

use anyhow::Result;
use pleura::Classifier;
use pleura_audit::burned_in_text::{Agreement, Kind, Mean, Outcome};
use pleura_eval::Estimate;

use super::found::Found;
use crate::table::Table;

pub(super) fn write(
    out: &mut impl Write,
    found: &Found,
    asked: Option<(&Classifier, &Outcome)>,
) -> Result<()> {
    writeln!(
        out,
        "lettering found on {} of {} films: {} words, {} letters alone, {} arrows; {:.2} % of the films' area",
        found.lettered(),
        found.films.len(),
        found.count(Kind::Words),
        found.count(Kind::Letter),
        found.count(Kind::Arrow),
        100.0 * found.area()
    )?;
    for (agreement, with) in found.agreements.iter().zip(["text masks", "boxes drawn by hand"]) {
        if let Some(agreement) = agreement {
            write!(
                out,
                "\nagainst {with}, {} films\n{}",
                agreement.films,
                agreed(agreement)
            )?;
        }
    }
    if let Some((model, outcome)) = asked {
        writeln!(out, "\nmodel {}", model.line())?;
        told(out, outcome)?;
    }
    writeln!(out)?;
    Ok(())
}

fn agreed(agreement: &Agreement) -> Table {
    let mut table = Table::with_headings(["", ">precision", ">recall", ">true", ">found"]);
    let share = |share: Option<f64>| share.map_or_else(|| "–".to_owned(), |share| format!("{share:.3}"));
    let [precision, recall] = agreement.objects();
    let counts = [agreement.objects_true, agreement.objects_found].map(|count| count.to_string());
    let [of, found] = counts;
    table.row(["objects".to_owned(), share(precision), share(recall), of, found]);
    let [precision, recall] = agreement.pixels();
    let [of, found] = [agreement.pixels_true, agreement.pixels_found].map(|count| count.to_string());
    table.row(["pixels".to_owned(), share(precision), share(recall), of, found]);
    table
}

fn told(out: &mut impl Write, outcome: &Outcome) -> Result<()> {
    let covering = &outcome.covering;
    writeln!(
        out,
        "{} of {} films carry lettering, on {:.2} % of their area\n",
        outcome.lettered,
        outcome.films,
        100.0 * outcome.area
    )?;
    let metric = covering.metric.as_str();
    let mut table = Table::with_headings(["lettered films", metric, "change in points", "answers changed"]);
    let none = || String::new();
    table.row(["as they are".to_owned(), covering.shown.cell(), none(), none()]);
    table.row([
        "words covered".to_owned(),
        covering.covered.cell(),
        in_points(&covering.change.difference),
        covering.changed.cell(),
    ]);
    table.row([
        format!("patches covered, {} draws", covering.draws),
        covering.patched.cell(),
        in_points(&covering.patch_change.difference),
        covering.patch_changed.cell(),
    ]);
    write!(out, "{table}")?;
    for (mcnemar, against) in [
        (&covering.mcnemar, "as they are"),
        (&covering.mcnemar_patched, "patches, first draw"),
    ] {
        if let Some(test) = mcnemar {
            writeln!(
                out,
                "  words covered against {against}: right only covered {}, only before {}; exact McNemar {}",
                test.only_after,
                test.only_before,
                chance(test.p)
            )?;
        }
    }
    if !outcome.relevance.is_empty() {
        writeln!(
            out,
            "\nrelevance without sign, of a class's own logit on its own films"
        )?;
        let mut table = Table::with_headings([
            "class",
            ">films",
            "on words",
            "area of words",
            "on patches elsewhere",
        ]);
        for class in &outcome.relevance {
            let cells = [class.words, class.area, class.elsewhere].map(|mean| percent(&mean));
            let [words, area, elsewhere] = cells;
            table.row([
                class.finding.clone(),
                class.words.n.to_string(),
                words,
                area,
                elsewhere,
            ]);
        }
        write!(out, "{table}")?;
    }
    if let Some(swap) = &outcome.swap {
        writeln!(
            out,
            "\nwords pasted onto films of another class; answers moved to the class they came from"
        )?;
        let headings = [
            "from",
            "onto",
            ">films",
            ">by words",
            ">by patches",
            "probability, by words",
            "by patches",
        ];
        let mut table = Table::with_headings(headings);
        for pair in &swap.pairs {
            table.row([
                pair.from.clone(),
                pair.onto.clone(),
                pair.trials.to_string(),
                pair.words_moved.to_string(),
                pair.patches_moved.to_string(),
                signed(&pair.words_change),
                signed(&pair.patches_change),
            ]);
        }
        write!(out, "{table}")?;
        if let Some(test) = &swap.mcnemar {
            writeln!(
                out,
                "  moved only by words {}, only by patches {}; exact McNemar {}",
                test.only_after,
                test.only_before,
                chance(test.p)
            )?;
        }
    }
    writeln!(out)?;
    for sentence in &outcome.verdict.sentences {
        writeln!(out, "{sentence}")?;
    }
    Ok(())
}

/// A difference in percentage points with its interval.
pub(super) fn in_points(measured: &Estimate) -> String {
    let points = |share: f64| {
        let points = 100.0 * share;
        if points.abs() < 0.05 {
            "0.0".to_owned()
        } else {
            format!("{points:+.1}")
        }
    };
    let Some(value) = measured.value else {
        return "–".to_owned();
    };
    match measured.low.zip(measured.high) {
        Some((low, high)) => format!("{} ({} to {})", points(value), points(low), points(high)),
        None => points(value),
    }
}

/// A mean share in percent with its interval.
pub(super) fn percent(mean: &Mean) -> String {
    let percent = |share: f64| format!("{:.2}", 100.0 * share);
    match mean.low.zip(mean.high) {
        Some((low, high)) => format!(
            "{} % ({} to {})",
            percent(mean.value),
            percent(low),
            percent(high)
        ),
        None => format!("{} %", percent(mean.value)),
    }
}

fn signed(mean: &Mean) -> String {
    match mean.low.zip(mean.high) {
        Some((low, high)) => format!("{:+.3} ({low:+.3} to {high:+.3})", mean.value),
        None => format!("{:+.3}", mean.value),
    }
}

/// A p value, never shown as 0.
fn chance(p: f64) -> String {
    if p < 0.001 {
        "p < 0.001".to_owned()
    } else {
        format!("p = {p:.3}")
    }
}
