//! Relevance inside a dense block: what all readers of a map have sent to those who wrote its rows.
//!
//! Merging a reader's norm slice into the convolution that wrote the slice scales its weights by `s = γ/σ`, channel by
//! channel. Under the ε rule the quotients `s r / s(z)` of all readers add up; under z⁺, `(s W)⁺ = |s| W⁺` for `s > 0` and
//! `|s| (−W)⁺` for `s < 0`, so they add up in two maps. Either way one product with the weights serves all readers.

use super::dense_block::BlockTrace;
use super::{Pass, transition};
use crate::backend::{Account, Affine, Backend, Grid, Kernel, Producer, Real, Share, Sink, Target};
use crate::plan::{BlockPlan, ConvAt};
use crate::relevance::{Book, Rule, Rules, add};

/// A convolution's weights as a rule multiplies by them.
pub(crate) struct Split<T> {
    /// For z⁺ `[W⁺; (−W)⁺]`, else `W`.
    weights: T,
    outputs: usize,
    inputs: usize,
}

impl<T> Split<T> {
    pub(crate) fn of<B: Backend<Tensor = T>>(pass: &Pass<'_, B>, at: ConvAt, rule: Rule) -> Self {
        let values = pass.backend.download(&pass.values[at.weights]);
        let zero = B::Real::from_f64(0.0);
        let (outputs, values) = match rule {
            Rule::Epsilon { .. } => (at.outputs, values),
            Rule::Plus { .. } => {
                let positive = values.iter().map(|&w| if w > zero { w } else { zero });
                let negative = values.iter().map(|&w| if w < zero { zero - w } else { zero });
                (2 * at.outputs, positive.chain(negative).collect())
            }
        };
        Self {
            weights: pass.backend.upload(&values),
            outputs,
            inputs: at.inputs,
        }
    }

    /// All of it, for the way down.
    pub(crate) fn whole(&self) -> Kernel<'_, T> {
        Kernel {
            weights: &self.weights,
            outputs: self.outputs,
            inputs: self.inputs,
            prepared: None,
            exact: true,
        }
    }

    /// `W⁺`, for denominators.
    pub(crate) fn positive(&self, at: ConvAt) -> Kernel<'_, T> {
        Kernel {
            weights: &self.weights,
            outputs: at.outputs,
            inputs: at.inputs,
            prepared: None,
            exact: true,
        }
    }
}

/// How a convolution's outputs are shared under a rule.
pub(crate) fn producer(rule: Rule) -> Producer {
    match rule {
        Rule::Epsilon { epsilon } => Producer::Epsilon(epsilon),
        Rule::Plus { epsilon } => Producer::Plus(epsilon),
    }
}

/// Maps of shares that one row of a convolution's output needs.
pub(crate) fn lanes(rule: Rule) -> usize {
    match rule {
        Rule::Epsilon { .. } => 1,
        Rule::Plus { .. } => 2,
    }
}

/// One dense layer's rows, waiting for their readers.
struct LayerShares<T> {
    weights: Split<T>,
    positive: Option<T>,
    shares: T,
    accounts: Vec<Account>,
}

/// What stands in front of a block.
pub(crate) enum Before<T> {
    /// The stem's pool: relevance at its outputs.
    Stem { relevance: T, accounts: Vec<Account> },
    /// A transition.
    Transition(transition::Shares<T>),
}

/// All rows of a block, waiting for their readers.
pub(crate) struct BlockShares<T> {
    before: Before<T>,
    layers: Vec<LayerShares<T>>,
}

impl<T: Send + Sync> BlockShares<T> {
    pub(crate) fn new<B: Backend<Tensor = T>>(
        pass: &Pass<'_, B>,
        plan: &BlockPlan,
        trace: &BlockTrace<T>,
        before: Before<T>,
        rules: &Rules,
    ) -> Self {
        let (grid, rule) = (trace.grid, rules.convolution);
        let layers = plan.layers.iter().zip(&trace.layers).map(|(layer, kept)| {
            let conv = layer.conv2;
            let weights = Split::of(pass, conv, rule);
            let positive = matches!(rule, Rule::Plus { .. }).then(|| {
                let prologue = pass.affine(layer.norm2, &kept.moments);
                let mut map = pass.backend.zeros(conv.outputs * grid.columns());
                let target = Target {
                    map: &mut map,
                    row: 0,
                    moments: None,
                };
                pass.backend.conv3x3(
                    weights.positive(conv),
                    &kept.bottleneck,
                    Some(&prologue),
                    grid,
                    target,
                );
                map
            });
            let shares = pass.backend.zeros(lanes(rule) * conv.outputs * grid.columns());
            LayerShares {
                weights,
                positive,
                shares,
                accounts: vec![Account::default(); grid.batch],
            }
        });
        Self {
            layers: layers.collect(),
            before,
        }
    }

