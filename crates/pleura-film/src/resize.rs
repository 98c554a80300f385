//! Antialiased resampling by a triangle filter.
//!
//! When an image shrinks, the filter is stretched to cover every source pixel, so that fine structure is
//! averaged and never aliased; when it grows, this is bilinear interpolation. It is the resampling that
//! Pillow calls `BILINEAR`. It is done here in plain `f32` with a fixed order of additions, so that the bits
//! of a prepared film do not depend on the machine's instruction set.

/// The part of a source axis that is resampled, and how many samples come out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Axis {
    /// Where the part begins, in source pixels.
    pub(crate) start: f64,
    /// How long it is, in source pixels.
    pub(crate) length: f64,
    /// Samples that come out.
    pub(crate) out: usize,
}

/// Resamples `[height, width]` to `[down.out, across.out]`.
pub(crate) fn resize(grey: &[f32], width: usize, height: usize, across: Axis, down: Axis) -> Vec<f32> {
    // Rows first: whole rows are added to one another, which vectorises, and the rest works on a short image.
    let mut short = vec![0.0_f32; down.out * width];
    for (taps, out) in taps(height, down).iter().zip(short.chunks_exact_mut(width)) {
        for (row, &weight) in grey.chunks_exact(width).skip(taps.first).zip(&taps.weights) {
            for (sum, &value) in out.iter_mut().zip(row) {
                *sum += weight * value;
            }
        }
    }
    let columns = taps(width, across);
    let mut result = Vec::with_capacity(down.out * across.out);
    for row in short.chunks_exact(width) {
        result.extend(columns.iter().map(|taps| {
            let values = row[taps.first..].iter();
            values
                .zip(&taps.weights)
                .fold(0.0_f32, |sum, (value, weight)| sum + weight * value)
        }));
    }
    result
}

/// The source samples that make one output sample.
struct Taps {
    first: usize,
    weights: Vec<f32>,
}

fn taps(size: usize, axis: Axis) -> Vec<Taps> {
    let scale = axis.length / axis.out as f64;
    let support = scale.max(1.0);
    (0..axis.out)
        .map(|index| {
            let center = axis.start + (index as f64 + 0.5) * scale;
            let first = ((center - support + 0.5).floor().max(0.0) as usize).min(size - 1);
            let end = ((center + support + 0.5).floor().max(0.0) as usize).clamp(first + 1, size);
            let weight = |pixel: usize| (1.0 - ((pixel as f64 + 0.5 - center) / support).abs()).max(0.0);
            let total: f64 = (first..end).map(weight).sum();
            if total > 0.0 {
                Taps {
                    first,
                    weights: (first..end).map(|pixel| (weight(pixel) / total) as f32).collect(),
                }
            } else {
                Taps {
                    first,
                    weights: vec![1.0],
                }
            }
        })
        .collect()
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
            let resized = resize(&grey, width, height, whole(width, out), whole(height, out));
            assert!(
                resized.iter().all(|value| (value - 0.625).abs() < 1e-6),
                "{width}×{height}"
            );
        }
    }

    #[test]
    fn the_same_size_is_the_same_image() {
        let grey: Vec<f32> = (0_u8..60).map(|value| f32::from(value) / 60.0).collect();
        assert_eq!(resize(&grey, 10, 6, whole(10, 10), whole(6, 6)), grey);
    }

    #[test]
    fn a_fine_grating_averages_out() {
        let grey: Vec<f32> = (0..512 * 512)
            .map(|at| f32::from(u8::from(at % 2 == 0)))
            .collect();
        let resized = resize(&grey, 512, 512, whole(512, 64), whole(512, 64));
        let inner = resized.chunks_exact(64).flat_map(|row| &row[1..63]);
        assert!(inner.clone().all(|value| (value - 0.5).abs() < 0.01));
    }
}
