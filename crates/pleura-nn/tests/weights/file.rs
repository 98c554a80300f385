//! Our format: written files are read back, and all others are refused.

use std::{collections::HashMap, fs};

use pleura_nn::{Weights, weights::Normalisation};
use safetensors::{SafeTensors, serialize};
use serde_json::Value;

use crate::tiny;

/// The file with a changed JSON header, or with changed tensors.
fn edited(
    change: impl FnOnce(&mut Value),
    tensors: impl FnOnce(&mut HashMap<String, (Vec<usize>, Vec<u8>)>),
) -> Vec<u8> {
    let bytes = tiny(3).to_bytes().unwrap();
    let (_, metadata) = SafeTensors::read_metadata(&bytes).unwrap();
    let mut header: Value = serde_json::from_str(&metadata.metadata().as_ref().unwrap()["pleura"]).unwrap();
    change(&mut header);
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let mut arrays = file
        .iter()
        .map(|(name, view)| (name.to_owned(), (view.shape().to_vec(), view.data().to_vec())))
        .collect();
    tensors(&mut arrays);
    let views = arrays.iter().map(|(name, (shape, data))| {
        (
            name,
            safetensors::tensor::TensorView::new(safetensors::Dtype::F32, shape.clone(), data).unwrap(),
        )
    });
    serialize(
        views,
        Some(HashMap::from([("pleura".to_owned(), header.to_string())])),
    )
    .unwrap()
}

#[test]
fn what_is_written_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("w.safetensors");
    let mut weights = tiny(3);
    weights.normalisation = Normalisation {
        mean: [0.1, 0.2, 0.3],
        std: [1.0, 0.7, 1e-3],
    };
    weights
        .metadata
        .insert("preparation".to_owned(), "{\"size\":33}".to_owned());
    weights.findings[1] = "COVID-19 – “ground glass”".to_owned();
    weights.write(&path).unwrap();
    assert_eq!(Weights::read(&path).unwrap(), weights);
    let first = fs::read(&path).unwrap();
    weights.write(&path).unwrap();
    assert_eq!(fs::read(&path).unwrap(), first, "equal weights make equal files");
    assert_eq!(
        fs::read_dir(folder.path()).unwrap().count(),
        1,
        "nothing temporary stays"
    );
}

#[test]
fn a_file_that_cannot_be_written_leaves_the_old_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("w.safetensors");
    tiny(3).write(&path).unwrap();
    let before = fs::read(&path).unwrap();
    let mut broken = tiny(3);
    broken.tensors.get_mut("classifier.bias").unwrap().data[1] = f32::NAN;
    let error = broken.write(&path).unwrap_err().to_string();
    assert!(
        error.contains("classifier.bias") && error.contains("NaN") && error.contains("position 1"),
        "{error}"
    );
    assert_eq!(fs::read(&path).unwrap(), before);
    let error = tiny(3)
        .write(&path.join("below.safetensors"))
        .unwrap_err()
        .to_string();
    assert!(error.contains("w.safetensors: "), "{error}");
}

#[test]
fn what_is_wrong_is_named() {
    let refused = |bytes: &[u8], said: &[&str]| {
        let error = Weights::from_bytes(bytes, "w.safetensors")
            .unwrap_err()
            .to_string();
        for part in said {
            assert!(error.contains(part), "expected {part:?} in: {error}");
        }
    };
    assert!(Weights::from_bytes(&edited(|_| {}, |_| {}), "w").is_ok());
    refused(
        &edited(|_| {}, |t| drop(t.remove("features.norm0.bias"))),
        &["missing features.norm0.bias"],
    );
    refused(
        &edited(|_| {}, |t| drop(t.insert("extra".into(), (vec![1], vec![0; 4])))),
        &["unexpected tensors: extra"],
    );
    refused(
        &edited(|_| {}, |t| t.get_mut("classifier.bias").unwrap().0 = vec![3, 1]),
        &["classifier.bias has shape [3, 1]", "expected [3]"],
    );
    let variance = "features.norm5.running_var";
    refused(
        &edited(|_| {}, |t| t.get_mut(variance).unwrap().1[3] = 0x80 | 0x3f),
        &[variance, "variance -"],
    );
    refused(
        &edited(|_| {}, |t| t.get_mut("classifier.bias").unwrap().1[0] ^= 1),
        &["w.safetensors", "digest"],
    );
    refused(
        &edited(|h| h["version"] = 2.into(), |_| {}),
        &["version 2", "reads version 1"],
    );
    refused(
        &edited(|h| h["architecture"]["growth"] = 0.into(), |_| {}),
        &["growth is 0"],
    );
    refused(
        &edited(|h| h["findings"] = vec!["a", "b"].into(), |_| {}),
        &["classifier.weight", "expected [2, "],
    );
    refused(
        &edited(|h| h["findings"] = vec!["a", "b", "a"].into(), |_| {}),
        &["\"a\" appears twice"],
    );
    refused(
        &edited(|h| h["normalisation"]["std"][0] = 0.into(), |_| {}),
        &["normalisation"],
    );
    refused(&edited(|h| h["surprise"] = 0.into(), |_| {}), &["surprise"]);
    refused(b"PK\x03\x04", &["not a safetensors file", "pleura import"]);
    let whole = tiny(3).to_bytes().unwrap();
    for length in (0..whole.len()).step_by(131) {
        assert!(Weights::from_bytes(&whole[..length], "w").is_err());
    }
}

#[test]
fn a_head_is_taken_off_and_put_on() {
    let mut weights = tiny(3);
    let mut head = weights.head().unwrap();
    let (row, bias) = head.neuron("finding 1").unwrap();
    let features = weights.architecture.features();
    assert_eq!(
        row,
        &weights.tensors["classifier.weight"].data[features..2 * features]
    );
    assert_eq!(bias, weights.tensors["classifier.bias"].data[1]);
    assert!(head.neuron("finding 9").is_none());
    *head.neuron_mut("finding 1").unwrap().1 = 4.5;
    weights.set_head(head.clone()).unwrap();
    assert_eq!(weights.tensors["classifier.bias"].data[1], 4.5);
    head.bias.data.pop();
    assert!(weights.set_head(head).unwrap_err().to_string().contains("[3]"));
}
