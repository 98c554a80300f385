//! The third pass: relevance from the logits down to the pixels.

use super::{Network, Norm, Trace, transposed};
use crate::backend::{Account, Backend, Real};
use crate::error::Error;
use crate::layers::relevance::{LayerRelevance, Pending, Producers, Scratch};
use crate::layers::{head, stem};
use crate::relevance::{FIRST, Ledger, LedgerBuilder, NORM, POOL, Rules, Start};

/// The relevance of the input, with its ledgers.
pub struct Relevance<B: Backend> {
    /// `[3, batch, size, size]`.
    pub input: B::Tensor,
    /// One ledger per film.
    pub ledgers: Vec<Ledger>,
}

/// Relevance that one start sends to the layers before, with the account of the sending layer.
struct Front<T> {
    sent: LayerRelevance<T>,
    accounts: Vec<Account>,
}

impl<B: Backend> Network<B> {
    /// Relevance of the input, `[3, batch, size, size]`, for the start `Σ_k c_k · logit_k` with coefficients
    /// `c`, `[batch, outputs]`: 1 at one output for that class; 1 and −1 at two outputs for their difference.
    ///
    /// The trace must come from a pass with running statistics.
    ///
    /// # Errors
    /// [`Error::Length`] if the length of the coefficients is not that of the trace's logits;
    /// [`Error::Statistics`]; [`Error::Rule`] if a rule does not fit its layer.
    pub fn relevance(
        &self,
        trace: &Trace<B>,
        coefficients: &[f64],
        rules: &Rules,
    ) -> Result<Relevance<B>, Error> {
        Ok(self
            .relevances(trace, &[Start::from(coefficients)], rules)?
            .swap_remove(0))
    }

    /// [`Network::relevance`] for several starts, in their order. The denominators of all layers do not
    /// depend on the start and are computed once.
    ///
    /// # Errors
    /// As [`Network::relevance`].
    pub fn relevances(
        &self,
        trace: &Trace<B>,
        starts: &[Start],
        rules: &Rules,
    ) -> Result<Vec<Relevance<B>>, Error> {
        let (batch, outputs) = (trace.batch, self.plan.head.linear.outputs);
        if trace.norm != Norm::Running {
            return Err(Error::Statistics {
                operation: "relevance",
                expected: "running statistics",
            });
        }
        for (what, found) in starts.iter().flat_map(|start| {
            [
                ("coefficients", start.coefficients.len()),
                ("thresholds", start.thresholds.len()),
            ]
        }) {
            if found != batch * outputs {
                return Err(Error::Length {
                    operation: "relevance",
                    what: format!("{what} for {batch} films"),
                    found,
                    expected: batch * outputs,
                });
            }
        }
        rules.check()?;
        Ok(self.send_back(trace, starts, rules))
    }

    fn send_back(&self, trace: &Trace<B>, starts: &[Start], rules: &Rules) -> Vec<Relevance<B>> {
        let plan = &self.plan;
        let pass = self.pass(Norm::Running, true);
        let logits: Vec<f64> = self.logits(trace).iter().map(|logit| logit.to_f64()).collect();
        let last = &trace.blocks[plan.blocks.len() - 1];
        let (mut ledgers, mut fronts) = (Vec::new(), Vec::new());
        for start in starts {
            let outputs = plan.head.linear.outputs;
            let parts = start.coefficients.iter().zip(&start.thresholds).zip(&logits);
            let parts: Vec<f64> = parts.map(|((c, threshold), z)| c * (z - threshold)).collect();
            let sums: Vec<f64> = parts
                .chunks_exact(outputs)
                .map(|film| film.iter().sum())
                .collect();
            let mut ledger = LedgerBuilder::new(&sums);
            let start = Start {
                coefficients: transposed(&start.coefficients, outputs),
                thresholds: transposed(&start.thresholds, outputs),
            };
            let answers = (&trace.features, &trace.logits);
            let (sent, accounts) =
                head::relevance(&pass, &plan.head, answers, last, &start, rules, &mut ledger);
            ledgers.push(ledger);
            fronts.push(Front { sent, accounts });
        }
        let mut affine = pass.affine(plan.head.norm, &last.moments);
        let mut layer = POOL.to_owned();
        let mut scratch = Scratch::of(&pass, plan, &trace.blocks, rules);
        let mut pooled = Vec::new();
        for (number, (block_plan, block)) in plan.blocks.iter().zip(&trace.blocks).enumerate().rev() {
            let before = number.checked_sub(1);
            let before = before.map(|before| (&plan.transitions[before], &trace.blocks[before]));
            let producers = Producers::new(&pass, (number, block_plan), block, before, &affine, rules);
            let mut pending: Vec<Pending<B::Tensor>> =
                fronts.iter().map(|_| producers.pending(&pass)).collect();
            for ((pending, front), ledger) in pending.iter_mut().zip(&fronts).zip(&mut ledgers) {
                let reader = front.sent.reader(&affine);
                let passed = producers.take(&pass, pending, &reader, block_plan.channels, rules);
                ledger.add_entry(&layer, &front.accounts, &passed);
            }
            fronts.clear();
            producers.settle(&pass, &mut pending, &mut ledgers, &mut scratch, rules);
            if let Some((transition, from)) = before {
                affine = pass.affine(transition.norm, &from.moments);
                layer = format!("features.transition{number}.conv");
            }
            for (pending, ledger) in pending.into_iter().zip(&mut ledgers) {
                if let Some(sent) = producers.through_front(&pass, &pending) {
                    let accounts = pending.front_accounts;
                    fronts.push(Front { sent, accounts });
                } else {
                    let passed = stem::image_sums(&self.backend.download(&pending.front), block.grid);
                    ledger.add_entry(NORM, &pending.front_accounts, &passed);
                    pooled.push(pending.front);
                }
            }
        }
        let films = self.as_films(&trace.grey);
        let sharing = stem::Sharing::new(&pass, &plan.stem, &trace.stem, films, rules);
        let ends = ledgers.into_iter().zip(pooled).map(|(mut ledger, pooled)| {
            let (input, accounts, passed) = sharing.relevance(&pass, &pooled);
            ledger.add_entry(FIRST, &accounts, &passed);
            Relevance {
                input,
                ledgers: ledger.finish(&passed),
            }
        });
        ends.collect()
    }
}
