//! Training and studies: their form, for their figures differ between instruction sets.

use crate::scene::Scene;
use crate::session::{Figures, Session};

const ARCHITECTURE: &str = r#"{ name = "tiny", stem = { channels = 4, convolution = { kernel = 3, stride = 2, padding = 1 } }, growth = 4, bottleneck = 2, blocks = [1, 1] }"#;

const STAGES: &str = r#"
[[STAGE]]
name = "intermediate"
kind = "independent"
manifest = "intermediate/manifest.csv"
epochs = 1
batch = 8

[[STAGE]]
name = "target"
kind = "exclusive"
manifest = "target/manifest.csv"
keep = { map = { normal = "No Finding", pneumonia = "Pneumonia" } }
epochs = 1
batch = 8
"#;

/// Two sets of phantoms.
fn scene() -> Scene {
    let scene = Scene::new();
    for (set, films, seed) in [("intermediate", "24", "1"), ("target", "30", "2")] {
        for line in [
            &[
                "data", "phantoms", "--set", set, "--films", films, "--size", "32", "--seed", seed, "--out",
                set,
            ][..],
            &[
                "data",
                "split",
                &format!("{set}/manifest.csv"),
                "--seed",
                "1",
                "--fractions",
                "0.4,0.3,0.3",
            ],
        ] {
            let said = scene.run(line);
            assert_eq!(said.code, 0, "{}", said.err);
        }
    }
    scene
}

#[test]
fn train() {
    let scene = scene();
    let stages = STAGES.replace("STAGE", "stage");
    scene.write(
        "recipe.toml",
        &format!("seed = 1\narchitecture = {ARCHITECTURE}\npreparation = {{ size = 32 }}\nevaluation = {{ bootstrap = 100 }}\n{stages}"),
    );
    Session::new(&scene, Figures::Hidden)
        .run("train recipe.toml --out run")
        .run("train recipe.toml --out json --json")
        .run("train recipe.toml --out run")
        .run("train recipe.toml --out run --resume")
        .run("train recipe.toml --out run --resume --seed 2")
        .freeze("train");
}

#[test]
fn study() {
    let scene = scene();
    let stages = STAGES.replace("STAGE", "recipe.stage");
    scene.write(
        "study.toml",
        &format!(
            "name = \"Keeping\"\nseeds = [1, 2, 3]\nepochs = [1]\nbaseline = \"fresh\"\n[[variant]]\nname = \"kept\"\n[[variant]]\nname = \"fresh\"\n\
             set.stage.target.keep.rule = \"none\"\n[recipe]\narchitecture = {ARCHITECTURE}\npreparation = {{ size = 32 }}\nevaluation = {{ bootstrap = 100 }}\n{stages}"
        ),
    );
    Session::new(&scene, Figures::Hidden)
        .run("study study.toml --plan")
        .run("study study.toml --plan --json")
        .run("study study.toml --out study -q")
        .run("study study.toml --out study --partial --json")
        .freeze("study");
}
