//! The two losses: f32 logits in, f64 arithmetic, f32 gradients out.
//!
//! Logits are few (films × findings), so f64 costs nothing. Terms are added in the order of films, then
//! findings.

use pleura_core::task::{sigmoid, softmax};

use crate::error::Error;

/// The targets of a batch.
#[derive(Clone, Debug, PartialEq)]
pub enum Targets {
    /// `[films]`: index of each film's class.
    Classes(Vec<usize>),
    /// `[films, findings]`, row-major: present, absent, or unknown. Unknown labels are left out of the loss.
    Findings(Vec<Option<bool>>),
}

/// A loss with its weights.
#[derive(Clone, Debug, PartialEq)]
pub enum Loss {
    /// Softmax cross-entropy: `Σᵢ w[yᵢ]·(−ln softmax(zᵢ)[yᵢ]) / Σᵢ w[yᵢ]`, PyTorch's weighted mean.
    Exclusive {
        /// `[classes]`.
        weights: Vec<f64>,
    },
    /// `Σ m·w[k]·(−p[k]·y·ln σ(z) − (1 − y)·ln(1 − σ(z))) / Σ m` over films and findings, with m = 1 for
    /// known labels.
    Independent {
        /// w, `[findings]`.
        weights: Vec<f64>,
        /// p, `[findings]`: weight of the positive films.
        positive_weights: Vec<f64>,
    },
}

/// The mean loss of a batch: a sum, and the mass that divides it.
#[derive(Clone, Debug, PartialEq)]
pub struct Value {
    /// Sum of the weighted terms.
    pub sum: f64,
    /// The divisor: weights of the films (exclusive), known labels (independent). 0 if no label is known.
    pub mass: f64,
}

impl Value {
    /// The loss; 0 if no label is known.
    pub fn mean(&self) -> f64 {
        if self.mass > 0.0 {
            self.sum / self.mass
        } else {
            0.0
        }
    }
}

impl Loss {
    /// Number of outputs.
    pub fn outputs(&self) -> usize {
        match self {
            Self::Exclusive { weights } | Self::Independent { weights, .. } => weights.len(),
        }
    }

    /// Loss of `logits` (`[films, outputs]` row-major) and its gradient in the same shape.
    ///
    /// # Errors
    /// [`Error::Length`] if logits and targets do not fit.
    pub fn with_gradient(&self, logits: &[f32], targets: &Targets) -> Result<(Value, Vec<f32>), Error> {
        let mut gradient = vec![0.0; logits.len()];
        let value = self.terms(logits, targets, &mut |index, derivative| {
            gradient[index] = derivative;
        })?;
        let scale = if value.mass > 0.0 { 1.0 / value.mass } else { 0.0 };
        Ok((
            value,
            gradient
                .into_iter()
                .map(|derivative: f64| (derivative * scale) as f32)
                .collect(),
        ))
    }

    /// Loss of `logits` (`[films, outputs]` row-major).
    ///
    /// # Errors
    /// As [`Loss::with_gradient`].
    pub fn value(&self, logits: &[f32], targets: &Targets) -> Result<Value, Error> {
        self.terms(logits, targets, &mut |_, _| {})
    }

    /// Passes ∂sum/∂logit of each logit to `derivative`, and returns sum and mass.
    fn terms(
        &self,
        logits: &[f32],
        targets: &Targets,
        derivative: &mut dyn FnMut(usize, f64),
    ) -> Result<Value, Error> {
        let outputs = self.outputs();
        let mut value = Value { sum: 0.0, mass: 0.0 };
        match (self, targets) {
            (Self::Exclusive { weights }, Targets::Classes(classes)) => {
                length("logits", logits.len(), classes.len() * outputs)?;
                for (film, (row, &class)) in logits.chunks_exact(outputs.max(1)).zip(classes).enumerate() {
                    let Some(&weight) = weights.get(class) else {
                        return length("weights", outputs, class + 1).map(|()| value);
                    };
                    let (probabilities, log_sum) =
                        softmax(&row.iter().map(|&logit| f64::from(logit)).collect::<Vec<_>>());
                    value.sum += weight * (log_sum - f64::from(row[class]));
                    value.mass += weight;
                    for (index, probability) in probabilities.into_iter().enumerate() {
                        let truth = if index == class { 1.0 } else { 0.0 };
                        derivative(film * outputs + index, weight * (probability - truth));
                    }
                }
            }
            (
                Self::Independent {
                    weights,
                    positive_weights,
                },
                Targets::Findings(present),
            ) => {
                length("logits", logits.len(), present.len())?;
                for (index, (&logit, &present)) in logits.iter().zip(present).enumerate() {
                    let Some(present) = present else { continue };
                    let (weight, positive) = (weights[index % outputs], positive_weights[index % outputs]);
                    let z = f64::from(logit);
                    value.mass += 1.0;
                    if present {
                        value.sum += weight * positive * softplus(-z);
                        derivative(index, -weight * positive * sigmoid(-z));
                    } else {
                        value.sum += weight * softplus(z);
                        derivative(index, weight * sigmoid(z));
                    }
                }
            }
            (Self::Exclusive { .. }, Targets::Findings(_)) => length("classes", 0, logits.len())?,
            (Self::Independent { .. }, Targets::Classes(_)) => length("labels", 0, logits.len())?,
        }
        Ok(value)
    }
}

fn length(what: &'static str, found: usize, expected: usize) -> Result<(), Error> {
    if found == expected {
        return Ok(());
    }
    Err(Error::Length {
        operation: "loss",
        what,
        found,
        expected,
    })
}

/// ln(1 + eᶻ) = −ln σ(−z), without overflow.
fn softplus(z: f64) -> f64 {
    z.max(0.0) + (-z.abs()).exp().ln_1p()
}

#[cfg(test)]
mod tests;
