//! Experiments of the demo: effect of keeping, reliance on text, and heatmaps beside true lesions.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result};
use pleura::Classifier;
use pleura::explain::Mask;
use pleura_audit::burned_in_text::{
    Covering, Films, Mean, Relevance, Settings, Text, run as audit, share_inside,
};
use pleura_data::lungs::compare_lung_masks;
use pleura_eval::{Estimate, Predictions, paired_seeds};
use pleura_explain::composite::NAMES;
use pleura_explain::{Composite, Start, explain};
use pleura_film::DecodeOptions;
use pleura_film::lungs::LungModel;
use pleura_manifest::{Manifest, Split};
use pleura_report::{EpochDifference, KeepingExperiment, KeepingRun, TextCondition, TextExperiment};
use pleura_run::{RunFolder, log::LogEvent};

use crate::console::Progress;

/// Number of films with heatmaps.
const EXPLAINED: usize = 40;

/// Validation accuracy before the first step and after each epoch, by stage, from the run's log.
fn curves(run: &Path) -> Result<BTreeMap<String, Vec<f64>>> {
    let mut curves: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for line in RunFolder::new(run).read_log()? {
        let validation = match line.event {
            LogEvent::Before(before) => before.validation,
            LogEvent::Epoch(epoch) => epoch.validation,
            _ => continue,
        };
        if let Some(accuracy) = validation.accuracy {
            curves.entry(line.stage).or_default().push(accuracy);
        }
    }
    Ok(curves)
}

/// Pairs the runs with and without keeping, records the experiment in the run, and returns the result as a
/// sentence.
pub fn keeping(run: &Path) -> Result<String> {
    let curves = curves(run)?;
    let mut runs = Vec::new();
    for (stage, by_epoch) in &curves {
        let Some((arm, seed)) = stage.split_once('-') else {
            continue;
        };
        if let (true, Ok(seed)) = (matches!(arm, "kept" | "fresh"), seed.parse()) {
            runs.push(KeepingRun {
                seed,
                kept: arm == "kept",
                by_epoch: by_epoch.clone(),
            });
        }
    }
    let arm = |kept: bool, epoch: usize| -> Vec<f64> {
        let runs = runs.iter().filter(|run| run.kept == kept);
        runs.filter_map(|run| run.by_epoch.get(epoch).copied()).collect()
    };
    let epochs = runs.iter().map(|run| run.by_epoch.len()).min().unwrap_or(0);
    let mut differences = Vec::new();
    for epoch in 0..epochs {
        let paired = paired_seeds(&arm(false, epoch), &arm(true, epoch), 0.95)?;
        differences.push(EpochDifference { epoch, paired });
    }
    let points = |epoch: usize| {
        let at = differences
            .get(epoch)
            .and_then(|at| at.paired.mean.value)
            .unwrap_or(0.0);
        format!("{:+.1} points", 100.0 * at)
    };
    let said = format!(
        "Keeping against fresh neurons, mean of 3 seeds, validation accuracy: {} before the first step, {} after epoch 1, {} at the end; \
         three seeds prove little.",
        points(0),
        points(1),
        points(epochs.saturating_sub(1))
    );
    let experiment = KeepingExperiment {
        setting: "Phantoms, three classes, from the same 15-output network; pneumonia and normal keep their output neurons, COVID-19 \
                  starts fresh. Same films, same order, same seed in both arms."
            .to_owned(),
        metric: "validation accuracy".to_owned(),
        runs,
        differences,
    };
    experiment.write(run)?;
    Ok(said)
}

/// Covers the text of all test films, then patches of the same shape elsewhere, and compares the answers.
pub fn words(run: &Path, model: &Classifier, manifest: &Manifest, answers: &Predictions) -> Result<String> {
    let network = model.network()?;
    let open = |number: usize| {
        let film: &String = &answers.films[number];
        let row = manifest.rows.iter().find(|row| row.film == *film);
        let row = row.context("a film of the answers is not in the manifest")?;
        let film = pleura_film::open(&manifest.file(row), &DecodeOptions::default())?;
        let text = Mask::read(manifest, row.masks.text.as_deref())?.map_or_else(Text::default, |mask| {
            Text::of_mask(&mask.inside, mask.width, mask.height, film.width, film.height)
        });
        Ok((film, text))
    };
    let films = Films {
        films: answers.films.clone(),
        patients: answers.patients.clone(),
        datasets: answers.datasets.clone(),
        truth: answers.truth.clone(),
        open: &open,
    };
    let settings = Settings {
        draws: 1,
        explained: EXPLAINED.div_ceil(answers.findings.len()),
        swaps: 0,
        ..Settings::default()
    };
    let found = audit(network, model.preparation(), &films, &settings, &|_, _| {})?;
    let Covering {
        shown,
        covered,
        patched,
        change,
        patch_change,
        ..
    } = found.covering;
    let explained: usize = found.relevance.iter().map(|class| class.words.n).sum();
    let mean = |of: fn(&Relevance) -> Mean| {
        let sums = found.relevance.iter().map(of);
        sums.map(|mean| mean.value * mean.n as f64).sum::<f64>() / explained.max(1) as f64
    };
    let (on_words, area) = (mean(|class| class.words), mean(|class| class.area));
    let percent = |measured: &Estimate| 100.0 * measured.value.unwrap_or(f64::NAN);
    let said = format!(
        "Words (which follow the class in half of the films): accuracy {:.1} % as they are, {:.1} % with words covered, {:.1} % with patches \
         of the same shape elsewhere covered; {:.1} % of the relevance lies on words, which cover {:.1} % of the film.",
        percent(&shown),
        percent(&covered),
        percent(&patched),
        100.0 * on_words,
        100.0 * area
    );
    let condition = |name: &str, accuracy: Estimate, change: Option<Estimate>| TextCondition {
        name: name.to_owned(),
        accuracy,
        change,
    };
    TextExperiment {
        setting: format!(
            "{} test phantoms, {} with words whose place is known; covered by the harmonic continuation of their surroundings. Stage kept-1.",
            found.films, found.lettered
        ),
        conditions: vec![
            condition("as they are", shown, None),
            condition("words covered", covered, Some(change.difference)),
            condition("patches of the same shape elsewhere covered", patched, Some(patch_change.difference)),
        ],
        relevance_on_text: (explained > 0).then_some(on_words),
        area_of_text: (explained > 0).then_some(area),
    }
    .write(run)?;
    Ok(said)
}

