//! `pleura explain --score`: what heatmaps are worth, for each film and on the whole.

use std::path::PathBuf;

use anyhow::Result;
use pleura::output;
use pleura_audit::burned_in_text::Mean;
use pleura_core::fs::write_atomic;
use pleura_explain::score::{Better, Film, Measure, Row, Score, Scorer, Settings, Table, about};
use pleura_explain::{Explanation, Fill, Method};
use pleura_nn::{Cpu, Reference};
use serde_json::{Value, json};

use super::films::Subject;
use super::{Job, Seen};
use crate::console::NOTICE;

/// Draws and level of intervals.
const DRAWS: usize = 2000;
const LEVEL: f64 = 0.95;

/// What is measured, and how.
#[derive(clap::Args)]
pub(super) struct ScoreArgs {
    /// Measure the heatmaps: all, or some of flipping, mass, rank, pointing, randomisation, random-logit, sensitivity, agreement (with
    /// the first method's maps). Mass, rank and pointing need masks. Writes scores.csv (each heatmap) and scores.json (means over films with 95 % intervals).
    #[arg(long, value_name = "MEASURES", num_args = 0..=1, require_equals = true, default_missing_value = "all", value_parser = measures)]
    score: Option<Measures>,
    /// Side of the patches that pixel flipping flips, in map pixels.
    #[arg(long, value_name = "PIXELS", default_value_t = 4, requires = "score", value_parser = clap::value_parser!(u32).range(1..=8192))]
    flip_patch: u32,
    /// Steps of pixel flipping.
    #[arg(long, value_name = "N", default_value_t = 32, requires = "score", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    flip_steps: u32,
    /// The share of the film that pixel flipping has flipped in the end.
    #[arg(long, value_name = "SHARE", default_value_t = 1.0, requires = "score")]
    flip_share: f64,
    /// What is flipped becomes black, grey, white, mean (the film's mean grey) or blurred.
    #[arg(long, value_name = "FILL", default_value_t = Fill::Mean, requires = "score")]
    flip_fill: Fill,
    /// Random orders that pixel flipping is compared with.
    #[arg(long, value_name = "N", default_value_t = 5, requires = "score", value_parser = clap::value_parser!(u32).range(1..=1000))]
    flip_orders: u32,
    /// Small noise is uniform between minus and plus this much, in parts of white.
    #[arg(long, value_name = "R", default_value_t = 0.02, requires = "score")]
    noise: f64,
    /// How often small noise is drawn.
    #[arg(long, value_name = "N", default_value_t = 10, requires = "score", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    noise_draws: u32,
    /// Seed of random orders, noise, fresh weights, other classes and intervals.
    #[arg(long, value_name = "N", default_value_t = 0, requires = "score")]
    score_seed: u64,
}

#[derive(Clone)]
struct Measures(Vec<Measure>);

fn measures(text: &str) -> Result<Measures, String> {
    if text == "all" {
        return Ok(Measures(Measure::ALL.to_vec()));
    }
    let measures: Result<Vec<Measure>, String> = text.split(',').map(str::parse).collect();
    measures.map(Measures)
}

impl ScoreArgs {
    /// What is measured, if anything is.
    pub(super) fn settings(&self) -> Option<Settings> {
        let Measures(measures) = self.score.clone()?;
        Some(Settings {
            measures,
            patch: self.flip_patch as usize,
            flips: self.flip_steps as usize,
            flip_share: self.flip_share,
            fill: self.flip_fill,
            orders: self.flip_orders as usize,
            noise: self.noise,
            noises: self.noise_draws as usize,
            seed: self.score_seed,
        })
    }
}

