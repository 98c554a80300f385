//! The page of a study: its variants, conclusions and paired comparisons.

use maud::{Markup, html};
use pleura_eval::{Estimate, PairedMean};
use pleura_run::study::{
    LeftOutResults, Side, StudyComparison, StudyFindings, StudyPoint, StudyRun, StudyVariant,
};

use super::document::run_page;
use super::figure::figure;
use super::number::{counted, listed, percent, three, value, with_interval};
use super::{data, evidence, provenance};
use crate::input::ReportInput;
use pleura_draw::plot::{self, Axis, Curves, IntervalRow, Plot, Series, Ticks};

/// The metrics in plots and tables.
const SHOWN: [&str; 6] = [
    "accuracy",
    "macro AUC",
    "macro F1",
    "balanced accuracy",
    "macro sensitivity",
    "log-loss",
];

/// Renders a study; `input` is its baseline's first run.
pub(crate) fn render(findings: &StudyFindings, input: &ReportInput) -> String {
    let plots = &mut Vec::new();
    let sections = [
        ("verdict", "Conclusions", Some(verdict(findings, input))),
        (
            "comparison",
            "Paired comparisons",
            Some(comparison(findings, plots)),
        ),
        (
            "left-out",
            "Left-out films",
            findings
                .left_out
                .as_ref()
                .map(|left_out| by_value(findings, left_out)),
        ),
        ("curves", "Curves by epoch", Some(curves(findings, plots))),
        ("variants", "Variants", Some(variants(findings))),
        ("evidence", "Test access log", evidence::section(input, plots)),
        ("data", "Data", Some(data::section(&input.data, plots))),
        (
            "reproducibility",
            "Reproducibility",
            Some(provenance::section(input)),
        ),
    ];
    run_page(&input.title, "Study", &input.provenance.started, sections)
}

/// The plots of a study with their file names.
pub(crate) fn study_plots(findings: &StudyFindings) -> Vec<(String, Plot)> {
    let file = |what: &str, metric: &str| format!("{what}-{}", metric.to_lowercase().replace(' ', "-"));
    let forests = SHOWN
        .iter()
        .filter_map(|metric| Some((file("differences", metric), forest(findings, metric)?)));
    let lines = CURVES
        .iter()
        .filter_map(|(metric, of)| Some((file("curve", metric), lines(findings, metric, *of)?)));
    forests.chain(lines).collect()
}

fn verdict(findings: &StudyFindings, input: &ReportInput) -> Markup {
    let others: Vec<String> = others(findings).map(|variant| variant.name.clone()).collect();
    let runs: usize = findings.variants.iter().map(|variant| variant.runs.len()).sum();
    let phantoms = !input.data.is_empty() && input.data.iter().all(|table| table.phantom);
    html! {
        p.lead {
            (listed(&others)) " against " (findings.baseline) ", each trained with the same "
            (counted(findings.seeds.len() as u64, "seed"))
            @if let Some(left_out) = &findings.left_out { ", with the films of each " (left_out.attribute) " left out in turn" }
            @else if findings.folds > 1 { " on the same " (findings.folds) " folds of the films" }
            ": " (counted(runs as u64, "training run")) ". The two runs of a pair have the same seed, films and order of films; only the variant differs."
        }
        @for conclusion in &findings.conclusions { p.lead { strong { (conclusion) } } }
        div.care {
            h3 { "Limitations" }
            ul {
                @if phantoms { li { "The films are synthetic (phantoms): a program drew them. The results describe the method, not its performance on patients." } }
                @for caution in &findings.cautions { li { (capital(caution)) "." } }
            }
        }
    }
}

fn comparison(findings: &StudyFindings, plots: &mut Vec<Plot>) -> Markup {
    html! {
        p {
            "A difference is the variant's mean minus that of " (findings.baseline) ". It has two intervals, for two sources of chance: over the films "
            "(bootstrap of " (findings.draws) " draws over patients, the same patients for all runs) and over the seeds (Student’s t, at least three seeds). "
            "Verdicts are about " (findings.primary) " and need both intervals. The intervals of all verdicts over the films are simultaneous, as are those over the seeds."
        }
        @if let Some(plot) = forest(findings, &findings.primary) {
            (figure(plots, plot, "Mean paired differences with their intervals over the films. To the right of the dashed line, the variant is better."))
        }
        @for point in &findings.points {
            h3 { (capital(&point.when())) ", " (point.split) " films" }
            @for one in &point.comparisons { (compared(findings, point, one)) }
        }
    }
}

