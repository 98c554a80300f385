//! Statistics of the training films in a package: sums over all of them, no single film.

mod altered;
mod discriminant;

use std::collections::BTreeMap;

use pleura_core::linalg::triangle;

use crate::cloud::Cloud;
use crate::look::{CELLS, layout, tones};
use crate::tensors::{self, Tensor};
use crate::{Error, Limit};
use discriminant::Discriminant;

/// Name and description of each measure, in the order of [`Reference::measure`].
pub const MEASURES: [(&str, &str); 3] = [
    (
        "layout",
        "coarse layout: below 0 like the training films, above 0 like the same films inverted, rotated, cropped or shuffled",
    ),
    (
        "tones",
        "grey-level and texture statistics: distance from the training films",
    ),
    ("features", "network features: distance from the training films"),
];

/// Statistics of the training films.
#[derive(Clone, Debug, PartialEq)]
pub struct Reference {
    pub(crate) layout: Discriminant,
    pub(crate) tones: Cloud,
    pub(crate) features: Cloud,
}

/// Statistics of one film, before summing.
#[derive(Clone, Debug)]
pub struct Seen {
    layout: Vec<f32>,
    altered: Vec<Vec<f32>>,
    tones: Vec<f32>,
    features: Vec<f32>,
}

impl Seen {
    /// From a prepared film `[size, size]` and its features. For training films, also from altered versions
    /// (inverted, rotated and so on), drawn with seed `altered`.
    pub fn of(grey: &[f32], size: usize, features: &[f32], altered: Option<u64>) -> Self {
        Self {
            layout: layout(grey, size),
            altered: altered.map_or_else(Vec::new, |seed| altered::layouts(grey, size, seed)),
            tones: tones(grey, size),
            features: features.to_vec(),
        }
    }
}

impl Reference {
    /// Minimum number of films.
    pub const FEWEST: usize = 8;

    /// Fits training films, each with its altered versions.
    ///
    /// # Errors
    /// [`Error::Setting`] for too few films.
    pub fn fit(films: &[Seen]) -> Result<Self, Error> {
        if films.len() < Self::FEWEST {
            return Err(Error::Setting {
                name: "training films".to_owned(),
                found: films.len().to_string(),
                expected: format!(
                    "{} or more, to define the distance of a film from them",
                    Self::FEWEST
                ),
            });
        }
        let each = |of: fn(&Seen) -> &Vec<f32>| films.iter().map(|film| of(film).clone()).collect::<Vec<_>>();
        let altered: Vec<&Vec<f32>> = films.iter().flat_map(|film| &film.altered).collect();
        let own: Vec<&Vec<f32>> = films.iter().map(|film| &film.layout).collect();
        Ok(Self {
            layout: Discriminant::fit(&own, &altered),
            tones: Cloud::fit(&each(|film| &film.tones)),
            features: Cloud::fit(&each(|film| &film.features)),
        })
    }

    /// Distance of a film from the training films, by each of [`MEASURES`].
    pub fn measure(&self, film: &Seen) -> [f64; MEASURES.len()] {
        [
            self.layout.score(&film.layout),
            self.tones.distance(&film.tones),
            self.features.distance(&film.features),
        ]
    }

    /// The layout measure with black and white exchanged.
    pub fn layout_of_negative(&self, film: &Seen) -> f64 {
        let turned: Vec<f32> = film.layout.iter().map(|value| -value).collect();
        self.layout.score(&turned)
    }

    /// Limits of each measure, such that at least the share `keep` of these (validation) films pass all. Each
    /// measure excludes equally many films, as many as `keep` allows.
    ///
    /// # Errors
    /// [`Error::Setting`] without films, or for a share outside ½ to 1.
    pub fn limits(&self, films: &[Seen], keep: f64) -> Result<Vec<Limit>, Error> {
        if films.is_empty() || !(0.5..=1.0).contains(&keep) {
            return Err(Error::Setting {
                name: "keep".to_owned(),
                found: format!("{keep} of {} validation films", films.len()),
                expected: "a share of 0.5 to 1 of at least one film".to_owned(),
            });
        }
        let values: Vec<[f64; MEASURES.len()]> = films.iter().map(|film| self.measure(film)).collect();
        let sorted: Vec<Vec<f64>> = (0..MEASURES.len())
            .map(|measure| {
                let mut sorted: Vec<f64> = values.iter().map(|film| film[measure]).collect();
                sorted.sort_by(|a, b| b.total_cmp(a));
                sorted
            })
            .collect();
        let spare = ((1.0 - keep) * films.len() as f64 + 1e-9).floor() as usize;
        let lost = |given_up: usize| {
            let beyond =
                |film: &&[f64; MEASURES.len()]| (0..MEASURES.len()).any(|m| film[m] > sorted[m][given_up]);
            values.iter().filter(beyond).count()
        };
        let given_up = (0..=spare.min(films.len() - 1))
            .rev()
            .find(|&given_up| lost(given_up) <= spare)
            .unwrap_or(0);
        Ok(MEASURES
            .iter()
            .zip(&sorted)
            .map(|((name, says), sorted)| Limit {
                measure: (*name).to_owned(),
                says: (*says).to_owned(),
                most: sorted[given_up],
                quantile: 1.0 - given_up as f64 / films.len() as f64,
                films: films.len(),
            })
            .collect())
    }

