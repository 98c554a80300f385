//! A transition: norm, `ReLU`, 1×1 convolution to half the channels, 2×2 average pool.
//!
//! Average pooling and a 1×1 convolution are linear in different directions, so they change places without changing the
//! result (up to rounding): pooling first leaves a quarter of the columns to multiply.

use super::dense_block::BlockTrace;
use super::shares::{Split, lanes, producer};
use super::{Pass, through};
use crate::backend::{Account, Affine, Backend, Grid, Pool, Share, Sink, Sums, Target};
use crate::gradients::Gradients;
use crate::plan::TransitionPlan;
use crate::relevance::{Book, Rule, Rules, add};

/// What a transition keeps: the pooled map, `[channels, pooled columns]`.
pub(crate) struct TransitionTrace<T> {
    pub(crate) pooled: T,
}

/// Writes the first rows of the next block's map.
pub(crate) fn forward<B: Backend>(
    pass: &Pass<'_, B>,
    plan: &TransitionPlan,
    from: &BlockTrace<B::Tensor>,
    target: Target<'_, B::Tensor>,
) -> TransitionTrace<B::Tensor> {
    let channels = plan.norm.channels;
    let columns = from.grid.halved().columns();
    let prologue = pass.affine(plan.norm, &from.moments);
    let mut pooled = pass.backend.room(channels * columns);
    let out = Target {
        map: &mut pooled,
        row: 0,
        moments: None,
    };
    pass.backend
        .pool(Pool::Average2, channels, &from.map, &prologue, from.grid, out);
    pass.backend
        .pointwise(pass.kernel(plan.conv), &pooled, None, None, columns, target);
    TransitionTrace { pooled }
}

/// `gradient`: the next block's map's, first rows. Returns `G` of the block before with its sums.
pub(crate) fn backward<B: Backend>(
    pass: &Pass<'_, B>,
    plan: &TransitionPlan,
    trace: &TransitionTrace<B::Tensor>,
    from: &BlockTrace<B::Tensor>,
    gradient: &B::Tensor,
    weights: bool,
    gradients: &mut Gradients<B>,
) -> (B::Tensor, Sums<B::Tensor>) {
    let channels = plan.norm.channels;
    let columns = from.grid.halved().columns();
    if weights {
        let shape = (plan.conv.outputs, channels);
        let out = gradients.at(plan.conv.weights);
        pass.backend
            .pointwise_weight_gradient(shape, gradient, 0, &trace.pooled, None, columns, out);
    }
    let mut back = pass.backend.room(channels * columns);
    pass.backend.pointwise_input_gradient(
        pass.kernel(plan.conv),
        gradient,
        0,
        columns,
        Sink::Plain(&mut back),
    );
    let norm = pass.norm_back(plan.norm, &from.moments);
    let mut into = pass.backend.room(channels * from.grid.columns());
    let mut sums = pass.fresh_sums(channels);
    let sink = through(
        gradients,
        plan.norm,
        &from.map,
        &norm,
        &mut into,
        false,
        Some(&mut sums),
    );
    let (pool, grid) = (Pool::Average2, from.grid);
    pass.backend.pool_input_gradient(
        pool,
        channels,
        &back,
        &from.map,
        &norm.affine,
        grid,
        Sink::Norm(sink),
    );
    B::recycle(back);
    (into, sums)
}

/// A transition's outputs, waiting for their readers in the next block.
///
/// The order is torchvision's: convolution, then pool. The next block's norms commute with the pool and are merged into the
/// convolution, reader by reader; relevance passes the pool under the ε rule, then the convolution under its own.
pub(crate) struct Shares<T> {
    weights: Split<T>,
    /// The convolution's output before the pool.
    convolved: T,
    positive: Option<T>,
    gathered: T,
    accounts: Vec<Account>,
    grid: Grid,
}

impl<T: Send + Sync> Shares<T> {
    pub(crate) fn new<B: Backend<Tensor = T>>(
        pass: &Pass<'_, B>,
        plan: &TransitionPlan,
        from: &BlockTrace<T>,
        rules: &Rules,
    ) -> Self {
        let (conv, grid, rule) = (plan.conv, from.grid, rules.convolution);
        let prologue = pass.affine(plan.norm, &from.moments);
        let weights = Split::of(pass, conv, rule);
        let product = |kernel| {
            let mut map = pass.backend.zeros(conv.outputs * grid.columns());
            let target = Target {
                map: &mut map,
                row: 0,
                moments: None,
            };
            pass.backend
                .pointwise(kernel, &from.map, Some(&prologue), None, grid.columns(), target);
            map
        };
        Self {
            convolved: product(pass.kernel(conv)),
            positive: matches!(rule, Rule::Plus { .. }).then(|| product(weights.positive(conv))),
            gathered: pass.backend.zeros(lanes(rule) * conv.outputs * grid.columns()),
            accounts: vec![Account::default(); grid.batch],
            weights,
            grid,
        }
    }

    /// Takes one reader's relevance at the first `rows` rows of the next block's map.
    pub(crate) fn take<B: Backend<Tensor = T>>(
        &mut self,
        pass: &Pass<'_, B>,
        rows: usize,
        next: &BlockTrace<T>,
        (relevance, affine): (&T, &Affine<T>),
        rules: &Rules,
    ) {
        let accounts = pass.backend.share(Share {
            producer: producer(rules.convolution),
            relevance,
            rows: 0..rows,
            raw: &next.map,
            affine,
            grid: next.grid,
            positive: self.positive.as_ref(),
            unpooled: Some((&self.convolved, self.grid, rules.epsilon)),
            out: &mut self.gathered,
        });
        add(&mut self.accounts, &accounts);
    }

    /// Relevance at the activations that the transition reads, with their norm.
    pub(crate) fn settle<B: Backend<Tensor = T>>(
        self,
        pass: &Pass<'_, B>,
        plan: &TransitionPlan,
        from: &BlockTrace<T>,
        name: &str,
        book: &mut Book,
    ) -> (T, Affine<T>) {
        let affine = pass.affine(plan.norm, &from.moments);
        let (channels, columns) = (plan.conv.inputs, self.grid.columns());
        let mut relevance = pass.backend.zeros(channels * columns);
        let sink = Sink::Plain(&mut relevance);
        pass.backend
            .pointwise_input_gradient(self.weights.whole(), &self.gathered, 0, columns, sink);
        let passed = pass
            .backend
            .multiply(&mut relevance, &from.map, Some(&affine), channels, self.grid);
        book.enter(name, &self.accounts, &passed);
        (relevance, affine)
    }
}
