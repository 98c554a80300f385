//! Answers of several models with their patients, so that one bootstrap sample of patients serves all models.

use std::collections::BTreeMap;

use crate::metrics::figures::Figures;
use crate::metrics::sample::Sample;
use crate::stats::bootstrap::Patients;
use crate::{Error, Options, Predictions, pool};

/// Several models. They may have answered the same films (other seeds), different films (folds), or both;
/// films are identified by name.
pub(crate) struct Models {
    /// Every film once, with the answers of the first model that has it.
    pub(crate) films: Predictions,
    /// The patients of these films.
    pub(crate) patients: Patients,
    samples: Vec<Sample>,
    /// `[models]`: index of each model's films in `films`.
    places: Vec<Vec<usize>>,
}

impl Models {
    /// Fails without models, with different findings, or with different labels of a film.
    pub(crate) fn new(models: &[Predictions], options: &Options) -> Result<Self, Error> {
        let Some(first) = models.first() else {
            return Err(Error::Empty { films: 0 });
        };
        let models: Vec<Predictions> = models
            .iter()
            .map(|model| {
                model.check()?;
                same_findings(first, model)?;
                Ok(model.select(&model.labelled()))
            })
            .collect::<Result<_, Error>>()?;
        options.check(&first.findings)?;
        // Every film once, and the index of each model's films among them.
        let mut known: BTreeMap<&String, usize> = BTreeMap::new();
        let mut unique: Vec<Predictions> = Vec::with_capacity(models.len());
        let mut places: Vec<Vec<usize>> = Vec::with_capacity(models.len());
        for model in &models {
            let mut fresh = Vec::new();
            let place = model.films.iter().enumerate().map(|(row, film)| {
                let next = known.len();
                *known.entry(film).or_insert_with(|| {
                    fresh.push(row);
                    next
                })
            });
            places.push(place.collect());
            unique.push(model.select(&fresh));
        }
        let films = pool(&unique)?;
        if films.is_empty() {
            return Err(Error::Empty { films: 0 });
        }
        for (model, place) in models.iter().zip(&places) {
            let differs = place.iter().enumerate().find(|&(row, &place)| {
                (0..first.findings.len()).any(|finding| model.has(row, finding) != films.has(place, finding))
            });
            if let Some((row, _)) = differs {
                return Err(Error::Unpaired {
                    message: format!(
                        "film `{}` has other labels in one than in another",
                        model.films[row]
                    ),
                });
            }
        }
        Ok(Self {
            patients: Patients::new(&films, options.stratify)?,
            samples: models.iter().map(|model| Sample::new(model, options)).collect(),
            films,
            places,
        })
    }

    /// Weights that count every film once.
    pub(crate) fn ones(&self) -> Vec<u32> {
        vec![1; self.films.len()]
    }

    /// The metrics of each model, with films counted by `weights`.
    pub(crate) fn figures(&self, weights: &[u32]) -> Vec<Figures> {
        let each = self.samples.iter().zip(&self.places);
        each.map(|(sample, place)| {
            let own: Vec<u32> = place.iter().map(|&place| weights[place]).collect();
            sample.figures(&own)
        })
        .collect()
    }

    /// Films by patient, for films with a known label of the finding.
    pub(crate) fn tally(&self, finding: Option<usize>) -> Vec<(usize, usize)> {
        let known = |&film: &usize| finding.is_none_or(|f| self.films.has(film, f).is_some());
        let films = (0..self.films.len()).filter(known);
        self.patients.tally(films.map(|film| (film as u32, false)))
    }
}

/// The unweighted mean of a metric over models.
pub(crate) fn average(each: &[Figures], place: usize) -> f64 {
    each.iter().map(|row| row.0[place]).sum::<f64>() / each.len() as f64
}

/// `None` for NaN.
pub(crate) fn defined(value: f64) -> Option<f64> {
    Some(value).filter(|value| !value.is_nan())
}

/// Fails if two models have other findings or another order of findings.
pub(crate) fn same_findings(first: &Predictions, other: &Predictions) -> Result<(), Error> {
    if first.kind() == other.kind() && first.findings == other.findings {
        return Ok(());
    }
    Err(Error::Unpaired {
        message: format!(
            "findings {:?} ({}) in one and {:?} ({}) in another, expected the same in the same order",
            first.findings,
            first.kind().name(),
            other.findings,
            other.kind().name()
        ),
    })
}
