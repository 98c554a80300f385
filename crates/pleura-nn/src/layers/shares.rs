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
            },
        }
    }

    /// `W⁺`, for denominators, under a rule that asks for it.
    pub(crate) fn positive(&self) -> Option<Kernel<'_, T>> {
        self.weights.as_ref().map(|weights| Kernel {
            weights,
            outputs: self.at.outputs,
            inputs: self.at.inputs,
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

/// What stands in front of a block, waiting for the block's readers.
pub(crate) enum Before<T> {
    /// The stem's pool: relevance at its outputs.
    Stem { relevance: T, accounts: Vec<Account> },
    /// A transition.
    Transition(transition::Shares<T>),
}

/// All rows of a block, waiting for their readers.
pub(crate) struct BlockShares<T> {
    before: Before<T>,
    /// The norm in front of each layer.
    norms: Vec<Affine<T>>,
    /// Each layer's 3×3 convolution, with the first row of its shares.
    splits: Vec<(Split<T>, usize)>,
    /// The products of all layers' positive weights, `[new rows, columns]`.
    positive: T,
    places: Vec<Place>,
    shares: T,
    /// `[new rows, batch]`.
    accounts: Vec<Account>,
    /// Nobody has sent anything yet.
    first: bool,
}

impl<T: Send + Sync> BlockShares<T> {
    /// `front`: the transition in front of the block, with the block that it reads; `last`: the norm that reads the whole block.
    pub(crate) fn new<B: Backend<Tensor = T>>(
        pass: &Pass<'_, B>,
        plan: &BlockPlan,
        trace: &BlockTrace<T>,
        front: Option<(&TransitionPlan, &BlockTrace<T>)>,
        last: &Affine<T>,
        rules: &Rules,
    ) -> Self {
        let (grid, rule) = (trace.grid, rules.convolution);
        let columns = grid.columns();
        let norms = plan
            .layers
            .iter()
            .map(|layer| pass.affine(layer.norm1, &trace.moments));
        let norms: Vec<Affine<T>> = norms.collect();
        let turns = turns(pass.backend, norms.iter().chain([last]), plan.channels);
        let before = match front {
            None => Before::Stem {
                relevance: pass.backend.zeros(plan.inputs * columns),
                accounts: vec![Account::default(); grid.batch],
            },
            Some((transition, from)) => {
                Before::Transition(transition::Shares::new(pass, transition, from, &turns, rules))
            }
        };
        let new_rows = plan.channels - plan.inputs;
        let asks = matches!(rule, Rule::Plus { .. });
        let mut positive = pass.backend.zeros(if asks { new_rows * columns } else { 0 });
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
            rows += split.rows;
            splits.push((split, first));
        }
        Self {
            before,
            norms,
            splits,
            positive,
            places,
            shares: pass.backend.zeros(rows * columns),
            accounts: vec![Account::default(); new_rows * grid.batch],
            first: true,
        }
    }

    /// Takes what one reader sends to the first `rows` rows of the block; the first reader is the one that reads them all. Returns
    /// each image's relevance.
    pub(crate) fn take<B: Backend<Tensor = T>>(
        &mut self,
        pass: &Pass<'_, B>,
        plan: &BlockPlan,
        trace: &BlockTrace<T>,
        (factor, affine): (&T, &Affine<T>),
        rows: usize,
        rules: &Rules,
    ) -> Vec<f64> {
        let (raw, grid, first) = (&trace.map, trace.grid, self.first);
        self.first = false;
        let mut received = match &mut self.before {
            Before::Stem { relevance, accounts } => {
                let upright = |upright| Place {
                    upright,
                    turned: None,
                };
                let places: Vec<Place> = (0..plan.inputs).map(upright).collect();
                let parts = pass.backend.share(Share {
                    producer: Producer::Diagonal {
                        epsilon: rules.epsilon,
                    },
                    arriving: Arriving::Factor(factor),
                    rows: 0..plan.inputs,
                    raw,
                    affine,
                    grid,
                    unpooled: None,
                    places: &places,
                    first,
                    out: relevance,
                });
                let sum = by_image(&parts, grid.batch);
                add(accounts, &sum);
                sum
            }
            Before::Transition(shares) => {
                shares.take(pass, plan.inputs, trace, (factor, affine), first, rules)
            }
        };
        if rows > plan.inputs {
            let parts = pass.backend.share(Share {
                producer: producer(rules.convolution, &self.positive),
                arriving: Arriving::Factor(factor),
                rows: plan.inputs..rows,
                raw,
                affine,
                grid,
                unpooled: None,
                places: &self.places,
                first,
                out: &mut self.shares,
            });
            add(&mut self.accounts, &parts);
            add(&mut received, &by_image(&parts, grid.batch));
        }
        received.iter().map(|account| account.received).collect()
    }

    /// Sends what the block's layers have gathered down to what stands in front of the block. `prefix` as in
    /// `features.denseblock1`.
    pub(crate) fn settle<B: Backend<Tensor = T>>(
        mut self,
        pass: &Pass<'_, B>,
        plan: &BlockPlan,
        trace: &BlockTrace<T>,
        scratch: &mut Scratch<T>,
        (prefix, rules, book): (&str, &Rules, &mut Book),
    ) -> Before<T> {
        let grid = trace.grid;
        let (columns, rule) = (grid.columns(), rules.convolution);
        let layers = plan.layers.iter().zip(&trace.layers).enumerate();
        for (number, (layer, kept)) in layers.rev() {
            let (Some((split, row)), Some(norm1)) = (self.splits.pop(), self.norms.pop()) else {
                break;
            };
            let prefix = format!("{prefix}.denselayer{}", number + 1);
            let sink = Sink::Plain(&mut scratch.bottleneck);
            pass.backend
                .conv3x3_input_gradient(split.whole(pass), &self.shares, row, grid, sink);
            let accounts = self
                .accounts
                .split_off((layer.conv1.inputs - plan.inputs) * grid.batch);
            let accounts = by_image(&accounts, grid.batch);

            // The 1×1 convolution has one reader, its own norm: the same step with a single share.
            let norm2 = pass.affine(layer.norm2, &kept.moments);
            let conv = layer.conv1;
            let turns = turns(pass.backend, [&norm2], conv.outputs);
            let mut places = Vec::new();
            let split = Split::of(pass, conv, rule, &turns, 0, &mut places);
            if let Some(kernel) = split.positive() {
                let target = Target {
                    map: &mut scratch.positive,
                    row: 0,
                    moments: None,
                };
                pass.backend
                    .pointwise(kernel, &trace.map, Some(&norm1), None, columns, target);
            }
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
            book.enter(&format!("{prefix}.conv2"), &accounts, &passed);
            let sink = Sink::Plain(&mut scratch.map);
            pass.backend
                .pointwise_input_gradient(split.whole(pass), &scratch.shares, 0, columns, sink);
            let reader = (&scratch.map, &norm1);
            let passed = self.take(pass, plan, trace, reader, conv.inputs, rules);
            book.enter(&format!("{prefix}.conv1"), &squeezed, &passed);
        }
        self.before
    }
}
