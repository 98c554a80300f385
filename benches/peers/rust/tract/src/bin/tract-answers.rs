//! `tract-answers GRAPH INPUT.pb FOLDER`: what tract answers to the film of a graph's test data. Writes each
//! output's numbers into the folder, `0.f32` onwards, little-endian, and prints their shapes.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use tract_onnx::prelude::*;
use tract_onnx::tensor::{load_tensor, proto_from_reader};

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [graph, input, folder] = arguments.as_slice() else {
        anyhow::bail!("expected GRAPH INPUT.pb FOLDER");
    };
    let file = fs::File::open(input).with_context(|| input.clone())?;
    let film = load_tensor(&tract_onnx::data_resolver::MmapDataResolver, &proto_from_reader(file)?, None)?;
    // As it is read: the time that the optimiser takes grows faster than the graph.
    let model = tract_onnx::onnx()
        .model_for_path(graph)?
        .with_input_fact(0, f32::fact(film.shape()).into())?
        .into_typed()?
        .into_runnable()?;
    let answers = model.run(tvec!(film.into()))?;
    let mut shapes = Vec::new();
    for (number, answer) in answers.iter().enumerate() {
        let numbers = answer.try_as_plain_ram()?.as_slice::<f32>()?.to_vec();
        let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        fs::write(Path::new(folder).join(format!("{number}.f32")), bytes)?;
        shapes.push(answer.shape().to_vec());
    }
    println!("{}", serde_json::json!(shapes));
    Ok(())
}
