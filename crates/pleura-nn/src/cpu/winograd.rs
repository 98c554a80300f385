//! 3×3 convolutions with stride 1 and zero padding of 1, by Winograd's minimal filtering F(4×4, 3×3).
//!
//! A Winograd tile, called square here, is 4×4 outputs. It needs 36 multiply-adds per pair of channels
//! instead of 144. With `d` the 6×6 inputs under it and `g` the 3×3 weights, `y = Aᵀ [ Σ_channels (G g Gᵀ) ⊙
//! (Bᵀ d B) ] A` (Lavin and Gray, 2016): the sum over channels is one matrix product for each of the 36
//! places. The transposed bilinear form gives the gradient of the weights: `dg = Gᵀ [ Σ_squares (Bᵀ d B) ⊙ (A
//! dy Aᵀ) ] G`. The gradient of the input is the convolution with the taps in reverse order.
//!
//! Squares of eight channels are transformed at once, so that no transformation moves values within a vector.

use std::ops::Range;

use super::finish::{Finish, SharedRows};
use super::kernel::Strided;
use super::pack::Source;
use super::scratch::scratch;
use super::{Cpu, path, session, winograd_tiles};
use crate::backend::Grid;

/// Places of a transformed square.
const PLACES: usize = 36;
/// Side of a square of outputs, and of the inputs under it.
const SIDE: usize = 4;
const UNDER: usize = 6;
/// Channels transformed at once.
const LANES: usize = 8;
/// Squares per step of a convolution: their transformed inputs fill half of a core's own cache.
const TOGETHER: usize = 16;
/// Squares per step of a weight gradient.
const CORRELATED: usize = 48;
/// Input channels per step of a weight gradient.
const SLICE: usize = 32;
/// Space between the places of transformed squares: otherwise they would compete for the same few places of
/// the L1 cache.
const APART: usize = 16;
/// Groups of rows of squares of a weight gradient. Each has its own sums, added in order.
const PARTS: usize = 16;

/// Division of images into rows of squares.
#[derive(Clone, Copy)]
struct Squares {
    grid: Grid,
    /// Squares per row.
    across: usize,
    /// Rows of squares of one image.
    down: usize,
}

impl Squares {
    fn of(grid: Grid) -> Self {
        Self {
            grid,
            across: grid.width.div_ceil(SIDE),
            down: grid.height.div_ceil(SIDE),
        }
    }

    /// Rows of squares of all images.
    fn rows(self) -> usize {
        self.grid.batch * self.down
    }

    /// Number of rows with about `squares` squares, at most half of all rows.
    fn rows_of(self, squares: usize) -> usize {
        (squares / self.across.max(1)).clamp(1, self.rows().div_ceil(2).max(1))
    }

    /// Image and first pixel row of a row of squares.
    fn place(self, row: usize) -> (usize, usize) {
        (row / self.down, row % self.down * SIDE)
    }

    /// First column in the map of a row of squares; for the row after the last, the end.
    fn column(self, row: usize) -> usize {
        let (image, y) = self.place(row);
        image * self.grid.plane() + y * self.grid.width
    }

    /// Pixels of a row of squares with the zeros around them, `[6, width]`.
    fn width(self) -> usize {
        self.across * SIDE + 2
    }
}

impl Cpu {
    /// The transformed weights of a 3×3 convolution.
    pub(super) fn forward3x3(&self, weights: &[f32], outputs: usize, inputs: usize) -> Vec<f32> {
        self.transformed(outputs, inputs, |output, input, tap| {
            weights[(output * inputs + input) * 9 + tap]
        })
    }

    /// Weights as [`Cpu::convolve3x3`] reads them, `[36, panels, inputs, columns of a panel]`, from
    /// `tap(output, input, tap)`.
    pub(super) fn transformed(
        &self,
        outputs: usize,
        inputs: usize,
        tap: impl Fn(usize, usize, usize) -> f32 + Sync,
    ) -> Vec<f32> {
        let width = self.kernels.rows.columns;
        let panels = outputs.div_ceil(width);
        let mut values = vec![0f32; PLACES * panels * inputs * width];
        let shared = SharedRows::new(&mut values, width);
        session::each(panels * inputs, |number| {
            let (panel, input) = (number / inputs, number % inputs);
            let first = panel * width;
            scratch([9 * width, PLACES * width], |[taps, places]| {
                taps.fill(0.0);
                for output in first..(first + width).min(outputs) {
                    for t in 0..9 {
                        taps[t * width + output - first] = tap(output, input, t);
                    }
                }
                winograd_tiles::weights_up(self.path, taps, width, places);
                for (place, values) in places.chunks_exact(width).enumerate() {
                    let row = (place * panels + panel) * inputs + input;
                    // SAFETY: an input's values in a panel belong to this tile alone.
                    unsafe { shared.stretch(row, 0, width) }.copy_from_slice(values);
                }
            });
        });
        values
    }