/// Share of positive relevance inside the true lesions for correct answers, beside their share of the film,
/// by composite.
pub fn lesions(model: &Classifier, manifest: &Manifest, answers: &Predictions) -> Result<String> {
    let network = model.network()?;
    let composites: Vec<Composite> = NAMES
        .into_iter()
        .map(Composite::by_name)
        .collect::<Result<_, _>>()?;
    let mut found = vec![Found::default(); composites.len()];
    let (mut area, mut films) = (0.0, 0usize);
    for (number, film) in answers.films.iter().enumerate() {
        let answer = answers.answer(number);
        if films == EXPLAINED || answers.has(number, answer) != Some(true) {
            continue;
        }
        let Some(row) = manifest.rows.iter().find(|row| row.film == *film) else {
            continue;
        };
        let Some(mask) = Mask::read(manifest, row.masks.lesion.as_deref())? else {
            continue;
        };
        let source = pleura_film::open(&manifest.file(row), &DecodeOptions::default())?;
        let prepared = pleura_film::prepare(&source, model.preparation());
        let mask = mask.prepared(&prepared.geometry);
        let masked = mask.iter().filter(|masked| **masked).count();
        // A single logit may be negative; the difference to the runner-up is positive.
        let Some(other) = runner_up(answers, number, answer).filter(|_| masked > 0) else {
            continue;
        };
        let findings = model.findings();
        let start = [Start::Difference(
            findings[answer].clone(),
            findings[other].clone(),
        )];
        for (composite, found) in composites.iter().zip(&mut found) {
            let explanation = explain(network, &prepared.unit_grey(), prepared.size, composite, &start)?;
            found.add(&explanation.maps[0].heatmap, &mask);
        }
        area += masked as f64 / mask.len() as f64;
        films += 1;
    }
    if films == 0 {
        return Ok("Heatmaps: no rightly answered film with a lesion to compare with.".to_owned());
    }
    let percent = |sum: f64| 100.0 * sum / films as f64;
    let by_composite = composites.iter().zip(&found).map(|(composite, found)| {
        format!(
            "{:.0} % by {} (strongest point inside in {})",
            percent(found.inside),
            composite.name(),
            found.pointed
        )
    });
    Ok(format!(
        "Heatmaps of {films} rightly answered films with lesions, asked why the answer rather than the runner-up: the true lesion covers {:.0} % of \
         the film and holds {} of what speaks for the answer.",
        percent(area),
        by_composite.collect::<Vec<_>>().join(", ")
    ))
}

/// Results of one composite's heatmaps.
#[derive(Clone, Default)]
struct Found {
    /// Sum over films of the share of positive relevance inside the lesion.
    inside: f64,
    /// Films with their strongest point inside.
    pointed: usize,
}

impl Found {
    fn add(&mut self, heatmap: &[f32], lesion: &[bool]) {
        let positive: Vec<f32> = heatmap.iter().map(|value| value.max(0.0)).collect();
        self.inside += share_inside(&positive, lesion);
        let peak = (0..positive.len()).max_by(|&a, &b| positive[a].total_cmp(&positive[b]));
        self.pointed += usize::from(peak.is_some_and(|place| lesion[place]));
    }
}

/// The finding with the second highest score.
fn runner_up(answers: &Predictions, film: usize, answer: usize) -> Option<usize> {
    let others = (0..answers.findings.len()).filter(|&finding| finding != answer);
    others.max_by(|&a, &b| answers.score(film, a).total_cmp(&answers.score(film, b)))
}

/// The lungs that the built-in model finds on the test films, against the true ones.
pub(super) fn lungs(manifest: &Manifest) -> Result<String> {
    let mut tested = manifest.clone();
    tested.rows.retain(|row| row.split == Some(Split::Test));
    let progress = Progress::new("lungs", tested.rows.len());
    let sources = compare_lung_masks(&tested, LungModel::built_in(), &|done, of| progress.at(done, of))?;
    drop(progress);
    let all = sources.last().context("no test film has a lung mask")?;
    let dice = all.dice.context("the built-in model found no lungs")?;
    Ok(format!(
        "Lungs: the built-in model found them on {} of {} test films, with a mean Dice of {:.3} with the true lungs.",
        dice.n,
        dice.n + all.without_mask,
        dice.value
    ))
}
