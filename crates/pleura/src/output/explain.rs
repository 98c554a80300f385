//! `pleura explain`: one document for each film, one for the mean heatmaps, one for the scores; and the
//! ledger file.

use std::path::Path;

use pleura_audit::burned_in_text::Mean;
use pleura_core::NOTICE;
use pleura_explain::score::{Row, Settings};
use pleura_explain::{Account, Explanation, Map, Method};
use pleura_nn::Ledger;
use schemars::JsonSchema;
use serde::Serialize;

use super::{ByFinding, Calibration, FilmContrast, Model, shown};
use crate::explain::{self, ExplainedFilm, Explainer, FilmFiles, LEVEL, MapFiles, MeasureMeans, Subject};
use crate::{Error, error};

/// A document of `pleura explain`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Explain {
    /// One film's heatmaps.
    Film(Box<FilmExplanation>),
    /// A film that could not be explained.
    Unexplained(Unexplained),
    /// The mean heatmaps of all films.
    Means(Box<Means>),
    /// The scores of all heatmaps.
    Scores {
        /// The scores.
        scores: Box<Scores>,
    },
}

/// One film's heatmaps.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct FilmExplanation {
    /// The film.
    pub path: String,
    /// The names of all methods.
    pub method: String,
    /// The names of all composites; null if no method is one.
    pub composite: Option<String>,
    /// The network's raw outputs.
    pub logits: ByFinding<f64>,
    /// Probabilities, calibrated if there is a calibration.
    pub probabilities: ByFinding<f64>,
    /// The film's use of the grey scale.
    pub contrast: FilmContrast,
    /// Facts about the file or the model that make the heatmaps doubtful.
    pub doubts: Vec<String>,
    /// One for each method and question.
    pub maps: Vec<MapRecord>,
    /// The picture of all maps side by side.
    pub sheet: Option<String>,
    /// The film's page.
    pub viewer: Option<String>,
    /// The file of its ledgers.
    pub ledger: Option<String>,
    /// The file of the relevance of each channel.
    pub raw: Option<String>,
    /// The calibration that was applied.
    pub calibration: Option<Calibration>,
    /// The model.
    pub model: Model,
    /// Limits of use.
    pub notice: &'static str,
}

/// One heatmap.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct MapRecord {
    /// The question.
    pub question: String,
    /// The method.
    pub method: String,
    /// The unit of a value; empty if it has none.
    pub unit: &'static str,
    /// The composite, if the method is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub composite: Option<String>,
    /// The picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub picture: Option<String>,
    /// The file of its values.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub values: Option<String>,
    /// The file that describes its values.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
    /// The number that is explained: a logit, a difference of logits, or a logit less a threshold's.
    pub start: f64,
    /// The sum of all pixels, if they are shares of that number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input: Option<f64>,
    /// The share of the biases; LRP only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bias: Option<f64>,
    /// The share of the stabilisers; LRP only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epsilon: Option<f64>,
    /// The number at the baseline; integrated gradients only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub baseline: Option<f64>,
    /// The part of the number that the account leaves open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub residual: Option<f64>,
    /// Its scores, if they were measured; null if a score is not defined.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scores: Option<ByFinding<f64>>,
}

/// A film that could not be explained.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Unexplained {
    /// The film.
    pub path: String,
    /// Why it could not be explained.
    pub error: String,
    /// Limits of use.
    pub notice: &'static str,
}

/// The mean heatmaps of all films.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Means {
    /// The number of films.
    pub films: usize,
    /// The pictures.
    pub means: Vec<String>,
    /// The names of all methods.
    pub method: String,
    /// The names of all composites; null if no method is one.
    pub composite: Option<String>,
    /// The model.
    pub model: Model,
    /// Limits of use.
    pub notice: &'static str,
}

/// The scores of all heatmaps; also the content of `scores.json`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Scores {
    /// The means of each measure over films.
    pub measures: Vec<MeasureRecord>,
    /// The settings of the measures.
    pub settings: ScoreSettings,
    /// The methods, described.
    pub methods: Vec<String>,
    /// The level of the intervals.
    pub level: f64,
    /// The file of each heatmap's scores.
    pub csv: String,
    /// The model.
    pub model: Model,
    /// Limits of use.
    pub notice: &'static str,
}

/// The means of one measure.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct MeasureRecord {
    /// The measure and its variant.
    pub measure: String,
    /// Its description.
    pub words: String,
    /// The direction of better values.
    pub better: &'static str,
    /// The mean over films, by method.
    pub methods: ByFinding<Mean>,
}

/// The settings of the measures.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ScoreSettings {
    /// Side of the patches of pixel flipping, in map pixels.
    pub patch: usize,
    /// Steps of pixel flipping.
    pub flips: usize,
    /// Share of the film that the last step has flipped.
    pub flip_share: f64,
    /// The grey level of flipped pixels.
    pub fill: &'static str,
    /// Random orders that pixel flipping is compared with.
    pub orders: usize,
    /// Small noise is uniform between minus and plus this share of white.
    pub noise: f64,
    /// Samples of small noise.
    pub noises: usize,
    /// Seed of orders, noise, fresh weights, other classes and intervals.
    pub seed: u64,
}

