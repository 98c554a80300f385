//! Integrated gradients.

use pleura_nn::backend::{Backend, Real};

use super::gradient::InputGradients;
use super::{Answer, Asked, Fill, Found, downloaded, value};
use crate::{Account, Error};

/// Films of the path in one batch.
const TOGETHER: usize = 8;

/// `(x − x') ⊙ mean_k ∂f(x' + (k + ½)/m · (x − x'))`, k = 0, …, m − 1. For m → ∞ the values add up to f(x) −
/// f(x').
pub(super) fn find<B: Backend>(film: &Asked<'_, B>, baseline: Fill, steps: usize) -> Result<Answer, Error> {
    let (network, size) = (film.network, film.size);
    let plane = size * size;
    let begin = baseline.film(film.grey, size);
    let ends = [begin.as_slice(), film.grey].concat();
    let logits = network.infer(&ends, 2, size)?;
    let logits: Vec<f64> = logits.into_iter().map(Real::to_f64).collect();
    let (at_baseline, logits) = logits.split_at(logits.len() / 2);

    let mut sums = vec![vec![0.0; 3 * plane]; film.asked.len()];
    let mut gradients = InputGradients::new(network);
    for first in (0..steps).step_by(TOGETHER) {
        let last = (first + TOGETHER).min(steps);
        let on_the_way = (first..last).flat_map(|step| {
            let share = ((step as f64 + 0.5) / steps as f64) as f32;
            let pixels = begin.iter().zip(film.grey);
            pixels.map(move |(from, to)| from + share * (to - from))
        });
        let grey: Vec<f32> = on_the_way.collect();
        let (_, found) = gradients.of(&grey, last - first, size, &film.asked)?;
        for (sums, gradient) in sums.iter_mut().zip(&found) {
            let channels = sums
                .chunks_exact_mut(plane)
                .zip(gradient.chunks_exact((last - first) * plane));
            for (sums, films) in channels {
                for one in films.chunks_exact(plane) {
                    for (sum, value) in sums.iter_mut().zip(one) {
                        *sum += value;
                    }
                }
            }
        }
    }

    let ends = network.input(&ends, 2, size)?;
    let ends = downloaded(network, &ends);
    let way = |place: usize| {
        let (channel, pixel) = (place / plane, place % plane);
        ends[(2 * channel + 1) * plane + pixel] - ends[2 * channel * plane + pixel]
    };
    let found = sums.into_iter().zip(&film.asked).map(|(sums, asked)| {
        let raw = sums.iter().enumerate();
        let raw: Vec<f64> = raw.map(|(place, sum)| way(place) * sum / steps as f64).collect();
        Found::of_channels(&raw, plane, |pixels| Account::Baseline {
            baseline: value(asked, at_baseline),
            pixels,
        })
    });
    Ok((logits.to_vec(), found.collect()))
}
