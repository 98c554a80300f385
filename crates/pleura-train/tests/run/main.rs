//! Whole runs on small made-up films: what they leave behind, and that nothing interrupts them for good.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a test that cannot go on should say so"
)]

mod films;
mod fractals;
mod head_only;
mod interruptions;
mod isnet;
mod refusals;
mod results;
mod sampling;
