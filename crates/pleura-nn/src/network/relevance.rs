//! The third pass: relevance from the logits down to the pixels.

use super::{Network, Norm, Trace, transposed};
use crate::backend::{Backend, Real};
use crate::error::Error;
use crate::layers::shares::{Before, BlockShares, Scratch};
use crate::layers::{Pass, head, stem};
use crate::relevance::{Book, Relevance, Rules};

impl<B: Backend> Network<B> {
    /// Relevance of the input, `[3, batch, size, size]`, for a start of `Σ_k c_k · logit_k` with the coefficients `c`,
    /// `[batch, outputs]`: 1 at one output for that class, 1 and −1 at two for their difference.
    ///
    /// The trace must be of a pass with running statistics.
    ///
    /// # Errors
    /// [`Error::Length`] where the coefficients have another length than the trace's logits; [`Error::Statistics`].
    pub fn relevance(
        &self,
        trace: &Trace<B>,
        coefficients: &[f64],
        rules: &Rules,
    ) -> Result<Relevance<B>, Error> {
        let (plan, batch) = (&self.plan, trace.batch);
        let expected = batch * plan.head.linear.outputs;
        if trace.norm != Norm::Running {
            return Err(Error::Statistics {
                operation: "relevance",
                expected: "running statistics",
            });
        }
        if coefficients.len() != expected {
            return Err(Error::Length {
                operation: "relevance",
                what: format!("coefficients for {batch} films"),
                found: coefficients.len(),
                expected,
            });
        }
        let pass = Pass {
            backend: &self.backend,
            values: &self.values,
            norm: Norm::Running,
            keep: true,
        };
        let logits = self.logits(trace);
        let start: Vec<f64> = coefficients
            .chunks_exact(plan.head.linear.outputs)
            .zip(logits.chunks_exact(plan.head.linear.outputs))
            .map(|(coefficients, logits)| coefficients.iter().zip(logits).map(|(c, z)| c * z.to_f64()).sum())
            .collect();
        let mut book = Book::new(&start);
        let coefficients = transposed(coefficients, plan.head.linear.outputs);
        let answers = (&trace.features, &trace.logits);
        let last = &trace.blocks[plan.blocks.len() - 1];
        let (mut factor, mut affine, mut accounts) =
            head::relevance(&pass, &plan.head, answers, last, &coefficients, rules, &mut book);
        let mut layer = "pool".to_owned();
        let mut scratch = Scratch::of(&pass, plan, &trace.blocks);
        let mut pooled = None;
        for (number, (block_plan, block)) in plan.blocks.iter().zip(&trace.blocks).enumerate().rev() {
            let front = number
                .checked_sub(1)
                .map(|before| (&plan.transitions[before], &trace.blocks[before]));
            let mut waiting = BlockShares::new(&pass, block_plan, block, front, &affine, rules);
            let reader = (&factor, &affine);
            let passed = waiting.take(&pass, block_plan, block, reader, block_plan.channels, rules);
            book.enter(&layer, &accounts, &passed);
            let prefix = format!("features.denseblock{}", number + 1);
            let told = (prefix.as_str(), rules, &mut book);
            match (
                waiting.settle(&pass, block_plan, block, &mut scratch, told),
                front,
            ) {
                (Before::Transition(shares), Some((transition, from))) => {
                    (factor, affine, accounts) = shares.settle(&pass, transition, from);
                    layer = format!("features.transition{number}.conv");
                }
                (Before::Stem { relevance, accounts }, _) => {
                    let passed = stem::image_sums(&self.backend.download(&relevance), block.grid);
                    book.enter("features.pool0", &accounts, &passed);
                    pooled = Some(relevance);
                }
                (Before::Transition(_), None) => {}
            }
        }
        let pooled = pooled.unwrap_or_else(|| self.backend.zeros(0));
        let (input, passed) = stem::relevance(
            &pass,
            &plan.stem,
            &trace.stem,
            &trace.input,
            &pooled,
            rules,
            &mut book,
        );
        Ok(Relevance {
            input,
            ledgers: book.close(&passed),
        })
    }
}
