//! `pleura data fractals`: pictures drawn by formula, for people to look at and for other programs.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::ValueEnum;
use pleura_synth::fractal::{self, FractalOptions, Fractals, Rendering};
use serde_json::json;

use crate::console::Progress;

#[derive(clap::Args)]
pub(super) struct FractalArgs {
    /// The folder to write: films, manifest.csv and sheet.png. It must be empty or not there.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// How many classes.
    #[arg(long, value_name = "N", default_value_t = 12)]
    classes: usize,
    /// Instances of each to train on.
    #[arg(long, value_name = "N", default_value_t = 8)]
    instances: usize,
    /// More instances of each, held out to validate on.
    #[arg(long, value_name = "N")]
    held_out: Option<usize>,
    /// Pixels a side.
    #[arg(long, default_value_t = 224, value_parser = clap::value_parser!(u32).range(16..=4096))]
    size: u32,
    /// Least share of the square that a class's points must fill.
    #[arg(long, value_name = "0..0.3")]
    filling_rate: Option<f64>,
    /// How much larger or smaller an instance's letter may be: 0.2 is up to a fifth.
    #[arg(long, value_name = "0..1")]
    variation: Option<f64>,
    /// How points are drawn.
    #[arg(long, value_enum)]
    rendering: Option<Draw>,
    /// The same options and seed give the same files.
    #[arg(long)]
    seed: Option<u64>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Draw {
    /// A random pattern of 3 × 3 pixels about each.
    Patch,
    /// A pixel each.
    Point,
    /// The brighter the more points fall on a pixel.
    Density,
}

pub(super) fn run(args: &FractalArgs, json: bool) -> Result<ExitCode> {
    let usual = FractalOptions::new(args.classes, args.instances);
    let options = FractalOptions {
        held_out: args.held_out.unwrap_or(usual.held_out),
        filling_rate: args.filling_rate.unwrap_or(usual.filling_rate),
        variation: args.variation.unwrap_or(usual.variation),
        rendering: match args.rendering {
            None => usual.rendering,
            Some(Draw::Patch) => Rendering::Patch,
            Some(Draw::Point) => Rendering::Point,
            Some(Draw::Density) => Rendering::Density,
        },
        seed: args.seed.unwrap_or(usual.seed),
        ..usual
    };
    let progress = Progress::new("classes found", options.classes);
    let fractals = Fractals::search(&options, args.size as usize, &|done, of| {
        progress.at(done, of);
    })?;
    drop(progress);
    let progress = Progress::new("fractals drawn", options.pictures());
    let manifest = fractal::write(&fractals, &args.out, &|done, of| progress.at(done, of))?;
    drop(progress);
    let (path, sheet) = (args.out.join(fractal::MANIFEST), args.out.join(fractal::SHEET));
    let mut out = io::stdout().lock();
    let (films, digest) = (manifest.rows.len(), manifest.digest());
    if json {
        let told = json!({
            "manifest": path.display().to_string(), "sheet": sheet.display().to_string(), "films": films, "classes": options.classes, "digest": digest,
        });
        writeln!(out, "{told}")?;
    } else {
        let classes = options.classes;
        writeln!(out, "{}: {films} fractals of {classes} classes", path.display())?;
        writeln!(out, "{}", sheet.display())?;
        writeln!(out, "digest {digest}")?;
    }
    Ok(ExitCode::SUCCESS)
}
