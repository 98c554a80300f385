//! `pleura export`: our weights for other programs.

#![allow(clippy::doc_markdown, reason = "doc comments here are what --help prints")]

mod onnx;

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Result, bail};
use pleura::Classifier;
use pleura_nn::architecture::Stem;
use pleura_nn::{Architecture, Weights};
use pleura_package::Package;
use serde_json::json;

use super::weights::list;
use crate::model::ModelArgs;

/// Give a model to other programs: its weights to torchvision, its answers and heatmaps to any ONNX runtime.
#[derive(clap::Args)]
pub struct Args {
    /// Our weights (.safetensors), or a run's folder.
    #[arg(value_name = "WEIGHTS|RUN")]
    model: PathBuf,
    #[command(flatten)]
    options: ModelArgs,
    /// Write a plain .safetensors that torchvision's DenseNet loads with strict=True.
    #[arg(long, value_name = "OUT.safetensors", required_unless_present = "onnx")]
    torch: Option<PathBuf>,
    #[command(flatten)]
    onnx: onnx::Args,
}

/// Writes, and says how to load what was written.
pub fn run(args: &Args, json: bool) -> Result<ExitCode> {
    if args.onnx.path().is_none() && args.options.describes() {
        bail!(
            "--size, --fit and --kind are for --onnx: a file for torch holds tensors alone; leave them out"
        );
    }
    let file = Classifier::weight_file(&args.model, &args.options.options())?;
    let outputs = [("torch", args.torch.as_deref()), ("onnx", args.onnx.path())];
    for (option, path) in outputs {
        let Some(path) = path else { continue };
        if path.exists() && path.canonicalize().ok() == file.canonicalize().ok() {
            bail!(
                "{}: --{option} is the file that is read; choose another name",
                path.display()
            );
        }
    }
    if let [(_, Some(torch)), (_, Some(onnx))] = outputs
        && torch == onnx
    {
        bail!(
            "{}: --torch and --onnx are the same file; choose two names",
            onnx.display()
        );
    }
    let mut record = serde_json::Map::new();
    let mut words = String::new();
    if let Some(path) = &args.torch {
        torch(&file, path, &mut record, &mut words)?;
    }
    args.onnx
        .write(&args.model, &args.options, &mut record, &mut words)?;
    let mut out = io::stdout().lock();
    if json {
        writeln!(out, "{}", serde_json::Value::Object(record))?;
    } else {
        write!(out, "{words}")?;
    }
    Ok(ExitCode::SUCCESS)
}

fn torch(
    file: &Path,
    path: &Path,
    record: &mut serde_json::Map<String, serde_json::Value>,
    words: &mut String,
) -> Result<()> {
    let weights = if pleura::is_package(file) {
        Package::read(file)?.parts.weights
    } else {
        Weights::read(file)?
    };
    weights.write_torch(path)?;
    let constructor = constructor(&weights);
    record.extend([
        ("torch".to_owned(), json!(path.display().to_string())),
        ("architecture".to_owned(), json!(weights.architecture.name())),
        ("digest".to_owned(), json!(weights.digest())),
        ("findings".to_owned(), json!(weights.findings)),
        ("normalisation".to_owned(), json!(weights.normalisation)),
        ("constructor".to_owned(), json!(constructor)),
    ]);
    *words += &format!("{}: outputs {}\n", path.display(), list(&weights.findings));
    if let Some(constructor) = constructor {
        let pleura_nn::weights::Normalisation { mean, std } = weights.normalisation;
        *words += &format!(
            "\n  from safetensors.torch import load_file\n  import torchvision\n\n  model = {constructor}\n  \
             model.load_state_dict(load_file({:?}), strict=True)\n  model.eval()  # input: grey in 0 to 1, three times; less \
             {mean:?}, by {std:?}\n",
            path.display().to_string()
        );
    }
    Ok(())
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
