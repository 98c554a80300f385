//! The canvas: from centimetres in the patient to pixels of the film; planes of path lengths, and tubes drawn
//! into them.

use super::curve::length;

/// The film's frame over the body.
///
/// Body coordinates are centimetres from the middle of the chest: `u` to the image's right (the patient's
/// left), `v` downwards. The film is square and `field` centimetres wide.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Frame {
    size: usize,
    field: f32,
    centre: (f32, f32),
    cos: f32,
    sin: f32,
}

/// A rectangle in body coordinates.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) left: f32,
    pub(crate) right: f32,
    pub(crate) top: f32,
    pub(crate) bottom: f32,
}

impl Bounds {
    /// The square with half side `radius` around a point.
    pub(crate) fn around(u: f32, v: f32, reach: f32) -> Self {
        Self {
            left: u - reach,
            right: u + reach,
            top: v - reach,
            bottom: v + reach,
        }
    }
}

impl Frame {
    /// A film of `size` pixels a side over `field` centimetres around `centre`, with the body rotated by
    /// `roll` radians.
    pub(crate) fn new(size: usize, field: f32, centre: (f32, f32), roll: f32) -> Self {
        Self {
            size,
            field,
            centre,
            cos: roll.cos(),
            sin: roll.sin(),
        }
    }

    /// Pixels a side.
    pub(crate) fn size(&self) -> usize {
        self.size
    }

    /// Centimetres a pixel.
    pub(crate) fn pixel(&self) -> f32 {
        self.field / self.size as f32
    }

    /// Body coordinates of a pixel's centre.
    pub(crate) fn body(&self, column: usize, row: usize) -> (f32, f32) {
        let x = ((column as f32 + 0.5) / self.size as f32 - 0.5) * self.field;
        let y = ((row as f32 + 0.5) / self.size as f32 - 0.5) * self.field;
        (
            self.centre.0 + self.cos * x + self.sin * y,
            self.centre.1 - self.sin * x + self.cos * y,
        )
    }

    /// Pixel coordinates of a point of the body; pixel centres are integers.
    pub(crate) fn place(&self, u: f32, v: f32) -> (f32, f32) {
        let (du, dv) = (u - self.centre.0, v - self.centre.1);
        let x = self.cos * du - self.sin * dv;
        let y = self.sin * du + self.cos * dv;
        let scale = self.size as f32 / self.field;
        let half = 0.5 * self.size as f32 - 0.5;
        (x * scale + half, y * scale + half)
    }

    /// Calls `each(index, u, v)` for every pixel whose centre may lie in `bounds`.
    pub(crate) fn visit(&self, bounds: Bounds, mut each: impl FnMut(usize, f32, f32)) {
        let corners = [
            self.place(bounds.left, bounds.top),
            self.place(bounds.right, bounds.top),
            self.place(bounds.left, bounds.bottom),
            self.place(bounds.right, bounds.bottom),
        ];
        let columns = self.span(corners.map(|corner| corner.0));
        let rows = self.span(corners.map(|corner| corner.1));
        for row in rows {
            for column in columns.clone() {
                let (u, v) = self.body(column, row);
                each(row * self.size + column, u, v);
            }
        }
    }

    /// Calls `each(index, u, v)` for every pixel.
    pub(crate) fn visit_all(&self, mut each: impl FnMut(usize, f32, f32)) {
        for row in 0..self.size {
            for column in 0..self.size {
                let (u, v) = self.body(column, row);
                each(row * self.size + column, u, v);
            }
        }
    }

    fn span(&self, ends: [f32; 4]) -> std::ops::Range<usize> {
        let low = ends
            .iter()
            .copied()
            .fold(f32::MAX, f32::min)
            .floor()
            .clamp(0.0, self.size as f32);
        let high = ends.iter().copied().fold(f32::MIN, f32::max).ceil() + 1.0;
        low as usize..high.clamp(0.0, self.size as f32) as usize
    }
}

/// One value a pixel, row-major `[size, size]`.
#[derive(Debug, Clone)]
pub(crate) struct Plane {
    pub(crate) size: usize,
    pub(crate) values: Vec<f32>,
}

impl Plane {
    /// All zero.
    pub(crate) fn zero(size: usize) -> Self {
        Self {
            size,
            values: vec![0.0; size * size],
        }
    }

