//! The rules for which graphs are written: what each multiplies by, and which weights carry it down.
//!
//! A norm of a reader is merged into the convolution that wrote the rows, `s W` and `t`. A rule answers three questions: which
//! parts of the weights carry relevance down (its streams), what the reader's relevance is multiplied by on its way into each
//! stream (its gates), and what it needs of the weights for that (its denominators).

use pleura_nn::relevance::{Bias, Norms, Rule, Rules};

use super::{Builder, Norm, Value};
use crate::Error;

/// Rules that are written as graphs, and where they stand.
pub(super) struct Written {
    pub(super) first: First,
    pub(super) convolution: Convolution,
    /// ε in the head.
    pub(super) head_epsilon: f64,
    /// ε in norms that no convolution precedes.
    pub(super) norm_epsilon: f64,
    /// ε in average pools.
    pub(super) pool_epsilon: f64,
}

#[derive(Clone, Copy)]
pub(super) enum First {
    Epsilon(f64),
    Flat,
}

#[derive(Clone, Copy)]
pub(super) enum Convolution {
    Epsilon(f64),
    Plus(f64),
}

/// Which part of a convolution's weights a stream passes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// `W`.
    Whole,
    /// `W⁺`.
    Positive,
    /// `(−W)⁺`.
    Negated,
}

/// One map in which readers' shares add up before they pass a convolution's weights together.
pub(super) struct Stream {
    pub(super) part: Part,
    /// The rows that have a place in it; all if left out.
    pub(super) rows: Option<Vec<usize>>,
}

/// How relevance arrives at a norm behind which it is a factor `c` of the activations.
pub(super) enum Arriving<'a> {
    /// `r = c · active`, at the rows themselves.
    Direct { active: &'a Value },
    /// `r = c · by · z`, at one of the four values of which the row is the mean.
    Pooled { by: &'a Value, z: &'a Value },
}

/// A reader's norm on the rows it shares out.
pub(super) struct Reading<'a> {
    pub(super) norm: &'a Norm,
    pub(super) arriving: Arriving<'a>,
    /// The rows before the norm.
    pub(super) raw: &'a Value,
    /// The product with `W⁺`, where the rule asks for it.
    pub(super) positive: Option<&'a Value>,
}

impl Written {
    pub(super) fn of(rules: &Rules) -> Result<Self, Error> {
        let refused = |layer, rule: String, known| Error::Rule { layer, rule, known };
        if let Some((layer, rule)) = rules.named.first_key_value() {
            let rule = format!("{layer}: {rule:?}");
            return Err(refused("layers by name", rule, "no rules of their own"));
        }
        if rules.bias != Bias::Ledger {
            let rule = format!("{:?}", rules.bias);
            return Err(refused("biases", rule, "shares that stay with them"));
        }
        if rules.norms != Norms::Merged {
            let rule = format!("{:?}", rules.norms);
            return Err(refused("norms", rule, "norms merged into convolutions"));
        }
        let convolution = match rules.convolution {
            Rule::Epsilon { epsilon } => Convolution::Epsilon(epsilon),
            Rule::Plus { epsilon } => Convolution::Plus(epsilon),
            rule => {
                let known = "the epsilon rule and the plus rule (alpha1-beta0)";
                return Err(refused("convolution", format!("{rule:?}"), known));
            }
        };
        let first = match rules.first {
            Rule::Epsilon { epsilon } => First::Epsilon(epsilon),
            Rule::Flat => First::Flat,
            rule => {
                let known = "the epsilon rule and the flat rule";
                return Err(refused("first convolution", format!("{rule:?}"), known));
            }
        };
        let epsilon = |layer, rule| match rule {
            Rule::Epsilon { epsilon } => Ok(epsilon),
            rule => Err(refused(layer, format!("{rule:?}"), "the epsilon rule")),
        };
        Ok(Self {
            first,
            convolution,
            head_epsilon: epsilon("head", rules.linear)?,
            norm_epsilon: epsilon("norm that no convolution precedes", rules.norm)?,
            pool_epsilon: rules.pool,
        })
    }
}

impl Convolution {
    /// Whether denominators ask for the product with `W⁺`.
    pub(super) fn asks_for_positive(self) -> bool {
        matches!(self, Self::Plus(_))
    }

    /// The streams into a convolution; `turns` says of each of its rows whether a reader turns its sign.
    pub(super) fn streams(self, turns: &[bool]) -> Vec<Stream> {
        match self {
            Self::Epsilon(_) => vec![Stream {
                part: Part::Whole,
                rows: None,
            }],
            Self::Plus(_) => {
                let turned: Vec<usize> = (0..turns.len()).filter(|&row| turns[row]).collect();
                let mut streams = vec![Stream {
                    part: Part::Positive,
                    rows: None,
                }];
                if !turned.is_empty() {
                    streams.push(Stream {
                        part: Part::Negated,
                        rows: Some(turned),
                    });
                }
                streams
            }
        }
    }

    /// What a reader's factor is multiplied by on its way into each stream; none where it sends nothing there.
    pub(super) fn gates(
        self,
        graph: &mut Builder<'_>,
        name: &str,
        streams: &[Stream],
        reading: &Reading<'_>,
    ) -> Vec<Option<Value>> {
        match self {
            Self::Epsilon(epsilon) => vec![Some(epsilon_gate(graph, name, reading, epsilon))],
            Self::Plus(epsilon) => plus_gates(graph, name, streams, reading, epsilon),
        }
    }

