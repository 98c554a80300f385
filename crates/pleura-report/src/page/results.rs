//! The results of each stage: tables, confusion matrix, curves and intervals.

use std::collections::BTreeMap;

use std::fmt::Write as _;

use maud::{Markup, html};
use pleura_eval::{Estimate, Evaluation, FindingEvaluation, Method, Task};

use super::figure::{figure, missing};
use super::lead::{headline, lead_stage, way_to};
use super::number::{counted, grouped, interval, level, listed, method, split, three, value, with_interval};
use crate::input::{ReportInput, SplitEvaluation, StageResult};
use pleura_draw::plot::{self, Axis, IntervalRow, Plot, RateCurve};

pub(super) fn section(input: &ReportInput, plots: &mut Vec<Plot>) -> Markup {
    let Some(lead) = lead_stage(input) else {
        return missing("The run has no stages yet.");
    };
    let main = headline(lead).map(|h| h.split.as_str());
    let way = way_to(input, lead);
    let compared: Vec<&StageResult> = input
        .stages
        .iter()
        .filter(|stage| stage.name != lead.name && !way.iter().any(|before| before.name == stage.name))
        .collect();
    html! {
        @match headline(lead) {
            Some(result) => {
                h3 { "Stage " (lead.name) ", " (split(&result.split)) " films" }
                (whole(lead, result, plots))
            }
            None => (missing("The stage has not been evaluated on any films.")),
        }
        @for result in lead.evaluations.iter().filter(|e| Some(e.split.as_str()) != main) {
            h3 { "Stage " (lead.name) ", " (split(&result.split)) " films" }
            (overall_table(&result.evaluation))
        }
        @if !compared.is_empty() { (comparison(lead, &compared)) }
        @for stage in way {
            @if let Some(result) = headline(stage) {
                h3 { "Earlier stage " (stage.name) ", " (split(&result.split)) " films" }
                (whole(stage, result, plots))
            }
        }
    }
}

/// The main metrics of stages trained for comparison.
fn comparison(lead: &StageResult, others: &[&StageResult]) -> Markup {
    html! {
        h3 { "Stages trained for comparison" }
        div.scroll { table {
            caption { "Each stage with its own intervals. Use a paired comparison to test a difference; overlap of intervals is not a test." }
            thead { tr {
                th scope="col" { "Stage" } th scope="col" { "started from" } th scope="col" { "films" }
                th scope="col" { "accuracy" } th scope="col" { (headline(lead).map_or(Task::Exclusive, |result| result.evaluation.kind).mean_sensitivity()) } th scope="col" { "macro AUC" }
            } }
            tbody { @for stage in std::iter::once(&lead).chain(others) { tr {
                th scope="row" { (stage.name) }
                td { (stage.start) }
                @match headline(stage) {
                    Some(result) => {
                        @let overall = &result.evaluation.overall;
                        td { (grouped(result.evaluation.films as u64)) " " (split(&result.split)) }
                        @for measured in [&overall.accuracy, &overall.balanced_accuracy, &overall.macro_auc] { td { (with_interval(measured)) } }
                    }
                    None => { td { "–" } td { "–" } td { "–" } td { "–" } }
                }
            } } }
        } }
    }
}

fn whole(stage: &StageResult, result: &SplitEvaluation, plots: &mut Vec<Plot>) -> Markup {
    let evaluation = &result.evaluation;
    let on = format!("stage {}, {} films", stage.name, split(&result.split));
    html! {
        p { (counted(evaluation.films as u64, "film")) " of " (counted(evaluation.patients as u64, "patient")) "." }
        @if let Some(confusion) = &evaluation.confusion {
            (figure(plots,
                plot::confusion(&format!("Confusion matrix of {on}"), &confusion.classes, &confusion.counts),
                "Each row holds the films of one true class; shade and percentage are shares of the row. Correct predictions are framed.",
            ))
        }
        (overall_table(evaluation))
        (findings_table(evaluation))
        (figure(plots, forest(evaluation, &on), &forest_caption(evaluation)))
        div class=(if evaluation.findings.len() > 6 { "curves" } else { "pair curves" }) {
            (figure(plots,
                plot::roc(&format!("ROC curves of {on}"), &roc_curves(&evaluation.findings)),
                "ROC: each finding against the rest. The grey diagonal is chance.",
            ))
            (figure(plots,
                plot::precision_recall(&format!("Precision–recall curves of {on}"), &pr_curves(&evaluation.findings)),
                "Precision and recall: each finding against the rest. The thin dashed lines are chance, at the share of films with the finding.",
            ))
        }
    }
}

