//! tract on the ONNX file that the other readers of ONNX get, declutter and optimisation as its examples show
//! it.

use anyhow::{Context, Result};
use case::Case;
use serde_json::json;
use tract_linalg::multithread::{Executor, set_default_executor};
use tract_onnx::prelude::*;

fn main() -> Result<()> {
    let case = Case::from_arguments()?;
    set_default_executor(Executor::multithread(case.threads));
    let path = case.network.as_deref().context("--network FILE is missing")?;
    let shape = [case.batch, 1, case.size, case.size];
    let model = tract_onnx::onnx()
        .model_for_path(path)?
        .with_input_fact(0, f32::fact(shape).into())?
        .into_optimized()?
        .into_runnable()?;
    let films: Tensor = tract_ndarray::Array4::from_shape_vec(shape, case.films())?.into();
    case.time(json!({"version": case::version("tract-onnx")}), || {
        let answer = model.run(tvec!(films.clone().into()))?;
        Ok(answer[0].try_as_plain_ram()?.as_slice::<f32>()?.to_vec())
    })
}
