//! Relevance rank accuracy (Arras, Osman and Samek, Information Fusion 81, 2022).

/// Share of the K pixels with the greatest values that lie inside the mask, with K the number of pixels of
/// the mask. Pixels that tie with the K-th count in part: an all-zero map gets the mask's share of the film.
pub fn rank_accuracy(heatmap: &[f32], mask: &[bool]) -> f64 {
    let count = mask.iter().filter(|&&inside| inside).count();
    // Zeros of both signs are equal.
    let heatmap: Vec<f32> = heatmap.iter().map(|value| value + 0.0).collect();
    let mut sorted = heatmap.clone();
    sorted.sort_by(|a, b| b.total_cmp(a));
    let Some(&least) = count.checked_sub(1).and_then(|last| sorted.get(last)) else {
        return f64::NAN;
    };
    let (mut above, mut above_inside, mut equal, mut equal_inside) = (0usize, 0usize, 0usize, 0usize);
    for (value, &inside) in heatmap.iter().zip(mask) {
        match value.total_cmp(&least) {
            std::cmp::Ordering::Greater => {
                above += 1;
                above_inside += usize::from(inside);
            }
            std::cmp::Ordering::Equal => {
                equal += 1;
                equal_inside += usize::from(inside);
            }
            std::cmp::Ordering::Less => {}
        }
    }
    let part = (count - above) as f64 * equal_inside as f64 / equal as f64;
    (above_inside as f64 + part) / count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_strongest_pixels_are_counted_and_ties_in_part() {
        let mask = [true, true, false, false];
        assert_eq!(rank_accuracy(&[3.0, -1.0, 2.0, 0.0], &mask), 0.5);
        assert_eq!(rank_accuracy(&[0.0; 4], &mask), 0.5);
        assert_eq!(rank_accuracy(&[-0.0, -0.0, 0.0, 0.0], &mask), 0.5);
        assert_eq!(rank_accuracy(&[2.0, 1.0, 1.0, 0.0], &mask), 0.75);
        assert!(rank_accuracy(&[1.0; 4], &[false; 4]).is_nan());
    }
}
