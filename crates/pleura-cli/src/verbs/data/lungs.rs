//! `pleura data lungs`: lung masks for a manifest.

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use pleura_data::lungs::add_lung_masks;
use pleura_manifest::Manifest;

use crate::console::Progress;

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
}

/// Finds lungs, writes masks and manifest, and prints the counts.
pub(super) fn run(args: &LungArgs, json: bool) -> Result<ExitCode> {
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
