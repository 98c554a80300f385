//! `pleura export`: our weights for other programs.

#![allow(clippy::doc_markdown, reason = "doc comments here are what --help prints")]

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, bail};
use pleura_nn::architecture::Stem;
use pleura_nn::{Architecture, Weights};
use serde_json::json;

use super::weights::list;

/// Give weights to other programs.
#[derive(clap::Args)]
pub struct Args {
    /// Our weights (.safetensors).
    #[arg(value_name = "WEIGHTS")]
    weights: PathBuf,
    /// Write a plain .safetensors that torchvision's DenseNet loads with strict=True.
    #[arg(long, value_name = "OUT", required = true)]
    torch: PathBuf,
}

/// Writes, and says how to load what was written.
pub fn run(args: &Args, json: bool) -> Result<ExitCode> {
    let weights = Weights::read(&args.weights)?;
    if args.torch.exists() && args.torch.canonicalize().ok() == args.weights.canonicalize().ok() {
        bail!(
            "{}: --torch is the file that is read; choose another name",
            args.torch.display()
        );
    }
    weights.write_torch(&args.torch)?;
    let constructor = constructor(&weights);
    let mut out = io::stdout().lock();
    if json {
        let record = json!({
            "torch": args.torch,
            "architecture": weights.architecture.name(),
            "digest": weights.digest(),
            "findings": weights.findings,
            "normalisation": weights.normalisation,
            "constructor": constructor,
        });
        writeln!(out, "{record}")?;
        return Ok(ExitCode::SUCCESS);
    }
    writeln!(
        out,
        "{}: outputs {}",
        args.torch.display(),
        list(&weights.findings)
    )?;
    if let Some(constructor) = constructor {
        let pleura_nn::weights::Normalisation { mean, std } = weights.normalisation;
        writeln!(
            out,
            "\n  from safetensors.torch import load_file\n  import torchvision\n"
        )?;
        writeln!(out, "  model = {constructor}")?;
        writeln!(
            out,
            "  model.load_state_dict(load_file({:?}), strict=True)",
            args.torch.display().to_string()
        )?;
        writeln!(
            out,
            "  model.eval()  # input: grey in 0 to 1, three times; less {mean:?}, by {std:?}"
        )?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The Python that makes the same network with torchvision, which has this stem alone.
fn constructor(weights: &Weights) -> Option<String> {
    let architecture = &weights.architecture;
    let outputs = weights.findings.len();
    let channels = architecture.stem().channels;
    if *architecture.stem() != Stem::torchvision(channels) {
        return None;
    }
    let named = Architecture::by_name(architecture.name()).is_ok_and(|named| named == *architecture);
    if named && architecture.name().starts_with("densenet") {
        return Some(format!(
            "torchvision.models.{}(num_classes={outputs})",
            architecture.name()
        ));
    }
    let blocks: Vec<String> = architecture.blocks().iter().map(ToString::to_string).collect();
    // A comma behind the last, so that one block makes a tuple too.
    let blocks = blocks.join(", ") + ",";
    Some(format!(
        "torchvision.models.DenseNet(growth_rate={}, block_config=({}), num_init_features={channels}, bn_size={}, num_classes={outputs})",
        architecture.growth(),
        blocks,
        architecture.bottleneck_channels() / architecture.growth()
    ))
}
