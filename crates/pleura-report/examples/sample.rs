//! Writes the report of a made-up run, to look at: `cargo run --release -p pleura-report --example sample -- OUT.html`

#![allow(clippy::unwrap_used, reason = "the made-up run is shared with the tests")]

#[path = "../tests/sample/mod.rs"]
mod sample;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let out = std::env::args()
        .nth(1)
        .ok_or("expected the name of the page to write")?;
    std::fs::write(out, pleura_report::render(&sample::input()))?;
    Ok(())
}
