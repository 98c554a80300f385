//! The words experiment: what answers, relevance and swapped words say about a network's use of lettering.

mod covering;
mod swap;

use pleura_eval::{Comparison, Difference, Estimate, Kind, McNemar, Truth};
use pleura_explain::{Composite, Start, explain};
use pleura_film::{Film, Preparation, Prepared, prepare};
use pleura_nn::Network;
use serde::{Deserialize, Serialize};

use super::fill::cover;
use super::mean::Mean;
use super::paste::TextPieces;
use super::text::Text;
use super::verdict::Verdict;
use super::{prepared_mask, share_inside};
use crate::Error;

/// Films with what is known about them.
pub struct Films<'a> {
    /// Names, all different.
    pub films: Vec<String>,
    /// Patients; films of one patient are drawn together.
    pub patients: Vec<String>,
    /// Datasets.
    pub datasets: Vec<String>,
    /// What is true of them.
    pub truth: Truth,
    /// Opens a film by its number and finds its lettering.
    pub open: &'a dyn Fn(usize) -> Result<(Film, Text), Box<dyn std::error::Error + Send + Sync>>,
}

/// What is done to the films, and how it is judged.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How often patches elsewhere are drawn for each film, at least 1.
    pub draws: usize,
    /// Films of each class (of each finding) whose relevance is measured.
    pub explained: usize,
    /// By which rules.
    pub composite: Composite,
    /// Films of each other class whose words are pasted onto each film; 0 leaves the swap test out.
    pub swaps: usize,
    /// The effect that matters: a share of the answers, above 0 and at most 1.
    pub threshold: f64,
    /// Level, draws and seed of the intervals; the seed also chooses patches and donors.
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

/// What the experiment found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// Films asked about.
    pub films: usize,
    /// Films with lettering.
    pub lettered: usize,
    /// Mean share of a lettered film's own area that is lettering.
    pub area: f64,
    /// What covering does.
    pub covering: Covering,
    /// Relevance on lettering, class by class.
    pub relevance: Vec<Relevance>,
    /// What pasted words do; of exclusive classes only.
    pub swap: Option<Swap>,
    /// What follows.
    pub verdict: Verdict,
}

/// Answers to the lettered films, as they are and covered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Covering {
    /// `accuracy` of exclusive classes, `macro AUC` of independent findings.
    pub metric: String,
    /// The metric over all films as they are, lettered or not.
    pub all: Estimate,
    /// The metric over the lettered films as they are.
    pub shown: Estimate,
    /// With their lettering covered.
    pub covered: Estimate,
    /// With patches elsewhere covered, over all draws.
    pub patched: Estimate,
    /// How often patches were drawn.
    pub draws: usize,
    /// Covered less shown.
    pub change: Difference,
    /// Patched less shown.
    pub patch_change: Difference,
    /// Patched less covered: what words are worth beyond their area.
    pub worth: Difference,
    /// Share of the films whose answer changes when words are covered.
    pub changed: Estimate,
    /// The same of patches.
    pub patch_changed: Estimate,
    /// Shown against covered, film by film.
    pub mcnemar: Option<McNemar>,
    /// Patched (first draw) against covered, film by film.
    pub mcnemar_patched: Option<McNemar>,
}

/// Relevance of a class's own logit on its own lettered films, counted without sign.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Relevance {
    /// The class or finding.
    pub finding: String,
    /// Share that lies on lettering.
    pub words: Mean,
    /// Share of the network's input that is lettering.
    pub area: Mean,
    /// Share that lies on patches of the same shape elsewhere.
    pub elsewhere: Mean,
}

/// Words of one class pasted onto films of another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Swap {
    /// From class to class.
    pub pairs: Vec<SwapPair>,
    /// Trials in which the answer could move.
    pub trials: usize,
    /// Share of them that words moved.
    pub words_moved: Estimate,
    /// Share of them that patches moved.
    pub patches_moved: Estimate,
    /// Words less patches.
    pub excess: Difference,
    /// Words against patches, trial by trial.
    pub mcnemar: Option<McNemar>,
}

/// Words of one class on films of another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SwapPair {
    /// The class that words and patches come from.
    pub from: String,
    /// The true class of the films that they were pasted onto.
    pub onto: String,
    /// Films, each as often as words were pasted onto it.
    pub pasted: usize,
    /// Those not answered `from` before anything was pasted.
    pub trials: usize,
    /// Of them: answered `from` with words pasted.
    pub words_moved: usize,
    /// Of them: answered `from` with patches pasted.
    pub patches_moved: usize,
    /// Mean change of the probability of `from` by words, over all pasted.
    pub words_change: Mean,
    /// Mean change by patches.
    pub patches_change: Mean,
}

/// Carries the experiment out. `progress` hears of films done, of all there are to do.
///
/// Every change is made on the film itself, which is then prepared as any other: lettering is covered by [`cover`], patches elsewhere
/// (see [`Text::elsewhere`]) likewise.
///
/// # Errors
/// A film that cannot be had; no lettering on any; settings that make no sense; answers that cannot be measured.
pub fn run(
    network: &Network,
    preparation: &Preparation,
    films: &Films<'_>,
    settings: &Settings,
    progress: &dyn Fn(usize, usize),
) -> Result<Outcome, Error> {
    settings.check()?;
    let swaps = settings.swaps > 0 && films.truth.kind() == Kind::Exclusive;
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

/// What was seen film by film.
#[derive(Default)]
struct Seen {
    /// `[films, findings]`.
    shown: Vec<f32>,
    /// Numbers of the lettered films.
    lettered: Vec<usize>,
    /// `[lettered, findings]`.
    covered: Vec<f32>,
    /// `[lettered, draws, findings]`.
    patched: Vec<f32>,
    /// Sum over the lettered films.
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

    /// The class of a film, where classes exclude each other and its is known.
    fn class(&self, number: usize) -> Option<usize> {
        match &self.films.truth {
            Truth::Exclusive(classes) => classes[number],
            Truth::Independent(_) => None,
        }
    }

    /// Findings that a film has.
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

    /// One film: as it is, covered, patched; its relevance; what may be pasted elsewhere.
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
        let on_input = |text: &Text| prepared_mask(&text.mask(), text.width, text.height, &prepared_film.geometry);
        let (words, patch) = (on_input(text), on_input(patch));
        let area = words.iter().filter(|&&inside| inside).count() as f64 / words.len() as f64;
        let starts: Vec<Start> = present
            .iter()
            .map(|&finding| Start::Logit(self.network.findings()[finding].clone()))
            .collect();
        let (grey, size) = (prepared_film.unit_grey(), prepared_film.size);
        let explanation = explain(self.network, &grey, size, &self.settings.composite, &starts)?;
        for (finding, map) in present.into_iter().zip(explanation.maps) {
            let shares = [share_inside(&map.heatmap, &words), area, share_inside(&map.heatmap, &patch)];
            seen.shares.push((finding, self.patient(number), shares));
        }
        Ok(())
    }

    /// The patient, or where it is not known the film.
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

/// A film without its lettering.
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
