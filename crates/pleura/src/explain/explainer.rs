//! Explains film after film by several methods, for several questions, and scores the heatmaps.

use pleura_explain::score::{self, Row, Settings};
use pleura_explain::{Composite, Explanation, Map, Method};
use pleura_film::{DecodeOptions, Film, Prepared};

use super::engine::{AnyScorer, Engine};
use super::question::{Answered, Selection};
use super::subject::{Masks, Subject};
use crate::answer::doubts;
use crate::{Classifier, Error};

/// Explains films of one model.
pub struct Explainer<'a> {
    pub(super) model: &'a Classifier,
    pub(super) methods: Vec<Method>,
    engine: &'a Engine<'a>,
    selection: Selection,
    only: Option<Answered>,
    pub(super) scorer: Option<AnyScorer<'a>>,
}

/// One film with its heatmaps.
pub struct ExplainedFilm {
    /// The film.
    pub film: Film,
    /// The network's input.
    pub prepared: Prepared,
    /// Its masks.
    pub masks: Masks,
    /// For each method, a map for each question.
    pub explanations: Vec<Explanation>,
    /// The probabilities, in the order of the model's findings.
    pub probabilities: Vec<f64>,
    /// For each map, its scores, if they were measured.
    pub scores: Option<Vec<Row>>,
    /// Facts about the file or the model that make the heatmaps doubtful, as of an answer.
    pub doubts: Vec<String>,
}

impl ExplainedFilm {
    /// The network's raw outputs, in the order of the model's findings.
    pub fn logits(&self) -> &[f64] {
        self.explanations.first().map_or(&[], |first| &first.logits)
    }
}

impl<'a> Explainer<'a> {
    /// Explains by these methods. `only` leaves out films by their answer; `scores` measures the heatmaps.
    ///
    /// # Errors
    /// [`Error::Explain`] if a method does not fit the network or a setting is invalid.
    pub fn new(
        model: &'a Classifier,
        engine: &'a Engine<'a>,
        methods: Vec<Method>,
        selection: Selection,
        only: Option<Answered>,
        scores: Option<Settings>,
    ) -> Result<Self, Error> {
        for method in &methods {
            method.check(&model.weights().architecture)?;
        }
        Ok(Self {
            model,
            methods,
            selection,
            only,
            scorer: scores.map(|settings| engine.scorer(settings)).transpose()?,
            engine,
        })
    }

    /// The model.
    pub fn model(&self) -> &Classifier {
        self.model
    }

    /// The methods, in the order of [`ExplainedFilm::explanations`].
    pub fn methods(&self) -> &[Method] {
        &self.methods
    }

    /// The names of all methods.
    pub fn method_names(&self) -> String {
        let names: Vec<&str> = self.methods.iter().map(Method::name).collect();
        names.join(", ")
    }

    /// The names of all composites; `None` if no method is one.
    pub fn composite_names(&self) -> Option<String> {
        let composites = self.methods.iter().filter_map(Method::composite);
        let names: Vec<&str> = composites.map(Composite::name).collect();
        (!names.is_empty()).then(|| names.join(", "))
    }

    /// Every map with its method.
    pub fn maps<'e>(
        &'e self,
        explanations: &'e [Explanation],
    ) -> impl Iterator<Item = (&'e Method, &'e Map)> {
        let both = self.methods.iter().zip(explanations);
        both.flat_map(|(method, explanation)| explanation.maps.iter().map(move |map| (method, map)))
    }

    /// Reads and explains a film; `None` if it is left out by its answer.
    ///
    /// # Errors
    /// [`Error::Film`], [`Error::Mask`], [`Error::MaskShape`] for its files; [`Error::Question`],
    /// [`Error::Explanation`], [`Error::Scores`] with its path.
    pub fn explain(&self, subject: &Subject) -> Result<Option<ExplainedFilm>, Error> {
        let film = pleura_film::open(&subject.path, &DecodeOptions::default())?;
        let prepared = pleura_film::prepare(&film, self.model.preparation());
        let masks = subject.read_masks(&film)?;
        let (grey, size) = (prepared.unit_grey(), prepared.size);
        let logits = || self.engine.logits(&grey, size);
        if let Some(only) = self.only
            && !only.holds(self.model, &logits()?, &subject.present, &subject.absent)
        {
            return Ok(None);
        }
        let starts = self
            .selection
            .of(self.model.findings(), logits, &subject.present)
            .map_err(|source| Error::Question {
                film: subject.path.clone(),
                source: Box::new(source),
            })?;
        let explain = |method| self.engine.explain(&grey, size, method, &starts);
        let explanations: Vec<Explanation> = self
            .methods
            .iter()
            .map(explain)
            .collect::<Result<_, _>>()
            .map_err(|source| Error::Explanation {
                film: subject.path.display().to_string(),
                source,
            })?;
        let scores = self
            .scores(subject, &prepared, &grey, &masks, &explanations)
            .map_err(|source| Error::Scores {
                film: subject.path.clone(),
                source,
            })?;
        let logits = explanations.first().map_or(&[][..], |first| &first.logits);
        Ok(Some(ExplainedFilm {
            probabilities: self.model.probabilities(logits),
            doubts: doubts(
                &film.source,
                &self.model.one_sided(),
                prepared.lungs.as_ref().and_then(|lungs| lungs.as_ref().err()),
            ),
            film,
            prepared,
            masks,
            explanations,
            scores,
        }))
    }

    fn scores(
        &self,
        subject: &Subject,
        prepared: &Prepared,
        grey: &[f32],
        masks: &Masks,
        explanations: &[Explanation],
    ) -> Result<Option<Vec<Row>>, pleura_explain::Error> {
        let Some(scorer) = &self.scorer else {
            return Ok(None);
        };
        let film = score::Film {
            name: &subject.title,
            grey,
            size: prepared.size,
            masks: &masks.prepared(&prepared.geometry),
        };
        let scores = scorer.scores(film, &self.methods, explanations)?;
        let rows = self.maps(explanations).zip(scores);
        let rows = rows.map(|((method, map), scores)| Row {
            film: subject.title.clone(),
            patient: subject.patient.clone(),
            method: method.name().to_owned(),
            question: map.start.words(),
            scores,
        });
        Ok(Some(rows.collect()))
    }
}
