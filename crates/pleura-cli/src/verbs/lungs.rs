//! `pleura lungs`: the lungs on films.

use std::collections::BTreeSet;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use pleura::lungs::{Model, write_lungs};
use pleura::output::lungs::FilmLungs;
use pleura_eval::{Mean, SourceOverlap};

use crate::console::{self, FAILED};
use crate::table::Table;

/// Find the lungs on films: a mask and a picture of each; exit code 1 if a film has none.
#[derive(clap::Args)]
pub struct Args {
    /// Films: PNG, JPEG or DICOM.
    #[arg(required = true, value_name = "FILM")]
    films: Vec<PathBuf>,
    /// Folder for NAME-lungs.png (the mask, white inside) and NAME-outline.png (the film with the outline).
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Weights of a segmentation training, instead of the built-in model.
    #[arg(long, value_name = "WEIGHTS")]
    model: Option<PathBuf>,
}

/// Segments each film. A film that cannot be read does not keep the others from being segmented.
pub fn run(args: &Args, json: bool) -> Result<ExitCode> {
    let names = args
        .films
        .iter()
        .map(|film| name(film))
        .collect::<Result<Vec<String>>>()?;
    let mut seen = BTreeSet::new();
    if let Some(name) = names.iter().find(|name| !seen.insert(name.as_str())) {
        bail!(
            "two films are called {name}: their masks would have one name; segment them into two folders (--out)"
        );
    }
    let model = Model::open(args.model.as_deref())?;
    std::fs::create_dir_all(&args.out).with_context(|| {
        format!(
            "cannot create the folder {}; choose another --out",
            args.out.display()
        )
    })?;
    let mut out = io::stdout().lock();
    let (mut unread, mut without) = (false, 0);
    for (film, name) in args.films.iter().zip(&names) {
        let files = match write_lungs(model.get(), film, name, &args.out) {
            Ok(files) => files,
            Err(error @ pleura::Error::Film(_)) => {
                console::report(&error.into());
                unread = true;
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        if json {
            let document = FilmLungs::of(film, model.get().id(), &files);
            writeln!(out, "{}", serde_json::to_string(&document)?)?;
        } else {
            match &files.lungs {
                Ok(lungs) => {
                    let measures = lungs.measures();
                    writeln!(
                        out,
                        "{}: lungs {:.0} % of the film, {} part{}, the smaller side {:.0} %",
                        film.display(),
                        100.0 * measures.area,
                        measures.parts,
                        if measures.parts == 1 { "" } else { "s" },
                        100.0 * measures.smaller_side
                    )?;
                }
                Err(problem) => writeln!(out, "{}: no lungs: {problem}", film.display())?,
            }
        }
        without += usize::from(files.lungs.is_err());
    }
    if !json {
        writeln!(out, "{}", pleura::NOTICE)?;
    }
    Ok(if unread {
        ExitCode::from(console::COULD_NOT)
    } else if without > 0 {
        ExitCode::from(FAILED)
    } else {
        ExitCode::SUCCESS
    })
}

/// The name of a film's file without its extension.
fn name(film: &Path) -> Result<String> {
    let stem = film
        .file_stem()
        .with_context(|| format!("{}: is not a file; name film files", film.display()))?;
    Ok(stem.to_string_lossy().into_owned())
}

/// A table of the agreement with drawn masks.
pub(super) fn overlap_table(films: &str, sources: &[SourceOverlap]) -> Table {
    let mut table = Table::with_headings([
        films,
        ">films",
        ">patients",
        ">Dice (95 %)",
        ">IoU (95 %)",
        ">HD95, % of the diagonal",
        ">no mask",
    ]);
    let shown = |mean: Option<&Mean>, digits: usize| match mean.map(|mean| (mean.value, mean.low, mean.high))
    {
        Some((value, Some(low), Some(high))) => {
            format!("{value:.digits$} ({low:.digits$} to {high:.digits$})")
        }
        Some((value, _, _)) => format!("{value:.digits$}"),
        None => "none".to_owned(),
    };
    for source in sources {
        let dice = source.dice.as_ref();
        table.row([
            if source.dataset.is_empty() {
                "all"
            } else {
                &source.dataset
            }
            .to_owned(),
            dice.map_or(0, |dice| dice.n).to_string(),
            dice.map_or(0, |dice| dice.patients).to_string(),
            shown(dice, 3),
            shown(source.iou.as_ref(), 3),
            shown(source.hausdorff95_percent.as_ref(), 2),
            source.without_mask.to_string(),
        ]);
    }
    table
}
