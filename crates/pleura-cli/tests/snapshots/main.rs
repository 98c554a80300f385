//! Snapshots of the program's output: help, answers as text and as JSON, errors.
//!
//! `INSTA_UPDATE=always cargo test --release -p pleura-cli --test snapshots` accepts what the program now
//! says; `git diff` shows the change.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod data;
mod errors;
mod help;
mod models;
mod old;
mod runs;
#[path = "../verbs/scene.rs"]
#[allow(dead_code, reason = "shared with the tests of the verbs, which use all of it")]
mod scene;
mod session;
mod training;
