//! Whole runs on small made-up films: what they leave behind, and that nothing interrupts them for good.

mod films;
mod interruptions;
mod refusals;
mod results;