fn by_value(findings: &StudyFindings, left_out: &LeftOutResults) -> Markup {
    let shown = |metric: &&PairedMean| metric.metric != "log-loss" && metric.baseline.value.is_some();
    html! {
        p {
            "Each " (left_out.attribute) " was left out in turn: its films were tested by runs that had none of them in any stage. Films of one class have no AUC. "
            "The intervals are over the films, each for one number. They do not include the choice of the values: a further " (left_out.attribute) " may differ by more."
        }
        div.scroll { table.tight {
            caption { "Best weights on the films of each " (left_out.attribute) " that the runs had not seen." }
            thead { tr {
                th scope="col" { (capital(&left_out.attribute)) } th.number scope="col" { "films" } th scope="col" { "Variant" } th scope="col" { "Metric" }
                th scope="col" { (findings.baseline) } th scope="col" { "variant" } th scope="col" { "difference" }
            } }
            tbody { @for one in &left_out.comparisons { @for metric in one.metrics.iter().filter(shown) { tr {
                th scope="row" { (one.value) }
                td.number { (metric.difference.n) }
                td { (one.candidate) }
                td { (metric.metric) }
                td { (with_interval(&metric.baseline)) }
                td { (with_interval(&metric.candidate)) }
                td { (signed(&metric.difference)) }
            } } } }
        } }
    }
}

fn compared(findings: &StudyFindings, point: &StudyPoint, one: &StudyComparison) -> Markup {
    let first = one.metrics.first().map(|metric| &metric.difference);
    let films = first.map_or(0, |difference| difference.n);
    let patients = first.map_or(0, |difference| difference.patients);
    let tag = match one.verdict.settled() {
        Some(Side::Above) => "ahead",
        Some(_) => "behind",
        None => "not settled",
    };
    html! {
        p { span.tag { (one.candidate) ": " (tag) } " " (capital(&one.verdict.words)) "." }
        div.scroll { table.tight {
            caption {
                (one.candidate) " against " (findings.baseline) ", " (point.when()) ": " (counted(one.pairs as u64, "pair")) " of runs, "
                (counted(films as u64, "film")) " of " (counted(patients as u64, "patient")) "; " (percent(findings.level)) " intervals, each for one difference."
            }
            thead { tr {
                th scope="col" { "Metric" } th scope="col" { (findings.baseline) } th scope="col" { (one.candidate) }
                th scope="col" { "difference, over the films" } th scope="col" { "over the seeds" } th.number scope="col" { "seeds with a higher value" } th.number scope="col" { "sign-flip p (smallest possible)" }
            } }
            tbody { @for name in SHOWN { @if let Some(metric) = one.metric(name).filter(|metric| metric.difference.value.is_some()) { (row(metric)) } } }
        } }
    }
}

fn row(metric: &PairedMean) -> Markup {
    let seeds = metric.seeds.as_ref();
    html! { tr {
        th scope="row" { (metric.metric) }
        td { (with_interval(&metric.baseline)) }
        td { (with_interval(&metric.candidate)) }
        td { (signed(&metric.difference)) }
        td { (seeds.map_or_else(|| "–".to_owned(), |seeds| signed(&seeds.mean))) }
        td.number { (seeds.map_or_else(|| "–".to_owned(), |seeds| format!("{} of {}", seeds.ahead, seeds.differences.len()))) }
        td.number { (seeds.and_then(|seeds| Some(format!("{} ({})", three(seeds.sign_flip_p?), three(seeds.smallest_p)))).unwrap_or_else(|| "–".to_owned())) }
    } }
}

/// `+0.042 [−0.010, +0.094]`
fn signed(measured: &Estimate) -> String {
    let plus = |number: f64| {
        let text = three(number);
        if number > 0.0 { format!("+{text}") } else { text }
    };
    let Some(number) = measured.value else {
        return value(measured);
    };
    match measured.low.zip(measured.high) {
        Some((low, high)) => format!("{} [{}, {}]", plus(number), plus(low), plus(high)),
        None => plus(number),
    }
}

/// The differences of a metric as a forest plot; `None` if there are none.
fn forest(findings: &StudyFindings, metric: &str) -> Option<Plot> {
    let several = others(findings).count() > 1;
    let mut rows = Vec::new();
    for point in &findings.points {
        let own = point.comparisons.iter().enumerate().filter_map(|(number, one)| {
            let found = &one.metric(metric)?.difference;
            Some(IntervalRow {
                label: if several {
                    one.candidate.clone()
                } else {
                    label(point)
                },
                value: Some(found.value?),
                interval: found.low.zip(found.high),
                text: signed(found),
                style: number,
            })
        });
        let own: Vec<IntervalRow> = own.collect();
        if several && !own.is_empty() {
            rows.push(IntervalRow::heading(label(point)));
        }
        rows.extend(own);
    }
    if rows.is_empty() {
        return None;
    }
    let title = format!("{}: differences of {metric}", findings.name);
    let axis = Axis::new(format!("{metric}, variant minus {}", findings.baseline));
    Some(plot::intervals(&title, &axis, &rows, Some(0.0), &[]))
}

