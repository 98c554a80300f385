//! Training: the recipe and the curves of all stages.

use std::fmt::Write as _;

use maud::{Markup, html};

use super::figure::{figure, missing};
use super::neurons;
use super::number::{counted, listed, split, three};
use super::sampling;
use crate::input::{ReportInput, StageResult, StepPoint};
use pleura_draw::plot::{self, Axis, Curves, Plot, Scale, Series, Ticks};

/// The most points of a line of single steps; more are averaged in groups.
const STEP_POINTS: usize = 320;

pub(super) fn section(input: &ReportInput, plots: &mut Vec<Plot>) -> Markup {
    html! {
        @if input.stages.is_empty() { (missing("The run has no stages yet.")) }
        @for stage in &input.stages { (one(stage, plots)) }
        h3 { "Recipe" }
        @if input.recipe.is_empty() { (missing("The run has no recipe.")) } @else {
            p.soft { "As resolved, with all defaults." }
            pre.recipe { code { (input.recipe) } }
        }
    }
}

fn one(stage: &StageResult, plots: &mut Vec<Plot>) -> Markup {
    html! {
        h3 { "Stage " (stage.name) }
        p { (words(stage)) }
        @if stage.epochs.is_empty() && stage.steps.is_empty() {
            (missing("This stage has no log."))
        } @else {
            div.pair {
                (figure(plots, plot::curves(&loss(stage)), "Lines: means over an epoch. Pale line: single training batches."))
                @if let Some(plot) = metrics(stage) { (figure(plots, plot::curves(&plot), "After each epoch, on validation films.")) }
                @if let Some(plot) = learning_rate(stage) { (figure(plots, plot::curves(&plot), "Learning rate of each group of parameters.")) }
                @if let Some(plot) = gradient_norm(stage) { (figure(plots, plot::curves(&plot), "Norm of the whole gradient before clipping.")) }
            }
        }
        @if let Some(effect) = &stage.sampling { (sampling::section(effect, &stage.findings)) }
        (neurons::table(stage))
    }
}

fn words(stage: &StageResult) -> String {
    let mut text = String::new();
    if !stage.start.is_empty() {
        let _ = write!(text, "Weights at the start: {}. ", stage.start);
    }
    if !stage.findings.is_empty() {
        let _ = write!(text, "Outputs: {}. ", listed(&stage.findings));
    }
    for part in &stage.films {
        let _ = write!(
            text,
            "{} of {} for {}",
            counted(part.films, "film"),
            counted(part.patients, "patient"),
            split(&part.split)
        );
        if !part.excluded.is_empty() {
            let why: Vec<String> = part
                .excluded
                .iter()
                .map(|(reason, films)| format!("{films} {reason}"))
                .collect();
            let _ = write!(text, " (excluded: {})", why.join(", "));
        }
        text.push_str(". ");
    }
    let epochs = stage.epochs.iter().filter(|epoch| epoch.epoch > 0).count();
    if epochs > 0 {
        let _ = write!(
            text,
            "Trained for {epochs} {}",
            if epochs == 1 { "epoch" } else { "epochs" }
        );
        match stage
            .best_epoch
            .and_then(|best| stage.epochs.iter().find(|e| e.epoch == best))
        {
            Some(best) => {
                let _ = write!(text, "; the weights after epoch {} were kept", best.epoch);
                if let Some(loss) = best.validation_loss {
                    let _ = write!(text, " (validation loss {})", three(loss));
                }
                text.push('.');
            }
            None => text.push('.'),
        }
    }
    text
}

fn epochs_axis() -> Axis {
    Axis::new("epochs").from_zero().ticks(Ticks::Whole)
}

fn best_mark(stage: &StageResult) -> Vec<(f64, String)> {
    stage
        .best_epoch
        .map(|best| (best as f64, "best epoch".to_owned()))
        .into_iter()
        .collect()
}

fn loss(stage: &StageResult) -> Curves {
    let mut plot = Curves::new(
        format!("Loss of stage {}", stage.name),
        epochs_axis(),
        Axis::new("loss").from_zero(),
    );
    let steps = averaged(&stage.steps, |step| Some(step.loss));
    let line = |pick: fn(&crate::input::EpochPoint) -> Option<f64>| {
        stage
            .epochs
            .iter()
            .filter_map(|e| Some((e.epoch as f64, pick(e)?)))
            .collect::<Vec<_>>()
    };
    let (train, validation) = (line(|e| e.train_loss), line(|e| e.validation_loss));
    plot.series.push(Series::new("single batches", steps, 0).faint());
    for (name, points, style) in [("training", train, 0), ("validation", validation, 1)] {
        if !points.is_empty() {
            plot.series.push(Series::new(name, points, style));
        }
    }
    plot.marks = best_mark(stage);
    plot
}

