//! 1×1 convolutions: one matrix product over all columns of a map, cut into tiles of columns.

use std::ops::Range;

use super::finish::Finish;
use super::kernel::{OffsetList, Strided};
use super::pack::{Panels, Source};
use super::scratch::scratch;
use super::{Cpu, path, session};

/// Steps of the inner dimension that a tile keeps in cache at once.
const DEPTH: usize = 256;
/// Panels of columns in a tile. Rows of a map are far apart, and long stretches of them are read faster.
const TILE_PANELS: usize = 16;
/// Steps of space behind each panel: otherwise the values of a step in all panels would compete for the same
/// few places of the L1 cache.
const APART: usize = 1;
/// Columns of one step of a weight gradient, and rows of the source in it: both operands stay in the L1
/// cache.
const STEP: usize = 192;
const TOGETHER: usize = 24;
/// Tasks of a weight gradient: blocks of about this many rows of the source, at most this many, and parts of
/// the columns with at least this many steps. Parts have their own sums, added in order.
const TASKS: usize = 16;
const BLOCK: usize = 128;
const MOST_BLOCKS: usize = 8;
const PART_STEPS: usize = 8;
const LANES: usize = 8;

impl Cpu {
    /// Weights `[outputs, steps]` in panels of outputs, packed if necessary.
    pub(super) fn rows_panels<'a>(
        &self,
        weights: &[f32],
        prepared: Option<&'a Vec<f32>>,
        outputs: usize,
        steps: usize,
    ) -> Panels<'a> {
        let lanes = self.kernels.wide.rows;
        match prepared {
            Some(values) => Panels::packed(outputs, steps, lanes, values),
            None => Panels::new(outputs, steps, lanes, |row, step| weights[row * steps + step]),
        }
    }

    /// Number of column tiles of a map, even so that two threads share them equally.
    pub(super) fn tiles(&self, columns: usize) -> usize {
        let panels = columns.div_ceil(self.kernels.wide.columns);
        (panels.div_ceil(TILE_PANELS).next_multiple_of(2))
            .min(panels)
            .max(1)
    }

    /// The panels of a tile.
    fn tile_panels(&self, columns: usize, tile: usize) -> Range<usize> {
        let (panels, tiles) = (columns.div_ceil(self.kernels.wide.columns), self.tiles(columns));
        tile * panels / tiles..(tile + 1) * panels / tiles
    }

    /// `weights · source` over all columns: outputs are the rows of `weights`, steps its columns.
    pub(super) fn product(
        &self,
        weights: &Panels<'_>,
        depth: usize,
        source: Source<'_>,
        finish: &Finish<'_>,
    ) {
        let micro = self.kernels.wide;
        let width = micro.columns;
        let tiles = self.tiles(source.columns);
        let tile_columns = source.columns.div_ceil(width).div_ceil(tiles) * width;
        let offsets = OffsetList::regular(DEPTH, width);
        // With few outputs and a deep inner dimension, or the opposite, the rows of a tile are made in blocks
        // that stay in cache.
        let block_panels = if depth > DEPTH { weights.count() } else { 16 };
        let room = [
            (DEPTH.min(depth) + APART) * tile_columns,
            block_panels * micro.rows * tile_columns,
        ];
        session::each(tiles, |tile| {
            let panels = self.tile_panels(source.columns, tile);
            let from = panels.start * width;
            let columns = (panels.end * width).min(source.columns) - from;
            let panels = panels.len();
            // SAFETY: tiles are numbered once and own their columns.
            let mut end = unsafe { finish.tile(tile) };
            scratch(room, |[read, out]| {
                let mut block = 0;
                while block < weights.count() {
                    let blocks = block_panels.min(weights.count() - block);
                    let mut start = 0;
                    while start < depth {
                        let steps = DEPTH.min(depth - start);
                        let between = (steps + APART) * width;
                        if block == 0 || depth > DEPTH {
                            for step in 0..steps {
                                let out = &mut read[step * width..];
                                source.cut(start + step, from, columns, out, width, between);
                            }
                        }
                        for panel in 0..panels {
                            let b = &read[panel * between..][..steps * width];
                            let offsets = offsets.within(steps);
                            let place = from + panel * width;
                            let whole = place + width <= source.columns;
                            // An almost empty last panel takes two panels of rows at a time.
                            let narrow = !whole && source.columns - place <= micro.tail;
                            let paired = if narrow { blocks / 2 * 2 } else { 0 };
                            for row in (0..paired).step_by(2) {
                                let a = [0, 1]
                                    .map(|next| weights.panel(block + row + next, start, start + steps));
                                let c = &mut out[row * micro.rows * tile_columns + panel * width..];
                                micro.run_tail(a, b, offsets, c, tile_columns, start > 0);
                            }
                            for row in paired..blocks {
                                let a = weights.panel(block + row, start, start + steps);
                                let first = (block + row) * micro.rows;
                                let inside = whole && first + micro.rows <= weights.rows;
                                let target = inside
                                    .then(|| end.block(first, micro.rows, place, width))
                                    .flatten();
                                if let Some((c, stride)) = target {
                                    // SAFETY: the block is inside the map, and inside this tile's columns.
                                    unsafe { micro.run_at(a, b, offsets, c, stride, start > 0) };
                                } else {
                                    let c = &mut out[row * micro.rows * tile_columns + panel * width..];
                                    micro.run(a, b, offsets, c, tile_columns, start > 0);
                                }
                            }
                        }
                        start += steps;
                    }
                    let first = block * micro.rows;
                    for row in first..(first + blocks * micro.rows).min(weights.rows) {
                        let values = &out[(row - first) * tile_columns..][..columns];
                        // Rows that are in place, and the others: the last panel, or rows of an uneven block.
                        let whole_rows = weights.rows / micro.rows * micro.rows;
                        let done = match end.block(row, 1, from, columns) {
                            Some(_) if row < whole_rows => {
                                columns.min((source.columns - from) / width * width)
                            }
                            _ => 0,
                        };
                        if done > 0 {
                            end.written(row, from, done);
                        }
                        if done < columns {
                            end.row(row, from + done, &values[done..]);
                        }
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
        let kernel = self.kernels.rows;
        let columns = source.columns;
        let steps = columns.div_ceil(STEP);
        let blocks = (inputs / BLOCK).clamp(1, MOST_BLOCKS);
        let parts = (TASKS / blocks).min(steps / PART_STEPS).max(1);
        let block_rows = inputs.div_ceil(blocks);
        let panels = outputs.div_ceil(kernel.columns);
        let stride = panels * kernel.columns;
        // Sums are transposed, `[inputs, outputs]`: the many rows of `source` are read in place, and only the
        // few of `gradient` are transposed.
        let mut partial = vec![0f32; parts * blocks * block_rows * stride];
        session::each_piece(&mut partial, block_rows * stride, |task, sums| {
            let (part, first) = (task / blocks, task % blocks * block_rows);
            let sums = &mut sums[..block_rows.min(inputs.saturating_sub(first)) * stride];
            scratch([stride * STEP, TOGETHER * STEP], |[b, a]| {
                for step in part * steps / parts..(part + 1) * steps / parts {
                    let from = step * STEP;
                    let len = STEP.min(columns - from);
                    gradient.interleave(0..outputs, from, len, b, kernel.columns, kernel.columns * STEP);
                    for (group, sums) in sums.chunks_mut(TOGETHER * stride).enumerate() {
                        let rows = sums.len() / stride;
                        for (row, a) in a.chunks_exact_mut(STEP).take(rows).enumerate() {
                            source.read(first + group * TOGETHER + row, from, &mut a[..len]);
                        }
                        for panel in 0..panels {
                            let a = Strided {
                                values: a,
                                row: STEP,
                                step: 1,
                            };
                            let b = &b[panel * kernel.columns * STEP..];
                            let c = &mut sums[panel * kernel.columns..];
                            kernel.product(rows, len, a, b, c, stride, true);
                        }
                    }
                }
            });
        });
        session::each_piece(weights, inputs * LANES, |group, out| {
            scratch([inputs * LANES, inputs * LANES], |[sums, turned]| {
                sums.fill(0.0);
                for part in partial.chunks_exact(blocks * block_rows * stride) {
                    for (sums, part) in sums.chunks_exact_mut(LANES).zip(part.chunks_exact(stride)) {
                        for (sum, value) in sums.iter_mut().zip(&part[group * LANES..]) {
                            *sum += value;
                        }
                    }
                }
                path::spread8(self.path, sums, turned, inputs);
                out.copy_from_slice(&turned[..out.len()]);
            });
        });
    }
}
