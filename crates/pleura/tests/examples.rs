//! The examples do what they say. `cargo test -p pleura` builds them.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::path::{Path, PathBuf};
use std::process::Command;

const OLD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../pleura-cli/tests/fixtures/old");

fn film() -> PathBuf {
    Path::new(OLD).join("films/films/phantom-target-5-00001-1.png")
}

fn package() -> PathBuf {
    Path::new(OLD).join("old.pleura")
}

/// Runs an example and returns its standard output.
fn run(name: &str, arguments: &[&Path]) -> String {
    let test = std::env::current_exe().unwrap();
    let target = test.parent().and_then(Path::parent).unwrap();
    let example = target.join("examples").join(name);
    let example = example.with_extension(std::env::consts::EXE_EXTENSION);
    assert!(
        example.exists(),
        "{}: run `cargo test -p pleura`",
        example.display()
    );
    let done = Command::new(example).args(arguments).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(done.status.success(), "{name}: {}", text(&done.stderr));
    text(&done.stdout)
}

#[test]
fn predict_prints_outcome_and_probabilities_and_is_short() {
    let out = run("predict", &[&package(), &film()]);
    let mut lines = out.lines();
    assert_eq!(lines.next(), Some("answered"), "{out}");
    let probabilities: Vec<f64> = lines
        .map(|line| line.split(' ').next().unwrap().parse().unwrap())
        .collect();
    assert!((probabilities.iter().sum::<f64>() - 1.0).abs() < 0.01, "{out}");
    let source = include_str!("../examples/predict.rs");
    assert!(source.lines().count() <= 12);
}

#[test]
fn explain_draws_a_picture_whose_account_closes() {
    let folder = tempfile::tempdir().unwrap();
    let picture = folder.path().join("map.png");
    let out = run("explain", &[&package(), &film(), Path::new("normal"), &picture]);
    assert!(out.starts_with("logit ") && picture.exists(), "{out}");
}

#[test]
fn train_makes_a_run_that_answers() {
    let folder = tempfile::tempdir().unwrap();
    let out = run("train", &[folder.path()]);
    assert!(
        out.contains("best.safetensors (small, 3 outputs, exclusive"),
        "{out}"
    );
    assert_eq!(out.lines().count(), 4, "{out}");
}
