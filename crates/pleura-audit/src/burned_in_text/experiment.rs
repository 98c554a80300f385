//! The burned-in text experiment: answers with covered text, relevance on text, and swapped text.

mod covering;
mod swap;

use pleura_eval::{Comparison, Difference, Estimate, McNemar, Task, Truth};
use pleura_explain::{Composite, Start, explain};
use pleura_film::{Film, Preparation, Prepared, prepare};
use pleura_nn::Network;
use serde::{Deserialize, Serialize};

use super::fill::cover;
use super::paste::TextPieces;
use super::text::Text;
use super::verdict::Verdict;
use super::{prepared_mask, share_inside};
use crate::Error;
use pleura_eval::Mean;

/// Films with their labels.
pub struct Films<'a> {
    /// Unique names.
    pub films: Vec<String>,
    /// Patients; the bootstrap samples a patient's films together.
    pub patients: Vec<String>,
    /// Datasets.
    pub datasets: Vec<String>,
    /// True labels.
    pub truth: Truth,
    /// Opens a film by its index and finds its text.
    pub open: &'a dyn Fn(usize) -> Result<(Film, Text), Box<dyn std::error::Error + Send + Sync>>,
}

/// Settings of the experiment.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Random patch placements per film, at least 1.
    pub draws: usize,
    /// Films of each class (or finding) whose relevance is measured.
    pub explained: usize,
    /// Composite of the relevance.
    pub composite: Composite,
    /// Films of each other class whose text is pasted onto each film; 0 for no swap test.
    pub swaps: usize,
    /// The effect that matters: a share of the answers, above 0 and at most 1.
    pub threshold: f64,
    /// Level, samples and seed of the intervals; the seed also chooses patches and donors.
    pub evaluation: pleura_eval::Options,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            draws: 5,
            explained: 40,
            composite: Composite::default(),
            swaps: 1,
            threshold: 0.05,
            evaluation: pleura_eval::Options {
                // The posterior of the prevalences is not quoted here.
                bayes: 0,
                ..pleura_eval::Options::default()
            },
        }
    }
}

/// Results of the experiment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// Number of films.
    pub films: usize,
    /// Films with text.
    pub lettered: usize,
    /// Mean share of a film's area that is text, over films with text.
    pub area: f64,
    /// Effect of covering.
    pub covering: Covering,
    /// Relevance on text, by class.
    pub relevance: Vec<Relevance>,
    /// Effect of pasted text; exclusive classes only.
    pub swap: Option<Swap>,
    /// The conclusion.
    pub verdict: Verdict,
}

/// Answers to films with text, as they are and covered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Covering {
    /// `accuracy` for exclusive classes, `macro AUC` for independent findings.
    pub metric: String,
    /// The metric over all films, with or without text.
    pub all: Estimate,
    /// The metric over films with text, as they are.
    pub shown: Estimate,
    /// With text covered.
    pub covered: Estimate,
    /// With patches elsewhere covered, over all placements.
    pub patched: Estimate,
    /// Number of placements.
    pub draws: usize,
    /// Covered minus shown.
    pub change: Difference,
    /// Patched minus shown.
    pub patch_change: Difference,
    /// Patched minus covered: the worth of text beyond its area.
    pub worth: Difference,
    /// Share of films whose answer changes when text is covered.
    pub changed: Estimate,
    /// Share of films whose answer changes when patches are covered.
    pub patch_changed: Estimate,
    /// Shown against covered, by film.
    pub mcnemar: Option<McNemar>,
    /// Patched (first placement) against covered, by film.
    pub mcnemar_patched: Option<McNemar>,
}

/// Absolute relevance of a class's logit on its own films with text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Relevance {
    /// The class or finding.
    pub finding: String,
    /// Share on text.
    pub words: Mean,
    /// Share of the network's input that is text.
    pub area: Mean,
    /// Share on patches of the same shape elsewhere.
    pub elsewhere: Mean,
}

/// Text of one class pasted onto films of another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Swap {
    /// Results by pair of classes.
    pub pairs: Vec<SwapPair>,
    /// Trials in which the answer could move.
    pub trials: usize,
    /// Share of trials that text moved.
    pub words_moved: Estimate,
    /// Share of trials that patches moved.
    pub patches_moved: Estimate,
    /// Text minus patches.
    pub excess: Difference,
    /// Text against patches, by trial.
    pub mcnemar: Option<McNemar>,
}

