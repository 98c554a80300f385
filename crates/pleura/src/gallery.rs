//! The heatmaps of a run's report: right and wrong answers of the last stage's test films.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use pleura_data::{Manifest, Row};
use pleura_eval::Predictions;
use pleura_explain::picture::{self, Labels};
use pleura_explain::{Composite, Start, explain};
use pleura_film::picture::{Outline, Style};
use pleura_film::{DecodeOptions, Film, Geometry};
use pleura_report::{GalleryIndex, IndexItem, LedgerLine};

use crate::model::Model;

/// Side of a gallery's pictures in pixels.
const SIDE: usize = 360;

/// A mask of a film, white inside.
pub struct Mask {
    pub width: usize,
    pub height: usize,
    pub inside: Vec<bool>,
}

impl Mask {
    /// Reads a mask's file, if the manifest names one.
    pub fn read(manifest: &Manifest, path: Option<&Path>) -> Result<Option<Self>> {
        let Some(path) = path else { return Ok(None) };
        let film = pleura_film::open(&manifest.locate(path), &DecodeOptions::default())?;
        let inside = film.grey.iter().map(|&grey| grey > 0.5).collect();
        Ok(Some(Self {
            width: film.width,
            height: film.height,
            inside,
        }))
    }

    /// As the network sees it.
    pub fn prepared(&self, geometry: &Geometry) -> Vec<bool> {
        pleura_audit::words::prepared(&self.inside, self.width, self.height, geometry)
    }
}

/// Whether a film is drawn by a program.
pub fn is_phantom(row: &Row) -> bool {
    row.dataset.starts_with("phantom")
}

/// Chooses films (first the wrong answers and the right ones in turn, class by class, as they stand in the table), explains each
/// answer and what else was likely, and writes the pictures with their list into the run's `explain` folder.
pub fn write(
    run: &Path,
    model: &Model,
    manifest: &Manifest,
    answers: &Predictions,
    most: usize,
) -> Result<usize> {
    let network = model.network()?;
    let composite = Composite::default();
    let findings = model.findings();
    let folder = run.join("explain");
    fs::create_dir_all(&folder).with_context(|| format!("{}: cannot make the folder", folder.display()))?;
    let mut items = Vec::new();
    for film in choose(answers, findings.len(), most) {
        let Some(row) = manifest.rows.iter().find(|row| row.film == answers.films[film]) else {
            continue;
        };
        let source = pleura_film::open(&manifest.file(row), &DecodeOptions::default())?;
        let prepared = pleura_film::prepare(&source, &model.preparation);
        let answer = answers.answer(film);
        // The answer's map, and that of the truth where it is another.
        let mut asked = vec![answer];
        asked.extend(
            (0..findings.len())
                .filter(|&finding| finding != answer && answers.has(film, finding) == Some(true))
                .take(1),
        );
        let starts: Vec<Start> = asked
            .iter()
            .map(|&finding| Start::Logit(findings[finding].clone()))
            .collect();
        let explanation = explain(
            &network,
            &prepared.unit_grey(),
            prepared.size,
            &composite,
            &starts,
        )?;
        let truth: Vec<&str> = (0..findings.len())
            .filter(|&finding| answers.has(film, finding) == Some(true))
            .map(|finding| findings[finding].as_str())
            .collect();
        let lesion = Mask::read(manifest, row.masks.lesion.as_deref())?;
        let style = Style {
            side: SIDE,
            ..Style::default()
        };
        let title = row.film.clone();
        let truth = truth.join(", ");
        let mut notes = vec![format!(
            "Truth: {}.",
            if truth.is_empty() { "unknown" } else { &truth }
        )];
        if is_phantom(row) {
            notes.push("Phantom: drawn by a program.".to_owned());
        }
        let mut drawn = Vec::new();
        for (map, &finding) in explanation.maps.iter().zip(&asked) {
            let labels = Labels {
                title: title.clone(),
                notes: notes.clone(),
            };
            let outlines: Vec<Outline<'_>> = lesion.iter().map(outline).collect();
            let probability = Some(answers.score(film, finding));
            let geometry = &prepared.geometry;
            drawn.push(picture::draw(
                &source,
                geometry,
                map,
                probability,
                &composite,
                &labels,
                &outlines,
                &style,
            )?);
        }
        let name = format!("{:03}.png", items.len() + 1);
        sheet(&source, &drawn, &style).save(&folder.join(&name))?;
        items.push(IndexItem {
            film: title,
            picture: name.into(),
            truth,
            prediction: findings[answer].clone(),
            probability: answers.score(film, answer),
            explained: starts.iter().map(Start::words).collect::<Vec<_>>().join(", "),
            right: answers.has(film, answer),
            phantom: is_phantom(row),
            caption: lesion.map_or_else(String::new, |_| "The outline is the true lesion.".to_owned()),
            ledger: explanation
                .maps
                .iter()
                .map(|map| LedgerLine {
                    finding: map.start.words(),
                    start: map.ledger.start,
                    input: map.ledger.input,
                    bias: map.ledger.bias,
                    epsilon: map.ledger.epsilon,
                })
                .collect(),
        });
    }
    let count = items.len();
    GalleryIndex {
        composite: composite.name().to_owned(),
        items,
    }
    .write(run)?;
    Ok(count)
}

fn sheet(
    film: &Film,
    maps: &[pleura_film::picture::Picture],
    style: &Style,
) -> pleura_film::picture::Picture {
    picture::sheet(film, maps, "", style)
}

fn outline(mask: &Mask) -> Outline<'_> {
    Outline {
        width: mask.width,
        height: mask.height,
        mask: &mask.inside,
        colour: Outline::GREEN,
        label: "true lesion".to_owned(),
    }
}

/// Films by number: for each class in turn a wrong answer and a right one, until there are enough.
fn choose(answers: &Predictions, findings: usize, most: usize) -> Vec<usize> {
    let mut piles: Vec<Vec<usize>> = vec![Vec::new(); 2 * findings];
    for film in 0..answers.len() {
        let answer = answers.answer(film);
        if let Some(right) = answers.has(film, answer) {
            piles[2 * answer + usize::from(right)].push(film);
        }
    }
    let mut chosen = Vec::new();
    for round in 0..answers.len() {
        chosen.extend(piles.iter().filter_map(|pile| pile.get(round)));
        if chosen.len() >= most {
            break;
        }
    }
    chosen.truncate(most);
    chosen
}
