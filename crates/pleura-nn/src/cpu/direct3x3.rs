//! 3×3 convolutions with stride 1 and zero padding of 1: read from one activated tile, shifted nine times.
//!
//! A band of rows of one image is laid out flat with a single zero between rows: the zero to the right of one
//! row is the zero to the left of the next. With `stride = width + 1`, output `(y, x)` is at `y · stride +
//! x`, and tap `(dy, dx)` reads at that place plus `dy · stride + dx`. So the convolution is a matrix product
//! whose inner rows are shifted views of one tile. The one surplus column per row costs `1 / (width + 1)` of
//! the arithmetic.

use super::finish::Finish;
use super::kernel::OffsetList;
use super::pack::{Panels, Source};
use super::scratch::scratch;
use super::{Cpu, session};
use crate::backend::{GradientSink, Grid};

/// The most flat positions of a band, halo included.
const BAND: usize = 520;
/// Space behind a tile, since a vector may read beyond its end. The values computed there are dropped.
const SLACK: usize = 64;
/// Division of a map's images into bands of rows.
#[derive(Clone, Copy)]
pub(super) struct Bands {
    grid: Grid,
    rows: usize,
    per_image: usize,
}

/// One band.
#[derive(Clone, Copy)]
struct Band {
    image: usize,
    first: usize,
    rows: usize,
}

impl Bands {
    pub(super) fn of(grid: Grid) -> Self {
        let fit = (BAND / (grid.width + 1))
            .saturating_sub(2)
            .clamp(1, grid.height.max(1));
        // Bands of equal height: a short last one would waste vectors.
        let per_image = grid.height.div_ceil(fit);
        let rows = grid.height.div_ceil(per_image.max(1));
        Self {
            grid,
            rows,
            per_image: grid.height.div_ceil(rows.max(1)),
        }
    }

    pub(super) fn count(&self) -> usize {
        self.grid.batch * self.per_image
    }

    fn band(&self, number: usize) -> Band {
        let first = number % self.per_image * self.rows;
        Band {
            image: number / self.per_image,
            first,
            rows: self.rows.min(self.grid.height - first),
        }
    }

    fn stride(&self) -> usize {
        self.grid.width + 1
    }

    /// Positions of a full band's tile: its rows, the two around them, and the reads of the last tap of the
    /// surplus column.
    fn tile(&self) -> usize {
        (self.rows + 2) * self.stride() + 2
    }

    /// Positions of a full band's outputs, with the surplus column.
    fn positions(&self) -> usize {
        self.rows * self.stride()
    }

    /// Place of each of the nine taps.
    fn taps(&self) -> [usize; 9] {
        std::array::from_fn(|tap| tap / 3 * self.stride() + tap % 3)
    }

    /// First column in the map of a band's row.
    fn column(&self, band: Band, row: usize) -> usize {
        band.image * self.grid.plane() + (band.first + row) * self.grid.width
    }

    /// The rows of the image in the tile of a band, each with its place in the tile.
    fn tile_rows(self, band: Band) -> impl Iterator<Item = (usize, usize)> {
        (0..band.rows + 2).filter_map(move |place| {
            let row = (band.first + place).checked_sub(1)?;
            (row < self.grid.height)
                .then_some((place, band.image * self.grid.plane() + row * self.grid.width))
        })
    }
}

impl Cpu {
    /// The transposed convolution of `source`, summed directly; weights are `[outputs, inputs, 3, 3]`.
    pub(super) fn direct3x3_back(
        &self,
        (weights, outputs, inputs): (&[f32], usize, usize),
        source: Source<'_>,
        grid: Grid,
        sink: GradientSink<'_, Vec<f32>>,
    ) {
        let mut turned = Vec::with_capacity(weights.len());
        for input in 0..inputs {
            for output in 0..outputs {
                let taps = &weights[(output * inputs + input) * 9..][..9];
                turned.extend(taps.iter().rev());
            }
        }
        let panels = self.rows_panels(&turned, None, inputs, outputs * 9);
        let bands = Bands::of(grid);
        let finish = Finish::sink(self.path, sink, inputs, grid.columns(), bands.count());
        self.direct3x3(&panels, outputs, source, bands, &finish);
        finish.end();
    }

    /// `weights * source`, with `weights` packed by steps `(channel, tap)`.
    pub(super) fn direct3x3(
        &self,
        weights: &Panels<'_>,
        channels: usize,
        source: Source<'_>,
        bands: Bands,
        finish: &Finish<'_>,
    ) {
        let micro = self.kernels.wide;
        let (width, stride) = (bands.grid.width, bands.stride());
        let plane = bands.tile() + SLACK;
        let taps = bands.taps();
        let offsets = OffsetList::new((0..channels * 9).map(|step| step / 9 * plane + taps[step % 9]));
        let out_stride = bands.positions().next_multiple_of(micro.columns);
        let room = [channels * plane, weights.count() * micro.rows * out_stride];
        session::each(bands.count(), |number| {
            scratch(room, |[read, out]| {
                let band = bands.band(number);
                for channel in 0..channels {
                    let tile = &mut read[channel * plane..(channel + 1) * plane];
                    // The rows around an image's border differ from band to band: zero them each time.
                    tile[..stride].fill(0.0);
                    tile[(band.rows + 1) * stride..].fill(0.0);
                    for (place, column) in bands.tile_rows(band) {
                        let start = place * stride + 1;
                        tile[start - 1] = 0.0;
                        source.read(channel, column, &mut tile[start..start + width]);
                    }
                }
                for first in (0..band.rows * stride).step_by(micro.columns) {
                    for panel in 0..weights.count() {
                        let c = &mut out[panel * micro.rows * out_stride + first..];
                        let a = weights.panel(panel, 0, channels * 9);
                        micro.run(a, &read[first..], offsets.all(), c, out_stride, false);
                    }
                }
                // SAFETY: bands are numbered once and own their columns.
                let mut end = unsafe { finish.tile(number) };
                for row in 0..weights.rows {
                    let values = &mut out[row * out_stride..(row + 1) * out_stride];
                    // A band's rows are contiguous in the map: drop the surplus columns, finish them at once.
                    for y in 1..band.rows {
                        values.copy_within(y * stride..y * stride + width, y * width);
                    }
                    end.row(row, bands.column(band, 0), &values[..band.rows * width]);
                }
            });
        });
    }
}
