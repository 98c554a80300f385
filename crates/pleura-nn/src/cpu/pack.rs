//! Weights and tiles rearranged for the micro-kernels.

use super::path::{self, Path};
use crate::backend::Affine;

/// A matrix of weights cut into panels of `lanes` rows; within a panel, step after step, the rows side by side:
/// `[rows / lanes][steps][lanes]`, the last panel filled up with zeros.
pub(super) struct Panels {
    values: Vec<f32>,
    steps: usize,
    lanes: usize,
    /// Rows, before filling up.
    pub(super) rows: usize,
}

impl Panels {
    /// Packs `value(row, step)`.
    pub(super) fn new(rows: usize, steps: usize, lanes: usize, value: impl Fn(usize, usize) -> f32) -> Self {
        let mut values = vec![0.0; rows.div_ceil(lanes) * lanes * steps];
        for (panel, values) in values.chunks_exact_mut((lanes * steps).max(1)).enumerate() {
            for (step, values) in values.chunks_exact_mut(lanes).enumerate() {
                for (lane, out) in values.iter_mut().enumerate() {
                    let row = panel * lanes + lane;
                    if row < rows {
                        *out = value(row, step);
                    }
                }
            }
        }
        Self {
            values,
            steps,
            lanes,
            rows,
        }
    }

    /// Number of panels.
    pub(super) fn count(&self) -> usize {
        self.rows.div_ceil(self.lanes)
    }

    /// Steps `from..to` of a panel.
    pub(super) fn panel(&self, panel: usize, from: usize, to: usize) -> &[f32] {
        let start = panel * self.steps * self.lanes;
        &self.values[start + from * self.lanes..start + to * self.lanes]
    }
}

/// A map's rows as a product reads them: after their norm and `ReLU`, or as they are.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    pub(super) path: Path,
    pub(super) map: &'a [f32],
    pub(super) first_row: usize,
    pub(super) columns: usize,
    pub(super) prologue: Option<&'a Affine<Vec<f32>>>,
}

impl Source<'_> {
    /// Copies a stretch of a row.
    pub(super) fn read(&self, row: usize, from: usize, out: &mut [f32]) {
        let place = (self.first_row + row) * self.columns + from;
        let values = &self.map[place..place + out.len()];
        match self.prologue {
            None => out.copy_from_slice(values),
            Some(affine) => path::affine_relu(self.path, values, affine.scale[row], affine.shift[row], out),
        }
    }

    /// Writes a stretch of a row into one lane of `[positions][lanes]`.
    pub(super) fn interleave(
        &self,
        row: usize,
        from: usize,
        len: usize,
        out: &mut [f32],
        lane: usize,
        lanes: usize,
    ) {
        let place = (self.first_row + row) * self.columns + from;
        let values = &self.map[place..place + len];
        let (scale, shift, floor) = match self.prologue {
            None => (1.0, 0.0, f32::NEG_INFINITY),
            Some(affine) => (affine.scale[row], affine.shift[row], 0.0),
        };
        path::interleave(self.path, values, scale, shift, floor, out, lane, lanes);
    }
}