    /// An approximate Gaussian blur of `sigma` pixels: three box filters, with the border repeated.
    pub(crate) fn blur(&mut self, sigma: f32) {
        // Three boxes of half width r have variance r(r+1). Fractions are interpolated between two widths.
        let wanted = sigma * sigma;
        let radius = ((1.0 + 4.0 * wanted).sqrt() - 1.0) / 2.0;
        let narrow = radius.floor();
        let part = (wanted - narrow * (narrow + 1.0)) / (2.0 * (narrow + 1.0));
        let mut scratch = vec![0.0; self.values.len()];
        for _ in 0..3 {
            box_rows(&self.values, &mut scratch, self.size, narrow as usize, part);
            box_columns(&scratch, &mut self.values, self.size, narrow as usize, part);
        }
    }
}

/// A box of half width `radius`, interpolated with the next wider one: its two outermost pixels have weight
/// `part`.
fn box_rows(from: &[f32], to: &mut [f32], size: usize, radius: usize, part: f32) {
    let last = size as isize - 1;
    let edge = part_weight(radius, part);
    let scale = 1.0 / ((2 * radius + 1) as f32 + 2.0 * edge);
    for (row, out) in from.chunks_exact(size).zip(to.chunks_exact_mut(size)) {
        let at = |column: isize| row[column.clamp(0, last) as usize];
        let reach = radius as isize;
        let mut sum: f32 = (-reach..=reach).map(at).sum();
        for (column, value) in out.iter_mut().enumerate() {
            let column = column as isize;
            *value = (sum + edge * (at(column - reach - 1) + at(column + reach + 1))) * scale;
            sum += at(column + reach + 1) - at(column - reach);
        }
    }
}

fn box_columns(from: &[f32], to: &mut [f32], size: usize, radius: usize, part: f32) {
    let last = size as isize - 1;
    let edge = part_weight(radius, part);
    let scale = 1.0 / ((2 * radius + 1) as f32 + 2.0 * edge);
    let line = |row: isize| &from[row.clamp(0, last) as usize * size..][..size];
    let reach = radius as isize;
    let mut sums = vec![0.0; size];
    for row in -reach..=reach {
        sums.iter_mut()
            .zip(line(row))
            .for_each(|(sum, value)| *sum += value);
    }
    for (row, out) in to.chunks_exact_mut(size).enumerate() {
        let row = row as isize;
        let (before, after, leaving) = (line(row - reach - 1), line(row + reach + 1), line(row - reach));
        for column in 0..size {
            out[column] = (sums[column] + edge * (before[column] + after[column])) * scale;
            sums[column] += after[column] - leaving[column];
        }
    }
}

/// The outer weight at which three boxes have the variance `3·v`, with `v` at `part` between two widths.
fn part_weight(radius: usize, part: f32) -> f32 {
    // One box: v(w) = (Σ_{|k|≤r} k² + 2w(r+1)²) / (2r+1+2w); solve v(w) = v(0) + part·(v(1) − v(0)) for w.
    let r = radius as f32;
    let inner = r * (r + 1.0) * (2.0 * r + 1.0) / 3.0;
    let count = 2.0 * r + 1.0;
    let (low, high) = (inner / count, (inner + 2.0 * (r + 1.0).powi(2)) / (count + 2.0));
    let goal = low + part * (high - low);
    (goal * count - inner) / (2.0 * ((r + 1.0).powi(2) - goal))
}

/// A point of a tube's axis, with radius and density.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bead {
    pub(crate) u: f32,
    pub(crate) v: f32,
    /// Radius in centimetres.
    pub(crate) radius: f32,
    /// Multiplies the path length.
    pub(crate) weight: f32,
}

/// Draws tubes. A scratch plane lets the pieces of one tube overlap without adding up.
pub(crate) struct Pen {
    frame: Frame,
    scratch: Vec<f32>,
}

impl Pen {
    pub(crate) fn new(frame: Frame) -> Self {
        Self {
            frame,
            scratch: vec![0.0; frame.size() * frame.size()],
        }
    }

