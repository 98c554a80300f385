//! Relevance through the stem: the winner of each window takes all, and the norm is merged into the
//! convolution.
//!
//! The first convolution reads pixels of both signs, but the rules distinguish positive from negative
//! contributions. With `x = x⁺ − x⁻` it becomes a convolution of `[x⁺; x⁻]` with weights `[W, −W]`: twice the
//! inputs, none of them negative. Under z⁺, α-β and γ it is then an ordinary convolution, and the mirrored
//! terms of these rules follow (`W⁺ x⁺ + (−W)⁺ x⁻` is the positive part). z^B is z⁺ on `[x − l; h − x]` with
//! the same weights and no bias: `w⁺ (x − l) + (−w)⁺ (h − x) = x w − l w⁺ − h w⁻`.

use super::{Pass, StemTrace, image_sums};
use crate::backend::{
    Account, Backend, Films, GradientSink, Grid, IncomingRelevance, Kernel, Place, Producer, Real,
    RelevanceStep,
};
use crate::layers::rule_weights::{RuleWeights, SignFlips, keeps, kept, ones, target};
use crate::plan::StemPlan;
use crate::relevance::{Bias, Rule, Rules, by_image};

/// The first convolution under its rule, with denominators, which do not depend on the start.
pub(crate) struct Sharing<'a, B: Backend> {
    plan: &'a StemPlan,
    trace: &'a StemTrace<B::Tensor>,
    input: B::Tensor,
    rule: Rule,
    rules: &'a Rules,
    /// For a rule that distinguishes signs.
    doubled: Option<Doubled<B::Tensor>>,
    weights: RuleWeights<B::Tensor>,
    products: B::Tensor,
    places: Vec<Place>,
}

/// The convolution as one of `[x⁺; x⁻]`, or of `[x − l; h − x]`.
struct Doubled<T> {
    input: T,
    weights: T,
    /// Its output, if that differs from the convolution's own.
    convolved: Option<T>,
}

fn kernel<T>(weights: &T, outputs: usize, inputs: usize) -> Kernel<'_, T> {
    Kernel {
        weights,
        outputs,
        inputs,
        prepared: None,
        exact: true,
    }
}

impl<T> Doubled<T> {
    /// Of `x⁺` and `x⁻`.
    fn by_sign<B: Backend<Tensor = T>>(pass: &Pass<'_, B>, plan: &StemPlan, input: &T) -> Self {
        let zero = B::Real::from_f64(0.0);
        let values = pass.backend.download(input);
        let positive = values.iter().map(|&x| if x > zero { x } else { zero });
        let negative = values.iter().map(|&x| if x < zero { zero - x } else { zero });
        let input = pass.backend.adopt(positive.chain(negative).collect());
        Self {
            input,
            weights: Self::weights(pass, plan),
            convolved: None,
        }
    }

    /// Of `x − l` and `h − x`: black is grey 0, white is grey 1.
    fn by_bounds<B: Backend<Tensor = T>>(
        pass: &Pass<'_, B>,
        plan: &StemPlan,
        films: Films<'_, T>,
        grid: Grid,
    ) -> Self {
        let (scale, conv) = (films.scale, plan.conv);
        let negated = scale.iter().map(|scale| -scale);
        let scales: Vec<f64> = scale.iter().copied().chain(negated).collect();
        let shifts: Vec<f64> = scale.iter().map(|_| 0.0).chain(scale.iter().copied()).collect();
        let input = pass.backend.channels(Films {
            grey: films.grey,
            scale: &scales,
            shift: &shifts,
        });
        let weights = Self::weights(pass, plan);
        let mut convolved = pass
            .backend
            .zeros(conv.outputs * grid.after(plan.window).columns());
        pass.backend.stem_conv(
            kernel(&weights, conv.outputs, 2 * conv.inputs),
            plan.window,
            &input,
            grid,
            target(&mut convolved, 0),
        );
        Self {
            input,
            weights,
            convolved: Some(convolved),
        }
    }

    /// `[W, −W]`, output by output.
    fn weights<B: Backend<Tensor = T>>(pass: &Pass<'_, B>, plan: &StemPlan) -> T {
        let weights = pass.backend.download(&pass.values[plan.conv.weights]);
        let zero = B::Real::from_f64(0.0);
        let of_output = weights.chunks_exact(weights.len() / plan.conv.outputs);
        let doubled = of_output.flat_map(|taps| {
            let negated = taps.iter().map(move |&w| zero - w);
            taps.iter().copied().chain(negated)
        });
        pass.backend.adopt(doubled.collect())
    }
}

