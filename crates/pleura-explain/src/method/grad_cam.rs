//! Grad-CAM on the last feature maps.

use pleura_nn::Norm;
use pleura_nn::backend::{Backend, Real};

use super::{Answer, Asked, Found};
use crate::{Account, Error};

/// `relu(Σ_c α_c A_c)` with the last maps A (after norm and `ReLU`) and `α_c` the mean gradient over the map.
/// The maps are followed by a mean and a linear layer, so the gradient is the same everywhere: the head's
/// weight divided by the number of places.
pub(super) fn find<B: Backend>(film: &Asked<'_, B>) -> Result<Answer, Error> {
    let (logits, trace) = film.network.forward(film.grey, 1, film.size, Norm::Running)?;
    let (maps, head) = (film.network.last_maps(&trace), film.network.head_weights());
    let places = maps.height * maps.width;
    let found = film.asked.iter().map(|asked| {
        let mut sums = vec![0.0; places];
        for (channel, map) in maps.values.chunks_exact(places).enumerate() {
            let outputs = asked.coefficients.iter().enumerate();
            let weight: f64 = outputs
                .map(|(output, c)| c * head[output * maps.channels + channel])
                .sum();
            for (sum, value) in sums.iter_mut().zip(map) {
                *sum += weight / places as f64 * value;
            }
        }
        for sum in &mut sums {
            *sum = sum.max(0.0);
        }
        let words = format!(
            "Weighted feature maps of {} x {}, enlarged; what speaks against is cut off.",
            maps.height, maps.width
        );
        Found {
            heatmap: enlarged(&sums, (maps.height, maps.width), film.size),
            raw: None,
            account: Account::NoShares { words },
        }
    });
    let found = found.collect();
    Ok((logits.into_iter().map(Real::to_f64).collect(), found))
}

/// Bilinear between the places' centres; the outermost values extend to the border.
fn enlarged(values: &[f64], (height, width): (usize, usize), size: usize) -> Vec<f32> {
    let between = |at: usize, sides: usize| {
        let place = ((at as f64 + 0.5) * sides as f64 / size as f64 - 0.5).clamp(0.0, (sides - 1) as f64);
        let first = place as usize;
        (first, (first + 1).min(sides - 1), place - first as f64)
    };
    let pixel = |pixel: usize| {
        let (top, bottom, down) = between(pixel / size, height);
        let (left, right, across) = between(pixel % size, width);
        let row = |row: usize| {
            let (first, second) = (values[row * width + left], values[row * width + right]);
            first + across * (second - first)
        };
        (row(top) + down * (row(bottom) - row(top))) as f32
    };
    (0..size * size).map(pixel).collect()
}
