//! `pleura import`: weights of other programs.

#![allow(clippy::doc_markdown, reason = "doc comments here are what --help prints")]

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use pleura::import::ImportOptions;
use pleura::output::weights::{ImportedWeights, container};
use pleura::{Fit, Task};
use pleura_nn::Architecture;
use pleura_nn::architecture::NAMES;
use pleura_nn::weights::Normalisation;
use pleura_nn::weights::import::Imported;

use super::weights::list;

/// Import weights of other programs: torchvision's and CheXNet's files, or any DenseNet's state_dict.
#[derive(clap::Args)]
pub struct Args {
    /// A .pth or .pth.tar of PyTorch, or a .safetensors with torchvision's names.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The architecture.
    #[arg(long, value_name = "NAME", value_parser = NAMES)]
    arch: String,
    /// Output file (.safetensors).
    #[arg(long, value_name = "WEIGHTS")]
    out: PathBuf,
    /// Findings in the order of the outputs; known for ImageNet's 1000 and CheXNet's 14.
    #[arg(long, value_name = "A,B,…", value_delimiter = ',')]
    findings: Option<Vec<String>>,
    /// Normalisation of the network's input: ImageNet's mean and deviation, or none.
    #[arg(long, default_value = "imagenet", value_parser = ["imagenet", "none"])]
    normalisation: String,
    /// Relation of the findings: exclusive (softmax) or independent (sigmoid); known with the findings.
    #[arg(long, value_parser = ["exclusive", "independent"])]
    kind: Option<String>,
    /// Side of the network's input in pixels. Default for ImageNet's and CheXNet's weights: 224.
    #[arg(long, value_name = "PIXELS", requires = "fit", value_parser = clap::value_parser!(u32).range(1..=8192))]
    size: Option<u32>,
    /// Preparation of films that are not square. Default for ImageNet's and CheXNet's weights: stretch.
    #[arg(long, requires = "size", value_parser = ["stretch", "pad", "crop"])]
    fit: Option<String>,
}

impl Args {
    /// The library's options.
    fn options(&self) -> Result<ImportOptions> {
        Ok(ImportOptions {
            architecture: Architecture::by_name(&self.arch)?,
            findings: self.findings.clone(),
            normalisation: if self.normalisation == "none" {
                Normalisation::NONE
            } else {
                Normalisation::IMAGENET
            },
            task: self.kind.as_deref().and_then(Task::by_name),
            size: self.size.map(|size| size as usize),
            fit: self.fit.as_deref().map(|fit| match fit {
                "pad" => Fit::Pad,
                "crop" => Fit::Crop,
                _ => Fit::Stretch,
            }),
        })
    }
}

/// Reads, renames, checks and writes.
pub fn run(args: &Args, json: bool) -> Result<ExitCode> {
    let imported = pleura::import::import(&args.file, &args.out, &args.options()?)?;
    let mut out = io::stdout().lock();
    if json {
        let document = ImportedWeights::of(&args.file, &args.out, &imported);
        writeln!(out, "{}", serde_json::to_string(&document)?)?;
    } else {
        show(&mut out, &imported, args)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn show(out: &mut impl Write, imported: &Imported, args: &Args) -> io::Result<()> {
    let weights = &imported.weights;
    writeln!(
        out,
        "{}: {}, {} tensors of {}",
        args.file.display(),
        container(imported),
        weights.tensors.len(),
        weights.architecture.name()
    )?;
    if !imported.prefix.is_empty() {
        writeln!(out, "  {:?} taken off every name", imported.prefix)?;
    }
    if imported.renamed > 0 {
        writeln!(out, "  {} tensors had older names", imported.renamed)?;
    }
    if !imported.skipped.is_empty() {
        writeln!(
            out,
            "  {} entries left behind (counters and the like)",
            imported.skipped.len()
        )?;
    }
    writeln!(out, "  outputs: {}", list(&weights.findings))?;
    for (key, option) in [("kind", "--kind"), ("preparation", "--size and --fit")] {
        match weights.metadata.get(key) {
            Some(value) => writeln!(out, "  {key}: {value}")?,
            None => writeln!(
                out,
                "  {key}: not known; say it here or at each use with {option}"
            )?,
        }
    }
    writeln!(out, "{}: digest {}", args.out.display(), weights.digest())
}
