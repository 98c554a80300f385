//! `pleura data fractals`: fractal images.

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
    /// The folder to write: films, manifest.csv and sheet.png. It must be empty or new.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Number of classes.
    #[arg(long, value_name = "N", default_value_t = 12)]
    classes: usize,
    /// Training instances per class.
    #[arg(long, value_name = "N", default_value_t = 8)]
    instances: usize,
    /// Additional validation instances per class.
    #[arg(long, value_name = "N")]
    held_out: Option<usize>,
    /// Side in pixels.
    #[arg(long, default_value_t = 224, value_parser = clap::value_parser!(u32).range(16..=4096))]
    size: u32,
    /// Minimum share of the square that a class's points fill.
    #[arg(long, value_name = "0..0.3")]
    filling_rate: Option<f64>,
    /// Relative variation of an instance's parameters: 0.2 for up to a fifth.
    #[arg(long, value_name = "0..1")]
    variation: Option<f64>,
    /// Rendering of points.
    #[arg(long, value_enum)]
    rendering: Option<Draw>,
    /// The same options and seed give the same files.
    #[arg(long)]
    seed: Option<u64>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Draw {
    /// A random pattern of 3 × 3 pixels per point.
    Patch,
    /// One pixel per point.
    Point,
    /// Brightness by number of points.
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
