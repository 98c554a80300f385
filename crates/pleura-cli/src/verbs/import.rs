//! `pleura import`: weights of other programs become ours.

#![allow(clippy::doc_markdown, reason = "doc comments here are what --help prints")]

use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use pleura_film::{Fit, Preparation};
use pleura_nn::Architecture;
use pleura_nn::architecture::NAMES;
use pleura_nn::weights::Normalisation;
use pleura_nn::weights::import::{self, Container, Imported, KnownHead, Options};
use serde_json::json;

use super::weights::list;

/// Turn weights of other programs into ours: torchvision's and CheXNet's files, or any DenseNet's state_dict.
#[derive(clap::Args)]
pub struct Args {
    /// A .pth or .pth.tar of torch, or a .safetensors with torchvision's names.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The network it is of.
    #[arg(long, value_name = "NAME", value_parser = NAMES)]
    arch: String,
    /// Where the weights go (.safetensors).
    #[arg(long, value_name = "WEIGHTS")]
    out: PathBuf,
    /// What the outputs stand for, in their order; known of ImageNet's 1000 and CheXNet's 14.
    #[arg(long, value_name = "A,B,…", value_delimiter = ',')]
    findings: Option<Vec<String>>,
    /// What the network was trained to see: grey levels less ImageNet's mean and by its deviation, or as they are.
    #[arg(long, default_value = "imagenet", value_parser = ["imagenet", "none"])]
    normalisation: String,
    /// Whether the findings exclude each other (softmax) or not (sigmoid); known with the findings.
    #[arg(long, value_parser = ["exclusive", "independent"])]
    kind: Option<String>,
    /// Side of the network's input in pixels; for ImageNet's and CheXNet's 224 unless told otherwise.
    #[arg(long, value_name = "PIXELS", requires = "fit", value_parser = clap::value_parser!(u32).range(1..=8192))]
    size: Option<u32>,
    /// What becomes of a film that is not square; for ImageNet's and CheXNet's stretch unless told otherwise.
    #[arg(long, requires = "size", value_parser = ["stretch", "pad", "crop"])]
    fit: Option<String>,
}

/// Reads, renames, checks and writes.
pub fn run(args: &Args, json: bool) -> Result<ExitCode> {
    // The source may be irreplaceable, and an import can be repeated.
    if args.out.exists() && fs::canonicalize(&args.out).ok() == fs::canonicalize(&args.file).ok() {
        bail!(
            "{}: --out is the file that is read; choose another name",
            args.out.display()
        );
    }
    let bytes = fs::read(&args.file).with_context(|| format!("{}: cannot read", args.file.display()))?;
    let architecture = Architecture::by_name(&args.arch)?;
    let normalisation = if args.normalisation == "none" {
        Normalisation::NONE
    } else {
        Normalisation::IMAGENET
    };
    let options = Options {
        findings: args.findings.clone(),
        normalisation,
    };
    let mut imported = import::import(&bytes, &args.file.display().to_string(), &architecture, &options)?;
    add_what_is_known(&mut imported, args)?;
    imported.weights.write(&args.out)?;
    let mut out = io::stdout().lock();
    if json {
        writeln!(out, "{}", record(&imported, args))?;
    } else {
        show(&mut out, &imported, args)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// How to ask the network: what the user says, and otherwise what a known head implies.
fn add_what_is_known(imported: &mut Imported, args: &Args) -> Result<()> {
    let known = imported.head.map(|head| match head {
        KnownHead::ImageNet => "exclusive",
        KnownHead::CheXNet => "independent",
    });
    let metadata = &mut imported.weights.metadata;
    if let Some(kind) = args.kind.as_deref().or(known) {
        metadata.insert("kind".to_owned(), kind.to_owned());
    }
    let fit = match args.fit.as_deref() {
        Some("pad") => Fit::Pad,
        Some("crop") => Fit::Crop,
        _ => Fit::Stretch,
    };
    if let Some(size) = args.size.or(known.map(|_| 224)) {
        let preparation = Preparation {
            size: size as usize,
            fit,
            equalise: None,
        };
        let smallest = imported.weights.architecture.smallest_input();
        if preparation.size < smallest {
            bail!(
                "--size {size}: {} needs films of at least {smallest}×{smallest} pixels",
                args.arch
            );
        }
        metadata.insert("preparation".to_owned(), serde_json::to_string(&preparation)?);
    }
    Ok(())
}

fn container(imported: &Imported) -> &'static str {
    match imported.container {
        Container::TorchZip => "torch.save (ZIP)",
        Container::TorchLegacy => "torch.save (before 1.6)",
        Container::SafeTensors => "safetensors",
    }
}

fn record(imported: &Imported, args: &Args) -> serde_json::Value {
    let weights = &imported.weights;
    json!({
        "weights": args.out.display().to_string(),
        "architecture": weights.architecture.name(),
        "digest": weights.digest(),
        "findings": weights.findings,
        "normalisation": weights.normalisation,
        "metadata": weights.metadata,
        "from": {
            "path": args.file.display().to_string(),
            "container": container(imported),
            "prefix": imported.prefix,
            "renamed": imported.renamed,
            "skipped": imported.skipped,
        },
    })
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
