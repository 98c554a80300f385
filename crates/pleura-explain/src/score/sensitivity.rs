//! Stability under small noise (Yeh et al., arXiv 1901.09392).
//!
//! `max` (and mean) over noise samples δ, uniform in `[−r, r]` at each pixel, of `‖Φ(x + δ) − Φ(x)‖ /
//! ‖Φ(x)‖`, with the Euclidean norm. It is divided by the map's own norm, as in captum, so that methods of
//! different units can be compared; Quantus divides by the film's. Grey levels are clipped to black and
//! white.

use pleura_nn::Network;
use pleura_nn::backend::Backend;
use rand::RngExt as _;

use super::random::stream;
use super::{Film, Score, Settings};
use crate::{Error, Map, Method};

pub(super) fn scores<B: Backend>(
    network: &Network<B>,
    film: &Film<'_>,
    method: &Method,
    map: &Map,
    settings: &Settings,
) -> Result<[Score; 2], Error> {
    let mut random = stream(settings.seed, "small noise", film.name);
    let mut changes = Vec::with_capacity(settings.noises);
    for _ in 0..settings.noises {
        let mut noisy = |grey: &f32| {
            let noise = settings.noise * (2.0 * random.random::<f64>() - 1.0);
            (f64::from(*grey) + noise).clamp(0.0, 1.0) as f32
        };
        let grey: Vec<f32> = film.grey.iter().map(&mut noisy).collect();
        let found = method.explain(network, &grey, film.size, std::slice::from_ref(&map.start))?;
        changes.push(change(&map.heatmap, &found.maps[0].heatmap));
    }
    let most = changes.iter().copied().fold(f64::NAN, f64::max);
    let mean = changes.iter().sum::<f64>() / changes.len() as f64;
    Ok([
        Score::new("sensitivity.max", most),
        Score::new("sensitivity.mean", mean),
    ])
}

/// `‖b − a‖ / ‖a‖`; NaN for an all-zero map.
fn change(a: &[f32], b: &[f32]) -> f64 {
    let squares = |values: &mut dyn Iterator<Item = f64>| values.map(|value| value * value).sum::<f64>();
    let apart = squares(&mut a.iter().zip(b).map(|(a, b)| f64::from(*b) - f64::from(*a)));
    (apart / squares(&mut a.iter().map(|&a| f64::from(a)))).sqrt()
}

#[cfg(test)]
mod tests {
    use super::change;

    #[test]
    fn change_is_relative_to_the_map() {
        assert!((change(&[3.0, 4.0], &[3.0, 5.0]) - 0.2).abs() < 1e-12);
        assert!(change(&[0.0; 2], &[1.0; 2]).is_infinite());
        assert!(change(&[0.0; 2], &[0.0; 2]).is_nan());
    }
}
