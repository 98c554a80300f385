//! From a film and a question to relevance.

use pleura_nn::backend::{Backend, Real};
use pleura_nn::{Ledger, Network, Norm};

use crate::{Composite, Error};

/// What is asked: why this output, or why this one rather than that.
///
/// Relevance starts at logits, never at probabilities: behind a softmax the classes' relevances mix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start {
    /// One output's logit.
    Logit(String),
    /// One output's logit less another's.
    Difference(String, String),
}

impl Start {
    /// As it stands on a picture.
    pub fn words(&self) -> String {
        match self {
            Self::Logit(finding) => finding.clone(),
            Self::Difference(finding, other) => format!("{finding} rather than {other}"),
        }
    }

    fn coefficients(&self, findings: &[String]) -> Result<Vec<f64>, Error> {
        let mut coefficients = vec![0.0; findings.len()];
        let mut set = |name: &String, value: f64| {
            let unknown = || Error::UnknownFinding {
                name: name.clone(),
                findings: findings.to_vec(),
            };
            let place = findings
                .iter()
                .position(|finding| finding == name)
                .ok_or_else(unknown)?;
            coefficients[place] += value;
            Ok::<(), Error>(())
        };
        match self {
            Self::Logit(finding) => set(finding, 1.0)?,
            Self::Difference(finding, other) => {
                set(finding, 1.0)?;
                set(other, -1.0)?;
            }
        }
        Ok(coefficients)
    }
}

/// One answered question.
#[derive(Clone, Debug, PartialEq)]
pub struct Map {
    /// What was asked.
    pub start: Start,
    /// Relevance of each pixel, summed over the three equal channels: `[size, size]`.
    pub heatmap: Vec<f32>,
    /// Relevance of each input, `[3, size, size]`.
    pub raw: Vec<f32>,
    /// What became of the relevance.
    pub ledger: Ledger,
}

/// A film's answers with their reasons.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    /// Side of the prepared film.
    pub size: usize,
    /// In the order of the network's findings.
    pub logits: Vec<f64>,
    /// One for each question.
    pub maps: Vec<Map>,
}

/// Explains a network's answer to one prepared film, `[size, size]` in 0 to 1: one forward pass, and one relevance pass
/// for all starts together.
///
/// # Errors
/// [`Error::UnknownFinding`]; [`Error::Network`] where the film does not have `size²` grey levels or is too small.
pub fn explain<B: Backend>(
    network: &Network<B>,
    grey: &[f32],
    size: usize,
    composite: &Composite,
    starts: &[Start],
) -> Result<Explanation, Error> {
    let questions = starts.iter().map(|start| start.coefficients(network.findings()));
    let questions = questions.collect::<Result<Vec<_>, _>>()?;
    let (logits, trace) = network.forward(grey, 1, size, Norm::Running)?;
    let relevances = network.relevances(&trace, &questions, composite.rules())?;
    let mut maps = Vec::with_capacity(starts.len());
    for (start, mut relevance) in starts.iter().zip(relevances) {
        let raw = network.backend().download(&relevance.input);
        let plane = size * size;
        let (first, rest) = raw.split_at(plane);
        let mut heatmap: Vec<f64> = first.iter().map(|value| value.to_f64()).collect();
        for channel in rest.chunks_exact(plane) {
            for (sum, value) in heatmap.iter_mut().zip(channel) {
                *sum += value.to_f64();
            }
        }
        maps.push(Map {
            start: start.clone(),
            heatmap: heatmap.iter().map(|&sum| sum as f32).collect(),
            raw: raw.iter().map(|value| value.to_f64() as f32).collect(),
            ledger: relevance.ledgers.swap_remove(0),
        });
    }
    Ok(Explanation {
        size,
        logits: logits.iter().map(|logit| logit.to_f64()).collect(),
        maps,
    })
}

#[cfg(test)]
mod tests {
    use pleura_nn::weights::Normalisation;
    use pleura_nn::{Architecture, Cpu, Reference, Weights};

    use super::*;

    fn weights() -> Weights {
        let findings = ["COVID-19", "pneumonia", "normal"].map(str::to_owned);
        Weights::initialise(
            &Architecture::by_name("small").unwrap(),
            &findings,
            Normalisation::IMAGENET,
            3,
        )
    }

    fn film(size: usize) -> Vec<f32> {
        (0..size * size).map(|i| (i * 31 % 97) as f32 / 97.0).collect()
    }

    #[test]
    fn every_composite_closes_its_account_on_both_backends() {
        let (weights, grey) = (weights(), film(64));
        let starts = [
            Start::Logit("normal".into()),
            Start::Difference("COVID-19".into(), "pneumonia".into()),
        ];
        for name in crate::composite::NAMES {
            let composite = Composite::by_name(name).unwrap();
            let fast = Network::new(Cpu::new(), &weights).unwrap();
            let fast = explain(&fast, &grey, 64, &composite, &starts).unwrap();
            let exact = Network::new(Reference, &weights).unwrap();
            let exact = explain(&exact, &grey, 64, &composite, &starts).unwrap();
            assert!((exact.maps[1].ledger.start - (exact.logits[0] - exact.logits[1])).abs() < 1e-12);
            for (fast, exact) in fast.maps.iter().zip(&exact.maps) {
                assert!(exact.ledger.residual().abs() < 1e-9, "{:?}", exact.ledger);
                let sum: f64 = exact.heatmap.iter().map(|&v| f64::from(v)).sum();
                assert!((sum - exact.ledger.input).abs() < 1e-4 * sum.abs().max(1e-2));
                let size = exact.heatmap.iter().fold(0f32, |m, v| m.max(v.abs()));
                for (a, b) in fast.heatmap.iter().zip(&exact.heatmap) {
                    assert!((a - b).abs() < 1e-3 * size, "{name}: {a} {b} of {size}");
                }
            }
        }
    }

    #[test]
    fn a_finding_that_is_not_there_is_named() {
        let network = Network::new(Cpu::new(), &weights()).unwrap();
        let start = [Start::Logit("tuberculosis".into())];
        let error = explain(&network, &film(64), 64, &Composite::default(), &start)
            .unwrap_err()
            .to_string();
        assert_eq!(
            error,
            "the network has no output \"tuberculosis\"; it has COVID-19, pneumonia, normal"
        );
    }
}