    /// Adds the path through a tube along `beads` to `plane`.
    ///
    /// `chord(q)` is the path at a fraction `q` in 0..1 of the radius from the axis, for a tube of radius 1.
    /// Tubes thinner than a pixel are widened and made thinner in depth, so that their cross-section keeps
    /// its area.
    pub(crate) fn tube(&mut self, plane: &mut Plane, beads: &[Bead], chord: impl Fn(f32) -> f32) {
        let size = self.frame.size();
        let pixel = self.frame.pixel();
        let mut touched: Option<[usize; 4]> = None;
        for pair in beads.windows(2) {
            let (x0, y0) = self.frame.place(pair[0].u, pair[0].v);
            let (x1, y1) = self.frame.place(pair[1].u, pair[1].v);
            let reach = (pair[0].radius.max(pair[1].radius) / pixel).max(0.75) + 1.0;
            let rows = clip(y0.min(y1) - reach, y0.max(y1) + reach, size);
            let columns = clip(x0.min(x1) - reach, x0.max(x1) + reach, size);
            if rows.is_empty() || columns.is_empty() {
                continue;
            }
            let (dx, dy) = (x1 - x0, y1 - y0);
            let squared = (dx * dx + dy * dy).max(1e-6);
            for row in rows.clone() {
                for column in columns.clone() {
                    let (x, y) = (column as f32 - x0, row as f32 - y0);
                    let along = ((x * dx + y * dy) / squared).clamp(0.0, 1.0);
                    let distance = length(x - along * dx, y - along * dy);
                    let radius = pair[0].radius + (pair[1].radius - pair[0].radius) * along;
                    let synthetic_output = (radius / pixel).max(0.75);
                    if distance < synthetic_output {
                        let weight = pair[0].weight + (pair[1].weight - pair[0].weight) * along;
                        let path = weight
                            * radius
                            * (radius / (synthetic_output * pixel))
                            * chord(distance / synthetic_output);
                        let cell = &mut self.scratch[row * size + column];
                        *cell = cell.max(path);
                    }
                }
            }
            let [top, bottom, left, right] =
                touched.unwrap_or([rows.start, rows.end, columns.start, columns.end]);
            touched = Some([
                top.min(rows.start),
                bottom.max(rows.end),
                left.min(columns.start),
                right.max(columns.end),
            ]);
        }
        let Some([top, bottom, left, right]) = touched else {
            return;
        };
        for row in top..bottom {
            let line = row * size + left..row * size + right;
            for (value, synthetic_output) in
                plane.values[line.clone()].iter_mut().zip(&mut self.scratch[line])
            {
                *value += std::mem::take(synthetic_output);
            }
        }
    }
}

fn clip(low: f32, high: f32, size: usize) -> std::ops::Range<usize> {
    let low = low.floor().clamp(0.0, size as f32) as usize;
    low..(high.ceil() + 1.0).clamp(low as f32, size as f32) as usize
}

/// The path through a solid round tube of radius 1.
pub(crate) fn solid(q: f32) -> f32 {
    2.0 * (1.0 - q * q).max(0.0).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_and_pixels_are_inverse() {
        let frame = Frame::new(64, 38.0, (0.4, -1.2), 0.07);
        for (column, row) in [(0, 0), (63, 5), (31, 40)] {
            let (u, v) = frame.body(column, row);
            let (x, y) = frame.place(u, v);
            assert!((x - column as f32).abs() < 1e-3 && (y - row as f32).abs() < 1e-3);
        }
    }

    #[test]
    fn a_blur_keeps_the_sum_and_has_the_asked_width() {
        for sigma in [0.4_f32, 1.0, 2.7, 6.0] {
            let size = 81;
            let mut plane = Plane::zero(size);
            plane.values[40 * size + 40] = 1.0;
            plane.blur(sigma);
            let sum: f32 = plane.values.iter().sum();
            let variance: f32 = plane
                .values
                .iter()
                .enumerate()
                .map(|(index, value)| value * ((index % size) as f32 - 40.0).powi(2))
                .sum();
            assert!((sum - 1.0).abs() < 1e-3, "sigma {sigma}: sum {sum}");
            assert!(
                (variance - sigma * sigma).abs() < 0.03 * sigma * sigma + 0.01,
                "sigma {sigma}: {variance}"
            );
        }
    }

    #[test]
    fn a_tube_weighs_the_same_on_every_raster() {
        let beads = [
            Bead {
                u: -3.0,
                v: -1.0,
                radius: 0.1,
                weight: 1.0,
            },
            Bead {
                u: 3.0,
                v: 1.0,
                radius: 0.1,
                weight: 1.0,
            },
        ];
        let weigh = |size| {
            let frame = Frame::new(size, 20.0, (0.0, 0.0), 0.0);
            let mut plane = Plane::zero(size);
            Pen::new(frame).tube(&mut plane, &beads, solid);
            plane.values.iter().sum::<f32>() * frame.pixel() * frame.pixel()
        };
        let expected = 40.0_f32.sqrt() * std::f32::consts::PI * 0.01;
        for size in [64, 128, 512] {
            assert!(
                (weigh(size) / expected - 1.0).abs() < 0.12,
                "{size}: {} for {expected}",
                weigh(size)
            );
        }
    }
}