fn label(point: &StudyPoint) -> String {
    format!("{}, {}", point.when(), point.split)
}

type Of = fn(&pleura_run::study::StudyEpoch) -> Option<f64>;

/// The metrics that the log has for every epoch.
const CURVES: [(&str, Of); 2] = [
    ("accuracy", |epoch| epoch.accuracy),
    ("macro AUC", |epoch| epoch.macro_auc),
];

fn curves(findings: &StudyFindings, plots: &mut Vec<Plot>) -> Markup {
    html! {
        p { "On the validation films, after every epoch. Thick lines are means over the runs that reached the epoch, pale lines are single runs." }
        div.pair {
            @for (metric, of) in CURVES {
                @if let Some(plot) = lines(findings, metric, of) { (figure(plots, plot, &format!("Validation {metric} by epoch."))) }
            }
        }
    }
}

fn lines(findings: &StudyFindings, metric: &str, of: Of) -> Option<Plot> {
    let title = format!("{}: validation {metric} by epoch", findings.name);
    let mut plot = Curves::new(
        title,
        Axis::new("epochs trained").ticks(Ticks::Whole),
        Axis::new(format!("validation {metric}")),
    );
    let line = |run: &StudyRun| -> Vec<(f64, f64)> {
        let points = run.curve.iter();
        points.filter_map(|at| Some((at.epoch as f64, of(at)?))).collect()
    };
    for (style, variant) in findings.variants.iter().enumerate() {
        for run in &variant.runs {
            plot.series.push(Series::new("", line(run), style).faint());
        }
    }
    for (style, variant) in findings.variants.iter().enumerate() {
        plot.series
            .push(Series::new(variant.name.as_str(), mean(variant, of), style));
    }
    let any = plot.series.iter().any(|series| !series.points.is_empty());
    any.then(|| plot::curves(&plot))
}

/// The mean over a variant's runs, epoch by epoch.
fn mean(variant: &StudyVariant, of: Of) -> Vec<(f64, f64)> {
    let all = || variant.runs.iter().flat_map(|run| &run.curve);
    let last = all().map(|at| at.epoch).max().unwrap_or(0);
    (0..=last)
        .filter_map(|epoch| {
            let values: Vec<f64> = all().filter(|at| at.epoch == epoch).filter_map(of).collect();
            (!values.is_empty()).then(|| (epoch as f64, values.iter().sum::<f64>() / values.len() as f64))
        })
        .collect()
}

fn variants(findings: &StudyFindings) -> Markup {
    html! {
        @for variant in &findings.variants {
            h3 { (variant.name) @if variant.name == findings.baseline { " (the baseline)" } }
            @if variant.name != findings.baseline {
                @if variant.differs.is_empty() { p { "Equal to the baseline." } }
                @else { ul { @for line in &variant.differs { li { code { (line) } } } } }
            }
            div.scroll { table.tight {
                caption { "Stage " (variant.stage) " is compared." }
                thead { tr { th scope="col" { "Run" } th.number scope="col" { "seed" } @if findings.folds > 1 { th.number scope="col" { "fold" } } th.number scope="col" { "best epoch" } th.number scope="col" { "epochs" } } }
                tbody { @for run in &variant.runs { tr {
                    th scope="row" { (run.name) }
                    td.number { (run.seed) }
                    @if findings.folds > 1 { td.number { (run.fold.unwrap_or_default()) } }
                    td.number { (run.best_epoch) }
                    td.number { (run.curve.iter().map(|at| at.epoch).max().unwrap_or(0)) }
                } } }
            } }
        }
    }
}

fn others(findings: &StudyFindings) -> impl Iterator<Item = &StudyVariant> {
    findings
        .variants
        .iter()
        .filter(|variant| variant.name != findings.baseline)
}

/// The text with a capital first letter.
fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_carry_their_sign() {
        let mut gap = Estimate {
            value: Some(0.0421),
            low: Some(-0.01),
            high: Some(0.0942),
            ..Estimate::undefined(0.95)
        };
        assert_eq!(signed(&gap), "+0.042 [−0.010, +0.094]");
        gap.low = None;
        assert_eq!(signed(&gap), "+0.042");
        assert_eq!(signed(&Estimate::undefined(0.95)), "–");
        assert_eq!(capital("éa"), "Éa");
    }
}
