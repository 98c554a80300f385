//! Bootstrap samples of patients, not films.

use std::collections::BTreeMap;

use rand::RngExt;
use rayon::prelude::*;

use crate::stats::random::stream;
use crate::{Error, Options, Predictions, Stratify, Task};

/// The patients of some films, in strata.
pub(crate) struct Patients {
    /// `[films]`: patient of each film.
    of_film: Vec<u32>,
    /// `[patients]`: films of each patient.
    films: Vec<Vec<u32>>,
    /// Patients of each stratum.
    strata: Vec<Vec<u32>>,
}

impl Patients {
    /// Patients are distinguished within their dataset; a film without a patient is a patient of its own.
    pub(crate) fn new(predictions: &Predictions, stratify: Stratify) -> Result<Self, Error> {
        if stratify == Stratify::Class && predictions.kind() == Task::Independent {
            return Err(Error::Setting {
                name: "stratify",
                found: "class".to_owned(),
                expected: "none or dataset: findings that do not exclude each other are no strata".to_owned(),
            });
        }
        let mut numbers = BTreeMap::new();
        let mut films: Vec<Vec<u32>> = Vec::new();
        let mut of_film = Vec::with_capacity(predictions.len());
        for film in 0..predictions.len() {
            let patient = &predictions.patients[film];
            let stand_in = if patient.is_empty() {
                &predictions.films[film]
            } else {
                ""
            };
            let key = (&predictions.datasets[film], patient, stand_in);
            let number = *numbers.entry(key).or_insert(films.len());
            if number == films.len() {
                films.push(Vec::new());
            }
            films[number].push(film as u32);
            of_film.push(number as u32);
        }
        let mut strata: BTreeMap<(&str, Vec<usize>), Vec<u32>> = BTreeMap::new();
        for (patient, members) in films.iter().enumerate() {
            let key = match stratify {
                Stratify::None => ("", Vec::new()),
                Stratify::Dataset => (predictions.datasets[members[0] as usize].as_str(), Vec::new()),
                Stratify::Class => {
                    let has = |class| {
                        members
                            .iter()
                            .any(|&film| predictions.has(film as usize, class) == Some(true))
                    };
                    (
                        "",
                        (0..predictions.findings.len())
                            .filter(|&class| has(class))
                            .collect(),
                    )
                }
            };
            strata.entry(key).or_default().push(patient as u32);
        }
        let strata = strata.into_values().collect();
        Ok(Self {
            of_film,
            films,
            strata,
        })
    }

    /// Number of a film's patient.
    pub(crate) fn of(&self, film: usize) -> u32 {
        self.of_film[film]
    }

    /// Number of patients.
    pub(crate) fn len(&self) -> usize {
        self.films.len()
    }

    /// For each patient among `films` (film, right): films answered right and all films, in any order.
    pub(crate) fn tally(&self, films: impl Iterator<Item = (u32, bool)>) -> Vec<(usize, usize)> {
        let mut counts = vec![(0, 0); self.films.len()];
        for (film, right) in films {
            let (hits, all) = &mut counts[self.of_film[film as usize] as usize];
            *hits += usize::from(right);
            *all += 1;
        }
        counts.retain(|count| count.1 > 0);
        counts
    }

    /// `measure` of every bootstrap sample, in order; equal on any number of threads. Empty below two
    /// patients, because nothing varies.
    pub(crate) fn draws<T: Send>(&self, options: &Options, measure: impl Fn(&[u32]) -> T + Sync) -> Vec<T> {
        if self.len() < 2 {
            return Vec::new();
        }
        (0..options.bootstrap as u64)
            .into_par_iter()
            .map(|draw| measure(&self.draw(options.seed, draw)))
            .collect()
    }

    /// `[films]`: number of times each film is in sample `draw`.
    fn draw(&self, seed: u64, draw: u64) -> Vec<u32> {
        let mut generator = stream(seed, "patient bootstrap", draw);
        let mut weights = vec![0; self.of_film.len()];
        for stratum in &self.strata {
            for _ in stratum {
                let patient = stratum[generator.random_range(0..stratum.len() as u32) as usize];
                for &film in &self.films[patient as usize] {
                    weights[film as usize] += 1;
                }
            }
        }
        weights
    }
}

