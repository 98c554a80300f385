//! Quality scores of heatmaps: faithfulness to the answer, localisation, dependence on the network and on the
//! question, and stability.
//!
//! Definitions follow Quantus (Hedström et al., Journal of Machine Learning Research 24, 2023); the file of
//! each measure says where ours differs. No measure is a proof: a heatmap that explains nothing can pass any
//! of them.

mod agreement;
mod flipping;
mod mass;
mod measures;
mod pointing;
mod random;
mod random_logit;
mod randomisation;
mod rank;
mod sensitivity;
mod similarity;
mod table;

use pleura_nn::backend::Backend;
use pleura_nn::{Network, relevance};

pub use self::agreement::correlation;
pub use self::flipping::{Flips, aopc};
pub use self::mass::mass_accuracy;
pub use self::measures::{About, Better, Measure, about};
pub use self::pointing::points_inside;
pub use self::randomisation::Cascade;
pub use self::rank::rank_accuracy;
pub use self::similarity::{rank_correlation, structural_similarity};
pub use self::table::{Row, Table};

use crate::{Error, Fill, Map, Method};

/// Settings of the scores.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The measures.
    pub measures: Vec<Measure>,
    /// Side of the patches of pixel flipping, in map pixels.
    pub patch: usize,
    /// Steps of pixel flipping.
    pub flips: usize,
    /// Share of the film flipped after the last step.
    pub flip_share: f64,
    /// Fill of flipped pixels.
    pub fill: Fill,
    /// Random orders to compare pixel flipping with.
    pub orders: usize,
    /// Amplitude r of the small noise, uniform in [−r, r]; 1 is white.
    pub noise: f64,
    /// Number of noise samples.
    pub noises: usize,
    /// Seed of orders, noise, randomised weights and other classes.
    pub seed: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            measures: Measure::ALL.to_vec(),
            patch: 4,
            flips: 32,
            flip_share: 1.0,
            fill: Fill::Mean,
            orders: 5,
            noise: 0.02,
            noises: 10,
            seed: 0,
        }
    }
}

impl Settings {
    fn check(&self) -> Result<(), Error> {
        let problem = if self.patch == 0 || self.flips == 0 || self.orders == 0 || self.noises == 0 {
            Some("patch, flips, random orders and draws of noise are at least 1".to_owned())
        } else if !(self.flip_share > 0.0 && self.flip_share <= 1.0) {
            Some(format!(
                "the share of the film that is flipped is {}, and must be above 0 and at most 1",
                self.flip_share
            ))
        } else if !(self.noise > 0.0 && self.noise <= 1.0) {
            Some(format!(
                "noise is {}, and must be above 0 and at most 1",
                self.noise
            ))
        } else {
            None
        };
        problem.map_or(Ok(()), |problem| Err(Error::Score { problem }))
    }

    fn asks(&self, measure: Measure) -> bool {
        self.measures.contains(&measure)
    }
}

/// A film whose heatmaps are scored.
#[derive(Clone, Copy, Debug)]
pub struct Film<'a> {
    /// Name, which selects its random streams.
    pub name: &'a str,
    /// `[size, size]` in 0 to 1: the network's input.
    pub grey: &'a [f32],
    /// Side.
    pub size: usize,
    /// Masks by name, such as lesion or lungs: `[size, size]` each. Empty masks give no score.
    pub masks: &'a [(String, Vec<bool>)],
}

/// A score.
#[derive(Clone, Debug, PartialEq)]
pub struct Score {
    /// Measure and variant, explained by [`about`]: `flipping.gain`, `mass.lesion`.
    pub key: String,
    /// The value; NaN if undefined.
    pub value: f64,
}

impl Score {
    fn new(key: impl Into<String>, value: f64) -> Self {
        Self {
            key: key.into(),
            value,
        }
    }
}

/// Scores heatmaps of one network.
pub struct Scorer<'n, B: Backend> {
    network: &'n Network<B>,
    settings: Settings,
    /// Networks with progressively randomised layers.
    cascade: Cascade<B>,
}

impl<'n, B: Backend> Scorer<'n, B> {
    /// `backend` makes a backend for each network of the cascade, if randomisation is measured.
    ///
    /// # Errors
    /// [`Error::Score`] for invalid settings.
    pub fn new(network: &'n Network<B>, settings: Settings, backend: impl Fn() -> B) -> Result<Self, Error> {
        settings.check()?;
        let cascade = if settings.asks(Measure::Randomisation) {
            Cascade::new(network, settings.seed, backend)?
        } else {
            Cascade::default()
        };
        Ok(Self {
            network,
            settings,
            cascade,
        })
    }

