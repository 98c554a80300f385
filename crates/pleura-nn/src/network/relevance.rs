//! The third pass: relevance from the logits down to the pixels.

use super::{Network, Norm, Trace, transposed};
use crate::backend::{Account, Backend, Real};
use crate::error::Error;
use crate::layers::shares::{Producers, Scratch, Waiting};
use crate::layers::{head, stem};
use crate::relevance::{Book, Relevance, Rules};

/// What one start sends to the layers in front, with the account of the layer that sends it.
struct Front<T> {
    factor: T,
    accounts: Vec<Account>,
}

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
        Ok(self.relevances(trace, &[coefficients], rules)?.swap_remove(0))
    }

    /// [`Network::relevance`] for several starts, in their order: what does not depend on a start, the denominators of all
    /// layers, is computed once.
    ///
    /// # Errors
    /// As [`Network::relevance`].
    pub fn relevances(
        &self,
        trace: &Trace<B>,
        starts: &[impl AsRef<[f64]>],
        rules: &Rules,
    ) -> Result<Vec<Relevance<B>>, Error> {
        let (plan, batch) = (&self.plan, trace.batch);
        let outputs = plan.head.linear.outputs;
        if trace.norm != Norm::Running {
            return Err(Error::Statistics {
                operation: "relevance",
                expected: "running statistics",
            });
        }
        for start in starts {
            if start.as_ref().len() != batch * outputs {
                return Err(Error::Length {
                    operation: "relevance",
                    what: format!("coefficients for {batch} films"),
                    found: start.as_ref().len(),
                    expected: batch * outputs,
                });
            }
        }
        let pass = self.pass(Norm::Running, true);
        let logits = self.logits(trace);
        let last = &trace.blocks[plan.blocks.len() - 1];
        let (mut books, mut fronts) = (Vec::new(), Vec::new());
        for coefficients in starts {
            let films = coefficients
                .as_ref()
                .chunks_exact(outputs)
                .zip(logits.chunks_exact(outputs));
            let start: Vec<f64> = films
                .map(|(c, logits)| c.iter().zip(logits).map(|(c, z)| c * z.to_f64()).sum())
                .collect();
            let mut book = Book::new(&start);
            let coefficients = transposed(coefficients.as_ref(), outputs);
            let answers = (&trace.features, &trace.logits);
            let (factor, accounts) =
                head::relevance(&pass, &plan.head, answers, last, &coefficients, rules, &mut book);
            books.push(book);
            fronts.push(Front { factor, accounts });
        }
        let mut affine = pass.affine(plan.head.norm, &last.moments);
        let mut layer = "pool".to_owned();
        let mut scratch = Scratch::of(&pass, plan, &trace.blocks);
        let mut pooled = Vec::new();
        for (number, (block_plan, block)) in plan.blocks.iter().zip(&trace.blocks).enumerate().rev() {
            let before = number.checked_sub(1);
            let before = before.map(|before| (&plan.transitions[before], &trace.blocks[before]));
            let producers = Producers::new(&pass, block_plan, block, before, &affine, rules);
            let mut waiting: Vec<Waiting<B::Tensor>> =
                fronts.iter().map(|_| producers.waiting(&pass)).collect();
            for ((waiting, front), book) in waiting.iter_mut().zip(&fronts).zip(&mut books) {
                let reader = (&front.factor, &affine);
                let passed = producers.take(&pass, waiting, reader, block_plan.channels, rules);
                book.enter(&layer, &front.accounts, &passed);
            }
            fronts.clear();
            let prefix = format!("features.denseblock{}", number + 1);
            producers.settle(&pass, &mut waiting, &mut books, &mut scratch, (&prefix, rules));
            if let Some((transition, from)) = before {
                affine = pass.affine(transition.norm, &from.moments);
                layer = format!("features.transition{number}.conv");
            }
            for (waiting, book) in waiting.into_iter().zip(&mut books) {
                if let Some(factor) = producers.through_front(&pass, &waiting) {
                    let accounts = waiting.front_accounts;
                    fronts.push(Front { factor, accounts });
                } else {
                    let passed = stem::image_sums(&self.backend.download(&waiting.front), block.grid);
                    book.enter("features.pool0", &waiting.front_accounts, &passed);
                    pooled.push(waiting.front);
                }
            }
        }
        let input = self.backend.channels(self.as_films(&trace.grey));
        let ends = books.into_iter().zip(pooled).map(|(mut book, pooled)| {
            let (input, passed) =
                stem::relevance(&pass, &plan.stem, &trace.stem, &input, &pooled, rules, &mut book);
            Relevance {
                input,
                ledgers: book.close(&passed),
            }
        });
        Ok(ends.collect())
    }
}
