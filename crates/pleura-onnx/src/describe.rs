//! The file's description for people, and its metadata for programs.

use std::collections::BTreeMap;

use pleura_core::NOTICE;
use pleura_nn::Weights;
use serde_json::json;

use crate::{Batch, Export, Probabilities};

pub(crate) const FILM: &str = "Grey levels in 0 to 1, black to white, prepared as the metadata's `preparation` says; \
    the graph normalises them itself.";
pub(crate) const LOGITS: &str = "The network's outputs, in the order of the metadata's `findings`.";
pub(crate) const PROBABILITIES: &str = "Softmax or sigmoid of the logits, as the metadata's `kind` says.";
pub(crate) const HEATMAPS: &str = "Relevance of each pixel to each of the metadata's `questions`: above 0 speaks for it, below 0 \
    against it; in units of the logit.";

/// Description for people.
pub(crate) fn document(weights: &Weights, export: &Export<'_>) -> String {
    let size = export.size;
    let mut text = format!(
        "{NOTICE}\n\n{} for frontal chest films, by pleura. Input `film`: grey levels in 0 to 1, [batch, 1, {size}, {size}]; \
         normalised within. Outputs `logits` and `probabilities`, [batch, {}]: {}.",
        weights.architecture.name(),
        weights.findings.len(),
        weights.findings.join(", ")
    );
    if let Some(heatmap) = &export.heatmap {
        let questions: Vec<&str> = heatmap
            .questions
            .iter()
            .map(|question| question.words.as_str())
            .collect();
        text += &format!(
            " Output `heatmaps`, [batch, {}, {size}, {size}]: layer-wise relevance propagation by {}, started at the logits, summed \
             over the network's three equal input channels: {}.",
            questions.len(),
            heatmap.composite,
            questions.join(", ")
        );
    }
    text
}

/// Metadata for programs; lists and objects are JSON.
pub(crate) fn metadata(weights: &Weights, export: &Export<'_>) -> Vec<(String, String)> {
    let mut facts: BTreeMap<String, String> = weights.metadata.clone();
    let mut say = |key: &str, value: String| {
        facts.insert(key.to_owned(), value);
    };
    say("notice", NOTICE.to_owned());
    say("pleura_version", env!("CARGO_PKG_VERSION").to_owned());
    say("architecture", json!(weights.architecture).to_string());
    say("weights_digest", weights.digest());
    say("findings", json!(weights.findings).to_string());
    say("normalisation", json!(weights.normalisation).to_string());
    say("size", export.size.to_string());
    let kind = match export.probabilities {
        Probabilities::Softmax => "exclusive",
        Probabilities::Sigmoid => "independent",
    };
    say("kind", kind.to_owned());
    let batch = match export.batch {
        Batch::Fixed(films) => films.to_string(),
        Batch::Dynamic => "dynamic".to_owned(),
    };
    say("batch", batch);
    if let Some(heatmap) = &export.heatmap {
        let questions: Vec<&str> = heatmap
            .questions
            .iter()
            .map(|question| question.words.as_str())
            .collect();
        say("composite", heatmap.composite.to_owned());
        say("rules", format!("{:?}", heatmap.rules));
        say("questions", json!(questions).to_string());
    }
    facts.extend(export.metadata.clone());
    facts.into_iter().collect()
}
