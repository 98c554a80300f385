//! Limits of an evaluation that a reader must know.

use std::collections::BTreeSet;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::text::sentences::{count, percent};
use crate::{Estimate, Evaluation, Kind, Predictions};

/// Below this number of films, every interval is wide.
const FEW_FILMS: usize = 100;
/// Below this number of films of a kind, a rate means little.
const FEW_OF_A_KIND: usize = 10;

/// A limit of an evaluation. Displays as a sentence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "warning", rename_all = "kebab-case")]
pub enum Warning {
    /// The whole test set is small.
    FewFilms {
        /// Films evaluated.
        films: usize,
    },
    /// No film has the finding, so its sensitivity and AUC do not exist.
    NoFilms {
        /// The finding.
        finding: String,
    },
    /// Few films have the finding.
    FewPositives {
        /// The finding.
        finding: String,
        /// Films with it.
        films: usize,
    },
    /// Few films, or none, are known not to have the finding.
    FewNegatives {
        /// The finding.
        finding: String,
        /// Films without it.
        films: usize,
    },
    /// The finding has films and is never predicted.
    NeverCalled {
        /// The finding.
        finding: String,
        /// Films with it.
        films: usize,
    },
    /// A share of 100 %.
    AllRight {
        /// "accuracy", or the finding's name with "sensitivity".
        metric: String,
        /// Films, all answered right.
        films: usize,
        /// Their patients.
        patients: usize,
        /// Lower end of the quoted exact interval (over patients if they have several films).
        low: f64,
        /// Nominal coverage of the interval.
        level: f64,
    },
    /// Bootstrap intervals without width: every sample gave the same value.
    NoWidth {
        /// The metrics.
        metrics: Vec<String>,
    },
    /// Patients have several films; exact intervals over films and Bayesian intervals assume independent
    /// films.
    SeveralFilmsAPatient {
        /// Films evaluated.
        films: usize,
        /// Their patients.
        patients: usize,
    },
    /// Films without a patient; each counts as a patient of its own.
    UnknownPatients {
        /// Number of those films.
        films: usize,
    },
    /// All films of the finding come from datasets without any other film: the source determines the finding.
    TiedToSource {
        /// The finding.
        finding: String,
        /// Its datasets.
        datasets: Vec<String>,
    },
    /// Many bootstrap samples lost a class and were left out.
    LostDraws {
        /// The metric.
        metric: String,
        /// Samples without a value.
        undefined: usize,
        /// All samples.
        draws: usize,
    },
    /// Films without any known label were left out.
    Unlabelled {
        /// Number of those films.
        films: usize,
    },
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FewFilms { films } => {
                write!(
                    f,
                    "only {}: quote every number with its interval",
                    count(*films, "film")
                )
            }
            Self::NoFilms { finding } => {
                write!(f, "no film has {finding}: it is not tested")
            }
            Self::FewPositives { finding, films } => {
                write!(
                    f,
                    "only {} of {finding}: its numbers are unreliable",
                    count(*films, "film")
                )
            }
            Self::FewNegatives { finding, films: 0 } => {
                write!(
                    f,
                    "no film is known to be without {finding}: its specificity and AUC are not tested"
                )
            }
            Self::FewNegatives { finding, films } => {
                write!(
                    f,
                    "only {} without {finding}: its specificity is unreliable",
                    count(*films, "film")
                )
            }
            Self::NeverCalled { finding, films } => {
                write!(f, "{finding} is never predicted, although {} it", have(*films))
            }
            Self::AllRight {
                metric,
                films,
                patients,
                low,
                level,
            } => {
                write!(
                    f,
                    "{metric}: {films} of {films} right: the exact {} interval ",
                    percent(*level)
                )?;
                if patients < films {
                    write!(f, "over their {patients} patients ")?;
                }
                write!(f, "still reaches down to {}", percent(*low))
            }
            Self::NoWidth { metrics } => write!(
                f,
                "bootstrap interval without width for {}: resampling a perfect result shows no error, which is \
                 no proof that there is none",
                metrics.join(", ")
            ),
            Self::SeveralFilmsAPatient { films, patients } => write!(
                f,
                "{} of {}: quoted intervals go by patients; exact ones over films and the Bayesian model take films as \
                 independent and may be too narrow",
                count(*films, "film"),
                count(*patients, "patient")
            ),
            Self::UnknownPatients { films } => {
                write!(
                    f,
                    "{} without a patient, each counted as a patient of its own",
                    count(*films, "film")
                )
            }
            Self::TiedToSource { finding, datasets } => write!(
                f,
                "every film of {finding} comes from {}, and no other film does: a model that only tells the \
                 sources apart would score as well",
                datasets.join(", ")
            ),
            Self::LostDraws {
                metric,
                undefined,
                draws,
            } => write!(
                f,
                "{metric}: {undefined} of {draws} bootstrap draws lost a class and were left out; more films of \
                 it are needed, or draws stratified by class"
            ),
            Self::Unlabelled { films } => {
                write!(f, "{} without a known label left out", count(*films, "film"))
            }
        }
    }
}

