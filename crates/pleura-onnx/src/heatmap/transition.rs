//! The relevance pass of a transition. The norms of the next block commute with the pool and are merged into
//! the convolution, reader by reader. Relevance passes the pool under the ε rule, then the convolution under
//! its own rule.
//!
//! The four values of a pooled one have an axis of their own, `[films, 4, channels, height, width]`, with
//! height and width after the pool: the pooled value's relevance is then distributed by an ordinary product.

use super::block::Pile;
use super::gate::{Arriving, Reading};
use super::rule::{Stream, part};
use super::{Explainer, Factor, Norm, Value};
use crate::model::Attribute;
use crate::network::TransitionValues;

/// A transition with its denominators.
pub(super) struct Pooled {
    name: String,
    conv: Value,
    /// The convolution's output, four values per place.
    raw: Value,
    products: Vec<Value>,
    streams: Vec<Stream>,
    channels: usize,
    /// Side after the pool, and before it.
    sides: (usize, usize),
}

impl Explainer<'_, '_> {
    /// `turns` is true for rows whose sign a reader of the next block flips.
    pub(super) fn pooled(
        &mut self,
        number: usize,
        transition: &TransitionValues,
        active: &Value,
        turns: &[bool],
    ) -> Pooled {
        let name = format!("relevance.transition{number}");
        let (side, before) = (self.sizes.blocks[number], self.sizes.blocks[number - 1]);
        let (rule, channels) = (self.rules.convolution, turns.len());
        let mut products = Vec::new();
        for (number, &of) in rule.products().iter().enumerate() {
            let name = format!("{name}.product{}", number + 1);
            let weights = part(self.graph, &name, &transition.conv, of);
            let inputs = [active, &weights];
            let product = self.graph.conv(&name, "Conv", &inputs, (1, 1, 0), Vec::new());
            products.push(self.in_fours(&format!("{name}.fours"), &product, channels, (side, before)));
        }
        Pooled {
            raw: self.in_fours(
                &format!("{name}.fours"),
                &transition.convolved,
                channels,
                (side, before),
            ),
            conv: transition.conv.clone(),
            products,
            streams: rule.streams(turns, true),
            channels,
            sides: (side, before),
            name,
        }
    }

    /// `[films, channels, before, before]` to `[films, 4, channels, side, side]`; an odd last row or column
    /// is dropped, as in the pool.
    fn in_fours(
        &mut self,
        name: &str,
        map: &Value,
        channels: usize,
        (side, before): (usize, usize),
    ) -> Value {
        let mut map = map.clone();
        if before > 2 * side {
            let end = 2 * side as i64;
            let [starts, ends, axes] = [[0, 0], [end, end], [2, 3]].map(|list| self.graph.ints(&list));
            let inputs = [&map, &starts, &ends, &axes];
            map = self.graph.plain(&format!("{name}.even"), "Slice", &inputs);
        }
        let two = vec![("blocksize", Attribute::Int(2))];
        let deep = self
            .graph
            .node(&format!("{name}.deep"), "SpaceToDepth", &[&map], two);
        let (channels, side) = (channels as i64, side as i64);
        self.graph.reshape(name, &deep, &[-1, 4, channels, side, side])
    }

    /// Adds a reader's relevance; `factor` and `active` are of the pooled rows.
    pub(super) fn take_pooled(
        &mut self,
        pooled: &Pooled,
        pile: &mut Pile,
        name: &str,
        norm: &Norm,
        active: &Value,
        factor: &Factor,
    ) {
        if pile.0.is_empty() {
            pile.0 = pooled.streams.iter().map(|_| None).collect();
        }
        let (channels, side) = (pooled.channels as i64, pooled.sides.0 as i64);
        // After the pool, under the ε rule; each of the four values has a quarter.
        let ratio = self
            .graph
            .ratio(&format!("{name}.pool.ratio"), active, self.rules.pool_epsilon);
        let quarter = self.graph.scalar(0.25);
        let quarter = self
            .graph
            .plain(&format!("{name}.pool.quarter"), "Mul", &[&ratio, &quarter]);
        let shape = [-1, 1, channels, side, side];
        let by = self.graph.reshape(&format!("{name}.pool"), &quarter, &shape);
        // Each of the four values after the reader's norm.
        let scale = self
            .graph
            .by_channel(&format!("{name}.scale"), norm.scale.clone());
        let shift = self
            .graph
            .by_channel(&format!("{name}.shift"), norm.shift.clone());
        let scaled = self
            .graph
            .plain(&format!("{name}.scaled"), "Mul", &[&pooled.raw, &scale]);
        let z = self.graph.plain(&format!("{name}.z"), "Add", &[&scaled, &shift]);
        let reading = Reading {
            norm,
            arriving: Arriving::Pooled { by: &by, z: &z },
            raw: &pooled.raw,
            products: &pooled.products,
        };
        let rule = self.rules.convolution;
        let gates = rule.gates(self.graph, &format!("{name}.gate"), &pooled.streams, &reading);
        let shape = [
            self.starts as i64,
            -1,
            1,
            channels,
            factor.side as i64,
            factor.side as i64,
        ];
        let starts = self
            .graph
            .reshape(&format!("{name}.starts"), &factor.value, &shape);
        for (number, (gate, stream)) in gates.into_iter().zip(&pooled.streams).enumerate() {
            let Some(gate) = gate else { continue };
            let name = format!("{name}.stream{}", number + 1);
            let part = match &stream.rows {
                None => starts.clone(),
                Some(rows) => self.graph.gather(&format!("{name}.rows"), &starts, rows, -3),
            };
            let sent = self.graph.plain(&format!("{name}.sent"), "Mul", &[&part, &gate]);
            self.add(&mut pile.0[number], &name, sent);
        }
    }

    /// From the relevance of all readers to the factor of the activations that the transition reads.
    pub(super) fn through_transition(&mut self, pooled: &Pooled, pile: &Pile) -> Factor {
        let (name, (side, before)) = (&pooled.name, pooled.sides);
        let (mut parts, mut weights) = (Vec::new(), Vec::new());
        for (number, (stream, map)) in pooled.streams.iter().zip(&pile.0).enumerate() {
            let Some(map) = map else { continue };
            let name = format!("{name}.stream{}", number + 1);
            let channels = stream.rows.as_ref().map_or(pooled.channels, Vec::len) as i64;
            let shape = [-1, 4 * channels, side as i64, side as i64];
            let deep = self.graph.reshape(&format!("{name}.deep"), map, &shape);
            let two = vec![
                ("blocksize", Attribute::Int(2)),
                ("mode", Attribute::String("DCR")),
            ];
            let mut part = self.graph.node(&name, "DepthToSpace", &[&deep], two);
            if before > 2 * side {
                let ends = self.graph.ints(&[0, 0, 0, 0, 0, 0, 1, 1]);
                part = self.graph.plain(&format!("{name}.odd"), "Pad", &[&part, &ends]);
            }
            parts.push(part);
            weights.push(self.carrying(&name, &pooled.conv, stream.part, stream.rows.as_deref(), 1));
        }
        Factor {
            value: self.through(name, &parts, &weights, (1, 1, 0)),
            side: before,
        }
    }
}
