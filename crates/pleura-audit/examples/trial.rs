//! How often the audit of a table is right: sets of phantoms with a planted shortcut, and clean ones.
//!
//! ```text
//! cargo run --release -p pleura-audit --example trial -- 100
//! ```
//!
//! prints, for so many sets of each kind, how many raised an alarm (or a block), and which checks did.

#![allow(clippy::print_stdout, reason = "an example")]

use std::collections::BTreeMap;
use std::error::Error;

use pleura_audit::{Films, Thresholds, Verdict, check_films};
use pleura_manifest::Manifest;
use pleura_synth::phantom::{self, PhantomOptions};

/// Films of a set.
const FILMS: usize = 240;
/// Their side.
const SIZE: usize = 160;

/// A name, and how it changes the options.
type Kind = (&'static str, fn(&mut PhantomOptions));

const KINDS: [Kind; 4] = [
    ("clean", |_| {}),
    ("word follows class", |options| options.word_follows_class = 1.0),
    ("source follows class", |options| {
        options.source_follows_class = 1.0;
    }),
    ("source follows class, half", |options| {
        options.source_follows_class = 0.5;
    }),
];

fn main() -> Result<(), Box<dyn Error>> {
    let argument = std::env::args().nth(1).unwrap_or_else(|| "100".to_owned());
    let runs: u64 = argument
        .parse()
        .map_err(|_| format!("{argument:?}: expected how many sets of each kind"))?;
    let thresholds = Thresholds::default();
    println!("{runs} sets of each kind, {FILMS} phantoms of {SIZE} × {SIZE} pixels\n");
    for (name, change) in KINDS {
        let (mut raised, mut by_check) = (0, BTreeMap::<String, u64>::new());
        for run in 0..runs {
            let mut options = PhantomOptions {
                films: FILMS,
                size: SIZE,
                seed: 1000 + run,
                ..PhantomOptions::default()
            };
            change(&mut options);
            let loud = audit(&options, &thresholds)?;
            raised += u64::from(!loud.is_empty());
            for check in loud {
                *by_check.entry(check).or_default() += 1;
            }
        }
        let checks: Vec<String> = by_check
            .iter()
            .map(|(check, count)| format!("{check} {count}"))
            .collect();
        println!(
            "{name}: {raised} of {runs} raised an alarm; {}",
            checks.join(", ")
        );
    }
    Ok(())
}

/// The checks that raised an alarm or a block.
fn audit(options: &PhantomOptions, thresholds: &Thresholds) -> Result<Vec<String>, Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let out = folder.path().join("set");
    phantom::write(options, &out, &|_, _| {})?;
    let manifest = Manifest::read(&out.join("manifest.csv"))?;
    let rows: Vec<(usize, usize)> = manifest
        .classes()
        .into_iter()
        .enumerate()
        .filter_map(|(row, class)| Some((row, class?)))
        .collect();
    let films = Films::read(&manifest, manifest.findings.clone(), &rows, &|_, _| {});
    let checks = check_films(&films, None, thresholds)?;
    let loud = checks.into_iter().filter(|check| check.verdict >= Verdict::Alarm);
    Ok(loud.map(|check| check.name).collect())
}
