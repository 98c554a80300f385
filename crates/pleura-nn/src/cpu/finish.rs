//! The end of a product, tile by tile in cache: a tile is written with its moments, or goes back through
//! `ReLU` and norm.
//!
//! Tiles are cut without regard to the number of threads. Sums over columns are kept for each tile and added
//! in tile order at the end, so they are bit-equal for any number of threads.

use std::cell::UnsafeCell;
use std::marker::PhantomData;

use super::path::{self, Channel, Path};
use crate::backend::{GradientSink, Moments, NormBackward, NormReluBackward, Output};

/// Rows of a map that several threads write at the same time, each its own columns.
pub(super) struct SharedRows<'a> {
    start: *mut f32,
    len: usize,
    columns: usize,
    life: PhantomData<&'a mut [f32]>,
}

// SAFETY: access goes through `stretch`, whose caller promises that no two threads hold overlapping
// stretches.
unsafe impl Sync for SharedRows<'_> {}
// SAFETY: as above; the pointer stems from an exclusive borrow that outlives this value.
unsafe impl Send for SharedRows<'_> {}

impl<'a> SharedRows<'a> {
    /// `map` holds rows of `columns` values.
    pub(super) fn new(map: &'a mut [f32], columns: usize) -> Self {
        Self {
            start: map.as_mut_ptr(),
            len: map.len(),
            columns,
            life: PhantomData,
        }
    }

    /// The start of a block of rows and columns.
    fn block(&self, row: usize, rows: usize, from: usize, len: usize) -> *mut f32 {
        assert!(
            from + len <= self.columns && (row + rows) * self.columns <= self.len,
            "a block outside its map"
        );
        // SAFETY: inside the map, as just checked.
        unsafe { self.start.add(row * self.columns + from) }
    }

    /// Columns `from..from + len` of a row.
    ///
    /// # Safety
    /// No overlapping stretch may be requested while the stretch lives.
    #[allow(clippy::mut_from_ref)]
    pub(super) unsafe fn stretch(&self, row: usize, from: usize, len: usize) -> &mut [f32] {
        let place = row * self.columns + from;
        assert!(
            from + len <= self.columns && place + len <= self.len,
            "a tile outside its map"
        );
        // SAFETY: inside the map, as just checked; exclusive, as the caller promises.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(place), len) }
    }
}

/// Pairs of sums, `[tiles, rows]`, each written by one tile.
struct TileSums {
    pairs: Vec<UnsafeCell<(f64, f64)>>,
    rows: usize,
}

// SAFETY: a tile's cells are touched by the one thread that owns the tile, and read only after all have
// ended.
unsafe impl Sync for TileSums {}

impl TileSums {
    fn new(tiles: usize, rows: usize) -> Self {
        let pairs = std::iter::repeat_with(UnsafeCell::default)
            .take(tiles * rows)
            .collect();
        Self { pairs, rows }
    }

    /// The sums of each row over all tiles, in tile order.
    fn total(self) -> Vec<(f64, f64)> {
        let mut total = vec![(0.0, 0.0); self.rows];
        let pairs: Vec<(f64, f64)> = self.pairs.into_iter().map(UnsafeCell::into_inner).collect();
        for tile in pairs.chunks_exact(self.rows.max(1)) {
            for (total, pair) in total.iter_mut().zip(tile) {
                total.0 += pair.0;
                total.1 += pair.1;
            }
        }
        total
    }
}

/// The end of a product over tiles of columns.
pub(super) struct Finish<'a> {
    path: Path,
    map: SharedRows<'a>,
    first_row: usize,
    rows: usize,
    columns: usize,
    kind: Kind<'a>,
    sums: Option<TileSums>,
}

enum Kind<'a> {
    Write {
        bias: Option<&'a [f32]>,
        moments: Option<&'a mut Moments<Vec<f32>>>,
    },
    NormReluBackward {
        x: &'a [f32],
        norm: &'a NormBackward<Vec<f32>>,
        accumulate: bool,
        rest: ThroughSums<'a>,
    },
}

struct ThroughSums<'a> {
    gamma: &'a mut Vec<f32>,
    beta: &'a mut Vec<f32>,
    sums: Option<&'a mut crate::backend::Sums<Vec<f32>>>,
}

impl<'a> Finish<'a> {
    /// Writes `rows` rows of `columns` values, in `tiles` tiles.
    pub(super) fn write(
        path: Path,
        target: Output<'a, Vec<f32>>,
        bias: Option<&'a [f32]>,
        rows: usize,
        columns: usize,
        tiles: usize,
    ) -> Self {
        let Output { map, row, moments } = target;
        Self {
            path,
            map: SharedRows::new(map, columns),
            first_row: row,
            rows,
            columns,
            sums: moments.is_some().then(|| TileSums::new(tiles, rows)),
            kind: Kind::Write { bias, moments },
        }
    }

    /// Sends `rows` rows of `columns` values to a gradient sink, in `tiles` tiles.
    pub(super) fn sink(
        path: Path,
        sink: GradientSink<'a, Vec<f32>>,
        rows: usize,
        columns: usize,
        tiles: usize,
    ) -> Self {
        match sink {
            GradientSink::Plain(map) => Self::write(
                path,
                Output {
                    map,
                    row: 0,
                    moments: None,
                },
                None,
                rows,
                columns,
                tiles,
            ),
            GradientSink::Norm(NormReluBackward {
                x,
                norm,
                into,
                accumulate,
                gamma,
                beta,
                sums,
            }) => Self {
                path,
                map: SharedRows::new(into, columns),
                first_row: 0,
                rows,
                columns,
                sums: Some(TileSums::new(tiles, rows)),
                kind: Kind::NormReluBackward {
                    x,
                    norm,
                    accumulate,
                    rest: ThroughSums { gamma, beta, sums },
                },
            },
        }
    }