    /// The settings.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Starts a film; results shared by its methods and questions are computed once.
    ///
    /// # Errors
    /// [`Error::Score`] if a mask or the film has the wrong size.
    pub fn film<'f>(&'f self, film: Film<'f>) -> Result<Scored<'f, B>, Error> {
        let pixels = film.size * film.size;
        let off = film.masks.iter().find(|(_, mask)| mask.len() != pixels);
        if film.grey.len() != pixels || off.is_some() {
            let what = off.map_or("the film", |(name, _)| name);
            return Err(Error::Score {
                problem: format!(
                    "{}: {what} has not {size} x {size} pixels",
                    film.name,
                    size = film.size
                ),
            });
        }
        Ok(Scored {
            scorer: self,
            film,
            random: Vec::new(),
            first: Vec::new(),
        })
    }
}

/// A film that is being scored.
pub struct Scored<'f, B: Backend> {
    scorer: &'f Scorer<'f, B>,
    film: Film<'f>,
    /// Logits along each random order.
    random: Vec<Vec<Vec<f64>>>,
    /// The first map of each question, with its method.
    first: Vec<(String, Map)>,
}

impl<B: Backend> Scored<'_, B> {
    /// Scores a heatmap of this film by `method`.
    ///
    /// # Errors
    /// Errors of [`Method::explain`], which some measures call again; [`Error::Score`] if the map has another
    /// size than the film.
    pub fn score(&mut self, method: &Method, map: &Map) -> Result<Vec<Score>, Error> {
        let Scorer {
            network,
            settings,
            cascade,
        } = self.scorer;
        let film = self.film;
        if map.heatmap.len() != film.grey.len() {
            return Err(Error::Score {
                problem: format!(
                    "{}: the map has {} values, the film {}",
                    film.name,
                    map.heatmap.len(),
                    film.grey.len()
                ),
            });
        }
        let mut scores = Vec::new();
        let asked = map.start.at_logits(network.findings())?;
        if settings.asks(Measure::Flipping) {
            scores.extend(self.flipping(&asked, map)?);
        }
        for (name, mask) in film.masks {
            let area = mask.iter().filter(|&&inside| inside).count();
            if area == 0 {
                continue;
            }
            if settings.asks(Measure::Mass) {
                scores.push(Score::new(
                    format!("mass.{name}"),
                    mass_accuracy(&map.heatmap, mask),
                ));
            }
            if settings.asks(Measure::Rank) {
                scores.push(Score::new(
                    format!("rank.{name}"),
                    rank_accuracy(&map.heatmap, mask),
                ));
            }
            if settings.asks(Measure::Pointing) {
                let inside = f64::from(u8::from(points_inside(&map.heatmap, mask)));
                scores.push(Score::new(format!("pointing.{name}"), inside));
            }
            let local = [Measure::Mass, Measure::Rank, Measure::Pointing];
            if local.into_iter().any(|measure| settings.asks(measure)) {
                scores.push(Score::new(
                    format!("area.{name}"),
                    area as f64 / mask.len() as f64,
                ));
            }
        }
        if settings.asks(Measure::Randomisation) {
            scores.extend(cascade.scores(&film, method, map)?);
        }
        if settings.asks(Measure::RandomLogit) {
            scores.extend(random_logit::scores(network, &film, method, map, settings.seed)?);
        }
        if settings.asks(Measure::Sensitivity) {
            scores.extend(sensitivity::scores(network, &film, method, map, settings)?);
        }
        if settings.asks(Measure::Agreement) {
            match self.first.iter().find(|(_, first)| first.start == map.start) {
                Some((name, first)) => {
                    let alike = correlation(&first.heatmap, &map.heatmap);
                    scores.push(Score::new(format!("agreement.{name}"), alike));
                }
                None => self.first.push((method.name().to_owned(), map.clone())),
            }
        }
        Ok(scores)
    }

    /// Random orders are evaluated once per film, for all questions.
    fn flipping(&mut self, asked: &relevance::Start, map: &Map) -> Result<[Score; 3], Error> {
        let Scorer {
            network, settings, ..
        } = self.scorer;
        let flips = Flips::new(&self.film, settings);
        if self.random.is_empty() {
            for number in 0..settings.orders {
                let order = flips.random_order(settings.seed, self.film.name, number);
                self.random.push(flips.logits(network, &order)?);
            }
        }
        let order = flips.order(&map.heatmap, settings.seed, self.film.name);
        let own = aopc(&flipping::curve(asked, &flips.logits(network, &order)?));
        let random = self
            .random
            .iter()
            .map(|logits| aopc(&flipping::curve(asked, logits)));
        let random = random.sum::<f64>() / self.random.len() as f64;
        Ok([
            Score::new("flipping.aopc", own),
            Score::new("flipping.random", random),
            Score::new("flipping.gain", own - random),
        ])
    }
}
