//! SGD and `AdamW` with PyTorch's arithmetic, one parameter tensor at a time.
//!
//! Every element is computed separately, so the split into threads changes no bit.

use rayon::prelude::*;

use pleura_run::recipe::OptimiserRecipe;

/// Elements of one thread's piece.
const PIECE: usize = 16 * 1024;

/// The state of an optimiser for one parameter tensor.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct State {
    /// Steps this tensor has taken; frozen epochs do not count.
    pub steps: u64,
    /// SGD: velocity. `AdamW`: first moment. Empty until the first step that needs it.
    pub first: Vec<f32>,
    /// `AdamW`: second moment. Empty for SGD.
    pub second: Vec<f32>,
}

/// Updates one parameter tensor.
///
/// `rate` is the learning rate of this step. `decays` is true if weight decay applies to this tensor. All
/// slices have the same length. `gradient_scale` multiplies the gradient first (the factor of the clip, 1
/// for none).
pub fn step(
    optimiser: &OptimiserRecipe,
    rate: f64,
    decays: bool,
    gradient_scale: f32,
    values: &mut [f32],
    gradient: &[f32],
    state: &mut State,
) {
    state.steps += 1;
    match *optimiser {
        OptimiserRecipe::Sgd {
            momentum,
            nesterov,
            weight_decay,
            ..
        } => {
            let decay = if decays { weight_decay as f32 } else { 0.0 };
            let (rate, momentum) = (rate as f32, momentum as f32);
            if momentum == 0.0 {
                pieces(values, gradient).for_each(|(values, gradient)| {
                    for (value, &gradient) in values.iter_mut().zip(gradient) {
                        *value -= rate * (gradient * gradient_scale + decay * *value);
                    }
                });
                return;
            }
            // PyTorch's first velocity is the gradient itself; 0·momentum + gradient is equal to it.
            state.first.resize(values.len(), 0.0);
            pieces(values, gradient)
                .zip(state.first.par_chunks_mut(PIECE))
                .for_each(|((values, gradient), velocity)| {
                    for ((value, &gradient), velocity) in values.iter_mut().zip(gradient).zip(velocity) {
                        let slope = gradient * gradient_scale + decay * *value;
                        *velocity = momentum * *velocity + slope;
                        let direction = if nesterov {
                            slope + momentum * *velocity
                        } else {
                            *velocity
                        };
                        *value -= rate * direction;
                    }
                });
        }
        OptimiserRecipe::AdamW {
            betas: [beta1, beta2],
            eps,
            weight_decay,
            ..
        } => {
            let shrink = if decays {
                (1.0 - rate * weight_decay) as f32
            } else {
                1.0
            };
            let correction1 = 1.0 - power(beta1, state.steps);
            let correction2 = 1.0 - power(beta2, state.steps);
            let size = (rate / correction1) as f32;
            let root = correction2.sqrt() as f32;
            let (blend1, keep2, blend2, eps) = (
                (1.0 - beta1) as f32,
                beta2 as f32,
                (1.0 - beta2) as f32,
                eps as f32,
            );
            state.first.resize(values.len(), 0.0);
            state.second.resize(values.len(), 0.0);
            pieces(values, gradient)
                .zip(state.first.par_chunks_mut(PIECE))
                .zip(state.second.par_chunks_mut(PIECE))
                .for_each(|(((values, gradient), first), second)| {
                    for (((value, &gradient), first), second) in
                        values.iter_mut().zip(gradient).zip(first).zip(second)
                    {
                        let gradient = gradient * gradient_scale;
                        *value *= shrink;
                        *first += blend1 * (gradient - *first);
                        *second = keep2 * *second + blend2 * gradient * gradient;
                        *value -= size * (*first / (second.sqrt() / root + eps));
                    }
                });
        }
    }
}

fn pieces<'a>(
    values: &'a mut [f32],
    gradient: &'a [f32],
) -> impl IndexedParallelIterator<Item = (&'a mut [f32], &'a [f32])> {
    values.par_chunks_mut(PIECE).zip(gradient.par_chunks(PIECE))
}

/// baseⁿ by squaring, with plain multiplications only, so that every platform has the same result.
fn power(base: f64, mut exponent: u64) -> f64 {
    let (mut result, mut square) = (1.0, base);
    while exponent > 0 {
        if exponent & 1 == 1 {
            result *= square;
        }
        square *= square;
        exponent >>= 1;
    }
    result
}

/// L2 norm over all gradients. Pieces of fixed size and tensors are added in order in f64.
pub fn global_norm<'a>(gradients: impl Iterator<Item = &'a [f32]>) -> f64 {
    let mut total = 0.0;
    for gradient in gradients {
        let sums: Vec<f64> = gradient
            .par_chunks(PIECE)
            .map(|piece| {
                piece
                    .iter()
                    .map(|&value| f64::from(value) * f64::from(value))
                    .sum()
            })
            .collect();
        total += sums.iter().sum::<f64>();
    }
    total.sqrt()
}

/// The factor that scales a gradient of this norm down to `longest`, as `torch.nn.utils.clip_grad_norm_`:
/// min(1, longest / (norm + 1e-6)).
pub fn clip_scale(norm: f64, longest: Option<f64>) -> f32 {
    longest.map_or(1.0, |longest| (longest / (norm + 1e-6)).min(1.0) as f32)
}

#[cfg(test)]
mod tests;
