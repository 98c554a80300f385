//! The first screen: training, main result, audit and cautions in plain words.

use std::fmt::Write as _;

use maud::{Markup, html};
use pleura_eval::{Confusion, Estimate, Kind};
use pleura_run::audit::Verdict;

use super::cautions;
use super::lead::{headline, lead_stage, sources_in, table_of, way_to};
use super::number::{counted, interval, level, listed, method, percent, sentence, split, value};
use crate::input::{ReportInput, SplitEvaluation, StageResult};

pub(super) fn section(input: &ReportInput) -> Markup {
    let stage = lead_stage(input);
    let result = stage.and_then(headline);
    let cautions = cautions::all(input);
    html! {
        p.lead { (training(input)) }
        @if let (Some(stage), Some(result)) = (stage, result) {
            p.lead { (result_in_words(input, stage, result)) }
            (tiles(result))
        } @else {
            p.lead { "No stage of this run has been evaluated yet." }
        }
        @if let Some(stage) = stage.filter(|stage| headline(stage).is_some()) {
            h3 { "What the network probably uses" }
            (network_use(input, stage))
        }
        @if !cautions.is_empty() {
            div.care {
                h3 { "Limitations" }
                ul { @for caution in &cautions { li { (caution) } } }
            }
        }
    }
}

fn training(input: &ReportInput) -> String {
    let Some(lead) = lead_stage(input) else {
        return "This run has no stages yet.".to_owned();
    };
    let network = if lead.architecture.is_empty() {
        "a network".to_owned()
    } else {
        format!("the network {}", lead.architecture)
    };
    let way: Vec<&str> = way_to(input, lead)
        .into_iter()
        .chain([lead])
        .map(|stage| stage.name.as_str())
        .collect();
    let steps = match way.len() {
        1 => format!("in one stage, {}", lead.name),
        n => format!("in {n} stages: {}", way.join(", then ")),
    };
    let mut text = format!("This run trained {network} {steps}.");
    if !lead.findings.is_empty() {
        let names = if lead.findings.len() > 6 {
            String::new()
        } else {
            format!(": {}", listed(&lead.findings))
        };
        let what = match lead.kind {
            Some(Kind::Exclusive) => format!(
                "The network distinguishes {} classes{names}.",
                lead.findings.len()
            ),
            Some(Kind::Independent) => format!(
                "The network predicts {} independent findings{names}.",
                lead.findings.len()
            ),
            None => format!("The network has {} outputs{names}.", lead.findings.len()),
        };
        let _ = write!(text, " {what}");
    }
    if let Some(train) = lead.films.iter().find(|s| s.split == "train") {
        let (films, patients) = (counted(train.films, "film"), counted(train.patients, "patient"));
        let _ = write!(text, " Stage {} was trained on {films} of {patients}.", lead.name);
    }
    let neurons = lead.neurons.iter().flat_map(|neurons| &neurons.neurons);
    let kept: Vec<String> = neurons
        .filter(|neuron| neuron.from.is_some())
        .map(|neuron| neuron.finding.clone())
        .collect();
    if !kept.is_empty() {
        let neurons = if kept.len() == 1 {
            "output neuron"
        } else {
            "output neurons"
        };
        let _ = write!(
            text,
            " Its {neurons} for {} were copied from the previous stage.",
            listed(&kept)
        );
    }
    let others = input.stages.len() - way.len();
    if others > 0 {
        let them = if others == 1 {
            "Another stage was".to_owned()
        } else {
            format!("{others} other stages were")
        };
        let _ = write!(text, " {them} trained for comparison.");
    }
    text
}

fn result_in_words(input: &ReportInput, stage: &StageResult, result: &SplitEvaluation) -> String {
    let from = table_of(input, stage)
        .map(|table| sources_in(table, &result.split))
        .unwrap_or_default();
    let from = if from.is_empty() {
        String::new()
    } else {
        format!(" from {}", listed(&from))
    };
    let evaluation = &result.evaluation;
    let films = counted(evaluation.films as u64, "film");
    let patients = counted(evaluation.patients as u64, "patient");
    let mut text = format!(
        "On the {films} ({patients}) of the {} split{from}",
        split(&result.split)
    );
    let defined = |m: &'_ Estimate| m.value.map(|value| (m.clone(), value));
    match (
        defined(&evaluation.overall.accuracy),
        defined(&evaluation.overall.macro_auc),
    ) {
        (Some((measured, share)), _) => {
            let right = measured
                .right
                .map_or_else(String::new, |right| format!("{right} predictions were correct: "));
            let _ = write!(text, ", {right}accuracy {}{}.", percent(share), range(&measured));
        }
        (None, Some((measured, area))) => {
            let _ = write!(
                text,
                ", the mean area under the ROC curve over the findings was {area:.3}{}.",
                range_of_area(&measured)
            );
        }
        (None, None) => text.push_str(", no overall metric is defined."),
    }
    if let Some(confusion) = &evaluation.confusion
        && let Some(sentence) = commonest_error(confusion)
    {
        text.push(' ');
        text.push_str(&sentence);
    }
    text
}

