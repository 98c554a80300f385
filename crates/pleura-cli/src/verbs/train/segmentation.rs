//! `pleura train` of a recipe with `kind = "segmentation"`.

use std::io::{self, Write as _};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Result, bail};
use pleura_run::segmentation::SegmentationRecipe;
use pleura_train::Options;
use pleura_train::segmentation::{SegmentationEnd, SegmentationSummary};

use super::{Args, watched};
use crate::console::COULD_NOT;
use crate::verbs::lungs::overlap_table;

/// True if the recipe is one of a segmentation network.
pub(super) fn wanted(recipe: &Path) -> bool {
    std::fs::read_to_string(recipe).is_ok_and(|text| SegmentationRecipe::is(&text))
}

/// Trains, and prints the agreement on the test films.
pub(super) fn run(args: &Args, json: bool) -> Result<ExitCode> {
    if !args.series.is_empty() {
        bail!(
            "{}: --folds and --curve are for classifiers; split the manifest of a segmentation recipe yourself",
            args.recipe.display()
        );
    }
    let recipe = SegmentationRecipe::read(&args.recipe)?;
    let options = Options::default()
        .with_resume(args.resume)
        .with_seed(args.seed)
        .with_cache(args.cache.clone());
    let end = watched(&args.out, args.seed, json, |display| {
        pleura_train::segmentation::run(&recipe, &args.out, &options, display)
    })?;
    let mut out = io::stdout().lock();
    match end {
        SegmentationEnd::Finished(summary) if json => {
            writeln!(out, "{}", serde_json::to_string(&summary)?)?;
        }
        SegmentationEnd::Finished(summary) => tell(&mut out, &summary)?,
        SegmentationEnd::Stopped(stop) => {
            writeln!(
                out,
                "stopped in epoch {} after step {}; go on with --resume",
                stop.epoch + 1,
                stop.step
            )?;
            return Ok(ExitCode::from(COULD_NOT));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn tell(out: &mut impl io::Write, summary: &SegmentationSummary) -> io::Result<()> {
    writeln!(
        out,
        "{}: best epoch {}, mean Dice of {} validation films {:.3}",
        summary.weights.display(),
        summary.best_epoch + 1,
        summary.films[1],
        summary.validation_dice
    )?;
    if summary.test.is_empty() {
        return writeln!(out, "No test films.");
    }
    write!(out, "{}", overlap_table("test films", &summary.test))
}
