//! 1×1 convolutions: one matrix product over all columns of a map, cut into tiles of columns.

use super::finish::Finish;
use super::kernel::OffsetList;
use super::pack::{Panels, Source};
use super::scratch::scratch;
use super::{Cpu, team};

/// Steps of the inner dimension that a tile keeps in cache at once.
const DEPTH: usize = 256;
/// Panels of columns in a tile.
const TILE_PANELS: usize = 6;
/// Columns of one step of a weight gradient.
const STEP: usize = 256;
/// Parts into which the columns of a weight gradient are cut; each has sums of its own, added in order.
const PARTS: usize = 16;

impl Cpu {
    /// Columns of a tile: tiles of a map are of equal width, but for what panels leave over, and at least two where there are two
    /// panels.
    fn tile_columns(&self, columns: usize) -> usize {
        let panels = columns.div_ceil(self.kernels.wide.columns);
        let tiles = panels.div_ceil(TILE_PANELS).max(2);
        panels.div_ceil(tiles).max(1) * self.kernels.wide.columns
    }

    /// Number of column tiles of a map.
    pub(super) fn tiles(&self, columns: usize) -> usize {
        columns.div_ceil(self.tile_columns(columns))
    }

    /// `weights · source` over all columns: rows of `weights` out, its steps in.
    pub(super) fn product(
        &self,
        weights: &Panels<'_>,
        depth: usize,
        source: Source<'_>,
        finish: &Finish<'_>,
    ) {
        let micro = self.kernels.wide;
        let width = micro.columns;
        let tile_columns = self.tile_columns(source.columns);
        let offsets = OffsetList::regular(DEPTH, width);
        // Few outputs and a deep inner dimension, or the other way round: the rows of a tile are made block by block
        // so that they stay in cache.
        let block_panels = if depth > DEPTH { weights.count() } else { 16 };
        let room = [
            DEPTH.min(depth) * tile_columns,
            block_panels * micro.rows * tile_columns,
        ];
        team::each(source.columns.div_ceil(tile_columns), |tile| {
            let from = tile * tile_columns;
            let columns = tile_columns.min(source.columns - from);
            let panels = columns.div_ceil(width);
            // SAFETY: tiles are numbered once and own their columns.
            let mut end = unsafe { finish.tile(tile) };
            scratch(room, |[read, out]| {
                let mut block = 0;
                while block < weights.count() {
                    let blocks = block_panels.min(weights.count() - block);
                    let mut start = 0;
                    while start < depth {
                        let steps = DEPTH.min(depth - start);
                        if block == 0 || depth > DEPTH {
                            for step in 0..steps {
                                let out = &mut read[step * width..];
                                source.cut(start + step, from, columns, out, width, steps * width);
                            }
                        }
                        for panel in 0..panels {
                            let b = &read[panel * steps * width..(panel + 1) * steps * width];
                            let offsets = offsets.within(steps);
                            for row in 0..blocks {
                                let c = &mut out[row * micro.rows * tile_columns + panel * width..];
                                let a = weights.panel(block + row, start, start + steps);
                                micro.run(a, b, offsets, c, tile_columns, start > 0);
                            }
                        }
                        start += steps;
                    }
                    let first = block * micro.rows;
                    for row in first..(first + blocks * micro.rows).min(weights.rows) {
                        end.row(row, from, &out[(row - first) * tile_columns..][..columns]);
                    }
                    block += blocks;
                }
            });
        });
    }

    /// `gradient · sourceᵀ`, `[rows of gradient, rows of source]`.
    pub(super) fn outer_product(
        &self,
        (outputs, gradient): (usize, Source<'_>),
        (inputs, source): (usize, Source<'_>),
        weights: &mut [f32],
    ) {
        let micro = self.kernels.wide;
        let columns = source.columns;
        let steps = columns.div_ceil(STEP);
        let parts = PARTS.min(steps);
        let stride = inputs.next_multiple_of(micro.columns);
        let padded_rows = outputs.next_multiple_of(micro.rows);
        let offsets = OffsetList::regular(STEP, micro.columns);
        let mut partial = vec![0f32; parts * padded_rows * stride];
        team::each_piece(&mut partial, padded_rows * stride, |part, sums| {
            scratch([padded_rows * STEP, micro.columns * STEP], |[a, b]| {
                for step in part * steps / parts..(part + 1) * steps / parts {
                    let from = step * STEP;
                    let len = STEP.min(columns - from);
                    gradient.interleave(0..outputs, from, len, a, micro.rows, micro.rows * STEP);
                    for first in (0..inputs).step_by(micro.columns) {
                        let rows = first..(first + micro.columns).min(inputs);
                        source.interleave(rows, from, len, b, micro.columns, micro.columns * STEP);
                        for panel in 0..padded_rows / micro.rows {
                            let a = &a[panel * micro.rows * STEP..][..micro.rows * len];
                            let c = &mut sums[panel * micro.rows * stride + first..];
                            micro.run(a, &b[..micro.columns * len], offsets.within(len), c, stride, true);
                        }
                    }
                }
            });
        });
        team::each_piece(weights, inputs, |row, out| {
            out.fill(0.0);
            for part in partial.chunks_exact(padded_rows * stride) {
                for (out, value) in out.iter_mut().zip(&part[row * stride..]) {
                    *out += value;
                }
            }
        });
    }
}
