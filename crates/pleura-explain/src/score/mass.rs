//! Relevance mass accuracy (Arras, Osman and Samek, Information Fusion 81, 2022).

/// Share of the positive relevance inside the mask: `Σ_mask R⁺ / Σ R⁺`. NaN without positive relevance.
///
/// Arras et al. define several positive poolings of channels; ours sums channels and keeps the positive part.
pub fn mass_accuracy(heatmap: &[f32], mask: &[bool]) -> f64 {
    let positive = |value: f32| f64::from(value.max(0.0));
    let all: f64 = heatmap.iter().map(|&value| positive(value)).sum();
    let inside = heatmap.iter().zip(mask).filter(|(_, inside)| **inside);
    inside.map(|(&value, _)| positive(value)).sum::<f64>() / all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_speaks_against_does_not_count() {
        let mask = [true, true, false, false];
        assert_eq!(mass_accuracy(&[1.0, -5.0, 3.0, -1.0], &mask), 0.25);
        assert!(mass_accuracy(&[-1.0; 4], &mask).is_nan());
    }
}
