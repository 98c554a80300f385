//! The films of an evaluation, arranged so that any weighting of them is evaluated quickly.

use crate::metrics::confusion::{Outcomes, agreement, one_versus_rest};
use crate::metrics::curve::Ranking;
use crate::metrics::figures::{Figures, Scope, Single, Whole};
use crate::{Options, Predictions, Task};

/// Films with their answers, losses and rankings, computed once.
///
/// A film counts `weight` times: 1 for the test set, the number of times its patient was sampled for a
/// bootstrap sample. Both run the same code.
pub(crate) struct Sample {
    kind: Task,
    /// `[films]`: class and answer, for exclusive classes.
    answers: Vec<(usize, usize)>,
    /// `[films]`: Brier and log-loss of the film over all classes, for exclusive classes.
    losses: Vec<(f64, f64)>,
    findings: Vec<Column>,
    scope: Scope,
}

/// One finding against the rest.
struct Column {
    ranking: Ranking,
    films: Vec<Judged>,
}

/// A film with a known label for the finding.
struct Judged {
    film: u32,
    positive: bool,
    predicted_positive: bool,
    brier: f64,
    log_loss: f64,
}

impl Sample {
    /// Arranges films that are all labelled (see [`Predictions::labelled`]).
    pub(crate) fn new(predictions: &Predictions, options: &Options) -> Self {
        let width = predictions.findings.len();
        let films = predictions.len();
        let kind = predictions.kind();
        let exclusive = kind == Task::Exclusive;
        let given: Vec<usize> = (0..films).map(|film| predictions.answer(film)).collect();
        let truth = |film: usize| (0..width).find(|&class| predictions.has(film, class) == Some(true));
        let findings: Vec<Column> = (0..width)
            .map(|finding| {
                let threshold = options.threshold_of(&predictions.findings[finding]);
                let films: Vec<Judged> = (0..films)
                    .filter_map(|film| {
                        let positive = predictions.has(film, finding)?;
                        let score = predictions.score(film, finding);
                        let predicted_positive = if exclusive {
                            given[film] == finding
                        } else {
                            score >= threshold
                        };
                        let miss = score - f64::from(u8::from(positive));
                        let likelihood = if positive { score } else { 1.0 - score };
                        Some(Judged {
                            film: film as u32,
                            positive,
                            predicted_positive,
                            brier: miss * miss,
                            log_loss: surprise(likelihood),
                        })
                    })
                    .collect();
                let ranked = films.iter().map(|judged| {
                    (
                        judged.film,
                        predictions.score(judged.film as usize, finding),
                        judged.positive,
                    )
                });
                Column {
                    ranking: Ranking::new(ranked),
                    films,
                }
            })
            .collect();
        let (mut answers, mut losses) = (Vec::new(), Vec::new());
        if exclusive {
            for (film, &answer) in given.iter().enumerate() {
                if let Some(class) = truth(film) {
                    let brier = (0..width)
                        .map(|other| {
                            let miss = predictions.score(film, other) - f64::from(u8::from(other == class));
                            miss * miss
                        })
                        .sum();
                    answers.push((class, answer));
                    losses.push((brier, surprise(predictions.score(film, class))));
                }
            }
        }
        let mut sample = Self {
            kind,
            answers,
            losses,
            findings,
            scope: Scope::of(&[]),
        };
        sample.scope = Scope::of(&sample.outcomes(&vec![1; films]));
        sample
    }

