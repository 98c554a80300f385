use std::path::PathBuf;

use super::*;
use crate::recipe::{KeepRule, OptimiserRecipe, Start};

const STUDY: &str = r#"
seeds = [1, 2, 3]
epochs = [1, 2]

[recipe]
architecture = "small"

[[recipe.stage]]
name = "nih"
kind = "independent"
manifest = "nih.csv"
epochs = 4
patience = 2

[[recipe.stage]]
name = "target"
kind = "exclusive"
manifest = "covid.csv"
findings = ["COVID-19", "pneumonia", "normal"]
keep = { map = { normal = "No Finding" } }
optimiser = { kind = "sgd", momentum = 0.9 }
epochs = 3

[[variant]]
name = "kept"

[[variant]]
name = "fresh"
set.stage.target.keep.rule = "none"

[[variant]]
name = "once"
stages = ["target"]
set.stage.target = { start = "weights/w.safetensors", keep.rule = "none", optimiser = { kind = "adamw" } }
"#;

/// The study with some of its text in place of another, in a folder of its own.
fn read(changes: &[(&str, &str)]) -> (tempfile::TempDir, Result<Study, Error>) {
    let text = changes.iter().fold(STUDY.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "{from}");
        text.replacen(from, to, 1)
    });
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.toml");
    std::fs::write(&path, text).unwrap();
    let study = Study::read(&path);
    (folder, study)
}

#[test]
fn settings_are_laid_over_the_recipe() {
    let (folder, study) = read(&[
        ("[recipe]", "set.stage.nih.seed = 5\n[recipe]"),
        ("epochs = 3", "epochs = 3\npatience = 1"),
        (
            "name = \"fresh\"",
            "name = \"fresh\"\nunset = [\"stage.target.patience\"]",
        ),
    ]);
    let study = study.unwrap();
    assert_eq!(
        (study.name.as_str(), study.baseline, study.test_epochs),
        ("s", 0, false)
    );
    let stages = |variant: usize| &study.recipe(variant).stages;
    assert_eq!(stages(0)[1].keep.rule, KeepRule::WeightAndBias);
    assert_eq!(stages(0)[1].patience, Some(1));
    assert_eq!(
        stages(0)[0].seed,
        Some(5),
        "settings of all reach every variant that has the stage"
    );
    // A table is merged: the map stays.
    assert_eq!(stages(1)[1].keep.rule, KeepRule::Nothing);
    assert_eq!(stages(1)[1].keep.map["normal"], "No Finding");
    assert_eq!(stages(1)[1].patience, None);
    // One that says its kind is another thing altogether.
    assert!(matches!(stages(2)[0].optimiser, OptimiserRecipe::AdamW { .. }));
    assert_eq!(stages(2).len(), 1);
    let here = |name: &str| std::path::absolute(folder.path().join(name)).unwrap();
    assert_eq!(
        stages(2)[0].start,
        Some(Start::File(here("weights/w.safetensors")))
    );
    assert_eq!(stages(0)[0].manifest, here("nih.csv"));
    for variant in 0..3 {
        assert_eq!(stages(variant).last().unwrap().answers.after, [1, 2]);
    }
}

#[test]
fn a_recipe_file_keeps_its_own_folder() {
    let folder = tempfile::tempdir().unwrap();
    let recipe = "architecture = \"small\"\n[[stage]]\nname = \"t\"\nkind = \"exclusive\"\nmanifest = \"m.csv\"\nepochs = 5\n";
    std::fs::create_dir(folder.path().join("recipes")).unwrap();
    std::fs::write(folder.path().join("recipes/a.toml"), recipe).unwrap();
    let study = "recipe = \"recipes/a.toml\"\nseeds = [1]\n[[variant]]\nname = \"a\"\n[[variant]]\nname = \"b\"\nset.stage.t.manifest = \"m.csv\"\n";
    let path = folder.path().join("s.toml");
    std::fs::write(&path, study).unwrap();
    let study = Study::read(&path).unwrap();
    let manifests: Vec<PathBuf> = study
        .variants
        .iter()
        .map(|variant| Study::stage(variant).manifest.clone())
        .collect();
    assert_eq!(
        manifests,
        [folder.path().join("recipes/m.csv"), folder.path().join("m.csv")]
    );
    // A mistake in a recipe is told with the recipe's line.
    std::fs::write(
        folder.path().join("recipes/a.toml"),
        recipe.replace("epochs", "epoch"),
    )
    .unwrap();
    let error = Study::read(&path).unwrap_err().to_string();
    assert!(error.contains("a.toml:6"), "{error}");
}

#[test]
fn messages_name_the_file_and_the_key() {
    for (from, to, says) in [
        ("seeds = [1, 2, 3]", "seeds = []", "s.toml: seeds: found []"),
        ("seeds = [1, 2, 3]", "seeds = [1, 1]", "none twice"),
        ("seeds = [1, 2, 3]", "seed = 1", "unknown field `seed`"),
        ("epochs = [1, 2]", "epochs = [2, 1]", "rising numbers"),
        (
            "epochs = [1, 2]",
            "epochs = [1, 5]",
            "variant kept: stage.target: trains 3 epochs",
        ),
        (
            "epochs = [1, 2]",
            "validation = 0.2",
            "validation: says how folds are trained",
        ),
        ("epochs = [1, 2]", "folds = 1", "folds: found 1"),
        (
            "epochs = [1, 2]",
            "epochs = [1]\nbaseline = \"none\"",
            "one of the variants [\"kept\", \"fresh\", \"once\"]",
        ),
        ("epochs = [1, 2]", "primary = \"AUC\"", "\"macro AUC\""),
        (
            "epochs = [1, 2]",
            "set.stage.target.seed = 3",
            "has a seed of its own",
        ),
        (
            "epochs = [1, 2]",
            "epochs = [1]\nset.stage.nhi.seed = 3",
            "set.stage.nhi: no variant has a stage of this name",
        ),
        (
            "name = \"fresh\"",
            "name = \"Kept\"",
            "two variants are called \"Kept\"",
        ),
        ("name = \"fresh\"", "name = \"a/b\"", "names folders"),
        (
            "name = \"fresh\"",
            "name = \"fresh\"\nunset = [\"stage.nih.seed\"]",
            "unset names \"stage.nih.seed\"",
        ),
        (
            "target.keep.rule",
            "targt.keep.rule",
            "variant fresh: the recipe has no stage \"targt\"",
        ),
        ("keep.rule = \"none\"", "keep.rul = \"none\"", "variant fresh"),
        (
            "keep.rule = \"none\"",
            "epochs = 0",
            "variant fresh: stage.target: trains 0 epochs",
        ),
        ("keep.rule = \"none\"", "batch = 0", "expected 1 to"),
        (
            "stages = [\"target\"]",
            "stages = [\"a\"]",
            "variant once: the recipe has no stage \"a\"",
        ),
        ("start = \"weights/w.safetensors\", ", "", ""),
    ] {
        let (_folder, study) = read(&[(from, to)]);
        if says.is_empty() {
            study.unwrap();
            continue;
        }
        let message = study.unwrap_err().to_string();
        assert!(
            message.contains("s.toml") && message.contains(says),
            "{to}: {message}"
        );
    }
}
