//! Gates: the factors of a reader's relevance for each stream.
//!
//! A reader's norm is merged into the convolution that wrote the rows, `s W` and `t`. With `F` its output,
//! `P` and `N` the products of its inputs with `W⁺` and `(−W)⁺`, and `R⁺ = P, R⁻ = N` for `s > 0`, `R⁺ = N,
//! R⁻ = P` for `s < 0`:
//!
//! * ε: `s r / s(z)` into `W`;
//! * z⁺: `|s| r / (|s| R⁺ + t⁺ + ε) = r / (R⁺ + (t⁺ + ε) / |s|)` into `W⁺`, or `(−W)⁺` for `s < 0`;
//! * α-β: that times α, and `−β r / (R⁻ + (|t⁻| + ε) / |s|)` into the other of the two;
//! * γ: `s r / (z + γ (|s| R⁺ + t⁺) + ε)` where `z > 0`, `s r / (z − γ (|s| R⁻ + |t⁻|) − ε)` where `z < 0`;
//!   into `W + γ W⁺` where `s z > 0`, else into `W + γ W⁻`.

use super::rule::{Convolution, Part, Stream, merge, part};
use super::{Builder, Norm, Value};

/// Relevance `r` at a norm, given a factor `c` of the activations after it.
#[derive(Clone, Copy)]
pub(super) enum Arriving<'a> {
    /// `r = c · active`, at the rows themselves.
    Direct { active: &'a Value },
    /// `r = c · by · z`, at one of the four values that are averaged to the row.
    Pooled { by: &'a Value, z: &'a Value },
}

/// A reader's norm over its rows.
pub(super) struct Reading<'a> {
    pub(super) norm: &'a Norm,
    pub(super) arriving: Arriving<'a>,
    /// The rows before the norm.
    pub(super) raw: &'a Value,
    /// The products with [`Convolution::products`].
    pub(super) products: &'a [Value],
}

/// A convolution with a single reader.
pub(super) struct Single<'a> {
    /// The activations it reads, its weights, its window.
    pub(super) inputs: &'a Value,
    pub(super) weights: &'a Value,
    pub(super) window: (usize, usize, usize),
    /// Its reader.
    pub(super) norm: &'a Norm,
    pub(super) active: &'a Value,
}

impl Convolution {
    /// The gates of a reader, one per stream; `None` for a stream without relevance.
    pub(super) fn gates(
        self,
        graph: &mut Builder<'_>,
        name: &str,
        streams: &[Stream],
        reading: &Reading<'_>,
    ) -> Vec<Option<Value>> {
        match self {
            Self::Epsilon(epsilon) => vec![Some(epsilon_gate(graph, name, reading, epsilon))],
            Self::Plus(epsilon) => {
                let gate = plus_gate(graph, name, reading, epsilon);
                by_sign(graph, name, streams, reading.norm, &gate)
            }
            Self::AlphaBeta { alpha, beta, epsilon } => {
                let gates = alpha_beta_gates(graph, name, reading, (alpha, beta), epsilon);
                gates.map(Some).into()
            }
            Self::Gamma { gamma, epsilon } => gamma_gates(graph, name, streams, reading, (gamma, epsilon)),
        }
    }

    /// A convolution with a single reader, fully merged: the weights of the relevance pass, each with its
    /// gate.
    pub(super) fn merged(
        self,
        graph: &mut Builder<'_>,
        name: &str,
        single: &Single<'_>,
    ) -> Vec<(Value, Value)> {
        let merged = merge(graph, name, single.weights, single.norm);
        // A denominator with bias and stabiliser is one convolution.
        let denominator = |graph: &mut Builder<'_>, of: Part, bias: &dyn Fn(f64) -> f64| {
            let weights = part(graph, name, &merged, of);
            let word = if of == Part::Positive { "above" } else { "below" };
            let name = format!("{name}.{word}");
            let shifts = single.norm.shift.iter();
            let bias = shifts.map(|&shift| bias(f64::from(shift)) as f32).collect();
            let bias = graph.floats(&format!("{name}.bias"), &[single.norm.shift.len()], bias);
            let inputs = [single.inputs, &weights, &bias];
            let sum = graph.conv(&name, "Conv", &inputs, single.window, Vec::new());
            (weights, sum)
        };
        let gate = format!("{name}.gate");
        match self {
            Self::Epsilon(epsilon) => {
                let gate = graph.ratio(&gate, single.active, epsilon);
                vec![(merged, gate)]
            }
            Self::Plus(epsilon) => {
                let (weights, sum) = denominator(graph, Part::Positive, &|t| t.max(0.0) + epsilon);
                vec![(weights, divided(graph, &gate, single.active, &sum, epsilon))]
            }
            Self::AlphaBeta { alpha, beta, epsilon } => {
                let (above, sum) = denominator(graph, Part::Positive, &|t| t.max(0.0) + epsilon);
                let parts = [(above, sum, alpha, "alpha")];
                let mut parts = Vec::from(parts);
                if beta != 0.0 {
                    let (below, sum) = denominator(graph, Part::Negated, &|t| (-t).max(0.0) + epsilon);
                    parts.push((below, sum, -beta, "beta"));
                }
                let gate = |(weights, sum, times, word): (Value, Value, f64, &str)| {
                    let name = format!("{gate}.{word}");
                    let times = graph.scalar(times);
                    let top = graph.plain(&format!("{name}.top"), "Mul", &[single.active, &times]);
                    (weights, divided(graph, &name, &top, &sum, epsilon))
                };
                parts.into_iter().map(gate).collect()
            }
            Self::Gamma { gamma, epsilon } => {
                let (_, sum) = denominator(graph, Part::Positive, &|t| t.max(0.0));
                let gamma_value = graph.scalar(gamma);
                let grown = graph.plain(&format!("{gate}.grown"), "Mul", &[&sum, &gamma_value]);
                let whole = graph.plain(&format!("{gate}.whole"), "Add", &[single.active, &grown]);
                let gate = graph.over(&gate, single.active, &whole, epsilon);
                let down = part(graph, &format!("{name}.down"), &merged, Part::Grown(gamma));
                vec![(down, gate)]
            }
        }
    }
}

