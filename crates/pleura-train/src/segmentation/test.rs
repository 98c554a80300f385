//! Agreement of a network's masks with drawn ones, on validation and test films.

use std::path::Path;

use pleura_core::fs::write_atomic;
use pleura_eval::{FilmOverlap, Overlap, SourceOverlap};
use pleura_nn::{
    Cpu,
    unet::{Segmenter, UNetWeights},
};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::{SegmentationSummary, WEIGHTS, films::Films};
use crate::{
    error::Error,
    observer::{Event, Observer},
};

/// The columns of the table of test films.
const COLUMNS: [&str; 6] = ["film", "patient", "dataset", "dice", "iou", "hausdorff95_pixels"];
/// The file `metrics.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) weights: String,
    pub(super) films: [usize; 3],
    pub(super) without_mask: usize,
    pub(super) best_epoch: usize,
    pub(super) validation_dice: f64,
    pub(super) test: Vec<SourceOverlap>,
}

impl Record {
    pub(super) fn summary(self, out: &Path) -> SegmentationSummary {
        SegmentationSummary {
            out: out.to_owned(),
            weights: out.join(WEIGHTS),
            digest: self.weights,
            films: self.films,
            without_mask: self.without_mask,
            best_epoch: self.best_epoch,
            validation_dice: self.validation_dice,
            test: self.test,
        }
    }
}

/// Mean Dice of the validation films.
pub(super) fn mean_dice(weights: &UNetWeights, films: &Films) -> Result<f64, Error> {
    let network = Segmenter::new(Cpu::new(), weights)?;
    let found = films
        .validation
        .par_iter()
        .map(|&row| Ok(overlap(&network, films, row)?.dice))
        .collect::<Result<Vec<f64>, Error>>()?;
    Ok(found.iter().sum::<f64>() / found.len().max(1) as f64)
}

/// Compares all test films, writes one row for each to `table`, and summarises them.
pub(super) fn test(
    weights: &UNetWeights,
    films: &Films,
    table: &Path,
    observer: &mut dyn Observer,
) -> Result<Vec<SourceOverlap>, Error> {
    let network = Segmenter::new(Cpu::new(), weights)?;
    let _ = observer.notice(&Event::Answering {
        stage: "lungs",
        split: "test",
        done: 0,
        of: films.test.len(),
    });
    let found = films
        .test
        .par_iter()
        .map(|&row| overlap(&network, films, row))
        .collect::<Result<Vec<Overlap>, Error>>()?;
    let mut lines = csv::Writer::from_writer(Vec::new());
    let unwritten = |error: csv::Error| pleura_run::Error::Damaged {
        path: table.to_owned(),
        problem: error.to_string(),
    };
    lines.write_record(COLUMNS).map_err(unwritten)?;
    for (&row, overlap) in films.test.iter().zip(&found) {
        let row = &films.manifest.rows[row];
        let distance = overlap
            .hausdorff95
            .map_or(String::new(), |distance| distance.to_string());
        let numbers = [overlap.dice.to_string(), overlap.iou.to_string(), distance];
        let names = [&row.film, &row.patient, &row.dataset];
        lines
            .write_record(names.into_iter().chain(&numbers))
            .map_err(unwritten)?;
    }
    let lines = lines
        .into_inner()
        .map_err(|error| unwritten(error.into_error().into()))?;
    write_atomic(table, &lines)?;
    let diagonal = films.size as f64 * std::f64::consts::SQRT_2;
    let judged = films.test.iter().zip(found).map(|(&row, overlap)| {
        let row = &films.manifest.rows[row];
        FilmOverlap {
            dataset: row.dataset.clone(),
            patient: row.patient.clone(),
            overlap: Some(overlap),
            diagonal,
        }
    });
    Ok(SourceOverlap::of(&judged.collect::<Vec<_>>()))
}

fn overlap(network: &Segmenter, films: &Films, row: usize) -> Result<Overlap, Error> {
    let logits = network.infer(&films.grey(row)?, 1, films.size)?;
    let mask: Vec<bool> = logits.iter().map(|&logit| logit > 0.0).collect();
    let truth: Vec<bool> = films.mask(row).map(|share| share > 0.5).collect();
    Ok(Overlap::of(&mask, &truth, films.size))
}
