//! The start of a film's heatmaps: coefficients of the logits.

use pleura_core::Task;
use pleura_run::recipe::Maps;

/// One start for every film of a batch.
pub(super) struct Start {
    /// `[films, outputs]`.
    pub(super) coefficients: Vec<f64>,
    /// If the coefficients depend on the logits: softmax over the classes that are not explained, 0 for the
    /// explained one.
    others: Option<Vec<f64>>,
    outputs: usize,
}

/// One start for each output, or a single start of ln p − ln(1 − p).
///
/// The single start explains the class with the smallest logit, as its authors' program does. Of exclusive
/// classes, that class has the weight 1, and the others have minus their share among themselves, so every
/// class is in the map. For independent findings, ln p − ln(1 − p) = z.
pub(super) fn starts(maps: Maps, kind: Task, logits: &[f32], outputs: usize) -> Vec<Start> {
    match maps {
        Maps::Classes => (0..outputs)
            .map(|output| {
                let one = |place: usize| f64::from(u8::from(place % outputs == output));
                Start {
                    coefficients: (0..logits.len()).map(one).collect(),
                    others: None,
                    outputs,
                }
            })
            .collect(),
        Maps::Selective => vec![selective(kind, logits, outputs)],
    }
}

fn selective(kind: Task, logits: &[f32], outputs: usize) -> Start {
    let mut others = vec![0.0; logits.len()];
    let mut coefficients = vec![0.0; logits.len()];
    let films = logits.chunks_exact(outputs).zip(others.chunks_exact_mut(outputs));
    for ((logits, others), coefficients) in films.zip(coefficients.chunks_exact_mut(outputs)) {
        let smallest = (1..outputs).fold(0, |best, k| if logits[k] < logits[best] { k } else { best });
        if kind == Task::Exclusive {
            let apart = |k: usize| k != smallest;
            let top = (0..outputs)
                .filter(|&k| apart(k))
                .map(|k| f64::from(logits[k]))
                .fold(f64::NEG_INFINITY, f64::max);
            for k in (0..outputs).filter(|&k| apart(k)) {
                others[k] = (f64::from(logits[k]) - top).exp();
            }
            let sum: f64 = others.iter().sum();
            for share in &mut *others {
                *share /= sum;
            }
        }
        for (coefficient, share) in coefficients.iter_mut().zip(&*others) {
            *coefficient = -share;
        }
        coefficients[smallest] = 1.0;
    }
    Start {
        coefficients,
        others: (kind == Task::Exclusive).then_some(others),
        outputs,
    }
}

impl Start {
    /// Adds the gradient with respect to the logits that follows from `asked`, the gradient with respect to
    /// the coefficients `[films, outputs]`: with shares s, `∂(−Σ_k a_k s_k)/∂z_j = −s_j (a_j − Σ_k a_k
    /// s_k)`.
    pub(super) fn to_logits(&self, asked: &[f64], gradient: &mut [f32]) {
        let Some(others) = &self.others else { return };
        let films = others
            .chunks_exact(self.outputs)
            .zip(asked.chunks_exact(self.outputs));
        for ((shares, asked), gradient) in films.zip(gradient.chunks_exact_mut(self.outputs)) {
            let mean: f64 = shares.iter().zip(asked).map(|(share, asked)| share * asked).sum();
            for ((gradient, share), asked) in gradient.iter_mut().zip(shares).zip(asked) {
                *gradient -= (share * (asked - mean)) as f32;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOGITS: [f32; 8] = [0.3, -1.0, 2.0, 0.1, 5.0, 4.0, -2.0, 4.5];

    /// ln p − ln(1 − p) of the smallest.
    fn odds(logits: &[f32]) -> f64 {
        let smallest = logits.iter().copied().fold(f32::INFINITY, f32::min);
        let rest: f64 = logits
            .iter()
            .filter(|&&logit| logit > smallest)
            .map(|&logit| f64::from(logit).exp())
            .sum();
        f64::from(smallest) - rest.ln()
    }

    #[test]
    fn the_selective_start_is_the_slope_of_the_log_odds() {
        let start = selective(Task::Exclusive, &LOGITS, 4);
        for place in 0..LOGITS.len() {
            let film = place / 4 * 4..place / 4 * 4 + 4;
            let at = |by: f32| {
                let mut logits = LOGITS;
                logits[place] += by;
                odds(&logits[film.clone()])
            };
            let slope = (at(0.01) - at(-0.01)) / 0.02;
            assert!(
                (slope - start.coefficients[place]).abs() < 1e-4,
                "{place}: {slope}"
            );
        }
        let start = selective(Task::Independent, &LOGITS, 4);
        assert_eq!(start.coefficients, [0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0]);
    }

    #[test]
    fn what_is_asked_of_coefficients_goes_on_to_the_logits() {
        let asked = [0.4, -1.0, 2.0, 0.7, 0.2, 0.9, -0.3, 1.1];
        let value = |logits: &[f32]| {
            let start = selective(Task::Exclusive, logits, 4);
            start
                .coefficients
                .iter()
                .zip(&asked)
                .map(|(c, a)| c * a)
                .sum::<f64>()
        };
        let mut gradient = [0.0; 8];
        selective(Task::Exclusive, &LOGITS, 4).to_logits(&asked, &mut gradient);
        for place in 0..LOGITS.len() {
            let at = |by: f32| {
                let mut logits = LOGITS;
                logits[place] += by;
                value(&logits)
            };
            let slope = (at(0.01) - at(-0.01)) / 0.02;
            assert!(
                (slope - f64::from(gradient[place])).abs() < 1e-4,
                "{place}: {slope}"
            );
        }
    }

    #[test]
    fn each_class_has_a_start_of_its_own() {
        let starts = starts(Maps::Classes, Task::Exclusive, &LOGITS, 4);
        assert_eq!(starts.len(), 4);
        assert_eq!(starts[1].coefficients, [0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0]);
    }
}
