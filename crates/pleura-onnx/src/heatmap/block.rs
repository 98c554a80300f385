//! The relevance pass of a dense block: relevance from all readers of its rows moves down, layer by layer.

use super::gate::{Arriving, Reading, Single};
use super::rule::{Part, Stream, part};
use super::transition::Pooled;
use super::{Explainer, Factor, Norm, Value, turns};
use crate::network::{BlockValues, LayerValues, Reader};

/// Relevance sent by readers to the rows of one or more convolutions, one map per stream; `None` for nothing
/// yet.
pub(super) struct Pile(pub(super) Vec<Option<Value>>);

/// The layers that wrote the block's rows.
struct Producers {
    front: Front,
    streams: Vec<Stream>,
    /// Products of all earlier layers with the parts of their weights that the rule needs: for the reader
    /// before each layer, and for the one after the block.
    products: Vec<Vec<Value>>,
    /// Rows that enter the block.
    inputs: usize,
    side: usize,
}

/// The layer before a block.
enum Front {
    Stem { handed: Value },
    Transition(Pooled),
}

/// Relevance sent by all readers.
struct Waiting {
    front: Pile,
    rows: Pile,
}

impl Explainer<'_, '_> {
    /// From the factor of the activations after the block to that before it: of the previous block's
    /// activations, or relevance at the pool's outputs.
    pub(super) fn block(&mut self, number: usize, growth: usize, factor: &Factor) -> Factor {
        let forward = self.forward;
        let block = &forward.blocks[number];
        let name = format!("relevance.denseblock{}", number + 1);
        let producers = self.producers(number, growth, block, &name);
        let mut waiting = Waiting {
            front: Pile(Vec::new()),
            rows: Pile(producers.streams.iter().map(|_| None).collect()),
        };
        let rows = block.layers.len();
        self.take(
            &producers,
            &mut waiting,
            &format!("{name}.last"),
            &block.last,
            rows,
            factor,
        );
        for (number, layer) in block.layers.iter().enumerate().rev() {
            let name = format!("{name}.denselayer{}", number + 1);
            let factor = self.layer(
                &producers,
                &mut waiting,
                &name,
                layer,
                number * growth..(number + 1) * growth,
            );
            self.take(&producers, &mut waiting, &name, &layer.reader1, number, &factor);
        }
        match producers.front {
            Front::Stem { .. } => Factor {
                value: waiting
                    .front
                    .0
                    .into_iter()
                    .flatten()
                    .next()
                    .unwrap_or(factor.value.clone()),
                side: producers.side,
            },
            Front::Transition(pooled) => self.through_transition(&pooled, &waiting.front),
        }
    }

    fn producers(&mut self, number: usize, growth: usize, block: &BlockValues, name: &str) -> Producers {
        let inputs = block.last.norm.scale.len() - block.layers.len() * growth;
        let norms = block.layers.iter().map(|layer| &layer.reader1.norm);
        let turns = turns(
            norms.chain([&block.last.norm]),
            inputs + block.layers.len() * growth,
        );
        let front = match &block.front {
            None => Front::Stem {
                handed: block.handed.clone(),
            },
            Some(transition) => {
                let before = self.forward;
                let active = &before.blocks[number - 1].last.active;
                Front::Transition(self.pooled(number, transition, active, &turns[..inputs]))
            }
        };
        let mut products: Vec<Vec<Value>> = vec![Vec::new()];
        for (number, layer) in block.layers.iter().enumerate() {
            let mut all = Vec::new();
            for (place, &of) in self.rules.convolution.products().iter().enumerate() {
                let name = format!("{name}.denselayer{}.conv2.product{}", number + 1, place + 1);
                let weights = part(self.graph, &name, &layer.conv2, of);
                let inputs = [&layer.reader2.active, &weights];
                let product = self.graph.conv(&name, "Conv", &inputs, (3, 1, 1), Vec::new());
                let parts: Vec<&Value> = products[number]
                    .get(place)
                    .into_iter()
                    .chain([&product])
                    .collect();
                all.push(self.graph.concat(&format!("{name}.all"), &parts));
            }
            products.push(all);
        }
        Producers {
            front,
            streams: self.rules.convolution.streams(&turns[inputs..], false),
            products,
            inputs,
            side: self.sizes.blocks[number],
        }
    }

