//! Features of films that are computed only once: while only the head is trained, they do not change.

use std::collections::HashMap;

use pleura_run::recipe::NormChoice;

use super::{StageRun, trainable::Trainable};
use crate::{error::Error, plan::StagePlan};

/// Pooled features by row of the manifest. They are kept only in memory, 4 KiB for each film for
/// DenseNet-121. A resumed run computes them again, with the same bits.
#[derive(Default)]
pub(super) struct KnownFeatures {
    films: HashMap<usize, Vec<f32>>,
}

impl KnownFeatures {
    /// Forgets all features: the layers before the head are about to change.
    pub(super) fn clear(&mut self) {
        self.films.clear();
    }

    /// True if the features of all these films are known.
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

/// True if an epoch changes nothing before the head: neither weights nor, with batch statistics, running
/// averages. False for heatmaps, which need the whole network.
pub(super) fn only_head_trains(plan: &StagePlan, trainable: &Trainable) -> bool {
    plan.stage.isnet.is_none()
        && plan.stage.norm == NormChoice::Running
        && trainable.rates.keys().all(|group| group == "head")
}

impl StageRun<'_> {
    /// The features of a batch of films that are the same in every epoch, computed if they are not known.
    pub(super) fn features(&mut self, rows: &[usize], grey: &[f32]) -> Result<Vec<f32>, Error> {
        if let Some(features) = self.known.of(rows) {
            return Ok(features);
        }
        let features = self.network.features(grey, rows.len(), self.pictures.size())?;
        self.known.keep(rows, &features);
        Ok(features)
    }
}
