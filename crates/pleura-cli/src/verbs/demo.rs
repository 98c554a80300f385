//! `pleura demo`: the whole method on phantoms, from drawing films to the report.

mod experiments;

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use pleura_core::fs::write_atomic;
use pleura_eval::{Evaluation, Predictions};
use pleura_manifest::{Manifest, Split, SplitOptions, split_file};
use pleura_run::{Recipe, RunFolder, json::read_json};
use pleura_synth::phantom;
use pleura_synth::phantom::{PhantomOptions, PhantomSet};
use pleura_train::Options;
use serde_json::json;

use crate::console::{NOTICE, Progress, note};
use crate::model::ModelArgs;
use crate::verbs::{audit, train};

/// Run the whole method on synthetic films: stages, output neuron keeping, heatmaps, burned-in text, audit,
/// report.
#[derive(clap::Args)]
pub struct Args {
    /// Folder to make. Default: demo, or the first free of demo-2, demo-3, …
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Seed of the phantoms and of the training.
    #[arg(long, default_value_t = 1, value_name = "N")]
    seed: u64,
}

/// The recipe of the demo.
const RECIPE: &str = include_str!("../../../../recipes/demo.toml");

/// The three sets: kind, films, side in pixels, probability that text follows the class, shares of training,
/// validation and test.
const SETS: [(PhantomSet, usize, usize, f32, [f64; 3]); 3] = [
    (PhantomSet::Source, 480, 96, 0.0, [0.8, 0.1, 0.1]),
    (PhantomSet::Intermediate, 1500, 128, 0.0, [0.8, 0.1, 0.1]),
    (PhantomSet::Target, 600, 256, 0.5, [0.5, 0.15, 0.35]),
];

/// Contrast of the lesions: clear, so that a small network learns them in minutes.
const DIFFICULTY: f32 = 0.15;

/// Films in the report's gallery.
const GALLERY: usize = 12;

/// Draws, trains, evaluates, explains and prints.
pub fn run(args: &Args, json: bool) -> Result<ExitCode> {
    let begin = Instant::now();
    let folder = folder(args.out.as_deref())?;
    fs::create_dir_all(&folder).with_context(|| format!("{}: cannot make the folder", folder.display()))?;
    note(format_args!(
        "1/6 drawing phantoms (drawings, not patients) into {}",
        folder.display()
    ));
    for (set, films, size, word_follows_class, fractions) in SETS {
        let name = set.name();
        let options = PhantomOptions {
            set,
            films,
            size,
            seed: args.seed,
            word_follows_class,
            difficulty: DIFFICULTY,
            ..PhantomOptions::default()
        };
        let progress = Progress::new(name, films);
        phantom::write(&options, &folder.join(name), &|done, of| progress.at(done, of))?;
        drop(progress);
        let manifest = folder.join(name).join("manifest.csv");
        let split = SplitOptions {
            seed: args.seed,
            fractions,
            ..SplitOptions::default()
        };
        split_file(&manifest, &manifest, &split)?;
    }

    note(
        "2/6 training: source, 15 findings, then three classes with and without output neuron keeping, three seeds each",
    );
    let recipe_path = folder.join("demo.toml");
    write_atomic(&recipe_path, RECIPE.as_bytes())?;
    let recipe = Recipe::read(&recipe_path)?;
    let run = folder.join("run");
    let options = Options::default().with_seed(Some(args.seed));
    let summary = train::carry_out(&recipe, &run, &options, json)?;
    if summary.stopped.is_some() {
        bail!(
            "stopped; the demo starts anew next time, or go on with `pleura train {} --out {} --resume`",
            recipe_path.display(),
            run.display()
        );
    }

    note("3/6 what keeping output neurons changed");
    let keeping = experiments::keeping(&run)?;

    note("4/6 the words experiment: words covered, and as much of anything else");
    let model = ModelArgs::of_stage("kept-1").open(&run)?;
    let stage = model.stage().context("the run does not know its stage kept-1")?;
    let manifest = Manifest::read(&stage.manifest)?;
    let answers = Predictions::read(&RunFolder::new(&run).stage(&stage.name).predictions(Split::Test))?;
    let words = experiments::words(&run, &model, &manifest, &answers)?;

    note("5/6 the audit: a search for shortcuts");
    let audit = audit::of_stage(&run, &stage.name)?;

    note("6/6 heatmaps beside the true lesions, and the report");
    let lesions = experiments::lesions(&model, &manifest, &answers)?;
    let lungs = experiments::lungs(&manifest)?;
    pleura::gallery::write(&run, &model, &manifest, &answers, GALLERY)?;
    let report = pleura_report::write(&run)?;

    let evaluation: Evaluation = read_json(&RunFolder::new(&run).stage(&stage.name).metrics())?;
    let found = [
        format!(
            "With keeping (seed 1): {}.",
            evaluation.overall.accuracy.words("test accuracy")
        ),
        keeping,
        words,
        audit,
        lesions,
        lungs,
    ];
    let mut out = io::stdout().lock();
    if json {
        let record = json!({
            "report": report, "run": run, "found": found, "seconds": begin.elapsed().as_secs_f64(), "phantoms": true,
            "notice": NOTICE,
        });
        writeln!(out, "{record}")?;
    } else {
        writeln!(
            out,
            "\nWhat the demo found, on phantoms (drawings; they say how the method behaves, nothing about patients):"
        )?;
        for line in &found {
            writeln!(out, "  · {line}")?;
        }
        writeln!(
            out,
            "Report: {}   ({:.0} s)\n{NOTICE}",
            report.display(),
            begin.elapsed().as_secs_f64()
        )?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The requested folder, which must be new, or the first free one.
fn folder(asked: Option<&Path>) -> Result<PathBuf> {
    if let Some(asked) = asked {
        if asked.exists() {
            bail!(
                "{}: is there already; the demo makes a folder of its own, choose another --out",
                asked.display()
            );
        }
        return Ok(asked.to_owned());
    }
    let mut names =
        std::iter::once("demo".to_owned()).chain((2..1000).map(|number| format!("demo-{number}")));
    let free = names.find(|name| !Path::new(name).exists());
    free.map(PathBuf::from)
        .context("demo to demo-999 are all there; remove some, or choose a folder with --out")
}
