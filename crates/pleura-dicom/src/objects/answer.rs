//! A film's answer with its heatmaps.

use pleura::{Classifier, Film, FindingScore, Method, Outcome, Question};
use pleura_draw::picture::{HeatmapStyle, Picture, scale_limit};
use pleura_explain::picture::{Labels, draw};
use pleura_film::{Geometry, Source};

use super::NOTICE;
use super::error::Error;
use super::settings::Settings;

/// The longest side of a picture, in pixels.
const LONGEST_SIDE: usize = 1024;
/// The title of pictures, in place of the film's name: a file's name may be a patient's.
const TITLE: &str = "pleura: research use only, not for diagnosis";

/// The answer of a model about a film.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// Outcome, reasons, scores.
    pub answer: pleura::Answer,
    /// The heatmaps, the likeliest finding first.
    pub heatmaps: Vec<Heatmap>,
}

/// The evidence for one finding.
#[derive(Clone, Debug, PartialEq)]
pub struct Heatmap {
    /// The finding.
    pub finding: String,
    /// Its probability.
    pub probability: f64,
    /// Relevance `[size, size]`.
    pub values: Vec<f32>,
    /// The position of the values on the film.
    pub geometry: Geometry,
    /// The method, in words.
    pub method: String,
    /// The unit of a value.
    pub unit: String,
    /// The value of the strongest colour.
    pub scale: f32,
    /// The heatmap over the film with legend, question, probability and notice.
    pub picture: Picture,
}

impl Answer {
    /// Answers a film, and explains the findings that are predicted positive, or the likeliest if none is: at
    /// most [`Settings::heatmaps`]. A film that is not answered has no heatmap. `name` appears in errors only.
    ///
    /// # Errors
    /// [`Error::Film`] if the film cannot be decoded; [`Error::Model`] and [`Error::Picture`].
    pub fn of(model: &Classifier, bytes: &[u8], name: &str, settings: &Settings) -> Result<Self, Error> {
        let film = match Film::from_bytes(bytes, name) {
            Ok(film) => film,
            // A package refuses some files before they are decoded; other models and other errors end here.
            Err(error) => {
                return match model.predict_bytes(bytes, "the film") {
                    Ok(answer) => Ok(Self {
                        answer,
                        heatmaps: Vec::new(),
                    }),
                    Err(_) => Err(error.into()),
                };
            }
        };
        let answer = model.predict(&film)?;
        Self::explained(model, &film, answer, settings)
    }

    /// Explains an answer: adds the heatmaps to it. The film's name appears in errors only.
    ///
    /// # Errors
    /// [`Error::Model`] and [`Error::Picture`].
    pub fn explained(
        model: &Classifier,
        film: &Film,
        answer: pleura::Answer,
        settings: &Settings,
    ) -> Result<Self, Error> {
        let asked = asked(&answer, settings.heatmaps);
        let mut heatmaps = Vec::new();
        if !asked.is_empty() {
            let questions: Vec<Question> = asked
                .iter()
                .map(|score| Question::finding(&score.finding))
                .collect();
            let method = Method::Composite(settings.composite.clone());
            let found = model.explain_with(film, &questions, &method)?;
            for (score, explanation) in asked.iter().zip(found) {
                let picture =
                    picture(film, &explanation, score.probability).map_err(|source| Error::Picture {
                        name: film.name().to_owned(),
                        source,
                    })?;
                let values = explanation.map.heatmap;
                heatmaps.push(Heatmap {
                    finding: score.finding.clone(),
                    probability: score.probability,
                    geometry: explanation.geometry,
                    method: method.words(explanation.geometry.size),
                    unit: method.unit().to_owned(),
                    scale: scale_limit(&values, HeatmapStyle::default().scale),
                    values,
                    picture,
                });
            }
        }
        Ok(Self { answer, heatmaps })
    }

    /// The heatmaps of an answered film; none otherwise.
    pub(super) fn shown(&self) -> &[Heatmap] {
        match self.answer.outcome {
            Outcome::Answered => &self.heatmaps,
            _ => &[],
        }
    }

    /// The scores of an answered film; none otherwise.
    pub(super) fn scores(&self) -> &[FindingScore] {
        match self.answer.outcome {
            Outcome::Answered => &self.answer.findings,
            _ => &[],
        }
    }

    /// Origin and decoding of the film.
    pub(super) fn source(&self) -> Option<&Source> {
        self.answer.source.as_ref()
    }
}

/// The scores whose findings get a heatmap: predicted positive, the likeliest first; else the likeliest.
fn asked(answer: &pleura::Answer, most: usize) -> Vec<FindingScore> {
    if answer.outcome != Outcome::Answered {
        return Vec::new();
    }
    let mut scores: Vec<FindingScore> = answer.findings.clone();
    scores.sort_by(|a, b| b.probability.total_cmp(&a.probability));
    if scores.iter().any(|score| score.positive() == Some(true)) {
        scores.retain(|score| score.positive() == Some(true));
    } else {
        scores.truncate(1);
    }
    scores.truncate(most);
    scores
}

/// The heatmap over its film, not larger than the longest side.
fn picture(
    film: &Film,
    explanation: &pleura::Explanation,
    probability: f64,
) -> Result<Picture, pleura_explain::Error> {
    let labels = Labels {
        title: TITLE.to_owned(),
        notes: vec![NOTICE.to_owned()],
    };
    let mut style = HeatmapStyle::default();
    loop {
        let panel = draw(
            film.decoded(),
            &explanation.geometry,
            &explanation.map,
            Some(probability),
            &explanation.method,
            &labels,
            &[],
            &style,
        )?;
        let longest = panel.picture.width.max(panel.picture.height);
        // Legend and caption need room beside the film.
        if longest <= LONGEST_SIDE || style.side <= 128 {
            return Ok(panel.picture);
        }
        style.side = style
            .side
            .saturating_sub((longest - LONGEST_SIDE).max(16))
            .max(128);
    }
}
