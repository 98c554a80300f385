//! Relevance inside a dense block: what all readers of a map have sent to those who wrote its rows.
//!
//! Merging a reader's norm slice into the convolution that wrote the slice scales its weights by `s = γ/σ`, channel by
//! channel. Under the ε rule the quotients `s r / s(z)` of all readers add up; under z⁺, `(s W)⁺ = |s| W⁺` for `s > 0` and
//! `|s| (−W)⁺` for `s < 0`, so they add up in two maps. Either way one product with the weights serves all readers. Trained
//! norms seldom turn a sign: the second map has only those rows for which some reader's does.

use super::dense_block::BlockTrace;
use super::{Pass, transition};
use crate::backend::{
    Account, Affine, Arriving, Backend, Kernel, Place, Producer, Real, Share, Sink, Target,
};
use crate::plan::{BlockPlan, ConvAt, Plan, TransitionPlan};
use crate::relevance::{Book, Rule, Rules, add, by_image};

/// A convolution's weights as a rule multiplies by them, and where its outputs' shares wait for that.
pub(crate) struct Split<T> {
    /// For z⁺ `[W⁺; (−W)⁺ of turned outputs]`; the ε rule takes the network's own.
    weights: Option<T>,
    at: ConvAt,
    rows: usize,
}

impl<T> Split<T> {
    /// `turns`: whether some reader turns an output's sign. Adds the outputs' places in a map whose rows from `first` on are theirs.
    pub(crate) fn of<B: Backend<Tensor = T>>(
        pass: &Pass<'_, B>,
        at: ConvAt,
        rule: Rule,
        turns: &[bool],
        first: usize,
        places: &mut Vec<Place>,
    ) -> Self {
        let mut turned = Vec::new();
        for (output, &turns) in turns[..at.outputs].iter().enumerate() {
            let turns = turns && matches!(rule, Rule::Plus { .. });
            places.push(Place {
                upright: first + output,
                turned: turns.then_some(first + at.outputs + turned.len()),
            });
            if turns {
                turned.push(output);
            }
        }
        Self {
            weights: matches!(rule, Rule::Plus { .. })
                .then(|| pass.backend.rectify(pass.kernel(at), &turned)),
            at,
            rows: at.outputs + turned.len(),
        }
    }

    /// Rows of shares.
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// All of it, for the way down.
    pub(crate) fn whole<'s, B: Backend<Tensor = T>>(&'s self, pass: &Pass<'s, B>) -> Kernel<'s, T> {
        match &self.weights {
            None => pass.kernel(self.at),
            Some(weights) => Kernel {
                weights,
                outputs: self.rows,
                inputs: self.at.inputs,
                prepared: None,
                exact: true,
            },
        }
    }

    /// `W⁺`, for denominators, under a rule that asks for it.
    pub(crate) fn positive(&self) -> Option<Kernel<'_, T>> {
        self.weights.as_ref().map(|weights| Kernel {
            weights,
            outputs: self.at.outputs,
            inputs: self.at.inputs,
            prepared: None,
            exact: true,
        })
    }
}

/// How a convolution's outputs are shared under a rule; `positive` is what [`Split::positive`] made of them.
pub(crate) fn producer<T>(rule: Rule, positive: &T) -> Producer<'_, T> {
    match rule {
        Rule::Epsilon { epsilon } => Producer::Epsilon { epsilon },
        Rule::Plus { epsilon } => Producer::Plus { epsilon, positive },
    }
}

/// For each of `channels` rows, whether one of the norms that read it turns its sign.
pub(crate) fn turns<'a, B: Backend>(
    backend: &B,
    norms: impl IntoIterator<Item = &'a Affine<B::Tensor>>,
    channels: usize,
) -> Vec<bool>
where
    B::Tensor: 'a,
{
    let mut turns = vec![false; channels];
    for norm in norms {
        for (turns, scale) in turns.iter_mut().zip(backend.download(&norm.scale)) {
            *turns |= scale.to_f64() < 0.0;
        }
    }
    turns
}

/// Maps that every layer of a pass uses anew: fresh ones would have their pages fetched each time.
pub(crate) struct Scratch<T> {
    /// What arrives at the rows that a layer reads.
    map: T,
    /// What arrives at its bottleneck.
    bottleneck: T,
    /// The product of its 1×1 convolution's positive weights.
    positive: T,
    /// The 1×1 convolution's shares.
    shares: T,
}