fn have(films: usize) -> String {
    format!(
        "{} {}",
        count(films, "film"),
        if films == 1 { "has" } else { "have" }
    )
}

/// The warnings of an evaluation of `predictions`, the gravest first. `unstable` names metrics with their
/// number of undefined bootstrap samples.
pub(crate) fn of(
    evaluation: &Evaluation,
    predictions: &Predictions,
    unstable: &[(String, usize)],
) -> Vec<Warning> {
    let mut warnings = tied_to_source(predictions);
    if evaluation.films < FEW_FILMS {
        warnings.push(Warning::FewFilms {
            films: evaluation.films,
        });
    }
    for finding in &evaluation.findings {
        let name = || finding.name.clone();
        match finding.positives {
            0 => warnings.push(Warning::NoFilms { finding: name() }),
            films if films < FEW_OF_A_KIND => {
                warnings.push(Warning::FewPositives {
                    finding: name(),
                    films,
                });
            }
            _ => {}
        }
        // Among exclusive classes the negatives are the other classes' films.
        if evaluation.kind == Kind::Independent && finding.negatives < FEW_OF_A_KIND {
            warnings.push(Warning::FewNegatives {
                finding: name(),
                films: finding.negatives,
            });
        }
        if finding.positives > 0 && finding.true_positives + finding.false_positives == 0 {
            warnings.push(Warning::NeverCalled {
                finding: name(),
                films: finding.positives,
            });
        }
    }
    warnings.extend(perfect(evaluation));
    for (metric, undefined) in unstable {
        let draws = evaluation.options.bootstrap;
        warnings.push(Warning::LostDraws {
            metric: metric.clone(),
            undefined: *undefined,
            draws,
        });
    }
    if evaluation.patients < evaluation.films {
        let (films, patients) = (evaluation.films, evaluation.patients);
        warnings.push(Warning::SeveralFilmsAPatient { films, patients });
    }
    let unknown = predictions
        .patients
        .iter()
        .filter(|patient| patient.is_empty())
        .count();
    if unknown > 0 {
        warnings.push(Warning::UnknownPatients { films: unknown });
    }
    if evaluation.unlabelled > 0 {
        warnings.push(Warning::Unlabelled {
            films: evaluation.unlabelled,
        });
    }
    warnings
}

/// Shares of 100 %, and other metrics whose bootstrap interval is a point.
fn perfect(evaluation: &Evaluation) -> Vec<Warning> {
    let all_right = |measured: &Estimate, metric: String| {
        Some(Warning::AllRight {
            metric,
            films: measured.right.filter(|&right| right == measured.n && right > 0)?,
            patients: measured.patients,
            low: measured.low?,
            level: measured.level,
        })
    };
    let mut warnings: Vec<Warning> = all_right(&evaluation.overall.accuracy, "accuracy".to_owned())
        .into_iter()
        .collect();
    if warnings.is_empty() {
        let each = evaluation.findings.iter();
        warnings.extend(
            each.filter_map(|one| all_right(&one.sensitivity, format!("sensitivity of {}", one.name))),
        );
    }
    let pointlike = |measured: &Estimate| measured.low.is_some() && measured.low == measured.high;
    let overall = &evaluation.overall;
    let wholes = [
        (evaluation.kind.mean_sensitivity(), &overall.balanced_accuracy),
        ("macro F1", &overall.macro_f1),
        ("macro AUC", &overall.macro_auc),
    ]
    .into_iter()
    .filter(|(_, measured)| pointlike(measured))
    .map(|(name, _)| name.to_owned());
    let areas = evaluation.findings.iter().filter(|one| pointlike(&one.auc));
    let metrics: Vec<String> = wholes
        .chain(areas.map(|one| format!("AUC of {}", one.name)))
        .collect();
    if !metrics.is_empty() {
        warnings.push(Warning::NoWidth { metrics });
    }
    warnings
}

fn tied_to_source(predictions: &Predictions) -> Vec<Warning> {
    let sources = |finding: usize, wanted: bool| -> BTreeSet<&String> {
        (0..predictions.len())
            .filter(|&film| predictions.has(film, finding) == Some(wanted))
            .map(|film| &predictions.datasets[film])
            .collect()
    };
    (0..predictions.findings.len())
        .filter_map(|finding| {
            let (with, without) = (sources(finding, true), sources(finding, false));
            let tied = !with.is_empty() && !without.is_empty() && with.is_disjoint(&without);
            tied.then(|| Warning::TiedToSource {
                finding: predictions.findings[finding].clone(),
                datasets: with.into_iter().cloned().collect(),
            })
        })
        .collect()
}
