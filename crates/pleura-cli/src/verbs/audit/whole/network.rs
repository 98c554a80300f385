//! Checks of a network on held-out films.

use std::collections::HashMap;

use anyhow::{Context as _, Result};
use pleura::explain::Mask;
use pleura_audit::burned_in_text::{self, Settings, Text};
use pleura_audit::relevance::{self, Masked, Of, outside_lungs};
use pleura_audit::{Check, Films, Thresholds, probe_features, text_reliance};
use pleura_eval::{Options, Truth};
use pleura_explain::Composite;
use pleura_film::{DecodeOptions, Film, Preparation};
use pleura_nn::Network;

use super::Subject;
use crate::console::Progress;

/// A network and its held-out films.
pub(super) struct Asked<'a> {
    pub(super) subject: &'a Subject,
    pub(super) network: &'a Network,
    pub(super) preparation: &'a Preparation,
    pub(super) thresholds: &'a Thresholds,
}

/// Common signature of `at_border` and `heatmap_sanity`.
type OfHeatmaps = fn(
    &Network,
    &Preparation,
    &[Of],
    &dyn Fn(usize) -> Result<Film, pleura_audit::Error>,
    &Composite,
    &Thresholds,
) -> Result<Check, pleura_audit::Error>;

impl Asked<'_> {
    pub(super) fn of_features(&self, films: &Films, examples: &[usize], rows: &[usize]) -> Result<Check> {
        let rows: HashMap<usize, usize> = examples.iter().copied().zip(rows.iter().copied()).collect();
        let open = |example: usize| self.subject.film(&self.subject.manifest.rows[rows[&example]]);
        Ok(probe_features(
            self.network,
            self.preparation,
            films,
            examples,
            &open,
            self.thresholds,
        )?)
    }

    pub(super) fn of_relevance(&self, most: usize) -> Result<Check> {
        let masked = |row: usize| self.subject.manifest.rows[row].masks.lung.is_some();
        let chosen = self.subject.test(most, masked);
        let films = self.subject.whose(&chosen);
        let open = |number: usize| {
            let row = &self.subject.manifest.rows[chosen[number].0];
            let film = self.subject.film(row)?;
            let mask = Mask::read(&self.subject.manifest, row.masks.lung.as_deref())
                .map_err(anyhow::Error::new)
                .and_then(|mask| mask.context("no lung mask"))
                .map_err(|error| pleura_audit::Error::Film {
                    film: row.film.clone(),
                    source: error.into(),
                })?;
            let Mask {
                width,
                height,
                inside,
            } = mask;
            Ok(Masked {
                film,
                lungs: relevance::Mask {
                    width,
                    height,
                    inside,
                },
            })
        };
        let composite = Composite::by_name(pleura_explain::composite::NAMES[0])?;
        Ok(outside_lungs(
            self.network,
            self.preparation,
            &films,
            &open,
            &composite,
            self.thresholds,
        )?)
    }

    /// A check of the heatmaps of at most `most` test films.
    pub(super) fn of_heatmaps(&self, check: OfHeatmaps, most: usize) -> Result<Check> {
        let chosen = self.subject.test(most, |_| true);
        Ok(check(
            self.network,
            self.preparation,
            &self.subject.whose(&chosen),
            &|number| self.subject.film(&self.subject.manifest.rows[chosen[number].0]),
            &Composite::by_name(pleura_explain::composite::NAMES[0])?,
            self.thresholds,
        )?)
    }

    pub(super) fn of_words(&self, most: usize) -> Result<Check> {
        let chosen = self.subject.test(most, |_| true);
        if chosen.is_empty() {
            return Ok(text_reliance(
                Err("no film is in the test split".to_owned()),
                self.thresholds,
            ));
        }
        let rows: Vec<&pleura_manifest::Row> = chosen
            .iter()
            .map(|(row, _)| &self.subject.manifest.rows[*row])
            .collect();
        let open = |number: usize| -> Result<_, Box<dyn std::error::Error + Send + Sync>> {
            let film = pleura_film::open(
                &self.subject.manifest.file(rows[number]),
                &DecodeOptions::default(),
            )?;
            let text = Text::find(&film);
            Ok((film, text))
        };
        let films = burned_in_text::Films {
            films: rows.iter().map(|row| row.film.clone()).collect(),
            patients: rows.iter().map(|row| row.patient.clone()).collect(),
            datasets: rows.iter().map(|row| row.dataset.clone()).collect(),
            truth: Truth::Exclusive(chosen.iter().map(|(_, class)| Some(*class)).collect()),
            open: &open,
        };
        let settings = Settings {
            explained: 0,
            threshold: self.thresholds.words,
            evaluation: Options {
                seed: self.thresholds.probe.seed,
                ..Settings::default().evaluation
            },
            ..Settings::default()
        };
        let progress = Progress::new("films asked about", rows.len());
        let outcome = burned_in_text::run(self.network, self.preparation, &films, &settings, &|done, of| {
            progress.at(done, of);
        });
        match outcome {
            Ok(outcome) => Ok(text_reliance(Ok(&outcome), self.thresholds)),
            Err(error @ pleura_audit::Error::NoLettering { .. }) => {
                Ok(text_reliance(Err(error.to_string()), self.thresholds))
            }
            Err(error) => Err(error.into()),
        }
    }
}
