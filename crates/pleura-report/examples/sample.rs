//! Writes the report of a made-up run, or of a run's folder, to look at:
//! `cargo run --release -p pleura-report --example sample -- OUT.html [RUN]`

#![allow(clippy::unwrap_used, reason = "the made-up run is shared with the tests")]

use std::env::args_os;
use std::path::Path;

use pleura_report::{ReportInput, render};

#[path = "../tests/sample/mod.rs"]
mod sample;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let out = args_os().nth(1).ok_or("expected the name of the page to write")?;
    let input = match args_os().nth(2) {
        Some(run) => ReportInput::from_run(Path::new(&run))?,
        None => sample::input(),
    };
    std::fs::write(out, render(&input).html)?;
    Ok(())
}
