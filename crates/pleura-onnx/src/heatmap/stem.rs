//! The stem: the winner of each max-pool window takes all, then the first convolution with its norm merged.

use pleura_nn::Weights;
use pleura_nn::architecture::{Stem, Window};

use super::rule::{First, Part, merge, part};
use super::{Explainer, Factor, Value};
use crate::model::Attribute;
use crate::network::window;

/// `TensorProto.DataType.FLOAT`, as `Cast` names it.
const FLOAT: i64 = 1;

impl Explainer<'_, '_> {
    /// From relevance at the pool's outputs to relevance at the pixels, summed over the three equal channels:
    /// `[starts · films, 1, size, size]`.
    pub(super) fn stem(&mut self, weights: &Weights, relevance: &Value) -> Value {
        let stem = weights.architecture.stem();
        match self.rules.first {
            First::Flat => self.flat(stem, relevance),
            First::Epsilon(epsilon) => self.first_epsilon(stem, relevance, epsilon),
            First::Box(epsilon) => self.bounded(weights, relevance, epsilon),
        }
    }

    /// Equal shares for the real pixels under each window, for any channel's output: channels are summed
    /// first.
    fn flat(&mut self, stem: &Stem, relevance: &Value) -> Value {
        let name = "relevance.conv0";
        let side = self.sizes.convolution;
        let summed = match stem.pool {
            None => self.graph.sum(&format!("{name}.summed"), relevance, 1, true),
            Some(pool) => {
                let won = self.won(stem.channels, pool, relevance);
                let summed = self.graph.sum(&format!("{name}.summed"), &won, 2, false);
                self.unpooled(&summed, pool)
            }
        };
        let Window { kernel, .. } = stem.convolution;
        let real: Vec<usize> = (0..side)
            .map(|place| real_pixels(stem.convolution, place, self.size))
            .collect();
        let shares = real
            .iter()
            .flat_map(|rows| real.iter().map(move |columns| 1.0 / (rows * columns) as f32));
        let shares = self
            .graph
            .floats(&format!("{name}.shares"), &[side, side], shares.collect());
        let each = self
            .graph
            .plain(&format!("{name}.each"), "Mul", &[&summed, &shares]);
        let ones = self.graph.floats(
            &format!("{name}.ones"),
            &[1, 1, kernel, kernel],
            vec![1.0; kernel * kernel],
        );
        self.back(name, &each, &ones, stem.convolution, (side, self.size))
    }

    fn first_epsilon(&mut self, stem: &Stem, relevance: &Value, epsilon: f64) -> Value {
        let name = "relevance.conv0";
        let (channels, side) = (stem.channels, self.sizes.convolution);
        let at_norm = self.at_norm(stem, relevance);
        let forward = self.forward;
        // If a window's winner is 0, no relevance arrives.
        let one = self.graph.scalar(1.0);
        let inverse = self.graph.over(
            &format!("{name}.inverse"),
            &one,
            &forward.stem.reader.active,
            epsilon,
        );
        let shares = self.times(&format!("{name}.shares"), &at_norm, &inverse, channels, side);
        let merged = merge(self.graph, name, &forward.stem.weights, &forward.stem.reader.norm);
        let value = self.back(
            &format!("{name}.transposed"),
            &shares,
            &merged,
            stem.convolution,
            (side, self.size),
        );
        let factor = Factor {
            value,
            side: self.size,
        };
        let input = &forward.stem.input;
        let relevance = self.times(&format!("{name}.channels"), &factor, input, 3, self.size);
        self.graph.sum(name, &relevance, 1, true)
    }

    /// z^B: contributions are `a w − l w⁺ − h w⁻` with `l` black and `h` white. For grey `g`, normalised by
    /// `std` in each channel, that is `g w⁺/std + (1 − g) (−w)⁺/std`, so the three equal channels become one
    /// convolution of `g` and `1 − g`.
    fn bounded(&mut self, weights: &Weights, relevance: &Value, epsilon: f64) -> Value {
        let name = "relevance.conv0";
        let (stem, forward) = (weights.architecture.stem(), self.forward);
        let side = self.sizes.convolution;
        let at_norm = self.at_norm(stem, relevance);
        let merged = merge(self.graph, name, &forward.stem.weights, &forward.stem.reader.norm);
        let std = self
            .graph
            .by_channel(&format!("{name}.std"), weights.normalisation.std.to_vec());
        let [up, down] = [(Part::Positive, "up"), (Part::Negated, "down")].map(|(of, word)| {
            let name = format!("{name}.{word}");
            let weights = part(self.graph, &name, &merged, of);
            let weights = self
                .graph
                .plain(&format!("{name}.by_grey"), "Div", &[&weights, &std]);
            self.graph.sum(&name, &weights, 1, true)
        });
        let one = self.graph.scalar(1.0);
        let films = &forward.stem.films;
        let lacking = self
            .graph
            .plain(&format!("{name}.lacking"), "Sub", &[&one, films]);
        let greys = self.graph.concat(&format!("{name}.greys"), &[films, &lacking]);
        let weights = self.graph.concat(&format!("{name}.weights"), &[&up, &down]);
        let kernel = window(stem.convolution);
        let of = format!("{name}.denominator");
        let sum = self
            .graph
            .conv(&of, "Conv", &[&greys, &weights], kernel, Vec::new());
        let inverse = self.graph.over(&format!("{name}.inverse"), &one, &sum, epsilon);
        let shares = self.times(&format!("{name}.shares"), &at_norm, &inverse, stem.channels, side);
        let value = self.back(
            &format!("{name}.transposed"),
            &shares,
            &weights,
            stem.convolution,
            (side, self.size),
        );
        let factor = Factor {
            value,
            side: self.size,
        };
        let relevance = self.times(&format!("{name}.channels"), &factor, &greys, 2, self.size);
        self.graph.sum(name, &relevance, 1, true)
    }

