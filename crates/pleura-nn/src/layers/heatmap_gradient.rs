//! Adds heatmap gradients of norms to an ordinary backward pass: see [`crate::network::flex`].

use super::Pass;
use crate::backend::{Backend, GradientSink, Grid, NormBackward, NormReluBackward, Pool, Sums};
use crate::gradients::Gradients;
use crate::plan::NormAt;

impl<B: Backend> Pass<'_, B> {
    /// Adds to a map's gradient and its sums, and to the norm's own gradients, after the norm's reader added
    /// its part.
    pub(super) fn add_heatmap_gradient(
        &self,
        at: NormAt,
        x: &B::Tensor,
        norm: &NormBackward<B::Tensor>,
        grid: Grid,
        (into, sums): (&mut B::Tensor, &mut Sums<B::Tensor>),
        gradients: &mut Gradients<B>,
    ) {
        let Some(heatmap_gradient) = self
            .heatmap_gradients
            .and_then(|heatmap_gradients| heatmap_gradients[at.gamma].as_ref())
        else {
            return;
        };
        let (mut gamma, mut beta) = (self.backend.zeros(at.channels), self.backend.zeros(at.channels));
        // The mean of a single pixel is the pixel.
        let pixels = Grid {
            batch: grid.columns(),
            height: 1,
            width: 1,
        };
        let through = NormReluBackward {
            x,
            norm,
            into,
            accumulate: true,
            gamma: &mut gamma,
            beta: &mut beta,
            sums: Some(&mut *sums),
        };
        self.backend.pool_input_gradient(
            Pool::Global,
            at.channels,
            &heatmap_gradient.output,
            x,
            &norm.affine,
            pixels,
            GradientSink::Norm(through),
        );
        // scale = γ/σ: its gradient times 1/σ is that of γ, and through σ it reaches the map like Σ G x̂.
        let (gammas, betas) = gradients.pair(at.gamma, at.beta);
        self.add_products(gammas, &gamma, None);
        self.add_products(betas, &beta, None);
        self.add_products(gammas, &heatmap_gradient.scale, Some(&norm.inverse_deviation));
        self.add_products(&mut sums.gx, &heatmap_gradient.scale, Some(&norm.affine.scale));
    }

    /// `into += a · b`, for the few values of a norm.
    fn add_products(&self, into: &mut B::Tensor, a: &B::Tensor, b: Option<&B::Tensor>) {
        let (mut sum, a) = (self.backend.download(into), self.backend.download(a));
        let b = b.map(|b| self.backend.download(b));
        for (index, (sum, &a)) in sum.iter_mut().zip(&a).enumerate() {
            let product = match &b {
                Some(b) => a * b[index],
                None => a,
            };
            *sum = *sum + product;
        }
        *into = self.backend.adopt(sum);
    }
}