    /// A convolution with a single reader, merged whole: the weights that carry relevance down, and the gate in front of them.
    pub(super) fn merged(
        self,
        graph: &mut Builder<'_>,
        name: &str,
        (inputs, weights, kernel): (&Value, &Value, (usize, usize, usize)),
        (norm, active): (&Norm, &Value),
    ) -> (Value, Value) {
        let merged = merge(graph, name, weights, norm);
        match self {
            Self::Epsilon(epsilon) => (merged, graph.ratio(&format!("{name}.gate"), active, epsilon)),
            Self::Plus(epsilon) => {
                let positive = graph.plain(&format!("{name}.positive"), "Relu", &[&merged]);
                // The denominator with bias and stabiliser is one convolution.
                let bias = norm.shift.iter().map(|&shift| shift.max(0.0) + epsilon as f32);
                let bias = graph.floats(&format!("{name}.bias"), &[norm.shift.len()], bias.collect());
                let of = format!("{name}.denominator");
                let product = graph.conv(&of, "Conv", &[inputs, &positive, &bias], kernel, Vec::new());
                let gate = if epsilon == 0.0 {
                    graph.over(&format!("{name}.gate"), active, &product, 0.0)
                } else {
                    graph.plain(&format!("{name}.gate"), "Div", &[active, &product])
                };
                (positive, gate)
            }
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

/// `s r / s(z)`, per unit of the factor.
fn epsilon_gate(graph: &mut Builder<'_>, name: &str, reading: &Reading<'_>, epsilon: f64) -> Value {
    let scale = graph.by_channel(&format!("{name}.scale"), reading.norm.scale.clone());
    let ratio = match reading.arriving {
        Arriving::Direct { active } => graph.ratio(&format!("{name}.ratio"), active, epsilon),
        Arriving::Pooled { by, z } => {
            let magnitude = graph.plain(&format!("{name}.magnitude"), "Abs", &[z]);
            let ratio = graph.ratio(&format!("{name}.ratio"), &magnitude, epsilon);
            graph.plain(&format!("{name}.part"), "Mul", &[&ratio, by])
        }
    };
    graph.plain(name, "Mul", &[&ratio, &scale])
}

/// `|s| r / (|s| P + t⁺ + ε) = r / (P + (t⁺ + ε) / |s|)`, per unit of the factor, with `P` the product with `W⁺` where `s > 0` and with
/// `(−W)⁺` where `s < 0`, which is what `W⁺`'s has more than the whole.
fn plus_gates(
    graph: &mut Builder<'_>,
    name: &str,
    streams: &[Stream],
    reading: &Reading<'_>,
    epsilon: f64,
) -> Vec<Option<Value>> {
    let Norm { scale, shift } = reading.norm;
    let turned: Vec<bool> = scale.iter().map(|&scale| scale < 0.0).collect();
    let any_turned = turned.contains(&true);
    let mut product = reading.positive.unwrap_or(reading.raw).clone();
    let flags = |of: &dyn Fn(bool) -> bool| -> Vec<f32> {
        turned
            .iter()
            .map(|&turned| f32::from(u8::from(of(turned))))
            .collect()
    };
    if any_turned {
        let mask = graph.by_channel(&format!("{name}.turned"), flags(&|turned| turned));
        let whole = graph.plain(&format!("{name}.whole"), "Mul", &[reading.raw, &mask]);
        let rest = graph.plain(&format!("{name}.rest"), "Sub", &[&product, &whole]);
        product = graph.plain(&format!("{name}.product"), "Relu", &[&rest]);
    }
    // A row that its reader multiplies by nothing sends nothing: under a huge denominator.
    let rest = scale.iter().zip(shift).map(|(&scale, &shift)| {
        let rest = (f64::from(shift).max(0.0) + epsilon) / f64::from(scale).abs();
        rest.min(1e30) as f32
    });
    let rest = graph.by_channel(
        &format!("{name}.bias"),
        rest.map(|rest| if rest.is_nan() { 1e30 } else { rest }).collect(),
    );
    let denominator = graph.plain(&format!("{name}.denominator"), "Add", &[&product, &rest]);
    let top = match reading.arriving {
        Arriving::Direct { active } => active.clone(),
        Arriving::Pooled { by, z } => graph.plain(&format!("{name}.part"), "Mul", &[z, by]),
    };
    let quotient = format!("{name}.quotient");
    let quotient = if epsilon == 0.0 {
        graph.over(&quotient, &top, &denominator, 0.0)
    } else {
        graph.plain(&quotient, "Div", &[&top, &denominator])
    };
    if !any_turned {
        return streams
            .iter()
            .map(|stream| (stream.part == Part::Positive).then(|| quotient.clone()))
            .collect();
    }
    let mut gates = Vec::new();
    for stream in streams {
        let (word, wanted) = match stream.part {
            Part::Negated => ("negated", true),
            Part::Whole | Part::Positive => ("upright", false),
        };
        let mut mask = flags(&|turned| turned == wanted);
        let mut value = quotient.clone();
        if let Some(rows) = &stream.rows {
            let rows: Vec<usize> = rows.iter().copied().filter(|&row| row < scale.len()).collect();
            if rows.is_empty() {
                gates.push(None);
                continue;
            }
            mask = rows.iter().map(|&row| mask[row]).collect();
            value = graph.gather(&format!("{name}.{word}.rows"), &value, &rows, -3);
        }
        let mask = graph.by_channel(&format!("{name}.{word}.mask"), mask);
        gates.push(Some(graph.plain(
            &format!("{name}.{word}"),
            "Mul",
            &[&value, &mask],
        )));
    }
    gates
}
