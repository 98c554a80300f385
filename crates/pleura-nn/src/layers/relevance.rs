//! Relevance inside a dense block: the sums of what all readers of a map send to the producers of its rows.
//!
//! A reader's norm slice is merged into the convolution that produced the slice; this scales its weights by
//! `s = γ/σ`, channel by channel. Under every rule the shares are linear ([`Producer`]). So they add up in
//! one map for each of two sets of weights, and one product serves all readers. Under z⁺ the second set is
//! for readers that flip the sign. Trained norms seldom do, and only rows with such a reader have a place in
//! it.

use std::ops::Range;

use super::dense_block::BlockTrace;
use super::rule_weights::{RuleWeights, SignFlips, equal, keeps, kept, ones, target};
use super::{Pass, transition};
use crate::architecture::Window;
use crate::backend::{
    Account, Affine, Backend, GradientSink, IncomingRelevance, Place, Producer, Real, RelevanceStep,
};
use crate::plan::{BlockPlan, Plan, TransitionPlan};
use crate::relevance::{LedgerBuilder, Rule, Rules, add, by_image};

pub(crate) const POINT: Window = Window {
    kernel: 1,
    stride: 1,
    padding: 0,
};
const THREE: Window = Window {
    kernel: 3,
    stride: 1,
    padding: 1,
};

/// The relevance that one reader of a map sends to the producers.
pub(crate) struct Reader<'a, T> {
    pub(crate) arriving: IncomingRelevance<'a, T>,
    /// One row of relevance that arrives at every row in addition.
    pub(crate) equal: Option<&'a T>,
    /// The reader's norm.
    pub(crate) affine: &'a Affine<T>,
}

/// The relevance that a layer sends to the activations it reads.
pub(crate) struct LayerRelevance<T> {
    pub(crate) product: T,
    pub(crate) form: Form,
    /// One row.
    pub(crate) equal: Option<T>,
}

/// The meaning of a product with a rule's weights.
#[derive(Clone, Copy)]
pub(crate) enum Form {
    Factor,
    Relevance,
    Nothing,
}

impl Form {
    pub(crate) fn of(rule: Rule) -> Self {
        match rule {
            Rule::Flat => Self::Nothing,
            Rule::Square { .. } => Self::Relevance,
            _ => Self::Factor,
        }
    }

    pub(crate) fn arriving<T>(self, product: &T) -> IncomingRelevance<'_, T> {
        match self {
            Self::Factor => IncomingRelevance::Factor(product),
            Self::Relevance => IncomingRelevance::Relevance(product),
            Self::Nothing => IncomingRelevance::Nothing,
        }
    }
}

impl<T> LayerRelevance<T> {
    pub(crate) fn reader<'a>(&'a self, affine: &'a Affine<T>) -> Reader<'a, T> {
        Reader {
            arriving: self.form.arriving(&self.product),
            equal: self.equal.as_ref(),
            affine,
        }
    }
}

/// For each of `channels` rows, true if one of the norms that read it flips its sign.
pub(crate) fn sign_flips<'a, B: Backend>(
    backend: &B,
    norms: impl IntoIterator<Item = &'a Affine<B::Tensor>>,
    channels: usize,
) -> Vec<bool>
where
    B::Tensor: 'a,
{
    let mut flips = vec![false; channels];
    for norm in norms {
        for (flips, scale) in flips.iter_mut().zip(backend.download(&norm.scale)) {
            *flips |= scale.to_f64() < 0.0;
        }
    }
    flips
}

/// Maps that every layer of a pass reuses. The system would have to provide the pages of new ones each time.
pub(crate) struct Scratch<T> {
    /// Relevance at the rows that a layer reads.
    map: T,
    /// Relevance at its bottleneck.
    bottleneck: T,
    /// The denominators of its 1×1 convolution.
    products: T,
    /// The 1×1 convolution's shares.
    shares: T,
    /// The uniform parts of its inputs.
    kept: T,
}

impl<T> Scratch<T> {
    pub(crate) fn of<B: Backend<Tensor = T>>(
        pass: &Pass<'_, B>,
        plan: &Plan,
        blocks: &[BlockTrace<T>],
        rules: &Rules,
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
            products: largest(&|plan| 2 * bottleneck(plan)),
            shares: largest(&|plan| 2 * bottleneck(plan)),
            kept: largest(&|plan| if rules.keeps() { bottleneck(plan) } else { 0 }),
        }
    }
}