/// Text of one class on films of another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SwapPair {
    /// Class of the donors of text and patches.
    pub from: String,
    /// True class of the films pasted onto.
    pub onto: String,
    /// Number of pastings.
    pub pasted: usize,
    /// Pastings onto films not answered `from` before.
    pub trials: usize,
    /// Trials answered `from` with text pasted.
    pub words_moved: usize,
    /// Trials answered `from` with patches pasted.
    pub patches_moved: usize,
    /// Mean change of the probability of `from` by text, over all pastings.
    pub words_change: Mean,
    /// Mean change by patches.
    pub patches_change: Mean,
}

/// Runs the experiment. `progress` gets films done, of all films.
///
/// Changes are made on the film itself, which is then prepared as usual: text and patches elsewhere
/// ([`Text::elsewhere`]) are covered by [`cover`].
///
/// # Errors
/// A film that cannot be read; no text on any film; invalid settings; answers that cannot be evaluated.
pub fn run(
    network: &Network,
    preparation: &Preparation,
    films: &Films<'_>,
    settings: &Settings,
    progress: &dyn Fn(usize, usize),
) -> Result<Outcome, Error> {
    settings.check()?;
    let swaps = settings.swaps > 0 && films.truth.kind() == Task::Exclusive;
    let work = films.films.len() * if swaps { 2 } else { 1 };
    let job = Job {
        network,
        preparation,
        films,
        settings,
    };
    let mut seen = Seen::default();
    for number in 0..films.films.len() {
        job.show(number, &mut seen)?;
        progress(number + 1, work);
    }
    let lettered = seen.lettered.len();
    if lettered == 0 {
        return Err(Error::NoLettering {
            films: films.films.len(),
        });
    }
    let covering = covering::measure(&job, &seen)?;
    let swap = if swaps {
        swap::measure(&job, &seen, &|done| progress(films.films.len() + done, work))?
    } else {
        None
    };
    let verdict = Verdict::of(&covering, swap.as_ref(), settings.threshold);
    Ok(Outcome {
        films: films.films.len(),
        lettered,
        area: seen.area / lettered as f64,
        covering,
        relevance: job.relevance(&seen),
        swap,
        verdict,
    })
}

impl Settings {
    fn check(&self) -> Result<(), Error> {
        let wrong = |name, found: String, expected| {
            Err(Error::Setting {
                name,
                found,
                expected,
            })
        };
        if self.draws == 0 {
            return wrong("draws", "0".to_owned(), "at least 1");
        }
        if !(self.threshold > 0.0 && self.threshold <= 1.0) {
            return wrong(
                "threshold",
                self.threshold.to_string(),
                "a share above 0 and at most 1",
            );
        }
        Ok(())
    }
}

struct Job<'a> {
    network: &'a Network,
    preparation: &'a Preparation,
    films: &'a Films<'a>,
    settings: &'a Settings,
}

/// Logits and shares by film.
#[derive(Default)]
struct Seen {
    /// `[films, findings]`.
    shown: Vec<f32>,
    /// Indices of films with text.
    lettered: Vec<usize>,
    /// `[lettered, findings]`.
    covered: Vec<f32>,
    /// `[lettered, draws, findings]`.
    patched: Vec<f32>,
    /// Sum over films with text.
    area: f64,
    /// Finding, patient, and the three shares of [`Relevance`].
    shares: Vec<(usize, String, [f64; 3])>,
    /// Film, class, words, patches.
    donors: Vec<(usize, usize, TextPieces, TextPieces)>,
}