/// `top / sum` for a sum that includes ε; without ε 0 where the sum is 0.
fn divided(graph: &mut Builder<'_>, name: &str, top: &Value, sum: &Value, epsilon: f64) -> Value {
    if epsilon > 0.0 {
        graph.plain(name, "Div", &[top, sum])
    } else {
        graph.over(name, top, sum, 0.0)
    }
}

/// `r` per unit of the factor.
fn top(graph: &mut Builder<'_>, name: &str, arriving: Arriving<'_>) -> Value {
    match arriving {
        Arriving::Direct { active } => active.clone(),
        Arriving::Pooled { by, z } => graph.plain(&format!("{name}.part"), "Mul", &[z, by]),
    }
}

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

/// `(bias + ε) / |s|`. For `s = 0` the denominator is huge, so that the row sends nothing.
fn rest(scale: f32, bias: f64, epsilon: f64) -> f32 {
    let rest = (bias + epsilon) / f64::from(scale).abs();
    if rest < 1e30 { rest as f32 } else { 1e30 }
}

/// `R⁺` or `R⁻`, from the product with `W⁺` minus the whole; `turned` marks the rows with a flipped sign.
fn chosen(graph: &mut Builder<'_>, name: &str, reading: &Reading<'_>, turned: &[bool]) -> Value {
    let positive = &reading.products[0];
    if !turned.contains(&true) {
        return positive.clone();
    }
    let mask = turned.iter().map(|&turned| f32::from(u8::from(turned))).collect();
    let mask = graph.by_channel(&format!("{name}.turned"), mask);
    let whole = graph.plain(&format!("{name}.whole"), "Mul", &[reading.raw, &mask]);
    let left = graph.plain(&format!("{name}.left"), "Sub", &[positive, &whole]);
    graph.plain(&format!("{name}.product"), "Relu", &[&left])
}

fn signs(norm: &Norm) -> Vec<bool> {
    norm.scale.iter().map(|&scale| scale < 0.0).collect()
}

/// One gate for rows of either sign.
fn plus_gate(graph: &mut Builder<'_>, name: &str, reading: &Reading<'_>, epsilon: f64) -> Value {
    let Norm { scale, shift } = reading.norm;
    let product = chosen(graph, name, reading, &signs(reading.norm));
    let rests = scale.iter().zip(shift);
    let rests = rests.map(|(&scale, &shift)| rest(scale, f64::from(shift).max(0.0), epsilon));
    let rests = graph.by_channel(&format!("{name}.bias"), rests.collect());
    let denominator = graph.plain(&format!("{name}.denominator"), "Add", &[&product, &rests]);
    let top = top(graph, name, reading.arriving);
    divided(graph, &format!("{name}.quotient"), &top, &denominator, epsilon)
}

/// Splits by the sign of the norm: positive scales into the first stream, negative ones into the second.
fn by_sign(
    graph: &mut Builder<'_>,
    name: &str,
    streams: &[Stream],
    norm: &Norm,
    gate: &Value,
) -> Vec<Option<Value>> {
    let turned = signs(norm);
    let any = turned.contains(&true);
    let mut gates = Vec::new();
    for (number, stream) in streams.iter().enumerate() {
        let rows = stream.rows_below(turned.len());
        if !any || rows.as_ref().is_some_and(Vec::is_empty) {
            gates.push((number == 0).then(|| gate.clone()));
            continue;
        }
        let name = format!("{name}.stream{}", number + 1);
        let wanted = number > 0;
        let flag = |row: usize| f32::from(u8::from(turned[row] == wanted));
        let (value, mask) = match &rows {
            None => (gate.clone(), (0..turned.len()).map(flag).collect()),
            Some(rows) => (
                graph.gather(&format!("{name}.rows"), gate, rows, -3),
                rows.iter().map(|&row| flag(row)).collect(),
            ),
        };
        let mask = graph.by_channel(&format!("{name}.mask"), mask);
        gates.push(Some(graph.plain(&name, "Mul", &[&value, &mask])));
    }
    gates
}

