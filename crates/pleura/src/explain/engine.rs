//! The network in single or in double precision.

use pleura_explain::score::{Film, Score, Scorer, Settings};
use pleura_explain::{Explanation, Method, Start};
use pleura_nn::{Cpu, Network, Reference};

use crate::{Classifier, Error};

/// A network that explains itself.
pub enum Engine<'m> {
    /// In single precision.
    Fast(&'m Network),
    /// In double precision, by plain loops: some hundred times as slow.
    Exact(Box<Network<Reference>>),
}

impl<'m> Engine<'m> {
    /// The network of a model.
    ///
    /// # Errors
    /// [`Error::Network`] if the engine refuses the weights.
    pub fn new(model: &'m Classifier, exact: bool) -> Result<Self, Error> {
        if !exact {
            return Ok(Self::Fast(model.network()?));
        }
        let network = Network::new(Reference, model.weights()).map_err(|source| Error::Network {
            path: model.path().to_owned(),
            source,
        })?;
        Ok(Self::Exact(Box::new(network)))
    }

    /// As [`Method::explain`].
    pub(super) fn explain(
        &self,
        grey: &[f32],
        size: usize,
        method: &Method,
        starts: &[Start],
    ) -> Result<Explanation, pleura_explain::Error> {
        match self {
            Self::Fast(network) => method.explain(network, grey, size, starts),
            Self::Exact(network) => method.explain(network, grey, size, starts),
        }
    }

    /// The logits of a film.
    pub(super) fn logits(&self, grey: &[f32], size: usize) -> Result<Vec<f64>, Error> {
        match self {
            Self::Fast(network) => {
                let logits = network.infer(grey, 1, size);
                logits.map(|logits| logits.into_iter().map(f64::from).collect())
            }
            Self::Exact(network) => network.infer(grey, 1, size),
        }
        .map_err(Error::Inference)
    }

    pub(super) fn scorer(&self, settings: Settings) -> Result<AnyScorer<'_>, pleura_explain::Error> {
        Ok(match self {
            Self::Fast(network) => AnyScorer::Fast(Scorer::new(network, settings, Cpu::new)?),
            Self::Exact(network) => AnyScorer::Exact(Scorer::new(network, settings, || Reference)?),
        })
    }
}

/// A scorer of either precision.
pub(super) enum AnyScorer<'n> {
    Fast(Scorer<'n, Cpu>),
    Exact(Scorer<'n, Reference>),
}

impl AnyScorer<'_> {
    pub(super) fn settings(&self) -> &Settings {
        match self {
            Self::Fast(scorer) => scorer.settings(),
            Self::Exact(scorer) => scorer.settings(),
        }
    }

    /// The scores of a film's maps, method by method and question by question.
    pub(super) fn scores(
        &self,
        film: Film<'_>,
        methods: &[Method],
        found: &[Explanation],
    ) -> Result<Vec<Vec<Score>>, pleura_explain::Error> {
        let maps = methods
            .iter()
            .zip(found)
            .flat_map(|(method, explanation)| explanation.maps.iter().map(move |map| (method, map)));
        match self {
            Self::Fast(scorer) => {
                let mut scored = scorer.film(film)?;
                maps.map(|(method, map)| scored.score(method, map)).collect()
            }
            Self::Exact(scorer) => {
                let mut scored = scorer.film(film)?;
                maps.map(|(method, map)| scored.score(method, map)).collect()
            }
        }
    }
}