    /// Takes one reader's relevance at the first rows of the block, `[affine's channels, columns]`.
    pub(crate) fn take<B: Backend<Tensor = T>>(
        &mut self,
        pass: &Pass<'_, B>,
        plan: &BlockPlan,
        trace: &BlockTrace<T>,
        (relevance, affine): (&T, &Affine<T>),
        readers_rows: usize,
        rules: &Rules,
    ) {
        let (raw, grid) = (&trace.map, trace.grid);
        match &mut self.before {
            Before::Stem {
                relevance: out,
                accounts,
            } => {
                let producer = Producer::Diagonal(rules.epsilon);
                let rows = 0..plan.inputs;
                let (positive, unpooled) = (None, None);
                let share = Share {
                    producer,
                    relevance,
                    rows,
                    raw,
                    affine,
                    grid,
                    positive,
                    unpooled,
                    out,
                };
                add(accounts, &pass.backend.share(share));
            }
            Before::Transition(shares) => shares.take(pass, plan.inputs, trace, (relevance, affine), rules),
        }
        for (layer, shares) in plan.layers.iter().zip(&mut self.layers) {
            let rows = layer.conv1.inputs..layer.conv1.inputs + layer.conv2.outputs;
            if rows.end > readers_rows {
                break;
            }
            let LayerShares {
                positive,
                shares: out,
                accounts,
                ..
            } = shares;
            let (producer, positive, unpooled) = (producer(rules.convolution), positive.as_ref(), None);
            let share = Share {
                producer,
                relevance,
                rows,
                raw,
                affine,
                grid,
                positive,
                unpooled,
                out,
            };
            add(accounts, &pass.backend.share(share));
        }
    }

    /// Sends what the block's layers have gathered down to what stands in front of the block. `prefix` as in
    /// `features.denseblock1`.
    pub(crate) fn settle<B: Backend<Tensor = T>>(
        mut self,
        pass: &Pass<'_, B>,
        plan: &BlockPlan,
        trace: &BlockTrace<T>,
        prefix: &str,
        rules: &Rules,
        book: &mut Book,
    ) -> Before<T> {
        let grid = trace.grid;
        let (columns, rule) = (grid.columns(), rules.convolution);
        for (number, (layer, kept)) in plan.layers.iter().zip(&trace.layers).enumerate().rev() {
            let Some(LayerShares {
                weights,
                shares,
                accounts,
                ..
            }) = self.layers.pop()
            else {
                break;
            };
            let prefix = format!("{prefix}.denselayer{}", number + 1);
            let norm2 = pass.affine(layer.norm2, &kept.moments);
            let mut relevance = pass.backend.zeros(layer.conv2.inputs * columns);
            let sink = Sink::Plain(&mut relevance);
            pass.backend
                .conv3x3_input_gradient(weights.whole(), &shares, 0, grid, sink);
            let channels = layer.conv2.inputs;
            let passed =
                pass.backend
                    .multiply(&mut relevance, &kept.bottleneck, Some(&norm2), channels, grid);
            book.enter(&format!("{prefix}.conv2"), &accounts, &passed);

            // The 1×1 convolution has one reader, its own norm: the same step with a single share.
            let norm1 = pass.affine(layer.norm1, &trace.moments);
            let conv = layer.conv1;
            let weights = Split::of(pass, conv, rule);
            let positive = matches!(rule, Rule::Plus { .. }).then(|| {
                let mut map = pass.backend.zeros(conv.outputs * columns);
                let target = Target {
                    map: &mut map,
                    row: 0,
                    moments: None,
                };
                pass.backend.pointwise(
                    weights.positive(conv),
                    &trace.map,
                    Some(&norm1),
                    None,
                    columns,
                    target,
                );
                map
            });
            let mut shares = pass.backend.zeros(lanes(rule) * conv.outputs * columns);
            let accounts = pass.backend.share(Share {
                producer: producer(rule),
                relevance: &relevance,
                rows: 0..conv.outputs,
                raw: &kept.bottleneck,
                affine: &norm2,
                grid,
                positive: positive.as_ref(),
                unpooled: None,
                out: &mut shares,
            });
            let mut relevance = pass.backend.zeros(conv.inputs * columns);
            let sink = Sink::Plain(&mut relevance);
            pass.backend
                .pointwise_input_gradient(weights.whole(), &shares, 0, columns, sink);
            let passed = pass
                .backend
                .multiply(&mut relevance, &trace.map, Some(&norm1), conv.inputs, grid);
            book.enter(&format!("{prefix}.conv1"), &accounts, &passed);
            self.take(pass, plan, trace, (&relevance, &norm1), conv.inputs, rules);
        }
        self.before
    }
}

/// Room for the stem's pool's relevance.
pub(crate) fn before_stem<B: Backend>(pass: &Pass<'_, B>, channels: usize, grid: Grid) -> Before<B::Tensor> {
    Before::Stem {
        relevance: pass.backend.zeros(channels * grid.columns()),
        accounts: vec![Account::default(); grid.batch],
    }
}