/// Both products exist, so each row has one gate per stream, whatever its sign.
fn alpha_beta_gates(
    graph: &mut Builder<'_>,
    name: &str,
    reading: &Reading<'_>,
    (alpha, beta): (f64, f64),
    epsilon: f64,
) -> [Value; 2] {
    let top = top(graph, name, reading.arriving);
    [(0, "upright", false), (1, "turned", true)].map(|(product, word, other)| {
        let name = format!("{name}.{word}");
        let rows = || reading.norm.scale.iter().zip(&reading.norm.shift);
        // True if this product is positive after the norm.
        let above = |scale: f32| (scale < 0.0) == other;
        let rests = rows().map(|(&scale, &shift)| {
            let shift = f64::from(if above(scale) { shift } else { -shift });
            rest(scale, shift.max(0.0), epsilon)
        });
        let rests = graph.by_channel(&format!("{name}.bias"), rests.collect());
        let times = rows().map(|(&scale, _)| if above(scale) { alpha } else { -beta } as f32);
        let times = graph.by_channel(&format!("{name}.times"), times.collect());
        let product = &reading.products[product];
        let denominator = graph.plain(&format!("{name}.denominator"), "Add", &[product, &rests]);
        let top = graph.plain(&format!("{name}.top"), "Mul", &[&top, &times]);
        divided(graph, &name, &top, &denominator, epsilon)
    })
}

fn gamma_gates(
    graph: &mut Builder<'_>,
    name: &str,
    streams: &[Stream],
    reading: &Reading<'_>,
    (gamma, epsilon): (f64, f64),
) -> Vec<Option<Value>> {
    let Norm { scale, shift } = reading.norm;
    // `magnitude = |z|` on one side of zero, where `R` is the product on that side.
    let side = |graph: &mut Builder<'_>, word: &str, magnitude: &Value, turned: &[bool], sign: f32| {
        let name = format!("{name}.{word}");
        let product = chosen(graph, &name, reading, turned);
        let sizes = scale.iter().map(|scale| (f64::from(scale.abs()) * gamma) as f32);
        let sizes = graph.by_channel(&format!("{name}.sizes"), sizes.collect());
        let biases = shift
            .iter()
            .map(|&shift| (f64::from((sign * shift).max(0.0)) * gamma) as f32);
        let biases = graph.by_channel(&format!("{name}.biases"), biases.collect());
        let grown = graph.plain(&format!("{name}.grown"), "Mul", &[&product, &sizes]);
        let grown = graph.plain(&format!("{name}.more"), "Add", &[&grown, &biases]);
        let whole = graph.plain(&format!("{name}.sum"), "Add", &[magnitude, &grown]);
        let scale = graph.by_channel(&format!("{name}.scale"), scale.clone());
        let top = graph.plain(&format!("{name}.top"), "Mul", &[magnitude, &scale]);
        graph.over(&name, &top, &whole, epsilon)
    };
    let turned = signs(reading.norm);
    match reading.arriving {
        Arriving::Direct { active } => {
            let gate = side(graph, "above", active, &turned, 1.0);
            by_sign(graph, name, streams, reading.norm, &gate)
        }
        Arriving::Pooled { by, z } => {
            let above = graph.plain(&format!("{name}.positive"), "Relu", &[z]);
            let below = graph.plain(&format!("{name}.minus"), "Neg", &[z]);
            let below = graph.plain(&format!("{name}.negative"), "Relu", &[&below]);
            let other: Vec<bool> = turned.iter().map(|turned| !turned).collect();
            let above = side(graph, "above", &above, &turned, 1.0);
            let below = side(graph, "below", &below, &other, -1.0);
            // W + γ W⁺ has the parts of one sign on both sides of the norm.
            let flags = |wanted: bool| -> Vec<f32> {
                turned
                    .iter()
                    .map(|&turned| f32::from(u8::from(turned == wanted)))
                    .collect()
            };
            let flags = [("kept", false), ("changed", true)]
                .map(|(word, wanted)| graph.by_channel(&format!("{name}.{word}"), flags(wanted)));
            let mut stream = |word: &str, [of_above, of_below]: [&Value; 2]| {
                let name = format!("{name}.{word}");
                let above = graph.plain(&format!("{name}.above"), "Mul", &[&above, of_above]);
                let below = graph.plain(&format!("{name}.below"), "Mul", &[&below, of_below]);
                let both = graph.plain(&format!("{name}.both"), "Add", &[&above, &below]);
                Some(graph.plain(&name, "Mul", &[&both, by]))
            };
            let [kept, changed] = &flags;
            vec![stream("same", [kept, changed]), stream("other", [changed, kept])]
        }
    }
}