impl<'a, B: Backend> Sharing<'a, B> {
    pub(crate) fn new(
        pass: &Pass<'_, B>,
        plan: &'a StemPlan,
        trace: &'a StemTrace<B::Tensor>,
        films: Films<'_, B::Tensor>,
        rules: &'a Rules,
    ) -> Self {
        let (rule, conv, grid) = (rules.first(), plan.conv, trace.input_grid);
        let input = pass.backend.channels(films);
        let doubled = match rule {
            Rule::Epsilon { .. } | Rule::Square { .. } | Rule::Flat => None,
            Rule::Box { .. } => Some(Doubled::by_bounds(pass, plan, films, grid)),
            Rule::Plus { .. } | Rule::AlphaBeta { .. } | Rule::Gamma { .. } => {
                Some(Doubled::by_sign(pass, plan, &input))
            }
        };
        let own = match &doubled {
            None => pass.kernel(conv),
            Some(doubled) => kernel(&doubled.weights, conv.outputs, 2 * conv.inputs),
        };
        let mut places = Vec::new();
        let flips = SignFlips {
            signs: &vec![true; conv.outputs],
            spills: true,
        };
        let weights = RuleWeights::of(pass.backend, own, rule, flips, 0, &mut places);
        let products = weights.denominators().map(|kernel| {
            let mut map = pass.backend.zeros(weights.rows() * trace.grid.columns());
            let ones = weights
                .of_ones()
                .then(|| ones(pass, kernel.inputs * grid.columns()));
            let read = ones
                .as_ref()
                .unwrap_or(doubled.as_ref().map_or(&input, |doubled| &doubled.input));
            pass.backend
                .stem_conv(kernel, plan.window, read, grid, target(&mut map, 0));
            map
        });
        Self {
            plan,
            trace,
            input,
            rule,
            rules,
            doubled,
            weights,
            products: products.unwrap_or_default(),
            places,
        }
    }

    /// From relevance at the pool's outputs, `[channels, pooled columns]`, to that of the input, `[3,
    /// columns]`. Also returns the account and the sum of each image.
    pub(crate) fn relevance(
        &self,
        pass: &Pass<'_, B>,
        relevance: &B::Tensor,
    ) -> (B::Tensor, Vec<Account>, Vec<f64>) {
        let StemPlan { conv, window, .. } = *self.plan;
        let (grid, input_grid) = (self.trace.grid, self.trace.input_grid);
        let affine = pass.affine(self.plan.norm, &self.trace.moments);
        let mut at_norm = pass.backend.zeros(conv.outputs * grid.columns());
        let sink = GradientSink::Plain(&mut at_norm);
        let (pool, convolved) = (self.plan.pool, &self.trace.convolved);
        pass.backend
            .pool_input_gradient(pool, conv.outputs, relevance, convolved, &affine, grid, sink);
        let flat = |map: &B::Tensor| {
            let mut out = pass.backend.zeros(conv.inputs * input_grid.columns());
            let shape = (0..conv.outputs, conv.inputs);
            let received = pass.backend.flat(window, map, shape, input_grid, &mut out);
            (out, received)
        };
        if let Rule::Flat = self.rule {
            let (out, received) = flat(&at_norm);
            let account = |received| Account {
                received,
                ..Account::default()
            };
            let passed = image_sums(&pass.backend.download(&out), input_grid);
            return (out, received.into_iter().map(account).collect(), passed);
        }
        let mut shares = pass.backend.zeros(self.weights.rows() * grid.columns());
        let mut absorbed =
            keeps(self.rule, self.rules).then(|| pass.backend.zeros(conv.outputs * grid.columns()));
        // z^B ignores the bias.
        let bias = match self.rule {
            Rule::Box { .. } => Bias::Zero,
            _ => self.rules.bias,
        };
        let own = self
            .doubled
            .as_ref()
            .and_then(|doubled| doubled.convolved.as_ref());
        let accounts = pass.backend.relevance_step(RelevanceStep {
            producer: Producer::Convolution(&self.products),
            rule: self.rule,
            bias,
            arriving: IncomingRelevance::Relevance(&at_norm),
            equal: None,
            rows: 0..conv.outputs,
            raw: own.unwrap_or(convolved),
            affine: &affine,
            grid,
            unpooled: None,
            places: &self.places,
            first: true,
            out: &mut shares,
            kept: kept(&mut absorbed, 0, 1),
        });
        let kernel = self.weights.whole(pass.kernel(conv));
        let mut out = pass.backend.zeros(kernel.inputs * input_grid.columns());
        let inputs = kernel.inputs;
        pass.backend
            .stem_conv_input_gradient(kernel, window, &shares, input_grid, &mut out);
        if self.rule.follows_activations() {
            let read = self
                .doubled
                .as_ref()
                .map_or(&self.input, |doubled| &doubled.input);
            pass.backend.multiply(&mut out, read, inputs, input_grid);
        }
        let parts = absorbed
            .as_ref()
            .filter(|_| bias == Bias::Absorb)
            .map(|map| flat(map).0);
        let out = self.folded(pass, out, parts);
        let passed = image_sums(&pass.backend.download(&out), input_grid);
        (out, by_image(&accounts, grid.batch), passed)
    }

    /// Adds the parts of each pixel, and its uniform part.
    fn folded(&self, pass: &Pass<'_, B>, out: B::Tensor, parts: Option<B::Tensor>) -> B::Tensor {
        if self.doubled.is_none() && parts.is_none() {
            return out;
        }
        let mut out = pass.backend.download(&out);
        if self.doubled.is_some() {
            let second = out.split_off(out.len() / 2);
            for (out, second) in out.iter_mut().zip(second) {
                *out = *out + second;
            }
        }
        if let Some(parts) = parts {
            for (out, part) in out.iter_mut().zip(pass.backend.download(&parts)) {
                *out = *out + part;
            }
        }
        pass.backend.adopt(out)
    }
}
