//! Writes `src/median_coefficients.rs`: the median of each cosine coefficient over the films of a manifest.
//!
//! ```sh
//! cargo run --release -p pleura-duplicates --example median_coefficients -- films.csv > median_coefficients.rs
//! ```

use std::error::Error;
use std::io::Write as _;
use std::path::Path;

use pleura_duplicates::{Thumbnail, dct_coefficients};
use pleura_manifest::Manifest;

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args()
        .nth(1)
        .ok_or("usage: median_coefficients MANIFEST")?;
    let manifest = Manifest::read(Path::new(&path))?;
    let mut all = Vec::new();
    for row in &manifest.rows {
        let film = pleura_film::open(&manifest.file(row), &pleura_film::DecodeOptions::default())?;
        all.push(dct_coefficients(&Thumbnail::of(&film)));
    }
    let median = |bit: usize| {
        let mut values: Vec<f32> = all.iter().map(|coefficients| coefficients[bit]).collect();
        values.sort_by(f32::total_cmp);
        values.get(values.len() / 2).copied().unwrap_or_default()
    };
    let mut out = std::io::stdout().lock();
    let films = manifest.rows.len();
    writeln!(
        out,
        "//! Medians of the cosine coefficients of chest films. Written by `examples/median_coefficients.rs`.\n"
    )?;
    writeln!(out, "use crate::hash::BITS;\n")?;
    writeln!(
        out,
        "/// The median of each coefficient over {films} films of many patients and sources."
    )?;
    writeln!(
        out,
        "#[rustfmt::skip]\npub(crate) const MEDIAN_COEFFICIENTS: [f32; BITS] = ["
    )?;
    for line in (0..192).collect::<Vec<_>>().chunks(12) {
        let line: Vec<String> = line.iter().map(|&bit| format!("{:.2}", median(bit))).collect();
        writeln!(out, "    {},", line.join(", "))?;
    }
    writeln!(out, "];")?;
    Ok(())
}
