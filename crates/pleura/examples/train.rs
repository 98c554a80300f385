//! Draws phantoms, trains a small network on them for two epochs, and answers one: `cargo run --example train
//! -- FOLDER`.
#![allow(clippy::print_stdout, reason = "an example prints")]

use std::path::Path;

use pleura::train::{Options, Recipe, Silent};
use pleura::{Classifier, Film};
use pleura_manifest::{Manifest, SplitOptions, split_file};
use pleura_synth::phantom::{self, PhantomOptions, PhantomSet};

const RECIPE: &str = r#"
seed = 1
architecture = "small"
preparation = { size = 64 }
evaluation = { bootstrap = 100 }

[[stage]]
name = "phantoms"
kind = "exclusive"
manifest = "films/manifest.csv"
epochs = 2
batch = 8
"#;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args().nth(1).ok_or("usage: train FOLDER")?;
    let folder = Path::new(&folder);
    let films = folder.join("films");
    let drawing = PhantomOptions {
        set: PhantomSet::Target,
        films: 60,
        size: 64,
        seed: 1,
        ..PhantomOptions::default()
    };
    phantom::write(&drawing, &films, &|_, _| {})?;
    let manifest = films.join("manifest.csv");
    split_file(&manifest, &manifest, &SplitOptions::default())?;

    let recipe = folder.join("recipe.toml");
    std::fs::write(&recipe, RECIPE)?;
    let run = folder.join("run");
    pleura::train::run(&Recipe::read(&recipe)?, &run, &Options::default(), &mut Silent)?;

    let model = Classifier::open(&run)?;
    let manifest = Manifest::read(&manifest)?;
    let film = manifest.rows.first().ok_or("no films were drawn")?;
    let answer = model.predict(&Film::open(manifest.file(film))?)?;
    println!("{}", model.line());
    for (finding, probability) in answer.probabilities() {
        println!("{probability:.3} {finding}");
    }
    Ok(())
}
