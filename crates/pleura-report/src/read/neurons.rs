//! `neurons.json` of a stage: where its output neurons came from.

use std::path::Path;

use serde::Deserialize;

use crate::error::Error;
use crate::files;
use crate::input::{Keeping, Neuron, Origin};

#[derive(Debug, Deserialize)]
struct File {
    neurons: Vec<Entry>,
    #[serde(default)]
    left_behind: Vec<String>,
    proof: Option<Proof>,
}

#[derive(Debug, Deserialize)]
struct Entry {
    finding: String,
    from: Option<String>,
    #[serde(default)]
    bias_kept: bool,
}

#[derive(Debug, Deserialize)]
struct Proof {
    films: usize,
    neurons: usize,
    equal: String,
}

/// Reads `neurons.json`; a stage without one says nothing about its neurons.
pub(super) fn read(path: &Path) -> Result<Keeping, Error> {
    let Some(file) = files::json_if_there::<File>(path)? else {
        return Ok(Keeping::default());
    };
    let neurons = file.neurons.into_iter().map(|entry| {
        let copied = match (&entry.from, entry.bias_kept) {
            (None, _) => "",
            (Some(_), true) => "weights and bias",
            (Some(_), false) => "weights",
        };
        let origin = match entry.from {
            None => Origin::Fresh,
            Some(from) if from == entry.finding => Origin::Kept,
            Some(from) => Origin::Mapped(from),
        };
        Neuron {
            finding: entry.finding,
            origin,
            copied: copied.to_owned(),
        }
    });
    let proof = file.proof.map(|proof| {
        let verb = if proof.neurons == 1 { "neuron was" } else { "neurons were" };
        format!(
            "Before the first step {} copied {verb} compared with the old head on {} films: {} equal bit for bit.",
            proof.neurons, proof.films, proof.equal
        )
    });
    Ok(Keeping {
        neurons: neurons.collect(),
        left_behind: file.left_behind,
        proof: proof.unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_follow_the_names() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("neurons.json");
        let text = r#"{"rule":"weight+bias","neurons":[
            {"finding":"COVID-19","origin":"fresh","weight_sha256":"00","bias":0.1,"bias_kept":false},
            {"finding":"normal","origin":"mapped","from":"No Finding","weight_sha256":"00","bias":0.1,"bias_kept":true},
            {"finding":"Pneumonia","origin":"kept","from":"Pneumonia","weight_sha256":"00","bias":0.1,"bias_kept":false}],
            "left_behind":["Mass"],"proof":{"films":8,"neurons":2,"equal":"logits"}}"#;
        std::fs::write(&path, text).unwrap();
        let keeping = read(&path).unwrap();
        let origins: Vec<&Origin> = keeping.neurons.iter().map(|n| &n.origin).collect();
        assert_eq!(
            origins,
            [
                &Origin::Fresh,
                &Origin::Mapped("No Finding".into()),
                &Origin::Kept
            ]
        );
        assert_eq!(keeping.neurons[2].copied, "weights");
        assert_eq!(
            (keeping.left_behind.len(), keeping.proof.contains("bit for bit")),
            (1, true)
        );
        std::fs::write(&path, "[]").unwrap();
        assert!(read(&path).unwrap_err().to_string().contains("neurons.json"));
    }
}
