//! The results of a series of runs: folds of a cross-validation, points of a learning curve.

use std::fmt::Write as _;

use maud::{Markup, html};
use pleura_eval::{CrossValidation, LearningCurve, MeanMetric};

use super::figure::figure;
use super::number::{split, three, with_interval};
use crate::evidence::SeriesFindings;
use pleura_draw::plot::{self, Axis, Curves, Plot, Scale, Series};

/// The results of a series; `None` for a single run.
pub(super) fn section(found: Option<&SeriesFindings>, plots: &mut Vec<Plot>) -> Option<Markup> {
    let found = found?;
    Some(html! {
        @for (stage, crossed) in &found.crossed { (folds(stage, crossed)) }
        @if let Some(curve) = &found.curve { (learning(curve, plots)) }
    })
}

fn folds(stage: &str, crossed: &CrossValidation) -> Markup {
    let count = crossed.mean.first().map_or(0, |one| one.each.len());
    html! {
        h3 { "Cross-validation of stage " (stage) }
        p {
            "Each of the " (count) " models predicted the films of one fold and had seen no film of these patients in training. The results above pool all "
            "predictions, so their areas under curves compare probabilities of different models. The table below has means over the folds; within a fold, all "
            "probabilities come from one model."
        }
        (means(&crossed.mean, "fold"))
        p.small.soft {
            "Intervals are over the films, for these models (bootstrap over patients). The models share most of their training films, so the folds are not "
            "independent, and their spread is not a standard error."
        }
    }
}

/// Metrics by model.
fn means(metrics: &[MeanMetric], one: &str) -> Markup {
    let count = metrics.first().map_or(0, |metric| metric.each.len());
    html! {
        div.scroll { table.tight {
            thead { tr {
                th scope="col" { "Metric" } th scope="col" { "mean" }
                @for number in 1..=count { th.number scope="col" { (one) " " (number) } }
            } }
            tbody { @for metric in metrics { tr {
                th scope="row" { @if let Some(finding) = &metric.finding { (finding) ": " } (metric.metric) }
                td { (with_interval(&metric.mean)) }
                @for value in &metric.each { td.number { (value.map_or_else(|| "–".to_owned(), three)) } }
            } } }
        } }
    }
}

fn learning(curve: &LearningCurve, plots: &mut Vec<Plot>) -> Markup {
    html! {
        h3 { "Learning curve of stage " (curve.stage) }
        p {
            "The same training on fewer films, always evaluated on the same " (split(&curve.split)) " films. For one seed, smaller sets are subsets of larger ones. Whole "
            "patients were left out, so that every set has the same mix."
            @if curve.split == "val" { " The epoch was chosen on the validation films, so these numbers are too good." }
        }
        @for (metric, plot) in curve_plots(curve) {
            (figure(plots, plot, &format!("{metric}: mean over the seeds. Pale lines: its interval over the films, and single seeds.")))
        }
        @for rung in &curve.rungs {
            h4 { (three(rung.part)) " of the training films: " (numbers(&rung.films)) " films of " (numbers(&rung.patients)) " patients" }
            (means(&rung.metrics, "seed no."))
        }
    }
}

/// `120`, or `118, 121` if seeds differ.
fn numbers(counts: &[usize]) -> String {
    let mut different: Vec<usize> = counts.to_vec();
    different.dedup();
    different
        .iter()
        .map(usize::to_string)
        .collect::<Vec<_>>()
        .join(", ")
}

/// A plot of each overall metric, with its name.
pub(crate) fn curve_plots(curve: &LearningCurve) -> Vec<(String, Plot)> {
    let Some(first) = curve.rungs.first() else {
        return Vec::new();
    };
    let wholes = first
        .metrics
        .iter()
        .enumerate()
        .filter(|(_, one)| one.finding.is_none());
    wholes
        .filter(|(_, one)| one.mean.value.is_some())
        .map(|(place, one)| {
            let title = format!("Learning curve of stage {}: {}", curve.stage, one.metric);
            let mut plot = Curves::new(
                title,
                Axis::new("training films (mean over seeds)").scale(Scale::Log),
                Axis::new(one.metric.as_str()),
            );
            let at = |pick: &dyn Fn(&MeanMetric) -> Option<f64>| -> Vec<(f64, f64)> {
                let rungs = curve.rungs.iter();
                rungs
                    .filter_map(|rung| {
                        let films = rung.films.iter().sum::<usize>() as f64 / rung.films.len() as f64;
                        Some((films, pick(&rung.metrics[place])?))
                    })
                    .collect()
            };
            for seed in 0..one.each.len() {
                let each = at(&|metric| metric.each.get(seed).copied().flatten());
                plot.series.push(Series::new("", each, 1).faint());
            }
            plot.series
                .push(Series::new("", at(&|metric| metric.mean.low), 0).faint());
            plot.series
                .push(Series::new("", at(&|metric| metric.mean.high), 0).faint());
            plot.series.push(Series::new(
                one.metric.as_str(),
                at(&|metric| metric.mean.value),
                0,
            ));
            (one.metric.clone(), plot::curves(&plot))
        })
        .collect()
}

/// The curve as CSV: one row per point, metric and seed.
pub(crate) fn table(curve: &LearningCurve) -> String {
    let mut text = "stage,split,part,seed,films,patients,finding,metric,value,mean,low,high\n".to_owned();
    let cell = |value: Option<f64>| value.map_or_else(String::new, |value| value.to_string());
    let quoted = |text: &str| {
        if text.contains([',', '"', '\n']) {
            format!("\"{}\"", text.replace('"', "\"\""))
        } else {
            text.to_owned()
        }
    };
    for rung in &curve.rungs {
        for metric in &rung.metrics {
            for (place, seed) in rung.seeds.iter().enumerate() {
                let each = metric.each.get(place).copied().flatten();
                // Writing to a string cannot fail.
                let _ = writeln!(
                    text,
                    "{},{},{},{seed},{},{},{},{},{},{},{},{}",
                    quoted(&curve.stage),
                    curve.split,
                    rung.part,
                    rung.films.get(place).copied().unwrap_or_default(),
                    rung.patients.get(place).copied().unwrap_or_default(),
                    quoted(metric.finding.as_deref().unwrap_or_default()),
                    quoted(&metric.metric),
                    cell(each),
                    cell(metric.mean.value),
                    cell(metric.mean.low),
                    cell(metric.mean.high)
                );
            }
        }
    }
    text
}