    /// A handle for one tile.
    ///
    /// # Safety
    /// Tiles held by two threads must finish different columns or different rows; with the same number,
    /// different rows.
    pub(super) unsafe fn tile(&self, tile: usize) -> Tile<'_, 'a> {
        let sums = self
            .sums
            .as_ref()
            .map(|sums| &sums.pairs[tile * sums.rows..][..sums.rows]);
        Tile { finish: self, sums }
    }

    /// Adds the sums of the tiles in order and stores them.
    pub(super) fn end(self) {
        let Self {
            kind,
            sums,
            rows,
            columns,
            first_row,
            ..
        } = self;
        let Some(total) = sums.map(TileSums::total) else {
            return;
        };
        match kind {
            Kind::Write { moments: None, .. } => {}
            Kind::Write {
                moments: Some(moments),
                ..
            } => {
                write_moments(&total, columns, first_row, moments);
            }
            Kind::NormReluBackward {
                norm,
                rest:
                    ThroughSums {
                        gamma,
                        beta,
                        mut sums,
                    },
                ..
            } => {
                for (row, &(g, gx)) in total.iter().enumerate().take(rows) {
                    beta[row] = g as f32;
                    gamma[row] = gx as f32;
                    if let Some(sums) = &mut sums {
                        let factor = f64::from(norm.factor[row]);
                        sums.g[row] += (factor * g) as f32;
                        sums.gx[row] += (factor * gx) as f32;
                    }
                }
            }
        }
    }
}

/// Means and variances from sums over `columns` values.
pub(super) fn write_moments(
    total: &[(f64, f64)],
    columns: usize,
    first_row: usize,
    moments: &mut Moments<Vec<f32>>,
) {
    let count = columns as f64;
    for (row, &(sum, square)) in total.iter().enumerate() {
        let mean = sum / count;
        moments.mean[first_row + row] = mean as f32;
        moments.variance[first_row + row] = (square / count - mean * mean).max(0.0) as f32;
    }
}

/// Access of one tile to the end of its product.
pub(super) struct Tile<'f, 'a> {
    finish: &'f Finish<'a>,
    sums: Option<&'f [UnsafeCell<(f64, f64)>]>,
}

impl Tile<'_, '_> {
    /// The place where a product may write `rows` rows from `row` on and `len` columns from `from` on
    /// directly, and the distance of rows; [`Tile::written`] must follow. `None` if values must pass through
    /// [`Tile::row`].
    pub(super) fn block(
        &self,
        row: usize,
        rows: usize,
        from: usize,
        len: usize,
    ) -> Option<(*mut f32, usize)> {
        let finish = self.finish;
        assert!(row + rows <= finish.rows, "a row too many");
        match finish.kind {
            Kind::Write { bias: None, .. } => Some((
                finish.map.block(finish.first_row + row, rows, from, len),
                finish.columns,
            )),
            _ => None,
        }
    }

    /// Finishes columns of a row that are already in place.
    pub(super) fn written(&mut self, row: usize, from: usize, len: usize) {
        let finish = self.finish;
        let Some(sums) = self.sums else { return };
        // SAFETY: as in `row`.
        let values = unsafe { finish.map.stretch(finish.first_row + row, from, len) };
        let (a, b) = path::sums(finish.path, values);
        // SAFETY: as in `row`.
        let pair = unsafe { &mut *sums[row].get() };
        pair.0 += a;
        pair.1 += b;
    }

    /// Finishes columns `from..from + values.len()` of a row.
    pub(super) fn row(&mut self, row: usize, from: usize, values: &[f32]) {
        let finish = self.finish;
        assert!(row < finish.rows, "a row too many");
        // SAFETY: `Finish::tile` promises that no other tile touches these columns of this row.
        let out = unsafe { finish.map.stretch(finish.first_row + row, from, values.len()) };
        let (a, b) = match &finish.kind {
            Kind::Write { bias, .. } => {
                match bias {
                    None => out.copy_from_slice(values),
                    Some(bias) => {
                        for (out, value) in out.iter_mut().zip(values) {
                            *out = value + bias[row];
                        }
                    }
                }
                if self.sums.is_none() {
                    return;
                }
                path::sums(finish.path, out)
            }
            Kind::NormReluBackward {
                x, norm, accumulate, ..
            } => {
                let place = row * finish.columns + from;
                let channel = Channel {
                    scale: norm.affine.scale[row],
                    shift: norm.affine.shift[row],
                    factor: norm.factor[row],
                    mean: norm.mean[row],
                    inverse_deviation: norm.inverse_deviation[row],
                };
                path::through(
                    finish.path,
                    values,
                    &x[place..place + values.len()],
                    channel,
                    out,
                    *accumulate,
                )
            }
        };
        if let Some(sums) = self.sums {
            // SAFETY: `Finish::tile` handed these cells to this tile alone.
            let pair = unsafe { &mut *sums[row].get() };
            pair.0 += a;
            pair.1 += b;
        }
    }
}
