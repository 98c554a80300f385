//! Image statistics of a prepared film: its coarse layout, and its grey levels.

/// Cells per side of the thumbnail.
pub(crate) const CELLS: usize = 16;
/// Distances at which neighbours are compared.
const STEPS: [usize; 4] = [1, 2, 4, 8];
/// Quantiles of the grey levels.
const SHARES: [f64; 7] = [0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99];

/// Layout: the film in [`CELLS`]² cells, minus their mean, divided by their deviation. It is independent of
/// exposure and contrast; inverting the film flips every sign.
pub(crate) fn layout(grey: &[f32], size: usize) -> Vec<f32> {
    let cells = CELLS.min(size).max(1);
    let edge = |cell: usize| cell * size / cells;
    let mut means = Vec::with_capacity(cells * cells);
    for down in 0..cells {
        for across in 0..cells {
            let mut sum = 0.0;
            let (top, bottom, left, right) = (edge(down), edge(down + 1), edge(across), edge(across + 1));
            for row in top..bottom {
                sum += grey[row * size + left..row * size + right]
                    .iter()
                    .map(|&value| f64::from(value))
                    .sum::<f64>();
            }
            means.push(sum / ((bottom - top) * (right - left)) as f64);
        }
    }
    normalised(&means)
}

/// Subtracts the mean and divides by the deviation.
pub(crate) fn normalised(means: &[f64]) -> Vec<f32> {
    let n = means.len() as f64;
    let mean = means.iter().sum::<f64>() / n;
    let deviation = (means.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / n).sqrt();
    // A uniform picture has no layout: its noise must stay small.
    let deviation = deviation.max(0.02);
    means
        .iter()
        .map(|value| ((value - mean) / deviation) as f32)
        .collect()
}

/// Grey-level statistics: quantiles, shares of black and white, and differences of neighbours at several
/// distances.
pub(crate) fn tones(grey: &[f32], size: usize) -> Vec<f32> {
    let mut sorted = grey.to_vec();
    sorted.sort_by(f32::total_cmp);
    let last = sorted.len().saturating_sub(1);
    let mut out: Vec<f32> = SHARES
        .iter()
        .map(|share| sorted[(share * last as f64).round() as usize])
        .collect();
    let share = |of: &dyn Fn(f32) -> bool| {
        let count = grey.iter().filter(|&&value| of(value)).count();
        (count as f32 / grey.len() as f32).sqrt()
    };
    out.push(share(&|value| value <= 0.002));
    out.push(share(&|value| value >= 0.998));
    let spread = f64::from(out[5] - out[1]).max(0.02);
    for step in STEPS {
        if step >= size {
            out.push(0.0);
            continue;
        }
        let mut sum = 0.0;
        for row in 0..size - step {
            for column in 0..size - step {
                let here = grey[row * size + column];
                sum += f64::from((grey[row * size + column + step] - here).abs());
                sum += f64::from((grey[(row + step) * size + column] - here).abs());
            }
        }
        let mean = sum / (2 * (size - step) * (size - step)) as f64;
        // In units of the film's own contrast, on a logarithmic scale. Rounded, so that the last bit of a
        // logarithm does not matter.
        out.push((((mean / spread + 1e-4).ln() * 4096.0).round() / 4096.0) as f32);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layout_knows_neither_exposure_nor_contrast_but_polarity() {
        let size = 64;
        let film: Vec<f32> = (0..size * size)
            .map(|i| ((i % size) as f32 / 64.0).powi(2))
            .collect();
        let pale: Vec<f32> = film.iter().map(|value| 0.4 + 0.5 * value).collect();
        let (a, b, c) = (
            layout(&film, size),
            layout(&pale, size),
            layout(&film.iter().map(|value| 1.0 - value).collect::<Vec<f32>>(), size),
        );
        assert_eq!(a.len(), 256);
        assert!(a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 1e-4));
        assert!(a.iter().zip(&c).all(|(a, c)| (a + c).abs() < 1e-4));
    }

    #[test]
    fn tones_tell_noise_from_a_gradient() {
        let size = 64;
        let slope: Vec<f32> = (0..size * size).map(|i| (i % size) as f32 / 63.0).collect();
        let noise: Vec<f32> = (0..size * size)
            .map(|i| (i * 7919 % 4096) as f32 / 4095.0)
            .collect();
        let (slope, noise) = (tones(&slope, size), tones(&noise, size));
        assert!(noise[9] > slope[9] + 1.0, "{noise:?} {slope:?}");
        assert_eq!(layout(&vec![0.5; size * size], size), vec![0.0; 256]);
    }
}
