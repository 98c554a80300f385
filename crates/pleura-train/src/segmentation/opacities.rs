//! Bright, soft-edged ellipses on training films, which their masks do not follow.

use pleura_core::rng::{Scheme, stream};
use pleura_run::segmentation::Opacities;
use rand::RngExt as _;

/// Paints the opacities of a film in an epoch on `[size, size]` grey levels. `of` is seed, epoch, digest of the
/// film, and how often the epoch had it before.
pub(super) fn paint(grey: &mut [f32], size: usize, opacities: &Opacities, of: (u64, u64, &str, u32)) {
    let (seed, epoch, sha256, repeat) = of;
    let name: [&[u8]; 4] = [
        b"opacities on a film",
        &epoch.to_le_bytes(),
        sha256.as_bytes(),
        &repeat.to_le_bytes(),
    ];
    let mut rng = stream(Scheme::Sha256, seed, &name);
    if rng.random::<f32>() >= opacities.probability {
        return;
    }
    let side = size as f32;
    for _ in 0..=rng.random_range(0..opacities.most) {
        let mut draw = |from: f32, to: f32| from + (to - from) * rng.random::<f32>();
        let (across, down) = (draw(0.05, 0.95) * side, draw(0.1, 0.95) * side);
        let (wide, high) = (draw(0.05, 0.25) * side, draw(0.05, 0.25) * side);
        let strength = draw(0.2, 1.0) * opacities.strength;
        for (y, row) in grey.chunks_exact_mut(size).enumerate() {
            let v = (y as f32 + 0.5 - down) / high;
            for (x, level) in row.iter_mut().enumerate() {
                let u = (x as f32 + 0.5 - across) / wide;
                let inside = (1.0 - u * u - v * v).max(0.0);
                // Anatomy is brighter than the lungs and stays as it is.
                *level += strength * inside.sqrt() * (0.85 - *level).max(0.0);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opacities_repeat_with_their_names_and_only_brighten() {
        let opacities = Opacities {
            probability: 1.0,
            most: 4,
            strength: 0.9,
        };
        let painted = |of: (u64, u64, &str, u32)| {
            let mut grey = vec![0.3; 64 * 64];
            paint(&mut grey, 64, &opacities, of);
            grey
        };
        let first = painted((1, 0, "film", 0));
        assert_eq!(first, painted((1, 0, "film", 0)));
        assert_ne!(first, painted((1, 1, "film", 0)));
        assert!(first.iter().all(|&level| (0.3..=0.85).contains(&level)));
        assert!(first.iter().any(|&level| level > 0.35));
        let never = Opacities {
            probability: 0.0,
            ..opacities
        };
        let mut grey = vec![0.3; 64 * 64];
        paint(&mut grey, 64, &never, (1, 0, "film", 0));
        assert!(grey.iter().all(|&level| level == 0.3));
    }
}