    /// Number of tiles of [`Cpu::convolve3x3`].
    pub(super) fn square_tiles(grid: Grid) -> usize {
        let squares = Squares::of(grid);
        squares.rows().div_ceil(squares.rows_of(TOGETHER))
    }

    /// `weights * source`, with weights [`Cpu::transformed`].
    pub(super) fn convolve3x3(
        &self,
        weights: &[f32],
        (outputs, inputs): (usize, usize),
        source: Source<'_>,
        grid: Grid,
        finish: &Finish<'_>,
    ) {
        let squares = Squares::of(grid);
        let kernel = self.kernels.rows;
        let panels = outputs.div_ceil(kernel.columns);
        let padded = panels * kernel.columns;
        let channels = inputs.next_multiple_of(LANES);
        let step = squares.rows_of(TOGETHER);
        let width = squares.width();
        session::each(Self::square_tiles(grid), |strip| {
            let rows = strip * step..((strip + 1) * step).min(squares.rows());
            let count = rows.len() * squares.across;
            let start = squares.column(rows.start);
            let columns = squares.column(rows.end) - start;
            let (up_place, product_place) = (count * channels + APART, count * padded + APART);
            let room = [
                PLACES * up_place,
                PLACES * product_place,
                UNDER * width * LANES,
                LANES * columns,
            ];
            scratch(room, |[up, product, pixels, out]| {
                for group in (0..inputs).step_by(LANES) {
                    for (number, row) in rows.clone().enumerate() {
                        squares.gather(source, group..inputs.min(group + LANES), row, pixels);
                        let to = &mut up[number * squares.across * channels + group..];
                        winograd_tiles::squares_up(
                            self.path,
                            pixels,
                            width,
                            squares.across,
                            to,
                            channels,
                            up_place,
                        );
                    }
                }
                for place in 0..PLACES {
                    for panel in 0..panels {
                        let a = Strided {
                            values: &up[place * up_place..],
                            row: channels,
                            step: 1,
                        };
                        let b = &weights[(place * panels + panel) * inputs * kernel.columns..];
                        let c = &mut product[place * product_place + panel * kernel.columns..];
                        kernel.product(count, inputs, a, b, c, padded, false);
                    }
                }
                // SAFETY: strips are numbered once and own their columns.
                let mut end = unsafe { finish.tile(strip) };
                for group in (0..outputs).step_by(LANES) {
                    let mut done = 0;
                    for (number, row) in rows.clone().enumerate() {
                        let from = &product[number * squares.across * padded + group..];
                        winograd_tiles::squares_down(
                            self.path,
                            from,
                            padded,
                            product_place,
                            squares.across,
                            pixels,
                        );
                        for line in 0..squares.lines(row) {
                            let line = &pixels[line * squares.across * SIDE * LANES..][..grid.width * LANES];
                            path::spread8(self.path, line, &mut out[done..], columns);
                            done += grid.width;
                        }
                    }
                    for (lane, output) in (group..outputs.min(group + LANES)).enumerate() {
                        end.row(output, start, &out[lane * columns..(lane + 1) * columns]);
                    }
                }
            });
        });
    }