fn overall_metrics(evaluation: &Evaluation) -> [(&'static str, &Estimate); 10] {
    let overall = &evaluation.overall;
    [
        ("accuracy", &overall.accuracy),
        (evaluation.kind.mean_sensitivity(), &overall.balanced_accuracy),
        ("macro specificity", &overall.macro_specificity),
        ("macro precision", &overall.macro_precision),
        ("macro F1", &overall.macro_f1),
        ("macro AUC", &overall.macro_auc),
        ("macro average precision", &overall.macro_average_precision),
        ("Cohen’s kappa", &overall.kappa),
        ("Brier score", &overall.brier),
        ("log-loss", &overall.log_loss),
    ]
}

fn finding_metrics(finding: &FindingEvaluation) -> [(&'static str, &Estimate); 7] {
    [
        ("sensitivity", &finding.sensitivity),
        ("specificity", &finding.specificity),
        ("precision", &finding.precision),
        ("negative predictive value", &finding.negative_predictive_value),
        ("F1", &finding.f1),
        ("AUC", &finding.auc),
        ("average precision", &finding.average_precision),
    ]
}

fn overall_table(evaluation: &Evaluation) -> Markup {
    let rows: Vec<_> = overall_metrics(evaluation)
        .into_iter()
        .filter(|(_, m)| m.value.is_some())
        .collect();
    html! {
        div.scroll { table {
            caption { "Over all findings. “Macro” is the plain mean over the findings." }
            thead { tr {
                th scope="col" { "Metric" } th.number scope="col" { "value" }
                th scope="col" { (interval_heading(evaluation)) } th scope="col" { "method of the interval" }
                th scope="col" { "Bayesian interval" }
            } }
            tbody { @for (name, measured) in &rows { tr {
                th scope="row" { (name) }
                td.number { (value(measured)) @if let Some(right) = measured.right { " (" (grouped(right as u64)) " of " (grouped(measured.n as u64)) ")" } }
                td { @if measured.low.is_some() { (interval(measured)) } @else { "–" } }
                td { (method(measured.method)) }
                td { (bayesian(measured)) }
            } } }
        } }
    }
}

fn interval_heading(evaluation: &Evaluation) -> String {
    format!(
        "{} interval",
        level(&Estimate::undefined(evaluation.options.level))
    )
}

fn bayesian(measured: &Estimate) -> String {
    measured.interval(Method::BayesHdi).map_or_else(
        || "–".to_owned(),
        |(low, high)| format!("[{}, {}]", three(low), three(high)),
    )
}

fn findings_table(evaluation: &Evaluation) -> Markup {
    let independent = evaluation.kind == Task::Independent;
    html! {
        div.scroll { table.tight {
            caption { "Each finding against the rest: value, and below it the " (interval_heading(evaluation)) "." }
            thead { tr {
                th scope="col" { "Finding" }
                th.number scope="col" { "films with / without" }
                @if independent { th.number scope="col" { "threshold" } }
                @for heading in ["sensitivity", "specificity", "precision", "NPV", "F1", "AUC", "average precision"] { th.number scope="col" { (heading) } }
            } }
            tbody { @for finding in &evaluation.findings { tr {
                th scope="row" { (finding.name) }
                td.number { (grouped(finding.positives as u64)) " / " (grouped(finding.negatives as u64)) }
                @if independent { td.number { (finding.threshold.map_or_else(|| "–".to_owned(), three)) } }
                @for (_, measured) in finding_metrics(finding) { td.number {
                    (value(measured))
                    @if measured.low.is_some() { br; span.small.soft { (interval(measured)) } }
                } }
            } } }
        } }
        p.small.soft { (methods(evaluation)) }
    }
}

/// A sentence about the methods of the intervals.
fn methods(evaluation: &Evaluation) -> String {
    let mut by_method: BTreeMap<&'static str, Vec<String>> = BTreeMap::new();
    for finding in &evaluation.findings {
        for (name, measured) in finding_metrics(finding)
            .into_iter()
            .filter(|(_, m)| m.low.is_some())
        {
            let names = by_method.entry(method(measured.method)).or_default();
            if !names.iter().any(|n| n == name) {
                names.push(name.to_owned());
            }
        }
    }
    let said: Vec<String> = by_method
        .iter()
        .map(|(how, names)| format!("{how} for {}", listed(names)))
        .collect();
    let mut text = if said.is_empty() {
        String::new()
    } else {
        format!("Intervals: {}. ", said.join("; "))
    };
    if evaluation.options.bootstrap > 0 {
        let _ = write!(
            text,
            "The bootstrap resampled whole patients {} times (seed {}). ",
            grouped(evaluation.options.bootstrap as u64),
            evaluation.options.seed
        );
    }
    text.push_str("NPV is the negative predictive value; precision and NPV depend on how common the finding is among these films.");
    text
}

/// The plot style of an interval method.
fn style(method: Method) -> usize {
    match method {
        Method::ClopperPearson => 0,
        Method::PatientBootstrap => 1,
        Method::ClopperPearsonOverPatients => 2,
        Method::BayesHdi => 3,
        Method::StudentT => 4,
        Method::DeLong | Method::DeLongOverPatients | Method::ClopperPearsonOfBoth | Method::SquareAndAdd => {
            5
        }
        Method::None => 6,
    }
}

fn row(label: &str, measured: &Estimate) -> IntervalRow {
    IntervalRow {
        label: label.to_owned(),
        value: measured.value,
        interval: measured.low.zip(measured.high),
        text: if measured.value.is_some() {
            with_interval(measured)
        } else {
            "undefined".to_owned()
        },
        style: style(measured.method),
    }
}

/// True if a forest plot has room for several metrics per finding.
fn in_full(evaluation: &Evaluation) -> bool {
    evaluation.kind == Task::Exclusive && evaluation.findings.len() <= 6
}

fn forest(evaluation: &Evaluation, on: &str) -> Plot {
    let in_full = in_full(evaluation);
    let overall = &evaluation.overall;
    let mut shown: Vec<(Option<String>, &str, &Estimate)> = Vec::new();
    if in_full {
        let all = Some("all classes".to_owned());
        shown.extend(
            [
                ("accuracy", &overall.accuracy),
                ("balanced accuracy", &overall.balanced_accuracy),
                ("macro F1", &overall.macro_f1),
                ("macro AUC", &overall.macro_auc),
            ]
            .map(|(n, m)| (all.clone(), n, m)),
        );
        for finding in &evaluation.findings {
            let name = Some(finding.name.clone());
            shown.extend(
                [
                    ("sensitivity", &finding.sensitivity),
                    ("specificity", &finding.specificity),
                    ("AUC", &finding.auc),
                ]
                .map(|(n, m)| (name.clone(), n, m)),
            );
        }
    } else {
        shown.push((None, "mean over findings", &overall.macro_auc));
        shown.extend(
            evaluation
                .findings
                .iter()
                .map(|finding| (None, finding.name.as_str(), &finding.auc)),
        );
    }
    let mut rows = Vec::new();
    let mut group = None;
    for (of, name, measured) in &shown {
        if *of != group {
            group.clone_from(of);
            rows.extend(of.as_ref().map(IntervalRow::heading));
        }
        rows.push(row(name, measured));
    }
    let used: BTreeMap<usize, String> = shown
        .iter()
        .filter(|(_, _, m)| m.low.is_some())
        .map(|(_, _, m)| (style(m.method), method(m.method).to_owned()))
        .collect();
    let legend: Vec<(usize, String)> = used.into_iter().collect();
    let lowest = shown
        .iter()
        .filter_map(|(_, _, m)| m.low.or(m.value))
        .fold(0.5, f64::min);
    let guessing = (!in_full).then_some(0.5);
    let start = ((10.0 * lowest).floor() / 10.0)
        .min(if in_full { 0.5 } else { 0.4 })
        .max(0.0);
    let axis = Axis::new(if in_full {
        "value"
    } else {
        "area under the ROC curve"
    })
    .range(start, 1.0);
    plot::intervals(
        &format!("Metrics with intervals, {on}"),
        &axis,
        &rows,
        guessing,
        &legend,
    )
}

fn forest_caption(evaluation: &Evaluation) -> String {
    let heading = interval_heading(evaluation);
    if in_full(evaluation) {
        format!(
            "Markers are values, lines are their {heading}. The kind of marker is the method of the interval."
        )
    } else {
        format!("Area under the ROC curve with its {heading}. The dashed line is chance.")
    }
}

fn roc_curves(findings: &[FindingEvaluation]) -> Vec<RateCurve> {
    let points = |f: &FindingEvaluation| {
        f.roc
            .iter()
            .map(|p| (p.false_positive_rate, p.true_positive_rate))
            .collect()
    };
    findings
        .iter()
        .map(|f| curve(f, points(f), format!("AUC {}", with_interval(&f.auc))))
        .collect()
}

fn pr_curves(findings: &[FindingEvaluation]) -> Vec<RateCurve> {
    let points = |f: &FindingEvaluation| f.pr.iter().map(|p| (p.recall, p.precision)).collect();
    findings
        .iter()
        .map(|f| {
            curve(
                f,
                points(f),
                format!("AP {}", with_interval(&f.average_precision)),
            )
        })
        .collect()
}

fn curve(finding: &FindingEvaluation, points: Vec<(f64, f64)>, note: String) -> RateCurve {
    let known = finding.positives + finding.negatives;
    let prevalence = (known > 0).then(|| finding.positives as f64 / known as f64);
    RateCurve {
        name: finding.name.clone(),
        points,
        note,
        prevalence,
    }
}
