//! Heatmaps of a model's answers: one film and one question, or many films with pictures, pages and scores.
//!
//! [`Classifier::explain`] answers one question about one film. [`Explainer`] explains many films by several
//! methods and writes the files that `pleura explain` writes.

mod engine;
mod explainer;
mod files;
mod mask;
mod mean;
mod question;
mod raw;
mod scores;
mod subject;

use std::path::Path;

use pleura_core::fs::write_atomic;
use pleura_draw::picture::{HeatmapStyle, Picture};
use pleura_explain::picture::{self, Labels};
use pleura_explain::{Composite, Map, Method};
use pleura_film::Geometry;
use pleura_nn::Ledger;

pub use engine::Engine;
pub use explainer::{ExplainedFilm, Explainer};
pub use files::{ColourLimit, Files, FilmFiles, MapFiles, PictureOptions};
pub use mask::Mask;
pub use mean::Mean;
pub use question::{Answered, Contrast, Question, Selection, Target};
pub use raw::RawFile;
pub(crate) use scores::LEVEL;
pub use scores::{MeasureMeans, ScoreFiles};
pub(crate) use subject::are_phantoms;
pub use subject::{Masks, Place, Subject};

use crate::answer::FindingScore;
use crate::{Classifier, Error, Film};

/// The reasons for one answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    /// The way the heatmap was found.
    pub method: Method,
    /// The heatmap `[size, size]`, the relevance of each channel, and what the values add up to.
    pub map: Map,
    /// The position of the heatmap on the film.
    pub geometry: Geometry,
    /// One score for each finding. They are given for films, too, that a package does not answer.
    pub findings: Vec<FindingScore>,
}

impl Explanation {
    /// The account of the relevance, layer by layer; LRP only.
    pub fn ledger(&self) -> Option<&Ledger> {
        self.map.ledger()
    }

    /// The heatmap over its film, with a colour bar and a caption.
    ///
    /// # Errors
    /// [`Error::Explain`] if the film is not the one that was explained.
    pub fn picture(&self, film: &Film) -> Result<Picture, Error> {
        let asked = self.map.start.finding();
        let score = self
            .findings
            .iter()
            .find(|score| Some(score.finding.as_str()) == asked);
        let labels = Labels {
            title: film.name().to_owned(),
            notes: Vec::new(),
        };
        let panel = picture::draw(
            film.decoded(),
            &self.geometry,
            &self.map,
            score.map(|score| score.probability),
            &self.method,
            &labels,
            &[],
            &HeatmapStyle::default(),
        )?;
        Ok(panel.picture)
    }
}

impl Classifier {
    /// Explains the network's answer to one film by LRP: the heatmap, its ledger, and the probabilities.
    ///
    /// A package does not check the film here: ask [`Classifier::predict`] whether it is answered.
    ///
    /// # Errors
    /// [`Error::UnknownFinding`] and other errors of the question; [`Error::Explanation`] if the composite
    /// does not fit the network.
    pub fn explain(
        &self,
        film: &Film,
        question: &Question,
        composite: &Composite,
    ) -> Result<Explanation, Error> {
        let method = Method::Composite(composite.clone());
        let mut found = self.explain_with(film, std::slice::from_ref(question), &method)?;
        found.pop().ok_or(Error::NoAnswer)
    }

    /// Explains the network's answer to one film by any method, for several questions in one pass.
    ///
    /// # Errors
    /// As [`Classifier::explain`].
    pub fn explain_with(
        &self,
        film: &Film,
        questions: &[Question],
        method: &Method,
    ) -> Result<Vec<Explanation>, Error> {
        let starts = questions
            .iter()
            .map(|question| question.start(self))
            .collect::<Result<Vec<_>, _>>()?;
        let prepared = film.prepared(self.preparation());
        let found = method
            .explain(self.network()?, &prepared.unit_grey(), prepared.size, &starts)
            .map_err(|source| Error::Explanation {
                film: film.name().to_owned(),
                source,
            })?;
        let findings = self.scores(&found.logits);
        let maps = found.maps.into_iter();
        Ok(maps
            .map(|map| Explanation {
                method: method.clone(),
                map,
                geometry: prepared.geometry,
                findings: findings.clone(),
            })
            .collect())
    }
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    write_atomic(path, bytes).map_err(Error::File)
}