/// The layer before a block.
enum Front<T> {
    Stem,
    Transition(transition::Producers<T>),
}

/// Neighbouring layers with one rule: their rows in the block, counted from the first new one.
struct Run {
    rows: Range<usize>,
    rule: Rule,
    keeps: bool,
}

/// The producers of a block's rows, with their denominators, which do not depend on the start.
pub(crate) struct Producers<'a, T> {
    plan: &'a BlockPlan,
    trace: &'a BlockTrace<T>,
    /// As in `features.denseblock1`.
    prefix: String,
    front: Front<T>,
    /// The norm in front of each layer.
    norms: Vec<Affine<T>>,
    /// Each layer's 3×3 convolution, with the first row of its shares.
    convolutions: Vec<(RuleWeights<T>, usize)>,
    runs: Vec<Run>,
    /// The products for the denominators of all layers, at the rows of their shares.
    products: T,
    places: Vec<Place>,
    rows: usize,
}

/// The relevance that one start has sent to the rows of a block.
pub(crate) struct Pending<T> {
    /// For the layer before the block.
    pub(crate) front: T,
    front_kept: Option<T>,
    /// For each image.
    pub(crate) front_accounts: Vec<Account>,
    /// For the block's layers.
    shares: T,
    kept: Option<T>,
    /// `[new rows, batch]`.
    accounts: Vec<Account>,
    /// Nothing has been sent yet.
    first: bool,
}

fn layer_name(prefix: &str, number: usize, convolution: &str) -> String {
    format!("{prefix}.denselayer{}.{convolution}", number + 1)
}