    /// The gradient of the weights, `[outputs, inputs, 3, 3]`.
    pub(super) fn correlate3x3(
        &self,
        (outputs, gradient): (usize, Source<'_>),
        (inputs, source): (usize, Source<'_>),
        grid: Grid,
        weights: &mut [f32],
    ) {
        let squares = Squares::of(grid);
        let kernel = self.kernels.rows;
        let panels = outputs.div_ceil(kernel.columns);
        let padded = panels * kernel.columns;
        let slices = inputs.div_ceil(SLICE);
        let step = squares.rows_of(CORRELATED);
        let width = squares.width();
        let parts = PARTS.min(squares.rows().div_ceil(step));
        let mut partial = vec![0f32; parts * inputs * 9 * padded];
        session::each_piece(&mut partial, inputs * 9 * padded, |part, partial| {
            let all = part * squares.rows() / parts..(part + 1) * squares.rows() / parts;
            let most = step.min(all.len()) * squares.across;
            let room = [
                slices * PLACES * SLICE * padded,
                PLACES * (most * SLICE + APART),
                PLACES * (most * padded + APART),
                UNDER * width * LANES,
            ];
            scratch(room, |[sums, up, cross, pixels]| {
                sums.fill(0.0);
                for first in all.clone().step_by(step) {
                    let rows = first..(first + step).min(all.end);
                    let count = rows.len() * squares.across;
                    let (up_place, cross_place) = (count * SLICE + APART, count * padded + APART);
                    // Lanes without an output are zero, and so are the ends of panels.
                    for group in (0..padded).step_by(LANES) {
                        let (panel, lane) = (group / kernel.columns, group % kernel.columns);
                        for (number, row) in rows.clone().enumerate() {
                            squares.gather_outputs(
                                gradient,
                                group.min(outputs)..outputs.min(group + LANES),
                                row,
                                pixels,
                            );
                            let square = panel * count + number * squares.across;
                            let to = &mut cross[square * kernel.columns + lane..];
                            winograd_tiles::squares_across(
                                self.path,
                                pixels,
                                squares.across,
                                to,
                                kernel.columns,
                                cross_place,
                            );
                        }
                    }
                    for slice in 0..slices {
                        let channels = slice * SLICE..inputs.min((slice + 1) * SLICE);
                        for group in channels.clone().step_by(LANES) {
                            for (number, row) in rows.clone().enumerate() {
                                squares.gather(source, group..channels.end.min(group + LANES), row, pixels);
                                let to = &mut up[number * squares.across * SLICE + group % SLICE..];
                                winograd_tiles::squares_up(
                                    self.path,
                                    pixels,
                                    width,
                                    squares.across,
                                    to,
                                    SLICE,
                                    up_place,
                                );
                            }
                        }
                        for place in 0..PLACES {
                            for panel in 0..panels {
                                let a = Strided {
                                    values: &up[place * up_place..],
                                    row: 1,
                                    step: SLICE,
                                };
                                let b = &cross[place * cross_place + panel * count * kernel.columns..];
                                let at = (slice * PLACES + place) * SLICE * padded + panel * kernel.columns;
                                kernel.product(channels.len(), count, a, b, &mut sums[at..], padded, true);
                            }
                        }
                    }
                }
                for (input, out) in partial.chunks_exact_mut(9 * padded).enumerate() {
                    let from = &sums[(input / SLICE * PLACES * SLICE + input % SLICE) * padded..];
                    winograd_tiles::weights_back(
                        self.path,
                        from,
                        SLICE * padded,
                        padded / LANES,
                        out,
                        padded,
                    );
                }
            });
        });
        session::each_piece(weights, inputs * 9, |output, out| {
            for (index, out) in out.iter_mut().enumerate() {
                let parts = partial.chunks_exact(inputs * 9 * padded);
                *out = parts.map(|part| part[index * padded + output]).sum();
            }
        });
    }
}

impl Squares {
    /// Pixel rows of a row of squares inside the image.
    fn lines(self, row: usize) -> usize {
        SIDE.min(self.grid.height - self.place(row).1)
    }

    /// The inputs under a row of squares, `[6, width, 8]`, zeros around the image included.
    fn gather(self, source: Source<'_>, channels: Range<usize>, row: usize, pixels: &mut [f32]) {
        let (image, y) = self.place(row);
        let (height, width) = (self.grid.height, self.grid.width);
        for (line, pixels) in pixels
            .chunks_exact_mut(self.width() * LANES)
            .take(UNDER)
            .enumerate()
        {
            let y = (y + line).wrapping_sub(1);
            if y >= height {
                pixels.fill(0.0);
                continue;
            }
            pixels[..LANES].fill(0.0);
            pixels[(width + 1) * LANES..].fill(0.0);
            let from = image * self.grid.plane() + y * width;
            let pixels = &mut pixels[LANES..(width + 1) * LANES];
            if channels.len() < LANES {
                pixels.fill(0.0);
            }
            let len = pixels.len();
            source.interleave(channels.clone(), from, width, pixels, LANES, len);
        }
    }

    /// A row of squares of outputs, `[4, 4 · across, 8]`, zeros outside the image.
    fn gather_outputs(self, source: Source<'_>, channels: Range<usize>, row: usize, pixels: &mut [f32]) {
        let width = self.grid.width;
        let start = self.column(row);
        let rows = pixels.chunks_exact_mut(self.across * SIDE * LANES).take(SIDE);
        for (line, pixels) in rows.enumerate() {
            if line >= self.lines(row) || channels.len() < LANES {
                pixels.fill(0.0);
            }
            if line >= self.lines(row) {
                continue;
            }
            pixels[width * LANES..].fill(0.0);
            let pixels = &mut pixels[..width * LANES];
            let len = pixels.len();
            source.interleave(channels.clone(), start + line * width, width, pixels, LANES, len);
        }
    }
}
