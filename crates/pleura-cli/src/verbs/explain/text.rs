//! Heatmaps and scores as text.

use pleura::explain::{ExplainedFilm, Explainer, FilmFiles, MeasureMeans, Subject};
use pleura_audit::burned_in_text::Mean;
use pleura_explain::score::Better;
use pleura_explain::{Account, Map};

/// Remainder of integrated gradients from which more steps are advised.
const TOO_MUCH: f64 = 0.05;

/// A film's page or sheet, and the account of each map.
pub(super) fn film(
    explainer: &Explainer<'_>,
    subject: &Subject,
    film: &ExplainedFilm,
    files: &FilmFiles,
) -> String {
    let mut text = match files.page.as_ref().or(files.sheet.as_ref()) {
        Some(file) => format!("{}: {}\n", subject.path.display(), file.display()),
        None => format!("{}\n", subject.path.display()),
    };
    for doubt in &film.doubts {
        text += &format!("  beware: {doubt}\n");
    }
    for (method, map) in explainer.maps(&film.explanations) {
        let by = if explainer.methods().len() > 1 || method.composite().is_none() {
            format!(", {}", method.name())
        } else {
            String::new()
        };
        text += &format!("  {}{by}: {}\n", map.start.words(), account(map));
    }
    text
}

/// A map's account as a line.
fn account(map: &Map) -> String {
    match &map.account {
        Account::Ledger(ledger) => format!(
            "logit {:+.4} = pixels {:+.4} + biases {:+.4} + stabilisers {:+.1e} (open: {:+.0e})",
            ledger.start,
            ledger.input,
            ledger.bias,
            ledger.epsilon,
            ledger.residual()
        ),
        Account::Baseline { baseline, pixels } => {
            let (moved, open) = (map.value - baseline, map.value - baseline - pixels);
            let much = if open.abs() > TOO_MUCH * moved.abs() {
                ", too much: take more --ig-steps"
            } else {
                ""
            };
            format!(
                "logit {:+.4} = at the baseline {baseline:+.4} + pixels {pixels:+.4} (open: {open:+.0e}{much})",
                map.value
            )
        }
        Account::Rest { pixels, rest } => {
            format!("logit {:+.4}, pixels {pixels:+.4}, the rest in {rest}", map.value)
        }
        Account::NoShares { .. } => format!("logit {:+.4}, of which the values are no shares", map.value),
    }
}

/// Mean scores by measure. Scores of single layers are only in the files.
pub(super) fn scores(means: &[MeasureMeans], methods: &[&str]) -> String {
    let widest = methods.iter().map(|method| method.len()).max().unwrap_or(0);
    let mut text = String::new();
    for measure in means
        .iter()
        .filter(|measure| !measure.key.starts_with("randomisation.rank."))
    {
        let most = |of: fn(&Mean) -> usize| {
            measure
                .methods
                .iter()
                .map(|(_, mean)| of(mean))
                .max()
                .unwrap_or(0)
        };
        let (maps, patients) = (most(|mean| mean.n), most(|mean| mean.patients));
        if maps == 0 {
            continue;
        }
        let mut lines: Vec<String> = measure
            .methods
            .iter()
            .map(|(_, mean)| number(mean, maps))
            .collect();
        let mut names: Vec<&str> = measure
            .methods
            .iter()
            .map(|(method, _)| method.as_str())
            .collect();
        // Numbers of the film, such as a mask's area, are equal for all methods.
        let same = lines.len() == methods.len() && measure.better == Better::Neither;
        if same && lines.iter().all(|line| *line == lines[0]) {
            lines.truncate(1);
            names = vec!["all"];
        }
        let better = if measure.better == Better::Neither {
            String::new()
        } else {
            format!("; {}", measure.better.words())
        };
        text += &format!("\n{}{better} ({maps} maps, {patients} patients)\n", measure.words);
        for (name, line) in names.iter().zip(lines) {
            text += &format!("  {name:widest$}{line}\n");
        }
    }
    text
}

fn number(mean: &Mean, maps: usize) -> String {
    let interval = match (mean.low, mean.high) {
        (Some(low), Some(high)) => format!("  [{low:.3}, {high:.3}]"),
        _ => String::new(),
    };
    let fewer = if mean.n < maps {
        format!("  ({} maps; not defined for the others)", mean.n)
    } else {
        String::new()
    };
    format!("  {:7.3}{interval}{fewer}", mean.value)
}
