//! Films with text: as they are, with text covered, and with equal areas elsewhere covered.

use pleura_eval::{Estimate, Evaluation, Predictions, Task, Truth, compare, evaluate};

use super::{Covering, Job, Seen, difference};
use crate::Error;

pub(super) fn measure(job: &Job<'_>, seen: &Seen) -> Result<Covering, Error> {
    let options = &job.settings.evaluation;
    let draws = job.settings.draws;
    let exclusive = job.films.truth.kind() == Task::Exclusive;
    let metric = if exclusive { "accuracy" } else { "macro AUC" };
    let value = |evaluation: Evaluation| -> Estimate {
        if exclusive {
            evaluation.overall.accuracy
        } else {
            evaluation.overall.macro_auc
        }
    };
    let findings = job.network.findings().len();
    let everything: Vec<usize> = (0..job.films.films.len()).collect();
    let all = predictions(job, &everything, &seen.shown, "")?;
    let shown_logits: Vec<f32> = seen
        .lettered
        .iter()
        .flat_map(|&film| &seen.shown[film * findings..(film + 1) * findings])
        .copied()
        .collect();
    let shown = predictions(job, &seen.lettered, &shown_logits, "")?;
    let covered = predictions(job, &seen.lettered, &seen.covered, "")?;
    let draw = |number: usize| -> Vec<f32> {
        let films = seen.patched.chunks_exact(draws * findings);
        films
            .flat_map(|film| &film[number * findings..(number + 1) * findings])
            .copied()
            .collect()
    };
    let first = predictions(job, &seen.lettered, &draw(0), "")?;
    // Every placement is a film of its own under its film's patient: the bootstrap samples them together.
    let repeated = |logits: &dyn Fn(usize) -> Vec<f32>| -> Result<Predictions, Error> {
        let mut together = predictions(job, &seen.lettered, &logits(0), "draw 1")?;
        for number in 1..draws {
            let more = predictions(
                job,
                &seen.lettered,
                &logits(number),
                &format!("draw {}", number + 1),
            )?;
            append(&mut together, more);
        }
        Ok(together)
    };
    let patched = repeated(&draw)?;
    let shown_again = repeated(&|_| shown_logits.clone())?;
    let covered_again = repeated(&|_| seen.covered.clone())?;

    let by_words = compare(&shown, &covered, options)?;
    let by_patches = compare(&shown_again, &patched, options)?;
    let worth = compare(&covered_again, &patched, options)?;
    Ok(Covering {
        metric: metric.to_owned(),
        all: value(evaluate(&all, options)?),
        shown: value(evaluate(&shown, options)?),
        covered: value(evaluate(&covered, options)?),
        patched: value(evaluate(&patched, options)?),
        draws,
        change: difference(&by_words, metric, options.level),
        patch_change: difference(&by_patches, metric, options.level),
        worth: difference(&worth, metric, options.level),
        changed: by_words.changed,
        patch_changed: by_patches.changed,
        mcnemar: by_words.mcnemar,
        mcnemar_patched: compare(&first, &covered, options)?.mcnemar,
    })
}

/// Predictions for some films, with a suffix on their names.
fn predictions(job: &Job<'_>, films: &[usize], logits: &[f32], mark: &str) -> Result<Predictions, Error> {
    let findings = job.network.findings();
    let names = |of: &[String]| films.iter().map(|&film| of[film].clone()).collect::<Vec<_>>();
    let mut marked = names(&job.films.films);
    let mut patients = names(&job.films.patients);
    if !mark.is_empty() {
        for (film, patient) in marked.iter_mut().zip(&mut patients) {
            // A film of an unknown patient is its own patient, whatever its suffix.
            if patient.is_empty() {
                patient.clone_from(film);
            }
            *film = format!("{film} {mark}");
        }
    }
    let truth = match &job.films.truth {
        Truth::Exclusive(classes) => Truth::Exclusive(films.iter().map(|&film| classes[film]).collect()),
        Truth::Independent(known) => {
            let rows = films
                .iter()
                .map(|&film| &known[film * findings.len()..(film + 1) * findings.len()]);
            Truth::Independent(rows.flatten().copied().collect())
        }
    };
    let datasets = names(&job.films.datasets);
    Ok(Predictions::from_logits(
        findings.to_vec(),
        marked,
        patients,
        datasets,
        truth,
        logits,
    )?)
}

fn append(to: &mut Predictions, more: Predictions) {
    to.films.extend(more.films);
    to.patients.extend(more.patients);
    to.datasets.extend(more.datasets);
    to.scores.extend(more.scores);
    if let (Some(to), Some(more)) = (&mut to.logits, more.logits) {
        to.extend(more);
    }
    match (&mut to.truth, more.truth) {
        (Truth::Exclusive(to), Truth::Exclusive(more)) => to.extend(more),
        (Truth::Independent(to), Truth::Independent(more)) => to.extend(more),
        _ => {}
    }
}
