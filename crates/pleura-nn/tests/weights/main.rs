//! Weights at rest: fresh ones, our files, and the files of others.

#[path = "../golden/mod.rs"]
mod golden;

mod fetch;
mod file;
mod formula;
mod fresh;
mod hostile;
mod import;

/// The smallest architecture of the goldens, with `outputs` findings.
fn tiny(outputs: usize) -> pleura_nn::Weights {
    golden::weights(&golden::architecture("tiny"), outputs)
}
