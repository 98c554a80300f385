//! Relevance of a film's pixels for a question.

use pleura_nn::backend::{Backend, Real};
use pleura_nn::{Ledger, Network, Norm, relevance};

use crate::{Account, Composite, Error};

/// A question: why this output, why this output rather than another, or why it is above a threshold.
///
/// Relevance starts at logits, never at probabilities: a softmax would mix the relevance of classes.
#[derive(Clone, Debug, PartialEq)]
pub enum Start {
    /// The logit of an output.
    Logit(String),
    /// The logit of an output minus that of another.
    Difference(String, String),
    /// The logit of an output minus the logit of a probability, such as the decision threshold; for
    /// independent outputs (sigmoid). The threshold is added to the output's bias.
    Threshold {
        /// The output.
        finding: String,
        /// The probability, between 0 and 1.
        probability: f64,
        /// The temperature that divides the logit; 1 without calibration.
        temperature: f64,
    },
}

impl Start {
    /// The question as shown on pictures.
    pub fn words(&self) -> String {
        match self {
            Self::Logit(finding) => finding.clone(),
            Self::Difference(finding, other) => format!("{finding} rather than {other}"),
            Self::Threshold {
                finding, probability, ..
            } => format!("{finding} above {probability}"),
        }
    }

    /// The output, if the question is about a single one.
    pub fn finding(&self) -> Option<&str> {
        match self {
            Self::Logit(finding) | Self::Threshold { finding, .. } => Some(finding),
            Self::Difference(..) => None,
        }
    }

    /// The question in the engine's form, for one film of a network with these outputs.
    ///
    /// # Errors
    /// [`Error::UnknownFinding`], [`Error::Threshold`].
    pub fn at_logits(&self, findings: &[String]) -> Result<relevance::Start, Error> {
        let mut start = relevance::Start::from(&vec![0.0; findings.len()][..]);
        let place = |name: &String| {
            let unknown = || Error::UnknownFinding {
                name: name.clone(),
                findings: findings.to_vec(),
            };
            findings
                .iter()
                .position(|finding| finding == name)
                .ok_or_else(unknown)
        };
        match self {
            Self::Logit(finding) => start.coefficients[place(finding)?] += 1.0,
            Self::Difference(finding, other) => {
                start.coefficients[place(finding)?] += 1.0;
                start.coefficients[place(other)?] -= 1.0;
            }
            Self::Threshold {
                finding,
                probability,
                temperature,
            } => {
                let probability = *probability;
                if !(probability > 0.0 && probability < 1.0) {
                    return Err(Error::Threshold { probability });
                }
                let place = place(finding)?;
                start.coefficients[place] += 1.0;
                start.thresholds[place] = temperature * (probability / (1.0 - probability)).ln();
            }
        }
        Ok(start)
    }
}

/// The map of one question.
#[derive(Clone, Debug, PartialEq)]
pub struct Map {
    /// The question.
    pub start: Start,
    /// The question's number: the logit, the difference of logits, or the logit's distance from the
    /// threshold.
    pub value: f64,
    /// The value of each pixel, summed over the three equal channels: `[size, size]`.
    pub heatmap: Vec<f32>,
    /// Value of each input, `[3, size, size]`, if the method separates channels.
    pub raw: Option<Vec<f32>>,
    /// Meaning of the sum of the values.
    pub account: Account,
}

impl Map {
    /// Relevance by layer; LRP only.
    pub fn ledger(&self) -> Option<&Ledger> {
        match &self.account {
            Account::Ledger(ledger) => Some(ledger),
            _ => None,
        }
    }
}

/// The logits of a film and their maps.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    /// Side of the prepared film.
    pub size: usize,
    /// In the order of the network's findings.
    pub logits: Vec<f64>,
    /// One map per question.
    pub maps: Vec<Map>,
}

/// Explains a network's answer to a prepared film, `[size, size]` in 0 to 1: one forward pass, and one
/// relevance pass for all questions.
///
/// # Errors
/// [`Error::UnknownFinding`], [`Error::Threshold`]; [`Error::Composite`] if the composite does not fit the
/// network; [`Error::Network`] if the film does not have `size²` grey levels or is too small.
pub fn explain<B: Backend>(
    network: &Network<B>,
    grey: &[f32],
    size: usize,
    composite: &Composite,
    starts: &[Start],
) -> Result<Explanation, Error> {
    let questions = starts.iter().map(|start| start.at_logits(network.findings()));
    let questions = questions.collect::<Result<Vec<_>, _>>()?;
    let rules = composite.rules(network.architecture())?;
    let (logits, trace) = network.forward(grey, 1, size, Norm::Running)?;
    let relevances = network.relevances(&trace, &questions, &rules)?;
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
            raw: Some(raw.iter().map(|value| value.to_f64() as f32).collect()),
            value: relevance.ledgers[0].start,
            account: Account::Ledger(relevance.ledgers.swap_remove(0)),
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
            assert!((exact.maps[1].value - (exact.logits[0] - exact.logits[1])).abs() < 1e-12);
            for (fast, exact) in fast.maps.iter().zip(&exact.maps) {
                let ledger = exact.ledger().unwrap();
                assert!(ledger.residual().abs() < 1e-9, "{ledger:?}");
                let sum: f64 = exact.heatmap.iter().map(|&v| f64::from(v)).sum();
                assert!((sum - ledger.input).abs() < 1e-4 * sum.abs().max(1e-2));
                let size = exact.heatmap.iter().fold(0f32, |m, v| m.max(v.abs()));
                for (a, b) in fast.heatmap.iter().zip(&exact.heatmap) {
                    assert!((a - b).abs() < 1e-3 * size, "{name}: {a} {b} of {size}");
                }
            }
        }
    }

    #[test]
    fn a_threshold_moves_the_start_and_the_biases_and_under_epsilon_in_the_head_nothing_else() {
        let network = Network::new(Reference, &weights()).unwrap();
        let ask = |start: Start| {
            let maps = explain(&network, &film(64), 64, &Composite::default(), &[start]);
            maps.map(|mut found| found.maps.swap_remove(0))
        };
        let above = |probability, temperature| Start::Threshold {
            finding: "normal".into(),
            probability,
            temperature,
        };
        let warm = ask(above(0.2, 2.0)).unwrap();
        let wrong = [0.0, 1.0, -0.5, f64::NAN].map(|wrong| ask(above(wrong, 1.0)).unwrap_err());
        let (logit, above) = (
            ask(Start::Logit("normal".into())).unwrap(),
            ask(above(0.2, 1.0)).unwrap(),
        );
        let threshold = (0.2f64 / 0.8).ln();
        let close = |a: f64, b: f64| (a - b).abs() < 1e-5 * (1.0 + b.abs());
        let ledgers = (above.ledger().unwrap(), logit.ledger().unwrap());
        assert!(close(ledgers.0.start, ledgers.1.start - threshold));
        assert!(close(ledgers.0.bias, ledgers.1.bias - threshold));
        assert!(close(ledgers.0.input, ledgers.1.input));
        assert!(ledgers.0.residual().abs() < 1e-9);
        assert_eq!(above.start.words(), "normal above 0.2");
        // With a temperature, the same probability has another logit.
        assert!(close(warm.value, logit.value - 2.0 * threshold));
        for error in wrong {
            assert!(error.to_string().contains("between 0 and 1"), "{error}");
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
