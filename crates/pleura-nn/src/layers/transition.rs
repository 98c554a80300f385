//! A transition: norm, `ReLU`, 1×1 convolution to half the channels, 2×2 average pool.
//!
//! Average pooling and a 1×1 convolution act on different axes, so their order does not change the result (up
//! to rounding). Pooling first leaves a quarter of the columns to multiply.

use super::dense_block::BlockTrace;
use super::relevance::{Form, LayerRelevance, POINT, Reader};
use super::rule_weights::{RuleWeights, SignFlips, equal, keeps, kept, ones, target};
use super::{Pass, through};
use crate::backend::{
    Account, Backend, GradientSink, Grid, Kernel, Output, Place, Pool, Producer, RelevanceStep, Sums,
    Unpooled,
};
use crate::gradients::Gradients;
use crate::plan::{ConvAt, TransitionPlan};
use crate::relevance::Rules;

/// A transition's value of a forward pass: the pooled map, `[channels, pooled columns]`.
pub(crate) struct TransitionTrace<T> {
    pub(crate) pooled: T,
}

/// Writes the first rows of the next block's map.
pub(crate) fn forward<B: Backend>(
    pass: &Pass<'_, B>,
    plan: &TransitionPlan,
    from: &BlockTrace<B::Tensor>,
    target: Output<'_, B::Tensor>,
) -> TransitionTrace<B::Tensor> {
    let channels = plan.norm.channels;
    let columns = from.grid.halved().columns();
    let prologue = pass.affine(plan.norm, &from.moments);
    let mut pooled = pass.backend.alloc_uninit(channels * columns);
    let out = Output {
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

/// `gradient` is that of the next block's map, in its first rows. Returns `G` of the block before, with its
/// sums.
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
    let mut back = pass.backend.alloc_uninit(channels * columns);
    pass.backend.pointwise_input_gradient(
        pass.kernel(plan.conv),
        gradient,
        0,
        columns,
        GradientSink::Plain(&mut back),
    );
    let norm = pass.norm_backward(plan.norm, &from.moments);
    let mut into = pass.backend.alloc_uninit(channels * from.grid.columns());
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
        GradientSink::Norm(sink),
    );
    B::release(back);
    pass.add_heatmap_gradient(
        plan.norm,
        &from.map,
        &norm,
        grid,
        (&mut into, &mut sums),
        gradients,
    );
    (into, sums)
}

/// A transition as the producer of the next block's first rows, with its denominators.
///
/// The order is torchvision's: convolution, then pool. The norms of the next block commute with the pool and
/// are merged into the convolution, reader by reader. Relevance passes the pool under the ε rule, then the
/// convolution under its own rule.
pub(crate) struct Producers<T> {
    at: ConvAt,
    weights: RuleWeights<T>,
    /// The convolution's output before the pool.
    convolved: T,
    products: T,
    places: Vec<Place>,
    grid: Grid,
    /// ε in the pool.
    epsilon: f64,
    keeps: bool,
}

impl<T: Default + Send + Sync> Producers<T> {
    /// `signs`: for each output, true if a norm that reads it flips its sign. `name` as in
    /// `features.transition1`.
    pub(crate) fn new<B: Backend<Tensor = T>>(
        pass: &Pass<'_, B>,
        (plan, name): (&TransitionPlan, &str),
        from: &BlockTrace<T>,
        signs: &[bool],
        rules: &Rules,
    ) -> Self {
        let (conv, grid) = (plan.conv, from.grid);
        let columns = grid.columns();
        let prologue = pass.affine(plan.norm, &from.moments);
        let rule = rules.convolution(&format!("{name}.conv"));
        let mut places = Vec::new();
        // Of the four outputs under a mean, some may be off.
        let flips = SignFlips { signs, spills: true };
        let weights = RuleWeights::of(pass.backend, pass.kernel(conv), rule, flips, 0, &mut places);
        let product = |kernel: Kernel<'_, T>, of_ones: bool| {
            let mut map = pass.backend.zeros(kernel.outputs * columns);
            let target = target(&mut map, 0);
            if of_ones {
                let ones = ones(pass, kernel.inputs * columns);
                pass.backend.pointwise(kernel, &ones, None, None, columns, target);
            } else {
                pass.backend
                    .pointwise(kernel, &from.map, Some(&prologue), None, columns, target);
            }
            map
        };
        let products = weights
            .denominators()
            .map(|kernel| product(kernel, weights.of_ones()));
        Self {
            at: conv,
            convolved: product(pass.kernel(conv), false),
            products: products.unwrap_or_default(),
            weights,
            places,
            grid,
            epsilon: rules.pool(&format!("{name}.pool")),
            keeps: keeps(rule, rules),
        }
    }

    /// Length of the map that collects shares.
    pub(crate) fn shares(&self) -> usize {
        self.weights.rows() * self.grid.columns()
    }

    /// Length of the map that collects uniform parts, if there are any.
    pub(crate) fn kept(&self) -> Option<usize> {
        self.keeps.then_some(self.places.len() * self.grid.columns())
    }

    /// Adds the shares that one reader sends to the first rows of the next block's map to `out`. Returns an
    /// account for each row and image.
    pub(crate) fn take<B: Backend<Tensor = T>>(
        &self,
        pass: &Pass<'_, B>,
        next: &BlockTrace<T>,
        reader: &Reader<'_, T>,
        first: bool,
        (out, kept_map): (&mut T, &mut Option<T>),
        rules: &Rules,
    ) -> Vec<Account> {
        pass.backend.relevance_step(RelevanceStep {
            producer: Producer::Convolution(&self.products),
            rule: self.weights.rule(),
            bias: rules.bias,
            arriving: reader.arriving,
            equal: reader.equal,
            rows: 0..self.places.len(),
            raw: &next.map,
            affine: reader.affine,
            grid: next.grid,
            unpooled: Some(Unpooled {
                raw: &self.convolved,
                grid: self.grid,
                epsilon: self.epsilon,
            }),
            places: &self.places,
            first,
            out,
            kept: kept(kept_map, 0, self.at.inputs),
        })
    }

    /// From collected shares to the relevance at the activations that the transition reads.
    pub(crate) fn back<B: Backend<Tensor = T>>(
        &self,
        pass: &Pass<'_, B>,
        gathered: &T,
        kept: Option<&T>,
    ) -> LayerRelevance<T> {
        let kernel = self.weights.whole(pass.kernel(self.at));
        let columns = self.grid.columns();
        let mut product = pass.backend.zeros(kernel.inputs * columns);
        let form = Form::of(self.weights.rule());
        if !matches!(form, Form::Nothing) {
            let sink = GradientSink::Plain(&mut product);
            pass.backend
                .pointwise_input_gradient(kernel, gathered, 0, columns, sink);
        }
        LayerRelevance {
            equal: equal(pass, kept, 0..self.places.len(), POINT, self.grid),
            product,
            form,
        }
    }
}