impl<T> Scratch<T> {
    pub(crate) fn of<B: Backend<Tensor = T>>(
        pass: &Pass<'_, B>,
        plan: &Plan,
        blocks: &[BlockTrace<T>],
    ) -> Self {
        let largest = |rows: &dyn Fn(&BlockPlan) -> usize| {
            let sizes = plan.blocks.iter().zip(blocks);
            let sizes = sizes.map(|(plan, trace)| rows(plan) * trace.grid.columns());
            pass.backend.zeros(sizes.max().unwrap_or(0))
        };
        let bottleneck = |plan: &BlockPlan| plan.layers.first().map_or(0, |layer| layer.conv1.outputs);
        Self {
            map: largest(&|plan| plan.channels),
            bottleneck: largest(&bottleneck),
            positive: largest(&bottleneck),
            shares: largest(&|plan| 2 * bottleneck(plan)),
        }
    }
}

/// What stands in front of a block.
enum Front<T> {
    Stem,
    Transition(transition::Producers<T>),
}

/// Who wrote a block's rows, with their denominators: the same for whatever relevance starts with.
pub(crate) struct Producers<'a, T> {
    plan: &'a BlockPlan,
    trace: &'a BlockTrace<T>,
    front: Front<T>,
    /// The norm in front of each layer.
    norms: Vec<Affine<T>>,
    /// Each layer's 3×3 convolution, with the first row of its shares.
    splits: Vec<(Split<T>, usize)>,
    /// The products of all layers' positive weights, `[new rows, columns]`.
    positive: T,
    places: Vec<Place>,
    rows: usize,
}

/// What one start's relevance has sent to the rows of a block.
pub(crate) struct Waiting<T> {
    /// For those who stand in front of the block.
    pub(crate) front: T,
    /// For each image.
    pub(crate) front_accounts: Vec<Account>,
    /// For the block's layers.
    shares: T,
    /// `[new rows, batch]`.
    accounts: Vec<Account>,
    /// Nobody has sent anything yet.
    first: bool,
}

impl<'a, T: Send + Sync> Producers<'a, T> {
    /// `front`: the transition in front of the block, with the block that it reads; `last`: the norm that reads the whole block.
    pub(crate) fn new<B: Backend<Tensor = T>>(
        pass: &Pass<'_, B>,
        plan: &'a BlockPlan,
        trace: &'a BlockTrace<T>,
        front: Option<(&TransitionPlan, &BlockTrace<T>)>,
        last: &Affine<T>,
        rules: &Rules,
    ) -> Self {
        let (grid, rule) = (trace.grid, rules.convolution);
        let norms = plan
            .layers
            .iter()
            .map(|layer| pass.affine(layer.norm1, &trace.moments));
        let norms: Vec<Affine<T>> = norms.collect();
        let turns = turns(pass.backend, norms.iter().chain([last]), plan.channels);
        let front = match front {
            None => Front::Stem,
            Some((transition, from)) => {
                Front::Transition(transition::Producers::new(pass, transition, from, &turns, rules))
            }
        };
        let asks = matches!(rule, Rule::Plus { .. });
        let new_rows = if asks { plan.channels - plan.inputs } else { 0 };
        let mut positive = pass.backend.zeros(new_rows * grid.columns());
        let (mut splits, mut places, mut rows) = (Vec::new(), Vec::new(), 0);
        for (layer, kept) in plan.layers.iter().zip(&trace.layers) {
            let (conv, row) = (layer.conv2, layer.conv1.inputs);
            let split = Split::of(pass, conv, rule, &turns[row..], rows, &mut places);
            if let Some(kernel) = split.positive() {
                let prologue = pass.affine(layer.norm2, &kept.moments);
                let target = Target {
                    map: &mut positive,
                    row: row - plan.inputs,
                    moments: None,
                };
                pass.backend
                    .conv3x3(kernel, &kept.bottleneck, Some(&prologue), grid, target);
            }
            let first = rows;
            rows += split.rows();
            splits.push((split, first));
        }
        Self {
            plan,
            trace,
            front,
            norms,
            splits,
            positive,
            places,
            rows,
        }
    }

    /// Room for what one start sends.
    pub(crate) fn waiting<B: Backend<Tensor = T>>(&self, pass: &Pass<'_, B>) -> Waiting<T> {
        let (plan, grid) = (self.plan, self.trace.grid);
        let front = match &self.front {
            Front::Stem => plan.inputs * grid.columns(),
            Front::Transition(producers) => producers.shares(),
        };
        Waiting {
            front: pass.backend.zeros(front),
            front_accounts: vec![Account::default(); grid.batch],
            shares: pass.backend.zeros(self.rows * grid.columns()),
            accounts: vec![Account::default(); (plan.channels - plan.inputs) * grid.batch],
            first: true,
        }
    }

