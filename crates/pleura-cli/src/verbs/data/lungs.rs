//! `pleura data lungs`: lung masks for a manifest.

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, bail};
use pleura::lungs::Model;
use pleura_data::lungs::{add_lung_masks, compare_lung_masks};
use pleura_manifest::Manifest;

use crate::console::Progress;
use crate::verbs::lungs::overlap_table;

#[derive(clap::Args)]
pub(super) struct LungArgs {
    /// The manifest. Masks that people have drawn are kept.
    #[arg(value_name = "M.csv")]
    manifest: PathBuf,
    /// The manifest to write. Default: the same file.
    #[arg(long, value_name = "N.csv")]
    out: Option<PathBuf>,
    /// Folder of the masks. Default: the written manifest's name with -lungs, beside it.
    #[arg(long, value_name = "DIR")]
    masks: Option<PathBuf>,
    /// Write nothing: compare the model's masks with the drawn ones, by dataset.
    #[arg(long, conflicts_with_all = ["out", "masks"])]
    compare: bool,
    /// With --compare: weights of a segmentation training, instead of the built-in model.
    #[arg(long, value_name = "WEIGHTS", requires = "compare")]
    model: Option<PathBuf>,
}

/// Finds lungs, writes masks and manifest, and prints the counts.
pub(super) fn run(args: &LungArgs, json: bool) -> Result<ExitCode> {
    if args.compare {
        return compare(args, json);
    }
    let out = args.out.as_ref().unwrap_or(&args.manifest);
    let masks = args.masks.clone().unwrap_or_else(|| {
        let stem = out.file_stem().unwrap_or_default().to_string_lossy();
        out.with_file_name(format!("{stem}-lungs"))
    });
    let films = Manifest::read(&args.manifest)?.rows.len();
    let progress = Progress::new("films segmented", films);
    let counts = add_lung_masks(&args.manifest, out, &masks, &|done, of| progress.at(done, of))?;
    drop(progress);
    let mut text = io::stdout().lock();
    if json {
        writeln!(text, "{}", serde_json::to_string(&counts)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    writeln!(
        text,
        "{}: {} masks found by the model {} in {}, {} drawn ones kept",
        out.display(),
        counts.found,
        counts.model,
        masks.display(),
        counts.drawn
    )?;
    for (reason, films) in &counts.not_found {
        writeln!(text, "  -{films:>8}  no plausible lungs: {reason}")?;
    }
    Ok(ExitCode::SUCCESS)
}

fn compare(args: &LungArgs, json: bool) -> Result<ExitCode> {
    let manifest = Manifest::read(&args.manifest)?;
    let model = Model::open(args.model.as_deref())?;
    let progress = Progress::new("films compared", manifest.rows.len());
    let sources = compare_lung_masks(&manifest, model.get(), &|done, of| progress.at(done, of))?;
    drop(progress);
    if sources.is_empty() {
        bail!(
            "{}: no film has a drawn mask in the column lung_mask",
            args.manifest.display()
        );
    }
    let mut out = io::stdout().lock();
    if json {
        writeln!(out, "{}", serde_json::to_string(&sources)?)?;
    } else {
        write!(out, "{}", overlap_table("drawn masks", &sources))?;
    }
    Ok(ExitCode::SUCCESS)
}
