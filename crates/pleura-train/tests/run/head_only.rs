//! If only the head is trained, films go through the convolutions once, and the results have the same bits.

use pleura_nn::Weights;
use pleura_train::Silent;
use serde_json::Value;

use crate::films::{HEAD_ONLY, Place};

/// The lines of a run's log file that are about the second stage.
fn lines(place: &Place, name: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(place.path("run").join(name)).unwrap();
    let lines = text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter(|line| line["stage"] == "target").collect()
}

/// Of each step, whether films went through the convolutions.
fn convolved(place: &Place) -> Vec<bool> {
    let steps = lines(place, "timing.jsonl")
        .into_iter()
        .filter(|line| line["event"] == "step");
    steps.map(|line| line["convolved"].as_bool().unwrap()).collect()
}

#[test]
fn later_epochs_convolve_nothing_and_change_no_bit() {
    let short = Place::head_only();
    short.run("run", &mut Silent).unwrap();
    // An augmentation that moves nothing: the same films, but nothing says so beforehand.
    let long = Place::head_only();
    let recipe = std::fs::read_to_string(long.path("recipe.toml")).unwrap();
    let recipe = recipe.replace(
        HEAD_ONLY,
        &format!("{HEAD_ONLY}\naugmentation = {{ flip = 0.0 }}"),
    );
    std::fs::write(long.path("recipe.toml"), recipe).unwrap();
    long.run("run", &mut Silent).unwrap();

    assert_eq!(convolved(&short), [[true; 4], [false; 4], [false; 4]].concat());
    assert_eq!(convolved(&long), [true; 12]);
    let (found, expected) = (lines(&short, "log.jsonl"), lines(&long, "log.jsonl"));
    let training = |lines: Vec<Value>| -> Vec<Value> {
        lines
            .into_iter()
            .filter(|line| line["event"] == "step" || line["event"] == "epoch")
            .collect()
    };
    assert_eq!(training(found), training(expected));
    let tensors = |place: &Place| {
        Weights::read(&place.path("run/stages/target/last.safetensors"))
            .unwrap()
            .tensors
    };
    assert_eq!(tensors(&short), tensors(&long));
}

#[test]
fn the_validation_loss_is_that_of_the_whole_network() {
    let place = Place::head_only();
    place.run("run", &mut Silent).unwrap();
    // The table is written by a pass through the best network from films to logits.
    let record: Value =
        serde_json::from_slice(&std::fs::read(place.path("run/stages/target/stage.json")).unwrap()).unwrap();
    let table = pleura_eval::Predictions::read(&place.path("run/stages/target/validation.csv")).unwrap();
    let plan = pleura_train::Plan::new(&place.recipe(), None).unwrap();
    let stage = &plan.stages[1];
    let logits: Vec<f32> = table.logits.unwrap().iter().map(|&logit| logit as f32).collect();
    let loss = stage
        .loss
        .value(&logits, &stage.labels.targets(&stage.validation))
        .unwrap()
        .mean();
    assert_eq!(record["validation_loss"].as_f64().unwrap(), loss);
}
