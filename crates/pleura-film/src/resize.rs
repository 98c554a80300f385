//! Antialiased resampling by a triangle filter.
//!
//! When an image shrinks, the filter covers every source pixel, so fine structure is averaged and not
//! aliased. When it grows, this is bilinear interpolation. Pillow calls this resampling `BILINEAR`. Here it
//! uses plain `f32` with a fixed order of additions, so the bits do not depend on the machine's instruction
//! set.

use std::ops::Range;

use crate::levels::Rows;
use crate::path::per_path;

/// The part of a source axis that is resampled, and the number of output samples.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Axis {
    /// The start of the part, in source pixels.
    pub(crate) start: f64,
    /// Its length, in source pixels.
    pub(crate) length: f64,
    /// The number of output samples.
    pub(crate) out: usize,
}

/// Rows that are computed together: their sums along a row share one vector.
const LANES: usize = 8;

/// Resamples `[height, width]` to `[down.out, across.out]`.
///
/// Vertically first, then horizontally. Source rows are converted when needed and kept only as long as
/// needed.
pub(crate) fn resize(source: Rows<'_>, width: usize, height: usize, across: Axis, down: Axis) -> Vec<f32> {
    let (across, down) = (Filter::new(width, across), Filter::new(height, down));
    let mut result = vec![0.0; down.len() * across.len()];
    let mut window = Window::new(source, width, down.most_rows(LANES));
    let mut short = vec![0.0; LANES * width];
    let mut columns = vec![[0.0; LANES]; width];
    let mut sums = vec![[0.0; LANES]; across.len()];
    for (group, result) in result.chunks_mut(LANES * across.len()).enumerate() {
        let lanes = result.len() / across.len();
        let made = group * LANES..group * LANES + lanes;
        window.hold(down.span(made.clone()));
        for (index, out) in made.zip(short.chunks_exact_mut(width)) {
            let (rows, weights) = down.taps(index);
            let rows: Vec<&[f32]> = rows.map(|row| window.row(row)).collect();
            add_rows(&rows, weights, out);
        }
        side_by_side(&short, width, &mut columns);
        add_columns(&columns, &across, &mut sums);
        for (lane, row) in result.chunks_exact_mut(across.len()).enumerate() {
            for (out, sum) in row.iter_mut().zip(&sums) {
                *out = sum[lane];
            }
        }
    }
    result
}

/// The source rows in use, as `f32`.
struct Window<'a> {
    source: Rows<'a>,
    width: usize,
    /// Row `y` is stored at `y % rows`.
    ring: Vec<f32>,
    rows: usize,
    /// All rows before this one have been read.
    read: usize,
}

impl<'a> Window<'a> {
    fn new(source: Rows<'a>, width: usize, rows: usize) -> Self {
        let room = if matches!(source, Rows::Unit(_)) {
            0
        } else {
            rows * width
        };
        Self {
            source,
            width,
            ring: vec![0.0; room],
            rows,
            read: 0,
        }
    }

    /// Reads these rows. They must not begin before those of the last call.
    fn hold(&mut self, rows: Range<usize>) {
        if let Rows::Unit(_) = self.source {
            return;
        }
        for row in self.read.max(rows.start)..rows.end {
            let at = row % self.rows * self.width;
            self.source
                .read(row * self.width, &mut self.ring[at..at + self.width]);
        }
        self.read = self.read.max(rows.end);
    }

    fn row(&self, row: usize) -> &[f32] {
        match self.source {
            Rows::Unit(grey) => &grey[row * self.width..(row + 1) * self.width],
            _ => &self.ring[row % self.rows * self.width..][..self.width],
        }
    }
}

per_path! {
    /// `Σ weight · row`, from the first row to the last, column by column.
    fn add_rows(rows: &[&[f32]], weights: &[f32], out: &mut [f32]) {
        let width = out.len();
        out.fill(0.0);
                // Four rows per pass, so the sums are read and written a quarter as often.
        let ((fours, rest), (by_fours, by_one)) = (rows.as_chunks::<4>(), weights.as_chunks::<4>());
        for (four, by) in fours.iter().zip(by_fours) {
            let [first, second, third, fourth] = four.map(|row| &row[..width]);
            for (column, sum) in out.iter_mut().enumerate() {
                *sum = *sum + by[0] * first[column] + by[1] * second[column] + by[2] * third[column] + by[3] * fourth[column];
            }
        }
        for (row, &weight) in rest.iter().zip(by_one) {
            for (sum, &value) in out.iter_mut().zip(*row) {
                *sum += weight * value;
            }
        }
    }
}

