//! The relevance pass as a graph, from logits to pixels, for a network with fixed weights.
//!
//! The factors of relevance on its way down depend on the film only, not on the question: these gates are
//! computed once and serve all questions. Each question adds one transposed convolution per layer, one
//! product with a gate, and one sum.
//!
//! Questions ("starts") and films share the first axis of the maps, start after start: `[starts · films,
//! channels, height, width]`.

mod block;
mod gate;
mod head;
mod rule;
mod stem;
mod transition;

use pleura_nn::Weights;
use pleura_nn::architecture::MapSizes;
use pleura_nn::relevance::{Rules, Start};

use crate::Error;
use crate::builder::{Builder, Value};
use crate::network::{Forward, Norm};
use rule::Written;

/// Relevance as a factor of the activations it has reached: `[starts · films, channels, side, side]`.
pub(crate) struct Factor {
    pub(crate) value: Value,
    pub(crate) side: usize,
}

/// Writes the relevance pass after a forward pass.
struct Explainer<'e, 'g> {
    graph: &'e mut Builder<'g>,
    forward: &'e Forward,
    sizes: &'e MapSizes,
    /// Side of the films.
    size: usize,
    rules: Written,
    starts: usize,
    /// True for exactly one film: its maps broadcast over all starts.
    single: bool,
}

/// Inputs of the relevance pass besides the forward pass.
pub(crate) struct Task<'t> {
    pub(crate) sizes: &'t MapSizes,
    pub(crate) size: usize,
    pub(crate) rules: &'t Rules,
    pub(crate) starts: &'t [&'t Start],
    /// True for exactly one film.
    pub(crate) single: bool,
    pub(crate) weights: &'t Weights,
}

/// Checks that a graph can be written for these rules.
pub(crate) fn check(rules: &Rules) -> Result<(), Error> {
    Written::of(rules).map(|_| ())
}

/// Heatmaps, `[films, starts, size, size]`.
pub(crate) fn write(graph: &mut Builder<'_>, forward: &Forward, task: &Task<'_>) -> Result<Value, Error> {
    let mut explainer = Explainer {
        graph,
        forward,
        sizes: task.sizes,
        size: task.size,
        rules: Written::of(task.rules)?,
        starts: task.starts.len(),
        single: task.single,
    };
    let mut factor = explainer.head(task.starts);
    for number in (0..forward.blocks.len()).rev() {
        factor = explainer.block(number, task.weights.architecture.growth(), &factor);
    }
    let map = explainer.stem(task.weights, &factor.value);
    Ok(explainer.by_film(&map))
}

impl Explainer<'_, '_> {
    /// A start's map times a film's.
    fn times(&mut self, name: &str, starts: &Factor, films: &Value, channels: usize, side: usize) -> Value {
        if self.single || self.starts == 1 {
            return self.graph.plain(name, "Mul", &[&starts.value, films]);
        }
        let shape = [
            self.starts as i64,
            -1,
            channels as i64,
            starts.side as i64,
            starts.side as i64,
        ];
        let apart = self
            .graph
            .reshape(&format!("{name}.starts"), &starts.value, &shape);
        let product = self
            .graph
            .plain(&format!("{name}.product"), "Mul", &[&apart, films]);
        self.graph
            .reshape(name, &product, &[-1, channels as i64, side as i64, side as i64])
    }

    /// `[starts · films, 1, size, size]` to `[films, starts, size, size]`.
    fn by_film(&mut self, map: &Value) -> Value {
        let (starts, size) = (self.starts as i64, self.size as i64);
        if self.single || starts == 1 {
            return self.graph.reshape("heatmaps", map, &[-1, starts, size, size]);
        }
        let apart = self
            .graph
            .reshape("relevance.by_start", map, &[starts, -1, size, size]);
        self.graph.transpose("heatmaps", &apart, &[1, 0, 2, 3])
    }

    /// A convolution's weights for the relevance pass: inputs and outputs are swapped and windows are rotated
    /// by 180°.
    fn downwards(&mut self, name: &str, weights: &Value, kernel: usize) -> Value {
        let transposed = self
            .graph
            .transpose(&format!("{name}.transposed"), weights, &[1, 0, 2, 3]);
        if kernel == 1 {
            return transposed;
        }
        let backwards = [&[-1, -1][..], &[-(1 << 20), -(1 << 20)], &[2, 3], &[-1, -1]];
        let [starts, ends, axes, steps] = backwards.map(|list| self.graph.ints(list));
        self.graph.plain(
            &format!("{name}.turned_about"),
            "Slice",
            &[&transposed, &starts, &ends, &axes, &steps],
        )
    }
}

/// For each of `channels` rows: true if a norm that reads it flips its sign.
fn turns<'n>(norms: impl IntoIterator<Item = &'n Norm>, channels: usize) -> Vec<bool> {
    let mut turns = vec![false; channels];
    for norm in norms {
        for (turns, &scale) in turns.iter_mut().zip(&norm.scale) {
            *turns |= scale < 0.0;
        }
    }
    turns
}