impl Job<'_> {
    fn open(&self, number: usize) -> Result<(Film, Text), Error> {
        (self.films.open)(number).map_err(|source| Error::Film {
            film: self.films.films[number].clone(),
            source,
        })
    }

    fn seed(&self) -> u64 {
        self.settings.evaluation.seed
    }

    /// The class of a film; `None` for independent findings or an unknown class.
    fn class(&self, number: usize) -> Option<usize> {
        match &self.films.truth {
            Truth::Exclusive(classes) => classes[number],
            Truth::Independent(_) => None,
        }
    }

    /// Findings present on a film.
    fn present(&self, number: usize) -> Vec<usize> {
        let findings = self.network.findings().len();
        match &self.films.truth {
            Truth::Exclusive(classes) => classes[number].into_iter().collect(),
            Truth::Independent(known) => {
                let known = &known[number * findings..(number + 1) * findings];
                (0..findings)
                    .filter(|&finding| known[finding] == Some(true))
                    .collect()
            }
        }
    }

    fn prepare(&self, film: &Film) -> Prepared {
        prepare(film, self.preparation)
    }

    /// Logits of some films, `[films, findings]`.
    fn answer(&self, films: &[Film]) -> Result<Vec<f32>, Error> {
        let grey: Vec<f32> = films
            .iter()
            .flat_map(|film| self.prepare(film).unit_grey())
            .collect();
        Ok(self.network.infer(&grey, films.len(), self.preparation.size)?)
    }

    /// One film: as it is, covered, patched; its relevance; its pieces for pasting.
    fn show(&self, number: usize, seen: &mut Seen) -> Result<(), Error> {
        let (film, text) = self.open(number)?;
        if text.is_empty() {
            seen.shown.extend(self.answer(&[film])?);
            return Ok(());
        }
        let name = &self.films.films[number];
        let patches: Vec<Text> = (0..self.settings.draws)
            .map(|draw| text.elsewhere(self.seed(), &format!("{name} patch {draw}")))
            .collect();
        let mut variants = vec![film.clone(), without(&film, &text)];
        variants.extend(patches.iter().map(|patch| without(&film, patch)));
        let logits = self.answer(&variants)?;
        let findings = self.network.findings().len();
        let (shown, rest) = logits.split_at(findings);
        let (covered, patched) = rest.split_at(findings);
        seen.shown.extend(shown);
        seen.covered.extend(covered);
        seen.patched.extend(patched);
        seen.lettered.push(number);
        seen.area += text.area();
        self.explain(number, &film, &text, &patches[0], seen)?;
        if let (Some(class), true) = (self.class(number), self.settings.swaps > 0) {
            let patch = text.boxed().elsewhere(self.seed(), &format!("{name} piece"));
            seen.donors.push((
                number,
                class,
                TextPieces::cut(&film, &text),
                TextPieces::cut(&film, &patch),
            ));
        }
        Ok(())
    }

    fn explain(
        &self,
        number: usize,
        film: &Film,
        text: &Text,
        patch: &Text,
        seen: &mut Seen,
    ) -> Result<(), Error> {
        let wanted = |finding: &usize| {
            let so_far = seen.shares.iter().filter(|share| share.0 == *finding).count();
            so_far < self.settings.explained
        };
        let present: Vec<usize> = self.present(number).into_iter().filter(wanted).collect();
        if present.is_empty() {
            return Ok(());
        }
        let prepared_film = self.prepare(film);
        let on_input =
            |text: &Text| prepared_mask(&text.mask(), text.width, text.height, &prepared_film.geometry);
        let (words, patch) = (on_input(text), on_input(patch));
        let area = words.iter().filter(|&&inside| inside).count() as f64 / words.len() as f64;
        let starts: Vec<Start> = present
            .iter()
            .map(|&finding| Start::Logit(self.network.findings()[finding].clone()))
            .collect();
        let (grey, size) = (prepared_film.unit_grey(), prepared_film.size);
        let explanation = explain(self.network, &grey, size, &self.settings.composite, &starts)?;
        for (finding, map) in present.into_iter().zip(explanation.maps) {
            let shares = [
                share_inside(&map.heatmap, &words),
                area,
                share_inside(&map.heatmap, &patch),
            ];
            seen.shares.push((finding, self.patient(number), shares));
        }
        Ok(())
    }

    /// The patient, or the film if the patient is unknown.
    fn patient(&self, number: usize) -> String {
        let patient = &self.films.patients[number];
        let known = if patient.is_empty() {
            &self.films.films[number]
        } else {
            patient
        };
        format!("{}\n{known}", self.films.datasets[number])
    }

    fn mean(&self, values: &[(String, f64)]) -> Option<Mean> {
        let options = &self.settings.evaluation;
        Mean::of(values, options.level, options.bootstrap, options.seed)
    }

    fn relevance(&self, seen: &Seen) -> Vec<Relevance> {
        let findings = self.network.findings().iter().enumerate();
        findings
            .filter_map(|(finding, name)| {
                let column = |column: usize| {
                    let own = seen.shares.iter().filter(|share| share.0 == finding);
                    let values: Vec<_> = own.map(|share| (share.1.clone(), share.2[column])).collect();
                    self.mean(&values)
                };
                Some(Relevance {
                    finding: name.clone(),
                    words: column(0)?,
                    area: column(1)?,
                    elsewhere: column(2)?,
                })
            })
            .collect()
    }
}

/// A film with its text covered.
fn without(film: &Film, text: &Text) -> Film {
    let mut film = film.clone();
    cover(&mut film.grey, film.width, film.height, &text.mask());
    film
}

fn difference(comparison: &Comparison, metric: &str, level: f64) -> Difference {
    let undefined = || Difference {
        metric: metric.to_owned(),
        finding: None,
        before: None,
        after: None,
        difference: Estimate::undefined(level),
    };
    comparison
        .difference(metric, None)
        .cloned()
        .unwrap_or_else(undefined)
}
