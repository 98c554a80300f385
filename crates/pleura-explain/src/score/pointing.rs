//! The pointing game (Zhang et al., International Journal of Computer Vision 126, 2018), without their
//! tolerance of 15 pixels.

/// True if the pixel with the greatest value lies inside the mask. False for a map without positive values,
/// and if any of several greatest pixels lies outside.
pub fn points_inside(heatmap: &[f32], mask: &[bool]) -> bool {
    let most = heatmap.iter().copied().fold(0.0, f32::max);
    let strongest = || heatmap.iter().zip(mask).filter(|(value, _)| **value == most);
    most > 0.0 && strongest().all(|(_, &inside)| inside)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_strongest_pixel_decides() {
        let mask = [true, true, false];
        assert!(points_inside(&[1.0, 2.0, 1.5], &mask));
        assert!(!points_inside(&[1.0, 1.0, 1.5], &mask));
        assert!(!points_inside(&[1.5, 1.0, 1.5], &mask));
        assert!(!points_inside(&[0.0, -1.0, -2.0], &mask));
    }
}