    pub(crate) fn to_bytes(&self) -> Result<Vec<u8>, String> {
        let mut all: BTreeMap<String, Tensor> = BTreeMap::new();
        let mut put = |name: &str, data: &Vec<f32>| {
            all.insert(name.to_owned(), (vec![data.len()], data.clone()));
        };
        put("layout.centre", &self.layout.centre);
        put("layout.weights", &self.layout.weights);
        for (name, cloud) in [("tones", &self.tones), ("features", &self.features)] {
            put(&format!("{name}.mean"), &cloud.mean);
            put(&format!("{name}.deviation"), &cloud.deviation);
            put(&format!("{name}.root"), &cloud.root);
        }
        tensors::write(&all)
    }

    /// Reads statistics for a network with this number of features and films of `size`.
    pub(crate) fn from_bytes(bytes: &[u8], features: usize, size: usize) -> Result<Self, String> {
        let mut all = tensors::read(bytes)?;
        let cells = CELLS.min(size).max(1).pow(2);
        let layout = Discriminant {
            centre: tensors::take(&mut all, "layout.centre", &[cells])?,
            weights: tensors::take(&mut all, "layout.weights", &[cells])?,
        };
        let mut cloud = |name: &str, dimensions: usize| -> Result<Cloud, String> {
            let cloud = Cloud {
                mean: tensors::take(&mut all, &format!("{name}.mean"), &[dimensions])?,
                deviation: tensors::take(&mut all, &format!("{name}.deviation"), &[dimensions])?,
                root: tensors::take(&mut all, &format!("{name}.root"), &[triangle(dimensions)])?,
            };
            let diagonal = (0..dimensions).map(|i| cloud.root[triangle(i) + i]);
            if cloud
                .deviation
                .iter()
                .copied()
                .chain(diagonal)
                .any(|value| value <= 0.0)
            {
                return Err(format!(
                    "{name}: deviations and the factor's diagonal must be above 0"
                ));
            }
            Ok(cloud)
        };
        let tones = cloud("tones", tones(&[0.0; 4], 2).len())?;
        let features = cloud("features", features)?;
        match all.keys().next() {
            Some(name) => Err(format!("{name} has no place here")),
            None => Ok(Self {
                layout,
                tones,
                features,
            }),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Pictures that are bright at the lower left, each slightly different.
    pub(crate) fn picture(number: usize, size: usize) -> Vec<f32> {
        let tilt = 0.5 + (number * 37 % 19) as f32 / 40.0;
        (0..size * size)
            .map(|i| {
                let (down, across) = ((i / size) as f32 / size as f32, (i % size) as f32 / size as f32);
                let grain = (i * 31 + number * 101) % 97;
                (0.7 * down * tilt + 0.25 * (1.0 - across) + grain as f32 / 3000.0).clamp(0.0, 1.0)
            })
            .collect()
    }

    pub(crate) fn features(number: usize) -> Vec<f32> {
        (0..12)
            .map(|i| ((number * 13 + i * 7) % 11) as f32 / 10.0)
            .collect()
    }

    pub(crate) fn films(numbers: std::ops::Range<usize>, altered: bool) -> Vec<Seen> {
        numbers
            .map(|n| Seen::of(&picture(n, 64), 64, &features(n), altered.then_some(n as u64)))
            .collect()
    }

    #[test]
    fn limits_keep_the_share_that_was_asked_for_and_refuse_what_is_altered() {
        let reference = Reference::fit(&films(0..60, true)).unwrap();
        let own = films(60..160, false);
        let limits = reference.limits(&own, 0.95).unwrap();
        let outside = |film: &Seen| {
            let values = reference.measure(film);
            values
                .iter()
                .zip(&limits)
                .any(|(value, limit)| *value > limit.most)
        };
        let lost = own.iter().filter(|film| outside(film)).count();
        assert!(lost <= 5, "{lost}");
        let negative: Vec<f32> = picture(3, 64).iter().map(|value| 1.0 - value).collect();
        let film = Seen::of(&negative, 64, &features(3), None);
        assert!(reference.measure(&film)[0] > limits[0].most);
        assert!(reference.layout_of_negative(&film) < limits[0].most);
        let noise: Vec<f32> = (0..4096usize)
            .map(|i| (i * 7919 % 4093) as f32 / 4093.0)
            .collect();
        assert!(outside(&Seen::of(&noise, 64, &features(3), None)));
        assert!(outside(&Seen::of(&picture(3, 64), 64, &[9.0; 12], None)));
        assert!(reference.limits(&own, 1.0).unwrap()[1].most >= limits[1].most);
        assert!(reference.limits(&[], 0.9).is_err() && Reference::fit(&own[..3]).is_err());
    }

    #[test]
    fn it_comes_back_as_it_went() {
        let reference = Reference::fit(&films(0..20, true)).unwrap();
        let bytes = reference.to_bytes().unwrap();
        assert_eq!(Reference::from_bytes(&bytes, 12, 64).unwrap(), reference);
        assert!(
            Reference::from_bytes(&bytes, 13, 64)
                .unwrap_err()
                .contains("features.mean")
        );
        assert!(Reference::from_bytes(&bytes[..100], 12, 64).is_err());
    }
}
