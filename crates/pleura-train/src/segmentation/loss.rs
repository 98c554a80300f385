//! The loss of a segmentation network: binary cross-entropy and soft Dice.

use rayon::prelude::*;

/// Added to numerator and denominator of the soft Dice, so that an empty mask has a value.
const SMOOTH: f64 = 1.0;

/// The loss of a batch and its gradient.
#[derive(Clone, Debug, PartialEq)]
pub struct SegmentationLoss {
    /// Mean binary cross-entropy over all pixels.
    pub cross_entropy: f64,
    /// 1 − the mean over films of (2 Σ p·y + 1) / (Σ p + Σ y + 1).
    pub dice: f64,
    /// Gradient of `cross_entropy + weight · dice` with respect to the logits, in their order.
    pub gradient: Vec<f32>,
}

/// The loss of logits `[films, pixels]` against masks with values from 0 to 1 in the same order.
///
/// Films are independent, and pixels are added in order in f64: the result does not depend on the number of
/// threads.
pub fn loss(logits: &[f32], masks: &[f32], pixels: usize, dice_weight: f64) -> SegmentationLoss {
    let films = logits.len() / pixels.max(1);
    let each: Vec<(f64, f64, Vec<f32>)> = logits
        .par_chunks_exact(pixels.max(1))
        .zip(masks.par_chunks_exact(pixels.max(1)))
        .map(|(logits, mask)| of_film(logits, mask, films, dice_weight))
        .collect();
    let mean =
        |part: fn(&(f64, f64, Vec<f32>)) -> f64| each.iter().map(part).sum::<f64>() / films.max(1) as f64;
    SegmentationLoss {
        cross_entropy: mean(|film| film.0),
        dice: mean(|film| film.1),
        gradient: each.into_iter().flat_map(|film| film.2).collect(),
    }
}

/// Cross-entropy, Dice loss and gradient of one of `films` films.
fn of_film(logits: &[f32], mask: &[f32], films: usize, dice_weight: f64) -> (f64, f64, Vec<f32>) {
    let (mut entropy, mut overlap, mut total) = (0.0, 0.0, 0.0);
    let mut probabilities = Vec::with_capacity(logits.len());
    for (&logit, &wanted) in logits.iter().zip(mask) {
        let (logit, wanted) = (f64::from(logit), f64::from(wanted));
        // log(1 + exp(−|z|)) + max(z, 0) − z·y
        let small = (-logit.abs()).exp();
        entropy += small.ln_1p() + logit.max(0.0) - logit * wanted;
        let probability = if logit >= 0.0 {
            1.0 / (1.0 + small)
        } else {
            small / (1.0 + small)
        };
        overlap += probability * wanted;
        total += probability + wanted;
        probabilities.push(probability);
    }
    let (above, below) = (2.0 * overlap + SMOOTH, total + SMOOTH);
    let pixels = logits.len() as f64;
    let films = films as f64;
    let gradient = probabilities
        .iter()
        .zip(mask)
        .map(|(&probability, &wanted)| {
            let wanted = f64::from(wanted);
            let entropy = (probability - wanted) / pixels;
            let dice = (above - 2.0 * wanted * below) / (below * below) * probability * (1.0 - probability);
            ((entropy + dice_weight * dice) / films) as f32
        })
        .collect();
    (entropy / pixels, 1.0 - above / below, gradient)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOGITS: [f32; 8] = [1.5, -0.25, 0.0, -3.0, 2.0, 0.5, -1.0, 4.0];
    const MASKS: [f32; 8] = [1.0, 0.0, 0.25, 0.0, 1.0, 1.0, 0.5, 0.0];

    /// torch 2.15: `binary_cross_entropy_with_logits` + 0.5 × the formula of [`SegmentationLoss::dice`], float64.
    #[test]
    fn value_and_gradient_are_those_of_torch() {
        let found = loss(&LOGITS, &MASKS, 4, 0.5);
        assert!(
            (found.cross_entropy - TORCH.0).abs() < 1e-9,
            "{}",
            found.cross_entropy
        );
        assert!((found.dice - TORCH.1).abs() < 1e-9, "{}", found.dice);
        for (found, torch) in found.gradient.iter().zip(TORCH.2) {
            assert!((f64::from(*found) - torch).abs() < 1e-7, "{found} {torch}");
        }
    }

    const TORCH: (f64, f64, [f64; 8]) = (
        0.868_937_980_082,
        0.302_250_941_347,
        [
            -0.034_654_039_8,
            0.065_536_415_5,
            0.034_517_568_9,
            0.007_912_075_4,
            -0.020_425_134_1,
            -0.059_558_493_2,
            -0.031_368_872_8,
            0.123_234_376_0,
        ],
    );
}
