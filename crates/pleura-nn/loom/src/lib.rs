//! Model checks of pleura-nn's spin pool and buffer pool: loom runs their code under all interleavings of few
//! threads.
//!
//! `RUSTFLAGS="--cfg loom" cargo test --release -p pleura-nn-loom`, which `cargo xtask test` does. The
//! modules are those of the engine itself. They form a package of their own so that the check does not build
//! all of the engine's dependencies.
#![cfg(all(loom, test))]
#![allow(unsafe_code, reason = "the modules under test have it")]

#[path = "../../src/cpu/buffer_pool.rs"]
mod buffer_pool;
#[path = "../../src/cpu/spin_pool.rs"]
mod spin_pool;
#[path = "../../src/cpu/sync.rs"]
mod sync;
