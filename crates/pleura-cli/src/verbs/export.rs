//! `pleura export`: weights for other programs.

#![allow(clippy::doc_markdown, reason = "doc comments here are what --help prints")]

mod onnx;

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Result, bail};
use pleura::Classifier;
use pleura::export::TorchExport;
use pleura::import::check_output;
use pleura::output::export::{Export, Onnx, TestFiles, Torch};

use super::weights::list;
use crate::model::ModelArgs;

/// Export a model: weights for torchvision, or answers and heatmaps as an ONNX graph.
#[derive(clap::Args)]
pub struct Args {
    /// Weights (.safetensors), or a run's folder.
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

/// Writes the files, and prints how to load them.
pub fn run(args: &Args, json: bool) -> Result<ExitCode> {
    if args.onnx.path().is_none() && args.options.describes() {
        bail!(
            "--size, --fit and --kind are for --onnx: a file for torch holds tensors alone; leave them out"
        );
    }
    let options = args.options.options();
    let file = Classifier::weight_file(&args.model, &options)?;
    for path in args.torch.as_deref().into_iter().chain(args.onnx.path()) {
        check_output(&file, path)?;
    }
    if let (Some(torch), Some(onnx)) = (args.torch.as_deref(), args.onnx.path())
        && torch == onnx
    {
        bail!(
            "{}: --torch and --onnx are the same file; choose two names",
            onnx.display()
        );
    }
    let (mut document, mut text) = (Export::default(), String::new());
    if let Some(path) = &args.torch {
        let export = pleura::export::torch(&args.model, &options, path)?;
        text += &torch(path, &export);
        document.torch = Some(Torch::of(path, &export));
    }
    if let Some(path) = args.onnx.path() {
        let model = args.options.open(&args.model)?;
        let options = args.onnx.options(&model)?;
        let export = model.export_onnx(path, &options)?;
        text += &onnx::text(path, &export, &model);
        document.test_data = options.test_data.map(|data| TestFiles::of(&data, &export));
        document.onnx = Some(Onnx::of(path, &export, &model));
    }
    let mut out = io::stdout().lock();
    if json {
        writeln!(out, "{}", serde_json::to_string(&document)?)?;
    } else {
        write!(out, "{text}")?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The file for torchvision, and how to load it.
fn torch(path: &Path, export: &TorchExport) -> String {
    let weights = &export.weights;
    let mut text = format!("{}: outputs {}\n", path.display(), list(&weights.findings));
    if let Some(constructor) = &export.constructor {
        let pleura_nn::weights::Normalisation { mean, std } = weights.normalisation;
        text += &format!(
            "\n  from safetensors.torch import load_file\n  import torchvision\n\n  model = {constructor}\n  \
             model.load_state_dict(load_file({:?}), strict=True)\n  model.eval()  # input: grey in 0 to 1, three times; less \
             {mean:?}, by {std:?}\n",
            path.display().to_string()
        );
    }
    text
}
