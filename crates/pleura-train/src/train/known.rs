//! Features of films that cannot change any more: while the head alone moves, each film goes through the convolutions once.

use std::collections::HashMap;

use pleura_run::recipe::NormChoice;

use super::{StageRun, moving::Moving};
use crate::{error::Error, plan::StagePlan};

/// Pooled features by row of the manifest. They are kept in memory alone, 4 KiB a film for DenseNet-121; a run that is resumed
/// finds them again, with the same bits.
#[derive(Default)]
pub(super) struct Known {
    films: HashMap<usize, Vec<f32>>,
}

impl Known {
    /// Forgets everything: what comes before the head is about to move.
    pub(super) fn clear(&mut self) {
        self.films.clear();
    }

    /// Whether all these films are known.
    pub(super) fn holds(&self, rows: &[usize]) -> bool {
        rows.iter().all(|row| self.films.contains_key(row))
    }

    /// The features `[rows, features]` of films, if all are known.
    pub(super) fn of(&self, rows: &[usize]) -> Option<Vec<f32>> {
        let films: Option<Vec<&[f32]>> = rows
            .iter()
            .map(|row| self.films.get(row).map(Vec::as_slice))
            .collect();
        Some(films?.concat())
    }

    pub(super) fn keep(&mut self, rows: &[usize], features: &[f32]) {
        let width = features.len() / rows.len().max(1);
        for (&row, features) in rows.iter().zip(features.chunks_exact(width.max(1))) {
            self.films.insert(row, features.to_vec());
        }
    }
}

/// Whether nothing before the head changes in an epoch, neither weights nor, with statistics of the batch, running averages; and nothing
/// but the head is looked at: heatmaps go through the whole network.
pub(super) fn head_alone(plan: &StagePlan, moving: &Moving) -> bool {
    plan.stage.isnet.is_none()
        && plan.stage.norm == NormChoice::Running
        && moving.rates.keys().all(|group| group == "head")
}

impl StageRun<'_> {
    /// The features of a batch whose films are the same in every epoch, found or known.
    pub(super) fn features(&mut self, rows: &[usize], grey: &[f32]) -> Result<Vec<f32>, Error> {
        if let Some(features) = self.known.of(rows) {
            return Ok(features);
        }
        let features = self.network.features(grey, rows.len(), self.pictures.size())?;
        self.known.keep(rows, &features);
        Ok(features)
    }
}