/// The checks of an audit that test the network itself.
const NETWORK_CHECKS: [&str; 4] = ["outside-lungs", "border-relevance", "words", "features"];

/// The audit's results about the network.
fn network_use(input: &ReportInput, lead: &StageResult) -> Markup {
    let Some(audit) = &input.audit else {
        return html! { p {
            "Unknown: this run has no audit. " code { "pleura audit RUN" } " searches for shortcuts: cues other than disease that predict the class."
        } };
    };
    let loud = |verdict: Verdict| -> Vec<String> {
        let checks = audit.checks.iter().filter(|check| check.verdict == verdict);
        checks.map(|check| check.asks.clone()).collect()
    };
    let (blocks, alarms) = (loud(Verdict::Block), loud(Verdict::Alarm));
    let found: Vec<_> = NETWORK_CHECKS
        .iter()
        .filter_map(|name| audit.checks.iter().find(|check| check.name == *name))
        .filter(|check| check.verdict != Verdict::NotPossible)
        .collect();
    html! {
        @if !blocks.is_empty() || !alarms.is_empty() {
            p {
                "The " a href="#audit" { "audit" } " of " (counted(audit.checks.len() as u64, "check"))
                " found possible shortcuts: cues other than disease. It raised an alarm for these questions:"
            }
            ul {
                @for asks in &blocks { li { strong { (asks) } " The results are void until this is corrected." } }
                @for asks in &alarms { li { (asks) } }
            }
        } @else if !found.is_empty() {
            p { "The " a href="#audit" { "audit" } " found no shortcut. This does not prove that there is none." }
        }
        @if found.is_empty() {
            p {
                "The network itself was not tested: the " a href="#audit" { "audit" }
                "’s checks of the network were left out or were not possible."
            }
        }
        @if let Some(stage) = audit.stage.as_ref().filter(|stage| **stage != lead.name) {
            p.soft { "The audit tested the network of stage " (stage) ", not that of " (lead.name) "." }
        }
        @if !found.is_empty() {
            p { "Results of the checks of the network itself:" }
            ul { @for check in found { li { (sentence(&check.says)) } } }
        }
    }
}

fn range(measured: &Estimate) -> String {
    measured.low.zip(measured.high).map_or_else(
        || ", without an interval".to_owned(),
        |(low, high)| {
            format!(
                " ({} interval {} to {})",
                level(measured),
                percent(low),
                percent(high)
            )
        },
    )
}

fn range_of_area(measured: &Estimate) -> String {
    measured.low.zip(measured.high).map_or_else(
        || ", without an interval".to_owned(),
        |(low, high)| format!(" ({} interval {low:.3} to {high:.3})", level(measured)),
    )
}

fn commonest_error(confusion: &Confusion) -> Option<String> {
    let cells = confusion.counts.iter().enumerate().flat_map(|(truth, row)| {
        row.iter()
            .enumerate()
            .filter(move |(answer, _)| *answer != truth)
            .map(move |(answer, count)| (*count, truth, answer))
    });
    // The first of equals, so that the sentence does not depend on how a maximum breaks ties.
    let (count, truth, answer) =
        cells.fold((0, 0, 0), |best, next| if next.0 > best.0 { next } else { best });
    let films: u64 = confusion.counts.get(truth)?.iter().sum();
    (count > 0).then(|| {
        format!(
            "The most common error: {count} of the {films} films of {} were predicted as {}.",
            confusion.classes[truth], confusion.classes[answer]
        )
    })
}

fn tiles(result: &SplitEvaluation) -> Markup {
    let overall = &result.evaluation.overall;
    let shown = [
        ("accuracy", &overall.accuracy),
        (
            result.evaluation.kind.mean_sensitivity(),
            &overall.balanced_accuracy,
        ),
        ("macro AUC", &overall.macro_auc),
        ("macro F1", &overall.macro_f1),
    ];
    html! {
        div.tiles {
            @for (name, measured) in shown.into_iter().filter(|(_, m)| m.value.is_some()) {
                div.tile {
                    div.name { (name) ", " (split(&result.split)) " films" }
                    div.value { (value(measured)) }
                    div.range {
                        @if measured.low.is_some() { (level(measured)) " " (interval(measured)) br; (method(measured.method)) }
                        @else { "no interval" }
                    }
                }
            }
        }
    }
}
