//! Writes `src/centre.rs`: the median share of each cosine over the films of a manifest.
//!
//! `cargo run --release -p pleura-duplicates --example usual_film -- films.csv > crates/pleura-duplicates/src/centre.rs`

use std::error::Error;
use std::io::Write as _;
use std::path::Path;

use pleura_duplicates::{Sketch, shares_of};
use pleura_manifest::Manifest;

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("which manifest?")?;
    let manifest = Manifest::read(Path::new(&path))?;
    let mut shares = Vec::new();
    for row in &manifest.rows {
        let film = pleura_film::open(&manifest.file(row), &pleura_film::DecodeOptions::default())?;
        shares.push(shares_of(&Sketch::of(&film)));
    }
    let middle = |bit: usize| {
        let mut values: Vec<f32> = shares.iter().map(|shares| shares[bit]).collect();
        values.sort_by(f32::total_cmp);
        values.get(values.len() / 2).copied().unwrap_or_default()
    };
    let mut out = std::io::stdout().lock();
    let films = manifest.rows.len();
    writeln!(
        out,
        "//! What a usual chest film's shares are. Written by `examples/usual_film.rs`.\n"
    )?;
    writeln!(out, "use crate::hash::BITS;\n")?;
    writeln!(
        out,
        "/// The median share of each cosine, over {films} films of many patients and sources."
    )?;
    writeln!(out, "#[rustfmt::skip]\npub(super) const CENTRE: [f32; BITS] = [")?;
    for line in (0..192).collect::<Vec<_>>().chunks(12) {
        let line: Vec<String> = line.iter().map(|&bit| format!("{:.2}", middle(bit))).collect();
        writeln!(out, "    {},", line.join(", "))?;
    }
    writeln!(out, "];")?;
    Ok(())
}
