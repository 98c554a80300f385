//! The results of experiments on a run.

use std::collections::BTreeSet;

use maud::{Markup, html};
use pleura_eval::Estimate;

use super::figure::figure;
use super::number::{interval, level, percent, points, value, with_interval};
use crate::experiment::{KeepingExperiment, TextExperiment};
use crate::input::ReportInput;
use pleura_draw::plot::{self, Axis, Curves, IntervalRow, Plot, Series, Ticks};

/// The experiments of a run; `None` if there were none.
pub(super) fn section(input: &ReportInput, plots: &mut Vec<Plot>) -> Option<Markup> {
    (input.keeping.is_some() || input.words.is_some()).then(|| {
        html! {
            @if let Some(experiment) = &input.keeping { (keeping(experiment, plots)) }
            @if let Some(experiment) = &input.words { (words(experiment, plots)) }
        }
    })
}

fn keeping(experiment: &KeepingExperiment, plots: &mut Vec<Plot>) -> Markup {
    let pairs = experiment.pairs();
    html! {
        h3 { "Output neuron keeping: with and without" }
        p { (experiment.setting) }
        (figure(plots,
            plot::curves(&keeping_curves(experiment)),
            "Thick lines are means over the seeds, pale lines are single runs. Both arms have the same seeds, data and order of films. Epoch 0 is before the first step.",
        ))
        @if !experiment.differences.is_empty() {
            div.scroll { table {
                caption {
                    "Paired difference of " (experiment.metric) " (with keeping minus without) in percentage points, over " (pairs) " "
                    (if pairs == 1 { "pair" } else { "pairs" }) " of runs."
                }
                thead { tr {
                    th scope="col" { "After epoch" } th.number scope="col" { "mean difference" }
                    th scope="col" { "interval (Student’s t)" } th.number scope="col" { "keeping ahead" }
                    th.number scope="col" { "sign-flip p (smallest possible)" }
                } }
                tbody { @for at in &experiment.differences { tr {
                    th scope="row" { (at.epoch) }
                    td.number { (at.paired.mean.value.map_or_else(|| "–".to_owned(), points)) }
                    td { (interval_in_points(&at.paired.mean)) }
                    td.number { (at.paired.ahead) " of " (at.paired.differences.len()) }
                    td.number { (at.paired.sign_flip_p.map_or_else(|| "–".to_owned(), |p| format!("{p:.3}"))) " (" (format!("{:.3}", at.paired.smallest_p)) ")" }
                } } }
            } }
        }
        div.scroll { table {
            caption { "Every run: " (experiment.metric) " after each epoch." }
            thead { tr {
                th scope="col" { "Seed" } th scope="col" { "Output neurons" }
                @for epoch in 0..epochs(experiment) { th.number scope="col" { (epoch) } }
            } }
            tbody { @for run in &experiment.runs { tr {
                th scope="row" { (run.seed) }
                td { @if run.kept { span.tag.kept { "kept" } } @else { span.tag.fresh { "fresh" } } }
                @for epoch in 0..epochs(experiment) { td.number { (run.by_epoch.get(epoch).map_or_else(|| "–".to_owned(), |v| percent(*v))) } }
            } } }
        } }
    }
}

fn epochs(experiment: &KeepingExperiment) -> usize {
    experiment
        .runs
        .iter()
        .map(|run| run.by_epoch.len())
        .max()
        .unwrap_or(0)
}

fn interval_in_points(measured: &Estimate) -> String {
    measured.low.zip(measured.high).map_or_else(
        || "none".to_owned(),
        |(low, high)| format!("{}: [{}, {}]", level(measured), points(low), points(high)),
    )
}

fn keeping_curves(experiment: &KeepingExperiment) -> Curves {
    let axis = Axis::new(experiment.metric.as_str())
        .range(0.0, 1.0)
        .ticks(Ticks::Percent);
    let mut plot = Curves::new(
        "Training with and without output neuron keeping",
        Axis::new("epochs").from_zero().ticks(Ticks::Whole),
        axis,
    );
    plot.size = (640.0, 320.0);
    for (kept, name, style) in [(false, "all neurons fresh", 1), (true, "neurons kept", 0)] {
        let runs: Vec<&Vec<f64>> = experiment
            .runs
            .iter()
            .filter(|r| r.kept == kept)
            .map(|r| &r.by_epoch)
            .collect();
        for run in &runs {
            let points = run
                .iter()
                .enumerate()
                .map(|(epoch, v)| (epoch as f64, *v))
                .collect();
            plot.series.push(Series::new(name, points, style).faint());
        }
        // Only epochs that every run reached: otherwise the mean would change where a run ends.
        let common = runs.iter().map(|run| run.len()).min().unwrap_or(0);
        let mean = |epoch: usize| runs.iter().map(|run| run[epoch]).sum::<f64>() / runs.len() as f64;
        plot.series.push(Series::new(
            name,
            (0..common).map(|epoch| (epoch as f64, mean(epoch))).collect(),
            style,
        ));
    }
    plot
}

fn words(experiment: &TextExperiment, plots: &mut Vec<Plot>) -> Markup {
    let rows: Vec<IntervalRow> = experiment
        .conditions
        .iter()
        .map(|condition| IntervalRow {
            label: condition.name.clone(),
            value: condition.accuracy.value,
            interval: condition.accuracy.low.zip(condition.accuracy.high),
            text: with_interval(&condition.accuracy),
            style: 0,
        })
        .collect();
    let levels: BTreeSet<String> = experiment.conditions.iter().map(|c| level(&c.accuracy)).collect();
    let caption = format!(
        "Accuracy with its {} interval under each condition.",
        levels.into_iter().collect::<Vec<_>>().join(" or ")
    );
    html! {
        h3 { "Burned-in text" }
        p { (experiment.setting) }
        (figure(plots, plot::intervals("Accuracy with text shown and covered", &Axis::new("accuracy").range(0.0, 1.0), &rows, None, &[]), &caption))
        div.scroll { table {
            thead { tr {
                th scope="col" { "Films shown" } th.number scope="col" { "correct" } th.number scope="col" { "accuracy" } th scope="col" { "interval" }
                th.number scope="col" { "change, percentage points" }
            } }
            tbody { @for condition in &experiment.conditions { tr {
                th scope="row" { (condition.name) }
                td.number { @if let Some(right) = condition.accuracy.right { (right) " of " (condition.accuracy.n) } @else { "–" } }
                td.number { (value(&condition.accuracy)) }
                td { (interval(&condition.accuracy)) }
                td.number { @match &condition.change {
                    Some(change) => { (change.value.map_or_else(|| "–".to_owned(), points)) " (" (interval_in_points(change)) ")" }
                    None => "–",
                } }
            } } }
        } }
        @if let Some(share) = experiment.relevance_on_text {
            p {
                (percent(share)) " of the absolute relevance is on text"
                @if let Some(area) = experiment.area_of_text { ", which covers " (percent(area)) " of the films’ area" }
                "."
            }
        }
    }
}