    /// Adds a reader's relevance to the rows it reads: those that enter the block and those of its first
    /// `layers` layers.
    fn take(
        &mut self,
        producers: &Producers,
        waiting: &mut Waiting,
        name: &str,
        reader: &Reader,
        layers: usize,
        factor: &Factor,
    ) {
        let (inputs, rows) = (producers.inputs, reader.norm.scale.len());
        let sizes = [inputs, rows - inputs];
        let (mut front, mut active) = (factor.value.clone(), reader.active.clone());
        if rows > inputs {
            let (rest_factor, rest_active);
            [front, rest_factor] = self.graph.split(&format!("{name}.factor"), &factor.value, sizes);
            [active, rest_active] = self.graph.split(&format!("{name}.active"), &reader.active, sizes);
            let norm = reader.norm.rows(inputs..rows);
            let rule = self.rules.convolution;
            // The unmodified rows replace a missing product where a norm flips their sign.
            let turns = norm.scale.iter().any(|&scale| scale < 0.0);
            let raw = if turns && rule.products().len() == 1 {
                let [_, raw] = self.graph.split(&format!("{name}.raw"), &reader.map, sizes);
                raw
            } else {
                reader.map.clone()
            };
            let reading = Reading {
                norm: &norm,
                arriving: Arriving::Direct { active: &rest_active },
                raw: &raw,
                products: &producers.products[layers],
            };
            let at = format!("{name}.rows");
            let gates = rule.gates(self.graph, &format!("{at}.gate"), &producers.streams, &reading);
            let factor = Factor {
                value: rest_factor,
                side: factor.side,
            };
            self.send(
                &mut waiting.rows,
                &at,
                &producers.streams,
                &factor,
                gates,
                (rows - inputs, producers.side),
            );
        }
        let norm = reader.norm.rows(0..inputs);
        let factor = Factor {
            value: front,
            side: factor.side,
        };
        match &producers.front {
            Front::Stem { handed } => {
                let gate = self.diagonal(&format!("{name}.front.gate"), &norm, handed, &active);
                let whole = [Stream::all(Part::Whole)];
                if waiting.front.0.is_empty() {
                    waiting.front.0.push(None);
                }
                let at = format!("{name}.front");
                self.send(
                    &mut waiting.front,
                    &at,
                    &whole,
                    &factor,
                    vec![Some(gate)],
                    (inputs, producers.side),
                );
            }
            Front::Transition(pooled) => {
                self.take_pooled(
                    pooled,
                    &mut waiting.front,
                    &format!("{name}.front"),
                    &norm,
                    &active,
                    &factor,
                );
            }
        }
    }

    /// No convolution wrote these rows: the norm is a diagonal linear layer under the ε rule, which sends `s
    /// x r / s(z)`.
    fn diagonal(&mut self, name: &str, norm: &Norm, raw: &Value, active: &Value) -> Value {
        let scale = self
            .graph
            .by_channel(&format!("{name}.scale"), norm.scale.clone());
        let part = self.graph.plain(&format!("{name}.part"), "Mul", &[raw, &scale]);
        let ratio = self
            .graph
            .ratio(&format!("{name}.ratio"), active, self.rules.norm_epsilon);
        self.graph.plain(name, "Mul", &[&part, &ratio])
    }

    /// Adds a reader's factor, through its gates, to each stream.
    fn send(
        &mut self,
        pile: &mut Pile,
        name: &str,
        streams: &[Stream],
        factor: &Factor,
        gates: Vec<Option<Value>>,
        (channels, side): (usize, usize),
    ) {
        for (number, (gate, stream)) in gates.into_iter().zip(streams).enumerate() {
            let Some(gate) = gate else { continue };
            let name = format!("{name}.stream{}", number + 1);
            let (mut part, mut count) = (factor.value.clone(), channels);
            if let Some(rows) = stream.rows_below(channels) {
                count = rows.len();
                part = self.graph.gather(&format!("{name}.rows"), &part, &rows, -3);
            }
            let part = Factor {
                value: part,
                side: factor.side,
            };
            let sent = self.times(&format!("{name}.sent"), &part, &gate, count, side);
            self.add(&mut pile.0[number], &name, sent);
        }
    }

