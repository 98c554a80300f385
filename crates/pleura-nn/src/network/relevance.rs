//! The third pass: relevance from the logits down to the pixels.

use super::{Network, Norm, Trace, transposed};
use crate::backend::{Backend, Real};
use crate::error::Error;
use crate::layers::shares::{self, Before, BlockShares};
use crate::layers::{Pass, head, stem, transition};
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
        let (mut relevance, mut affine) =
            head::relevance(&pass, &plan.head, answers, last, &coefficients, rules, &mut book);
        let mut pooled = None;
        for (number, (block_plan, block)) in plan.blocks.iter().zip(&trace.blocks).enumerate().rev() {
            let before = match number.checked_sub(1) {
                None => shares::before_stem(&pass, block_plan.inputs, block.grid),
                Some(before) => {
                    let (transition, from) = (&plan.transitions[before], &trace.blocks[before]);
                    Before::Transition(transition::Shares::new(&pass, transition, from, rules))
                }
            };
            let mut waiting = BlockShares::new(&pass, block_plan, block, before, rules);
            let reader = (&relevance, &affine);
            waiting.take(&pass, block_plan, block, reader, block_plan.channels, rules);
            let prefix = format!("features.denseblock{}", number + 1);
            match waiting.settle(&pass, block_plan, block, &prefix, rules, &mut book) {
                Before::Stem { relevance, accounts } => {
                    let passed = stem::image_sums(&self.backend.download(&relevance), block.grid);
                    book.enter("features.pool0", &accounts, &passed);
                    pooled = Some(relevance);
                }
                Before::Transition(shares) => {
                    let (transition, from) = (&plan.transitions[number - 1], &trace.blocks[number - 1]);
                    let name = format!("features.transition{number}.conv");
                    (relevance, affine) = shares.settle(&pass, transition, from, &name, &mut book);
                }
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
