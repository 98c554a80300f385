//! Swap test: does text of one class, pasted onto films of another, move the answers?

use pleura_eval::{Options, Predictions, Task, Truth, compare, evaluate};
use rand::RngExt as _;

use super::{Job, Seen, Swap, SwapPair, difference, without};
use crate::Error;
use crate::random::stream;

/// A film with text or patches of another class pasted onto it.
struct Trial {
    film: usize,
    name: String,
    from: usize,
    onto: usize,
    /// True if the answer is `from`, and its probability: covered, with text, with patches.
    answers: [(bool, f64); 3],
}

/// Pastes text, and patches of the same boxes from elsewhere on the same donor, onto films whose own text is
/// covered. `None` if fewer than two classes have films with text, or no answer could move.
pub(super) fn measure(job: &Job<'_>, seen: &Seen, progress: &dyn Fn(usize)) -> Result<Option<Swap>, Error> {
    let mut trials = Vec::new();
    for film in 0..job.films.films.len() {
        if let Some(class) = job.class(film) {
            trials.extend(paste(job, seen, film, class)?);
        }
        progress(film + 1);
    }
    let findings = job.network.findings();
    let mut pairs = Vec::new();
    for from in 0..findings.len() {
        for onto in 0..findings.len() {
            let own: Vec<&Trial> = trials
                .iter()
                .filter(|trial| (trial.from, trial.onto) == (from, onto))
                .collect();
            let change = |by: usize| {
                let values = own
                    .iter()
                    .map(|trial| (job.patient(trial.film), trial.answers[by].1 - trial.answers[0].1));
                job.mean(&values.collect::<Vec<_>>())
            };
            let (Some(words_change), Some(patches_change)) = (change(1), change(2)) else {
                continue;
            };
            let free = || own.iter().filter(|trial| !trial.answers[0].0);
            pairs.push(SwapPair {
                from: findings[from].clone(),
                onto: findings[onto].clone(),
                pasted: own.len(),
                trials: free().count(),
                words_moved: free().filter(|trial| trial.answers[1].0).count(),
                patches_moved: free().filter(|trial| trial.answers[2].0).count(),
                words_change,
                patches_change,
            });
        }
    }
    let free: Vec<&Trial> = trials.iter().filter(|trial| !trial.answers[0].0).collect();
    if free.is_empty() {
        return Ok(None);
    }
    // "Moved" is a class that is always true: accuracy is the share moved, and the comparison pairs by trial.
    let moved = |by: usize| Predictions {
        findings: vec!["moved".to_owned(), "stayed".to_owned()],
        films: free.iter().map(|trial| trial.name.clone()).collect(),
        patients: free.iter().map(|trial| job.patient(trial.film)).collect(),
        datasets: vec![String::new(); free.len()],
        truth: Truth::Exclusive(vec![Some(0); free.len()]),
        scores: free
            .iter()
            .flat_map(|trial| {
                if trial.answers[by].0 {
                    [1.0, 0.0]
                } else {
                    [0.0, 1.0]
                }
            })
            .collect(),
        logits: None,
    };
    let options = Options {
        stratify: pleura_eval::Stratify::None,
        ..job.settings.evaluation.clone()
    };
    let (words, patches) = (moved(1), moved(2));
    let comparison = compare(&patches, &words, &options)?;
    Ok(Some(Swap {
        pairs,
        trials: free.len(),
        words_moved: evaluate(&words, &options)?.overall.accuracy,
        patches_moved: evaluate(&patches, &options)?.overall.accuracy,
        excess: difference(&comparison, "accuracy", options.level),
        mcnemar: comparison.mcnemar,
    }))
}

fn paste(job: &Job<'_>, seen: &Seen, film: usize, class: usize) -> Result<Vec<Trial>, Error> {
    let name = &job.films.films[film];
    let findings = job.network.findings();
    let mut chosen = Vec::new();
    for from in (0..findings.len()).filter(|&from| from != class) {
        let donors: Vec<usize> = (0..seen.donors.len())
            .filter(|&donor| seen.donors[donor].1 == from)
            .collect();
        if donors.is_empty() {
            continue;
        }
        let mut rng = stream(job.seed(), &format!("{name} donors of {}", findings[from]));
        for number in 0..job.settings.swaps {
            let donor = donors[rng.random_range(0..donors.len() as u32) as usize];
            chosen.push((from, number, donor));
        }
    }
    if chosen.is_empty() {
        return Ok(Vec::new());
    }
    let (shown, text) = job.open(film)?;
    let bare = without(&shown, &text);
    let mut films = vec![bare.clone()];
    for &(_, _, donor) in &chosen {
        let (_, _, words, patches) = &seen.donors[donor];
        for pieces in [words, patches] {
            let mut pasted = bare.clone();
            pieces.paste(&mut pasted);
            films.push(pasted);
        }
    }
    let logits: Vec<f64> = job.answer(&films)?.into_iter().map(f64::from).collect();
    let probabilities = Task::Exclusive.probabilities(&logits, findings.len());
    let judged = |shown: usize, class: usize| {
        let row = &probabilities[shown * findings.len()..(shown + 1) * findings.len()];
        // The first of equals wins, as everywhere.
        let answer = (0..row.len()).fold(0, |best, place| if row[place] > row[best] { place } else { best });
        (answer == class, row[class])
    };
    let trials = chosen
        .into_iter()
        .enumerate()
        .map(|(place, (from, number, donor))| Trial {
            film,
            name: format!(
                "{name} with {} of {} ({})",
                findings[from],
                job.films.films[seen.donors[donor].0],
                number + 1
            ),
            from,
            onto: class,
            answers: [
                judged(0, from),
                judged(1 + 2 * place, from),
                judged(2 + 2 * place, from),
            ],
        });
    Ok(trials.collect())
}
