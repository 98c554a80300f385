//! LRP-Flex as an attribution.

use pleura_nn::Norm;
use pleura_nn::backend::{Backend, Real};

use super::{Answer, Asked, Found, downloaded};
use crate::{Account, Error};

pub(super) fn find<B: Backend>(film: &Asked<'_, B>, epsilon: f64) -> Result<Answer, Error> {
    let (logits, trace) = film.network.forward(film.grey, 1, film.size, Norm::Running)?;
    let mut found = Vec::with_capacity(film.asked.len());
    for asked in &film.asked {
        let flex = film.network.flex(&trace, &asked.coefficients, epsilon)?;
        let raw = downloaded(film.network, flex.relevance());
        found.push(Found::of_channels(&raw, film.size * film.size, |pixels| {
            Account::Rest {
                pixels,
                rest: if epsilon > 0.0 {
                    "biases and gates"
                } else {
                    "biases"
                },
            }
        }));
    }
    Ok((logits.into_iter().map(Real::to_f64).collect(), found))
}