fn metrics(stage: &StageResult) -> Option<Curves> {
    let mut names: Vec<&str> = Vec::new();
    for (name, _) in stage.epochs.iter().flat_map(|e| &e.validation) {
        if !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    if names.is_empty() {
        return None;
    }
    let axis = Axis::new("metric on validation films").range(0.0, 1.0);
    let mut plot = Curves::new(
        format!("Validation metrics of stage {}", stage.name),
        epochs_axis(),
        axis,
    );
    for (style, name) in names.into_iter().enumerate() {
        let points = stage
            .epochs
            .iter()
            .filter_map(|e| Some((e.epoch as f64, e.validation.iter().find(|(n, _)| n == name)?.1)));
        plot.series.push(Series::new(name, points.collect(), style + 1));
    }
    plot.marks = best_mark(stage);
    Some(plot)
}

fn learning_rate(stage: &StageResult) -> Option<Curves> {
    let mut groups: Vec<&str> = Vec::new();
    for (name, _) in stage.steps.iter().flat_map(|s| &s.learning_rates) {
        if !groups.contains(&name.as_str()) {
            groups.push(name);
        }
    }
    let rate = |step: &StepPoint, name: &str| {
        step.learning_rates
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, rate)| *rate)
    };
    let mut lines: Vec<(String, Vec<(f64, f64)>)> = Vec::new();
    for name in groups {
        let points = averaged(&stage.steps, |step| rate(step, name));
        // Groups with the same schedule share a line.
        match lines.iter_mut().find(|(_, other)| *other == points) {
            Some((names, _)) => {
                names.push_str(", ");
                names.push_str(name);
            }
            None => lines.push((name.to_owned(), points)),
        }
    }
    if lines.is_empty() {
        return None;
    }
    let rates = || lines.iter().flat_map(|(_, points)| points.iter().map(|p| p.1));
    let (low, high) = rates().fold((f64::INFINITY, 0.0f64), |(l, h), v| (l.min(v), h.max(v)));
    let axis = if low > 0.0 && high / low > 20.0 {
        Axis::new("learning rate").scale(Scale::Log)
    } else {
        Axis::new("learning rate").from_zero()
    };
    let mut plot = Curves::new(
        format!("Learning rate of stage {}", stage.name),
        epochs_axis(),
        axis,
    );
    plot.size.1 = 210.0;
    let alone = lines.len() == 1;
    for (style, (name, points)) in lines.into_iter().enumerate() {
        plot.series.push(Series::new(
            if alone { "all groups".to_owned() } else { name },
            points,
            style,
        ));
    }
    Some(plot)
}

fn gradient_norm(stage: &StageResult) -> Option<Curves> {
    let points = averaged(&stage.steps, |step| step.gradient_norm);
    if points.is_empty() {
        return None;
    }
    let mut plot = Curves::new(
        format!("Gradient norm of stage {}", stage.name),
        epochs_axis(),
        Axis::new("gradient norm").from_zero(),
    );
    plot.size.1 = 210.0;
    plot.series.push(Series::new("", points, 0).faint());
    Some(plot)
}

/// One value per step over the epochs; many steps are averaged in groups of neighbours.
fn averaged(steps: &[StepPoint], pick: impl Fn(&StepPoint) -> Option<f64>) -> Vec<(f64, f64)> {
    let points: Vec<(f64, f64)> = steps
        .iter()
        .filter_map(|step| Some((step.epochs, pick(step)?)))
        .collect();
    let size = points.len().div_ceil(STEP_POINTS).max(1);
    points
        .chunks(size)
        .map(|group| {
            let n = group.len() as f64;
            (
                group.iter().map(|p| p.0).sum::<f64>() / n,
                group.iter().map(|p| p.1).sum::<f64>() / n,
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_steps_are_averaged_and_few_are_not() {
        let steps = |n: usize| -> Vec<StepPoint> {
            (0..n)
                .map(|i| StepPoint {
                    epochs: i as f64,
                    loss: (i % 2) as f64,
                    ..StepPoint::default()
                })
                .collect()
        };
        assert_eq!(
            averaged(&steps(3), |s| Some(s.loss)),
            [(0.0, 0.0), (1.0, 1.0), (2.0, 0.0)]
        );
        let many = averaged(&steps(2 * STEP_POINTS), |s| Some(s.loss));
        assert_eq!(many.len(), STEP_POINTS);
        assert_eq!(many[0], (0.5, 0.5));
    }

    #[test]
    fn groups_with_one_schedule_share_a_line() {
        let step = |rate: f64| StepPoint {
            learning_rates: vec![
                ("stem".into(), rate),
                ("head".into(), 10.0 * rate),
                ("block1".into(), rate),
            ],
            ..StepPoint::default()
        };
        let stage = StageResult {
            steps: vec![step(0.1), step(0.2)],
            ..StageResult::default()
        };
        let names: Vec<String> = learning_rate(&stage)
            .unwrap()
            .series
            .into_iter()
            .map(|s| s.name)
            .collect();
        assert_eq!(names, ["stem, block1", "head"]);
    }
}