    /// Relevance at the stem's activations.
    fn at_norm(&mut self, stem: &Stem, relevance: &Value) -> Factor {
        let (channels, side) = (stem.channels as i64, self.sizes.convolution);
        let value = match stem.pool {
            None => relevance.clone(),
            Some(pool) => {
                let won = self.won(stem.channels, pool, relevance);
                let apart = self.unpooled(&won, pool);
                let shape = [-1, channels, side as i64, side as i64];
                self.graph.reshape("relevance.pool0", &apart, &shape)
            }
        };
        Factor { value, side }
    }

    /// Each window's relevance at its winner: `[starts, films, channels, places of a window, side, side]`.
    fn won(&mut self, channels: usize, pool: Window, relevance: &Value) -> Value {
        let winners = self.winners(channels, pool);
        let (starts, channels, side) = (self.starts as i64, channels as i64, self.sizes.blocks[0] as i64);
        let shape = [starts, -1, channels, 1, side, side];
        let relevance = self.graph.reshape("relevance.pool0.windows", relevance, &shape);
        self.graph
            .plain("relevance.pool0.won", "Mul", &[&relevance, &winners])
    }

    /// 1 at the first place of each window, in reading order, that has the window's largest value: `[films,
    /// channels, places, side, side]`.
    ///
    /// Comparison defines which of equal values wins; for the indices of `MaxPool` the runtime decides, and
    /// not every runtime has them.
    fn winners(&mut self, channels: usize, pool: Window) -> Value {
        let name = "relevance.pool0";
        let forward = self.forward;
        let (largest, mut map) = (&forward.stem.pooled, forward.stem.reader.active.clone());
        let side = self.sizes.blocks[0];
        if pool.padding > 0 {
            // Activations are not negative, so padding never wins.
            let padding = pool.padding as i64;
            let ends = self.graph.ints(&[0, 0, padding, padding, 0, 0, padding, padding]);
            let outside = self.graph.scalar(-1.0);
            map = self
                .graph
                .plain(&format!("{name}.padded"), "Pad", &[&map, &ends, &outside]);
        }
        let mut free = self.graph.scalar(1.0);
        let mut places = Vec::new();
        for place in 0..pool.kernel * pool.kernel {
            let name = format!("{name}.place{place}");
            let starts = [place / pool.kernel, place % pool.kernel];
            let ends = starts.map(|start| (start + (side - 1) * pool.stride + 1) as i64);
            let stride = pool.stride as i64;
            let lists = [starts.map(|start| start as i64), ends, [2, 3], [stride, stride]];
            let [starts, ends, axes, steps] = lists.map(|list| self.graph.ints(&list));
            let inputs = [&map, &starts, &ends, &axes, &steps];
            let values = self.graph.plain(&format!("{name}.values"), "Slice", &inputs);
            let equal = self
                .graph
                .plain(&format!("{name}.equal"), "Equal", &[&values, largest]);
            let float = vec![("to", Attribute::Int(FLOAT))];
            let equal = self
                .graph
                .node(&format!("{name}.number"), "Cast", &[&equal], float);
            let wins = self.graph.plain(&format!("{name}.wins"), "Mul", &[&equal, &free]);
            if place + 1 < pool.kernel * pool.kernel {
                free = self.graph.plain(&format!("{name}.free"), "Sub", &[&free, &wins]);
            }
            let shape = [-1, channels as i64, 1, side as i64, side as i64];
            places.push(self.graph.reshape(&name, &wins, &shape));
        }
        self.graph
            .concat(&format!("{name}.winners"), &places.iter().collect::<Vec<_>>())
    }

    /// Overlays `[starts, films, …, places, side, side]`: `[starts · films · …, 1, side before, side
    /// before]`.
    fn unpooled(&mut self, won: &Value, pool: Window) -> Value {
        let name = "relevance.pool0.unpooled";
        let (places, side) = (pool.kernel * pool.kernel, self.sizes.blocks[0]);
        let shape = [-1, places as i64, side as i64, side as i64];
        let apart = self.graph.reshape(&format!("{name}.windows"), won, &shape);
        // Each place of the window has a kernel that is 1 there.
        let mut kernels = vec![0.0; places * places];
        (0..places).for_each(|place| kernels[place * places + place] = 1.0);
        let kernels = self.graph.floats(
            &format!("{name}.places"),
            &[places, 1, pool.kernel, pool.kernel],
            kernels,
        );
        self.back(name, &apart, &kernels, pool, (side, self.sizes.convolution))
    }

    /// A transposed convolution from maps of side `from` back to maps of side `to`.
    fn back(
        &mut self,
        name: &str,
        map: &Value,
        weights: &Value,
        of: Window,
        (from, to): (usize, usize),
    ) -> Value {
        // The part that the last window does not reach.
        let rest = (to + 2 * of.padding - of.kernel) - (from - 1) * of.stride;
        let rest = vec![("output_padding", Attribute::Ints(vec![rest as i64; 2]))];
        self.graph
            .conv(name, "ConvTranspose", &[map, weights], window(of), rest)
    }
}

/// Number of pixels under a window at `place`, along one side of the film, that are not padding.
fn real_pixels(window: Window, place: usize, size: usize) -> usize {
    let first = place * window.stride;
    (first + window.kernel).min(size + window.padding) - first.max(window.padding)
}