    /// Takes what one reader sends to the first `rows` rows of the block; the first reader is the one that reads them all. Returns
    /// each image's relevance.
    pub(crate) fn take<B: Backend<Tensor = T>>(
        &self,
        pass: &Pass<'_, B>,
        waiting: &mut Waiting<T>,
        (factor, affine): (&T, &Affine<T>),
        rows: usize,
        rules: &Rules,
    ) -> Vec<f64> {
        let (raw, grid, inputs) = (&self.trace.map, self.trace.grid, self.plan.inputs);
        let first = std::mem::replace(&mut waiting.first, false);
        let out = &mut waiting.front;
        let mut received = match &self.front {
            Front::Stem => {
                let upright = |upright| Place {
                    upright,
                    turned: None,
                };
                let places: Vec<Place> = (0..inputs).map(upright).collect();
                pass.backend.share(Share {
                    producer: Producer::Diagonal {
                        epsilon: rules.epsilon,
                    },
                    arriving: Arriving::Factor(factor),
                    rows: 0..inputs,
                    raw,
                    affine,
                    grid,
                    unpooled: None,
                    places: &places,
                    first,
                    out,
                })
            }
            Front::Transition(producers) => {
                let reader = (factor, affine);
                producers.take(pass, self.trace, reader, first, out, rules)
            }
        };
        received = by_image(&received, grid.batch);
        add(&mut waiting.front_accounts, &received);
        if rows > inputs {
            let parts = pass.backend.share(Share {
                producer: producer(rules.convolution, &self.positive),
                arriving: Arriving::Factor(factor),
                rows: inputs..rows,
                raw,
                affine,
                grid,
                unpooled: None,
                places: &self.places,
                first,
                out: &mut waiting.shares,
            });
            add(&mut waiting.accounts, &parts);
            add(&mut received, &by_image(&parts, grid.batch));
        }
        received.iter().map(|account| account.received).collect()
    }

    /// Sends what the block's layers have gathered, for each start, down to what stands in front of the block. `prefix` as in
    /// `features.denseblock1`.
    pub(crate) fn settle<B: Backend<Tensor = T>>(
        &self,
        pass: &Pass<'_, B>,
        waiting: &mut [Waiting<T>],
        books: &mut [Book],
        scratch: &mut Scratch<T>,
        (prefix, rules): (&str, &Rules),
    ) {
        let (trace, grid) = (self.trace, self.trace.grid);
        let (columns, rule) = (grid.columns(), rules.convolution);
        let layers = self.plan.layers.iter().zip(&trace.layers);
        let layers = layers.zip(self.splits.iter().zip(&self.norms)).enumerate();
        for (number, ((layer, kept), ((split2, row), norm1))) in layers.rev() {
            // The 1×1 convolution has one reader, the norm behind it: a step as any other, with a single share.
            let norm2 = pass.affine(layer.norm2, &kept.moments);
            let conv = layer.conv1;
            let turns = turns(pass.backend, [&norm2], conv.outputs);
            let mut places = Vec::new();
            let split1 = Split::of(pass, conv, rule, &turns, 0, &mut places);
            if let Some(kernel) = split1.positive() {
                let target = Target {
                    map: &mut scratch.positive,
                    row: 0,
                    moments: None,
                };
                pass.backend
                    .pointwise(kernel, &trace.map, Some(norm1), None, columns, target);
            }
            let name = format!("{prefix}.denselayer{}", number + 1);
            for (waiting, book) in waiting.iter_mut().zip(&mut *books) {
                let accounts = waiting
                    .accounts
                    .split_off((conv.inputs - self.plan.inputs) * grid.batch);
                let sink = Sink::Plain(&mut scratch.bottleneck);
                pass.backend
                    .conv3x3_input_gradient(split2.whole(pass), &waiting.shares, *row, grid, sink);
                let parts = pass.backend.share(Share {
                    producer: producer(rule, &scratch.positive),
                    arriving: Arriving::Factor(&scratch.bottleneck),
                    rows: 0..conv.outputs,
                    raw: &kept.bottleneck,
                    affine: &norm2,
                    grid,
                    unpooled: None,
                    places: &places,
                    first: true,
                    out: &mut scratch.shares,
                });
                let squeezed = by_image(&parts, grid.batch);
                let passed: Vec<f64> = squeezed.iter().map(|account| account.received).collect();
                book.enter(
                    &format!("{name}.conv2"),
                    &by_image(&accounts, grid.batch),
                    &passed,
                );
                let sink = Sink::Plain(&mut scratch.map);
                pass.backend
                    .pointwise_input_gradient(split1.whole(pass), &scratch.shares, 0, columns, sink);
                let reader = (&scratch.map, norm1);
                let passed = self.take(pass, waiting, reader, conv.inputs, rules);
                book.enter(&format!("{name}.conv1"), &squeezed, &passed);
            }
        }
    }

    /// What arrives at the activations that the transition in front of the block reads, if one stands there.
    pub(crate) fn through_front<B: Backend<Tensor = T>>(
        &self,
        pass: &Pass<'_, B>,
        waiting: &Waiting<T>,
    ) -> Option<T> {
        match &self.front {
            Front::Stem => None,
            Front::Transition(producers) => Some(producers.back(pass, &waiting.front)),
        }
    }
}
