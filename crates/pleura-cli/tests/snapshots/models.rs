//! Verbs that need a model, and fresh weights do: nothing is trained here.

use crate::scene::Scene;
use crate::session::{Figures, Session};

const ROUNDED: Figures = Figures::Rounded;

/// Figures of statistics on a table of answers.
const EXACT: Figures = Figures::Exact;

const FINDINGS: [&str; 3] = ["COVID-19", "pneumonia", "normal"];

/// A model, and a manifest of 24 films: six of training, eight of validation, ten of test.
fn scene() -> Scene {
    use pleura_manifest::Split;
    let scene = Scene::new();
    scene.model("m.safetensors", &FINDINGS, "exclusive");
    scene.manifest("m.csv", &FINDINGS, 24, |film| {
        Some(match film {
            0..6 => Split::Train,
            6..14 => Split::Validation,
            _ => Split::Test,
        })
    });
    scene
}

#[test]
fn predict() {
    let scene = Scene::new();
    scene.model("m.safetensors", &FINDINGS, "exclusive");
    scene.model("independent.safetensors", &["Mass", "Edema"], "independent");
    scene.bare_model("bare.safetensors", &FINDINGS);
    scene.film("a.png", 1);
    scene.film("b.png", 2);
    let whole = std::fs::read(scene.path("a.png")).unwrap();
    scene.bytes("half.png", &whole[..whole.len() / 2]);
    scene.write("notes.txt", "not a film");
    pleura_draw::picture::Picture::new(80, 70, [200, 40, 40])
        .save(&scene.path("red.png"))
        .unwrap();
    Session::new(&scene, ROUNDED)
        .run("predict --model m.safetensors a.png b.png red.png")
        .run("predict --model m.safetensors a.png red.png --json")
        .run("predict --model independent.safetensors a.png")
        .run("predict --model m.safetensors half.png notes.txt missing.png a.png")
        .run("predict --model m.safetensors half.png notes.txt missing.png --json")
        .run("predict --model bare.safetensors --kind exclusive --size 64 --fit pad a.png")
        .freeze("predict");
}

#[test]
fn explain() {
    let scene = scene();
    Session::new(&scene, ROUNDED)
        .run("explain --model m.safetensors films/20.png --out maps")
        .run("explain --model m.safetensors films/20.png --out maps --json")
        .run("explain --model m.safetensors films/20.png --out maps --finding normal --minus COVID-19 --composite lrp-0 --json")
        .run("explain --model m.safetensors --manifest m.csv --split val --finding normal --mean --no-pictures --out means")
        .run("explain --model m.safetensors films/20.png --method gradient-x-input,occlusion --finding answer --no-pictures --out others")
        .freeze("explain");
}

#[test]
fn evaluate() {
    let scene = scene();
    Session::new(&scene, ROUNDED)
        .run("evaluate m.safetensors --manifest m.csv --bootstrap 100 --predictions a.csv")
        .run("evaluate m.safetensors --manifest m.csv --bootstrap 100 --json")
        .run("evaluate m.safetensors --manifest m.csv --split val --bootstrap 0 --prevalence COVID-19=0.02")
        .freeze("evaluate-weights");
    let looks = std::fs::read_to_string(scene.path("m.looks.jsonl")).unwrap();
    assert_eq!(looks.lines().count(), 2, "{looks}");
}

/// A table of answers to 40 films of 20 patients, whoever gave them.
fn answers(scene: &Scene, name: &str, seed: u32) {
    let mut table = "film,patient,dataset,truth".to_owned();
    for finding in FINDINGS {
        table += &format!(",probability:{finding}");
    }
    table.push('\n');
    let mut state = seed;
    let mut draw = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f64::from(state >> 16) / 65536.0
    };
    for film in 0..40_usize {
        table += &format!("film-{film},patient-{},made up,{}", film / 2, FINDINGS[film % 3]);
        let mut scores = [draw(), draw(), draw()];
        scores[film % 3] += 0.4;
        let sum: f64 = scores.iter().sum();
        for score in scores {
            table += &format!(",{}", score / sum);
        }
        table.push('\n');
    }
    scene.write(name, &table);
}

#[test]
fn answers_of_any_program() {
    let scene = Scene::new();
    answers(&scene, "a.csv", 1);
    answers(&scene, "b.csv", 2);
    answers(&scene, "c.csv", 3);
    Session::new(&scene, EXACT)
        .run("evaluate a.csv --bootstrap 100")
        .run("evaluate a.csv --bootstrap 100 --stratify class --json")
        .run("evaluate a.csv --compare b.csv --bootstrap 100")
        .run("evaluate a.csv --compare b.csv --bootstrap 100 --json")
        .run("evaluate a.csv --external there=c.csv --prevalence COVID-19=0.02 --bootstrap 0")
        .freeze("evaluate-answers");
}

#[test]
fn calibrate() {
    let scene = scene();
    Session::new(&scene, ROUNDED)
        .run("calibrate m.safetensors --manifest m.csv --sensitivity 0.8 --bootstrap 100")
        .file("m.calibration.json")
        .run("calibrate m.safetensors --manifest m.csv --specificity normal=0.9 --cost COVID-19=3 --bootstrap 0 --json")
        .run("predict --model m.safetensors films/20.png")
        .run("predict --model m.safetensors films/20.png --json")
        .run("evaluate m.safetensors --manifest m.csv --bootstrap 0")
        .freeze("calibrate");
}

#[test]
fn weights() {
    let scene = Scene::new();
    scene.model("m.safetensors", &FINDINGS, "exclusive");
    Session::new(&scene, ROUNDED)
        .run("weights show m.safetensors")
        .run("weights show m.safetensors --json")
        .run("export m.safetensors --torch torch.safetensors")
        .run("export m.safetensors --torch torch.safetensors --json")
        .run("import torch.safetensors --arch small --findings COVID-19,pneumonia,normal --kind exclusive --size 64 --fit stretch --normalisation none --out again.safetensors")
        .run("import torch.safetensors --arch small --findings COVID-19,pneumonia,normal --out bare.safetensors --json")
        .run("export m.safetensors --onnx m.onnx --heatmap")
        .run("export m.safetensors --onnx m.onnx --heatmap lrp-0 --finding normal --minus COVID-19 --batch 2 --json")
        .freeze("weights-export-import");
}

#[test]
fn audits() {
    let scene = scene();
    Session::new(&scene, ROUNDED)
        .run("audit m.csv -q")
        .run("audit m.csv -q --json")
        .run("audit text films/0.png films/1.png -q")
        .run("audit text --manifest m.csv --model m.safetensors -q")
        .freeze("audit-films");
}