/// `FILM.ledger.json`: the ledgers of a film's maps.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct LedgerFile {
    /// The film.
    pub film: String,
    /// The names of all composites.
    pub composite: Option<String>,
    /// The model.
    pub model: Model,
    /// One for each map that has a ledger.
    pub maps: Vec<LedgerRecord>,
    /// Limits of use.
    pub notice: &'static str,
}

/// The ledger of one map.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct LedgerRecord {
    /// The question.
    pub question: String,
    /// The composite.
    pub composite: String,
    /// The part of the start that the account leaves open: rounding.
    pub residual: f64,
    /// The account, layer by layer.
    pub ledger: Ledger,
}

impl Explain {
    /// The document of a film.
    pub fn film(
        explainer: &Explainer<'_>,
        subject: &Subject,
        film: &ExplainedFilm,
        files: &FilmFiles,
    ) -> Self {
        let model = explainer.model();
        let maps = explainer.maps(&film.explanations).enumerate();
        let maps = maps.map(|(number, (method, map))| {
            let scores = film.scores.as_ref().and_then(|scores| scores.get(number));
            MapRecord::of(method, map, files.maps.get(number), scores)
        });
        let path = |path: &Option<_>| path.as_ref().map(|path: &std::path::PathBuf| shown(path));
        Self::Film(Box::new(FilmExplanation {
            path: shown(&subject.path),
            method: explainer.method_names(),
            composite: explainer.composite_names(),
            logits: ByFinding::new(model.findings(), film.logits().iter().copied()),
            probabilities: ByFinding::new(model.findings(), film.probabilities.iter().copied()),
            contrast: FilmContrast::of(film.film.source.contrast),
            doubts: film.doubts.clone(),
            maps: maps.collect(),
            sheet: path(&files.sheet),
            viewer: path(&files.page),
            ledger: path(&files.ledger),
            raw: path(&files.raw),
            calibration: model.calibration().map(Calibration::of),
            model: Model::of(model),
            notice: NOTICE,
        }))
    }

    /// The document of a film that could not be explained.
    pub fn unexplained(subject: &Subject, error: &Error) -> Self {
        Self::Unexplained(Unexplained {
            path: shown(&subject.path),
            error: error::chain(error).join(": "),
            notice: NOTICE,
        })
    }

    /// The document of the mean heatmaps.
    pub fn means(explainer: &Explainer<'_>, mean: &explain::Mean, pictures: &[std::path::PathBuf]) -> Self {
        Self::Means(Box::new(Means {
            films: mean.films(),
            means: pictures.iter().map(|path| shown(path)).collect(),
            method: explainer.method_names(),
            composite: explainer.composite_names(),
            model: Model::of(explainer.model()),
            notice: NOTICE,
        }))
    }
}

impl MapRecord {
    fn of(method: &Method, map: &Map, files: Option<&MapFiles>, scores: Option<&Row>) -> Self {
        let ledger = map.ledger();
        Self {
            question: map.start.words(),
            method: method.name().to_owned(),
            unit: method.unit(),
            composite: method.composite().map(|composite| composite.name().to_owned()),
            picture: files.map(|files| shown(&files.picture)),
            values: files.map(|files| shown(&files.saved.values)),
            about: files.map(|files| shown(&files.saved.about)),
            start: map.value,
            input: map.account.pixels(),
            bias: ledger.map(|ledger| ledger.bias),
            epsilon: ledger.map(|ledger| ledger.epsilon),
            baseline: match map.account {
                Account::Baseline { baseline, .. } => Some(baseline),
                _ => None,
            },
            residual: map.account.open(map.value),
            scores: scores.map(|row| {
                let scores = row.scores.iter();
                scores.map(|score| (&score.key, score.value)).collect()
            }),
        }
    }
}

impl Scores {
    pub(crate) fn of(
        explainer: &Explainer<'_>,
        means: &[MeasureMeans],
        settings: &Settings,
        csv: &Path,
    ) -> Self {
        let size = explainer.model().preparation().size;
        Self {
            measures: means.iter().map(MeasureRecord::of).collect(),
            settings: ScoreSettings {
                patch: settings.patch,
                flips: settings.flips,
                flip_share: settings.flip_share,
                fill: settings.fill.name(),
                orders: settings.orders,
                noise: settings.noise,
                noises: settings.noises,
                seed: settings.seed,
            },
            methods: explainer
                .methods()
                .iter()
                .map(|method| method.words(size))
                .collect(),
            level: LEVEL,
            csv: shown(csv),
            model: Model::of(explainer.model()),
            notice: NOTICE,
        }
    }
}

impl MeasureRecord {
    fn of(means: &MeasureMeans) -> Self {
        Self {
            measure: means.key.clone(),
            words: means.words.clone(),
            better: means.better.words(),
            methods: means
                .methods
                .iter()
                .map(|(method, mean)| (method, *mean))
                .collect(),
        }
    }
}

impl LedgerFile {
    pub(crate) fn of(explainer: &Explainer<'_>, film: &Path, explanations: &[Explanation]) -> Self {
        let ledgers = explainer.maps(explanations).filter_map(|(method, map)| {
            let ledger = map.ledger()?;
            Some(LedgerRecord {
                question: map.start.words(),
                composite: method.name().to_owned(),
                residual: ledger.residual(),
                ledger: ledger.clone(),
            })
        });
        Self {
            film: shown(film),
            composite: explainer.composite_names(),
            model: Model::of(explainer.model()),
            maps: ledgers.collect(),
            notice: NOTICE,
        }
    }
}