    /// Adds to a stream, or starts it.
    pub(super) fn add(&mut self, waiting: &mut Option<Value>, name: &str, sent: Value) {
        *waiting = Some(match waiting.take() {
            None => sent,
            Some(sum) => self.graph.plain(&format!("{name}.sum"), "Add", &[&sum, &sent]),
        });
    }

    /// Sends the relevance of a layer's own rows through its two convolutions: the factor of the activations
    /// that it reads.
    fn layer(
        &mut self,
        producers: &Producers,
        waiting: &mut Waiting,
        name: &str,
        layer: &LayerValues,
        own: std::ops::Range<usize>,
    ) -> Factor {
        let (mut parts, mut weights) = (Vec::new(), Vec::new());
        for (number, (stream, pile)) in producers.streams.iter().zip(&mut waiting.rows.0).enumerate() {
            let Some(map) = pile.take() else { continue };
            let (before, mine): (usize, Vec<usize>) = match &stream.rows {
                None => (own.start, own.clone().collect()),
                Some(rows) => (
                    rows.iter().filter(|&&row| row < own.start).count(),
                    rows.iter().copied().filter(|row| own.contains(row)).collect(),
                ),
            };
            let name = format!("{name}.conv2.stream{}", number + 1);
            let part = match (before, mine.len()) {
                (_, 0) => {
                    *pile = Some(map);
                    continue;
                }
                (0, _) => map,
                (before, mine) => {
                    let [rest, part] = self.graph.split(&name, &map, [before, mine]);
                    *pile = Some(rest);
                    part
                }
            };
            parts.push(part);
            let rows: Option<Vec<usize>> = stream
                .rows
                .as_ref()
                .map(|_| mine.iter().map(|row| row - own.start).collect());
            weights.push(self.carrying(&name, &layer.conv2, stream.part, rows.as_deref(), 3));
        }
        let conv2 = format!("{name}.conv2");
        let value = self.through(&conv2, &parts, &weights, (3, 1, 1));
        let channels = layer.reader2.norm.scale.len();
        let factor = Factor {
            value,
            side: producers.side,
        };
        // The 1×1 convolution has one reader, the norm after it.
        let conv1 = format!("{name}.conv1");
        let single = Single {
            inputs: &layer.reader1.active,
            weights: &layer.conv1,
            window: (1, 1, 0),
            norm: &layer.reader2.norm,
            active: &layer.reader2.active,
        };
        let rule = self.rules.convolution;
        let (mut parts, mut weights) = (Vec::new(), Vec::new());
        for (number, (down, gate)) in rule.merged(self.graph, &conv1, &single).into_iter().enumerate() {
            let name = format!("{conv1}.stream{}", number + 1);
            let size = (channels, producers.side);
            parts.push(self.times(&format!("{name}.shares"), &factor, &gate, size.0, size.1));
            weights.push(self.downwards(&name, &down, 1));
        }
        Factor {
            value: self.through(&conv1, &parts, &weights, (1, 1, 0)),
            side: producers.side,
        }
    }

    /// The weights of a stream for the relevance pass.
    pub(super) fn carrying(
        &mut self,
        name: &str,
        weights: &Value,
        of: Part,
        rows: Option<&[usize]>,
        kernel: usize,
    ) -> Value {
        let name = format!("{name}.weights");
        let mut weights = weights.clone();
        if let Some(rows) = rows {
            weights = self.graph.gather(&format!("{name}.rows"), &weights, rows, 0);
        }
        let weights = part(self.graph, &name, &weights, of);
        self.downwards(&name, &weights, kernel)
    }

    /// Sends all streams through their weights at once.
    pub(super) fn through(
        &mut self,
        name: &str,
        parts: &[Value],
        weights: &[Value],
        kernel: (usize, usize, usize),
    ) -> Value {
        let shares = self
            .graph
            .concat(&format!("{name}.shares"), &parts.iter().collect::<Vec<_>>());
        let weights = self
            .graph
            .concat(&format!("{name}.weights"), &weights.iter().collect::<Vec<_>>());
        self.graph
            .conv(name, "Conv", &[&shares, &weights], kernel, Vec::new())
    }
}
