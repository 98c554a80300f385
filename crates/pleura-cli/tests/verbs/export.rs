//! A model given to other programs as an ONNX graph. What is in the graph, and whether it answers as we do,
//! `pleura-onnx` tests.

use std::fs;

use serde_json::json;

use crate::scene::{Said, Scene};

const FINDINGS: [&str; 3] = ["COVID-19", "pneumonia", "normal"];

fn scene() -> Scene {
    let scene = Scene::new();
    scene.model("w.safetensors", &FINDINGS, "exclusive");
    scene
}

fn export(scene: &Scene, options: &[&str]) -> Said {
    scene.run(&[&["export", "w.safetensors"], options].concat())
}

/// The text of a field of the file, wherever it stands.
fn holds(scene: &Scene, name: &str, text: &str) -> bool {
    let bytes = fs::read(scene.path(name)).unwrap();
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[test]
fn a_graph_with_heatmaps_says_what_it_is_and_is_the_same_again() {
    let scene = scene();
    let said = export(&scene, &["--onnx", "a.onnx", "--heatmap", "--json"]);
    assert_eq!((said.code, said.err.as_str()), (0, ""));
    let record = &said.json()["onnx"];
    assert_eq!(record["composite"], "epsilon-plus-flat");
    assert_eq!(
        (&record["questions"], &record["batch"]),
        (&json!(FINDINGS), &json!("dynamic"))
    );
    assert_eq!((&record["opset"], &record["size"]), (&json!(13), &json!(64)));
    let bytes = fs::read(scene.path("a.onnx")).unwrap();
    assert_eq!(record["bytes"], json!(bytes.len()));
    for text in [
        "Research use only. Not a medical device.",
        "epsilon-plus-flat",
        "\"COVID-19\",\"pneumonia\",\"normal\"",
        "heatmaps",
    ] {
        assert!(holds(&scene, "a.onnx", text), "{text}");
    }
    let preparation = record["model"]["preparation"].to_string();
    assert!(holds(&scene, "a.onnx", &preparation), "{preparation}");
    assert_eq!(
        export(&scene, &["--onnx", "b.onnx", "--heatmap", "--threads", "1"]).code,
        0
    );
    assert!(
        fs::read(scene.path("b.onnx")).unwrap() == bytes,
        "the same model gives other bytes"
    );

    let said = export(
        &scene,
        &["--onnx", "c.onnx", "--batch", "4", "--torch", "t.safetensors"],
    );
    assert_eq!((said.code, said.err.as_str()), (0, ""));
    assert!(
        said.out
            .contains("film [4, 1, 64, 64], grey in 0 to 1 -> logits, probabilities (exclusive)"),
        "{}",
        said.out
    );
    assert!(said.out.contains("torchvision.models.DenseNet("), "{}", said.out);
    assert!(!holds(&scene, "c.onnx", "heatmaps"));
}

#[test]
fn test_data_are_what_explain_answers() {
    let scene = scene();
    scene.film("a.png", 1);
    let asked = ["--heatmap", "lrp-0", "--finding", "normal", "--minus", "COVID-19"];
    let options = [
        "--onnx",
        "a.onnx",
        "--test-data",
        "data",
        "--film",
        "a.png",
        "--json",
    ];
    let said = export(&scene, &[&options[..], &asked].concat());
    assert_eq!((said.code, said.err.as_str()), (0, ""));
    assert_eq!(
        said.json()["onnx"]["questions"],
        json!(["normal rather than COVID-19"])
    );
    assert_eq!(said.json()["test_data"], json!({"folder": "data", "films": 1}));
    let explained = [
        "--composite",
        "lrp-0",
        "--finding",
        "normal",
        "--minus",
        "COVID-19",
    ];
    let explained = [
        &["explain", "a.png", "--model", "w.safetensors", "--raw", "raw.npy"],
        &explained[..],
    ]
    .concat();
    assert_eq!(scene.run(&explained).code, 0);
    let raw = fs::read(scene.path("raw.npy")).unwrap();
    let numbers = |bytes: &[u8]| -> Vec<f32> {
        bytes
            .as_chunks::<4>()
            .0
            .iter()
            .map(|&bytes| f32::from_le_bytes(bytes))
            .collect()
    };
    let raw = numbers(&raw[raw.len() - 4 * 3 * 64 * 64..]);
    let plane = 64 * 64;
    // The numbers are a tensor's last field.
    let maps = |folder: &str| {
        let bytes = fs::read(scene.path(folder).join("output_2.pb")).unwrap();
        numbers(&bytes[bytes.len() - 4 * plane..])
    };
    let engine = maps("data");
    let largest = engine
        .iter()
        .fold(0_f32, |largest, value| largest.max(value.abs()));
    assert!(largest > 0.0);
    for place in 0..plane {
        let sum: f32 = (0..3).map(|channel| raw[channel * plane + place]).sum();
        assert!((sum - engine[place]).abs() <= 1e-5 * largest, "{place}");
    }
    // Double precision gives nearly the same numbers, and not the same.
    let options = [
        "--onnx",
        "a.onnx",
        "--test-data",
        "exact",
        "--exact",
        "--film",
        "a.png",
    ];
    assert_eq!(export(&scene, &[&options[..], &asked].concat()).code, 0);
    let exact = maps("exact");
    assert_ne!(exact, engine);
    let far = exact
        .iter()
        .zip(&engine)
        .any(|(a, b)| (a - b).abs() > 1e-3 * largest);
    assert!(!far, "double precision gives another map");
}

#[test]
fn what_cannot_be_exported_is_said() {
    let scene = scene();
    scene.film("a.png", 1);
    scene.bare_model("bare.safetensors", &FINDINGS);
    let refused = |options: &[&str], words: &str| {
        let said = export(&scene, options);
        assert_eq!(said.code, 2, "{options:?}");
        assert!(said.err.contains(words), "{options:?}: {}", said.err);
    };
    refused(&[], "--torch");
    refused(
        &["--onnx", "a.onnx", "--batch", "0"],
        "expected a number from 1, or `dynamic`",
    );
    refused(
        &["--onnx", "a.onnx", "--heatmap", "epsilon"],
        "no composite is called \"epsilon\"",
    );
    let one = ["--onnx", "a.onnx", "--heatmap", "lrp-0", "--finding"];
    refused(
        &[&one[..], &["tuberculosis"]].concat(),
        "the model has no finding \"tuberculosis\"",
    );
    refused(
        &[&one[..], &["normal", "--minus", "normal"]].concat(),
        "their difference is zero",
    );
    refused(&["--onnx", "w.safetensors"], "is the file that is read");
    refused(
        &["--onnx", "same", "--torch", "same"],
        "--torch and --onnx are the same file",
    );
    let two = [
        "--onnx",
        "a.onnx",
        "--batch",
        "2",
        "--test-data",
        "d",
        "--film",
        "a.png",
    ];
    refused(&two, "the graph takes 2 films at once, and the test data have 1");
    let said = scene.run(&["export", "bare.safetensors", "--onnx", "a.onnx"]);
    assert_eq!(said.code, 2);
    assert!(said.err.contains("--kind exclusive|independent"), "{}", said.err);
    assert!(!scene.path("a.onnx").exists(), "what was refused has left a file");
}

#[test]
fn a_run_gives_its_best_weights() {
    let scene = scene();
    let stage = |name: &str| {
        format!(
            "[[stage]]\nname = \"{name}\"\nkind = \"exclusive\"\nmanifest = \"../m.csv\"\nfindings = [\"sick\", \"normal\"]\nepochs = 1\n"
        )
    };
    let recipe = format!(
        "architecture = \"small\"\n[preparation]\nsize = 64\n{}{}",
        stage("source"),
        stage("target")
    );
    scene.write("run/recipe.toml", &recipe);
    scene.model(
        "run/stages/source/best.safetensors",
        &["sick", "normal"],
        "exclusive",
    );
    let last = scene.model(
        "run/stages/target/best.safetensors",
        &["normal", "sick"],
        "exclusive",
    );
    for options in [&["--onnx", "a.onnx"][..], &["--torch", "t.safetensors"]] {
        let said = scene.run(&[&["export", "run", "--json"], options].concat());
        assert_eq!((said.code, said.err.as_str()), (0, ""));
        let record = said.json();
        let findings = if record["onnx"].is_object() {
            &record["onnx"]["model"]["findings"]
        } else {
            &record["findings"]
        };
        assert_eq!(findings, &json!(last.findings));
    }
    let said = scene.run(&["export", "run", "--stage", "source", "--onnx", "a.onnx"]);
    assert!(said.out.contains("sick, normal"), "{}{}", said.out, said.err);
}