    /// All metrics, with film `i` counted `weights[i]` times.
    pub(crate) fn figures(&self, weights: &[u32]) -> Figures {
        let mut figures = Figures::new(self.findings.len());
        figures.set_rates(&self.outcomes(weights), &self.scope);
        for (finding, column) in self.findings.iter().enumerate() {
            let areas = column.ranking.areas(|film| u64::from(weights[film as usize]));
            figures.set_single(finding, Single::Auc, areas.auc);
            figures.set_single(finding, Single::AveragePrecision, areas.average_precision);
            let (brier, log_loss) = weighted_means(
                column
                    .films
                    .iter()
                    .map(|one| (weights[one.film as usize], one.brier, one.log_loss)),
            );
            figures.set_single(finding, Single::Brier, brier);
            figures.set_single(finding, Single::LogLoss, log_loss);
        }
        figures.set_mean_areas(&self.scope);
        match self.kind {
            Task::Exclusive => {
                let (accuracy, kappa) = agreement(&self.table(weights), self.findings.len());
                let (brier, log_loss) = weighted_means(
                    self.losses
                        .iter()
                        .zip(weights)
                        .map(|(&(brier, loss), &weight)| (weight, brier, loss)),
                );
                figures.set_whole(Whole::Accuracy, accuracy);
                figures.set_whole(Whole::Kappa, kappa);
                figures.set_whole(Whole::Brier, brier);
                figures.set_whole(Whole::LogLoss, log_loss);
            }
            Task::Independent => {
                for (whole, single) in [(Whole::Brier, Single::Brier), (Whole::LogLoss, Single::LogLoss)] {
                    let labelled: Vec<f64> = (0..self.findings.len())
                        .filter(|&finding| !self.findings[finding].films.is_empty())
                        .map(|finding| figures.0[Figures::single(finding, single)])
                        .collect();
                    figures.set_whole(whole, labelled.iter().sum::<f64>() / labelled.len() as f64);
                }
            }
        }
        figures
    }

    /// Each finding's four counts.
    pub(crate) fn outcomes(&self, weights: &[u32]) -> Vec<Outcomes> {
        match self.kind {
            Task::Exclusive => one_versus_rest(&self.table(weights), self.findings.len()),
            Task::Independent => self
                .findings
                .iter()
                .map(|column| column.outcomes(weights))
                .collect(),
        }
    }

    /// The ranking of one finding's films.
    pub(crate) fn ranking(&self, finding: usize) -> &Ranking {
        &self.findings[finding].ranking
    }

    /// Films with a known label for `finding`: (film, positive, predicted positive).
    pub(crate) fn judged(&self, finding: usize) -> impl Iterator<Item = (u32, bool, bool)> {
        self.findings[finding]
            .films
            .iter()
            .map(|one| (one.film, one.positive, one.predicted_positive))
    }

    /// `[classes, classes]`: films by true and predicted class.
    fn table(&self, weights: &[u32]) -> Vec<f64> {
        let width = self.findings.len();
        let mut table = vec![0.0; width * width];
        for (&(class, answer), &weight) in self.answers.iter().zip(weights) {
            table[class * width + answer] += f64::from(weight);
        }
        table
    }
}

impl Column {
    fn outcomes(&self, weights: &[u32]) -> Outcomes {
        let mut outcomes = Outcomes::default();
        for one in &self.films {
            *match (one.positive, one.predicted_positive) {
                (true, true) => &mut outcomes.true_positives,
                (true, false) => &mut outcomes.false_negatives,
                (false, true) => &mut outcomes.false_positives,
                (false, false) => &mut outcomes.true_negatives,
            } += f64::from(weights[one.film as usize]);
        }
        outcomes
    }
}

/// −ln of a probability, clipped at the smallest f64 step so that one certain mistake does not make the mean
/// infinite (as in scikit-learn).
fn surprise(likelihood: f64) -> f64 {
    -likelihood.clamp(f64::EPSILON, 1.0).ln()
}

fn weighted_means(films: impl Iterator<Item = (u32, f64, f64)>) -> (f64, f64) {
    let (mut total, mut first, mut second) = (0.0, 0.0, 0.0);
    for (weight, a, b) in films {
        let weight = f64::from(weight);
        total += weight;
        first += weight * a;
        second += weight * b;
    }
    (first / total, second / total)
}