per_path! {
    /// `[lanes, width]` → `[width, lanes]`.
    fn side_by_side(rows: &[f32], width: usize, columns: &mut [[f32; LANES]]) {
        let rows: [&[f32]; LANES] = std::array::from_fn(|lane| &rows[lane * width..][..width]);
        for (place, column) in columns.iter_mut().enumerate().take(width) {
            for (out, row) in column.iter_mut().zip(&rows) {
                *out = row[place];
            }
        }
    }
}

per_path! {
    /// `Σ weight · column`, from left to right, for all lanes at once.
    fn add_columns(columns: &[[f32; LANES]], across: &Filter, out: &mut [[f32; LANES]]) {
        for (index, out) in out.iter_mut().enumerate() {
            let (range, weights) = across.taps(index);
            let mut sums = [0.0_f32; LANES];
            for (column, &weight) in columns[range].iter().zip(weights) {
                for (sum, &value) in sums.iter_mut().zip(column) {
                    *sum += weight * value;
                }
            }
            *out = sums;
        }
    }
}

/// The source samples of each output sample, and their weights.
struct Filter {
    /// The first source sample of each output sample, and the index of its weight.
    begins: Vec<(usize, usize)>,
    weights: Vec<f32>,
}

impl Filter {
    fn new(size: usize, axis: Axis) -> Self {
        let scale = axis.length / axis.out as f64;
        let support = scale.max(1.0);
        let mut filter = Self {
            begins: Vec::with_capacity(axis.out),
            weights: Vec::new(),
        };
        for index in 0..axis.out {
            let center = axis.start + (index as f64 + 0.5) * scale;
            let first = ((center - support + 0.5).floor().max(0.0) as usize).min(size - 1);
            let end = ((center + support + 0.5).floor().max(0.0) as usize).clamp(first + 1, size);
            let weight = |pixel: usize| (1.0 - ((pixel as f64 + 0.5 - center) / support).abs()).max(0.0);
            let total: f64 = (first..end).map(weight).sum();
            filter.begins.push((first, filter.weights.len()));
            if total > 0.0 {
                filter
                    .weights
                    .extend((first..end).map(|pixel| (weight(pixel) / total) as f32));
            } else {
                filter.weights.push(1.0);
            }
        }
        filter
    }

    /// Output samples.
    fn len(&self) -> usize {
        self.begins.len()
    }

    /// The source samples of one output sample, with their weights. The starts never decrease.
    #[inline]
    fn taps(&self, index: usize) -> (Range<usize>, &[f32]) {
        let (first, begin) = self.begins[index];
        let end = self
            .begins
            .get(index + 1)
            .map_or(self.weights.len(), |next| next.1);
        (first..first + end - begin, &self.weights[begin..end])
    }

    /// The source samples that several output samples use.
    fn span(&self, indices: Range<usize>) -> Range<usize> {
        let ends = indices.clone().map(|index| self.taps(index).0.end);
        self.begins[indices.start].0..ends.max().unwrap_or(0)
    }

    /// The most source samples that a group of `lanes` output samples uses, grouped as in [`resize`].
    fn most_rows(&self, lanes: usize) -> usize {
        let groups = (0..self.len()).step_by(lanes);
        let spans = groups.map(|first| self.span(first..self.len().min(first + lanes)).len());
        spans.max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(size: usize, out: usize) -> Axis {
        Axis {
            start: 0.0,
            length: size as f64,
            out,
        }
    }

    #[test]
    fn a_constant_stays_constant() {
        for (width, height, out) in [(1, 1, 7), (300, 200, 224), (1000, 37, 64), (5, 900, 8)] {
            let grey = vec![0.625; width * height];
            let resized = resize(
                Rows::Unit(&grey),
                width,
                height,
                whole(width, out),
                whole(height, out),
            );
            assert!(
                resized.iter().all(|value| (value - 0.625).abs() < 1e-6),
                "{width}×{height}"
            );
        }
    }

    #[test]
    fn the_same_size_is_the_same_image() {
        let grey: Vec<f32> = (0_u8..60).map(|value| f32::from(value) / 60.0).collect();
        assert_eq!(resize(Rows::Unit(&grey), 10, 6, whole(10, 10), whole(6, 6)), grey);
    }

    #[test]
    fn a_fine_grating_averages_out() {
        let grey: Vec<f32> = (0..512 * 512)
            .map(|at| f32::from(u8::from(at % 2 == 0)))
            .collect();
        let resized = resize(Rows::Unit(&grey), 512, 512, whole(512, 64), whole(512, 64));
        let inner = resized.chunks_exact(64).flat_map(|row| &row[1..63]);
        assert!(inner.clone().all(|value| (value - 0.5).abs() < 0.01));
    }
}