/// Percentile interval of the defined samples, and the number of undefined ones. No interval if fewer than
/// half are defined: it would describe another population. Quantiles are linear between samples.
pub(crate) fn percentiles(draws: impl Iterator<Item = f64>, level: f64) -> (Option<(f64, f64)>, usize) {
    let (mut defined, mut undefined) = (Vec::new(), 0);
    for draw in draws {
        if draw.is_nan() {
            undefined += 1;
        } else {
            defined.push(draw);
        }
    }
    if defined.is_empty() || defined.len() < undefined {
        return (None, undefined);
    }
    defined.sort_by(f64::total_cmp);
    let quantile = |p: f64| {
        let place = p * (defined.len() - 1) as f64;
        let (below, above) = (defined[place.floor() as usize], defined[place.ceil() as usize]);
        below + (above - below) * place.fract()
    };
    let tail = (1.0 - level) / 2.0;
    (Some((quantile(tail), quantile(1.0 - tail))), undefined)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::predictions::tests::three_films;

    fn many() -> Predictions {
        let base = three_films();
        let rows: Vec<usize> = (0..60).map(|film| film % 2).collect();
        let mut predictions = base.select(&rows);
        for film in 0..60 {
            predictions.films[film] = format!("f{film}");
            predictions.patients[film] = format!("p{}", film / 3);
            predictions.datasets[film] = if film < 15 { "a".into() } else { "b".into() };
        }
        predictions
    }

    #[test]
    fn patients_come_whole() {
        let patients = Patients::new(&many(), Stratify::None).unwrap();
        assert_eq!(patients.len(), 20);
        let tally = patients.tally([(0, true), (1, false), (2, true), (3, true)].into_iter());
        assert_eq!(tally, [(2, 3), (1, 1)]);
        let mut totals = Vec::new();
        for draw in 0..50 {
            let weights = patients.draw(3, draw);
            assert!(
                weights
                    .chunks(3)
                    .all(|films| films[0] == films[1] && films[1] == films[2])
            );
            totals.push(weights[..15].iter().sum::<u32>());
            assert_eq!(weights.iter().sum::<u32>(), 60);
        }
        assert!(
            totals.iter().any(|&total| total != totals[0]),
            "unstratified draws vary between datasets"
        );
    }

    #[test]
    fn strata_keep_their_size() {
        let patients = Patients::new(&many(), Stratify::Dataset).unwrap();
        for draw in 0..50 {
            assert_eq!(patients.draw(3, draw)[..15].iter().sum::<u32>(), 15);
        }
        let by_class = Patients::new(&many(), Stratify::Class).unwrap();
        assert_eq!(
            by_class.strata.len(),
            1,
            "every patient has films of both classes"
        );
    }

    #[test]
    fn patients_are_told_apart_by_dataset_and_unknown_ones_by_film() {
        let mut predictions = many();
        predictions.patients.fill("1".to_owned());
        assert_eq!(Patients::new(&predictions, Stratify::None).unwrap().len(), 2);
        predictions.patients.fill(String::new());
        assert_eq!(Patients::new(&predictions, Stratify::None).unwrap().len(), 60);
    }

    #[test]
    fn percentiles_leave_out_undefined_draws() {
        let draws = (0..=100).map(f64::from).chain([f64::NAN; 7]);
        let (interval, undefined) = percentiles(draws, 0.9);
        let (low, high) = interval.unwrap();
        assert!(
            (low - 5.0).abs() < 1e-9 && (high - 95.0).abs() < 1e-9,
            "{low} {high}"
        );
        assert_eq!(undefined, 7);
        assert_eq!(percentiles([1.0, f64::NAN, f64::NAN].into_iter(), 0.9), (None, 2));
    }
}
