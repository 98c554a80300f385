//! Weight files: initial weights, our format, and the formats of others.

#![allow(clippy::unwrap_used, clippy::expect_used)] // A panic is how a test fails, in what tests share too.

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