impl<'a, T: Default + Send + Sync> Producers<'a, T> {
    /// `number` counts blocks from 0. `front` is the transition before the block, with the block that it
    /// reads. `last` is the norm that reads the whole block.
    pub(crate) fn new<B: Backend<Tensor = T>>(
        pass: &Pass<'_, B>,
        (number, plan): (usize, &'a BlockPlan),
        trace: &'a BlockTrace<T>,
        front: Option<(&TransitionPlan, &BlockTrace<T>)>,
        last: &Affine<T>,
        rules: &Rules,
    ) -> Self {
        let grid = trace.grid;
        let norms = plan
            .layers
            .iter()
            .map(|layer| pass.affine(layer.norm1, &trace.moments));
        let norms: Vec<Affine<T>> = norms.collect();
        let flips = sign_flips(pass.backend, norms.iter().chain([last]), plan.channels);
        let front = match front {
            None => Front::Stem,
            Some((transition, from)) => {
                let name = format!("features.transition{number}");
                Front::Transition(transition::Producers::new(
                    pass,
                    (transition, &name),
                    from,
                    &flips,
                    rules,
                ))
            }
        };
        let prefix = format!("features.denseblock{}", number + 1);
        let (mut convolutions, mut places, mut rows) = (Vec::new(), Vec::new(), 0);
        let mut runs: Vec<Run> = Vec::new();
        for (number, layer) in plan.layers.iter().enumerate() {
            let (conv, row) = (layer.conv2, layer.conv1.inputs);
            let rule = rules.convolution(&layer_name(&prefix, number, "conv2"));
            let flips = SignFlips {
                signs: &flips[row..],
                spills: rules.spills(),
            };
            let weights = RuleWeights::of(pass.backend, pass.kernel(conv), rule, flips, rows, &mut places);
            let first = rows;
            rows += weights.rows();
            convolutions.push((weights, first));
            let row = row - plan.inputs;
            match runs.last_mut() {
                Some(run) if run.rule == rule => run.rows.end += conv.outputs,
                _ => runs.push(Run {
                    rows: row..row + conv.outputs,
                    rule,
                    keeps: keeps(rule, rules),
                }),
            }
        }
        let asks = convolutions
            .iter()
            .any(|(weights, _)| weights.denominators().is_some());
        let mut products = pass.backend.zeros(if asks { rows * grid.columns() } else { 0 });
        for ((layer, kept), (weights, row)) in plan.layers.iter().zip(&trace.layers).zip(&convolutions) {
            let Some(kernel) = weights.denominators() else {
                continue;
            };
            let target = target(&mut products, *row);
            if weights.of_ones() {
                let ones = ones(pass, kernel.inputs * grid.columns());
                pass.backend.conv3x3(kernel, &ones, None, grid, target);
            } else {
                let prologue = pass.affine(layer.norm2, &kept.moments);
                pass.backend
                    .conv3x3(kernel, &kept.bottleneck, Some(&prologue), grid, target);
            }
        }
        Self {
            plan,
            trace,
            prefix,
            front,
            norms,
            convolutions,
            runs,
            products,
            places,
            rows,
        }
    }

    /// Empty sums for one start.
    pub(crate) fn pending<B: Backend<Tensor = T>>(&self, pass: &Pass<'_, B>) -> Pending<T> {
        let (plan, grid) = (self.plan, self.trace.grid);
        let new_rows = plan.channels - plan.inputs;
        let (front, front_kept) = match &self.front {
            Front::Stem => (plan.inputs * grid.columns(), None),
            Front::Transition(producers) => (producers.shares(), producers.kept()),
        };
        let keeps = self.runs.iter().any(|run| run.keeps);
        Pending {
            front: pass.backend.zeros(front),
            front_kept: front_kept.map(|len| pass.backend.zeros(len)),
            front_accounts: vec![Account::default(); grid.batch],
            shares: pass.backend.zeros(self.rows * grid.columns()),
            kept: keeps.then(|| pass.backend.zeros(new_rows * grid.columns())),
            accounts: vec![Account::default(); new_rows * grid.batch],
            first: true,
        }
    }

    /// Adds the relevance that one reader sends to the first `rows` rows of the block. The first reader is
    /// the one that reads all rows. Returns the relevance of each image.
    pub(crate) fn take<B: Backend<Tensor = T>>(
        &self,
        pass: &Pass<'_, B>,
        pending: &mut Pending<T>,
        reader: &Reader<'_, T>,
        rows: usize,
        rules: &Rules,
    ) -> Vec<f64> {
        let (raw, grid, inputs) = (&self.trace.map, self.trace.grid, self.plan.inputs);
        let first = std::mem::replace(&mut pending.first, false);
        let mut received = match &self.front {
            Front::Stem => {
                let direct = |direct| Place {
                    direct,
                    negated: None,
                };
                let places: Vec<Place> = (0..inputs).map(direct).collect();
                pass.backend.relevance_step(RelevanceStep {
                    producer: Producer::Diagonal,
                    rule: rules.norm(),
                    bias: rules.bias,
                    arriving: reader.arriving,
                    equal: reader.equal,
                    rows: 0..inputs,
                    raw,
                    affine: reader.affine,
                    grid,
                    unpooled: None,
                    places: &places,
                    first,
                    out: &mut pending.front,
                    kept: None,
                })
            }
            Front::Transition(producers) => {
                let out = (&mut pending.front, &mut pending.front_kept);
                producers.take(pass, self.trace, reader, first, out, rules)
            }
        };
        received = by_image(&received, grid.batch);
        add(&mut pending.front_accounts, &received);
        for run in &self.runs {
            let new = run.rows.start..run.rows.end.min(rows - inputs);
            if new.is_empty() {
                continue;
            }
            let bottleneck = self.plan.layers[0].conv2.inputs;
            let kept = kept(&mut pending.kept, new.start, bottleneck).filter(|_| run.keeps);
            let parts = pass.backend.relevance_step(RelevanceStep {
                producer: Producer::Convolution(&self.products),
                rule: run.rule,
                bias: rules.bias,
                arriving: reader.arriving,
                equal: reader.equal,
                rows: inputs + new.start..inputs + new.end,
                raw,
                affine: reader.affine,
                grid,
                unpooled: None,
                places: &self.places[new.start..],
                first,
                out: &mut pending.shares,
                kept,
            });
            add(&mut pending.accounts[new.start * grid.batch..], &parts);
            add(&mut received, &by_image(&parts, grid.batch));
        }
        received.iter().map(|account| account.received).collect()
    }

    /// Sends the collected relevance of the block's layers, for each start, down to the layer before the
    /// block.
    pub(crate) fn settle<B: Backend<Tensor = T>>(
        &self,
        pass: &Pass<'_, B>,
        pending: &mut [Pending<T>],
        ledgers: &mut [LedgerBuilder],
        scratch: &mut Scratch<T>,
        rules: &Rules,
    ) {
        let (trace, grid) = (self.trace, self.trace.grid);
        let columns = grid.columns();
        let layers = self.plan.layers.iter().zip(&trace.layers);
        let layers = layers.zip(self.convolutions.iter().zip(&self.norms)).enumerate();
        for (number, ((layer, kept_map), ((weights2, row), norm1))) in layers.rev() {
            // The 1×1 convolution has one reader, the norm behind it: an ordinary step with a single reader.
            let norm2 = pass.affine(layer.norm2, &kept_map.moments);
            let (conv, conv2) = (layer.conv1, layer.conv2);
            let name1 = layer_name(&self.prefix, number, "conv1");
            let rule1 = rules.convolution(&name1);
            let signs = sign_flips(pass.backend, [&norm2], conv.outputs);
            let flips = SignFlips {
                signs: &signs,
                spills: rules.spills(),
            };
            let mut places = Vec::new();
            let weights1 = RuleWeights::of(pass.backend, pass.kernel(conv), rule1, flips, 0, &mut places);
            if let Some(kernel) = weights1.denominators() {
                let target = target(&mut scratch.products, 0);
                if weights1.of_ones() {
                    let ones = ones(pass, kernel.inputs * columns);
                    pass.backend.pointwise(kernel, &ones, None, None, columns, target);
                } else {
                    pass.backend
                        .pointwise(kernel, &trace.map, Some(norm1), None, columns, target);
                }
            }
            let new = conv.inputs - self.plan.inputs;
            for (pending, ledger) in pending.iter_mut().zip(&mut *ledgers) {
                let accounts = pending.accounts.split_off(new * grid.batch);
                if !matches!(weights2.rule(), Rule::Flat) {
                    let sink = GradientSink::Plain(&mut scratch.bottleneck);
                    let kernel = weights2.whole(pass.kernel(conv2));
                    pass.backend
                        .conv3x3_input_gradient(kernel, &pending.shares, *row, grid, sink);
                }
                let kept2 = pending.kept.as_ref().filter(|_| keeps(weights2.rule(), rules));
                let equal2 = equal(pass, kept2, new..new + conv2.outputs, THREE, grid);
                let mut kept1 = keeps(rule1, rules).then(|| std::mem::take(&mut scratch.kept));
                let parts = pass.backend.relevance_step(RelevanceStep {
                    producer: Producer::Convolution(&scratch.products),
                    rule: rule1,
                    bias: rules.bias,
                    arriving: Form::of(weights2.rule()).arriving(&scratch.bottleneck),
                    equal: equal2.as_ref(),
                    rows: 0..conv.outputs,
                    raw: &kept_map.bottleneck,
                    affine: &norm2,
                    grid,
                    unpooled: None,
                    places: &places,
                    first: true,
                    out: &mut scratch.shares,
                    kept: kept(&mut kept1, 0, conv.inputs),
                });
                let squeezed = by_image(&parts, grid.batch);
                let passed: Vec<f64> = squeezed.iter().map(|account| account.received).collect();
                let name2 = layer_name(&self.prefix, number, "conv2");
                ledger.add_entry(&name2, &by_image(&accounts, grid.batch), &passed);
                if !matches!(rule1, Rule::Flat) {
                    let sink = GradientSink::Plain(&mut scratch.map);
                    let kernel = weights1.whole(pass.kernel(conv));
                    pass.backend
                        .pointwise_input_gradient(kernel, &scratch.shares, 0, columns, sink);
                }
                let equal1 = equal(pass, kept1.as_ref(), 0..conv.outputs, POINT, grid);
                if let Some(map) = kept1 {
                    scratch.kept = map;
                }
                let reader = Reader {
                    arriving: Form::of(rule1).arriving(&scratch.map),
                    equal: equal1.as_ref(),
                    affine: norm1,
                };
                let passed = self.take(pass, pending, &reader, conv.inputs, rules);
                ledger.add_entry(&name1, &squeezed, &passed);
            }
        }
    }

    /// The relevance at the activations that the transition before the block reads, if there is one.
    pub(crate) fn through_front<B: Backend<Tensor = T>>(
        &self,
        pass: &Pass<'_, B>,
        pending: &Pending<T>,
    ) -> Option<LayerRelevance<T>> {
        match &self.front {
            Front::Stem => None,
            Front::Transition(producers) => {
                Some(producers.back(pass, &pending.front, pending.front_kept.as_ref()))
            }
        }
    }
}