/// A scorer of either precision.
pub(super) enum AnyScorer<'n> {
    Fast(Scorer<'n, Cpu>),
    Exact(Scorer<'n, Reference>),
}

impl AnyScorer<'_> {
    fn settings(&self) -> &Settings {
        match self {
            Self::Fast(scorer) => scorer.settings(),
            Self::Exact(scorer) => scorer.settings(),
        }
    }

    /// The scores of a film's maps, method by method and question by question.
    fn scores(
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

/// The scores of a map as JSON.
pub(super) fn record(scores: &[Score]) -> Value {
    let pairs = scores.iter().map(|score| (score.key.clone(), json!(score.value)));
    pairs.collect::<serde_json::Map<_, _>>().into()
}

impl Job<'_> {
    /// Measures a film's maps, if that is asked for; in the order of [`Job::maps`].
    pub(super) fn scores(
        &self,
        subject: &Subject,
        seen: &Seen,
        masks: &[(String, Vec<bool>)],
        explanations: &[Explanation],
    ) -> Result<Option<Vec<Row>>> {
        let Some(scorer) = &self.scorer else {
            return Ok(None);
        };
        let grey = seen.prepared.unit_grey();
        let film = Film {
            name: &subject.title,
            grey: &grey,
            size: seen.prepared.size,
            masks,
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

    /// Writes the scores of all films and their means; returns them in words and as JSON.
    pub(super) fn told_scores(&self, table: &Table) -> Result<(String, Value)> {
        let Some(scorer) = &self.scorer else {
            return Ok((String::new(), Value::Null));
        };
        let settings = scorer.settings();
        let csv: PathBuf = self.args.out.join("scores.csv");
        write_atomic(&csv, &table.csv()?)?;
        let methods = table.methods();
        let widest = methods.iter().map(|method| method.len()).max().unwrap_or(0);
        let (mut words, mut measured) = (String::new(), Vec::new());
        for key in table.keys() {
            let about = about(key);
            let mut lines = String::new();
            let mut by_method = serde_json::Map::new();
            let means: Vec<(&str, Mean)> = methods
                .iter()
                .filter_map(|&method| {
                    let mean = Mean::of(&table.values(method, key), LEVEL, DRAWS, settings.seed)?;
                    Some((method, mean))
                })
                .collect();
            let most = |of: fn(&Mean) -> usize| means.iter().map(|(_, mean)| of(mean)).max().unwrap_or(0);
            let counts = (most(|mean| mean.n), most(|mean| mean.patients));
            for (method, mean) in means {
                let interval = match (mean.low, mean.high) {
                    (Some(low), Some(high)) => format!("  [{low:.3}, {high:.3}]"),
                    _ => String::new(),
                };
                let fewer = if mean.n < counts.0 {
                    format!("  ({} maps; not defined for the others)", mean.n)
                } else {
                    String::new()
                };
                lines += &format!("  {method:widest$}  {:7.3}{interval}{fewer}\n", mean.value);
                by_method.insert(method.to_owned(), json!(mean));
            }
            // The film's own numbers, such as a mask's area, are the same for all.
            let mut different = lines.lines().map(|line| line.get(widest + 2..));
            let first = different.next();
            let same = by_method.len() == methods.len() && about.better == Better::Neither;
            if same && different.all(|line| Some(line) == first) {
                let numbers = first.flatten().unwrap_or_default();
                lines = format!("  {:widest$}{numbers}\n", "all");
            }
            let (maps, patients) = counts;
            // One line a layer would drown the rest; they are in the files.
            if !key.starts_with("randomisation.rank.") && maps > 0 {
                let better = if about.better == Better::Neither {
                    String::new()
                } else {
                    format!("; {}", about.better.words())
                };
                words += &format!(
                    "\n{}{better} ({maps} maps, {patients} patients)\n{lines}",
                    about.words
                );
            }
            measured.push(json!({
                "measure": key, "words": about.words, "better": about.better.words(), "methods": by_method,
            }));
        }
        let record = json!({
            "measures": measured,
            "settings": {
                "patch": settings.patch, "flips": settings.flips, "flip_share": settings.flip_share, "fill": settings.fill.name(),
                "orders": settings.orders, "noise": settings.noise, "noises": settings.noises, "seed": settings.seed,
            },
            "methods": self.methods.iter().map(|method| method.words(self.model.preparation().size)).collect::<Vec<_>>(),
            "level": LEVEL, "csv": super::shown(&csv), "model": output::Model::of(self.model), "notice": NOTICE,
        });
        let path = self.args.out.join("scores.json");
        let mut text = serde_json::to_string_pretty(&record)?;
        text.push('\n');
        write_atomic(&path, text.as_bytes())?;
        words += &format!("\nscores: {}, {}\n", csv.display(), path.display());
        Ok((words, record))
    }
}
