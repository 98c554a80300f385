//! Weights and tiles in the layout of the micro-kernels.

use std::borrow::Cow;
use std::ops::Range;

use super::path::{self, Path, Prologue};
use super::session;
use crate::backend::Affine;

/// A matrix of weights in panels of `lanes` rows: `[rows / lanes][steps][lanes]`. The last panel is filled
/// with zeros.
pub(super) struct Panels<'a> {
    values: Cow<'a, [f32]>,
    steps: usize,
    lanes: usize,
    /// Rows, without the filling.
    pub(super) rows: usize,
}

impl<'a> Panels<'a> {
    /// Packs `value(row, step)`.
    pub(super) fn new(
        rows: usize,
        steps: usize,
        lanes: usize,
        value: impl Fn(usize, usize) -> f32 + Sync,
    ) -> Panels<'static> {
        let mut values = vec![0.0; rows.div_ceil(lanes) * lanes * steps];
        session::each_piece(&mut values, lanes * steps, |panel, values| {
            for lane in 0..lanes.min(rows - panel * lanes) {
                let row = panel * lanes + lane;
                for (step, out) in values[lane..].iter_mut().step_by(lanes).enumerate() {
                    *out = value(row, step);
                }
            }
        });
        Panels {
            values: Cow::Owned(values),
            steps,
            lanes,
            rows,
        }
    }

    /// Values of [`Panels::into_values`], for the same sizes.
    pub(super) fn packed(rows: usize, steps: usize, lanes: usize, values: &'a [f32]) -> Self {
        Self {
            values: Cow::Borrowed(values),
            steps,
            lanes,
            rows,
        }
    }

    pub(super) fn into_values(self) -> Vec<f32> {
        self.values.into_owned()
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

/// The rows of a map as a product reads them: after norm and `ReLU`, or unchanged.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    pub(super) path: Path,
    pub(super) map: &'a [f32],
    pub(super) first_row: usize,
    pub(super) columns: usize,
    pub(super) prologue: Option<&'a Affine<Vec<f32>>>,
}

impl Source<'_> {
    fn values(&self, row: usize, from: usize, len: usize) -> &[f32] {
        let place = (self.first_row + row) * self.columns + from;
        &self.map[place..place + len]
    }

    fn prologue(&self, row: usize) -> Prologue {
        match self.prologue {
            None => Prologue {
                scale: 1.0,
                shift: 0.0,
                floor: f32::NEG_INFINITY,
            },
            Some(affine) => Prologue {
                scale: affine.scale[row],
                shift: affine.shift[row],
                floor: 0.0,
            },
        }
    }

    /// Copies a stretch of a row.
    pub(super) fn read(&self, row: usize, from: usize, out: &mut [f32]) {
        let values = self.values(row, from, out.len());
        match self.prologue {
            None => out.copy_from_slice(values),
            Some(affine) => path::affine_relu(self.path, values, affine.scale[row], affine.shift[row], out),
        }
    }

    /// Cuts a stretch of a row into panels of `width` columns, `stride` apart.
    pub(super) fn cut(
        &self,
        row: usize,
        from: usize,
        len: usize,
        out: &mut [f32],
        width: usize,
        stride: usize,
    ) {
        let values = self.values(row, from, len);
        path::panels(self.path, values, self.prologue(row), out, width, stride);
    }

    /// Writes a stretch of rows into panels `[positions][lanes]`, `stride` apart: row after row the lanes of
    /// the first panel, then of the next.
    pub(super) fn interleave(
        &self,
        rows: Range<usize>,
        from: usize,
        len: usize,
        out: &mut [f32],
        lanes: usize,
        stride: usize,
    ) {
        let mut lane = 0;
        let mut rows = rows;
        while !rows.is_empty() {
            let row = rows.start;
            let panel = lane / lanes * stride;
            let together = rows.len() >= 8
                && (lanes == 4 || lanes.is_multiple_of(8))
                && lane.is_multiple_of(lanes.min(8));
            if together {
                let values = std::array::from_fn(|i| self.values(row + i, from, len));
                let prologues = std::array::from_fn(|i| self.prologue(row + i));
                if lanes == 4 {
                    let (first, second) = out[panel..].split_at_mut(stride);
                    path::interleave8(self.path, values, prologues, first, Some(second), lanes);
                } else {
                    let out = &mut out[panel + lane % lanes..];
                    path::interleave8(self.path, values, prologues, out, None, lanes);
                }
            } else {
                let Prologue { scale, shift, floor } = self.prologue(row);
                let values = self.values(row, from, len);
                path::interleave(
                    self.path,
                    values,
                    scale,
                    shift,
                    floor,
                    &mut out[panel..],
                    lane % lanes,
                    lanes,
                );
            }
            let done = if together { 8 } else { 1 };
            rows.start += done;
            lane += done;
        }
    }
}
