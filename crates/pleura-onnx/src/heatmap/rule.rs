//! The rules that can be written as graphs, and the parts of a convolution's weights that they use.

use pleura_nn::relevance::{Bias, Rule, Rules};

use super::{Builder, Norm, Value};
use crate::Error;

/// Rules of a graph, by layer.
pub(super) struct Written {
    pub(super) first: First,
    pub(super) convolution: Convolution,
    pub(super) head_epsilon: f64,
    /// ε of norms without a preceding convolution.
    pub(super) norm_epsilon: f64,
    /// ε of average pools.
    pub(super) pool_epsilon: f64,
}

/// The rule of the first convolution, whose inputs have both signs.
#[derive(Clone, Copy)]
pub(super) enum First {
    Epsilon(f64),
    Flat,
    Box(f64),
}

/// The rule of every other convolution, whose inputs are activations.
#[derive(Clone, Copy)]
pub(super) enum Convolution {
    Epsilon(f64),
    Plus(f64),
    AlphaBeta { alpha: f64, beta: f64, epsilon: f64 },
    Gamma { gamma: f64, epsilon: f64 },
}

/// The part of a convolution's weights that a stream uses.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Part {
    /// `W`.
    Whole,
    /// `W⁺`.
    Positive,
    /// `(−W)⁺`.
    Negated,
    /// `W + γ W⁺`.
    Grown(f64),
    /// `W + γ W⁻`.
    Shrunk(f64),
}

/// A map in which the relevance of readers is summed before it passes a convolution's weights.
pub(super) struct Stream {
    pub(super) part: Part,
    /// The rows of the stream; `None` for all.
    pub(super) rows: Option<Vec<usize>>,
}

impl Stream {
    pub(super) fn all(part: Part) -> Self {
        Self { part, rows: None }
    }

    /// The rows of the stream among the first `channels`.
    pub(super) fn rows_below(&self, channels: usize) -> Option<Vec<usize>> {
        let below = |rows: &Vec<usize>| rows.iter().copied().filter(|&row| row < channels).collect();
        self.rows.as_ref().map(below)
    }
}

impl Written {
    pub(super) fn of(rules: &Rules) -> Result<Self, Error> {
        if let Some((layer, rule)) = rules.named.first_key_value() {
            let known = "one rule for all convolutions behind the first";
            return Err(refusal(layer, rule, known));
        }
        if rules.bias != Bias::Ledger {
            return Err(refusal(
                "bias",
                &rules.bias,
                "biases that keep their share (ledger)",
            ));
        }
        let epsilon = |layer: &str, rule: Rule| match rule {
            Rule::Epsilon { epsilon } => Ok(epsilon),
            other => Err(refusal(layer, &other, "the epsilon rule")),
        };
        Ok(Self {
            first: match rules.first {
                Rule::Epsilon { epsilon } => First::Epsilon(epsilon),
                Rule::Flat => First::Flat,
                Rule::Box { epsilon } => First::Box(epsilon),
                other => {
                    let known = "the epsilon, flat and box rules";
                    return Err(refusal("first convolution", &other, known));
                }
            },
            convolution: match rules.convolution {
                Rule::Epsilon { epsilon } => Convolution::Epsilon(epsilon),
                Rule::Plus { epsilon } => Convolution::Plus(epsilon),
                Rule::AlphaBeta { alpha, beta, epsilon } => Convolution::AlphaBeta { alpha, beta, epsilon },
                Rule::Gamma { gamma, epsilon } => Convolution::Gamma { gamma, epsilon },
                other => {
                    let known = "the epsilon, plus, alpha-beta and gamma rules";
                    return Err(refusal("convolution", &other, known));
                }
            },
            head_epsilon: epsilon("linear layer", rules.linear)?,
            norm_epsilon: epsilon("norm", rules.norm)?,
            pool_epsilon: rules.pool,
        })
    }
}

fn refusal(layer: &str, rule: &dyn std::fmt::Debug, known: &'static str) -> Error {
    Error::Rule {
        layer: layer.to_owned(),
        rule: format!("{rule:?}"),
        known,
    }
}

impl Convolution {
    /// The parts of the weights whose products with the activations are in the denominators: `W⁺`, and
    /// `(−W)⁺` if it cannot be computed as the product with `W⁺` minus the whole without losing small
    /// numbers.
    pub(super) fn products(self) -> &'static [Part] {
        match self {
            Self::Epsilon(_) => &[],
            Self::Plus(_) | Self::Gamma { .. } => &[Part::Positive],
            Self::AlphaBeta { .. } => &[Part::Positive, Part::Negated],
        }
    }

    /// The streams of a convolution. `turns` is true for rows whose sign a reader flips; `pooled` is true if
    /// its outputs are read through an average pool, which sends relevance to negative outputs too.
    pub(super) fn streams(self, turns: &[bool], pooled: bool) -> Vec<Stream> {
        let some = |part: Part| {
            let rows: Vec<usize> = (0..turns.len()).filter(|&row| turns[row]).collect();
            let rows = Some(rows);
            Stream { part, rows }
        };
        let streams = match self {
            Self::Epsilon(_) => vec![Stream::all(Part::Whole)],
            Self::Plus(_) => vec![Stream::all(Part::Positive), some(Part::Negated)],
            Self::AlphaBeta { .. } => vec![Stream::all(Part::Positive), Stream::all(Part::Negated)],
            Self::Gamma { gamma, .. } if pooled => {
                vec![Stream::all(Part::Grown(gamma)), Stream::all(Part::Shrunk(gamma))]
            }
            Self::Gamma { gamma, .. } => vec![Stream::all(Part::Grown(gamma)), some(Part::Shrunk(gamma))],
        };
        let any = |stream: &Stream| stream.rows.as_ref().is_none_or(|rows| !rows.is_empty());
        streams.into_iter().filter(any).collect()
    }
}

/// A part of a convolution's weights.
pub(super) fn part(graph: &mut Builder<'_>, name: &str, weights: &Value, part: Part) -> Value {
    match part {
        Part::Whole => weights.clone(),
        Part::Positive => graph.plain(&format!("{name}.positive"), "Relu", &[weights]),
        Part::Negated => {
            let negated = graph.plain(&format!("{name}.minus"), "Neg", &[weights]);
            graph.plain(&format!("{name}.negated"), "Relu", &[&negated])
        }
        Part::Grown(gamma) => {
            let positive = self::part(graph, name, weights, Part::Positive);
            let gamma = graph.scalar(gamma);
            let more = graph.plain(&format!("{name}.more"), "Mul", &[&positive, &gamma]);
            graph.plain(&format!("{name}.grown"), "Add", &[weights, &more])
        }
        Part::Shrunk(gamma) => {
            let negated = self::part(graph, name, weights, Part::Negated);
            let gamma = graph.scalar(gamma);
            let less = graph.plain(&format!("{name}.less"), "Mul", &[&negated, &gamma]);
            graph.plain(&format!("{name}.shrunk"), "Sub", &[weights, &less])
        }
    }
}

/// `s W`, output by output.
pub(super) fn merge(graph: &mut Builder<'_>, name: &str, weights: &Value, norm: &Norm) -> Value {
    let scale = graph.floats(
        &format!("{name}.scale"),
        &[norm.scale.len(), 1, 1, 1],
        norm.scale.clone(),
    );
    graph.plain(&format!("{name}.merged"), "Mul", &[weights, &scale])
}
